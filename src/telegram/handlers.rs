//! The handler tree: turns an update into an input and has the dialogue take its turn (`turn`).
//!
//! The root wraps the whole tree: it catches panics, defers a chat whose earlier update failed, and tells the
//! listener which updates are done. An update that fails again and again is set aside and answered kindly.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures::FutureExt;
use teloxide::{
    dispatching::{DpHandlerDescription, UpdateFilterExt, UpdateHandler},
    dptree::{self, HandlerDescription, HandlerSignature, di::DependencyMap},
    types::{CallbackQuery, Chat as TelegramChat, Message, MessageKind, Update},
};
use tracing::{Instrument, error, info, warn};

use crate::{
    form::{Beside, Input, Press},
    lead::ChatRef,
    notice::{AdminLine, AdminNotice, Notice, Say},
    store::{NewMessage, StoreError},
    telemetry::update_span,
    wording::{Lang, render_reply},
};

use super::{
    client::Place,
    consent::PressedOn,
    context::{AnsweredAlbum, BuyerDialogue, HandlerContext, HandlerError, lang_of},
    groups::{is_migration, topic_of},
    input::input_of,
    intake::{ATTEMPTS, Failure, UpdateBatch},
    later::shown_in,
    listener::chat_of,
    storage::DialogueStorage,
    turn::{Heard, take_turn},
};

/// The least time between two explanations of itself in a group, unless the bot is spoken to by a command.
const GROUP_HINT_EVERY: Duration = Duration::from_secs(3600);

/// The whole tree: `admin` sees the updates of the admin's chat first, buyers' dialogues take the rest.
pub fn tree(
    intake: Arc<UpdateBatch>,
    admin_line: AdminLine,
    context: Arc<HandlerContext>,
    admin: UpdateHandler<HandlerError>,
) -> UpdateHandler<HandlerError> {
    root(intake, admin_line, context)
        .branch(admin)
        .branch(
            dptree::filter_map(|update: Update, storage: Arc<DialogueStorage>| {
                let chat = update.chat()?;
                chat.is_private().then(|| BuyerDialogue::new(storage, chat.id))
            })
            .branch(Update::filter_message().endpoint(on_message))
            .branch(Update::filter_edited_message().endpoint(on_edited_message))
            .branch(Update::filter_callback_query().endpoint(on_press)),
        )
        .branch(Update::filter_message().endpoint(on_group_message))
        .branch(Update::filter_callback_query().endpoint(on_stray_press))
}

/// Wraps the tree: every update ends as done or as failed, whatever the handlers do.
fn root(intake: Arc<UpdateBatch>, admin_line: AdminLine, context: Arc<HandlerContext>) -> UpdateHandler<HandlerError> {
    dptree::from_fn_with_description(
        DpHandlerDescription::entry(),
        move |deps: DependencyMap, next: dptree::Cont<'static, Result<(), HandlerError>>| {
            let (intake, admin_line, context) = (intake.clone(), admin_line.clone(), context.clone());
            async move {
                let update: Arc<Update> = deps.get();
                let (id, chat) = (update.id.0, chat_of(&update));
                if intake.is_deferred(chat) {
                    intake.failed(id, &Failure::Deferred);
                    return ControlFlow::Break(Ok(()));
                }
                let handled = AssertUnwindSafe(next(deps)).catch_unwind().instrument(update_span(id));
                let failure = match handled.await {
                    Ok(ControlFlow::Break(Ok(())) | ControlFlow::Continue(_)) => {
                        intake.done(id);
                        if context.store_failed.swap(false, Ordering::Relaxed) {
                            admin_line.store_recovered();
                        }
                        return ControlFlow::Break(Ok(()));
                    }
                    Ok(ControlFlow::Break(Err(HandlerError::Store(StoreError::Unavailable(cause))))) => {
                        warn!(update = id, error = %cause, "the store does not take an update; it stays at Telegram");
                        context.store_failed.store(true, Ordering::Relaxed);
                        admin_line.store_failed(cause.to_string());
                        intake.failed(id, &Failure::Store);
                        return ControlFlow::Break(Ok(()));
                    }
                    Ok(ControlFlow::Break(Err(error))) => error.to_string(),
                    Err(_) => "a panic".to_owned(),
                };
                let attempts = intake.failed(id, &Failure::Update);
                error!(update = id, attempts, error = failure, "an update cannot be handled");
                if attempts >= ATTEMPTS && keep_dead_letter(&context, &update, &failure).await.is_ok() {
                    admin_line.send(AdminNotice::UpdateSetAside { update_id: i64::from(id) });
                    intake.done(id);
                }
                ControlFlow::Break(Ok(()))
            }
        },
        HandlerSignature::Other {
            obligations: BTreeMap::new(),
            guaranteed_outcomes: BTreeSet::new(),
            conditional_outcomes: BTreeSet::new(),
            continues: true,
        },
    )
}

async fn keep_dead_letter(context: &HandlerContext, update: &Update, failure: &str) -> Result<(), StoreError> {
    let chat = chat_of(update);
    let body = serde_json::to_string(update).unwrap_or_default();
    let private = update.chat().is_some_and(TelegramChat::is_private);
    let answer = chat.filter(|_| private).map(|chat| NewMessage {
        chat,
        notice: Notice::Reply(vec![Say::SetAside]),
        due_at: context.clock.now(),
    });
    context.dialogues.keep_dead_letter(i64::from(update.id.0), chat, "unhandled", failure, &body, answer.as_ref()).await
}

async fn on_message(
    message: Message,
    update: Update,
    dialogue: BuyerDialogue,
    context: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let Some(input) = input_of(&message, &context.wording.bot_username) else {
        return Ok(());
    };
    let (chat, album) = (ChatRef::from(message.chat.id), message.media_group_id());
    let has_link = input.has_link();
    let is_answered = match (context.albums().get(&chat), album) {
        (Some(answered), Some(album)) => answered.id == *album && (answered.had_link || !has_link),
        _ => false,
    };
    // What can be kept is, and the answer to an album tells of all of it.
    if is_answered && matches!(input, Input::Media { file: None, .. }) {
        return Ok(());
    }
    let heard = Heard {
        input,
        beside: Beside { shown: shown_in(&message), edited: None },
        sent_at: Some(message.date),
        message: Some(message.id.0),
        has_buttons: false,
        pressed: PressedOn::default(),
    };
    take_turn(&context, &dialogue, update.id.0, message.from.as_ref(), heard).await?;
    match album {
        Some(id) => drop(context.albums().insert(chat, AnsweredAlbum { id: id.clone(), had_link: has_link })),
        None => drop(context.albums().remove(&chat)),
    }
    Ok(())
}

async fn on_edited_message(
    message: Message,
    update: Update,
    dialogue: BuyerDialogue,
    context: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let beside = Beside { shown: None, edited: input_of(&message, &context.wording.bot_username) };
    let (has_buttons, pressed) = (false, PressedOn::default());
    let message = Some(message.id.0);
    let heard = Heard { input: Input::Edited, beside, sent_at: None, message, has_buttons, pressed };
    take_turn(&context, &dialogue, update.id.0, update.from(), heard).await
}

async fn on_press(
    query: CallbackQuery,
    update: Update,
    dialogue: BuyerDialogue,
    context: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let press = query.data.as_deref().and_then(Press::parse);
    let is_known = |press: &Press| !matches!(press, Press::Language(code) if Lang::spoken(code).is_none());
    let input = press.filter(is_known).map_or(Input::UnknownPress, Input::Press);
    // The circle on the button holds nobody up, however slow its chat is.
    let (telegram, id) = (context.telegram.clone(), query.id.clone());
    tokio::spawn(async move { telegram.answer_press(&id, None).await });
    let (message, pressed) = (query.message.as_ref(), PressedOn::of(&query));
    let has_buttons = message.and_then(|message| message.regular_message()?.reply_markup()).is_some();
    let message = message.map(|message| message.id().0);
    let heard = Heard { input, beside: Beside::default(), sent_at: None, message, has_buttons, pressed };
    take_turn(&context, &dialogue, update.id.0, Some(&query.from), heard).await
}

async fn on_stray_press(query: CallbackQuery, context: Arc<HandlerContext>) -> Result<(), HandlerError> {
    context.telegram.answer_press(&query.id, None).await;
    Ok(())
}

async fn on_group_message(message: Message, context: Arc<HandlerContext>) -> Result<(), HandlerError> {
    if !matches!(message.kind, MessageKind::Common(_)) || message.chat.is_channel() {
        return Ok(());
    }
    let spoken_to = message.text().is_some_and(|text| text.starts_with('/'));
    let chat = ChatRef::from(message.chat.id);
    let is_managers = context.talk_chat.is_some_and(|talk| context.telegram.groups().is_same(talk, chat));
    if is_migration(&message) || is_managers {
        return Ok(());
    }
    let now = context.clock.now();
    let told = {
        let mut hints = context.group_hints.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = context.clock.millis(GROUP_HINT_EVERY);
        let told = hints.get(&chat).is_some_and(|at| now - at < quiet);
        if !told {
            hints.retain(|_, at| now - *at < quiet);
            hints.insert(chat, now);
        }
        told
    };
    if spoken_to || !told {
        let answer = render_reply(&[Say::Group], lang_of(message.from.as_ref()), &context.wording);
        let place = Place::in_topic(chat, topic_of(&message));
        // Whoever misses it asks again, and a slow group holds nobody up.
        tokio::spawn(async move {
            if let Err(error) = context.telegram.send(place, &answer).await {
                info!(error = %error, "a group was not answered");
            }
        });
    }
    Ok(())
}
