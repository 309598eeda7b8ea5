//! What a buyer did, in the dialogue's terms.

use super::Field;
use crate::lead::CarLink;

/// A button of ours, as it stands in its callback data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// The privacy policy is accepted.
    ConsentAccept,
    /// No link to a car.
    Skip,
    /// The card is right, send it.
    Submit,
    /// Change one answer.
    Edit(Field),
    /// Leave an answer as it was.
    Back,
    /// Throw the form away.
    Cancel,
    /// Throw the form away and begin a new one.
    Restart,
}

impl Press {
    /// Parses callback data; `None` when it is not the buyer's dialogue's.
    pub fn parse(data: &str) -> Option<Self> {
        Some(match data {
            "consent:accept" => Self::ConsentAccept,
            "skip" => Self::Skip,
            "submit" => Self::Submit,
            "edit:name" => Self::Edit(Field::Name),
            "edit:phone" => Self::Edit(Field::Phone),
            "edit:budget" => Self::Edit(Field::Budget),
            "edit:car_link" => Self::Edit(Field::CarLink),
            "back" => Self::Back,
            "cancel" => Self::Cancel,
            "restart" => Self::Restart,
            _ => return None,
        })
    }
}

/// What a buyer did, in the dialogue's terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `/start`, with or without a payload.
    Start,
    /// `/cancel`.
    Cancel,
    /// `/help`.
    Help,
    /// `/skip`.
    Skip,
    /// A command that is not ours.
    UnknownCommand,
    /// Any text that is no command.
    Text {
        /// What was typed.
        text: String,
        /// The addresses the message holds without showing them.
        links: Vec<String>,
    },
    /// A contact card.
    Contact {
        /// Its number, with or without `+`.
        phone: String,
        /// Whether it is the sender's own.
        own: bool,
    },
    /// One of our buttons.
    Press(Press),
    /// A button whose data we do not know.
    UnknownPress,
    /// A message that was sent earlier was edited.
    Edited,
    /// Photo, voice, sticker, location, …
    Media {
        /// Its caption: a forwarded advertisement often holds the link there.
        caption: Option<String>,
        /// The addresses the message holds without showing them.
        links: Vec<String>,
    },
}

impl Input {
    /// Whether there is a link in the words under a photo, or behind them.
    pub fn has_link(&self) -> bool {
        match self {
            Self::Media { caption, links } => {
                matches!(CarLink::find(caption.as_deref().unwrap_or_default(), links), Ok(Some(_)))
            }
            _ => false,
        }
    }
}
