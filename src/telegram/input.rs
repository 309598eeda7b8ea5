//! Reads a private message as the dialogue's input: the one place where a message's text, caption and links are looked at.

use teloxide::{
    types::{InlineKeyboardButtonKind, Message, MessageEntityKind, MessageKind},
    utils::command::parse_command,
};

use crate::{
    form::{Input, Press, asks_for_deletion},
    lead::{BuyerFile, FileKind, SourceCode, one_line},
    wording::Lang,
};

use super::setup_code;

/// No name of a file is kept that is longer, in characters.
const LONGEST_NAME: usize = 255;

/// A private message as the dialogue's input; `None` for Telegram's service messages.
pub fn input_of(message: &Message, bot_username: &str) -> Option<Input> {
    match message.kind {
        MessageKind::Common(_) => {}
        // Sent by people all the same; what is empty is of a kind newer than this library.
        MessageKind::Dice(_)
        | MessageKind::Giveaway(_)
        | MessageKind::Invoice(_)
        | MessageKind::UsersShared(_)
        | MessageKind::ChatShared(_)
        | MessageKind::Empty {} => {
            return Some(Input::Media { caption: None, links: Vec::new(), file: None, album: None });
        }
        _ => return None,
    }
    if let Some(contact) = message.contact() {
        let own = contact.user_id.is_some() && contact.user_id == message.from.as_ref().map(|user| user.id);
        return Some(Input::Contact { phone: contact.phone_number.clone(), own });
    }
    let Some(text) = message.text() else {
        return Some(Input::Media {
            caption: message.caption().map(str::to_owned),
            links: links_behind(message),
            file: file_of(message),
            album: message.media_group_id().map(|id| id.0.clone()),
        });
    };
    if text.starts_with('/') {
        let known = parse_command(text, bot_username).and_then(|(name, words)| command_with(name, &words));
        return Some(known.unwrap_or(Input::UnknownCommand));
    }
    let (text, links) = (text.to_owned(), links_behind(message));
    Some(match message.forward_origin() {
        Some(_) => Input::Forwarded { text, links },
        None if asks_for_deletion(&text) => Input::Delete,
        None => Input::Text { text, links },
    })
}

/// The file that a message holds; of a photo its largest size.
pub(super) fn file_of(message: &Message) -> Option<BuyerFile> {
    let (kind, meta, name, mime) = if let Some(sizes) = message.photo() {
        let largest =
            sizes.iter().max_by_key(|size| (u64::from(size.width) * u64::from(size.height), size.file.size))?;
        (FileKind::Photo, &largest.file, None, None)
    } else if let Some(animation) = message.animation() {
        (
            FileKind::Animation,
            &animation.file,
            animation.file_name.clone(),
            animation.mime_type.as_ref().map(ToString::to_string),
        )
    } else if let Some(document) = message.document() {
        (
            FileKind::Document,
            &document.file,
            document.file_name.clone(),
            document.mime_type.as_ref().map(ToString::to_string),
        )
    } else if let Some(video) = message.video() {
        (FileKind::Video, &video.file, video.file_name.clone(), video.mime_type.as_ref().map(ToString::to_string))
    } else if let Some(audio) = message.audio() {
        (FileKind::Audio, &audio.file, audio.file_name.clone(), audio.mime_type.as_ref().map(ToString::to_string))
    } else if let Some(voice) = message.voice() {
        (FileKind::Voice, &voice.file, None, voice.mime_type.as_ref().map(ToString::to_string))
    } else if let Some(note) = message.video_note() {
        (FileKind::VideoNote, &note.file, None, None)
    } else {
        return None;
    };
    Some(BuyerFile {
        file_id: meta.id.0.clone(),
        unique_id: meta.unique_id.0.clone(),
        kind,
        name: name.map(|name| one_line(&name, LONGEST_NAME)),
        mime,
        // The library's word for a size that was not told.
        size: Some(u64::from(meta.size)).filter(|size| *size != u64::from(u32::MAX)),
        message_id: message.id.0,
    })
}

/// A command of the buyer's dialogue with the words behind it, which mean something behind `/start` alone.
pub fn command_with(name: &str, words: &[&str]) -> Option<Input> {
    match (command(name)?, words) {
        // What is no code is no reason to turn anybody away.
        (Input::Start, [word]) if setup_code::is_one(word) => Some(Input::Start),
        (Input::Start, [word]) => Some(SourceCode::parse(word).map_or(Input::Start, Input::StartFrom)),
        (Input::Language(_), words) if !words.is_empty() => {
            let named = words.join(" ");
            Some(match Lang::named(&named) {
                Some(lang) => Input::Press(Press::Language(lang.code().to_owned())),
                None => Input::Language(named),
            })
        }
        (input, _) => Some(input),
    }
}

/// A command of the buyer's dialogue by its name, in capitals or not. Which of them the menu shows is told by the table in
/// `admin::commands`.
pub fn command(name: &str) -> Option<Input> {
    Some(match name.to_lowercase().as_str() {
        "start" => Input::Start,
        "cancel" => Input::Cancel,
        "help" => Input::Help,
        "skip" => Input::Skip,
        "delete" => Input::Delete,
        // What there is of them is read by whoever takes the turn.
        "my" => Input::My(Vec::new()),
        // Whoever has no choice is not offered one.
        "language" if Lang::all().len() > 1 => Input::Language(String::new()),
        _ => return None,
    })
}

/// The addresses that a message holds without showing them, in order: behind words, in its preview, under its buttons
/// (a forwarded advertisement often has its car there).
fn links_behind(message: &Message) -> Vec<String> {
    let entities = message.entities().or_else(|| message.caption_entities()).unwrap_or_default();
    let behind_words = entities.iter().filter_map(|entity| match &entity.kind {
        MessageEntityKind::TextLink { url } => Some(url.to_string()),
        _ => None,
    });
    let preview = message.link_preview_options().and_then(|options| options.url.clone());
    let buttons = message.reply_markup().map(|markup| markup.inline_keyboard.as_slice()).unwrap_or_default();
    let under_buttons = buttons.iter().flatten().filter_map(|button| match &button.kind {
        InlineKeyboardButtonKind::Url(url) => Some(url.to_string()),
        _ => None,
    });
    behind_words.chain(preview).chain(under_buttons).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_behind_start_is_read_and_everything_else_there_opens_the_form() {
        let from = |code: &str| Input::StartFrom(SourceCode::parse(code).expect("a code"));
        let english = Input::Press(Press::Language("en".into()));
        let longest = "a".repeat(64);
        let (at_most, longer) = (format!("/start {longest}"), format!("/start {longest}b"));
        for (text, want) in [
            ("/start", Some(Input::Start)),
            ("/start avito", Some(from("avito"))),
            ("/start  avito__spring-2026 ", Some(from("avito__spring-2026"))),
            ("/START@the_bot AvItO", Some(from("AvItO"))),
            (at_most.as_str(), Some(from(&longest))),
            (longer.as_str(), Some(Input::Start)),
            // Nobody comes from setup.
            ("/start setup-K7M2QXAB", Some(Input::Start)),
            ("/start setup", Some(from("setup"))),
            ("/start авито", Some(Input::Start)),
            ("/start a=b", Some(Input::Start)),
            ("/start avito spring", Some(Input::Start)),
            ("/start@another_bot avito", None),
            ("/cancel avito", Some(Input::Cancel)),
            ("/help avito", Some(Input::Help)),
            ("/language", Some(Input::Language(String::new()))),
            ("/language en", Some(english.clone())),
            ("/language English", Some(english.clone())),
            ("/language английский", Some(english.clone())),
            ("/language по-английски", Some(english.clone())),
            ("/language клингонский", Some(Input::Language("клингонский".into()))),
            ("/starts avito", None),
        ] {
            let read = parse_command(text, "the_bot").and_then(|(name, words)| command_with(name, &words));
            assert_eq!(read, want, "{text}");
        }
    }
}
