//! How many requests are taken from one person, how many messages are each answered, and how many requests of all people the
//! admin is told of.

use super::reader::Reader;

const PER_HOUR: &str = "LEADS_PER_HOUR";
const PER_DAY: &str = "LEADS_PER_DAY";
const MESSAGES: &str = "MESSAGES_PER_MINUTE";
const ALARM: &str = "LEADS_ALARM_PER_HOUR";

/// How many requests and messages one Telegram user may send; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeadLimits {
    /// `LEADS_PER_HOUR`: within any 60 minutes.
    pub per_hour: Option<u32>,
    /// `LEADS_PER_DAY`: within any 24 hours.
    pub per_day: Option<u32>,
    /// `MESSAGES_PER_MINUTE`: so many within any 60 seconds are each answered, those that follow all at once.
    pub messages_per_minute: Option<u32>,
}

impl LeadLimits {
    /// What holds unless the settings say otherwise: more than an earnest buyer needs, less than a nuisance wants.
    pub const USUAL: Self = Self { per_hour: Some(10), per_day: Some(30), messages_per_minute: Some(20) };
}

/// Requests of all people within an hour of which the admin is told, unless the settings say otherwise.
const USUAL_ALARM: u32 = 60;

impl Reader<'_> {
    pub(super) fn lead_limits(&mut self) -> LeadLimits {
        LeadLimits {
            per_hour: self.limit(PER_HOUR, LeadLimits::USUAL.per_hour),
            per_day: self.limit(PER_DAY, LeadLimits::USUAL.per_day),
            messages_per_minute: self.limit(MESSAGES, LeadLimits::USUAL.messages_per_minute),
        }
    }

    pub(super) fn leads_alarm(&mut self) -> Option<u32> {
        self.limit(ALARM, Some(USUAL_ALARM))
    }

    fn limit(&mut self, name: &'static str, usual: Option<u32>) -> Option<u32> {
        let Some(text) = self.text(name) else { return usual };
        if text.eq_ignore_ascii_case("off") {
            return None;
        }
        match text.parse::<u32>() {
            Ok(limit) if !text.starts_with('+') => Some(limit).filter(|limit| *limit > 0),
            _ => {
                self.wrong(name, "is not a whole number", "How many are enough, such as 10; 0 or off is no limit");
                usual
            }
        }
    }
}
