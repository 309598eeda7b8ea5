//! The admin's chat: a dealer fixes everything from a phone.
//!
//! Commands and buttons are taken from the admin's chat only, and in a group only from those who may act there (see
//! `people`); everybody else gets the buyer's dialogue, and so does the admin for whatever is not a command of this
//! room. Neither amoCRM nor the admin's chat holds the intake up, and every command may come twice without harm.

mod auth_code;
pub mod authorization;
pub mod commands;
mod context;
mod forget;
mod leads;
mod new_leads;
mod people;
mod reply;
pub mod second_press;
mod sending;
mod stats;
mod status;

use std::{sync::Arc, time::Duration};

use teloxide::{
    dispatching::{UpdateFilterExt, UpdateHandler},
    dptree,
    types::{Message, Update},
};
use tracing::{info, warn};

use crate::{
    form::Step,
    lead::ChatRef,
    notice::{AdminPress, Notice, Worded},
    store::NewMessage,
    telegram::{
        chat::Chat,
        client::{Place, SendError},
        context::HandlerError,
        groups::is_migration,
        listener::chat_of,
        setup_code,
    },
    wording::{Lang, render_worded},
};

use commands::{AdminCommand, AdminRequest, Asked, explained, help_text};
pub use context::AdminContext;
pub use people::People;
pub use reply::Reply;

/// The branch of the handler tree that sees the admin's chat first.
pub fn tree(context: Arc<AdminContext>) -> UpdateHandler<HandlerError> {
    let whose = context.clone();
    dptree::filter(move |update: Update| whose.is_ours(&update))
        .map(move || context.clone())
        .inspect_async(hurry_what_is_owed)
        .branch(Update::filter_message().filter(|message: Message| is_migration(&message)).endpoint(keep_the_new_id))
        .branch(Update::filter_message().filter(says_a_setup_code).endpoint(ignore))
        .branch(Update::filter_message().filter_map_async(AdminRequest::of_command).endpoint(run))
        .branch(Update::filter_callback_query().filter_map(AdminRequest::of_press).endpoint(run))
        .branch(Update::filter_message().filter_map_async(auth_code::of_message).endpoint(run))
        .branch(Update::filter_message().filter_map_async(AdminRequest::of_stray).endpoint(run))
        // In a group of admins nobody fills in a form.
        .branch(dptree::filter(|update: Update| update.chat().is_some_and(|chat| !chat.is_private())).endpoint(ignore))
}

/// Alerts that found the chat closed wait for minutes; whoever writes in it has opened it.
async fn hurry_what_is_owed(context: Arc<AdminContext>) {
    let Some(chat) = context.chat else { return };
    for chat in context.telegram.groups().ids(chat) {
        if let Err(error) = context.outbox.hurry(chat).await {
            warn!(%error, "what is owed to the admin could not be hurried");
        }
    }
}

/// The group's new id is known already; this message is told to Telegram as done only when the store knows it too.
async fn keep_the_new_id(context: Arc<AdminContext>) -> Result<(), HandlerError> {
    Ok(context.telegram.groups().save(&context.marks, context.chat).await?)
}

/// `setup` has read it and has answered; it could not take it away from the bot without buyers' messages before it.
fn says_a_setup_code(message: Message, context: Arc<AdminContext>) -> bool {
    message.text().is_some_and(|text| setup_code::is_said(text, &context.bot_username))
}

async fn ignore() -> Result<(), HandlerError> {
    Ok(())
}

/// What the admin asks for holds the intake up for no longer.
const LONGEST_HOLD: Duration = Duration::from_millis(100);

/// Does what was asked. What takes long (amoCRM or a group's members may be slow) goes on beside the intake, so that it
/// holds no buyer up; should it be cut off there, the admin sees no answer and asks again.
async fn run(request: AdminRequest, context: Arc<AdminContext>) -> Result<(), HandlerError> {
    let work = tokio::spawn(async move {
        let done = do_asked(request, context).await;
        if let Err(error) = &done {
            warn!(%error, "what the admin asked for could not be done");
        }
        done
    });
    match tokio::time::timeout(LONGEST_HOLD, work).await {
        Ok(Ok(done)) => done,
        Ok(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

async fn do_asked(request: AdminRequest, context: Arc<AdminContext>) -> Result<(), HandlerError> {
    let (lang, topic, person) = (request.lang, request.topic, request.person);
    if let Some(refusal) = context.people.verdict(request.chat, person).await.refusal() {
        return context.refuse(&request, &lang.text(refusal, &[])).await;
    }
    let asked = Asked { context: context.clone(), lang, topic, person };
    let reply = match request.command {
        AdminCommand::Typed(command, words) => command.run(asked, &words).await?,
        AdminCommand::Pressed(press) => context.pressed(press, person.id(), lang).await?,
        AdminCommand::Code { text, message } => context.take_code(&text, message, lang).await?,
        AdminCommand::Stray => Reply::plain(lang.text("admin-stray", &[("commands", explained(lang).into())])),
    };
    if let Some(press) = &request.press {
        context.telegram.answer_press(press, None).await;
    }
    // The chat may be slow, and nobody waits for it.
    tokio::spawn(async move {
        if let Err(error) = context.answer(reply, topic).await {
            warn!(%error, "an answer to the admin is lost");
        }
    });
    Ok(())
}

impl AdminContext {
    /// What a button does that is not simply a command.
    async fn pressed(&self, press: AdminPress, person: i64, lang: Lang) -> Result<Reply, HandlerError> {
        match press {
            AdminPress::ShowLead(number) => self.show_lead(&number, lang).await,
            AdminPress::RetryLead(number) => self.retry_lead(&number, lang).await,
            AdminPress::AskDiscard(number) => self.ask_discard(&number, person, lang).await,
            AdminPress::Discard { number, nonce } => self.discard(&number, &nonce, person, lang).await,
            AdminPress::Forget { whom, nonce, also_waiting } => {
                self.forget(&whom, &nonce, also_waiting, person, lang).await
            }
            AdminPress::Keep { nonce } => {
                second_press::done(&self.marks, &nonce).await?;
                Ok(Reply::plain(lang.text("admin-kept", &[])))
            }
            AdminPress::NewLeads(on) => self.set_new_leads(on, lang).await,
            // Commands, which the table runs.
            AdminPress::Status | AdminPress::Leads | AdminPress::Retry | AdminPress::Auth => {
                Ok(Reply::plain(help_text(lang)))
            }
        }
    }

    /// Sends an answer, or leaves it to the outbox.
    async fn answer(&self, reply: Reply, topic: Option<i32>) -> Result<(), HandlerError> {
        let Some(chat) = self.chat else { return Ok(()) };
        let place = Place::in_topic(chat, topic);
        let text = match reply.attachment {
            None => reply.text,
            Some((attachment, otherwise)) => {
                match self.telegram.send_file(place, attachment, reply.text).await {
                    Ok(()) => return Ok(()),
                    Err(error) => warn!(%error, "a file could not be sent to the admin"),
                }
                otherwise
            }
        };
        let worded = Worded { text, buttons: reply.buttons, topic };
        match self.telegram.send(place, &render_worded(&worded)).await {
            Ok(_) => Ok(()),
            Err(SendError::Later { .. } | SendError::NoTopic(_)) => {
                let now = self.outbox.clock().now();
                self.outbox.enqueue(&NewMessage { chat, notice: Notice::Worded(worded), due_at: now }).await?;
                Ok(())
            }
            Err(error @ (SendError::ChatClosed(_) | SendError::Refused(_))) => {
                warn!(%error, "the admin was not answered");
                Ok(())
            }
        }
    }

    /// Tells somebody who may not act so: on a button where it was pressed, in words not more often than is kind.
    async fn refuse(&self, request: &AdminRequest, words: &str) -> Result<(), HandlerError> {
        info!("somebody who may not act in the admin's group has tried to");
        if let Some(press) = &request.press {
            self.telegram.answer_press(press, Some(words)).await;
            return Ok(());
        }
        if self.people.is_to_be_told(request.person) {
            return self.answer(Reply::plain(words.to_owned()), request.topic).await;
        }
        Ok(())
    }

    /// Whether an update comes from the admin's chat, under whatever id that has or had.
    fn is_ours(&self, update: &Update) -> bool {
        let (Some(ours), Some(chat)) = (self.chat, chat_of(update)) else { return false };
        self.telegram.groups().is_same(ours, chat)
    }

    /// Where the buyer's dialogue of this chat stands.
    pub(super) async fn step(&self, chat: ChatRef) -> Step {
        let stored = self.dialogues.of_chat(chat).await.ok().flatten();
        stored.map_or(Step::Idle, |stored| Chat::from_stored(&stored, &self.form).conversation.step)
    }
}
