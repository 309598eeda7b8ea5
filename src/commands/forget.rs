use std::process::ExitCode;

use url::Url;

use crate::{
    config::StoreSettings,
    lead::Region,
    privacy::{Meant, Privacy},
    store::{Forgetting, LeadState, Person, PersonLead},
};

use super::{CommandError, look, opened, output::outln};

/// Wipes everything personal of one person; without `yes` only says what that would be.
///
/// `crm_url` is amoCRM's address, if it is known: what amoCRM holds of the person is linked to.
pub async fn run(
    settings: &StoreSettings,
    region: Region,
    crm_url: Option<&Url>,
    who: &str,
    also_waiting: bool,
    yes: bool,
) -> Result<ExitCode, CommandError> {
    let store = opened::existing(settings).await?;
    store.tell_if_there_is_none(settings);
    if !store.exists() {
        return Ok(ExitCode::FAILURE);
    }
    let privacy = Privacy::new(&store, &settings.data_dir, region);
    let code = match privacy.find(who).await? {
        Meant::NotUnderstood => Err(CommandError::Failed(
            "that is neither a Telegram id nor a phone number. Give an id such as 123456789, or a phone such as +79991234567"
                .into(),
        )),
        Meant::Ambiguous => Err(CommandError::Failed(
            "that is the Telegram id of one person and the phone of another. Write user:… for the id, or + and the country code for the phone"
                .into(),
        )),
        Meant::Nobody => {
            outln!("The bot holds nothing of such a person.");
            Ok(ExitCode::SUCCESS)
        }
        Meant::One(_, person) if !yes => {
            show(&person);
            outln!("Nothing is wiped yet. To do it, give --yes{}.", if undecided(&person) { " and --also-waiting" } else { "" });
            Ok(ExitCode::FAILURE)
        }
        Meant::One(whom, _) => match look::busy("Wiping, and rewriting the store", privacy.forget(&whom, also_waiting)).await? {
            done if matches!(done.forgetting, Forgetting::Done(_)) => {
                if let Forgetting::Done(person) = &done.forgetting {
                    tell_done(crm_url, person);
                }
                for name in &done.unreadable {
                    outln!("{name} cannot be read and seems to name this person: look at it yourself. It is deleted when it is 30 days old.");
                }
                if !done.scrubbed {
                    outln!("The file of the store is in use all the time, so traces may be left in it: run the command once more, best while the bot is stopped.");
                }
                Ok(ExitCode::SUCCESS)
            }
            done => match done.forgetting {
                Forgetting::Undecided(person) => {
                    show(&person);
                    Err(CommandError::Failed(
                        "nothing was wiped: some requests are not in amoCRM yet. Wait until they are delivered, or give --also-waiting to give them up"
                            .into(),
                    ))
                }
                Forgetting::Busy(number) => Err(CommandError::Failed(format!(
                    "nothing was wiped: lead #{number} is being sent right now; try again in a minute"
                ))),
                Forgetting::Done(_) | Forgetting::Unknown => Ok(ExitCode::SUCCESS),
            },
        },
    };
    store.close().await;
    code
}

fn undecided(person: &Person) -> bool {
    person.undelivered().next().is_some()
}

fn show(person: &Person) {
    outln!("Telegram accounts: {}", person.users.len());
    outln!("Dialogues: {}, messages set aside: {}", person.dialogues, person.dead_letters);
    if person.consents > 0 {
        outln!("Proofs of consent: {} (kept with a hash in place of the person)", person.consents);
    }
    outln!("Requests: {}", person.leads.len());
    for lead in &person.leads {
        let note = match lead.state {
            LeadState::Delivered => "in amoCRM",
            LeadState::Discarded => "given up before",
            LeadState::Waiting | LeadState::Rejected if lead.uncertain => "NOT DELIVERED, but amoCRM may have it",
            LeadState::Waiting | LeadState::Rejected => "NOT DELIVERED",
        };
        outln!("  #{}  {}  {note}", lead.number, lead.state.as_str());
    }
}

fn tell_done(crm_url: Option<&Url>, person: &Person) {
    outln!("Forgotten. Requests whose number, time and amoCRM id are kept: {}", person.leads.len());
    let in_crm: Vec<&PersonLead> = person.leads.iter().filter(|lead| lead.crm_lead_id.is_some()).collect();
    if !in_crm.is_empty() {
        outln!("amoCRM still holds them and their contacts; only you can delete them there:");
        for lead in in_crm {
            let id = lead.crm_lead_id.unwrap_or_default();
            match crm_url.and_then(|base| base.join(&format!("leads/detail/{id}")).ok()) {
                Some(url) => outln!("  #{}  {url}", lead.number),
                None => outln!("  #{}  lead {id}", lead.number),
            }
        }
    }
    for lead in person.leads.iter().filter(|lead| lead.uncertain && lead.crm_lead_id.is_none()) {
        outln!("Look for #{} in amoCRM by its number: it may have arrived there.", lead.number);
    }
    outln!(
        "Copies that you have made (backup-store, exports, amoCRM's messages in chats) are yours to delete; one that is put back forgets this person by itself."
    );
}
