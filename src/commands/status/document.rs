//! What `status` knows, as `--json` prints it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{notice::Shortage, store::SourceFigures};

/// What `status --json` prints; times are RFC 3339, UTC.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) version: &'static str,
    /// Path of the file, or the database without user and password.
    pub(super) store: String,
    pub(super) store_exists: bool,
    pub(super) daemon_running: bool,
    pub(super) verdict: String,
    /// How bad that is: `good`, `odd` where leads get through and something is to be looked at, `bad`.
    pub(super) health: Health,
    pub(super) reason: Option<String>,
    pub(super) advice: Option<String>,
    pub(super) waiting: i64,
    pub(super) rejected: i64,
    pub(super) unreadable: i64,
    pub(super) uncertain: i64,
    pub(super) delivered_last_24h: i64,
    pub(super) oldest_waiting_since: Option<DateTime<Utc>>,
    pub(super) last_delivery_at: Option<DateTime<Utc>>,
    pub(super) messages_owed: i64,
    /// What buyers have said after a request and amoCRM does not have yet.
    pub(super) later_messages_waiting: i64,
    pub(super) updates_set_aside: i64,
    /// Entries of `backup_leads.json` that nobody has imported yet.
    pub(super) backup_file_not_taken_in: i64,
    /// Delivered leads whose stage in amoCRM is asked about.
    pub(super) leads_watched: i64,
    /// Stages of which buyers are still to be told.
    pub(super) status_messages_owed: i64,
    /// When amoCRM was last asked where leads stand, and how: `ids`, `events`, `newest`.
    pub(super) statuses_asked_at: Option<DateTime<Utc>>,
    pub(super) statuses_asked_by: Option<&'static str>,
    pub(super) outage_since: Option<DateTime<Utc>>,
    pub(super) goes_without: Vec<Without>,
    /// Names of the ways to Telegram, in order of preference.
    pub(super) telegram_routes: Vec<String>,
    /// Since when what buyers write does not arrive.
    pub(super) telegram_fails_since: Option<DateTime<Utc>>,
    /// Ways by which alerts go that Telegram does not take: `webhook`, `email`.
    pub(super) second_way: Vec<&'static str>,
    /// When `backup-store --keep` last made a copy of the store, where, and since when and why it makes none.
    pub(super) newest_copy_at: Option<DateTime<Utc>>,
    pub(super) copies_folder: Option<String>,
    pub(super) copies_fail_since: Option<DateTime<Utc>>,
    pub(super) copies_fail: Option<String>,
    /// What came of each source within the last 30 days.
    pub(super) sources: Vec<CameFrom>,
    pub(super) tokens: Tokens,
}

/// How bad a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Good,
    Odd,
    Bad,
}

/// What came of one source; `code` may also be `other` and `none`.
#[derive(Debug, Serialize)]
pub(super) struct CameFrom {
    pub(super) code: String,
    pub(super) name: Option<String>,
    pub(super) came: u64,
    pub(super) requests: u64,
    pub(super) delivered: u64,
    /// Forms that are open, by the question where they stand; `idle` are those who came and have none.
    pub(super) left: BTreeMap<String, u64>,
    pub(super) percent: Option<u64>,
}

impl From<SourceFigures> for CameFrom {
    fn from(figures: SourceFigures) -> Self {
        let (came, percent) = (figures.came(), figures.percent());
        let SourceFigures { label, name, requests, delivered, left } = figures;
        Self { code: label, name, came, requests, delivered, left, percent }
    }
}

/// What of the settings amoCRM does not take.
#[derive(Debug, Serialize)]
pub(super) struct Without {
    #[serde(flatten)]
    pub(super) what: Shortage,
    pub(super) setting: String,
    pub(super) since: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    pub(super) configured: bool,
    pub(super) kind: &'static str,
    pub(super) source: Option<String>,
    pub(super) access_expires_at: Option<DateTime<Utc>>,
    pub(super) refreshed_at: Option<DateTime<Utc>>,
    pub(super) problem: Option<String>,
}
