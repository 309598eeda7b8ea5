//! What Telegram has taken goes from the outbox with what comes of it, in one commit, and many messages in the same statements.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{clock::Millis, lead::ChatRef, notice::Reference};

use super::{
    Became, ButtonsChange, Outbox, StoreError, Urgency, json, live_buttons, rows, sent_messages,
    writer::{Ends, Jointly},
};

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

/// What has happened in a chat.
struct InChat {
    chat: ChatRef,
    /// The message that goes from the outbox.
    gone: Option<String>,
    after: AfterSending,
    at: Millis,
}

impl Jointly for InChat {
    type Answer = ();

    fn fits(&self, _all: &[Self]) -> bool {
        true
    }

    fn write_all<'a>(
        all: &'a [Self],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<Vec<Ends<()>>, StoreError>> {
        Box::pin(async move {
            let gone: Vec<&String> = all.iter().filter_map(|one| one.gone.as_ref()).collect();
            if !gone.is_empty() {
                let gone: Vec<_> = gone.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
                let listed = rows::listed(rows::engine_of(connection), &[("id", "TEXT")]);
                let sql = format!("DELETE FROM messages WHERE id IN (SELECT new.id FROM {listed})");
                sqlx::query(AssertSqlSafe(sql)).bind(json(&gone)).execute(&mut *connection).await?;
            }
            let changes: Vec<_> = all.iter().map(|one| (one.chat, one.after.buttons.clone())).collect();
            live_buttons::change_all(connection, &changes).await?;
            for InChat { chat, after, at, .. } in all {
                if let Some((reference, became)) = &after.became {
                    sent_messages::insert(connection, (reference, *chat), *became, *at).await?;
                }
            }
            Ok(all.iter().map(|_| Ok(())).collect())
        })
    }
}

impl Outbox {
    /// Messages of a chat have lost their buttons, or never will; written in passing.
    pub async fn buttons_gone(&self, chat: ChatRef, gone: BTreeSet<i32>) -> Result<(), StoreError> {
        let after = ButtonsChange::gone(gone).into();
        let happened = InChat { chat, gone: None, after, at: self.clock.now() };
        self.write_jointly(Urgency::InPassing, happened).await
    }

    /// Telegram has taken a message, or never will, and this comes of it: one commit.
    pub async fn sent(
        &self,
        id: &str,
        chat: ChatRef,
        after: impl Into<AfterSending>,
        urgency: Urgency,
    ) -> Result<(), StoreError> {
        let after: AfterSending = after.into();
        let is_looked_for = after.became.is_some();
        let happened = InChat { chat, gone: Some(id.to_owned()), after, at: self.clock.now() };
        self.write_jointly(urgency, happened).await?;
        if is_looked_for {
            self.wakes.sent.notify_one();
        }
        Ok(())
    }
}
