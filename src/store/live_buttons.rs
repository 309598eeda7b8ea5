//! Which messages of a chat have buttons that are over as soon as its form goes on. Telegram tells a message's id when it
//! takes it, and it is kept with the deletion from the outbox, so that buttons are taken off after a restart as well.
//!
//! Several write to one row side by side (a turn, the sender, what is edited late): each adds and takes out its own ids.

use std::collections::BTreeSet;

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::notice::Reference;

use super::{Became, Outbox, StoreError, Urgency, rows, sent_messages};

/// No more of one chat are remembered: each is an edit.
const MOST: usize = 20;

/// Rows of whom something is left to be edited, at most, at a start.
const MOST_CHATS: i64 = 10_000;

/// The messages of a chat that have buttons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveButtons {
    /// They can be pressed.
    pub live: BTreeSet<i32>,
    /// They can be pressed until the next but one comes.
    pub beside: BTreeSet<i32>,
    /// They have to lose their buttons.
    pub over: BTreeSet<i32>,
}

impl LiveButtons {
    /// Reads what is in a row; what cannot be read is none.
    fn read(messages: &str) -> Self {
        let mut read = Self::default();
        for token in messages.split(',').filter(|token| !token.is_empty()) {
            let (of, id) = match token.as_bytes()[0] {
                b'r' => (&mut read.over, &token[1..]),
                b'b' => (&mut read.beside, &token[1..]),
                _ => (&mut read.live, token),
            };
            if let Ok(id) = id.parse::<i32>() {
                of.insert(id);
            }
        }
        read.settled()
    }

    /// What is over is nothing else.
    fn settled(mut self) -> Self {
        for id in &self.over {
            self.live.remove(id);
            self.beside.remove(id);
        }
        while self.over.len() > MOST {
            self.over.pop_first();
        }
        self
    }

    /// The same after a change, as it is read from the row then.
    #[must_use]
    pub fn after(mut self, change: &ButtonsChange) -> Self {
        for id in change.gone.iter().chain(&change.over) {
            self.live.remove(id);
            self.beside.remove(id);
            self.over.remove(id);
        }
        self.over.extend(&change.over);
        for id in &change.kept {
            self.beside.remove(id);
            self.live.insert(*id);
        }
        match change.beside_next {
            true => self.beside.extend(change.new),
            false => self.live.extend(change.new),
        }
        self.settled()
    }
}

/// What becomes of a chat's buttons with a message that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ButtonsChange {
    /// They have none any more, or never will be found.
    pub gone: BTreeSet<i32>,
    /// They have to lose them.
    pub over: BTreeSet<i32>,
    /// They keep them for one more message.
    pub kept: BTreeSet<i32>,
    /// The message that was sent has some.
    pub new: Option<i32>,
    /// And keeps them when the next comes.
    pub beside_next: bool,
}

impl ButtonsChange {
    /// A message's button was pressed.
    pub fn pressed(message: i32) -> Self {
        Self { over: BTreeSet::from([message]), ..Self::default() }
    }

    /// Messages have lost their buttons, or never will.
    pub fn gone(gone: BTreeSet<i32>) -> Self {
        Self { gone, ..Self::default() }
    }

    /// What is taken out of the row. Of what is kept, that its button was pressed meanwhile stays there.
    fn taken_out(&self) -> Vec<String> {
        let all = self.gone.iter().chain(&self.over).map(|id| (id, &["", "b", "r"][..]));
        let kept = self.kept.iter().map(|id| (id, &["", "b"][..]));
        all.chain(kept).flat_map(|(id, marks)| marks.iter().map(move |mark| format!(",{mark}{id},"))).collect()
    }

    /// What is added to the row.
    fn added(&self) -> String {
        let over = self.over.iter().map(|id| format!(",r{id},"));
        let kept = self.kept.iter().map(|id| format!(",{id},"));
        let new = self.new.iter().map(|id| format!(",{}{id},", if self.beside_next { "b" } else { "" }));
        over.chain(kept).chain(new).collect()
    }
}

/// What the store keeps of a message that goes from the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AfterSending {
    /// What becomes of its chat's buttons.
    pub buttons: ButtonsChange,
    /// What a message that is to be found again has become.
    pub became: Option<(Reference, Became)>,
}

impl From<ButtonsChange> for AfterSending {
    fn from(buttons: ButtonsChange) -> Self {
        Self { buttons, became: None }
    }
}

/// Makes a change in the transaction of something else: one statement, as it goes with every message.
pub(super) async fn change(
    connection: &mut AnyConnection,
    chat_id: i64,
    change: &ButtonsChange,
) -> Result<(), StoreError> {
    let (tokens, added) = (change.taken_out(), change.added());
    if tokens.is_empty() && added.is_empty() {
        return Ok(());
    }
    let left = (0..tokens.len())
        .fold("live_buttons.messages".to_owned(), |left, at| format!("REPLACE({left}, ${}, '')", at + 3));
    let sql = match added.is_empty() {
        true => format!("UPDATE live_buttons SET messages = {left} || $2 WHERE chat_id = $1"),
        false => format!(
            "INSERT INTO live_buttons (chat_id, messages) VALUES ($1, $2) \
             ON CONFLICT (chat_id) DO UPDATE SET messages = {left} || excluded.messages"
        ),
    };
    let query = sqlx::query(AssertSqlSafe(sql)).bind(chat_id).bind(added);
    tokens.into_iter().fold(query, |query, token| query.bind(token)).execute(&mut *connection).await?;
    Ok(())
}

/// The button of a message was pressed: it is over.
pub(super) async fn pressed(connection: &mut AnyConnection, chat_id: i64, message: i32) -> Result<(), StoreError> {
    change(connection, chat_id, &ButtonsChange::pressed(message)).await
}

impl Outbox {
    /// The messages of a chat that have buttons.
    pub async fn buttons_of(&self, chat_id: i64) -> Result<LiveButtons, StoreError> {
        let sql = format!("SELECT {} FROM live_buttons WHERE chat_id = $1", rows::bytes(self.engine, "messages"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(chat_id).fetch_optional(&self.pool).await?;
        let messages = row.and_then(|row| rows::lossy(&row, 0)).unwrap_or_default();
        Ok(LiveButtons::read(&messages))
    }

    /// The chats of which a message has to lose its buttons still, with those messages.
    pub async fn buttons_over(&self) -> Result<Vec<(i64, BTreeSet<i32>)>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM live_buttons WHERE messages LIKE '%r%' LIMIT $1 + 0",
            rows::numbers(self.engine, "chat_id"),
            rows::bytes(self.engine, "messages")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(MOST_CHATS).fetch_all(&self.pool).await?;
        let read =
            |row: &sqlx::any::AnyRow| Some((rows::number(row, 0)?, LiveButtons::read(&rows::lossy(row, 1)?).over));
        Ok(rows.iter().filter_map(read).filter(|(_, over)| !over.is_empty()).collect())
    }

    /// Messages of a chat have lost their buttons, or never will; written in passing.
    pub async fn buttons_gone(&self, chat_id: i64, gone: BTreeSet<i32>) -> Result<(), StoreError> {
        let gone = ButtonsChange::gone(gone);
        self.write_when(Urgency::InPassing, (chat_id, gone), |(chat_id, gone), connection| {
            Box::pin(async move { Ok(self::change(connection, *chat_id, gone).await?) })
        })
        .await
    }

    /// Telegram has taken a message, or never will, and this comes of it: one commit.
    pub async fn sent(
        &self,
        id: &str,
        chat_id: i64,
        after: impl Into<AfterSending>,
        urgency: Urgency,
    ) -> Result<(), StoreError> {
        let after: AfterSending = after.into();
        let is_looked_for = after.became.is_some();
        let what = (id.to_owned(), chat_id, after, self.clock.now());
        self.write_when(urgency, what, |(id, chat_id, after, now), connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&mut *connection).await?;
                change(connection, *chat_id, &after.buttons).await?;
                if let Some((reference, became)) = &after.became {
                    sent_messages::insert(connection, (reference, *chat_id), *became, *now).await?;
                }
                Ok(())
            })
        })
        .await?;
        if is_looked_for {
            self.wakes.sent.notify_one();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, store::Store};

    fn ids(ids: &[i32]) -> BTreeSet<i32> {
        ids.iter().copied().collect()
    }

    #[test]
    fn whatever_stands_in_a_row_is_read() {
        for (stored, live, beside, over) in [
            ("", &[][..], &[][..], &[][..]),
            (",7,,r8,,b9,", &[7], &[9], &[8]),
            (",7,,r7,", &[], &[], &[7]),
            (",7,,x,,r,,b-,,99999999999,,r-3,", &[7], &[], &[-3]),
            ("\u{fffd}7,8", &[8], &[], &[]),
        ] {
            let read = LiveButtons { live: ids(live), beside: ids(beside), over: ids(over) };
            assert_eq!(LiveButtons::read(stored), read, "{stored}");
        }
    }

    #[tokio::test]
    async fn a_button_that_is_pressed_while_the_next_message_goes_out_is_over_whichever_is_written_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.sqlite");
        let outbox = Store::open_file(&path, Clock::default()).await.expect("a store").outbox();
        let presses = |button| [ButtonsChange::pressed(button)];
        // The next message was begun to be sent before the press, so it knows nothing of it.
        let sent = ButtonsChange { kept: ids(&[1]), over: ids(&[2]), new: Some(3), ..ButtonsChange::default() };
        let before = LiveButtons { live: ids(&[2]), beside: ids(&[1]), over: ids(&[]) };
        for (chat_id, button, over, live) in
            [(1, 1, &[1, 2][..], &[3][..]), (2, 2, &[2], &[1, 3]), (3, 3, &[2, 3], &[1])]
        {
            let expected = LiveButtons { live: ids(live), beside: ids(&[]), over: ids(over) };
            let [first, second] =
                [[presses(button), [sent.clone()]], [[sent.clone()], presses(button)]].map(|it| it.concat());
            for (half, order) in [first, second].into_iter().enumerate() {
                let chat_id = 10 * chat_id + half as i64;
                let mut remembered = before.clone();
                let there = [
                    ButtonsChange { new: Some(2), ..ButtonsChange::default() },
                    ButtonsChange { new: Some(1), beside_next: true, ..ButtonsChange::default() },
                ];
                for change in there.iter().chain(&order) {
                    outbox
                        .sent("01J7ABCDEFGHJKMNPQRSTVWXYZ", chat_id, change.clone(), Urgency::Now)
                        .await
                        .expect("a commit");
                }
                for change in &order {
                    remembered = remembered.after(change);
                }
                assert_eq!(remembered, expected, "{order:?}");
                assert_eq!(outbox.buttons_of(chat_id).await.expect("a row"), expected, "{order:?}");
            }
        }
    }

    #[tokio::test]
    async fn each_takes_out_and_adds_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.sqlite");
        let store = Store::open_file(&path, Clock::default()).await.expect("a store");
        let outbox = store.outbox();
        let change = |change: ButtonsChange| {
            let outbox = outbox.clone();
            async move {
                let before = outbox.buttons_of(5).await.expect("a row");
                let sent = outbox.sent("01J7ABCDEFGHJKMNPQRSTVWXYZ", 5, change.clone(), Urgency::Now).await;
                sent.expect("a commit");
                let after = outbox.buttons_of(5).await.expect("a row");
                assert_eq!(before.after(&change), after, "what is remembered is what is stored: {change:?}");
            }
        };
        change(ButtonsChange { new: Some(3), over: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { kept: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { gone: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { new: Some(1), ..ButtonsChange::default() }).await;
        change(ButtonsChange { gone: ids(&[1]), new: Some(11), ..ButtonsChange::default() }).await;
        change(ButtonsChange { over: ids(&[11]), new: Some(12), beside_next: true, ..ButtonsChange::default() }).await;
        let now = outbox.buttons_of(5).await.expect("a row");
        assert_eq!(now, LiveButtons { live: ids(&[]), beside: ids(&[12]), over: ids(&[11]) });
        assert_eq!(outbox.buttons_over().await.expect("rows"), [(5, ids(&[11]))]);
        change(ButtonsChange { gone: ids(&[11]), kept: ids(&[12]), new: Some(2), ..ButtonsChange::default() }).await;
        assert_eq!(outbox.buttons_of(5).await.expect("a row").live, ids(&[2, 12]));
        outbox.buttons_gone(5, ids(&[1, 2, 12])).await.expect("a commit");
        assert_eq!(outbox.buttons_of(5).await.expect("a row"), LiveButtons::default());
        assert_eq!(outbox.buttons_of(6).await.expect("no row"), LiveButtons::default());
        outbox.buttons_gone(6, ids(&[1])).await.expect("nothing to do");
        assert!(outbox.buttons_over().await.expect("rows").is_empty());
    }
}
