//! The names of all marks. They stand in stores of every version: a name that was once used keeps its meaning.

use crate::lead::ChatRef;

/// A mark that processes leave for each other or for their next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The number of the leader's term.
    Generation,
    /// When somebody last asked for everything to be tried at once, ms UTC.
    Retry,
    /// What of the settings amoCRM does not take, as JSON of the delivery's room.
    Shortages,
    /// Why amoCRM takes no files of buyers.
    FilesClosed,
    /// Until when a code of amoCRM is expected in the admin's chat, ms UTC.
    CodeExpected,
    /// Whether the admin is told of each new lead: `on` or `off`.
    NewLeads,
    /// The admin was told that amoCRM does not take what is brought up to date on leads.
    AmendmentsRefused,
    /// Since when leads are watched, and when and how they were last asked about, as JSON of that room.
    Watching,
    /// Since when requests are given to managers, ms UTC.
    WorkSince,
    /// amoCRM's user whose turn it was last.
    LastOnDuty,
    /// The admin was told that amoCRM does not take this user as responsible.
    UserRefused(i64),
    /// The admin was told that amoCRM does not take what managers' work leads to.
    ActionsRefused,
    /// The admin was told that the bot may not open topics in the managers' group.
    TopicsForbidden,
    /// Whether the admin is told every Monday what came of requests: `on` or `off`.
    WeeklyStats,
    /// How the copies of every night go, as JSON of the alerts' room.
    CopiesKept,
    /// Since when (ms UTC) what buyers write does not arrive, from the first seconds on; there while that lasts.
    PollsFail,
    /// Says nothing: it is written to see whether the store can be.
    Probe,
    /// A `state` that was given out with an address of authorization, as its SHA-256 in hex.
    AuthorizationState(String),
    /// A `state` that has brought new tokens and the code that came with it, as the SHA-256 of both in hex.
    AuthorizationDone(String),
    /// What was pressed first and by whom, by the nonce of the second button.
    FirstPress(String),
    /// The admin was told on this day (days since 1970) that a person has reached the limits.
    LimitTold {
        /// Telegram's id of the person.
        user_id: i64,
        /// The day.
        day: i64,
    },
    /// The admin was told what came of the week that ended on this Monday (days since 1970).
    StatsTold(i64),
    /// The id of the supergroup that the group with this id has become.
    GroupMoved(ChatRef),
    /// The admin was told that a page with the document that buyers consent to cannot be fetched, by the SHA-256 of its address
    /// in hex.
    ConsentDocument(String),
    /// Topics of this chat that were written in, the last one first, parted by commas.
    GroupTopics(ChatRef),
}

/// Marks that differ in what follows one beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkFamily {
    /// [`Mark::AuthorizationState`].
    AuthorizationStates,
    /// [`Mark::AuthorizationDone`].
    AuthorizationsDone,
    /// [`Mark::FirstPress`].
    FirstPresses,
    /// [`Mark::LimitTold`].
    LimitsTold,
    /// [`Mark::StatsTold`].
    StatsTold,
    /// [`Mark::GroupMoved`].
    GroupsMoved,
    /// [`Mark::GroupTopics`].
    GroupTopics,
    /// [`Mark::ConsentDocument`].
    ConsentDocuments,
    /// [`Mark::UserRefused`].
    UsersRefused,
}

impl MarkFamily {
    const ALL: [Self; 9] = [
        Self::AuthorizationStates,
        Self::AuthorizationsDone,
        Self::FirstPresses,
        Self::LimitsTold,
        Self::StatsTold,
        Self::GroupsMoved,
        Self::GroupTopics,
        Self::ConsentDocuments,
        Self::UsersRefused,
    ];

    /// How the names of all of them begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::AuthorizationStates => "auth_state:",
            Self::AuthorizationsDone => "auth_done:",
            Self::FirstPresses => "first_press:",
            Self::LimitsTold => "limit:",
            Self::StatsTold => "stats_told:",
            Self::GroupsMoved => "group_moved:",
            Self::GroupTopics => "group_topics:",
            Self::ConsentDocuments => "consent_document:",
            Self::UsersRefused => "user_refused:",
        }
    }
}

impl Mark {
    /// Its name in the store.
    pub fn name(&self) -> String {
        let of = |family: MarkFamily, rest: &str| format!("{}{rest}", family.prefix());
        match self {
            Self::Generation => "generation".to_owned(),
            Self::Retry => "retry".to_owned(),
            Self::Shortages => "shortages".to_owned(),
            Self::FilesClosed => "files_closed".to_owned(),
            Self::CodeExpected => "code_expected_until".to_owned(),
            Self::NewLeads => "new_leads".to_owned(),
            Self::AmendmentsRefused => "amendments_refused".to_owned(),
            Self::Watching => "watching".to_owned(),
            Self::ActionsRefused => "actions_refused".to_owned(),
            Self::WorkSince => "work_since".to_owned(),
            Self::LastOnDuty => "last_on_duty".to_owned(),
            Self::UserRefused(id) => of(MarkFamily::UsersRefused, &id.to_string()),
            Self::TopicsForbidden => "topics_forbidden".to_owned(),
            Self::WeeklyStats => "weekly_stats".to_owned(),
            Self::CopiesKept => "copies_kept".to_owned(),
            Self::PollsFail => "polls_fail".to_owned(),
            Self::Probe => "probe".to_owned(),
            Self::AuthorizationState(digest) => of(MarkFamily::AuthorizationStates, digest),
            Self::AuthorizationDone(digest) => of(MarkFamily::AuthorizationsDone, digest),
            Self::FirstPress(nonce) => of(MarkFamily::FirstPresses, nonce),
            Self::LimitTold { user_id, day } => of(MarkFamily::LimitsTold, &format!("{user_id}:{day}")),
            Self::StatsTold(day) => of(MarkFamily::StatsTold, &day.to_string()),
            Self::GroupMoved(from) => of(MarkFamily::GroupsMoved, &from.to_string()),
            Self::ConsentDocument(digest) => of(MarkFamily::ConsentDocuments, digest),
            Self::GroupTopics(chat) => of(MarkFamily::GroupTopics, &chat.to_string()),
        }
    }

    /// The mark with this name; `None` for one that only another version, or damage, can have left.
    pub fn parse(name: &str) -> Option<Self> {
        let single = [
            Self::Generation,
            Self::Retry,
            Self::Shortages,
            Self::FilesClosed,
            Self::CodeExpected,
            Self::NewLeads,
            Self::AmendmentsRefused,
            Self::Watching,
            Self::WorkSince,
            Self::LastOnDuty,
            Self::ActionsRefused,
            Self::TopicsForbidden,
            Self::WeeklyStats,
            Self::CopiesKept,
            Self::PollsFail,
            Self::Probe,
        ];
        if let Some(mark) = single.into_iter().find(|mark| mark.name() == name) {
            return Some(mark);
        }
        let (family, rest) =
            MarkFamily::ALL.into_iter().find_map(|family| Some((family, name.strip_prefix(family.prefix())?)))?;
        Some(match family {
            MarkFamily::AuthorizationStates => Self::AuthorizationState(rest.to_owned()),
            MarkFamily::AuthorizationsDone => Self::AuthorizationDone(rest.to_owned()),
            MarkFamily::FirstPresses => Self::FirstPress(rest.to_owned()),
            MarkFamily::LimitsTold => {
                let (user_id, day) = rest.split_once(':')?;
                Self::LimitTold { user_id: user_id.parse().ok()?, day: day.parse().ok()? }
            }
            MarkFamily::StatsTold => Self::StatsTold(rest.parse().ok()?),
            MarkFamily::GroupsMoved => Self::GroupMoved(rest.parse().ok()?),
            MarkFamily::ConsentDocuments => Self::ConsentDocument(rest.to_owned()),
            MarkFamily::UsersRefused => Self::UserRefused(rest.parse().ok()?),
            MarkFamily::GroupTopics => Self::GroupTopics(rest.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_what_stores_of_earlier_versions_have() {
        let marks = [
            (Mark::Generation, "generation"),
            (Mark::Retry, "retry"),
            (Mark::Shortages, "shortages"),
            (Mark::FilesClosed, "files_closed"),
            (Mark::CodeExpected, "code_expected_until"),
            (Mark::NewLeads, "new_leads"),
            (Mark::WorkSince, "work_since"),
            (Mark::LastOnDuty, "last_on_duty"),
            (Mark::UserRefused(7001), "user_refused:7001"),
            (Mark::AuthorizationDone("00ff".into()), "auth_done:00ff"),
            (Mark::Watching, "watching"),
            (Mark::TopicsForbidden, "topics_forbidden"),
            (Mark::WeeklyStats, "weekly_stats"),
            (Mark::StatsTold(20_000), "stats_told:20000"),
            (Mark::CopiesKept, "copies_kept"),
            (Mark::PollsFail, "polls_fail"),
            (Mark::Probe, "probe"),
            (Mark::AuthorizationState("00ff".into()), "auth_state:00ff"),
            (Mark::FirstPress("abc".into()), "first_press:abc"),
            (Mark::LimitTold { user_id: 7, day: 20_000 }, "limit:7:20000"),
            (Mark::ConsentDocument("00ff".into()), "consent_document:00ff"),
            (Mark::GroupMoved(ChatRef::telegram(-42)), "group_moved:-42"),
            (Mark::GroupTopics(ChatRef::telegram(-1_000_000_000_042)), "group_topics:-1000000000042"),
        ];
        for (mark, name) in marks {
            assert_eq!(mark.name(), name);
            assert_eq!(Mark::parse(name), Some(mark));
        }
    }

    #[test]
    fn what_no_version_up_to_this_one_has_left_is_no_mark() {
        for name in ["", "Retry", "retry ", "limit:", "limit:7", "limit:7:x", "group_moved:", "group_moved:x", "new:1"]
        {
            assert_eq!(Mark::parse(name), None, "{name:?}");
        }
    }
}
