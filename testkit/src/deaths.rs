//! Deaths: the daemon dies at a fault point amid some trouble, and somebody goes on where it was, the same daemon
//! started again or another one that has waited to take over.

mod playing;

use std::collections::BTreeSet;

use amocrm_lead_bot::fault::POINTS;

pub use playing::{die_at, die_with_answers_unsent};

/// What else goes on while the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// The CRM knows the buyer already.
    KnownContact,
    /// The lead is created, the answer is lost.
    CreateLost,
    /// The lead is not created, and nobody says so.
    CreateSwallowed,
    /// The note is written, the answer is lost.
    NoteLost,
    /// The note is not written, and nobody says so.
    NoteSwallowed,
    /// The lead becomes a part of the buyer's older one before its note is written.
    Merged,
    /// The account is not paid for at first.
    NotPaid,
    /// amoCRM does not like a field.
    FieldRefused,
    /// amoCRM does not like the lead, until somebody fixes it and sends it again.
    LeadRefused,
    /// amoCRM is down until the daemon has died.
    Down,
    /// Leads of the older tool wait in the backup file.
    OldFile,
    /// The access token is not taken any more.
    TokenExpired,
    /// Two pictures go with the request.
    Files,
    /// The drive has a picture, the answer to its last part is lost.
    UploadLost,
    /// A part of a picture is lost.
    PartLost,
    /// A picture is attached, the answer is lost.
    AttachLost,
    /// A picture is not attached, and nobody says so.
    AttachSwallowed,
    /// The integration has no right to files.
    NoFiles,
}

impl Trouble {
    fn has_files(self) -> bool {
        use Trouble::{AttachLost, AttachSwallowed, Files, NoFiles, PartLost, UploadLost};
        matches!(self, Files | UploadLost | PartLost | AttachLost | AttachSwallowed | NoFiles)
    }
}

/// Where, at which passage, and amid what.
pub type Death = (&'static str, u32, Trouble);

/// One death at least for every fault point.
pub const DEATHS: &[Death] = &[
    ("intake.received", 1, Trouble::None),
    ("intake.received", 7, Trouble::None),
    ("intake.before_commit", 1, Trouble::None),
    ("intake.before_commit", 6, Trouble::None),
    ("intake.in_commit", 6, Trouble::None),
    ("intake.after_commit", 3, Trouble::None),
    ("intake.after_commit", 6, Trouble::None),
    ("intake.after_reply", 5, Trouble::None),
    ("intake.after_reply", 6, Trouble::None),
    ("batch.before_commit", 1, Trouble::None),
    ("batch.before_commit", 6, Trouble::None),
    ("batch.after_commit", 2, Trouble::None),
    ("batch.after_commit", 6, Trouble::None),
    ("outbox.taken", 1, Trouble::None),
    ("outbox.taken", 6, Trouble::None),
    ("intake.before_confirm", 4, Trouble::None),
    ("intake.before_confirm", 8, Trouble::None),
    ("outbox.before_send", 1, Trouble::None),
    ("outbox.after_send", 1, Trouble::None),
    ("outbox.after_done", 1, Trouble::None),
    ("claim.after", 1, Trouble::None),
    ("contact.answered", 1, Trouble::KnownContact),
    ("contact.recorded", 1, Trouble::KnownContact),
    ("create.before_record", 1, Trouble::None),
    ("create.recorded", 1, Trouble::None),
    ("create.answered", 1, Trouble::None),
    ("create.in_commit", 1, Trouble::None),
    ("create.stored", 1, Trouble::None),
    ("create.uncertain_stored", 1, Trouble::CreateLost),
    ("lookup.before", 1, Trouble::CreateLost),
    ("lookup.answered", 1, Trouble::CreateLost),
    ("create.in_commit", 1, Trouble::CreateLost),
    ("lookup.missed_stored", 1, Trouble::CreateSwallowed),
    ("lookup.absent_stored", 1, Trouble::CreateSwallowed),
    ("create.recorded", 2, Trouble::CreateSwallowed),
    ("create.answered", 2, Trouble::CreateSwallowed),
    ("create.not_sent_stored", 1, Trouble::NotPaid),
    ("create.degraded_stored", 1, Trouble::FieldRefused),
    ("create.rejected_stored", 1, Trouble::LeadRefused),
    ("note.before_record", 1, Trouble::None),
    ("note.recorded", 1, Trouble::None),
    ("note.answered", 1, Trouble::None),
    ("note.uncertain_stored", 1, Trouble::NoteLost),
    ("note.read", 1, Trouble::NoteLost),
    ("note.read", 3, Trouble::NoteSwallowed),
    ("note.recorded", 2, Trouble::NoteSwallowed),
    ("note.answered", 2, Trouble::NoteSwallowed),
    ("merged.before_record", 1, Trouble::Merged),
    ("merged.stored", 1, Trouble::Merged),
    ("delivered.in_commit", 1, Trouble::None),
    ("delivered.stored", 1, Trouble::None),
    ("file.looked", 1, Trouble::Files),
    ("file.looked", 2, Trouble::AttachLost),
    ("upload.before_record", 1, Trouble::Files),
    ("upload.before_record", 2, Trouble::PartLost),
    ("upload.recorded", 1, Trouble::Files),
    ("upload.answered", 1, Trouble::Files),
    ("upload.answered", 1, Trouble::UploadLost),
    ("upload.uncertain_stored", 1, Trouble::UploadLost),
    ("upload.stored", 2, Trouble::Files),
    ("attach.before_record", 1, Trouble::Files),
    ("attach.recorded", 1, Trouble::Files),
    ("attach.recorded", 2, Trouble::AttachSwallowed),
    ("attach.answered", 1, Trouble::Files),
    ("attach.answered", 1, Trouble::AttachLost),
    ("attach.uncertain_stored", 1, Trouble::AttachLost),
    ("file.in_commit", 1, Trouble::Files),
    ("file.stored", 1, Trouble::Files),
    ("file.in_commit", 2, Trouble::NoFiles),
    ("file.stored", 1, Trouble::NoFiles),
    ("saved.in_commit", 1, Trouble::Down),
    ("saved.stored", 1, Trouble::Down),
    ("outbox.after_send", 2, Trouble::Down),
    ("backup.before_write", 1, Trouble::Down),
    ("backup.before_rename", 1, Trouble::Down),
    ("backup.after_rename", 1, Trouble::Down),
    ("import.in_commit", 1, Trouble::OldFile),
    ("import.stored", 1, Trouble::OldFile),
    ("tokens.before_refresh", 1, Trouble::TokenExpired),
    ("tokens.answered", 1, Trouble::TokenExpired),
    ("tokens.half_stored", 1, Trouble::TokenExpired),
    ("tokens.stored", 1, Trouble::TokenExpired),
];

/// Every fault point of the program has its death here, and the other way round.
pub fn assert_complete() {
    let named: BTreeSet<&str> = DEATHS.iter().map(|(point, ..)| *point).collect();
    let all: BTreeSet<&str> = POINTS.iter().copied().collect();
    assert_eq!(named, all);
}
