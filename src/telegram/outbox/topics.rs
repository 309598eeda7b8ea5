//! The topic of a buyer in the managers' group: found, created where there is none, and created again where somebody has
//! deleted it. Where the group has no topics, or the bot may not create any, everything goes to General.
//!
//! **Known.** createForumTopic has no key, and bots can list no topics: a process that is killed between Telegram's answer and
//! recording it, or an answer that is lost, leaves one empty topic behind. What is written there is understood by its title.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    clock::Clock,
    fault::point,
    lead::{ChatRef, LeadNumber, one_line},
    notice::{Addressed, AdminNotice, Notice, Recipients, TopicEnd},
    store::{
        Became, BuyerTopics, Leads, Mark, Marks, NewMessage, SentMessages, Store, StoreError, TopicPlace,
        card_reference,
    },
};

use super::{
    super::client::{Place, SendError, Telegram},
    cards::Cards,
};

/// A title has no more characters (createForumTopic).
const LONGEST_TITLE: usize = 128;

/// Pause before it is asked again whether a group has topics, and whether the bot may create one.
const ASKED_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Why it is not known now where a message goes.
#[derive(Debug)]
pub(super) enum NotNow {
    Store(StoreError),
    Telegram(SendError),
}

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Knows the topics; clones share what is learnt.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    telegram: Telegram,
    topics: BuyerTopics,
    leads: Leads,
    cards: Cards,
    sent: SentMessages,
    marks: Marks,
    clock: Clock,
    recipients: Recipients,
    /// `MANAGERS_CHAT_ID`, where it is a group.
    group: Option<ChatRef>,
    learnt: Arc<Mutex<Learnt>>,
}

#[derive(Debug, Default)]
struct Learnt {
    /// Under which id the group was asked whether it has topics, and when.
    asked: Option<(ChatRef, Instant)>,
    /// The bot may create none, as was seen then.
    forbidden: Option<Instant>,
}

/// `#K7M2QXA Иван Петров`.
pub(super) fn title(number: &LeadNumber, name: &str) -> String {
    let number = format!("#{number}");
    let name = one_line(name, LONGEST_TITLE - number.chars().count() - 1);
    format!("{number} {name}").trim().to_owned()
}

impl Topics {
    pub fn new(telegram: Telegram, store: &Store, recipients: Recipients) -> Self {
        Self {
            telegram,
            topics: store.buyer_topics(),
            leads: store.leads(),
            cards: Cards::new(store),
            sent: store.sent_messages(),
            marks: store.marks(),
            clock: store.clock(),
            recipients,
            group: None,
            learnt: Arc::default(),
        }
    }

    /// The same for this group.
    pub fn in_group(self, group: Option<ChatRef>, recipients: Recipients) -> Self {
        Self { group: group.filter(|group| group.is_group()), recipients, ..self }
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No topic of a buyer's is a place for what is about another one.
    pub async fn restore(&self) -> Result<(), StoreError> {
        for place in self.topics.all().await? {
            self.telegram.groups().is_a_buyers(place.sent_to, place.topic);
        }
        Ok(())
    }

    /// The topic that a message of the managers' group belongs to; `None` is General. `gone` is one that is not there any more.
    pub async fn of(
        &self,
        chat: ChatRef,
        notice: &Notice,
        gone: Option<TopicPlace>,
    ) -> Result<Option<TopicPlace>, NotNow> {
        let groups = self.telegram.groups();
        let Some(group) = self.group.filter(|group| groups.is_same(*group, chat)) else { return Ok(None) };
        let Some(number) = notice.request() else { return Ok(None) };
        if !self.is_forum(group).await? {
            return Ok(None);
        }
        let row = self.leads.by_number(number).await?;
        // Of whoever is forgotten, or of what is old, nobody's topic is known any more.
        let Some(buyer) = row.and_then(|row| row.lead.buyer.chat) else { return Ok(None) };
        let known = self.topics.of(group, buyer).await?;
        let place = known.as_ref().and_then(|known| known.place).filter(|place| place.sent_to == groups.now(group));
        match (place.filter(|place| gone != Some(*place)), known) {
            (Some(place), Some(known)) => {
                if notice.is_new_card() && known.number != *number {
                    self.is_about(place, number).await?;
                }
                Ok(Some(place))
            }
            (_, known) => {
                let is_asked = known.as_ref().is_some_and(|known| known.is_asked);
                let gone = known.and_then(|known| known.place);
                self.create((group, buyer), (notice, number), gone, is_asked).await
            }
        }
    }

    /// Whether the group has topics; asked where no message of it has shown that, and again after a while.
    async fn is_forum(&self, group: ChatRef) -> Result<bool, NotNow> {
        let groups = self.telegram.groups();
        let now = groups.now(group);
        let is_recent = self
            .learnt()
            .asked
            .is_some_and(|(asked, at)| asked == now && at.elapsed() < self.clock.scaled(ASKED_AGAIN));
        match groups.is_forum(group) {
            Some(true) => return Ok(true),
            Some(false) if is_recent => return Ok(false),
            _ => {}
        }
        let is_forum = match self.telegram.has_topics(group).await {
            Ok(is_forum) => is_forum,
            Err(error @ SendError::Later { .. }) => return Err(NotNow::Telegram(error)),
            // Whoever sends to the group hears it, too.
            Err(_) => false,
        };
        groups.forum_seen(group, is_forum);
        self.learnt().asked = Some((groups.now(group), Instant::now()));
        Ok(is_forum)
    }

    async fn create(
        &self,
        (group, buyer): (ChatRef, ChatRef),
        (notice, number): (&Notice, &LeadNumber),
        gone: Option<TopicPlace>,
        is_asked: bool,
    ) -> Result<Option<TopicPlace>, NotNow> {
        let again = self.clock.scaled(ASKED_AGAIN);
        if self.learnt().forbidden.is_some_and(|at| at.elapsed() < again) {
            return Ok(None);
        }
        if is_asked {
            warn!("a buyer's topic may be there already, empty: what came of creating it is not known");
            // Answers may be what is lost: another topic is created only where one has come.
            if let Err(error @ SendError::Later { .. }) = self.telegram.has_topics(group).await {
                return Err(NotNow::Telegram(error));
            }
        }
        let title = self.title(number).await?;
        let attempt = self.topics.asks((group, buyer), number, gone).await?;
        point("topic.recorded");
        let error = match self.telegram.create_topic(group, &title).await {
            Ok(Place { chat: sent_to, topic: Some(topic), .. }) => {
                point("topic.created");
                let card = self.card_again(group, notice, number).await?;
                let place = self.topics.opened(&attempt, TopicPlace { sent_to, topic }, card.as_ref()).await?;
                point("topic.stored");
                info!("a buyer has a topic in the managers' group");
                self.telegram.groups().is_a_buyers(place.sent_to, place.topic);
                self.learnt().forbidden = None;
                self.marks.remove(&Mark::TopicsForbidden).await?;
                return Ok(Some(place));
            }
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        // Telegram has said that it has created none, but where no answer came.
        if !matches!(error, SendError::Later { after: None, .. }) {
            self.topics.not_opened(&attempt).await?;
        }
        if error.is_no_forum() {
            self.telegram.groups().forum_seen(group, false);
            self.learnt().asked = Some((self.telegram.groups().now(group), Instant::now()));
            return Ok(None);
        }
        match error {
            error @ SendError::Later { .. } => Err(NotNow::Telegram(error)),
            error => {
                info!(%error, "no topic can be created; everything goes to General");
                self.learnt().forbidden = Some(Instant::now());
                if error.is_no_right() {
                    self.tell_of_the_right(&error).await?;
                }
                Ok(None)
            }
        }
    }

    async fn title(&self, number: &LeadNumber) -> Result<String, StoreError> {
        let card = self.cards.of(number, true).await?.and_then(|card| card.lead.ok());
        Ok(title(number, card.map(|card| card.name).unwrap_or_default().as_str()))
    }

    async fn tell_of_the_right(&self, error: &SendError) -> Result<(), StoreError> {
        let notice = AdminNotice::TopicsForbidden { detail: error.to_string() };
        let message = NewMessage::to_dealer(&self.recipients, notice, self.clock.now());
        self.marks.set_once(&Mark::TopicsForbidden, "", message.as_ref()).await?;
        Ok(())
    }

    /// A new topic has no card yet, where the card is elsewhere, or went with a topic that was deleted: it comes there, too.
    async fn card_again(
        &self,
        group: ChatRef,
        notice: &Notice,
        number: &LeadNumber,
    ) -> Result<Option<NewMessage>, StoreError> {
        let card = card_reference(number);
        if notice.is_new_card() || !matches!(self.sent.of(&card).await?, Some(Became::There(_))) {
            return Ok(None);
        }
        let notice = Addressed::becoming(Notice::LeadCard { number: number.clone() }, card).into();
        Ok(Some(NewMessage { chat: group, notice, due_at: self.clock.now() }))
    }

    /// The buyer's topic is about another request from now on, and so is its title, as far as Telegram takes it.
    async fn is_about(&self, place: TopicPlace, number: &LeadNumber) -> Result<(), StoreError> {
        let title = self.title(number).await?;
        if let Err(error) = self.telegram.retitle_topic(there(place), &title).await {
            info!(%error, "a topic keeps the title of an earlier request");
        }
        self.topics.is_about(place, number).await
    }

    /// A topic does not take a message: whether it does now, since it was only closed.
    pub async fn reopens(&self, place: TopicPlace, error: &SendError) -> bool {
        if !error.is_closed_topic() {
            return false;
        }
        match self.telegram.reopen_topic(there(place)).await {
            Ok(()) => true,
            Err(error) => {
                info!(%error, "a buyer's topic is closed and cannot be opened; General is written in");
                false
            }
        }
    }

    /// Takes a name out of a title. What Telegram refuses of it is over: the topic is gone, or not ours to change.
    pub async fn ends(&self, end: &TopicEnd) -> Result<(), SendError> {
        let place = there(TopicPlace { sent_to: end.sent_to, topic: end.topic });
        let over = |result: Result<(), SendError>| match result {
            Err(error @ (SendError::Refused(_) | SendError::NoTopic(_))) => {
                info!(%error, "a topic keeps its title");
                Ok(())
            }
            other => other,
        };
        over(self.telegram.retitle_topic(place, &title(&end.number, "")).await)?;
        match end.closes {
            true => over(self.telegram.close_topic(place).await),
            false => Ok(()),
        }
    }
}

/// In this topic, or nowhere.
pub(super) fn there(place: TopicPlace) -> Place {
    Place { chat: place.sent_to, topic: Some(place.topic), only_there: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_number_and_the_name_in_at_most_128_characters() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        for (name, expected) in [
            ("Иван Петров", "#K7M2QXA Иван Петров".to_owned()),
            ("", "#K7M2QXA".to_owned()),
            ("  Иван\nПетров ", "#K7M2QXA Иван Петров".to_owned()),
        ] {
            assert_eq!(title(&number, name), expected);
        }
        for long in ["Ж".repeat(500), "👨‍👩‍👧 ".repeat(200)] {
            let title = title(&number, &long);
            assert!((100..=LONGEST_TITLE).contains(&title.chars().count()), "{title}");
        }
    }
}
