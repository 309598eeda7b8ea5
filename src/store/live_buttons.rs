//! Which messages of a chat have buttons that are over as soon as its form goes on. Telegram tells a message's id when it
//! takes it, and it is kept with the deletion from the outbox, so that buttons are taken off after a restart as well.
//!
//! Several write to one row side by side (a turn, the sender, what is edited late): each adds and takes out its own ids.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::lead::ChatRef;

use super::{Outbox, StoreError, json, rows};

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

/// What becomes of a row.
#[derive(Debug, Default)]
struct Edit {
    /// What is taken out of it.
    out: Vec<String>,
    /// What is added to the rest.
    added: String,
}

impl Edit {
    /// The same and this after it.
    fn then(&mut self, change: &ButtonsChange) {
        for token in change.taken_out() {
            // Commas are at both its ends, so it never is half in the row and half in what is added.
            self.added = self.added.replace(&token, "");
            if !self.out.contains(&token) {
                self.out.push(token);
            }
        }
        self.added.push_str(&change.added());
    }
}

/// So much is taken out of many rows by one statement: that of two messages.
const MOST_OUT: usize = 6;

/// A row of `live_buttons` as it is changed together with others.
#[derive(Serialize)]
struct EditedRow {
    chat_id: i64,
    channel: &'static str,
    added: String,
    taken: [String; MOST_OUT],
}

const EDITED_ROW: &[(&str, &str)] = &[("chat_id", "BIGINT"), ("channel", "TEXT"), ("added", "TEXT"), ("taken", "JSON")];

/// Makes changes of any number of chats in the transaction of something else, in their order; by one statement where it is not
/// the first time for a chat, as it goes with every message.
pub(super) async fn change_all(
    connection: &mut AnyConnection,
    changes: &[(ChatRef, ButtonsChange)],
) -> Result<(), StoreError> {
    let mut edits: BTreeMap<ChatRef, Edit> = BTreeMap::new();
    for (chat, change) in changes {
        edits.entry(*chat).or_default().then(change);
    }
    edits.retain(|_, edit| !edit.out.is_empty() || !edit.added.is_empty());
    let (mut together, alone): (BTreeMap<_, _>, BTreeMap<_, _>) =
        edits.into_iter().partition(|(_, edit)| edit.out.len() <= MOST_OUT);
    if !together.is_empty() {
        let row = |(chat, edit): (&ChatRef, &'_ Edit)| {
            let mut taken = [const { String::new() }; MOST_OUT];
            taken.iter_mut().zip(&edit.out).for_each(|(place, token)| place.clone_from(token));
            EditedRow { chat_id: chat.id, channel: chat.channel.as_str(), added: edit.added.clone(), taken }
        };
        let rows: Vec<_> = together.iter().map(row).collect();
        let rest = (0..MOST_OUT)
            .fold("live_buttons.messages".to_owned(), |rest, at| format!("REPLACE({rest}, new.taken ->> {at}, '')"));
        let sql = format!(
            "UPDATE live_buttons SET messages = {rest} || new.added FROM {} WHERE live_buttons.chat_id = new.chat_id \
             AND live_buttons.channel = new.channel RETURNING live_buttons.chat_id, live_buttons.channel",
            rows::listed(rows::engine_of(connection), EDITED_ROW)
        );
        let changed = sqlx::query(AssertSqlSafe(sql)).bind(json(&rows)).fetch_all(&mut *connection).await?;
        for chat in changed.iter().filter_map(|row| rows::chat(row, 0)) {
            together.remove(&chat);
        }
    }
    let first = together.into_iter().filter(|(_, edit)| !edit.added.is_empty());
    for (chat, edit) in first.chain(alone) {
        change_one(connection, chat, edit).await?;
    }
    Ok(())
}

async fn change_one(connection: &mut AnyConnection, chat: ChatRef, edit: Edit) -> Result<(), StoreError> {
    let rest = (0..edit.out.len())
        .fold("live_buttons.messages".to_owned(), |rest, at| format!("REPLACE({rest}, ${}, '')", at + 4));
    let sql = match edit.added.is_empty() {
        true => format!("UPDATE live_buttons SET messages = {rest} || $2 WHERE chat_id = $1 AND channel = $3"),
        false => format!(
            "INSERT INTO live_buttons (chat_id, messages, channel) VALUES ($1, $2, $3) \
             ON CONFLICT (chat_id, channel) DO UPDATE SET messages = {rest} || excluded.messages"
        ),
    };
    let query = sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(edit.added).bind(chat.channel.as_str());
    edit.out.into_iter().fold(query, |query, token| query.bind(token)).execute(&mut *connection).await?;
    Ok(())
}

impl Outbox {
    /// The messages of a chat that have buttons.
    pub async fn buttons_of(&self, chat: ChatRef) -> Result<LiveButtons, StoreError> {
        let sql = format!(
            "SELECT {} FROM live_buttons WHERE chat_id = $1 AND channel = $2",
            rows::bytes(self.engine, "messages")
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let messages = row.and_then(|row| rows::lossy(&row, 0)).unwrap_or_default();
        Ok(LiveButtons::read(&messages))
    }

    /// The chats of which a message has to lose its buttons still, with those messages.
    pub async fn buttons_over(&self) -> Result<Vec<(ChatRef, BTreeSet<i32>)>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM live_buttons WHERE messages LIKE '%r%' LIMIT $1 + 0",
            rows::chats(self.engine, "chat_id", "channel"),
            rows::bytes(self.engine, "messages")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(MOST_CHATS).fetch_all(&self.pool).await?;
        let read = |row: &sqlx::any::AnyRow| Some((rows::chat(row, 0)?, LiveButtons::read(&rows::lossy(row, 2)?).over));
        Ok(rows.iter().filter_map(read).filter(|(_, over)| !over.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        store::{Store, Urgency},
    };

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
        for (chat, button, over, live) in [(1, 1, &[1, 2][..], &[3][..]), (2, 2, &[2], &[1, 3]), (3, 3, &[2, 3], &[1])]
        {
            let expected = LiveButtons { live: ids(live), beside: ids(&[]), over: ids(over) };
            let [first, second] =
                [[presses(button), [sent.clone()]], [[sent.clone()], presses(button)]].map(|it| it.concat());
            for (half, order) in [first, second].into_iter().enumerate() {
                let chat = ChatRef::telegram(10 * chat + half as i64);
                let mut remembered = before.clone();
                let there = [
                    ButtonsChange { new: Some(2), ..ButtonsChange::default() },
                    ButtonsChange { new: Some(1), beside_next: true, ..ButtonsChange::default() },
                ];
                for change in there.iter().chain(&order) {
                    outbox
                        .sent("01J7ABCDEFGHJKMNPQRSTVWXYZ", chat, change.clone(), Urgency::Now)
                        .await
                        .expect("a commit");
                }
                for change in &order {
                    remembered = remembered.after(change);
                }
                assert_eq!(remembered, expected, "{order:?}");
                assert_eq!(outbox.buttons_of(chat).await.expect("a row"), expected, "{order:?}");
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
                let before = outbox.buttons_of(ChatRef::telegram(5)).await.expect("a row");
                let sent =
                    outbox.sent("01J7ABCDEFGHJKMNPQRSTVWXYZ", ChatRef::telegram(5), change.clone(), Urgency::Now).await;
                sent.expect("a commit");
                let after = outbox.buttons_of(ChatRef::telegram(5)).await.expect("a row");
                assert_eq!(before.after(&change), after, "what is remembered is what is stored: {change:?}");
            }
        };
        change(ButtonsChange { new: Some(3), over: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { kept: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { gone: ids(&[3]), ..ButtonsChange::default() }).await;
        change(ButtonsChange { new: Some(1), ..ButtonsChange::default() }).await;
        change(ButtonsChange { gone: ids(&[1]), new: Some(11), ..ButtonsChange::default() }).await;
        change(ButtonsChange { over: ids(&[11]), new: Some(12), beside_next: true, ..ButtonsChange::default() }).await;
        let now = outbox.buttons_of(ChatRef::telegram(5)).await.expect("a row");
        assert_eq!(now, LiveButtons { live: ids(&[]), beside: ids(&[12]), over: ids(&[11]) });
        assert_eq!(outbox.buttons_over().await.expect("rows"), [(ChatRef::telegram(5), ids(&[11]))]);
        change(ButtonsChange { gone: ids(&[11]), kept: ids(&[12]), new: Some(2), ..ButtonsChange::default() }).await;
        assert_eq!(outbox.buttons_of(ChatRef::telegram(5)).await.expect("a row").live, ids(&[2, 12]));
        outbox.buttons_gone(ChatRef::telegram(5), ids(&[1, 2, 12])).await.expect("a commit");
        assert_eq!(outbox.buttons_of(ChatRef::telegram(5)).await.expect("a row"), LiveButtons::default());
        assert_eq!(outbox.buttons_of(ChatRef::telegram(6)).await.expect("no row"), LiveButtons::default());
        outbox.buttons_gone(ChatRef::telegram(6), ids(&[1])).await.expect("nothing to do");
        assert!(outbox.buttons_over().await.expect("rows").is_empty());
    }
}
