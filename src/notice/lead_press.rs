//! The buttons under a lead's card in the managers' chat. Callback data is a contract: buttons of every version stand in chats.

use crate::lead::LeadNumber;

/// All callback data of the managers' chat begins so.
const PREFIX: &str = "lead:";

/// What a manager says of a lead by a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum LeadDeed {
    /// I take it.
    Take,
    /// The buyer was reached.
    Reached,
    /// The buyer does not answer.
    NoAnswer,
    /// It is no lead: the first press asks, the second does it.
    Junk,
}

/// A button under a lead's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadPress {
    /// What it says.
    pub deed: LeadDeed,
    /// Of which lead.
    pub number: LeadNumber,
}

impl LeadPress {
    /// Its callback data, 1 to 64 bytes.
    pub fn data(&self) -> String {
        format!("{PREFIX}{}:{}", <&str>::from(self.deed), self.number.as_str())
    }

    /// Reads callback data; `None` when it is none of these buttons.
    pub fn parse(data: &str) -> Option<Self> {
        let (deed, number) = data.strip_prefix(PREFIX)?.split_once(':')?;
        Some(Self { deed: deed.parse().ok()?, number: LeadNumber::parse(number)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stays_as_it_is() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        for (deed, data) in [
            (LeadDeed::Take, "lead:take:K7M2QXA"),
            (LeadDeed::Reached, "lead:reached:K7M2QXA"),
            (LeadDeed::NoAnswer, "lead:no_answer:K7M2QXA"),
            (LeadDeed::Junk, "lead:junk:K7M2QXA"),
        ] {
            let press = LeadPress { deed, number: number.clone() };
            assert_eq!((press.data().as_str(), LeadPress::parse(data)), (data, Some(press)));
        }
        for data in ["", "lead:", "lead:take", "lead:take:", "lead:take:x", "lead:give:K7M2QXA", "admin:lead:K7M2QXA"] {
            assert_eq!(LeadPress::parse(data), None, "{data}");
        }
    }
}
