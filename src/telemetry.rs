//! Logging: human lines or JSON (`LOG_FORMAT=json`), nothing personal, nothing secret.
//!
//! Only this crate logs at the level that `RUST_LOG` asks for: libraries write addresses with tokens, passwords and
//! whole updates into theirs. Of libraries warnings alone are shown, without their fields; what comes through the crate
//! `log`, whose messages have everything in them already, is not shown at all.

use std::fmt;

use serde_json::json;
use tracing::{
    Event, Level, Metadata, Span, Subscriber, error_span,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::lead::LeadNumber;

/// What is logged without `RUST_LOG`.
const DEFAULT_FILTER: &str = "warn,amocrm_lead_bot=info";

/// This crate's name, as targets begin with it.
const OURS: &str = "amocrm_lead_bot";

/// The library whose messages are fixed texts; what differs is in its fields.
const QUOTED: &str = "sqlx::";

/// Here the database's own words are the message.
const NOT_QUOTED: &str = "sqlx::postgres::notice";

/// What is logged within it is about this update of Telegram's, at whatever level.
pub fn update_span(id: u32) -> Span {
    error_span!("update", id)
}

/// What is logged within it is about this lead, at whatever level.
pub fn lead_span(number: &LeadNumber) -> Span {
    error_span!("lead", %number)
}

/// What is logged without it where a person is asked questions on the same screen.
const QUIET_FILTER: &str = "warn";

/// Sets the process's logging up; called once, by `main`.
pub fn init(is_quiet: bool) {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let wanted = set("RUST_LOG").map(EnvFilter::try_new);
    let filter_is_wrong = matches!(wanted, Some(Err(_)));
    let filter = wanted
        .and_then(Result::ok)
        .unwrap_or_else(|| EnvFilter::new(if is_quiet { QUIET_FILTER } else { DEFAULT_FILTER }));
    let format = set("LOG_FORMAT").unwrap_or_else(|| "human".into()).to_lowercase();
    let json = format == "json";
    // A log that cannot be written (its disk is full) must not take the daemon with it: the complaint about it would go
    // to the same place, and panic.
    macro_rules! lines {
        () => {
            tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false).with_ansi(false)
        };
    }
    let ours = if json { lines!().json().flatten_event(true).boxed() } else { lines!().boxed() };
    let others = lines!().event_format(Brief { json });
    // A second initialisation can only come from a test that runs the daemon in its own process.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(ours.with_filter(filter_fn(is_ours)))
        .with(others.with_filter(filter_fn(is_a_warning_of_a_library)))
        .try_init();
    if filter_is_wrong {
        tracing::warn!("RUST_LOG cannot be read and is left aside; an example: amocrm_lead_bot=debug");
    }
    if !["human", "json"].contains(&format.as_str()) {
        tracing::warn!("LOG_FORMAT is neither human nor json; the log is for humans");
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_a_warning_of_a_library(metadata: &Metadata<'_>) -> bool {
    // What comes through the crate `log` has this target in the end, whatever it was written under.
    !is_ours(metadata) && metadata.is_event() && *metadata.level() <= Level::WARN && metadata.target() != "log"
}

/// A line that says who warned, and of what where that is a fixed text.
struct Brief {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Brief
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let mut message = Message::default();
        if target.starts_with(QUOTED) && target != NOT_QUOTED {
            event.record(&mut message);
        }
        let message = message.0.unwrap_or_else(|| "this library warns of something".into());
        let mut at = String::new();
        SystemTime.format_time(&mut Writer::new(&mut at))?;
        if self.json {
            let line = json!({"timestamp": at, "level": level.as_str(), "message": message, "target": target});
            writeln!(writer, "{line}")
        } else {
            writeln!(writer, "{at} {level:>5} {target}: {message}")
        }
    }
}

/// The message of an event, without its other fields.
#[derive(Default)]
struct Message(Option<String>);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = Some(format!("{value:?}").chars().filter(|char| !char.is_control()).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_says_which_update_and_lead_it_is_about_at_any_level() {
        let (lines, number) = (Lines::default(), LeadNumber::random());
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(EnvFilter::new("warn")).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let taken = || lead_span(&number).in_scope(|| tracing::warn!("it is kept"));
            update_span(7).in_scope(taken);
        });
        let lines = String::from_utf8(lines.0.lock().expect("nobody panics").clone()).expect("a text");
        assert!(lines.contains(&format!("update{{id=7}}:lead{{number={number}}}: ")), "{lines}");
        assert!(lines.trim_end().ends_with("it is kept"), "{lines}");
    }
}
