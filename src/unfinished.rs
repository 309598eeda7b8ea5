//! Forms that buyers have left unfinished: they are reminded of each once, and never at night; and later what there is of it is
//! sent ([`UnfinishedSender`]), where the dealer wants that.
//!
//! When a form is due follows from its dialogue's last update, so nothing has to be remembered but that it was told; that is
//! committed with what is told.

mod sending;

use std::time::Duration;

use chrono::{DateTime, TimeZone, Timelike, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::{Millis, date},
    form::{
        Form, answers_so_far,
        stored::{AllWords, read, read_draft},
    },
    notice::{Notice, Say},
    store::{Dialogues, LeftForm, NewMessage, StoreError},
};

pub use sending::{UnfinishedSender, Waiting};

/// How often forms are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// A form that was left for so long is not spoken of any more: the bot was away, and the car may be sold.
const NO_LONGER: Duration = Duration::from_secs(3 * 24 * 3600);

/// Nobody is written to from this hour on …
const NIGHT_FROM: u32 = 22;
/// … until this one.
const NIGHT_UNTIL: u32 = 9;

/// Whether nobody is to be written to unasked.
pub fn is_night<Tz: TimeZone>(at: DateTime<Utc>, zone: &Tz) -> bool {
    let hour = at.with_timezone(zone).hour();
    !(NIGHT_UNTIL..NIGHT_FROM).contains(&hour)
}

/// Reminds buyers of forms.
#[derive(Debug)]
pub struct Reminders<Tz> {
    /// Where the forms are.
    pub dialogues: Dialogues,
    /// What is asked.
    pub form: Form,
    /// Its words in every language.
    pub words: AllWords,
    /// After so long without a word.
    pub after: Duration,
    /// The dealer's clock.
    pub time_zone: Tz,
}

impl<Tz: TimeZone> Reminders<Tz> {
    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.dialogues.clock();
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                warn!(%error, "buyers are reminded of their forms later");
            }
            tokio::select! {
                () = tokio::time::sleep(clock.period(LOOK)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Reminds of what is due now; returns how many.
    pub async fn look(&self) -> Result<usize, StoreError> {
        let clock = self.dialogues.clock();
        let now = clock.now();
        if is_night(date(now), &self.time_zone) {
            return Ok(0);
        }
        let until = now - clock.millis(self.after);
        let mut reminded = 0;
        for left in self.dialogues.left_forms(until - clock.millis(NO_LONGER), until).await? {
            reminded += usize::from(self.remind(&left, now).await?);
        }
        if reminded > 0 {
            info!(reminded, "buyers are reminded of forms they have left");
        }
        Ok(reminded)
    }

    async fn remind(&self, left: &LeftForm, now: Millis) -> Result<bool, StoreError> {
        let document: Value = serde_json::from_str(&left.draft).unwrap_or_default();
        let Some(id) = read::<String>(&document["draft"]["id"]) else { return Ok(false) };
        let Some(draft) = read_draft(&document["draft"], &self.form, self.words) else { return Ok(false) };
        if left.reminded.as_ref() == Some(&id) {
            return Ok(false);
        }
        // What was written before consent is not repeated until it is given.
        let answers = match left.step.as_str() {
            "consent" if draft.consent_at.is_none() => Vec::new(),
            _ => answers_so_far(&draft, &self.form, self.words),
        };
        let notice = Notice::Reply(vec![Say::Unfinished { answers }]);
        let message = NewMessage { chat: left.chat, notice, due_at: now };
        self.dialogues.remind(left, &id, &message).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn the_night_is_the_dealers() {
        let at = |hour, minute| Utc.with_ymd_and_hms(2026, 12, 1, hour, minute, 0).single().expect("a time");
        let moscow = FixedOffset::east_opt(3 * 3600).expect("an offset");
        let vladivostok = FixedOffset::east_opt(10 * 3600).expect("an offset");
        for (utc, in_moscow, in_vladivostok) in [
            (at(5, 59), true, false),
            (at(6, 0), false, false),
            (at(11, 59), false, false),
            (at(12, 0), false, true),
            (at(18, 59), false, true),
            (at(19, 0), true, true),
            (at(22, 59), true, true),
            (at(23, 0), true, false),
        ] {
            assert_eq!((is_night(utc, &moscow), is_night(utc, &vladivostok)), (in_moscow, in_vladivostok), "{utc}");
        }
    }
}
