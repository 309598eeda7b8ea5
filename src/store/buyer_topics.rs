//! Which topic of the managers' group is which buyer's.
//!
//! **Promise.** A buyer has one topic: that one is created is recorded before Telegram is asked, and of several that may have been
//! created the first that is recorded is used, by everybody. Telegram has neither a key for a topic nor a list of them, so a
//! process that is killed between Telegram's answer and recording it leaves an empty topic behind.

use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    fault::point,
    lead::{ChatRef, LeadNumber},
    notice::{Notice, TopicEnd},
};

use super::{BuyerTopics, Engine, NewMessage, StoreError, json, outbox, rows};

/// Where a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicPlace {
    /// The group's id under which Telegram has it.
    pub sent_to: ChatRef,
    /// Its id there.
    pub topic: i32,
}

/// A buyer's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerTopic {
    /// The buyer's chat.
    pub buyer_chat: ChatRef,
    /// The buyer's newest request that the group knows of.
    pub number: LeadNumber,
    /// Where it is; `None` while there is none.
    pub place: Option<TopicPlace>,
    /// One is being created, and it is not known what came of it.
    pub is_asked: bool,
}

/// One attempt to create a topic; whoever is later than another records nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicAttempt {
    id: String,
    asked_at: Millis,
}

fn id_of(chat: ChatRef, buyer_chat: ChatRef) -> String {
    format!("{chat}/{buyer_chat}")
}

fn columns(engine: Engine) -> String {
    let chats = [("buyer_chat", "buyer_channel"), ("sent_to", "channel")];
    let chats = chats.map(|(number, channel)| rows::chats(engine, number, channel));
    let numbers = ["topic", "asked_at"].map(|column| rows::numbers(engine, column));
    format!("{}, {}, {}", chats.join(", "), numbers.join(", "), rows::bytes(engine, "number"))
}

/// What cannot be read is not there.
fn read(row: &AnyRow) -> Option<BuyerTopic> {
    let topic = rows::number(row, 4).and_then(|topic| i32::try_from(topic).ok());
    Some(BuyerTopic {
        buyer_chat: rows::chat(row, 0)?,
        number: LeadNumber::parse(&rows::lossy(row, 6)?)?,
        place: rows::chat(row, 2).zip(topic).map(|(sent_to, topic)| TopicPlace { sent_to, topic }),
        is_asked: rows::number(row, 5).is_some(),
    })
}

impl BuyerTopics {
    /// A buyer's topic in a group, as the settings name it.
    pub async fn of(&self, chat: ChatRef, buyer_chat: ChatRef) -> Result<Option<BuyerTopic>, StoreError> {
        let sql = format!("SELECT {} FROM buyer_topics WHERE id = $1", columns(self.engine));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id_of(chat, buyer_chat));
        Ok(query.fetch_optional(&self.pool).await?.as_ref().and_then(read))
    }

    /// Whose topic this is.
    pub async fn at(&self, place: TopicPlace) -> Result<Option<BuyerTopic>, StoreError> {
        let sql = format!(
            "SELECT {} FROM buyer_topics WHERE sent_to = $1 AND topic = $2 AND channel = $3",
            columns(self.engine)
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(place.sent_to.id)
            .bind(i64::from(place.topic))
            .bind(place.sent_to.channel.as_str());
        Ok(query.fetch_optional(&self.pool).await?.as_ref().and_then(read))
    }

    /// All that are there.
    pub async fn all(&self) -> Result<Vec<TopicPlace>, StoreError> {
        let sql = format!("SELECT {} FROM buyer_topics WHERE topic IS NOT NULL", columns(self.engine));
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(found.iter().filter_map(|row| read(row)?.place).collect())
    }

    /// Records that a buyer's topic is about to be created, in place of one that is gone.
    pub async fn asks(
        &self,
        (chat, buyer_chat): (ChatRef, ChatRef),
        number: &LeadNumber,
        gone: Option<TopicPlace>,
    ) -> Result<TopicAttempt, StoreError> {
        self.again(|| self.asks_once((chat, buyer_chat), number, gone)).await
    }

    async fn asks_once(
        &self,
        (chat, buyer_chat): (ChatRef, ChatRef),
        number: &LeadNumber,
        gone: Option<TopicPlace>,
    ) -> Result<TopicAttempt, StoreError> {
        let attempt = TopicAttempt { id: id_of(chat, buyer_chat), asked_at: self.clock.now() };
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO buyer_topics (id, chat_id, buyer_chat, number, created_at, asked_at, channel, buyer_channel) \
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET number = excluded.number, \
             asked_at = excluded.asked_at",
        )
        .bind(&attempt.id)
        .bind(chat.id)
        .bind(buyer_chat.id)
        .bind(number.as_str())
        .bind(attempt.asked_at)
        .bind(chat.channel.as_str())
        .bind(buyer_chat.channel.as_str())
        .execute(&mut *transaction)
        .await?;
        if let Some(gone) = gone {
            sqlx::query(
                "UPDATE buyer_topics SET sent_to = NULL, topic = NULL WHERE id = $1 AND sent_to = $2 AND topic = $3",
            )
            .bind(&attempt.id)
            .bind(gone.sent_to.id)
            .bind(i64::from(gone.topic))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(attempt)
    }

    /// Telegram has created a topic: returns the one to be used, which another process may have recorded before. With it a
    /// message is enqueued, where it is this one.
    pub async fn opened(
        &self,
        attempt: &TopicAttempt,
        place: TopicPlace,
        message: Option<&NewMessage>,
    ) -> Result<TopicPlace, StoreError> {
        let used = self.again(|| self.opened_once(attempt, place, message)).await?;
        self.wakes.messages.notify_one();
        Ok(used)
    }

    async fn opened_once(
        &self,
        attempt: &TopicAttempt,
        place: TopicPlace,
        message: Option<&NewMessage>,
    ) -> Result<TopicPlace, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE buyer_topics SET sent_to = $2, topic = $3, opened_at = $4, asked_at = NULL \
             WHERE id = $1 AND topic IS NULL",
        )
        .bind(&attempt.id)
        .bind(place.sent_to.id)
        .bind(i64::from(place.topic))
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            let sql = format!("SELECT {} FROM buyer_topics WHERE id = $1", columns(self.engine));
            let row = sqlx::query(AssertSqlSafe(sql)).bind(&attempt.id).fetch_optional(&mut *transaction).await?;
            // Whoever was forgotten meanwhile has none; what is said of them goes where it was to go.
            return Ok(row.as_ref().and_then(read).and_then(|other| other.place).unwrap_or(place));
        }
        if let Some(message) = message {
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        point("topic.in_commit");
        transaction.commit().await?;
        Ok(place)
    }

    /// Telegram has certainly created none.
    pub async fn not_opened(&self, attempt: &TopicAttempt) -> Result<(), StoreError> {
        sqlx::query("UPDATE buyer_topics SET asked_at = NULL WHERE id = $1 AND asked_at = $2")
            .bind(&attempt.id)
            .bind(attempt.asked_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A topic is about this request from now on.
    pub async fn is_about(&self, place: TopicPlace, number: &LeadNumber) -> Result<(), StoreError> {
        sqlx::query("UPDATE buyer_topics SET number = $3 WHERE sent_to = $1 AND topic = $2 AND channel = $4")
            .bind(place.sent_to.id)
            .bind(i64::from(place.topic))
            .bind(number.as_str())
            .bind(place.sent_to.channel.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Forgets the topics of a buyer that were there until then; the name in their titles goes with them, and they are closed.
pub(super) async fn forget(
    connection: &mut sqlx::AnyConnection,
    engine: Engine,
    buyer_chat: ChatRef,
    (until, now): (Millis, Millis),
) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM buyer_topics WHERE buyer_chat = $1 AND buyer_channel = $3 AND COALESCE({}, 0) <= $2 RETURNING {}, {}",
        rows::only_numbers("created_at"),
        columns(engine),
        rows::chats(engine, "chat_id", "channel")
    );
    let gone = sqlx::query(AssertSqlSafe(sql))
        .bind(buyer_chat.id)
        .bind(until)
        .bind(buyer_chat.channel.as_str())
        .fetch_all(&mut *connection)
        .await?;
    for row in gone {
        untitle(connection, (&row, 7), true, now).await?;
    }
    Ok(())
}

/// A request is old: its buyer's name goes from the title of the topic that is about it.
pub(super) async fn wiped(
    connection: &mut sqlx::AnyConnection,
    engine: Engine,
    number: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {}, {} FROM buyer_topics WHERE number = $1 AND topic IS NOT NULL",
        columns(engine),
        rows::chats(engine, "chat_id", "channel")
    );
    for row in sqlx::query(AssertSqlSafe(sql)).bind(number).fetch_all(&mut *connection).await? {
        untitle(connection, (&row, 7), false, now).await?;
    }
    Ok(())
}

async fn untitle(
    connection: &mut sqlx::AnyConnection,
    (row, chat_at): (&AnyRow, usize),
    closes: bool,
    now: Millis,
) -> Result<(), StoreError> {
    let topic = read(row).and_then(|topic| Some((topic.place?, topic.number)));
    let (Some((place, number)), Some(chat)) = (topic, rows::chat(row, chat_at)) else { return Ok(()) };
    let end = TopicEnd { sent_to: place.sent_to, topic: place.topic, number, closes };
    outbox::insert(connection, chat, &json(&Notice::TopicEnd(end)), now, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, store::Store};

    const GROUP: ChatRef = ChatRef::telegram(-5);
    const BUYER: ChatRef = ChatRef::telegram(7);

    async fn store(folder: &tempfile::TempDir) -> Store {
        Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store")
    }

    fn number(number: &str) -> LeadNumber {
        LeadNumber::parse(number).expect("a number")
    }

    fn place(topic: i32) -> TopicPlace {
        TopicPlace { sent_to: ChatRef::telegram(-1005), topic }
    }

    #[tokio::test]
    async fn of_several_topics_of_one_buyer_the_first_that_is_recorded_is_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let topics = store(&folder).await.buyer_topics();
        let (first, second) = (number("K7M2QXA"), number("N7HR3T9"));
        assert_eq!(topics.of(GROUP, BUYER).await.expect("a look"), None);
        let one = topics.asks((GROUP, BUYER), &first, None).await.expect("a commit");
        let waiting = topics.of(GROUP, BUYER).await.expect("a look").expect("a row");
        assert_eq!((waiting.place, waiting.is_asked, waiting.number.clone()), (None, true, first.clone()));
        // A process that was killed has asked, and so does its successor.
        let other = topics.asks((GROUP, BUYER), &first, None).await.expect("a commit");
        assert_eq!(topics.opened(&other, place(31), None).await.expect("a commit"), place(31));
        assert_eq!(topics.opened(&one, place(30), None).await.expect("a commit"), place(31), "it came later");
        let there = topics.at(place(31)).await.expect("a look").expect("it");
        assert_eq!((there.buyer_chat, there.place, there.is_asked), (BUYER, Some(place(31)), false));
        assert_eq!(topics.at(place(30)).await.expect("a look"), None);
        assert_eq!(topics.all().await.expect("all"), [place(31)]);
        topics.is_about(place(31), &second).await.expect("a commit");
        assert_eq!(topics.of(GROUP, BUYER).await.expect("a look").expect("it").number, second);
        // Gone, and refused; only what is gone is taken away.
        let again = topics.asks((GROUP, BUYER), &second, Some(place(30))).await.expect("a commit");
        assert_eq!(topics.of(GROUP, BUYER).await.expect("a look").expect("it").place, Some(place(31)));
        topics.not_opened(&again).await.expect("a commit");
        let again = topics.asks((GROUP, BUYER), &second, Some(place(31))).await.expect("a commit");
        assert_eq!(topics.of(GROUP, BUYER).await.expect("a look").expect("it").place, None);
        topics.not_opened(&again).await.expect("a commit");
        assert!(!topics.of(GROUP, BUYER).await.expect("a look").expect("it").is_asked);
    }

    #[tokio::test]
    async fn whoever_is_forgotten_leaves_no_name_in_a_title() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let topics = store.buyer_topics();
        let number = number("K7M2QXA");
        for (buyer, topic) in [(BUYER, 31), (ChatRef::telegram(8), 32)] {
            let attempt = topics.asks((GROUP, buyer), &number, None).await.expect("a commit");
            topics.opened(&attempt, place(topic), None).await.expect("a commit");
        }
        let mut transaction = store.begin().await.expect("a transaction");
        forget(&mut transaction, store.engine, BUYER, (Millis::MAX, 1)).await.expect("a commit");
        transaction.commit().await.expect("a commit");
        assert_eq!(topics.all().await.expect("all"), [place(32)]);
        let waiting = store.outbox().of_chat(GROUP, 10).await.expect("a look");
        let end = TopicEnd { sent_to: ChatRef::telegram(-1005), topic: 31, number, closes: true };
        assert_eq!(waiting.into_iter().map(|it| it.notice).collect::<Vec<_>>(), [Notice::TopicEnd(end)]);
    }
}
