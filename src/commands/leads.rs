mod consent;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use crate::{
    backup,
    clock::date,
    config::StoreSettings,
    files,
    lead::{CarLink, Lead, LeadNumber, Region},
    store::{FileEnd, Files, LateNotes, LeadRow, LeadState, Leads, Step, UnreadableLead},
};

use super::{
    CommandError, opened,
    output::{self, out, outln},
};

/// What `leads` can do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List waiting and rejected leads
    List {
        /// With names, phones and links; without it only numbers and states
        #[arg(long)]
        full: bool,
    },
    /// Show one lead with everything that is known of its way
    Show {
        /// Its number, as the buyer sees it
        number: String,
    },
    /// Show what proves that the buyer has consented: to what, when, and by which press
    Consent {
        /// Its number
        number: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a rejected or discarded lead again; without a number all rejected ones
    Retry {
        /// Its number
        number: Option<String>,
    },
    /// Give up a waiting or rejected lead: it will not get into amoCRM
    Discard {
        /// Its number
        number: String,
        /// Really do it; without it you are only told what would happen
        #[arg(long)]
        yes: bool,
    },
    /// Write waiting and rejected leads as JSON, in the format of backup_leads.json
    Export {
        /// File to write; without it standard output
        file: Option<PathBuf>,
    },
}

/// Runs one action on the store.
pub async fn run(settings: &StoreSettings, region: Region, action: Action) -> Result<ExitCode, CommandError> {
    let store = opened::existing(settings).await?;
    // The older bot's file may be all there is yet, and the list tells of it.
    let tells_of_file = matches!(action, Action::List { .. }) && settings.data_dir.join(backup::FILE).exists();
    if !store.exists() && !tells_of_file {
        return Err(store.none(settings));
    }
    store.tell_if_there_is_none(settings);
    let leads = store.leads();
    let code = match action {
        Action::List { full } => {
            let code = list(&leads, full).await?;
            super::tell_of_the_file(settings, region, &store).await?;
            code
        }
        Action::Show { number } => show(&leads, (&store.files(), &store.late_notes()), &number).await?,
        Action::Consent { number, json } => consent::run(&store, &number, json).await?,
        Action::Retry { number } => retry(&leads, number.as_deref()).await?,
        Action::Discard { number, yes } => discard(&leads, &number, yes).await?,
        Action::Export { file } => export(&leads, file).await?,
    };
    store.close().await;
    Ok(code)
}

fn parse(number: &str) -> Result<LeadNumber, CommandError> {
    LeadNumber::parse(number).ok_or_else(|| CommandError::Failed(format!("{number:?} is not a number of a lead")))
}

async fn list(leads: &Leads, full: bool) -> Result<ExitCode, CommandError> {
    let rows = leads.undelivered(i64::from(i32::MAX)).await?;
    let unreadable = leads.unreadable(i64::from(i32::MAX)).await?;
    if rows.is_empty() && unreadable.is_empty() {
        outln!("Nothing waits and nothing is rejected.");
    }
    for row in &rows {
        let lead = &row.lead;
        out!("#{}  {}  {}", lead.number, lead.submitted_at.format("%Y-%m-%d %H:%M UTC"), row.state().as_str());
        if full {
            let link =
                lead.car_link.as_ref().map_or_else(|| "-".to_owned(), |link| link.all().collect::<Vec<_>>().join(" "));
            out!("  {}  {}  {}  {link}", lead.name.as_str(), lead.phone.e164(), lead.budget_typed());
        }
        if lead.is_unfinished() {
            out!("  unfinished");
        }
        match &row.last_error {
            Some(error) => outln!("  ({error})"),
            None => outln!(),
        }
    }
    for lead in &unreadable {
        outln!("#{}  {}  {}  UNREADABLE  ({})", plain(lead.name()), at(lead), plain(&lead.state), lead.reason);
    }
    if !unreadable.is_empty() {
        outln!(
            "Unreadable: {}. They are damaged in the store and not sent; `leads show N` prints what is known, \
             `leads retry N` reads one again, `leads discard N --yes` gives it up.",
            unreadable.len()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn at(lead: &UnreadableLead) -> String {
    lead.submitted_at.map_or_else(|| "?".to_owned(), |at| date(at).format("%Y-%m-%d %H:%M UTC").to_string())
}

/// What stands in a damaged row must not move the cursor of the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect()
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

async fn find(leads: &Leads, number: &str) -> Result<LeadRow, CommandError> {
    let number = parse(number)?;
    leads.by_number(&number).await?.ok_or_else(|| CommandError::Failed(format!("there is no lead #{number}")))
}

async fn show(
    leads: &Leads,
    (files, late_notes): (&Files, &LateNotes),
    number: &str,
) -> Result<ExitCode, CommandError> {
    if let Some(lead) = leads.unreadable_one(number).await? {
        show_unreadable(&lead);
        return Ok(ExitCode::SUCCESS);
    }
    let row = find(leads, number).await?;
    let lead = &row.lead;
    outln!("number:     #{}", lead.number);
    outln!("state:      {}", row.state().as_str());
    if let Some(at) = row.forgotten_at {
        outln!("forgotten:  {} (the person's data are wiped)", crate::clock::date(at).format("%Y-%m-%d %H:%M UTC"));
    }
    if let Some(at) = row.expired_at {
        let at = crate::clock::date(at).format("%Y-%m-%d %H:%M UTC");
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
    let files = files.of(lead.id).await?;
    for (name, position) in lead.file_names().zip(1..) {
        let status = files.iter().find(|file| file.position == position);
        let words = match status.and_then(|status| status.end) {
            Some(FileEnd::Attached) => "attached to the lead",
            Some(FileEnd::Copied) => "sent to the managers' chat",
            Some(FileEnd::Lost) => "lost",
            None => "on its way",
        };
        let error = status.and_then(|status| status.last_error.as_deref());
        outln!("file:       {name}: {words}{}", error.map_or_else(String::new, |error| format!(" ({error})")));
    }
    let said = late_notes.messages_of(lead.id).await?;
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
    Ok(ExitCode::SUCCESS)
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

async fn retry(leads: &Leads, number: Option<&str>) -> Result<ExitCode, CommandError> {
    if let Some(number) = number {
        if let Some(lead) = leads.unreadable_one(number).await? {
            leads.retry_unreadable(&lead).await?;
            outln!("#{} is read once more; a running bot tells the admin if it still cannot be.", plain(lead.name()));
            return Ok(ExitCode::SUCCESS);
        }
        let row = find(leads, number).await?;
        if row.state() == LeadState::Delivered {
            return Err(CommandError::Failed(format!("lead #{} is in amoCRM already", row.lead.number)));
        }
        if row.forgotten_at.is_some() {
            return Err(CommandError::Failed(format!(
                "the person behind lead #{} is forgotten; nothing is left to send",
                row.lead.number
            )));
        }
        leads.retry_now(Some(&row.lead.number)).await?;
        outln!("#{} is in line. A running bot sends it at once; otherwise run `retry-backup-leads`.", row.lead.number);
        return Ok(ExitCode::SUCCESS);
    }
    let revived = leads.retry_now(None).await?;
    outln!("In line again: {revived}. A running bot sends them at once; otherwise run `retry-backup-leads`.");
    Ok(ExitCode::SUCCESS)
}

async fn discard(leads: &Leads, number: &str, yes: bool) -> Result<ExitCode, CommandError> {
    if let Some(lead) = leads.unreadable_one(number).await? {
        let name = plain(lead.name());
        if !yes {
            outln!("Lead #{name} cannot be read and will be given up. To do it: leads discard {name} --yes");
            return Ok(ExitCode::FAILURE);
        }
        leads.discard_unreadable(&lead).await?;
        outln!("Lead #{name} is given up; it stays in the store.");
        return Ok(ExitCode::SUCCESS);
    }
    let row = find(leads, number).await?;
    if row.state() == LeadState::Delivered {
        return Err(CommandError::Failed(format!("lead #{} is in amoCRM already", row.lead.number)));
    }
    if !yes {
        outln!("Lead #{} will not get into amoCRM. To do it: leads discard {} --yes", row.lead.number, row.lead.number);
        return Ok(ExitCode::FAILURE);
    }
    if leads.discard(&row.lead.number).await? {
        outln!("Lead #{} is given up; `leads retry {}` takes it back.", row.lead.number, row.lead.number);
        Ok(ExitCode::SUCCESS)
    } else {
        Err(CommandError::Failed(format!("lead #{} is being sent right now; try again in a minute", row.lead.number)))
    }
}

async fn export(leads: &Leads, file: Option<PathBuf>) -> Result<ExitCode, CommandError> {
    let bytes = backup::to_json(&leads.undelivered(i64::from(i32::MAX)).await?);
    match file {
        Some(file) => {
            // The error's own words name a temporary file.
            files::replace(&file, &bytes).map_err(|error| {
                CommandError::Failed(format!("{} cannot be written: {}", file.display(), files::why(&error)))
            })?;
            outln!("Written to {}.", file.display());
        }
        None => output::bytes(&bytes),
    }
    Ok(ExitCode::SUCCESS)
}
