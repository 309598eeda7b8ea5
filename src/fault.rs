//! Fault points: named places at which a test kills the process or makes a handler panic. Not in a release binary.
//!
//! They stand before and after every commit, send and answer on a lead's way, so that the suite can prove for each
//! moment between two durable facts that dying there loses nothing and doubles nothing (`tests/it/nothing_lost`). What a
//! test asks for comes through the environment: `TEST_KILL_AT=name` or `name:n` dies at the n-th passage, as hard as
//! SIGKILL (no destructor, no buffer, no signal handler runs); `TEST_PANIC_AT=name:n` panics at the first n passages.

/// Every point, in the order of a lead's way.
pub const POINTS: &[&str] = &[
    "intake.received",
    "intake.before_commit",
    "intake.in_commit",
    "intake.after_commit",
    "intake.after_reply",
    "intake.before_confirm",
    "batch.before_commit",
    "batch.after_commit",
    "outbox.taken",
    "outbox.before_send",
    "outbox.after_send",
    "outbox.after_done",
    "claim.after",
    "contact.answered",
    "contact.recorded",
    "create.before_record",
    "create.recorded",
    "create.answered",
    "create.in_commit",
    "create.stored",
    "create.uncertain_stored",
    "create.not_sent_stored",
    "create.degraded_stored",
    "create.rejected_stored",
    "lookup.before",
    "lookup.answered",
    "lookup.missed_stored",
    "lookup.absent_stored",
    "note.before_record",
    "note.recorded",
    "note.answered",
    "note.uncertain_stored",
    "note.read",
    "merged.before_record",
    "merged.stored",
    "delivered.in_commit",
    "delivered.stored",
    "file.looked",
    "upload.before_record",
    "upload.recorded",
    "upload.answered",
    "upload.uncertain_stored",
    "upload.stored",
    "attach.before_record",
    "attach.recorded",
    "attach.answered",
    "attach.uncertain_stored",
    "file.in_commit",
    "file.stored",
    "saved.in_commit",
    "saved.stored",
    "backup.before_write",
    "backup.before_rename",
    "backup.after_rename",
    "import.in_commit",
    "import.stored",
    "tokens.before_refresh",
    "tokens.answered",
    "tokens.half_stored",
    "tokens.stored",
];

/// Points on the way of what comes after a lead: each has its death in a test of its own.
pub const POINTS_AFTERWARDS: &[&str] = &[
    "withdrawal.files_wiped",
    "withdrawal.in_commit",
    "withdrawal.wiped",
    "withdrawal.done",
    "late_note.before_record",
    "late_note.recorded",
    "late_note.answered",
    "late_note.stored",
    "late_note.not_written_stored",
];

/// Points on the way of what becomes of a request after it was sent; besides, its note passes those of a late note.
pub const POINTS_OF_AMENDMENTS: &[&str] =
    &["amendment.in_commit", "amendment.recorded", "amendment.answered", "amendment.stored"];

/// Points on the way of what a buyer says after a request; besides, its note passes those of a late note.
pub const POINTS_OF_TALK: &[&str] = &["later.in_commit", "talk.in_commit", "talk.told_in_commit"];

/// Points on the way of a buyer's topic in the managers' group.
pub const POINTS_OF_TOPICS: &[&str] = &["topic.recorded", "topic.created", "topic.in_commit", "topic.stored"];

/// Points on the way of a request that is put under an open lead of its buyer; besides, it passes those of a lead's note.
pub const POINTS_OF_REPEATS: &[&str] = &["repeat.before_record", "repeat.in_commit", "repeat.stored", "repeat.undone"];

/// Points on the way of a form that was left unfinished and becomes a lead.
pub const POINTS_OF_UNFINISHED: &[&str] = &["unfinished.before_commit", "unfinished.in_commit", "unfinished.stored"];

/// Points on the way of a stage in amoCRM to the buyer.
pub const POINTS_OF_STATUSES: &[&str] = &["status.recorded", "status.in_commit", "status.stored"];

/// Points on the way of managers' work: each has its death in a test of its own.
pub const POINTS_OF_WORK: &[&str] = &[
    "lead_work.in_commit",
    "lead_work.stored",
    "card.in_commit",
    "press.in_commit",
    "press.stored",
    "lead_action.recorded",
    "lead_action.answered",
    "lead_action.stored",
    "lead_action.not_done_stored",
    "reminder.in_commit",
    "reminder.stored",
];

/// A place where a test may kill the process.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    armed::pass(name);
}

/// A place where a test may kill the process.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_: &'static str) {}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    /// What the environment asks for at one point.
    struct Armed {
        name: String,
        times: u64,
        passed: AtomicU64,
    }

    static KILL: LazyLock<Option<Armed>> = LazyLock::new(|| read("TEST_KILL_AT"));
    static PANIC: LazyLock<Option<Armed>> = LazyLock::new(|| read("TEST_PANIC_AT"));

    fn read(variable: &str) -> Option<Armed> {
        let text = std::env::var(variable).ok()?;
        let (name, times) = text.rsplit_once(':').unwrap_or((&text, "1"));
        Some(Armed { name: name.to_owned(), times: times.parse().ok()?, passed: AtomicU64::new(0) })
    }

    impl Armed {
        /// How often this point was passed, if it is this one.
        fn passed(&self, name: &str) -> Option<u64> {
            (self.name == name).then(|| self.passed.fetch_add(1, Ordering::Relaxed) + 1)
        }
    }

    pub(super) fn pass(name: &'static str) {
        debug_assert!(
            [
                super::POINTS,
                super::POINTS_AFTERWARDS,
                super::POINTS_OF_AMENDMENTS,
                super::POINTS_OF_TALK,
                super::POINTS_OF_TOPICS,
                super::POINTS_OF_UNFINISHED,
                super::POINTS_OF_STATUSES,
                super::POINTS_OF_WORK,
                super::POINTS_OF_REPEATS,
            ]
            .iter()
            .any(|list| list.contains(&name)),
            "{name} is not in the list of fault points"
        );
        if let Some(kill) = &*KILL
            && kill.passed(name) == Some(kill.times)
        {
            std::process::abort();
        }
        if let Some(panic) = &*PANIC
            && panic.passed(name).is_some_and(|passed| passed <= panic.times)
        {
            panic!("a test asked for a panic at {name}");
        }
    }
}
