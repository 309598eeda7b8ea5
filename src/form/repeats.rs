//! Recognises a message that was sent twice: the second copy is no answer to the next question.
//!
//! People send again when nothing seems to happen, or tap twice. A copy comes within seconds, or was written before the
//! first one was taken (the bot was away). The same words later, once the next question was there to read, are an answer.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Two equal messages sent so near to each other are one.
const WITHIN: TimeDelta = TimeDelta::seconds(5);

/// Telegram gives whole seconds.
const PRECISION: TimeDelta = TimeDelta::seconds(1);

/// The last text that was taken as an answer; of the text itself only a fingerprint is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenText {
    fingerprint: String,
    /// By Telegram's clock.
    sent_at: DateTime<Utc>,
    /// By ours.
    taken_at: DateTime<Utc>,
}

impl TakenText {
    /// A text that is taken now.
    pub fn new(text: &str, sent_at: DateTime<Utc>, taken_at: DateTime<Utc>) -> Self {
        Self { fingerprint: fingerprint(text), sent_at, taken_at }
    }

    /// Whether a text that was sent then is this one's copy.
    pub fn is_repeated_by(&self, text: &str, sent_at: DateTime<Utc>) -> bool {
        let is_near = (sent_at - self.sent_at).abs() <= WITHIN;
        let is_older_than_the_answer = sent_at >= self.sent_at && sent_at + PRECISION <= self.taken_at;
        (is_near || is_older_than_the_answer) && self.fingerprint == fingerprint(text)
    }
}

fn fingerprint(text: &str) -> String {
    format!("{:.16x}", Sha256::digest(text.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is stored with the dialogue.
    #[test]
    fn a_fingerprint_is_the_beginning_of_a_sha_256_in_hex() {
        assert_eq!(fingerprint(" Иван\n"), "cc0781950ffebec6");
    }

    #[test]
    fn a_copy_is_near_or_written_before_the_answer() {
        let at = |seconds: i64| DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a time");
        for (text, sent_at, taken_at, want) in [
            ("Иван", 0, 0, true),
            ("Иван", 1, 0, true),
            (" Иван ", 5, 0, true),
            ("Иван", 6, 0, false),
            ("Иван", -1, 0, true),
            ("Пётр", 1, 0, false),
            ("Иван", 40, 60, true),
            ("Иван", 60, 60, false),
            ("Иван", -40, 60, false),
        ] {
            let taken = TakenText::new("Иван", at(0), at(taken_at));
            assert_eq!(taken.is_repeated_by(text, at(sent_at)), want, "{text} {sent_at} {taken_at}");
        }
    }
}
