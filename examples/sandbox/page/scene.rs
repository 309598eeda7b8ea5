//! One stage as the page looks at it: who holds the phones, what is recorded, how far the story is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use testkit::fakes::telegram::FakeUser;
use tokio::sync::Notify;

use super::{Said, board, phones, record::Record};
use crate::{faults::Fault, stage::Stage};

/// Everything that can be switched.
pub const FAULTS: [Fault; 5] =
    [Fault::CrmDown, Fault::CrmSlow, Fault::TokensExpired, Fault::TelegramSlow, Fault::TelegramGone];

/// The parts of the page as JSON, by name.
pub type Parts = BTreeMap<&'static str, Arc<str>>;

/// One of the three phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phone {
    Buyer,
    Admin,
    Managers,
}

/// How far the story is that plays by itself.
#[derive(Default, Clone, Serialize)]
pub struct Play {
    /// Steps so far; 0 where nothing plays.
    pub step: usize,
    pub steps: usize,
    pub line: Option<Said>,
    /// The next step waits for somebody to ask for it.
    pub waits: bool,
    /// Nobody is asked.
    pub auto: bool,
    pub over: bool,
    pub failed: bool,
}

/// A stage and what the page knows of it.
pub struct Scene {
    pub stage: Arc<Stage>,
    pub record: Record,
    front: Mutex<Front>,
    play: Mutex<Play>,
    pub next: Notify,
}

/// Whose phones are shown.
#[derive(Default)]
struct Front {
    buyer: i64,
    manager: usize,
}

impl Scene {
    pub fn of(stage: Arc<Stage>) -> Self {
        let record = Record::of(&stage);
        Self { stage, record, front: Mutex::default(), play: Mutex::default(), next: Notify::new() }
    }

    fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buyer whose phone is shown, made when there is none.
    pub fn buyer(&self) -> FakeUser {
        let shown = self.front().buyer;
        let buyers = self.stage.buyers();
        let found = buyers.iter().find(|buyer| buyer.id == shown).or(buyers.first()).cloned();
        found.unwrap_or_else(|| self.stage.buyer("Иван", "ru"))
    }

    pub fn shows_buyer(&self, id: i64) {
        self.front().buyer = id;
    }

    /// Which manager writes in the group.
    pub fn manager(&self) -> usize {
        self.front().manager
    }

    pub fn shows_manager(&self, manager: usize) {
        self.front().manager = manager.min(self.stage.managers.len() - 1);
    }

    /// Who holds a phone.
    pub fn holder(&self, phone: Phone) -> FakeUser {
        match phone {
            Phone::Buyer => self.buyer(),
            Phone::Admin => self.stage.admin.clone(),
            Phone::Managers => self.stage.managers[self.manager()].clone(),
        }
    }

    /// Everything as it is seen now.
    pub fn parts(&self) -> Parts {
        let faults = FAULTS.map(|fault| json!({"fault": fault, "on": self.stage.suffers(fault)}));
        let daemon = json!({
            "runs": self.stage.runs(), "speed": self.stage.speed, "faults": faults, "plays": self.stage.is_usual,
        });
        let play = self.play().clone();
        [
            ("phones", phones::seen(self)),
            ("board", board::seen(&self.stage)),
            ("daemon", daemon),
            ("timeline", self.record.seen()),
            ("play", json!(play)),
        ]
        .into_iter()
        .map(|(part, seen)| (part, Arc::from(seen.to_string())))
        .collect()
    }

    /// Waits until something is so; false where it takes too long.
    pub async fn until(&self, mut so: impl FnMut() -> bool, patience: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        while !so() {
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}
