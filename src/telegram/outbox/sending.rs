//! One message to Telegram: what it says in its chat, where there it is put, and how it is sent.

use crate::{
    notice::{AdminPress, Button, Notice, Recipient, Reference, ReplyTo, Say},
    store::{Became, MessagePlace, OutboxMessage, StoreError, TopicPlace},
    wording::{
        Lang, Markup, Rendered, ShownDocument, file_caption, render_lead_card, render_notice, with_masked_phones,
    },
};

use super::{
    super::client::{Attachment, Edited, Manner, Place, SendError, Taken},
    OutboxSender,
    topics::{NotNow, there},
};

/// Attempts at a message in a buyer's topic before it goes to General.
const TOPIC_TRIES: u32 = 2;

impl OutboxSender {
    /// What a message says in its chat. The admin's buttons do nothing anywhere else.
    pub(super) async fn words(&self, message: &OutboxMessage, lang: Lang) -> Result<Rendered, StoreError> {
        let mut words = match message.notice.words() {
            Notice::LeadCard { number } => {
                let card = self.cards.of(number, self.wording.crm_url.is_some()).await?;
                render_lead_card(number, card.as_ref(), lang, &self.wording)
            }
            notice => render_notice(notice, lang, &self.wording),
        };
        if !self.is_chat(Recipient::Operator, message.chat) && self.is_chat(Recipient::Managers, message.chat) {
            without_admins_buttons(&mut words);
            if self.wording.mask_phones && !matches!(message.notice.words(), Notice::LeadCard { .. }) {
                words.text = with_masked_phones(&words.text);
            }
        }
        Ok(words)
    }

    /// Sends a message to where it belongs: whether it is a new one, and what came of it. A buyer's topic that does not take it is
    /// opened where it was closed and created again where it is gone; where neither can be, General takes it.
    pub(super) async fn send_where_it_belongs(
        &self,
        message: &OutboxMessage,
        words: &Rendered,
        lang: Lang,
    ) -> Result<(bool, Result<Option<Taken>, SendError>), StoreError> {
        let mut put = match self.put(message, None).await {
            Ok(put) => put,
            Err(NotNow::Store(error)) => return Err(error),
            Err(NotNow::Telegram(error)) => return Ok((true, Err(error))),
        };
        let is_new = !matches!(put, Put::InPlaceOf(..));
        for _ in 0..TOPIC_TRIES {
            let sent = self.send(&message.notice, put, words, lang).await;
            let (Put::New(place, manner), Err(error @ SendError::NoTopic(_))) = (put, &sent) else {
                return Ok((is_new, sent));
            };
            let Some(topic) = place.topic.filter(|_| place.only_there) else { return Ok((is_new, sent)) };
            let topic = TopicPlace { sent_to: place.chat, topic };
            if self.topics.reopens(topic, error).await {
                continue;
            }
            put = match error.is_closed_topic() {
                true => in_general(message, manner),
                false => match self.put(message, Some(topic)).await {
                    Ok(put) => put,
                    Err(NotNow::Store(error)) => return Err(error),
                    Err(NotNow::Telegram(error)) => return Ok((is_new, Err(error))),
                },
            };
        }
        let manner = if let Put::New(_, manner) = put { manner } else { Manner::default() };
        let general = in_general(message, manner);
        Ok((is_new, self.send(&message.notice, general, words, lang).await))
    }

    /// Where in its chat a message is put; `gone` is a buyer's topic that is not there any more.
    async fn put(&self, message: &OutboxMessage, gone: Option<TopicPlace>) -> Result<Put, NotNow> {
        let notice = &message.notice;
        let mut place = Place::in_topic(message.chat, notice.topic());
        let mut manner = Manner::default();
        let addressed = if let Notice::Addressed(addressed) = notice { Some(addressed) } else { None };
        manner.silent = addressed.is_some_and(|addressed| addressed.silent);
        let now = self.telegram.groups().now(message.chat);
        let sent = async |reference: &Reference| match self.sent.of(reference).await? {
            Some(Became::There(place)) => Ok::<_, StoreError>(Some(place)),
            Some(Became::Failed(_)) | None => Ok(None),
        };
        if let Some(reference) = addressed.and_then(|addressed| addressed.becomes.as_ref().filter(|_| addressed.edits))
        {
            match sent(reference).await? {
                Some(there) if there.sent_to == now => return Ok(Put::InPlaceOf(there, place, manner)),
                Some(_) => {}
                None => return Ok(Put::Nowhere),
            }
        }
        let reply_to = addressed.and_then(|addressed| addressed.reply_to.as_ref());
        // An answer to somebody's message stands with it.
        if place.topic.is_none()
            && !matches!(reply_to, Some(ReplyTo::Message(_)))
            && let Some(topic) = self.topics.of(message.chat, notice, gone).await?
        {
            place = there(topic);
        }
        match reply_to {
            Some(ReplyTo::Message(message_id)) => manner.reply_to = Some(*message_id),
            Some(ReplyTo::Reference(reference)) => {
                if let Some(there) = sent(reference).await?.filter(|there| there.sent_to == now) {
                    // Across topics nothing is answered.
                    if !place.only_there || place.topic == there.topic {
                        manner.reply_to = Some(there.message_id);
                        place.topic = place.topic.or(there.topic);
                    }
                }
            }
            None => {}
        }
        Ok(Put::New(place, manner))
    }

    /// Sends a message, or changes the one that it takes the place of.
    async fn send(&self, notice: &Notice, put: Put, words: &Rendered, lang: Lang) -> Result<Option<Taken>, SendError> {
        let (place, manner) = match put {
            Put::Nowhere => return Ok(None),
            Put::InPlaceOf(there, place, manner) => {
                match self.telegram.edit(there.sent_to, there.message_id, words).await? {
                    Edited::Done | Edited::Gone => return Ok(None),
                    Edited::Moved => (place, manner),
                }
            }
            Put::New(place, manner) => (place, manner),
        };
        match notice.words() {
            Notice::TopicEnd(end) => self.topics.ends(end).await.map(|()| None),
            Notice::File(copy) => match self.telegram.send_copy(place, copy, &file_caption(copy, lang), manner).await {
                // Telegram has neither the message nor the file any more.
                Err(SendError::Refused(_)) => self.telegram.send_so(place, words, manner).await,
                sent => sent,
            },
            Notice::Copy(copy) if copy.text.is_none() => {
                let from = (copy.from_chat, copy.message_id);
                match self.telegram.copy_message(place, from, copy.caption.as_deref(), manner).await {
                    // Managers are told that a buyer has deleted it; of what a manager has deleted the buyer is told nothing.
                    Err(SendError::Refused(_)) if !copy.from_chat.is_group() => {
                        self.telegram.send_so(place, words, manner).await
                    }
                    copied => copied,
                }
            }
            Notice::Reply(parts) if let Some(file) = self.file_of(parts) => {
                let attachment = Attachment::document(&file.name, file.content.to_vec());
                self.telegram.send_file(place, attachment, words.text.clone()).await.map(|()| None)
            }
            _ => self.telegram.send_so(place, words, manner).await,
        }
    }

    /// The dealer's document, where it is to be sent as a file.
    fn file_of(&self, parts: &[Say]) -> Option<&ShownDocument> {
        let [Say::ConsentDocument { lang, .. }] = parts else { return None };
        self.wording.consent_document(lang).filter(|document| document.parts.is_empty())
    }
}

/// Where in its chat a message is put.
#[derive(Debug, Clone, Copy)]
enum Put {
    /// It is new.
    New(Place, Manner),
    /// It takes an earlier one's place, and is new where the group has none of its earlier messages any more.
    InPlaceOf(MessagePlace, Place, Manner),
    /// There is nothing that it could take the place of.
    Nowhere,
}

/// Where all of a group reads it, as an answer to nothing that is in a topic.
fn in_general(message: &OutboxMessage, manner: Manner) -> Put {
    Put::New(Place::in_topic(message.chat, None), Manner { reply_to: None, ..manner })
}

/// Takes the admin's buttons off.
fn without_admins_buttons(words: &mut Rendered) {
    let Some(Markup::Buttons(rows)) = &mut words.markup else { return };
    let is_admins = |button: &Button| matches!(button, Button::Press { data, .. } if AdminPress::parse(data).is_some());
    for row in rows.iter_mut() {
        row.retain(|button| !is_admins(button));
    }
    rows.retain(|row| !row.is_empty());
    if rows.is_empty() {
        words.markup = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admins_buttons_are_taken_off_and_others_stay() {
        let press = |data: &str| Button::Press { text: "Да".into(), data: data.into(), style: None };
        let words =
            |rows: Vec<Vec<Button>>| Rendered { text: "Слова".into(), markup: Some(Markup::Buttons(rows)) };
        let open = Button::Open { text: "Сюда".into(), url: "https://a.example/".into() };
        let admins = || press("admin:lead:K7M2QXA");
        for (before, after) in [
            (vec![vec![admins()]], None),
            (vec![vec![admins(), open.clone()], vec![admins()]], Some(vec![vec![open.clone()]])),
            (
                vec![vec![press("lead:take:K7M2QXA")], vec![press("admin:nonsense")]],
                Some(vec![vec![press("lead:take:K7M2QXA")], vec![press("admin:nonsense")]]),
            ),
        ] {
            let mut taken_off = words(before);
            without_admins_buttons(&mut taken_off);
            assert_eq!(taken_off.markup, after.map(Markup::Buttons));
        }
        let mut keys = Rendered { text: "Слова".into(), markup: Some(Markup::RemoveKeys) };
        without_admins_buttons(&mut keys);
        assert_eq!(keys.markup, Some(Markup::RemoveKeys));
    }
}
