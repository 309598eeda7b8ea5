//! What the admin's chat works with.

use tokio::sync::watch;

use crate::{
    crm::amocrm::Crm,
    delivery::Health,
    form::Form,
    lead::ChatRef,
    privacy::Privacy,
    stats::Stats,
    store::{Dialogues, Leads, Marks, Outbox},
    telegram::client::Telegram,
};

use super::{authorization::Authorization, people::People};

/// What the admin's chat works with.
#[derive(Debug)]
pub struct AdminContext {
    /// The chat.
    pub chat: Option<ChatRef>,
    /// Leads, to be looked at, retried and given up.
    pub leads: Leads,
    /// What the admin has switched on, asked for and pressed once.
    pub marks: Marks,
    /// Where answers wait that Telegram does not take.
    pub outbox: Outbox,
    /// The admin's own forms.
    pub dialogues: Dialogues,
    /// The bot that answers.
    pub telegram: Telegram,
    /// Who may act there.
    pub people: People,
    /// Forgets people.
    pub privacy: Privacy,
    /// The CRM, where there are settings for it.
    pub crm: Option<Crm>,
    /// The way to new tokens of it.
    pub authorization: Option<Authorization>,
    /// The state of the way to amoCRM.
    pub health: watch::Receiver<Health>,
    /// Whether the callback page is there to take the code.
    pub page: bool,
    /// `@username` of the bot without the `@`.
    pub bot_username: String,
    /// What buyers are asked.
    pub form: Form,
    /// Counts what came of requests.
    pub stats: Stats,
}
