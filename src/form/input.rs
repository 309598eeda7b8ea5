//! What a buyer did, in the dialogue's terms.

use crate::{
    clock::Millis,
    lead::{BuyerFile, CarLink, LeadNumber, SourceCode},
    notice::MyRequest,
};

/// A button of ours, as it is in its callback data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// Consent is given.
    ConsentAccept,
    /// Show the document that is consented to.
    ConsentDocument,
    /// The open question is passed over; buttons of an earlier version name it.
    Skip(Option<String>),
    /// One of the choices of a question, or what else is offered there.
    Answer {
        /// The question's key.
        question: String,
        /// Which of them, from 0.
        choice: usize,
    },
    /// The answer that is there already stays.
    Keep,
    /// A question that takes several messages has all of them.
    Done,
    /// The card is right, send it.
    Submit,
    /// Change the answer to the question with this key.
    Edit(String),
    /// To the question before; while one answer is changed, to the card.
    Back,
    /// Throw the form away.
    Cancel,
    /// Throw the form away and begin a new one.
    Restart,
    /// Delete everything of mine: the second press.
    Delete {
        /// When it was asked whether one is sure.
        asked_at: Millis,
    },
    /// Delete nothing.
    KeepData,
    /// Speak the language with this code from now on.
    Language(String),
    /// Begin a form, or go on with the open one.
    Start,
    /// Remove all files from the form.
    DropFiles,
    /// Remove what stands in the form for the manager.
    DropWish,
    /// About a request that was sent.
    Mine(MyPress),
}

/// A button about a request that was sent; its data end with the request's number, and what belongs to the button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MyPress {
    /// Which answer is to be corrected.
    Correct(LeadNumber),
    /// This one.
    Change(LeadNumber, String),
    /// The new answer is right.
    Save(LeadNumber),
    /// Take it back: the first press, which only asks.
    TakeBack(LeadNumber),
    /// The second press.
    TakeBackSure(LeadNumber, Millis),
    /// Leave it as it is.
    Keep(LeadNumber),
}

/// All their data begin so.
const MINE: &str = "my";

impl MyPress {
    /// The request.
    pub fn number(&self) -> &LeadNumber {
        match self {
            Self::Correct(number)
            | Self::Change(number, _)
            | Self::Save(number)
            | Self::TakeBack(number)
            | Self::TakeBackSure(number, _)
            | Self::Keep(number) => number,
        }
    }

    fn parse(data: &str) -> Option<Self> {
        let mut parts = data.split(':');
        let (action, number, rest) = (parts.next()?, LeadNumber::parse(parts.next()?)?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        Some(match (action, rest) {
            ("correct", None) => Self::Correct(number),
            ("change", Some(key)) => Self::Change(number, key.to_owned()),
            ("save", None) => Self::Save(number),
            ("withdraw", None) => Self::TakeBack(number),
            ("withdraw", Some(asked_at)) => Self::TakeBackSure(number, asked_at.parse().ok()?),
            ("keep", None) => Self::Keep(number),
            _ => return None,
        })
    }

    fn data(&self) -> String {
        let number = self.number();
        match self {
            Self::Correct(_) => format!("{MINE}:correct:{number}"),
            Self::Change(_, key) => format!("{MINE}:change:{number}:{key}"),
            Self::Save(_) => format!("{MINE}:save:{number}"),
            Self::TakeBack(_) => format!("{MINE}:withdraw:{number}"),
            Self::TakeBackSure(_, asked_at) => format!("{MINE}:withdraw:{number}:{asked_at}"),
            Self::Keep(_) => format!("{MINE}:keep:{number}"),
        }
    }
}

impl Press {
    /// Parses callback data; `None` when it is not the buyer's dialogue's.
    pub fn parse(data: &str) -> Option<Self> {
        Some(match data {
            "consent:accept" => Self::ConsentAccept,
            "consent:document" => Self::ConsentDocument,
            "skip" => Self::Skip(None),
            "keep" => Self::Keep,
            "done" => Self::Done,
            "submit" => Self::Submit,
            "back" => Self::Back,
            "cancel" => Self::Cancel,
            "restart" => Self::Restart,
            "start" => Self::Start,
            "files:drop" => Self::DropFiles,
            "wish:drop" => Self::DropWish,
            "delete:keep" => Self::KeepData,
            _ => match data.split_once(':')? {
                ("skip", key) => Self::Skip(Some(key.to_owned())),
                ("edit", key) => Self::Edit(key.to_owned()),
                ("delete", asked_at) => Self::Delete { asked_at: asked_at.parse().ok()? },
                (MINE, rest) => Self::Mine(MyPress::parse(rest)?),
                ("language", code) => Self::Language(code.to_owned()),
                ("answer", rest) => {
                    let (question, choice) = rest.rsplit_once(':')?;
                    let is_number = choice.bytes().all(|byte| byte.is_ascii_digit());
                    let choice = choice.parse().ok().filter(|_| is_number)?;
                    Self::Answer { question: question.to_owned(), choice }
                }
                _ => return None,
            },
        })
    }

    /// Whether it means nothing but the form on whose message it stands.
    pub(super) fn is_about_a_form(&self) -> bool {
        match self {
            Self::ConsentAccept
            | Self::Skip(_)
            | Self::Answer { .. }
            | Self::Keep
            | Self::Done
            | Self::Submit
            | Self::Edit(_)
            | Self::Back
            | Self::Cancel
            | Self::Restart
            | Self::DropFiles
            | Self::DropWish => true,
            Self::ConsentDocument
            | Self::Delete { .. }
            | Self::KeepData
            | Self::Language(_)
            | Self::Start
            | Self::Mine(_) => false,
        }
    }

    /// Its callback data, 1 to 64 bytes.
    pub fn data(&self) -> String {
        match self {
            Self::ConsentAccept => "consent:accept".into(),
            Self::ConsentDocument => "consent:document".into(),
            Self::Skip(None) => "skip".into(),
            Self::Skip(Some(key)) => format!("skip:{key}"),
            Self::Answer { question, choice } => format!("answer:{question}:{choice}"),
            Self::Keep => "keep".into(),
            Self::Done => "done".into(),
            Self::Submit => "submit".into(),
            Self::Edit(key) => format!("edit:{key}"),
            Self::Back => "back".into(),
            Self::Cancel => "cancel".into(),
            Self::Restart => "restart".into(),
            Self::Delete { asked_at } => format!("delete:{asked_at}"),
            Self::KeepData => "delete:keep".into(),
            Self::Language(code) => format!("language:{code}"),
            Self::Start => "start".into(),
            Self::DropFiles => "files:drop".into(),
            Self::DropWish => "wish:drop".into(),
            Self::Mine(press) => press.data(),
        }
    }
}

/// What a buyer did, in the dialogue's terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `/start`, also with words behind it that are no code of a link.
    Start,
    /// `/start CODE`, as the app sends it for `https://t.me/BOT?start=CODE`.
    StartFrom(SourceCode),
    /// `/cancel`.
    Cancel,
    /// `/help`.
    Help,
    /// `/skip`.
    Skip,
    /// `/my`, with the person's requests, the newest first.
    My(Vec<MyRequest>),
    /// `/language`, with the words behind it.
    Language(String),
    /// `/delete`, or words that ask for it.
    Delete,
    /// A command that is not ours.
    UnknownCommand,
    /// Any text that is no command.
    Text {
        /// What was typed.
        text: String,
        /// The addresses the message holds without showing them.
        links: Vec<String>,
    },
    /// A text that somebody else has written.
    Forwarded {
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
        /// The file, where it is one that can be kept.
        file: Option<BuyerFile>,
        /// Telegram's id of the album it is a part of.
        album: Option<String>,
    },
}

impl Input {
    /// The album that a file is a part of.
    pub fn album(&self) -> Option<&str> {
        match self {
            Self::Media { file: Some(_), album, .. } => album.as_deref(),
            _ => None,
        }
    }

    /// Whether it is a command that does something for whoever gives it, also in a flood.
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::StartFrom(_)
                | Self::Cancel
                | Self::Help
                | Self::My(_)
                | Self::Language(_)
                | Self::Delete
        )
    }

    /// Whether it is a button after which its message needs none.
    pub fn is_pressed_once(&self) -> bool {
        // A list of requests is looked at more than once.
        let is_of_a_list =
            |press: &MyPress| matches!(press, MyPress::Correct(_) | MyPress::Change(..) | MyPress::TakeBack(_));
        matches!(self, Self::Press(press) if match press {
            Press::Mine(mine) => !is_of_a_list(mine),
            // The document is shown, and the question stays.
            press => *press != Press::ConsentDocument,
        })
    }

    /// Whether there is a link in the words under a photo, or behind them.
    pub fn has_link(&self) -> bool {
        match self {
            Self::Media { caption, links, .. } => {
                matches!(CarLink::find(caption.as_deref().unwrap_or_default(), links), Ok(Some(_)))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tools press these, and they stand in chats.
    #[test]
    fn callback_data_is_a_contract() {
        let number = || LeadNumber::parse("K7M2QXA").expect("a number");
        for (data, press) in [
            ("consent:accept", Press::ConsentAccept),
            ("consent:document", Press::ConsentDocument),
            ("skip", Press::Skip(None)),
            ("submit", Press::Submit),
            ("edit:name", Press::Edit("name".into())),
            ("edit:phone", Press::Edit("phone".into())),
            ("edit:budget", Press::Edit("budget".into())),
            ("edit:car_link", Press::Edit("car_link".into())),
            ("back", Press::Back),
            ("cancel", Press::Cancel),
            ("restart", Press::Restart),
            ("delete:1764174000000", Press::Delete { asked_at: 1_764_174_000_000 }),
            ("delete:keep", Press::KeepData),
            ("language:pt-br", Press::Language("pt-br".into())),
            ("start", Press::Start),
            ("files:drop", Press::DropFiles),
            ("wish:drop", Press::DropWish),
            ("skip:city", Press::Skip(Some("city".into()))),
            ("answer:city:0", Press::Answer { question: "city".into(), choice: 0 }),
            ("answer:budget:12", Press::Answer { question: "budget".into(), choice: 12 }),
            ("keep", Press::Keep),
            ("done", Press::Done),
            ("my:correct:K7M2QXA", Press::Mine(MyPress::Correct(number()))),
            ("my:change:K7M2QXA:car_link", Press::Mine(MyPress::Change(number(), "car_link".into()))),
            ("my:save:K7M2QXA", Press::Mine(MyPress::Save(number()))),
            ("my:withdraw:K7M2QXA", Press::Mine(MyPress::TakeBack(number()))),
            ("my:withdraw:K7M2QXA:1764174000000", Press::Mine(MyPress::TakeBackSure(number(), 1_764_174_000_000))),
            ("my:keep:K7M2QXA", Press::Mine(MyPress::Keep(number()))),
        ] {
            assert_eq!(Press::parse(data).as_ref(), Some(&press));
            assert_eq!(press.data(), data);
        }
        for strange in [
            "",
            "admin:leads",
            "choose:city:msk",
            "answer:city",
            "answer:city:+1",
            "edit",
            "consent:",
            "lead:1",
            "my:correct",
            "my:correct:x",
            "my:save:K7M2QXA:name",
            "my:change:K7M2QXA",
        ] {
            assert_eq!(Press::parse(strange), None, "{strange}");
        }
    }
}
