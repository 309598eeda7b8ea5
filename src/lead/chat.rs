//! Which conversation: the messenger and its number there.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A messenger.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Channel {
    /// Telegram.
    Telegram,
}

impl Channel {
    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A conversation: with a buyer, with the admin, or a group. The same number in another messenger is another conversation.
///
/// In JSON and as a text a conversation of Telegram is its bare number, as every version has written it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatRef {
    /// The messenger.
    pub channel: Channel,
    /// The number that the messenger has for it.
    pub id: i64,
}

impl ChatRef {
    /// A conversation of Telegram.
    pub const fn telegram(id: i64) -> Self {
        Self { channel: Channel::Telegram, id }
    }

    /// Whether it is a group.
    pub const fn is_group(self) -> bool {
        match self.channel {
            Channel::Telegram => self.id < 0,
        }
    }

    /// The user whose private chat it is: in Telegram that has the user's id.
    pub fn user(self) -> Option<i64> {
        match self.channel {
            Channel::Telegram => Some(self.id).filter(|_| !self.is_group()),
        }
    }
}

impl Display for ChatRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.channel {
            Channel::Telegram => self.id.fmt(formatter),
        }
    }
}

impl FromStr for ChatRef {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::telegram)
    }
}

impl Serialize for ChatRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.channel {
            Channel::Telegram => serializer.serialize_i64(self.id),
        }
    }
}

impl<'de> Deserialize<'de> for ChatRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::telegram)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_name_of_a_messenger_in_the_store_is_read_as_the_same_messenger() {
        assert_eq!(Channel::Telegram.as_str(), "telegram");
        for channel in Channel::iter() {
            assert_eq!(channel.as_str().parse(), Ok(channel));
        }
        for unknown in ["", "Telegram", "viber"] {
            assert!(unknown.parse::<Channel>().is_err(), "{unknown}");
        }
    }

    #[test]
    fn documents_and_texts_have_the_number_alone_as_before() {
        for id in [0, 5, -1005, i64::MIN, i64::MAX] {
            let chat = ChatRef::telegram(id);
            assert_eq!(serde_json::to_string(&chat).expect("JSON"), id.to_string());
            assert_eq!(serde_json::from_str::<ChatRef>(&id.to_string()).expect("a chat"), chat);
            assert_eq!((chat.to_string(), id.to_string().parse()), (id.to_string(), Ok(chat)));
            assert_eq!((chat.is_group(), chat.user().is_none()), (id < 0, id < 0));
        }
        assert!(serde_json::from_str::<ChatRef>("\"telegram\"").is_err());
        assert!("7/8".parse::<ChatRef>().is_err());
    }
}
