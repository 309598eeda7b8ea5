//! The handler tree: turns an update into an input, takes the dialogue's turn, commits, answers.
//!
//! The root wraps the whole tree: it catches panics, defers a chat whose earlier update failed, and tells the
//! listener which updates are done. An update that fails again and again is set aside and answered kindly.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem::discriminant,
    ops::ControlFlow,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use teloxide::{
    dispatching::{DpHandlerDescription, UpdateFilterExt, UpdateHandler, dialogue::Dialogue},
    dptree::{self, HandlerDescription, HandlerSignature, di::DependencyMap},
    types::{CallbackQuery, Chat as TelegramChat, MediaGroupId, Message, MessageKind, Update, User},
};
use thiserror::Error;
use tracing::{Instrument, error, info, warn};

use crate::{
    clock::{Clock, Millis, date},
    config::LeadLimits,
    consent::ConsentDocuments,
    fault::point,
    form::{
        Amended, Beside, Correcting, Input, Press, World, album_goes_on, amend, answered_once, asks_for_own_requests,
        asks_to_correct, came_further, pass_on, sent_too_many, turn,
    },
    lead::{AmendmentKind, Buyer, LeadNumber, Region},
    notice::{AdminLine, AdminNotice, Notice, Recipient, Recipients, Say},
    store::{Dialogues, NewLead, NewMessage, NewWithdrawal, StoreError, Withdrawals},
    telemetry::{lead_span, update_span},
    wording::{Lang, Wording, render_reply},
};

use super::{
    client::{Place, Telegram},
    consent::{self, PressedOn},
    finishing::end_of_unfinished,
    groups::{is_migration, topic_of},
    input::input_of,
    intake::{ATTEMPTS, Failure, UpdateBatch},
    later::{Copied, new_speech, open_request, shown_in},
    listener::{IntakeCounters, chat_of},
    message_flood::{Answering, MessageFlood},
    my_requests::{last_request, my_requests, own_requests, request_of},
    storage::{Chat, DialogueStorage, StorageError},
};

/// A chat's last update is remembered for so long: longer than Telegram keeps updates (24 h), shorter than the quiet
/// week after which its ids may restart at random.
const MARK_EXPIRES: Duration = Duration::from_secs(3 * 24 * 3600);

/// In a group the bot explains itself at most so often, unless it is spoken to by a command.
const GROUP_HINT_EVERY: Duration = Duration::from_secs(3600);

/// Why an update could not be handled.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The store did not take it: it must come again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StorageError> for HandlerError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Store(error) => Self::Store(error),
            error @ (StorageError::NumberTaken | StorageError::TooMany { .. } | StorageError::Overtaken) => {
                Self::Store(StoreError::Unreadable(error.to_string()))
            }
        }
    }
}

/// What the handlers work with.
#[derive(Debug)]
pub struct HandlerContext {
    /// Telegram.
    pub telegram: Telegram,
    /// Dialogues and what is set aside.
    pub dialogues: Dialogues,
    /// Who has withdrawn their consent.
    pub withdrawals: Withdrawals,
    /// Its clock.
    pub clock: Clock,
    /// `PHONE_REGION`.
    pub region: Region,
    /// Settings the wording needs.
    pub wording: Arc<Wording>,
    /// The dealer's document that buyers consent to.
    pub consent: Option<ConsentDocuments>,
    /// Who is told of a person who has reached the limits.
    pub recipients: Recipients,
    /// `MANAGERS_CHAT_ID`, where what buyers say after a request is copied to.
    pub talk_chat: Option<i64>,
    /// How many requests one person may send.
    pub limits: LeadLimits,
    /// Where it is counted how far forms come.
    pub figures: Arc<IntakeCounters>,
    /// Groups and when they were last told where to write.
    group_hints: Mutex<HashMap<i64, Millis>>,
    /// The album that a chat was last answered for: its photos come as messages of their own, and one answer is enough.
    albums: Mutex<HashMap<i64, AnsweredAlbum>>,
    /// How much the chats write.
    flood: Option<MessageFlood>,
    /// The store refused the last update.
    store_failed: AtomicBool,
}

/// An album and whether a link was found in it; more than one link of an album is not looked for.
#[derive(Debug)]
struct AnsweredAlbum {
    id: MediaGroupId,
    had_link: bool,
}

impl HandlerContext {
    /// Handlers' tools for one bot.
    pub fn new(
        telegram: Telegram,
        dialogues: Dialogues,
        region: Region,
        wording: Arc<Wording>,
        recipients: Recipients,
        limits: LeadLimits,
        figures: Arc<IntakeCounters>,
    ) -> Self {
        let (withdrawals, clock) = (dialogues.withdrawals(), dialogues.clock());
        Self {
            telegram,
            dialogues,
            withdrawals,
            clock,
            region,
            wording,
            consent: None,
            recipients,
            talk_chat: None,
            limits,
            figures,
            group_hints: Mutex::default(),
            albums: Mutex::default(),
            flood: limits.messages_per_minute.map(MessageFlood::new),
            store_failed: AtomicBool::new(false),
        }
    }

    /// The same, with the managers' own chat.
    pub fn talking_in(self, talk_chat: Option<i64>) -> Self {
        Self { talk_chat, ..self }
    }

    /// The same, which asks for consent to the dealer's document.
    pub fn asking_for(self, consent: Option<ConsentDocuments>) -> Self {
        Self { consent, ..self }
    }
}

impl HandlerContext {
    /// Where a message is counted; `None` for what is no message. Dealers write as much as they like.
    fn flood_of(&self, chat_id: i64, input: &Input) -> Option<&MessageFlood> {
        let is_dealers = [Recipient::Operator, Recipient::Managers]
            .into_iter()
            .any(|recipient| self.recipients.chat(recipient) == Some(chat_id));
        // The parts of an album have one answer as it is.
        let is_message =
            !matches!(input, Input::Press(_) | Input::UnknownPress | Input::Edited) && input.album().is_none();
        self.flood.as_ref().filter(|_| is_message && !is_dealers)
    }

    fn albums(&self) -> MutexGuard<'_, HashMap<i64, AnsweredAlbum>> {
        self.albums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type BuyerDialogue = Dialogue<Chat, DialogueStorage>;

/// The whole tree: `admin` sees the updates of the admin's chat first, buyers' dialogues take the rest.
pub fn tree(
    intake: Arc<UpdateBatch>,
    admin_line: AdminLine,
    desk: Arc<HandlerContext>,
    admin: UpdateHandler<HandlerError>,
) -> UpdateHandler<HandlerError> {
    root(intake, admin_line, desk)
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
fn root(intake: Arc<UpdateBatch>, admin_line: AdminLine, desk: Arc<HandlerContext>) -> UpdateHandler<HandlerError> {
    dptree::from_fn_with_description(
        DpHandlerDescription::entry(),
        move |deps: DependencyMap, next: dptree::Cont<'static, Result<(), HandlerError>>| {
            let (intake, admin_line, desk) = (intake.clone(), admin_line.clone(), desk.clone());
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
                        if desk.store_failed.swap(false, Ordering::Relaxed) {
                            admin_line.store_recovered();
                        }
                        return ControlFlow::Break(Ok(()));
                    }
                    Ok(ControlFlow::Break(Err(HandlerError::Store(StoreError::Unavailable(cause))))) => {
                        warn!(update = id, error = %cause, "the store does not take an update; it stays at Telegram");
                        desk.store_failed.store(true, Ordering::Relaxed);
                        admin_line.store_failed(cause.to_string());
                        intake.failed(id, &Failure::Store);
                        return ControlFlow::Break(Ok(()));
                    }
                    Ok(ControlFlow::Break(Err(error))) => error.to_string(),
                    Err(_) => "a panic".to_owned(),
                };
                let attempts = intake.failed(id, &Failure::Update);
                error!(update = id, attempts, error = failure, "an update cannot be handled");
                if attempts >= ATTEMPTS && set_aside(&desk, &update, &failure).await.is_ok() {
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

async fn set_aside(desk: &HandlerContext, update: &Update, failure: &str) -> Result<(), StoreError> {
    let chat = chat_of(update);
    let body = serde_json::to_string(update).unwrap_or_default();
    let private = update.chat().is_some_and(TelegramChat::is_private);
    let answer = chat.filter(|_| private).map(|chat_id| NewMessage {
        chat_id,
        notice: Notice::Reply(vec![Say::SetAside]),
        due_at: desk.clock.now(),
    });
    desk.dialogues.set_aside(i64::from(update.id.0), chat, "unhandled", failure, &body, answer.as_ref()).await
}

async fn on_message(
    message: Message,
    update: Update,
    dialogue: BuyerDialogue,
    desk: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let Some(input) = input_of(&message, &desk.wording.bot_username) else {
        return Ok(());
    };
    let (chat, album) = (message.chat.id.0, message.media_group_id());
    let has_link = input.has_link();
    let is_answered = match (desk.albums().get(&chat), album) {
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
    take_turn(&desk, &dialogue, update.id.0, message.from.as_ref(), heard).await?;
    match album {
        Some(id) => drop(desk.albums().insert(chat, AnsweredAlbum { id: id.clone(), had_link: has_link })),
        None => drop(desk.albums().remove(&chat)),
    }
    Ok(())
}

async fn on_edited_message(
    message: Message,
    update: Update,
    dialogue: BuyerDialogue,
    desk: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let beside = Beside { shown: None, edited: input_of(&message, &desk.wording.bot_username) };
    let (has_buttons, pressed) = (false, PressedOn::default());
    let message = Some(message.id.0);
    let heard = Heard { input: Input::Edited, beside, sent_at: None, message, has_buttons, pressed };
    take_turn(&desk, &dialogue, update.id.0, update.from(), heard).await
}

async fn on_press(
    query: CallbackQuery,
    update: Update,
    dialogue: BuyerDialogue,
    desk: Arc<HandlerContext>,
) -> Result<(), HandlerError> {
    let press = query.data.as_deref().and_then(Press::parse);
    let is_known = |press: &Press| !matches!(press, Press::Language(code) if Lang::spoken(code).is_none());
    let input = press.filter(is_known).map_or(Input::UnknownPress, Input::Press);
    // The circle on the button holds nobody up, however slow its chat is.
    let (telegram, id) = (desk.telegram.clone(), query.id.clone());
    tokio::spawn(async move { telegram.answer_press(&id, None).await });
    let (message, pressed) = (query.message.as_ref(), PressedOn::of(&query));
    let has_buttons = message.and_then(|message| message.regular_message()?.reply_markup()).is_some();
    let message = message.map(|message| message.id().0);
    let heard = Heard { input, beside: Beside::default(), sent_at: None, message, has_buttons, pressed };
    take_turn(&desk, &dialogue, update.id.0, Some(&query.from), heard).await
}

async fn on_stray_press(query: CallbackQuery, desk: Arc<HandlerContext>) -> Result<(), HandlerError> {
    desk.telegram.answer_press(&query.id, None).await;
    Ok(())
}

async fn on_group_message(message: Message, desk: Arc<HandlerContext>) -> Result<(), HandlerError> {
    if !matches!(message.kind, MessageKind::Common(_)) || message.chat.is_channel() {
        return Ok(());
    }
    let spoken_to = message.text().is_some_and(|text| text.starts_with('/'));
    let chat = message.chat.id.0;
    let is_managers = desk.talk_chat.is_some_and(|talk| desk.telegram.groups().is_same(talk, chat));
    if is_migration(&message) || is_managers {
        return Ok(());
    }
    let now = desk.clock.now();
    let told = {
        let mut hints = desk.group_hints.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = desk.clock.millis(GROUP_HINT_EVERY);
        let told = hints.get(&chat).is_some_and(|at| now - at < quiet);
        if !told {
            hints.retain(|_, at| now - *at < quiet);
            hints.insert(chat, now);
        }
        told
    };
    if spoken_to || !told {
        let answer = render_reply(&[Say::Group], lang_of(message.from.as_ref()), &desk.wording);
        let place = Place { chat_id: chat, topic: topic_of(&message) };
        // Whoever misses it asks again, and a slow group holds nobody up.
        tokio::spawn(async move {
            if let Err(error) = desk.telegram.send(place, &answer).await {
                info!(error = %error, "a group was not answered");
            }
        });
    }
    Ok(())
}

/// What came from a chat.
struct Heard {
    input: Input,
    /// What comes with it.
    beside: Beside,
    /// By Telegram's clock; `None` for what is no message.
    sent_at: Option<DateTime<Utc>>,
    /// The message that was written, or that has the pressed button on it.
    message: Option<i32>,
    /// That message has buttons.
    has_buttons: bool,
    /// The button.
    pressed: PressedOn,
}

/// Takes one turn: it is committed with its answer, and nothing is committed twice.
async fn take_turn(
    desk: &HandlerContext,
    dialogue: &BuyerDialogue,
    update_id: u32,
    user: Option<&User>,
    heard: Heard,
) -> Result<(), HandlerError> {
    while !try_turn(desk, dialogue, update_id, user, &heard).await? {
        info!("a chat's dialogue is not what it was when it was read; it is read again");
    }
    point("intake.after_reply");
    Ok(())
}

/// One try; `false` when the dialogue has changed meanwhile.
async fn try_turn(
    desk: &HandlerContext,
    dialogue: &BuyerDialogue,
    update_id: u32,
    user: Option<&User>,
    heard: &Heard,
) -> Result<bool, HandlerError> {
    let chat_id = dialogue.chat_id().0;
    let mut stored = dialogue.get().await?.unwrap_or_default();
    let now = desk.clock.now();
    if let Some((last, at)) = stored.last_update
        && update_id <= last
        && (now - at).abs() < desk.clock.millis(MARK_EXPIRES)
    {
        // A redelivery: the turn was taken, and its answer is in the outbox or was sent.
        if update_id == last && !stored.replies.is_empty() {
            // Taken by a version that kept the answer with the dialogue: nobody knows whether it was sent.
            return match dialogue.update(stored).await {
                Err(StorageError::Overtaken) => Ok(false),
                done => Ok(done.map(|()| true)?),
            };
        }
        return Ok(true);
    }
    let question = match &heard.input {
        Input::Press(press) => press.deletes(now),
        _ => None,
    };
    if let Some(question) = question
        && desk.withdrawals.is_known(chat_id, question).await?
    {
        // The same finger twice, or an update that comes again: of this person nothing more is written.
        return Ok(true);
    }
    let chosen = match &heard.input {
        Input::Press(Press::Language(code)) => Lang::spoken(code),
        _ => stored.chosen,
    };
    let lang = chosen.unwrap_or_else(|| user.map_or(stored.lang, |user| lang_of(Some(user))));
    let buyer = buyer_of(user, chat_id);
    let consent = consent::rule(
        desk.consent.as_ref(),
        desk.wording.privacy_policy_url.is_some(),
        &desk.dialogues,
        (&stored.conversation, buyer.user_id),
        (lang, &heard.pressed),
    )
    .await?;
    let mut world = World {
        now: date(now),
        utc_offset: desk.wording.utc_offset(date(now)),
        sent_at: heard.sent_at,
        // An edited message is not the last one of its chat.
        message: heard.message.filter(|_| heard.input != Input::Edited),
        has_buttons: heard.has_buttons,
        region: desk.region,
        consent,
        first_name: user.map(|user| user.first_name.clone()),
        last_request: None,
        form: desk.wording.form.clone(),
        request: request_of(
            &desk.dialogues,
            buyer.user_id,
            &heard.input,
            stored.conversation.correcting.as_ref().map(|correcting| &correcting.number),
        )
        .await?,
        buyer,
        sources: desk.wording.sources.clone(),
        words: Lang::all_words,
        keys: Lang::typed_by_key,
    };
    if stored.after.is_some() && stored.conversation.may_offer() {
        world.last_request = last_request(&desk.dialogues, world.buyer.user_id).await?;
    }
    let wanted = match &heard.input {
        Input::Text { text, .. } if stored.conversation.is_at_rest() => asks_to_correct(text, desk.region),
        _ => None,
    };
    if wanted.is_some() {
        let now = world.now.timestamp_millis();
        let own = own_requests(&desk.dialogues, world.buyer.user_id).await?.into_iter().find(|own| own.is_open(now));
        let awaited = own.as_ref().map(|own| own.lead.number.clone());
        let is_name = wanted.is_some_and(|wanted| wanted.name);
        stored.conversation.correcting = awaited.map(|number| Correcting::awaited(number, is_name));
        world.request = own;
    }
    let awaited = stored.conversation.correcting.clone().filter(Correcting::is_awaited);
    let before = stored.conversation.clone();
    let given = match &heard.input {
        Input::My(_) => Input::My(my_requests(&desk.dialogues, world.buyer.user_id).await?),
        Input::Text { text, .. } if before.is_at_rest() && asks_for_own_requests(text) => {
            let requests = my_requests(&desk.dialogues, world.buyer.user_id).await?;
            // Where nothing can be done about any by a button, the words are for the manager.
            let is_any_open = requests.iter().any(|request| request.open);
            if is_any_open { Input::My(requests) } else { heard.input.clone() }
        }
        other => other.clone(),
    };
    let person = (world.buyer.user_id, chat_id);
    let request = open_request(&desk.dialogues, person, &before, &heard.input, heard.message).await?;
    let passed_on = request.as_ref().and_then(|request| pass_on(&before, &given, &heard.beside, request, &world));
    let speech = request.as_ref().zip(passed_on.as_ref()).and_then(|(request, passed_on)| {
        let of = (heard.message, update_id);
        let written_at = heard.sent_at.map_or(now, |at| at.timestamp_millis());
        let copied = desk.talk_chat.map(|to| Copied { from: chat_id, to, at: now });
        new_speech(passed_on, request, &heard.input, &heard.beside, of, (written_at, world.utc_offset), copied)
    });
    let is_passed_on = passed_on.is_some();
    let (mut outcome, amending) = match (passed_on, amend(&stored.conversation, &given, &world)) {
        // The words go to the manager as well: not everybody presses what they are asked to.
        (Some(_), Some(Amended { outcome, amending })) if awaited.is_some() => (outcome, amending),
        (Some(passed_on), _) => (passed_on.outcome, None),
        (None, Some(Amended { outcome, amending })) => (outcome, amending),
        (None, None) => (turn(stored.conversation, given, &world), None),
    };
    if wanted.is_some() && outcome.conversation.is_at_rest() {
        outcome.conversation.correcting = awaited;
    }
    let was_sent = outcome.lead.is_some();
    let amending = match amending {
        // Of somebody who withdraws their consent nothing more is written.
        None if question.is_none() => end_of_unfinished(&desk.dialogues, &before, &mut outcome, date(now)).await?,
        amending => amending,
    };
    // What is passed on is answered once an hour as it is.
    if let Some(flood) = desk.flood_of(chat_id, &heard.input).filter(|_| !is_passed_on) {
        match came_further(&before, &outcome.conversation) || amending.is_some() {
            // Whoever has come further is told so in any case.
            true => flood.came_further(chat_id),
            false => {
                let is_awaited = heard.message.is_some_and(|message| before.passed.is_after_ours(message));
                // Counted each time, so that in a flood nothing but a repeat is left unanswered.
                let is_new =
                    heard.input.is_request() && flood.takes(chat_id, update_id, discriminant(&heard.input), desk.clock);
                match flood.count(chat_id, update_id, is_awaited, desk.clock) {
                    Answering::Each => {}
                    _ if is_new => {}
                    Answering::Once => outcome = answered_once(outcome, &world),
                    Answering::Silently => outcome.replies.clear(),
                }
            }
        }
    }
    let is_answered = !outcome.replies.is_empty() || was_sent;
    let album_goes_on = album_goes_on(&before, &outcome.conversation);
    consent::note_messages(&mut outcome, lang, &desk.wording);
    let consent = consent::proof(
        &mut outcome.conversation,
        (world.buyer.user_id, &desk.wording.bot_username),
        (heard.message, heard.pressed.id.as_ref()),
        (update_id, now),
    );
    let mut chat = Chat {
        conversation: outcome.conversation,
        lang,
        chosen,
        last_update: Some((update_id, now)),
        after: stored.after,
        replies: outcome.replies,
        // Of what is passed on the first part is answered, at once.
        album: heard.input.album().filter(|_| !is_passed_on).map(str::to_owned),
        album_goes_on,
        // A finger that came down twice is not answered.
        pressed: heard.message.filter(|_| heard.input.is_pressed_once() && is_answered),
        lead: outcome.lead.map(NewLead::fresh),
        withdrawal: question.map(|question| NewWithdrawal {
            user_id: world.buyer.user_id,
            question,
            lang: lang.code().to_owned(),
        }),
        consent,
        amending,
        speech,
        // The admin tries the bot out as often as it takes.
        limits: if desk.recipients.chat(Recipient::Operator) == Some(chat_id) {
            LeadLimits::default()
        } else {
            desk.limits
        },
        told_in: None,
    };
    if chat.amending.is_some() && !was_sent {
        chat.told_in = desk.recipients.chat(Recipient::Managers);
    } else if was_sent && desk.dialogues.tell_new_leads().await? {
        chat.told_in = desk.recipients.chat(Recipient::Operator);
    }
    point("intake.before_commit");
    loop {
        match dialogue.update(chat.clone()).await {
            Ok(()) => break,
            Err(StorageError::NumberTaken) => renumber(&mut chat),
            Err(StorageError::TooMany { again_at }) => {
                tell_of_limit(desk, &world.buyer, again_at).await?;
                let outcome = sent_too_many(before.clone(), again_at, again_at - now, &world);
                chat = Chat { conversation: outcome.conversation, replies: outcome.replies, lead: None, ..chat };
            }
            Err(StorageError::Overtaken) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    point("intake.after_commit");
    let source = desk.wording.sources.label(chat.conversation.source.as_ref().or(before.source.as_ref()));
    desk.figures.form_went(source, before.step, chat.conversation.step, is_sent(&chat));
    if let Some(number) = chat.conversation.last_number.as_ref().filter(|_| is_sent(&chat)) {
        lead_span(number).in_scope(|| info!("a request is taken"));
    }
    Ok(true)
}

/// Whether the turn has sent a request, or the rest of one that was sent unfinished.
fn is_sent(chat: &Chat) -> bool {
    chat.lead.is_some() || chat.amending.as_ref().is_some_and(|amending| amending.kind == AmendmentKind::Finished)
}

/// The managers are told once a day of a person who has reached the limits.
async fn tell_of_limit(desk: &HandlerContext, buyer: &Buyer, again_at: Millis) -> Result<(), StoreError> {
    info!("a person has reached the limits; the form is kept");
    let notice = AdminNotice::LimitReached {
        user_id: buyer.user_id,
        username: buyer.username.clone(),
        per_hour: desk.limits.per_hour,
        per_day: desk.limits.per_day,
        again_at,
    };
    let message = NewMessage::to_dealer(&desk.recipients, notice, desk.clock.now());
    let Some(message) = message else { return Ok(()) };
    desk.dialogues.tell_of_limit(buyer.user_id, &message).await
}

/// Nobody has seen the number yet, so another one does.
fn renumber(chat: &mut Chat) {
    let number = LeadNumber::random();
    if let Some(new) = &mut chat.lead {
        new.lead.number = number.clone();
    }
    chat.conversation.last_number = Some(number);
}

fn lang_of(user: Option<&User>) -> Lang {
    Lang::from_code(user.and_then(|user| user.language_code.as_deref()))
}

fn buyer_of(user: Option<&User>, chat_id: i64) -> Buyer {
    let user_id = user.map_or(chat_id, |user| i64::try_from(user.id.0).unwrap_or(chat_id));
    let username = user.and_then(|user| user.username.as_deref());
    Buyer::new(user_id, Some(chat_id), username, user.map(User::full_name).as_deref())
}
