//! One turn of a buyer's dialogue: what is known of the chat is read, the turn taken, and committed with its answer.
//!
//! Nothing is committed twice: an update that comes again finds its id in the dialogue, and a dialogue that has changed
//! meanwhile is read again.

use std::{mem::discriminant, sync::Once, time::Duration};

use chrono::{DateTime, Utc};
use teloxide::types::User;
use tracing::info;

use crate::{
    clock::{Millis, date},
    config::LeadLimits,
    fault::point,
    form::{
        Amended, Beside, Correcting, Input, Press, World, album_goes_on, amend, answered_once, asks_for_own_requests,
        asks_to_correct, came_further, pass_on, sent_too_many, turn,
    },
    lead::{AmendmentKind, Buyer, ChatRef, LeadNumber, read_plans},
    notice::{AdminNotice, Recipient},
    store::{NewLead, NewMessage, NewWithdrawal, StoreError},
    telemetry::lead_span,
    wording::Lang,
};

use super::{
    chat::Chat,
    consent::{self, PressedOn},
    context::{BuyerDialogue, HandlerContext, HandlerError, lang_of},
    finishing::end_of_unfinished,
    later::{Copied, new_speech, open_request},
    message_flood::Answering,
    my_requests::{last_request, my_requests, own_requests, request_of},
    storage::StorageError,
};

/// A chat's last update is remembered for so long: longer than Telegram keeps updates (24 h), shorter than the quiet
/// week after which its ids may restart at random.
const MARK_EXPIRES: Duration = Duration::from_secs(3 * 24 * 3600);

static READ_PLANS: Once = Once::new();

/// What came from a chat.
pub(super) struct Heard {
    pub(super) input: Input,
    /// What comes with it.
    pub(super) beside: Beside,
    /// By Telegram's clock; `None` for what is no message.
    pub(super) sent_at: Option<DateTime<Utc>>,
    /// The message that was written, or that has the pressed button on it.
    pub(super) message: Option<i32>,
    /// That message has buttons.
    pub(super) has_buttons: bool,
    /// The button.
    pub(super) pressed: PressedOn,
}

/// Takes one turn: it is committed with its answer, and nothing is committed twice.
pub(super) async fn take_turn(
    context: &HandlerContext,
    dialogue: &BuyerDialogue,
    update_id: u32,
    user: Option<&User>,
    heard: Heard,
) -> Result<(), HandlerError> {
    // Somebody is there, who may give a number soon.
    READ_PLANS.call_once(|| drop(tokio::task::spawn_blocking(read_plans)));
    while !try_turn(context, dialogue, update_id, user, &heard).await? {
        info!("a chat's dialogue is not what it was when it was read; it is read again");
    }
    point("intake.after_reply");
    Ok(())
}

/// One try; `false` when the dialogue has changed meanwhile.
async fn try_turn(
    context: &HandlerContext,
    dialogue: &BuyerDialogue,
    update_id: u32,
    user: Option<&User>,
    heard: &Heard,
) -> Result<bool, HandlerError> {
    let here = ChatRef::from(dialogue.chat_id());
    let mut stored = dialogue.get().await?.unwrap_or_default();
    let now = context.clock.now();
    if let Some((last, at)) = stored.last_update
        && update_id <= last
        && (now - at).abs() < context.clock.millis(MARK_EXPIRES)
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
        && context.withdrawals.is_known(here, question).await?
    {
        // The same finger twice, or an update that comes again: of this person nothing more is written.
        return Ok(true);
    }
    let chosen = match &heard.input {
        Input::Press(Press::Language(code)) => Lang::spoken(code),
        _ => stored.chosen,
    };
    let lang = chosen.unwrap_or_else(|| user.map_or(stored.lang, |user| lang_of(Some(user))));
    let buyer = buyer_of(user, here);
    let consent = consent::rule(
        context.consent.as_ref(),
        context.wording.privacy_policy_url.is_some(),
        &context.dialogues,
        (&stored.conversation, buyer.user_id),
        (lang, &heard.pressed),
    )
    .await?;
    let mut world = World {
        now: date(now),
        utc_offset: context.wording.utc_offset(date(now)),
        sent_at: heard.sent_at,
        // An edited message is not the last one of its chat.
        message: heard.message.filter(|_| heard.input != Input::Edited),
        has_buttons: heard.has_buttons,
        region: context.region,
        consent,
        first_name: user.map(|user| user.first_name.clone()),
        last_request: None,
        form: context.wording.form.clone(),
        request: request_of(
            &context.dialogues,
            buyer.user_id,
            &heard.input,
            stored.conversation.correcting.as_ref().map(|correcting| &correcting.number),
        )
        .await?,
        buyer,
        sources: context.wording.sources.clone(),
        words: Lang::all_words,
        keys: Lang::typed_by_key,
    };
    if stored.after.is_some() && stored.conversation.may_offer() {
        world.last_request = last_request(&context.dialogues, world.buyer.user_id).await?;
    }
    let wanted = match &heard.input {
        Input::Text { text, .. } if stored.conversation.is_at_rest() => asks_to_correct(text, context.region),
        _ => None,
    };
    if wanted.is_some() {
        let now = world.now.timestamp_millis();
        let own = own_requests(&context.dialogues, world.buyer.user_id).await?.into_iter().find(|own| own.is_open(now));
        let awaited = own.as_ref().map(|own| own.lead.number.clone());
        let is_name = wanted.is_some_and(|wanted| wanted.name);
        stored.conversation.correcting = awaited.map(|number| Correcting::awaited(number, is_name));
        world.request = own;
    }
    let awaited = stored.conversation.correcting.clone().filter(Correcting::is_awaited);
    let before = stored.conversation.clone();
    let given = match &heard.input {
        Input::My(_) => Input::My(my_requests(&context.dialogues, world.buyer.user_id).await?),
        Input::Text { text, .. } if before.is_at_rest() && asks_for_own_requests(text) => {
            let requests = my_requests(&context.dialogues, world.buyer.user_id).await?;
            // Where nothing can be done about any by a button, the words are for the manager.
            let is_any_open = requests.iter().any(|request| request.open);
            if is_any_open { Input::My(requests) } else { heard.input.clone() }
        }
        other => other.clone(),
    };
    let person = (world.buyer.user_id, here);
    let request = open_request(&context.dialogues, person, &before, &heard.input, heard.message).await?;
    let passed_on = request.as_ref().and_then(|request| pass_on(&before, &given, &heard.beside, request, &world));
    let speech = request.as_ref().zip(passed_on.as_ref()).and_then(|(request, passed_on)| {
        let of = (heard.message, update_id);
        let written_at = heard.sent_at.map_or(now, |at| at.timestamp_millis());
        let copied = context.talk_chat.map(|to| Copied { from: here, to, at: now });
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
        None if question.is_none() => end_of_unfinished(&context.dialogues, &before, &mut outcome, date(now)).await?,
        amending => amending,
    };
    // What is passed on is answered once an hour as it is.
    if let Some(flood) = context.flood_of(here, &heard.input).filter(|_| !is_passed_on) {
        match came_further(&before, &outcome.conversation) || amending.is_some() {
            // Whoever has come further is told so in any case.
            true => flood.came_further(here),
            false => {
                let is_awaited = heard.message.is_some_and(|message| before.passed.is_after_ours(message));
                // Counted each time, so that in a flood nothing but a repeat is left unanswered.
                let is_new =
                    heard.input.is_request() && flood.takes(here, update_id, discriminant(&heard.input), context.clock);
                match flood.count(here, update_id, is_awaited, context.clock) {
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
    consent::note_messages(&mut outcome, lang, &context.wording);
    let consent = consent::proof(
        &mut outcome.conversation,
        (world.buyer.user_id, &context.wording.bot_username),
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
        limits: if context.recipients.chat(Recipient::Operator) == Some(here) {
            LeadLimits::default()
        } else {
            context.limits
        },
        told_in: None,
    };
    if chat.amending.is_some() && !was_sent {
        chat.told_in = context.recipients.chat(Recipient::Managers);
    } else if was_sent && context.dialogues.tell_new_leads().await? {
        chat.told_in = context.recipients.chat(Recipient::Operator);
    }
    point("intake.before_commit");
    loop {
        match dialogue.update(chat.clone()).await {
            Ok(()) => break,
            Err(StorageError::NumberTaken) => renumber(&mut chat),
            Err(StorageError::TooMany { again_at }) => {
                tell_of_limit(context, &world.buyer, again_at).await?;
                let outcome = sent_too_many(before.clone(), again_at, again_at - now, &world);
                chat = Chat { conversation: outcome.conversation, replies: outcome.replies, lead: None, ..chat };
            }
            Err(StorageError::Overtaken) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    point("intake.after_commit");
    let source = context.wording.sources.label(chat.conversation.source.as_ref().or(before.source.as_ref()));
    context.counters.form_went(source, before.step, chat.conversation.step, is_sent(&chat));
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
async fn tell_of_limit(context: &HandlerContext, buyer: &Buyer, again_at: Millis) -> Result<(), StoreError> {
    info!("a person has reached the limits; the form is kept");
    let notice = AdminNotice::LimitReached {
        user_id: buyer.user_id,
        username: buyer.username.clone(),
        per_hour: context.limits.per_hour,
        per_day: context.limits.per_day,
        again_at,
    };
    let message = NewMessage::to_dealer(&context.recipients, notice, context.clock.now());
    let Some(message) = message else { return Ok(()) };
    context.dialogues.tell_of_limit(buyer.user_id, &message).await
}

/// Nobody has seen the number yet, so another one does.
fn renumber(chat: &mut Chat) {
    let number = LeadNumber::random();
    if let Some(new) = &mut chat.lead {
        new.lead.number = number.clone();
    }
    chat.conversation.last_number = Some(number);
}

fn buyer_of(user: Option<&User>, chat: ChatRef) -> Buyer {
    let user_id = user.and_then(|user| i64::try_from(user.id.0).ok()).or(chat.user()).unwrap_or_default();
    let username = user.and_then(|user| user.username.as_deref());
    Buyer::new(user_id, Some(chat), username, user.map(User::full_name).as_deref())
}
