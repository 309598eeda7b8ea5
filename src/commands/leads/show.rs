//! `leads show`: one lead with everything that is known of its way.

use std::{collections::BTreeMap, process::ExitCode};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    clock::date,
    lead::{CarLink, Lead, LeadSource},
    store::{FileEnd, FileStatus, LaterMessages, LeadRow, Step, Store, UnreadableLead},
};

use super::{
    super::{
        CommandError,
        output::{self, outln},
    },
    found::{at, find, plain},
};

/// As `--json` prints it; names are for programs and stay.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    number: &'a str,
    id: String,
    readable: bool,
    /// `waiting`, `delivered`, `rejected`, `discarded`.
    state: &'static str,
    /// UTC, as all times.
    submitted_at: DateTime<Utc>,
    /// When the person's data were wiped on request.
    forgotten_at: Option<DateTime<Utc>>,
    /// When they were wiped because they were old.
    expired_at: Option<DateTime<Utc>>,
    /// Questions without an answer, of a form that its buyer has left.
    left_open: Option<&'a [String]>,
    person: Option<Person<'a>>,
    consent: Option<Consented<'a>>,
    files: Vec<File>,
    later_messages: Later,
    /// Whether it is a note under an open lead of the same buyer.
    repeat: bool,
    crm_lead_id: Option<i64>,
    crm_contact_id: Option<i64>,
    attempts: i64,
    uncertain: Option<Uncertain>,
    last_error: Option<&'a str>,
}

/// Who it is, and what they have answered.
#[derive(Debug, Serialize)]
struct Person<'a> {
    name: &'a str,
    phone: &'a str,
    phone_typed: &'a str,
    budget: Option<&'a str>,
    /// Roubles; 0 where there is no amount in the budget.
    price: i64,
    car_links: Vec<&'a str>,
    /// Answers to the dealer's own questions, by key.
    answers: BTreeMap<&'a str, String>,
    wishes: Option<&'a str>,
    source: Option<&'a LeadSource>,
    telegram_user_id: i64,
    telegram_username: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Consented<'a> {
    /// Without one it is the privacy policy that was accepted.
    version: Option<&'a str>,
    given_at: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct File {
    name: String,
    /// `attached`, `sent_to_chat`, `lost`, `on_its_way`.
    state: &'static str,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Later {
    kept: i64,
    waiting: i64,
}

/// A create went out and is being looked up.
#[derive(Debug, Serialize)]
struct Uncertain {
    lookups: i64,
    lookups_needed: i64,
}

/// What is left of a lead whose record is damaged.
#[derive(Debug, Serialize)]
struct Damaged<'a> {
    number: &'a str,
    id: &'a str,
    readable: bool,
    state: &'a str,
    reason: &'a str,
    submitted_at: Option<DateTime<Utc>>,
    telegram_user_id: Option<i64>,
    crm_lead_id: Option<i64>,
    /// The beginning of its record as it stands.
    document: &'a str,
}

/// Prints one lead.
pub(super) async fn run(store: &Store, number: &str, json: bool) -> Result<ExitCode, CommandError> {
    let leads = store.leads();
    if let Some(lead) = leads.unreadable_one(number).await? {
        if json {
            output::json(&damaged(&lead));
        } else {
            show_unreadable(&lead);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let row = find(&leads, number).await?;
    let files = store.files().of(row.lead.id).await?;
    let said = store.late_notes().messages_of(row.lead.id).await?;
    if json {
        output::json(&shown(&row, &files, &said));
    } else {
        show(&row, &files, &said);
    }
    Ok(ExitCode::SUCCESS)
}

fn damaged(lead: &UnreadableLead) -> Damaged<'_> {
    Damaged {
        number: &lead.number,
        id: &lead.id,
        readable: false,
        state: &lead.state,
        reason: &lead.reason,
        submitted_at: lead.submitted_at.map(date),
        telegram_user_id: lead.user_id,
        crm_lead_id: lead.crm_lead_id,
        document: &lead.body,
    }
}

fn shown<'a>(row: &'a LeadRow, files: &[FileStatus], said: &LaterMessages) -> Shown<'a> {
    let lead = &row.lead;
    let attempt = row.steps.attempt(Step::Lead);
    Shown {
        number: lead.number.as_str(),
        id: lead.id.to_string(),
        readable: true,
        state: row.state().as_str(),
        submitted_at: lead.submitted_at,
        forgotten_at: row.forgotten_at.map(date),
        expired_at: row.expired_at.map(date),
        left_open: lead.left_open.as_deref(),
        person: row.forgotten_at.is_none().then(|| person(lead)),
        consent: lead
            .consent_at
            .map(|given_at| Consented { version: lead.consent.as_ref().map(|proof| proof.version.as_str()), given_at }),
        files: files_of(lead, files)
            .map(|(name, end, error)| File {
                name,
                state: match end {
                    Some(FileEnd::Attached) => "attached",
                    Some(FileEnd::Copied) => "sent_to_chat",
                    Some(FileEnd::Lost) => "lost",
                    None => "on_its_way",
                },
                error: error.map(str::to_owned),
            })
            .collect(),
        later_messages: Later { kept: said.kept, waiting: said.waiting },
        repeat: row.attached_at.is_some(),
        crm_lead_id: row.crm_lead_id(),
        crm_contact_id: row.contact_id,
        attempts: row.attempts,
        uncertain: attempt
            .map(|attempt| Uncertain { lookups: attempt.lookups, lookups_needed: attempt.lookups_needed }),
        last_error: row.last_error.as_deref(),
    }
}

fn person(lead: &Lead) -> Person<'_> {
    Person {
        name: lead.name.as_str(),
        phone: lead.phone.e164(),
        phone_typed: lead.phone.typed(),
        budget: lead.budget.as_ref().map(|budget| budget.typed()),
        price: lead.price(),
        car_links: lead.car_link.iter().flat_map(|link| link.all()).collect(),
        answers: lead.more.iter().map(|answer| (answer.key.as_str(), answer.value.to_string())).collect(),
        wishes: lead.wish.as_ref().map(|wish| wish.as_str()),
        source: lead.source.as_ref(),
        telegram_user_id: lead.buyer.user_id,
        telegram_username: lead.buyer.username.as_deref(),
    }
}

/// Its files by their names, what became of each, and what is in the way.
fn files_of<'a>(
    lead: &'a Lead,
    files: &'a [FileStatus],
) -> impl Iterator<Item = (String, Option<FileEnd>, Option<&'a str>)> {
    lead.file_names().zip(1..).map(move |(name, position)| {
        let status = files.iter().find(|file| file.position == position);
        (name, status.and_then(|status| status.end), status.and_then(|status| status.last_error.as_deref()))
    })
}

/// For a person.
fn show(row: &LeadRow, files: &[FileStatus], said: &LaterMessages) {
    let lead = &row.lead;
    outln!("number:     #{}", lead.number);
    outln!("state:      {}", row.state().as_str());
    if let Some(at) = row.forgotten_at {
        outln!("forgotten:  {} (the person's data are wiped)", date(at).format("%Y-%m-%d %H:%M UTC"));
    }
    if let Some(at) = row.expired_at {
        let at = date(at).format("%Y-%m-%d %H:%M UTC");
        outln!("wiped:      {at} (стёрто по сроку хранения: [privacy] retention of dealer.toml)");
    }
    outln!("submitted:  {}", lead.submitted_at.format("%Y-%m-%d %H:%M:%S UTC"));
    if let Some(left_open) = &lead.left_open {
        outln!("unfinished: the buyer has left the form; without an answer: {}", left_open_text(left_open));
    }
    if row.forgotten_at.is_none() {
        show_person(lead);
    }
    if let Some(at) = lead.consent_at {
        let at = at.format("%Y-%m-%d %H:%M UTC");
        match &lead.consent {
            Some(proof) => {
                outln!("consent:    version {}, {at} (`leads consent {}`)", plain(&proof.version), lead.number)
            }
            None => outln!("consent:    {at} (to the privacy policy)"),
        }
    }
    for (name, end, error) in files_of(lead, files) {
        let words = match end {
            Some(FileEnd::Attached) => "attached to the lead",
            Some(FileEnd::Copied) => "sent to the managers' chat",
            Some(FileEnd::Lost) => "lost",
            None => "on its way",
        };
        outln!("file:       {name}: {words}{}", error.map_or_else(String::new, |error| format!(" ({error})")));
    }
    match (said.kept, said.waiting) {
        (0, _) => {}
        (kept, 0) => outln!("later:      {kept} messages of the buyer since, all passed on"),
        (kept, waiting) => {
            outln!("later:      {kept} messages of the buyer since, {waiting} of them not in amoCRM yet")
        }
    }
    if row.attached_at.is_some() {
        outln!("repeat:     a note under an open lead of the same buyer");
    }
    outln!("in amoCRM:  lead {}, contact {}", id(row.crm_lead_id()), id(row.contact_id));
    outln!("attempts:   {}", row.attempts);
    if let Some(attempt) = row.steps.attempt(Step::Lead) {
        let (lookups, needed) = (attempt.lookups, attempt.lookups_needed);
        outln!("uncertain:     a create went out and is being looked up ({lookups} of {needed})");
    }
    if let Some(error) = &row.last_error {
        outln!("last error: {error}");
    }
}

fn show_unreadable(lead: &UnreadableLead) {
    outln!("number:     #{}", plain(&lead.number));
    outln!("id:         {}", plain(&lead.id));
    outln!("state:      {} (unreadable: {})", plain(&lead.state), lead.reason);
    outln!("submitted:  {}", at(lead));
    outln!("telegram:   user {}", id(lead.user_id));
    outln!("in amoCRM:  lead {}", id(lead.crm_lead_id));
    outln!("document:   {}", plain(&lead.body));
}

fn left_open_text(left_open: &[String]) -> String {
    if left_open.is_empty() { "none, but it was not sent".into() } else { plain(&left_open.join(", ")) }
}

/// What the buyer has answered, and who it is.
fn show_person(lead: &Lead) {
    outln!("name:       {}", lead.name.as_str());
    outln!("phone:      {} (typed: {})", lead.phone.e164(), lead.phone.typed());
    match (&lead.budget, lead.price()) {
        (None, _) if lead.asked.budget.is_none() => {}
        (None, _) => outln!("budget:     -"),
        (Some(budget), 0) => outln!("budget:     {} (no amount in it)", budget.typed()),
        (Some(budget), price) => outln!("budget:     {} ({price} roubles)", budget.typed()),
    }
    if lead.asked.car_link.is_some() {
        let links = lead.car_link.as_ref().map(|link| link.all().collect::<Vec<_>>().join(" "));
        outln!("car link:   {}", links.as_deref().unwrap_or("-"));
    }
    for other in lead.car_link.iter().flat_map(CarLink::others) {
        outln!("            {other}");
    }
    for answer in &lead.more {
        outln!("{:<11} {}", format!("{}:", answer.key), answer.value);
    }
    outln!("wishes:     {}", lead.wish.as_ref().map_or("-", |wish| wish.as_str()));
    if let Some(source) = &lead.source {
        outln!("source:     {}", source.shown());
        source.utm_line().iter().for_each(|marks| outln!("            {marks}"));
    }
    let username = lead.buyer.username.as_ref().map_or_else(String::new, |name| format!(", @{name}"));
    outln!("telegram:   user {}{username}", lead.buyer.user_id);
}

fn id(id: Option<i64>) -> String {
    id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}
