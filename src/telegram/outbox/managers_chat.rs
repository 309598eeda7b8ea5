//! A managers' chat that takes nothing: the operator is told once, and told when it is over. What is meant for it waits.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};

use crate::{
    clock::Clock,
    lead::ChatRef,
    notice::{AdminNotice, Recipients},
    store::{NewMessage, OpenAlert, OpenAlerts, Outbox, StoreError},
};

use super::super::groups::Groups;

/// Name of the alert in the store.
const ALERT: &str = "managers_chat";

/// Tells of it; clones share what was told.
#[derive(Debug, Clone)]
pub(super) struct ManagersChat {
    alerts: OpenAlerts,
    outbox: Outbox,
    groups: Groups,
    clock: Clock,
    recipients: Recipients,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An earlier process may have told that it is closed.
    Unknown,
    Works,
    /// It is told; so many messages had come from it then.
    Closed(u64),
}

impl ManagersChat {
    pub fn new(alerts: OpenAlerts, outbox: Outbox, groups: Groups, clock: Clock, recipients: Recipients) -> Self {
        Self { alerts, outbox, groups, clock, recipients, state: Arc::new(Mutex::new(State::Unknown)) }
    }

    /// The same, which tells these.
    pub fn telling(self, recipients: Recipients) -> Self {
        Self { recipients, ..self }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// It has refused a message, with these words.
    pub async fn is_closed(&self, chat: ChatRef, why: &str) -> Result<(), StoreError> {
        if !matches!(self.state(), State::Closed(_)) && self.alerts.get(ALERT).await?.is_none() {
            warn!(why, "the managers' chat cannot be reached: add the bot there, and let it write");
            let now = self.clock.now();
            let tell = NewMessage::to_dealer(
                &self.recipients,
                AdminNotice::ManagersChatClosed { detail: why.to_owned() },
                now,
            );
            let alert = OpenAlert { opened_at: now, body: "{}".into() };
            self.alerts.save(ALERT, &alert, tell.as_slice()).await?;
        }
        self.set(State::Closed(self.groups.heard(chat)));
        Ok(())
    }

    /// It has taken a message.
    pub async fn works(&self) -> Result<(), StoreError> {
        if self.state() == State::Works {
            return Ok(());
        }
        if let Some(alert) = self.alerts.get(ALERT).await? {
            info!("the managers' chat takes messages again");
            let now = self.clock.now();
            let lasted = i64::try_from(self.clock.unscaled(now - alert.opened_at).as_millis()).unwrap_or(i64::MAX);
            let notice = AdminNotice::ManagersChatWorks { lasted };
            self.alerts.close(ALERT, NewMessage::to_dealer(&self.recipients, notice, now).as_slice()).await?;
        }
        self.set(State::Works);
        Ok(())
    }

    /// Something came from it while it is closed, which it may be no more: what waits is tried at once.
    pub async fn hurry_if_heard(&self, chat: ChatRef) -> Result<(), StoreError> {
        let heard = self.groups.heard(chat);
        match self.state() {
            State::Closed(before) if before != heard => {
                self.set(State::Closed(heard));
                self.outbox.hurry(chat).await
            }
            _ => Ok(()),
        }
    }
}
