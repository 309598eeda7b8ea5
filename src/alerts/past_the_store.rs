//! What concerns the store itself cannot wait in the store: it goes to the admin from memory, by Telegram if that takes
//! it within [`NOT_TAKEN`], else by the second way.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};
use tracing::warn;

use crate::{
    clock::Clock,
    lead::ChatRef,
    notice::AdminNotice,
    telegram::client::Telegram,
    wording::{Lang, Wording, render_admin},
};

use super::{SecondWay, outside, second_way::NOT_TAKEN};

/// Pauses between attempts, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Tells the admin without the store; clones share what is under way.
#[derive(Debug, Clone)]
pub struct PastTheStore {
    telegram: Telegram,
    chat: Option<ChatRef>,
    second_way: SecondWay,
    clock: Clock,
    under_way: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl PastTheStore {
    /// For one admin.
    pub fn new(telegram: Telegram, chat: Option<ChatRef>, second_way: SecondWay, clock: Clock) -> Self {
        Self { telegram, chat, second_way, clock, under_way: Arc::default() }
    }

    /// Tells it in the background.
    pub fn tell(&self, notice: AdminNotice) {
        let line = self.clone();
        self.start(tokio::spawn(async move {
            line.deliver(&notice).await;
        }));
    }

    /// Tells that something is over; where nobody could be told that it had begun, nothing.
    pub fn tell_over(&self, notice: AdminNotice) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(begun) = under_way.take().filter(|begun| !begun.is_finished()) {
            begun.abort();
            return;
        }
        drop(under_way);
        self.tell(notice);
    }

    fn start(&self, task: JoinHandle<()>) {
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Tells it, however long that takes; false where no way takes it.
    pub async fn deliver(&self, notice: &AdminNotice) -> bool {
        let until = Instant::now() + self.clock.scaled(NOT_TAKEN);
        let mut pause = FIRST_PAUSE;
        if let Some(chat) = self.chat {
            let message = render_admin(notice, Lang::default(), &Wording::default());
            loop {
                let Err(error) = self.telegram.send(chat, &message).await else { return true };
                warn!(%error, "the admin could not be told by Telegram");
                if Instant::now() >= until {
                    break;
                }
                self.clock.sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
        let told = match outside::text(notice, Lang::default()) {
            Some(text) => self.second_way.is_set() && self.second_way.tell(&text).await,
            None => false,
        };
        if !told {
            warn!("the admin could not be told by any way");
        }
        told
    }
}
