//! The talk from the managers' group: what a member answers to a buyer's card or message, or writes in a buyer's topic, is copied
//! to the buyer.
//!
//! **Promises.** What is answered is committed, with the message to the buyer and the note that tells of it, before it is confirmed
//! to Telegram, and taken once. It reaches the buyer in order, as all messages do; what cannot reach the buyer, or waits, is said
//! under it. `//` and commands stay inside, and so does all that is outside of buyers' topics and answers nothing of a buyer's.
//!
//! **Known.** Telegram has no key against doubles: a process that is killed between Telegram's answer and noting it sends the
//! message once more. A group that has become a supergroup has none of its earlier messages: a copy that was still to be made
//! of one of them is refused, which is said.

mod outcomes;

use std::sync::Arc;

use teloxide::{
    dispatching::{UpdateFilterExt, UpdateHandler},
    dptree,
    types::{Message, MessageKind, Update},
};

use crate::{
    clock::date,
    config::Manager,
    lead::{ChatRef, LeadNumber, Speech, one_line},
    notice::{Addressed, AdminNotice, MessageCopy, Notice, Reference, ReferenceKind, ReplyTo, TalkMark},
    store::{
        BuyerTopic, BuyerTopics, Leads, NewAnswer, NewMessage, Outbox, SentMessages, StoreError, Talk, TopicPlace,
    },
    telegram::{
        context::HandlerError,
        groups::{Groups, topic_of},
        later::{number_in_heading, number_in_title, number_of, words_in},
    },
    wording::Wording,
};

pub use outcomes::AnswerWatch;

/// No name of a manager is longer, in characters.
const LONGEST_NAME: usize = 60;

/// What stays inside the group.
const INSIDE: &str = "/";

/// What the handlers work with.
#[derive(Debug)]
pub struct TalkContext {
    /// `MANAGERS_CHAT_ID`; without it nobody talks.
    pub chat: Option<ChatRef>,
    /// It is the admin's chat as well, whose words are commands' too.
    pub is_admins: bool,
    /// What managers say to buyers.
    pub talk: Talk,
    /// Which topic is which buyer's.
    pub topics: BuyerTopics,
    /// What the messages of the group are about.
    pub sent: SentMessages,
    /// The requests that they are about.
    pub leads: Leads,
    /// Where what is said under them is left.
    pub outbox: Outbox,
    /// What the group is called now.
    pub groups: Groups,
    /// Their names.
    pub managers: Vec<Manager>,
    /// The dealer's clock.
    pub wording: Arc<Wording>,
}

/// Messages of the managers' group that are no commands.
pub fn tree(context: Arc<TalkContext>) -> UpdateHandler<HandlerError> {
    let edited = context.clone();
    dptree::entry()
        .branch(
            Update::filter_message()
                .filter_map(move |message: Message| context.takes(&message).then(|| context.clone()))
                .endpoint(on_message),
        )
        .branch(
            Update::filter_edited_message()
                .filter_map(move |message: Message| edited.takes(&message).then(|| edited.clone()))
                .endpoint(on_edited),
        )
}

impl TalkContext {
    /// Whether a message of the group is looked at here.
    fn takes(&self, message: &Message) -> bool {
        let is_here = self.chat.is_some_and(|chat| self.groups.is_same(chat, message.chat.id.into()));
        let words = message.text().or_else(|| message.caption()).unwrap_or_default();
        // What answers nothing of a buyer's may be for the admin's desk.
        is_here
            && !words.starts_with(INSIDE)
            && (!self.is_admins || is_reply(message) || self.titled(message).is_some())
    }

    /// Who has written a message; `None` for bots, channels and Telegram itself.
    fn writer_of(&self, message: &Message) -> Option<String> {
        if !matches!(message.kind, MessageKind::Common(_)) || message.is_automatic_forward() {
            return None;
        }
        if let Some(sender) = &message.sender_chat {
            // An administrator who writes in the group's name.
            return (sender.id == message.chat.id).then(String::new);
        }
        let user = message.from.as_ref().filter(|user| !user.is_bot)?;
        let id = i64::try_from(user.id.0).ok();
        let named = self.managers.iter().find(|manager| manager.telegram_id.is_some() && manager.telegram_id == id);
        Some(named.map_or_else(|| one_line(&user.full_name(), LONGEST_NAME), |manager| manager.name.clone()))
    }

    /// The request that a message of the bot's own says it is about.
    fn number_in(&self, message: &Message) -> Option<LeadNumber> {
        let username = message.from.as_ref().filter(|from| from.is_bot)?.username.as_deref()?;
        let words = message.text().or_else(|| message.caption())?;
        number_in_heading(words).filter(|_| username.eq_ignore_ascii_case(&self.wording.bot_username))
    }

    /// The request that the topic which a message is in is about, as its title says where it is the bot's: what Telegram shows as
    /// answered where nothing is.
    fn titled(&self, message: &Message) -> Option<LeadNumber> {
        let root = message.reply_to_message().filter(|_| !is_reply(message))?;
        let username = root.from.as_ref().filter(|from| from.is_bot)?.username.as_deref()?;
        let is_ours = username.eq_ignore_ascii_case(&self.wording.bot_username);
        number_in_title(&root.forum_topic_created().filter(|_| is_ours)?.name)
    }

    /// The buyer's topic that a message is in.
    async fn topic_with(&self, message: &Message) -> Result<Option<BuyerTopic>, StoreError> {
        let Some(topic) = topic_of(message) else { return Ok(None) };
        self.topics.at(TopicPlace { sent_to: message.chat.id.into(), topic }).await
    }

    /// The request that a message is about: by the message that it answers, else by its topic.
    async fn request_of(
        &self,
        message: &Message,
        topic: Option<&BuyerTopic>,
    ) -> Result<Option<LeadNumber>, StoreError> {
        if let Some(to) = message.reply_to_message().filter(|_| is_reply(message)) {
            let reference = self.sent.at(message.chat.id.into(), to.id.0).await?;
            if let Some(number) = reference.as_ref().and_then(number_of).or_else(|| self.number_in(to)) {
                return Ok(Some(number));
            }
        }
        Ok(topic.map(|topic| topic.number.clone()).or_else(|| self.titled(message)))
    }

    /// A word of the bot's under a message, which is not changed later: what became of an answer is said elsewhere.
    fn mark(&self, mark: TalkMark, message: &Message) -> Option<NewMessage> {
        let notice = Addressed {
            reply_to: Some(ReplyTo::Message(message.id.0)),
            topic: topic_of(message),
            silent: true,
            ..Addressed::plain(Notice::Admin(AdminNotice::Talk { mark }))
        };
        Some(NewMessage { chat: self.chat?, notice: notice.into(), due_at: self.talk.clock().now() })
    }
}

/// By which a message of the group is known in the store.
fn id_of(message: &Message) -> String {
    format!("{}/{}", ChatRef::from(message.chat.id), message.id.0)
}

/// Whether a message answers another one. In a topic all that answers nothing is shown as an answer to the topic's beginning.
fn is_reply(message: &Message) -> bool {
    let topic = topic_of(message);
    message.reply_to_message().is_some_and(|to| topic != Some(to.id.0) && to.forum_topic_created().is_none())
}

async fn on_message(message: Message, context: Arc<TalkContext>) -> Result<(), HandlerError> {
    let Some(manager) = context.writer_of(&message) else { return Ok(()) };
    let topic = context.topic_with(&message).await?;
    let Some(number) = context.request_of(&message, topic.as_ref()).await? else { return Ok(()) };
    let row = context.leads.by_number(&number).await?;
    let buyer = row
        .as_ref()
        .filter(|row| row.forgotten_at.is_none())
        // Of what is old the topic alone knows the chat.
        .and_then(|row| row.lead.buyer.chat.or(topic.map(|topic| topic.buyer_chat)));
    let (Some(row), Some(buyer)) = (row, buyer) else {
        if let Some(mark) = context.mark(TalkMark::Forgotten, &message) {
            context.outbox.enqueue(&mark).await?;
        }
        return Ok(());
    };
    let (from_chat, message_id) = (message.chat.id.into(), message.id.0);
    let copy = MessageCopy { number: number.clone(), from_chat, message_id, text: None, caption: None };
    let notice = Addressed::becoming(Notice::Copy(copy), Reference::new(ReferenceKind::Answer, id_of(&message)));
    let now = context.talk.clock().now();
    let answer = NewAnswer {
        id: id_of(&message),
        message_id,
        topic: topic_of(&message),
        lead_id: row.lead.id,
        number,
        speech: Speech::Answered { manager, words: words_in(&message) },
        at: message.date.timestamp_millis(),
        utc_offset: context.wording.utc_offset(date(now)),
        message: NewMessage { chat: buyer, notice: notice.into(), due_at: now },
    };
    context.talk.keep(&answer).await?;
    Ok(())
}

async fn on_edited(message: Message, context: Arc<TalkContext>) -> Result<(), HandlerError> {
    if let Some(mark) = context.mark(TalkMark::EditStays, &message) {
        context.talk.tell_of_an_edit(&id_of(&message), &mark).await?;
    }
    Ok(())
}
