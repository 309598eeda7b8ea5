//! What a buyer says after a request: which request it belongs to, and what is shown in a message that is no file.

use std::time::Duration;

use teloxide::types::{Message, MessageKind};

use crate::{
    clock::Millis,
    form::{
        Beside, Conversation, Input, OpenRequest, OwnRequest, PassedOn, QUIET, fingerprint_of, is_outside, is_said,
    },
    lead::{ChatRef, LeadNumber, Speech, one_line, shown_file},
    notice::{Addressed, MessageCopy, MyState, Notice, Reference, ReferenceKind},
    store::{Dialogues, NewMessage, NewSpeech, StoreError},
};

use super::my_requests::own_requests;

/// What is said within this time after a request was sent belongs to it.
const BELONGS_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// No name of what is shown is longer, in characters.
const LONGEST_NAME: usize = 200;

/// The request that something belongs to which comes by this message; `None` where nothing does.
pub(super) async fn open_request(
    dialogues: &Dialogues,
    (user_id, chat): (i64, ChatRef),
    conversation: &Conversation,
    input: &Input,
    message: Option<i32>,
) -> Result<Option<OpenRequest>, StoreError> {
    let is_outside = is_outside(conversation, input);
    let known = match (input, message) {
        (Input::Edited, Some(message)) => dialogues.kept_message(chat, message.into()).await?,
        _ if is_outside && is_said(input) => None,
        _ => return Ok(None),
    };
    if !is_outside && known.is_none() {
        return Ok(None);
    }
    let clock = dialogues.clock();
    let since = clock.now() - clock.millis(BELONGS_FOR);
    let is_it = |lead_id| known.as_ref().is_none_or(|known| known.lead_id == lead_id);
    let all = own_requests(dialogues, user_id).await?;
    let is_open = |own: &OwnRequest| matches!(own.state, MyState::OnItsWay | MyState::WithTheManager);
    // Of somebody who has taken back all of them the last one.
    let any_open = all.iter().any(is_open);
    let own = all.into_iter().find(|own| {
        let is_open = is_open(own) || !any_open && own.state == MyState::TakenBack;
        let is_corrected =
            conversation.correcting.as_ref().is_none_or(|correcting| correcting.number == own.lead.number);
        is_open
            && (is_corrected || known.is_some())
            && own.lead.submitted_at.timestamp_millis() > since
            && is_it(own.lead.id)
    });
    let Some(own) = own else { return Ok(None) };
    let is_on_its_way = own.state == MyState::OnItsWay;
    Ok(Some(OpenRequest {
        waits: is_on_its_way || dialogues.is_crm_out().await?,
        is_on_its_way,
        is_taken_back: own.state == MyState::TakenBack,
        files: own.takes_files.then_some(own.lead.files.len()),
        kept_today: dialogues.kept_within_a_day(own.lead.id).await?,
        quiet: clock.millis(QUIET),
        known: known.map(|known| known.fingerprint),
        lead_id: own.lead.id,
        name: own.lead.name.as_str().to_owned(),
        number: own.lead.number,
    }))
}

/// What was kept, as the store keeps it.
pub(super) fn new_speech(
    passed_on: &PassedOn,
    request: &OpenRequest,
    input: &Input,
    beside: &Beside,
    (message, update_id): (Option<i32>, u32),
    (written_at, utc_offset): (Millis, chrono::TimeDelta),
    copied: Option<Copied>,
) -> Option<NewSpeech> {
    let speech = passed_on.speech.clone()?;
    let position = request.files.unwrap_or(0) + 1;
    let message = message?;
    let copies = copied.map(|copied| copies(&copied, request, &speech, input, message)).unwrap_or_default();
    Some(NewSpeech {
        copies,
        lead_id: request.lead_id,
        number: request.number.clone(),
        message_id: message.into(),
        edited_by: (*input == Input::Edited).then_some(update_id),
        fingerprint: fingerprint_of(beside.edited.as_ref().unwrap_or(input)),
        speech,
        at: written_at,
        utc_offset,
        file: passed_on.file.clone().map(|file| (position, file)),
    })
}

/// From which chat to which a message is copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// The buyer's.
    pub from: ChatRef,
    /// The managers'.
    pub to: ChatRef,
    /// When it is copied, in milliseconds UTC.
    pub at: Millis,
}

/// More characters of one message go as a copy under a line of its own.
const LONGEST_WITH_HEADING: usize = 3500;

/// A caption has no more characters.
const LONGEST_CAPTION: usize = 900;

/// By which a buyer's message is found again in the managers' chat.
pub fn said_reference(number: &LeadNumber, chat: ChatRef, message_id: i32) -> Reference {
    Reference::new(ReferenceKind::Said, format!("{number}/{chat}/{message_id}"))
}

/// The request that a message in the managers' chat is about.
pub fn number_of(reference: &Reference) -> Option<LeadNumber> {
    match reference.kind {
        ReferenceKind::Card => LeadNumber::parse(&reference.id),
        ReferenceKind::Said => LeadNumber::parse(reference.id.split('/').next()?),
        ReferenceKind::Answer | ReferenceKind::Mark => None,
    }
}

/// What a copy begins with.
const HEADING: &str = "💬 ";

fn heading(name: &str, number: &LeadNumber) -> String {
    format!("{HEADING}{}, #{number}", one_line(name, LONGEST_NAME))
}

/// The request that a copy of ours is about, by its heading: what a process that was killed has sent is in no store.
pub fn number_in_heading(copy: &str) -> Option<LeadNumber> {
    let line = copy.strip_prefix(HEADING)?.lines().next()?;
    // A name may hold anything; the number is behind it.
    let (_, number) = line.rsplit_once(", #")?;
    LeadNumber::parse(number.split(',').next()?)
}

/// The request that a buyer's topic is about, by its title.
pub fn number_in_title(title: &str) -> Option<LeadNumber> {
    LeadNumber::parse(title.strip_prefix('#')?.split(' ').next()?)
}

/// What the managers get of a message: its words under a heading, a file with the heading in its caption, and anything else as a copy
/// behind the heading; an answer to the lead's card, an edit one to the message itself.
fn copies(copied: &Copied, request: &OpenRequest, speech: &Speech, input: &Input, message_id: i32) -> Vec<NewMessage> {
    let number = &request.number;
    let reference = said_reference(number, copied.from, message_id);
    let card = Reference::new(ReferenceKind::Card, number.as_str());
    let copy = |text: Option<String>, caption: Option<String>| {
        Notice::Copy(MessageCopy { number: number.clone(), from_chat: copied.from, message_id, text, caption })
    };
    let heading = heading(&request.name, number);
    let words = speech.words();
    let is_short = words.chars().count() <= LONGEST_WITH_HEADING;
    let kind = match input {
        Input::Media { file: Some(file), .. } => Some(file.kind),
        _ => None,
    };
    let has_caption = kind.is_some_and(|kind| kind != crate::lead::FileKind::VideoNote);
    let notices = match (speech, input) {
        (Speech::Corrected(_), _) => {
            vec![(copy(Some(format!("{heading}, исправлено:\n{words}")), None), reference.clone())]
        }
        (_, Input::Text { .. } | Input::Forwarded { .. }) if is_short => {
            vec![(copy(Some(format!("{heading}\n{words}")), None), card)]
        }
        (_, Input::Media { caption, .. })
            if has_caption && caption.as_ref().is_none_or(|caption| caption.chars().count() <= LONGEST_CAPTION) =>
        {
            let caption = caption.as_deref().unwrap_or_default();
            vec![(copy(None, Some(format!("{heading}\n{caption}").trim().to_owned())), card)]
        }
        _ => vec![(copy(Some(heading), None), card.clone()), (copy(None, None), card)],
    };
    let addressed = |(notice, to): (Notice, Reference)| {
        let notice = Addressed { becomes: Some(reference.clone()), ..Addressed::reply(notice, to) }.into();
        NewMessage { chat: copied.to, notice, due_at: copied.at }
    };
    notices.into_iter().map(addressed).collect()
}

/// What a message says, for a note: its words, or what is shown in it.
pub fn words_in(message: &Message) -> String {
    let file = super::input::file_of(message).map(|file| shown_file(file.kind, None, message.caption()));
    message.text().map(str::to_owned).or(file).or_else(|| shown_in(message)).unwrap_or_default()
}

/// What is shown in a message that is neither words nor a file, as managers read it.
pub(super) fn shown_in(message: &Message) -> Option<String> {
    let named = |name: &str| one_line(name, LONGEST_NAME);
    if let Some(contact) = message.contact() {
        let parts = [Some(contact.first_name.as_str()), contact.last_name.as_deref()];
        let name = parts.into_iter().flatten().map(named).collect::<Vec<_>>().join(" ");
        return Some(format!("Контакт: {name}, {}", one_line(&contact.phone_number, 40)));
    }
    let place = |latitude: f64, longitude: f64| format!("https://maps.google.com/?q={latitude},{longitude}");
    if let Some(venue) = message.venue() {
        let at = place(venue.location.latitude, venue.location.longitude);
        return Some(format!("Место на карте: {}, {}, {at}", named(&venue.title), named(&venue.address)));
    }
    if let Some(location) = message.location() {
        return Some(format!("Место на карте: {}", place(location.latitude, location.longitude)));
    }
    if let Some(sticker) = message.sticker() {
        // amoCRM keeps few of these signs.
        let sign = sticker.emoji.as_deref().map_or_else(String::new, |emoji| format!(" {emoji}"));
        return Some(format!("Стикер{sign}"));
    }
    if let Some(poll) = message.poll() {
        return Some(format!("Опрос: {}", named(&poll.question)));
    }
    if message.dice().is_some() {
        return Some("Игральная кость".into());
    }
    let has_words = message.text().is_some() || message.caption().is_some();
    let is_person = matches!(message.kind, MessageKind::Common(_) | MessageKind::Empty {} | MessageKind::Giveaway(_));
    (!has_words && is_person && super::input::file_of(message).is_none())
        .then(|| "Сообщение, которое видно только в Telegram".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_a_heading_is_ours_whatever_the_name_is() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        for name in ["Иван", "Иван, #N7HR3T9", "#N7HR3T9", "a\nb, #N7HR3T9"] {
            for rest in ["", "\nслова, #N7HR3T9", ", исправлено:\nслова"] {
                let copy = format!("{}{rest}", heading(name, &number));
                assert_eq!(number_in_heading(&copy), Some(number.clone()), "{copy}");
            }
        }
        for (title, is_about) in [("#K7M2QXA Иван", true), ("#K7M2QXA", true), ("K7M2QXA", false), ("# Иван", false)]
        {
            assert_eq!(number_in_title(title), Some(number.clone()).filter(|_| is_about), "{title}");
        }
        for other in ["", "Иван, #K7M2QXA", "💬 Иван", "💬 Иван, #x"] {
            assert_eq!(number_in_heading(other), None, "{other}");
        }
    }
}
