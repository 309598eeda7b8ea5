//! `leads list`: what waits and what is rejected.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    clock::date,
    lead::Lead,
    store::{LeadRow, Leads, UnreadableLead},
};

use super::{
    super::{
        CommandError, beside,
        look::{self, BAD, painted},
        output::{self, out, outln},
    },
    found::{at, plain},
};

/// As `--json` prints it; names are for programs and stay.
#[derive(Debug, Serialize)]
struct List<'a> {
    leads: Vec<Listed<'a>>,
    unreadable: Vec<Unreadable<'a>>,
    /// Entries of `backup_leads.json` that nobody has imported yet.
    backup_file_not_taken_in: i64,
}

#[derive(Debug, Serialize)]
struct Listed<'a> {
    number: &'a str,
    /// UTC.
    submitted_at: DateTime<Utc>,
    /// `waiting`, `rejected`.
    state: &'static str,
    unfinished: bool,
    last_error: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    person: Option<Person<'a>>,
}

/// Only with `--full`.
#[derive(Debug, Serialize)]
struct Person<'a> {
    name: &'a str,
    phone: &'a str,
    budget: &'a str,
    car_links: Vec<&'a str>,
}

/// Damaged in the store and not sent.
#[derive(Debug, Serialize)]
struct Unreadable<'a> {
    /// Its number, or its id where that is no number.
    number: &'a str,
    submitted_at: Option<DateTime<Utc>>,
    state: &'a str,
    reason: &'a str,
}

impl<'a> Unreadable<'a> {
    fn of(lead: &'a UnreadableLead) -> Self {
        Self {
            number: lead.name(),
            submitted_at: lead.submitted_at.map(date),
            state: &lead.state,
            reason: &lead.reason,
        }
    }
}

impl<'a> Listed<'a> {
    fn of(row: &'a LeadRow, full: bool) -> Self {
        let lead = &row.lead;
        Self {
            number: lead.number.as_str(),
            submitted_at: lead.submitted_at,
            state: row.state().as_str(),
            unfinished: lead.is_unfinished(),
            last_error: row.last_error.as_deref(),
            person: full.then(|| Person {
                name: lead.name.as_str(),
                phone: lead.phone.e164(),
                budget: lead.budget_typed(),
                car_links: links(lead),
            }),
        }
    }
}

/// Prints them: a table on a terminal, a line for each elsewhere.
pub(super) async fn run(
    leads: &Leads,
    full: bool,
    json: bool,
    backup_file_not_taken_in: i64,
) -> Result<ExitCode, CommandError> {
    let rows = look::busy("Reading the store", leads.undelivered(i64::from(i32::MAX))).await?;
    let unreadable = leads.unreadable(i64::from(i32::MAX)).await?;
    if json {
        output::json(&List {
            leads: rows.iter().map(|row| Listed::of(row, full)).collect(),
            unreadable: unreadable.iter().map(Unreadable::of).collect(),
            backup_file_not_taken_in,
        });
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() && unreadable.is_empty() {
        outln!("Nothing waits and nothing is rejected.");
    } else if look::is_terminal() {
        tabled(&rows, &unreadable, full);
    } else {
        in_lines(&rows, &unreadable, full);
    }
    if !unreadable.is_empty() {
        outln!(
            "{} They are damaged in the store and not sent; `leads show N` prints what is known, \
             `leads retry N` reads one again, `leads discard N --yes` gives it up.",
            painted(BAD, format_args!("Unreadable: {}.", unreadable.len()))
        );
    }
    beside::tell_of_the_file(backup_file_not_taken_in);
    Ok(ExitCode::SUCCESS)
}

fn links(lead: &Lead) -> Vec<&str> {
    lead.car_link.iter().flat_map(|link| link.all()).collect()
}

/// For programs and pipes: these lines stay as they are.
fn in_lines(rows: &[LeadRow], unreadable: &[UnreadableLead], full: bool) {
    for row in rows {
        let lead = &row.lead;
        out!("#{}  {}  {}", lead.number, lead.submitted_at.format("%Y-%m-%d %H:%M UTC"), row.state().as_str());
        if full {
            let links = links(lead);
            let link = if links.is_empty() { "-".to_owned() } else { links.join(" ") };
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
    for lead in unreadable {
        outln!("#{}  {}  {}  UNREADABLE  ({})", plain(lead.name()), at(lead), plain(&lead.state), lead.reason);
    }
}

fn tabled(rows: &[LeadRow], unreadable: &[UnreadableLead], full: bool) {
    let readable = rows.iter().map(|row| {
        let lead = &row.lead;
        let mut state = row.state().as_str().to_owned();
        if lead.is_unfinished() {
            state.push_str(", unfinished");
        }
        let mut about = Vec::new();
        if full {
            about.push(format!("{}, {}", plain(lead.name.as_str()), lead.phone.e164()));
            about.push(plain(lead.budget_typed()));
            about.extend(links(lead).into_iter().map(plain));
        }
        about.extend(row.last_error.as_deref().map(plain));
        let when = lead.submitted_at.format("%Y-%m-%d %H:%M").to_string();
        vec![format!("#{}", lead.number), when, state, about.join("\n")]
    });
    let damaged = unreadable.iter().map(|lead| {
        let when = at(lead).trim_end_matches(" UTC").to_owned();
        vec![
            format!("#{}", plain(lead.name())),
            when,
            format!("UNREADABLE ({})", plain(&lead.state)),
            lead.reason.clone(),
        ]
    });
    let last = if full { "who, what, and what is in the way" } else { "what is in the way" };
    outln!("{}", look::table(&["number", "sent (UTC)", "state", last], readable.chain(damaged)));
    outln!("Waiting and rejected: {}. One of them: `leads show NUMBER`.", rows.len());
}
