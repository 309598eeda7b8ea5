//! The update listener: long polling that confirms to Telegram only what is done.
//!
//! teloxide's own polling asks for the next batch, and so confirms the last one, while handlers still run. This one
//! asks only when every update of the batch is settled (see [`Intake`]). It also sees what teloxide's dispatcher would
//! drop: updates that cannot be parsed are kept in the store, counted and answered.
//!
//! Two polls at once: during a rolling deploy the old instance is told 409 until the new one stops asking. That is
//! waited out quietly for [`QUIET_CONFLICT`]; then the admin is told.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use teloxide::{
    ApiError, RequestError,
    payloads::{DeleteWebhook, GetUpdates, GetUpdatesSetters},
    stop::{StopFlag, StopToken, mk_stop_token},
    types::{AllowedUpdate, Update, UpdateKind},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    fault::point,
    notice::Notice,
    store::{NewMessage, Store},
};

use super::{
    api::is_too_large,
    intake::Intake,
    messages::Say,
    telegram::{Telegram, api_text, describe},
};

/// A second instance is expected for so long during a rolling deploy.
pub const QUIET_CONFLICT: Duration = Duration::from_secs(60);

/// Pauses after failed polls and failed batches: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// The most updates that Telegram gives at once.
const MOST_UPDATES: u8 = 100;

/// What the listener tells whoever watches over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntakeEvent {
    /// Another instance has been taking the updates for longer than a deploy takes.
    SecondInstance,
    /// The store does not take updates; says what it said.
    StoreFailed(String),
    /// Updates are taken again.
    StoreWorks,
    /// An update was set aside.
    SetAside(i64),
}

/// Figures of the intake, for health and metrics.
#[derive(Debug, Default)]
pub struct IntakeFigures {
    last_poll: AtomicI64,
    polls: AtomicU64,
    unparsable: AtomicU64,
    updates: AtomicU64,
}

impl IntakeFigures {
    /// When a poll was last completed, ms UTC; `None` before the first.
    pub fn last_poll(&self) -> Option<Millis> {
        Some(self.last_poll.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Completed polls.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Updates received that could not be parsed.
    pub fn unparsable(&self) -> u64 {
        self.unparsable.load(Ordering::Relaxed)
    }

    /// Updates received.
    pub fn updates(&self) -> u64 {
        self.updates.load(Ordering::Relaxed)
    }
}

/// Another instance takes updates too.
#[derive(Debug)]
struct Conflict {
    since: Millis,
    last: Millis,
    told: bool,
}

/// Long polling under the rule of [`Intake`].
pub struct Listener {
    telegram: Telegram,
    store: Store,
    clock: Clock,
    intake: Arc<Intake>,
    figures: Arc<IntakeFigures>,
    events: mpsc::UnboundedSender<IntakeEvent>,
    queue: VecDeque<Update>,
    offset: Option<u32>,
    conflict: Option<Conflict>,
    /// The store refused the last update that could not be parsed.
    store_failed: bool,
    pause: Duration,
    /// How many updates are asked for.
    batch: u8,
    stop: (StopToken, StopFlag),
}

impl Listener {
    /// A listener that asks for everything Telegram still holds.
    pub fn new(
        telegram: Telegram,
        store: Store,
        intake: Arc<Intake>,
        figures: Arc<IntakeFigures>,
        events: mpsc::UnboundedSender<IntakeEvent>,
    ) -> Self {
        Self {
            telegram,
            clock: store.clock(),
            store,
            intake,
            figures,
            events,
            queue: VecDeque::new(),
            offset: None,
            conflict: None,
            store_failed: false,
            pause: FIRST_PAUSE,
            batch: MOST_UPDATES,
            stop: mk_stop_token(),
        }
    }

    /// The next update to handle; `None` once stopped.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            if self.stop.1.is_stopped() {
                // What was not handed out stays at Telegram.
                return None;
            }
            if let Some(update) = self.queue.pop_front() {
                self.intake.hand_out(update.id.0);
                return Some(update);
            }
            let settled = self.intake.settle().await;
            if self.offset.is_some() {
                self.offset = Some(settled.offset);
            }
            if settled.failed {
                self.rest().await;
                if self.stop.1.is_stopped() {
                    return None;
                }
            } else if self.offset.is_some() {
                self.pause = FIRST_PAUSE;
            }
            point("intake.before_confirm");
            self.poll().await;
        }
    }

    /// Waits before the next try, longer each time.
    async fn rest(&mut self) {
        let pause = self.clock.scaled(self.pause);
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.1.clone() => {}
        }
    }

    /// Ends the listening.
    pub fn stop_token(&self) -> StopToken {
        self.stop.0.clone()
    }

    async fn poll(&mut self) {
        // The first answer comes at once, so that a health check need not wait for a long poll to end.
        let patience = match self.figures.polls() {
            0 => 0,
            _ => u32::try_from(self.telegram.long_poll().as_secs()).unwrap_or(1),
        };
        let mut request = GetUpdates::new().timeout(patience).limit(self.batch).allowed_updates([
            AllowedUpdate::Message,
            AllowedUpdate::EditedMessage,
            AllowedUpdate::CallbackQuery,
        ]);
        if let Some(offset) = self.offset {
            request = request.offset(i32::try_from(offset).unwrap_or(i32::MAX));
        }
        let answer = tokio::select! {
            answer = self.telegram.poll(&request) => answer,
            () = self.stop.1.clone() => return,
        };
        match answer {
            Ok(updates) => {
                self.figures.last_poll.store(self.clock.now(), Ordering::Relaxed);
                self.figures.polls.fetch_add(1, Ordering::Relaxed);
                self.figures.updates.fetch_add(updates.len() as u64, Ordering::Relaxed);
                self.intake.confirmed();
                self.batch = MOST_UPDATES;
                point("intake.received");
                self.take(updates).await;
            }
            Err(error) => self.poll_failed(&error).await,
        }
    }

    async fn take(&mut self, updates: Vec<Update>) {
        let Some(last) = updates.last() else {
            self.pause = FIRST_PAUSE;
            // Held for its whole time by nobody disturbed. An answer with updates says nothing: two instances that end
            // each other's polls get such answers too.
            self.conflict = None;
            // Everything is confirmed. Without an offset the next poll also sees ids that restart lower, as Telegram's
            // do at random after a week without updates.
            self.offset = None;
            return;
        };
        self.offset = Some(last.id.0);
        self.intake.open(updates.iter().map(|update| (update.id.0, chat_of(update))));
        for update in updates {
            if self.intake.is_done(update.id.0) {
                continue;
            }
            match update.kind {
                UpdateKind::Error(body) => self.unparsable(update.id.0, &body).await,
                _ => self.queue.push_back(update),
            }
        }
    }

    /// Keeps an update that teloxide cannot parse, and answers it where it came from a private chat.
    async fn unparsable(&mut self, id: u32, body: &Value) {
        let kind = kind_of(body);
        self.figures.unparsable.fetch_add(1, Ordering::Relaxed);
        warn!(update = id, kind, "an update cannot be parsed and is set aside");
        self.intake.hand_out(id);
        let chat = private_chat(body);
        // Owed and not sent from here, so that a slow chat holds nobody up.
        let answer = chat.map(|chat_id| NewMessage {
            chat_id,
            notice: Notice::Reply(serde_json::to_value([Say::OnlyText]).unwrap_or_default()),
            due_at: self.clock.now(),
        });
        let (id64, body) = (i64::from(id), body.to_string());
        let kept = self.store.set_aside(id64, chat, &kind, "cannot be parsed", &body, answer.as_ref()).await;
        if let Err(error) = kept {
            self.store_failed = true;
            let _ = self.events.send(IntakeEvent::StoreFailed(error.to_string()));
            self.intake.failed(id, &super::intake::Failure::Store);
            return;
        }
        if std::mem::take(&mut self.store_failed) {
            let _ = self.events.send(IntakeEvent::StoreWorks);
        }
        self.intake.done(id);
    }

    async fn poll_failed(&mut self, error: &RequestError) {
        match error {
            RequestError::Api(ApiError::TerminatedByOtherGetUpdates) => {
                let (now, quiet) = (self.clock.now(), self.clock.millis(QUIET_CONFLICT));
                // The last one may have ended without an undisturbed poll, among busy buyers.
                let conflict = match &mut self.conflict {
                    Some(conflict) if now - conflict.last <= quiet => conflict,
                    ended => {
                        info!("another instance takes the updates; waiting for it to stop");
                        ended.insert(Conflict { since: now, last: now, told: false })
                    }
                };
                conflict.last = now;
                if !conflict.told && now - conflict.since >= quiet {
                    warn!("another instance with the same bot token is running");
                    conflict.told = true;
                    let _ = self.events.send(IntakeEvent::SecondInstance);
                }
                self.pause = Duration::from_secs(2);
            }
            RequestError::Api(api) if api_text(api).contains("webhook is active") => {
                info!("a webhook is set for this bot; removing it, updates are kept");
                let _ = self.telegram.call(&DeleteWebhook::new()).await;
            }
            RequestError::RetryAfter(pause) => {
                warn!(seconds = pause.seconds(), "Telegram asks to poll more slowly");
                self.pause = pause.duration();
            }
            error if is_too_large(error) && self.batch > 1 => {
                self.batch /= 2;
                warn!(batch = self.batch, "the updates are too much for one answer; asking for fewer");
                return;
            }
            other => warn!(error = describe(other), "a poll failed"),
        }
        self.rest().await;
    }
}

/// The chat an update belongs to: the key by which the dispatcher keeps order.
pub fn chat_of(update: &Update) -> Option<i64> {
    update.chat().map(|chat| chat.id.0)
}

/// The kind of an update that cannot be parsed: the name of its one key besides the id.
fn kind_of(body: &Value) -> String {
    let keys = body.as_object().map(|object| {
        object.keys().filter(|key| *key != "update_id").map(String::as_str).collect::<Vec<_>>().join(",")
    });
    super::messages::shorten(keys.as_deref().filter(|keys| !keys.is_empty()).unwrap_or("unknown"), 100)
}

fn private_chat(body: &Value) -> Option<i64> {
    let message = ["message", "edited_message"].iter().find_map(|kind| body.get(kind))?;
    let chat = message.get("chat")?;
    (chat.get("type")?.as_str()? == "private").then(|| chat.get("id")?.as_i64()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unparsable_update_is_named_without_its_content() {
        for (body, kind, chat) in [
            (
                json!({"update_id": 1, "message": {"chat": {"id": 5, "type": "private"}, "text": "secret"}}),
                "message",
                Some(5),
            ),
            (json!({"update_id": 1, "message": {"chat": {"id": -5, "type": "group"}}}), "message", None),
            (json!({"update_id": 1, "brand_new": {}}), "brand_new", None),
            (json!({"update_id": 1}), "unknown", None),
            (json!([]), "unknown", None),
        ] {
            assert_eq!((kind_of(&body).as_str(), private_chat(&body)), (kind, chat));
        }
    }
}
