//! `leads consent`: what proves that a buyer has consented.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    clock::date,
    lead::{ChatRef, Lead, Origin},
    store::{Consent, LeadRow, Store},
};

use super::{
    super::{
        CommandError,
        output::{self, out, outln},
    },
    found::{find, plain},
};

/// As `--json` prints it; names are for programs and stay.
#[derive(Debug, Serialize)]
struct Proof<'a> {
    number: &'a str,
    version: &'a str,
    /// UTC.
    given_at: Option<DateTime<Utc>>,
    /// UTC; withdrawn, or the person forgotten.
    ended_at: Option<DateTime<Utc>>,
    document: &'a str,
    document_sha256: Option<&'a str>,
    /// UTC.
    document_read_at: Option<DateTime<Utc>>,
    policy: Option<&'a str>,
    shown_text: &'a str,
    shown_button: &'a str,
    /// `[label]`, or `[label](address)`.
    shown_buttons: &'a [String],
    language: &'a str,
    bot: &'a str,
    #[serde(rename = "chat_id")]
    chat: Option<ChatRef>,
    user_id: Option<i64>,
    /// SHA-256 of `person:telegram:USER_ID`.
    person_sha256: &'a str,
    question_message_id: Option<i64>,
    press_callback_id: Option<&'a str>,
    press_update_id: Option<i64>,
    proof: &'a str,
}

impl<'a> Proof<'a> {
    fn of(lead: &'a Lead, consent: &'a Consent) -> Self {
        Self {
            number: lead.number.as_str(),
            version: &consent.version,
            given_at: consent.given_at.map(date),
            ended_at: consent.ended_at.map(date),
            document: &consent.document,
            document_sha256: consent.sha256.as_deref(),
            document_read_at: consent.read_at.map(date),
            policy: consent.policy.as_deref(),
            shown_text: &consent.text,
            shown_button: &consent.button,
            shown_buttons: &consent.buttons,
            language: &consent.lang,
            bot: &consent.bot,
            chat: consent.chat,
            user_id: consent.user_id,
            person_sha256: consent.person.strip_prefix("person:").unwrap_or(&consent.person),
            question_message_id: consent.question_id,
            press_callback_id: consent.press_id.as_deref(),
            press_update_id: consent.update_id,
            proof: &consent.id,
        }
    }
}

/// Prints the proof of one lead.
pub(super) async fn run(store: &Store, number: &str, json: bool) -> Result<ExitCode, CommandError> {
    if let Some(lead) = store.leads().unreadable_one(number).await? {
        let name = plain(lead.name());
        return Err(CommandError::Failed(format!(
            "lead #{name} cannot be read: `leads show {name}` prints what is known"
        )));
    }
    let row = find(&store.leads(), number).await?;
    let lead = &row.lead;
    let Some(reference) = &lead.consent else { return Err(CommandError::Failed(why_none(&row))) };
    let Some(consent) = store.consents().by_id(&reference.id).await? else {
        return Err(CommandError::Failed(format!(
            "lead #{} was sent with consent to version {}{}, and its proof {} is not in this store: was the lead copied without it?",
            lead.number,
            reference.version,
            lead.consent_at.map_or_else(String::new, |at| format!(" of {}", moment(at))),
            reference.id
        )));
    };
    if json {
        output::json(&Proof::of(lead, &consent));
    } else {
        show(lead, &consent);
    }
    Ok(ExitCode::SUCCESS)
}

/// Why a lead refers to no proof.
fn why_none(row: &LeadRow) -> String {
    let lead = &row.lead;
    let number = &lead.number;
    match (lead.origin, lead.consent_at) {
        (Origin::Backup, _) => {
            format!("lead #{number} came from backup_leads.json, which tells nothing of consent")
        }
        (Origin::Telegram, Some(at)) => format!(
            "with lead #{number} the privacy policy was accepted on {}; a proof is kept only where [consent] is set in dealer.toml",
            moment(at)
        ),
        (Origin::Telegram, None) => {
            format!("with lead #{number} no consent was asked: neither [consent] nor PRIVACY_POLICY_URL was set then")
        }
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn show(lead: &Lead, consent: &Consent) {
    let known = |what: Option<String>| what.unwrap_or_else(|| "-".to_owned());
    let time = |at: Option<i64>| known(at.map(|at| moment(date(at))));
    outln!("number:     #{}", lead.number);
    outln!("version:    {}", plain(&consent.version));
    outln!("given:      {}", time(consent.given_at));
    if let Some(at) = consent.ended_at {
        outln!("ended:      {} (withdrawn, or the person was forgotten)", moment(date(at)));
    }
    outln!("document:   {}", plain(&consent.document));
    match &consent.sha256 {
        Some(sha256) => outln!("sha256:     {sha256} (read {})", time(consent.read_at)),
        None => outln!("sha256:     - (the document could not be fetched then)"),
    }
    outln!("policy:     {}", known(consent.policy.as_deref().map(plain)));
    out!("person:     ");
    match (consent.user_id, consent.chat) {
        (Some(user), Some(chat)) => outln!("user {user}, chat {chat}"),
        _ => outln!("wiped; SHA-256 of the account: {}", consent.person.trim_start_matches("person:")),
    }
    outln!("question:   message {}", known(consent.question_id.map(|id| id.to_string())));
    outln!(
        "press:      callback {}, update {}",
        known(consent.press_id.as_deref().map(plain)),
        known(consent.update_id.map(|id| id.to_string()))
    );
    outln!("language:   {}", plain(&consent.lang));
    outln!("bot:        @{}", plain(&consent.bot));
    outln!("proof:      {}", consent.id);
    outln!("shown:");
    consent.text.lines().for_each(|line| outln!("  {}", plain(line)));
    match &consent.buttons[..] {
        [] => outln!("  [{}]", plain(&consent.button)),
        buttons => buttons.iter().for_each(|button| outln!("  {}", plain(button))),
    }
}
