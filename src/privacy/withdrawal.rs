//! Carrying out what buyers have said: everything of theirs goes, whoever dies meanwhile.
//!
//! That somebody withdraws is committed with the turn that says so, and stands in the store until nothing of them is left. The
//! order: files beside the store first, since only the tables still know whom to look for; then the tables with all that
//! people are told, in one commit; then what the engine has left of it in its file. Each may be done again.

use std::time::Duration;

use tracing::info;
use url::Url;

use crate::{
    backup::{self, BackupError},
    clock::{Clock, Millis, date},
    crm::amocrm::withdrawal_note,
    delivery::OneByOne,
    fault::point,
    lead::LeadNumber,
    notice::{AdminNotice, Notice, Recipients, WithdrawnLead, Worded},
    store::{
        Forgetting, LeadState, NewMessage, OpenWithdrawal, Person, PersonLead, StoreError, Withdrawal, Withdrawals,
    },
    wording::{Lang, deleted_text},
};

use super::Privacy;

/// Pause where a request of the person is being sent, and after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Carries withdrawals out.
#[derive(Debug)]
pub struct Withdrawing {
    privacy: Privacy,
    withdrawals: Withdrawals,
    /// amoCRM's address.
    crm_url: Option<Url>,
    recipients: Recipients,
}

impl OneByOne for Withdrawing {
    type Error = BackupError;

    const WAITS: &'static str = "a withdrawal waits";
    const PAUSE: Duration = TRY_AGAIN;

    fn clock(&self) -> Clock {
        self.withdrawals.clock()
    }

    /// Carries out one; `false` where nothing is due.
    async fn step(&mut self) -> Result<bool, BackupError> {
        match self.withdrawals.due().await? {
            None => return Ok(false),
            Some(OpenWithdrawal::Wipe(asked)) => self.wipe(&asked).await?,
            Some(OpenWithdrawal::Scrub { id }) => {
                self.privacy.write_list().await?;
                self.privacy.import_the_file().await?;
                if self.privacy.data.scrub().await? {
                    self.withdrawals.done(&id).await?;
                } else {
                    self.later(&id).await?;
                }
            }
        }
        Ok(true)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        self.withdrawals.next_due().await
    }

    async fn changed(&self) {
        self.withdrawals.changed().await;
    }
}

impl Withdrawing {
    /// Tells these of it; `crm_url` is amoCRM's address, where what it holds is linked to.
    pub fn new(privacy: Privacy, withdrawals: Withdrawals, crm_url: Option<Url>, recipients: Recipients) -> Self {
        Self { withdrawals, privacy, crm_url, recipients }
    }

    async fn later(&self, id: &str) -> Result<(), BackupError> {
        let clock = self.withdrawals.clock();
        Ok(self.withdrawals.later(id, clock.now() + clock.millis(TRY_AGAIN)).await?)
    }

    async fn wipe(&self, asked: &Withdrawal) -> Result<(), BackupError> {
        // What lies in the file alone is of the person, too.
        self.privacy.import_the_file().await?;
        let person = self.privacy.data.of_withdrawal(asked).await?;
        let unreadable = backup::forget_in_copies(&self.privacy.folder, &person, self.privacy.region)?;
        point("withdrawal.files_wiped");
        let at = date(asked.asked_at);
        let note = |lead: &PersonLead| match LeadNumber::parse(&lead.number) {
            Some(number) => withdrawal_note(&number, at),
            None => String::new(),
        };
        let lang = Lang::spoken(&asked.lang).unwrap_or_default();
        let messages = |person: &Person| {
            let due_at = self.withdrawals.clock().now();
            let numbers = |which: fn(&PersonLead) -> bool| {
                let leads = person.leads.iter().filter(|lead| which(lead));
                leads.map(|lead| format!("#{}", lead.number)).collect::<Vec<_>>()
            };
            let at_the_dealer = numbers(|lead| lead.crm_lead_id.is_some() || lead.uncertain);
            let text = deleted_text(&at_the_dealer, &numbers(is_given_up), lang);
            let notice = Notice::Worded(Worded { text, buttons: Vec::new(), topic: None });
            let buyer = NewMessage { chat: asked.chat, notice, due_at };
            let admin = (!person.leads.is_empty() || !unreadable.is_empty())
                .then(|| self.admin_notice(person, unreadable.clone()))
                .and_then(|notice| NewMessage::to_dealer(&self.recipients, notice, due_at));
            [buyer].into_iter().chain(admin).collect()
        };
        match self.privacy.data.withdraw(asked, note, messages).await? {
            Forgetting::Done(person) => {
                info!(leads = person.leads.len(), "a buyer has withdrawn their consent and is forgotten");
                point("withdrawal.wiped");
            }
            Forgetting::Busy(number) => {
                info!(lead = number, "a withdrawal waits for a request that is being sent");
                self.later(&asked.id).await?;
            }
            Forgetting::Undecided(_) | Forgetting::Unknown => {}
        }
        Ok(())
    }

    fn admin_notice(&self, person: &Person, unreadable: Vec<String>) -> AdminNotice {
        let lead = |lead: &PersonLead| WithdrawnLead {
            number: lead.number.clone(),
            url: lead.crm_lead_id.and_then(|id| {
                let url = self.crm_url.as_ref()?.join(&format!("leads/detail/{id}")).ok()?;
                Some(url.to_string())
            }),
        };
        let some = |which: fn(&PersonLead) -> bool| person.leads.iter().filter(|lead| which(lead)).map(lead).collect();
        AdminNotice::ConsentWithdrawn {
            in_crm: some(|lead| lead.crm_lead_id.is_some()),
            may_be_in_crm: some(|lead| lead.crm_lead_id.is_none() && lead.uncertain),
            given_up: some(is_given_up),
            unreadable,
        }
    }
}

/// amoCRM does not have it, and will not get it.
fn is_given_up(lead: &PersonLead) -> bool {
    lead.crm_lead_id.is_none() && !lead.uncertain && matches!(lead.state, LeadState::Waiting | LeadState::Rejected)
}
