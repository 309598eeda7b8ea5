//! What a buyer says after a request: which request it belongs to, and what is shown in a message that is no file.

use std::time::Duration;

use teloxide::types::{Message, MessageKind};

use crate::{
    clock::Millis,
    form::{Beside, Conversation, Input, OpenRequest, PassedOn, QUIET, fingerprint_of, is_outside, is_said},
    lead::one_line,
    notice::MyState,
    store::{Dialogues, NewSpeech, StoreError},
};

use super::my_requests::own_requests;

/// What is said within so long after a request was sent belongs to it.
const BELONGS_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// No name of what is shown is longer, in characters.
const LONGEST_NAME: usize = 200;

/// The request that something belongs to which comes by this message; `None` where nothing does.
pub(super) async fn open_request(
    dialogues: &Dialogues,
    (user_id, chat_id): (i64, i64),
    conversation: &Conversation,
    input: &Input,
    message: Option<i32>,
) -> Result<Option<OpenRequest>, StoreError> {
    let is_outside = is_outside(conversation, input);
    let known = match (input, message) {
        (Input::Edited, Some(message)) => dialogues.kept_message(chat_id, message.into()).await?,
        _ if is_outside && is_said(input) => None,
        _ => return Ok(None),
    };
    if !is_outside && known.is_none() {
        return Ok(None);
    }
    let clock = dialogues.clock();
    let since = clock.now() - clock.millis(BELONGS_FOR);
    let is_it = |lead_id| known.as_ref().is_none_or(|known| known.lead_id == lead_id);
    let own = own_requests(dialogues, user_id).await?.into_iter().find(|own| {
        let is_open = matches!(own.state, MyState::OnItsWay | MyState::WithTheManager);
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
        files: own.takes_files.then_some(own.lead.files.len()),
        kept_today: dialogues.kept_within_a_day(own.lead.id).await?,
        quiet: clock.millis(QUIET),
        known: known.map(|known| known.fingerprint),
        lead_id: own.lead.id,
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
) -> Option<NewSpeech> {
    let speech = passed_on.speech.clone()?;
    let position = request.files.unwrap_or(0) + 1;
    Some(NewSpeech {
        lead_id: request.lead_id,
        number: request.number.clone(),
        message_id: message?.into(),
        edited_by: (*input == Input::Edited).then_some(update_id),
        fingerprint: fingerprint_of(beside.edited.as_ref().unwrap_or(input)),
        speech,
        at: written_at,
        utc_offset,
        file: passed_on.file.clone().map(|file| (position, file)),
    })
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
