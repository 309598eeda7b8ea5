//! What must survive: leads, dialogues, the outbox, contacts, alerts, marks, tokens.
//!
//! Promise: a function that returned `Ok` has committed, durably (SQLite: WAL with `synchronous=FULL`). All SQL of the
//! product is in this room, one text for SQLite and PostgreSQL. Two processes may use one store: leads are
//! claimed under a lease, and every recorded step checks that the lease is still held.
//!
//! A limit that is bound is written `LIMIT $1 + 0`: SQLite compiles a statement with a bare one each time, for a plan
//! that suits the number, and that takes ten times as long as doing it.

mod after_sending;
mod again;
mod amendments;
mod buyer_topics;
mod conflicts;
mod consents;
mod contacts;
mod copying;
mod counts;
mod database;
mod dead_letters;
mod dialogues;
mod engine;
mod faults;
mod figures;
mod forgetting;
mod forgotten;
mod holding;
mod imports;
mod late_notes;
mod late_writes;
mod later_messages;
mod lead_actions;
mod lead_files;
mod lead_queue;
mod lead_steps;
mod lead_work;
mod leadership;
mod leads;
mod limits;
mod live_buttons;
mod locks;
mod mark;
mod marks;
mod new_leads;
mod open_alerts;
mod opening;
mod outbox;
mod postgres;
mod reminders;
mod repeats;
mod rows;
mod sent_messages;
mod sources;
mod stage;
mod step_outcome;
mod talk;
mod telling;
mod tokens;
mod turns;
mod unfinished;
mod unreadable;
mod watched;
mod withdrawals;
mod writer;

use std::time::Duration;

pub use after_sending::AfterSending;
pub use amendments::{Amended, Amendment, NewAmendment};
pub use buyer_topics::{BuyerTopic, TopicAttempt, TopicPlace};
pub use consents::{Consent, NewConsent};
pub use copying::Copied;
pub use counts::{Totals, UndeliveredCounts};
pub use database::{
    Amendments, BuyerTopics, Consents, Database, Dialogues, Files, LateNotes, LeadActions, LeadQueue, LeadWork, Leads,
    Locks, Marks, OpenAlerts, Outbox, PersonalData, SentMessages, Store, Talk, Tokens, Watches, Withdrawals,
};
pub use dialogues::Dialogue;
pub use engine::Engine;
pub use faults::StoreError;
pub use figures::LeadFacts;
pub use forgetting::{Forgetting, Person, PersonLead, Whom};
pub use imports::ImportedLead;
pub use late_notes::LateNote;
pub use late_writes::{LateAttempt, LateOutcome};
pub use later_messages::{KeptMessage, LaterMessages, NewSpeech};
pub use lead_actions::{ASSIGNED, LeadAction, NewAction, OwedAction};
pub use lead_files::{AttachAttempt, DriveFile, FileEnd, FileOutcome, FileRow, FileStatus, FileStep};
pub use lead_queue::{Claim, Lease};
pub use lead_steps::{Completed, Created, Intent};
pub use lead_work::{NewPress, NewWork, OwedWork, Untouched, WorkRow, card_reference};
pub use leadership::Candidate;
pub use leads::LeadRow;
pub use limits::Arrivals;
pub use live_buttons::{ButtonsChange, LiveButtons};
pub use mark::{Mark, MarkFamily};
pub use new_leads::NewLead;
pub use open_alerts::{OUTAGE, OpenAlert};
pub use outbox::{NOBODYS_CHAT, NewMessage, OutboxMessage, WaitingMessage};
pub use reminders::LeftForm;
pub use repeats::Attached;
pub use sent_messages::{Became, MessagePlace, SendFailure};
pub use sources::SourceFigures;
pub use stage::{LeadState, Stage, Step, StepAttempt, Steps};
pub use step_outcome::{Hold, Lookups, StepOutcome};
pub use talk::{AnswerTold, NewAnswer, OpenAnswer};
pub use tokens::TokenRow;
pub use turns::{Turn, TurnOutcome};
pub use unfinished::{SentUnfinished, UnfinishedOutcome};
pub use unreadable::{UnreadableLead, Untold};
pub use watched::{OwedStatus, WatchCounts, WatchEnd, Watched, WatchedLead};
pub use withdrawals::{NewWithdrawal, OpenWithdrawal, Withdrawal};
pub use writer::Urgency;

/// Name of the SQLite file in `DATA_DIR`.
pub const SQLITE_FILE: &str = "amocrm-lead-bot.sqlite";

/// No lead and no message is ever deferred for longer, so a time further ahead was written by a clock that was wrong.
const FURTHEST_DUE: Duration = Duration::from_secs(30 * 60);

/// A text of somebody else's, such as an error of amoCRM, without the signs that PostgreSQL does not keep (NUL) and that
/// nobody could read.
fn plain(text: &str) -> String {
    text.replace(|sign: char| sign.is_control() && sign != '\n', " ")
}

/// JSON of a value of ours; such values have string keys and no floats that could fail.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    /// Counts the instructions that SQLite takes on this connection from now on.
    pub(super) async fn instructions_of(connection: &mut sqlx::SqliteConnection) -> Arc<AtomicU64> {
        let count = Arc::new(AtomicU64::new(0));
        let counting = count.clone();
        connection.lock_handle().await.expect("a handle").set_progress_handler(1, move || {
            counting.fetch_add(1, Ordering::Relaxed);
            true
        });
        count
    }

    /// See the head of this room.
    #[test]
    fn no_statement_is_compiled_anew_for_its_limit() {
        let bare = regex::Regex::new(r"(LIMIT|OFFSET) \$[0-9]+([^0-9 ]| [^+]|$)").expect("a pattern");
        let (mut folders, mut limits) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("a source");
                limits += text.matches("LIMIT $").count();
                for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                    assert!(!bare.is_match(line), "{}: {line}", path.display());
                }
            }
        }
        assert!(limits > 10, "{limits} limits are found");
    }
}
