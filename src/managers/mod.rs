//! The managers' chat: a card of each lead with buttons, whose turn it is, and what is said when nobody deals with one.
//!
//! **Promises.** A card goes out as soon as its lead is taken, since a buyer is called within minutes or not at all; it says
//! that the lead is not in amoCRM yet, and is changed when it is. A press counts once, is committed before it is confirmed to
//! Telegram, and is answered to whoever has pressed. Nothing here holds up a lead.

mod duty;
mod keeper;
mod looking;
mod members;
mod presses;
mod reminding;

use std::time::Duration;

use chrono_tz::Tz;

use crate::{
    config::{Dealer, Distribute, Manager},
    lead::ChatRef,
    working_time::WorkingTime,
};

pub use keeper::WorkKeeper;
pub use looking::Looking;
pub use presses::{ManagersContext, rest, tree};
pub use reminding::Reminding;

/// What the settings say of managers' work.
#[derive(Debug, Clone)]
pub struct WorkRules {
    /// `MANAGERS_CHAT_ID`.
    pub chat: Option<ChatRef>,
    /// `[[manager]]`.
    pub managers: Vec<Manager>,
    /// `[hours]` and `time_zone`.
    pub working: WorkingTime,
    /// The dealer's clock.
    pub time_zone: Tz,
    /// `callback_within`.
    pub callback_within: Option<Duration>,
    /// `distribute`.
    pub distribute: Distribute,
    /// `junk_status`: what is no lead is closed.
    pub junk_closes: bool,
}

impl WorkRules {
    /// As the settings have it.
    pub fn new(chat: Option<ChatRef>, dealer: &Dealer) -> Self {
        Self {
            chat,
            managers: dealer.managers.clone(),
            working: WorkingTime::of_dealer(dealer),
            time_zone: dealer.time_zone,
            callback_within: dealer.crm.callback_within,
            distribute: dealer.crm.distribute,
            junk_closes: dealer.crm.junk_status,
        }
    }

    /// Whether there is anything to do for a new lead.
    fn is_idle(&self) -> bool {
        self.chat.is_none() && self.callback_within.is_none() && self.distribute != Distribute::RoundRobin
    }

    /// The manager with this account in Telegram.
    fn manager_of(&self, telegram_id: i64) -> Option<&Manager> {
        self.managers.iter().find(|manager| manager.telegram_id == Some(telegram_id))
    }

    /// When the manager with this account in amoCRM works; as the dealer does where there is none.
    fn hours_of_user(&self, crm_user_id: Option<i64>) -> WorkingTime {
        self.working.of_user(&self.managers, crm_user_id)
    }
}
