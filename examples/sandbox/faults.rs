//! What can go wrong, each with a switch that says whether it does.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use testkit::fakes::{
    amocrm::{self, FaultId, On},
    telegram,
};

use crate::stage::Stage;

/// How slow a slow service is: what the daemon waits for an answer is shortened too, and slower than that is gone.
const SLOW: Duration = Duration::from_millis(500);

/// One switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// amoCRM answers 503.
    CrmDown,
    /// amoCRM takes its time for everything.
    CrmSlow,
    /// Both tokens have expired.
    TokensExpired,
    /// Telegram takes its time for everything.
    TelegramSlow,
    /// Nothing of Telegram can be reached.
    TelegramGone,
}

/// Which of them are on.
#[derive(Default)]
pub struct Faults(Mutex<Switched>);

#[derive(Default)]
struct Switched {
    crm_down: bool,
    crm_slow: Option<FaultId>,
    /// How many exchanges of tokens had succeeded when they expired.
    expired_after: Option<usize>,
    telegram_slow: bool,
    telegram_gone: bool,
}

impl Faults {
    fn on(&self) -> MutexGuard<'_, Switched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn telegram_is_gone(&self) -> bool {
        self.on().telegram_gone
    }
}

impl Stage {
    /// Whether something goes wrong now.
    pub fn suffers(&self, fault: Fault) -> bool {
        let on = self.faults.on();
        match fault {
            Fault::CrmDown => on.crm_down,
            Fault::CrmSlow => on.crm_slow.is_some(),
            Fault::TokensExpired => on.expired_after.is_some_and(|before| self.exchanges() == before),
            Fault::TelegramSlow => on.telegram_slow,
            Fault::TelegramGone => on.telegram_gone,
        }
    }

    /// How many times a code or a token was exchanged for a pair.
    fn exchanges(&self) -> usize {
        let asked = self.amocrm.requests_to(&On::oauth());
        asked.iter().filter(|request| request.status == Some(200)).count()
    }

    /// A new pair of tokens in the files where the daemon looks for them.
    pub fn gives_tokens(&self) -> io::Result<()> {
        self.faults.on().expired_after = None;
        let (access, refresh) = self.amocrm.issue_pair();
        std::fs::write(self.path("refresh_token.txt"), refresh)?;
        std::fs::write(self.path("access_token.txt"), access)
    }

    /// From now on it goes wrong, or no more.
    pub async fn sets(&self, fault: Fault, goes_wrong: bool) -> io::Result<()> {
        if self.suffers(fault) == goes_wrong {
            return Ok(());
        }
        match fault {
            Fault::CrmDown => {
                self.faults.on().crm_down = goes_wrong;
                if goes_wrong { self.amocrm.goes_down() } else { self.amocrm.comes_back() }
            }
            Fault::CrmSlow => {
                let slow = || self.amocrm.fault(On::any("/"), amocrm::Fault::Slow(SLOW), amocrm::Times::Forever);
                let before = std::mem::replace(&mut self.faults.on().crm_slow, goes_wrong.then(slow));
                before.into_iter().for_each(|id| self.amocrm.clear_fault(id));
            }
            Fault::TokensExpired if goes_wrong => {
                self.faults.on().expired_after = Some(self.exchanges());
                self.amocrm.expire_access_tokens();
                self.amocrm.expire_refresh_token();
            }
            Fault::TokensExpired => self.gives_tokens()?,
            Fault::TelegramSlow => {
                self.faults.on().telegram_slow = goes_wrong;
                if goes_wrong {
                    let always = telegram::Times::UntilCleared;
                    self.telegram.fault(telegram::On::all(), telegram::Fault::Slow(SLOW), always);
                } else {
                    self.telegram.clear_faults();
                }
            }
            Fault::TelegramGone => {
                self.faults.on().telegram_gone = goes_wrong;
                if goes_wrong { self.telegram.stop().await } else { self.telegram.restart().await }
            }
        }
        Ok(())
    }
}
