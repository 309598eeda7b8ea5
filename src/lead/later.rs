//! What is said of a request after it was sent, as its managers read it: Russian, as all notes are.
//!
//! Several messages that come close together are one note: the first line says whose they are, the last when the first of them
//! was written, which also tells two notes with the same words from each other.

use chrono::{DateTime, TimeDelta, Utc};

use super::{BuyerFile, FileKind, LeadNumber, shorten};

/// Longer notes are not added to. What Telegram lets people write at once (4096 characters) fits in any case.
const LONGEST_NOTE: usize = 6000;

/// So much of one message is kept.
const LONGEST_MESSAGE: usize = 4200;

/// In place of words of which amoCRM keeps nothing.
const ONLY_PICTURES: &str = "(только эмодзи)";

/// Something that was said, with who has said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// By the buyer.
    Said(String),
    /// The buyer has written a message again.
    Corrected(String),
    /// By a manager, to the buyer.
    Answered {
        /// The manager, as Telegram shows the name.
        manager: String,
        /// What was written, as it was written.
        words: String,
    },
    /// What a manager has said has not reached the buyer, and why.
    NotReached(String),
}

impl Speech {
    /// What was said.
    pub fn words(&self) -> &str {
        match self {
            Self::Said(words) | Self::Corrected(words) | Self::Answered { words, .. } | Self::NotReached(words) => {
                words
            }
        }
    }

    fn line(&self, is_first: bool) -> String {
        let whose = match self {
            Self::Said(_) if is_first => "Сообщение покупателя",
            Self::Said(_) => "Покупатель",
            Self::Corrected(_) => "Покупатель исправил сообщение",
            Self::Answered { manager, .. } => &format!("Менеджер {manager}"),
            Self::NotReached(_) => "Сообщение менеджера не доставлено",
        };
        format!("{whose}: {}", readable(self.words()))
    }
}

/// The note with the first thing that was said, written then; `utc_offset` is how far the dealer's clock is before UTC.
pub fn speech_note(number: &LeadNumber, speech: &Speech, at: DateTime<Utc>, utc_offset: TimeDelta) -> String {
    let at = (at + utc_offset).format("%d.%m.%Y %H:%M:%S");
    format!("#{number} {}\nНаписано: {at}", speech.line(true))
}

/// A note with one more thing that was said; `None` where it would become too long.
pub fn with_speech(note: &str, speech: &Speech) -> Option<String> {
    let (before, written_at) = note.rsplit_once('\n')?;
    let longer = format!("{before}\n{}\n{written_at}", speech.line(false));
    (longer.chars().count() <= LONGEST_NOTE).then_some(longer)
}

/// A file that was shown, with its name for managers where it is kept, and the words under it.
pub fn shown_file(kind: FileKind, name: Option<&str>, caption: Option<&str>) -> String {
    let what = match kind {
        FileKind::Photo => "Фото",
        FileKind::Document => "Файл",
        FileKind::Video => "Видео",
        FileKind::Animation => "Анимация",
        FileKind::Audio => "Аудио",
        FileKind::Voice => "Голосовое сообщение",
        FileKind::VideoNote => "Видеосообщение",
    };
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    match caption.map(str::trim).filter(|caption| !caption.is_empty()) {
        Some(caption) => format!("{what}{name}: {caption}"),
        None => format!("{what}{name}"),
    }
}

/// The same of a buyer's file at a position of the lead, from 1.
pub fn shown_file_of(number: &LeadNumber, file: &BuyerFile, position: usize, caption: Option<&str>) -> String {
    shown_file(file.kind, Some(&file.name_in(number, position)), caption)
}

/// Words as they are kept: lines of their own, and something in place of nothing.
fn readable(words: &str) -> String {
    let lines = words.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = lines.chars().filter(|sign| *sign == '\n' || !sign.is_control()).collect();
    let kept = kept.trim();
    // amoCRM takes out what is above U+FFFF.
    let is_visible = |sign: char| sign <= '\u{FFFF}' && super::is_visible(sign.encode_utf8(&mut [0; 4]));
    match kept.chars().any(is_visible) {
        true => shorten(kept, LONGEST_MESSAGE),
        false => ONLY_PICTURES.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> LeadNumber {
        LeadNumber::parse("K7M2QXA").expect("a number")
    }

    fn said(words: &str) -> Speech {
        Speech::Said(words.into())
    }

    #[test]
    fn a_note_tells_who_has_said_what_in_order_and_when() {
        let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let first = speech_note(&number(), &said("а сколько стоит доставка? "), at, TimeDelta::hours(3));
        assert_eq!(first, "#K7M2QXA Сообщение покупателя: а сколько стоит доставка?\nНаписано: 21.09.2026 17:13:20");
        let more = with_speech(&first, &said("перезвоните\r\nпосле 18")).expect("room");
        let more = with_speech(&more, &Speech::Corrected("после 19".into())).expect("room");
        assert_eq!(
            more,
            "#K7M2QXA Сообщение покупателя: а сколько стоит доставка?\nПокупатель: перезвоните\nпосле 18\n\
             Покупатель исправил сообщение: после 19\nНаписано: 21.09.2026 17:13:20"
        );
    }

    #[test]
    fn the_longest_message_fits_and_a_note_does_not_grow_for_ever() {
        let at = DateTime::UNIX_EPOCH;
        let long = "ы".repeat(4096);
        let note = speech_note(&number(), &said(&long), at, TimeDelta::zero());
        assert!(note.contains(&long));
        assert!(with_speech(&note, &said(&long)).is_none());
        assert!(with_speech(&note, &said("да")).is_some());
    }

    #[test]
    fn what_amocrm_keeps_nothing_of_is_named() {
        for (words, want) in
            [("👍", ONLY_PICTURES), (" \n", ONLY_PICTURES), ("❤", "❤"), ("ок 👍", "ок 👍"), ("\u{7}да", "да")]
        {
            assert_eq!(readable(words), want, "{words:?}");
        }
    }

    #[test]
    fn a_file_is_named_with_what_stands_under_it() {
        for (kind, name, caption, want) in [
            (FileKind::Photo, Some("K7M2QXA-2.jpg"), Some(" царапина "), "Фото (K7M2QXA-2.jpg): царапина"),
            (FileKind::Voice, Some("K7M2QXA-3.ogg"), None, "Голосовое сообщение (K7M2QXA-3.ogg)"),
            (FileKind::VideoNote, None, Some(""), "Видеосообщение"),
        ] {
            assert_eq!(shown_file(kind, name, caption), want);
        }
    }
}
