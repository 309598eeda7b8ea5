//! `status` for a person: the verdict first.

use chrono::{DateTime, Utc};

use crate::{
    called::Called,
    wording::{Lang, age},
};

use super::{
    super::{
        look::{BAD, DIM, GOOD, ODD, painted},
        output::outln,
    },
    document::{CameFrom, Health, Status},
};

/// A line with its name before it.
macro_rules! row {
    ($name:expr, $($text:tt)*) => {
        outln!("{}{}", painted(DIM, format_args!("{:<19}", $name)), format_args!($($text)*))
    };
}

/// A count that should be 0.
fn worth_a_look(style: anstyle::Style, count: i64) -> String {
    if count > 0 { painted(style, count) } else { count.to_string() }
}

fn print_source(source: &CameFrom) {
    let name = source.name.as_ref().map_or_else(|| source.code.clone(), |name| format!("{name} ({})", source.code));
    let percent = source.percent.map_or_else(String::new, |percent| format!(" ({percent} %)"));
    let left: Vec<String> = source.left.iter().map(|(step, count)| format!("{step} {count}")).collect();
    let left = if left.is_empty() { String::new() } else { format!("; now at: {}", left.join(", ")) };
    outln!(
        "  {name}: {} requests of {} who came{percent}, {} in amoCRM{left}",
        source.requests,
        source.came,
        source.delivered
    );
}

pub(super) fn print(status: &Status) {
    let at = |at: Option<DateTime<Utc>>| {
        at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
    };
    let style = match status.health {
        Health::Good => GOOD,
        Health::Odd => ODD,
        Health::Bad => BAD,
    };
    row!("verdict:", "{}", painted(style, &status.verdict));
    for (name, text) in [("  reason:", &status.reason), ("  what to do:", &status.advice)] {
        if let Some(text) = text {
            row!(name, "{text}");
        }
    }
    row!("version:", "amocrm-lead-bot {}", status.version);
    let none = if status.store_exists { "" } else { " (not there yet)" };
    row!("store:", "{}{none}", status.store);
    let running = if status.daemon_running { "running".to_owned() } else { painted(BAD, "not running") };
    row!("daemon:", "{running}");
    row!("waiting:", "{} (oldest since {})", status.waiting, at(status.oldest_waiting_since));
    outln!("{}  {}", painted(DIM, "  of them uncertain:"), status.uncertain);
    row!("rejected:", "{}", worth_a_look(ODD, status.rejected));
    if status.unreadable > 0 {
        let count = worth_a_look(BAD, status.unreadable);
        row!("unreadable:", "{count} (damaged in the store and not sent; see `{} leads list`)", Called::now().name());
    }
    row!("delivered (24 h):", "{}", status.delivered_last_24h);
    row!("last delivery:", "{}", at(status.last_delivery_at));
    let outage = at(status.outage_since);
    row!("outage since:", "{}", if status.outage_since.is_some() { painted(BAD, outage) } else { outage });
    for without in &status.goes_without {
        let setting = painted(ODD, &without.setting);
        row!("goes without:", "{setting} (amoCRM does not take it, since {})", at(Some(without.since)));
    }
    row!("telegram:", "{}", status.telegram_routes.join(", "));
    if let Some(since) = status.telegram_fails_since {
        row!("  fails since:", "{}", painted(BAD, at(Some(since))));
    }
    let second_way = if status.second_way.is_empty() { "none".to_owned() } else { status.second_way.join(", ") };
    row!("second way:", "{second_way}");
    if let Some(made_at) = status.newest_copy_at {
        let folder = status.copies_folder.as_deref().unwrap_or("?");
        row!(
            "newest copy:",
            "{} ({} ago, in {folder})",
            at(Some(made_at)),
            age(made_at.timestamp_millis(), Lang::en())
        );
    }
    if let (Some(since), Some(why)) = (status.copies_fail_since, &status.copies_fail) {
        row!("copies fail:", "{}, since {}", painted(ODD, why), at(Some(since)));
    }
    row!("messages owed:", "{}", status.messages_owed);
    if status.later_messages_waiting > 0 {
        row!("said later:", "{} messages of buyers wait for amoCRM", status.later_messages_waiting);
    }
    row!("updates set aside:", "{}", status.updates_set_aside);
    if let Some(asked_at) = status.statuses_asked_at {
        let by = status.statuses_asked_by.map_or_else(String::new, |way| format!(", by {way}"));
        row!("leads watched:", "{} (asked at {}{by})", status.leads_watched, at(Some(asked_at)));
        row!("  to be told:", "{}", status.status_messages_owed);
    }
    if !status.sources.is_empty() {
        outln!("{}", painted(DIM, "sources (30 days):"));
    }
    status.sources.iter().for_each(print_source);
    let tokens = &status.tokens;
    if !tokens.configured {
        row!("tokens:", "not needed until amoCRM is set up");
        return;
    }
    let source = tokens.source.as_ref().map_or_else(String::new, |source| format!(" from {source}"));
    row!("tokens:", "{}{source}", tokens.kind);
    row!("  access until:", "{}", at(tokens.access_expires_at));
    if let Some(problem) = &tokens.problem {
        row!("  problem:", "{}", painted(BAD, problem));
    }
}
