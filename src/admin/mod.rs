//! The admin's chat: a dealer mends everything from a phone.
//!
//! Commands and buttons are taken from the admin's chat only, and in a group only from those who may act there (see
//! `people`); everybody else gets the buyer's dialogue, and so does the admin for whatever is not a command of this
//! room. Every answer is sent or owed before its update counts as done, and
//! every command may come twice without harm.

pub mod authorization;
mod code;
mod errand;
mod forget;
mod leads;
mod people;
pub mod second_press;
mod sending;
mod status;

use std::sync::Arc;

use teloxide::{
    dispatching::{UpdateFilterExt, UpdateHandler},
    dptree,
    types::{Message, Update},
};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    crm::amocrm::Crm,
    delivery::Health,
    form::{Form, Step},
    notice::{Button, Notice, Worded},
    privacy::Privacy,
    store::{NewMessage, Store},
    telegram::{
        client::{Place, SendError, Telegram},
        groups::is_migration,
        handlers::HandlerError,
        listener::chat_of,
        storage::Chat,
    },
    wording::{Lang, age, render_worded},
};

use errand::{Errand, Wish};
pub use people::People;

/// Callback data of this room begins so.
const PREFIX: &str = "admin:";

/// What the admin's chat works with.
#[derive(Debug)]
pub struct AdminDesk {
    /// The chat.
    pub chat_id: Option<i64>,
    /// The store.
    pub store: Store,
    /// Telegram.
    pub telegram: Telegram,
    /// Who may act there.
    pub people: People,
    /// Forgets people.
    pub privacy: Privacy,
    /// The CRM, where there are settings for it.
    pub crm: Option<Crm>,
    /// The state of the way to amoCRM.
    pub health: watch::Receiver<Health>,
    /// Whether the callback page is there to take the code.
    pub page: bool,
    /// `@username` of the bot without the `@`.
    pub bot_username: String,
}

/// An answer of this room.
struct Answer {
    text: String,
    buttons: Vec<Vec<Button>>,
}

impl Answer {
    fn plain(text: String) -> Self {
        Self { text, buttons: Vec::new() }
    }
}

/// A button that comes back to this room; `label` names its text, `data` follows the prefix.
fn button(lang: Lang, label: &str, number: Option<&str>, data: &str) -> Button {
    let text = match number {
        Some(number) => lang.text(label, &[("number", number.into())]),
        None => lang.text(label, &[]),
    };
    Button::Press { text, data: format!("{PREFIX}{data}") }
}

/// The branch of the handler tree that sees the admin's chat first.
pub fn tree(desk: Arc<AdminDesk>) -> UpdateHandler<HandlerError> {
    let whose = desk.clone();
    dptree::filter(move |update: Update| whose.is_ours(&update))
        .map(move || desk.clone())
        .inspect_async(hurry_what_is_owed)
        .branch(Update::filter_message().filter(|message: Message| is_migration(&message)).endpoint(keep_the_new_id))
        .branch(Update::filter_message().filter_map(Errand::of_message).endpoint(run_errand))
        .branch(Update::filter_callback_query().filter_map(Errand::of_press).endpoint(run_errand))
        .branch(Update::filter_message().filter_map_async(Errand::of_code).endpoint(run_errand))
        .branch(Update::filter_message().filter_map_async(Errand::of_stray).endpoint(run_errand))
        // In a group of admins nobody fills in a form.
        .branch(dptree::filter(|update: Update| update.chat().is_some_and(|chat| !chat.is_private())).endpoint(ignore))
}

/// Alerts that found the chat closed wait for minutes; whoever writes in it has opened it.
async fn hurry_what_is_owed(desk: Arc<AdminDesk>) {
    let Some(chat_id) = desk.chat_id else { return };
    for chat_id in desk.telegram.groups().ids(chat_id) {
        if let Err(error) = desk.store.hurry_messages(chat_id).await {
            warn!(%error, "what is owed to the admin could not be hurried");
        }
    }
}

/// The group's new id is known already; this message is told to Telegram as done only when the store knows it too.
async fn keep_the_new_id(desk: Arc<AdminDesk>) -> Result<(), HandlerError> {
    Ok(desk.telegram.groups().save(&desk.store, desk.chat_id).await?)
}

async fn ignore() -> Result<(), HandlerError> {
    Ok(())
}

async fn run_errand(errand: Errand, desk: Arc<AdminDesk>) -> Result<(), HandlerError> {
    let (lang, topic) = (errand.lang, errand.topic);
    if let Some(refusal) = desk.people.verdict(errand.chat_id, errand.person).await.refusal() {
        return desk.refuse(&errand, &lang.text(refusal, &[])).await;
    }
    let person = errand.person.id();
    let answer = match errand.wish {
        Wish::Help => Some(Answer::plain(lang.text("admin-help", &[]))),
        Wish::Stray => Some(Answer::plain(lang.text("admin-stray", &[("help", lang.text("admin-help", &[]).into())]))),
        Wish::Status => Some(desk.status(lang).await?),
        Wish::Leads => Some(desk.leads(lang).await?),
        Wish::Retry => Some(desk.retry(lang, topic).await?),
        Wish::Backup => desk.backup(lang, topic).await?,
        Wish::Authorize => Some(desk.authorize(lang).await?),
        Wish::Code { text, message } => Some(desk.take_code(&text, message, lang).await?),
        Wish::ShowLead(number) => Some(desk.show_lead(&number, lang).await?),
        Wish::RetryLead(number) => Some(desk.retry_lead(&number, lang).await?),
        Wish::AskDiscard(number) => Some(desk.ask_discard(&number, person, lang).await?),
        Wish::Discard { number, nonce } => Some(desk.discard(&number, &nonce, person, lang).await?),
        Wish::AskForget(who) => Some(desk.ask_forget(&who, person, lang).await?),
        Wish::Forget { whom, nonce, also_waiting } => {
            Some(desk.forget(&whom, &nonce, also_waiting, person, lang).await?)
        }
    };
    if let Some(press) = &errand.press {
        desk.telegram.answer_press(press, None).await;
    }
    match answer {
        Some(answer) => desk.answer(answer, topic).await,
        None => Ok(()),
    }
}

impl AdminDesk {
    /// Sends an answer, or owes it.
    async fn answer(&self, answer: Answer, topic: Option<i32>) -> Result<(), HandlerError> {
        let Some(chat_id) = self.chat_id else { return Ok(()) };
        let worded = Worded { text: answer.text, buttons: answer.buttons, topic };
        match self.telegram.send(Place { chat_id, topic }, &render_worded(&worded)).await {
            Ok(()) => Ok(()),
            Err(SendError::Later { .. } | SendError::NoTopic(_)) => {
                let now = self.store.clock().now();
                self.store.owe(&NewMessage { chat_id, notice: Notice::Worded(worded), due_at: now }).await?;
                Ok(())
            }
            Err(error @ (SendError::ChatClosed(_) | SendError::Refused(_))) => {
                warn!(%error, "the admin was not answered");
                Ok(())
            }
        }
    }

    /// Tells somebody who may not act so: on a button where it was pressed, in words not more often than is kind.
    async fn refuse(&self, errand: &Errand, words: &str) -> Result<(), HandlerError> {
        info!("somebody who may not act in the admin's group has tried to");
        if let Some(press) = &errand.press {
            self.telegram.answer_press(press, Some(words)).await;
            return Ok(());
        }
        if self.people.is_to_be_told(errand.person) {
            return self.answer(Answer::plain(words.to_owned()), errand.topic).await;
        }
        Ok(())
    }

    /// Whether an update comes from the admin's chat, under whatever id that has or had.
    fn is_ours(&self, update: &Update) -> bool {
        let (Some(ours), Some(chat)) = (self.chat_id, chat_of(update)) else { return false };
        self.telegram.groups().is_same(ours, chat)
    }

    /// Where the buyer's dialogue of this chat stands.
    pub(super) async fn step(&self, chat_id: i64) -> Step {
        let stored = self.store.dialogue(chat_id).await.ok().flatten();
        stored.map_or(Step::Idle, |stored| Chat::from_stored(&stored, &Form::default()).conversation.step)
    }
}

fn when(at: Option<i64>, lang: Lang) -> String {
    match at {
        Some(at) => {
            let age = age(at, lang);
            lang.text("admin-ago", &[("age", age.into())])
        }
        None => lang.text("admin-never", &[]),
    }
}
