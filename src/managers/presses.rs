//! The buttons under a card. A press counts in the managers' chat alone, from a member; it is committed before it is confirmed
//! to Telegram, and answered to whoever has pressed.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use teloxide::{
    dispatching::{UpdateFilterExt, UpdateHandler},
    dptree,
    types::{CallbackQuery, Message, Update, User},
};
use tracing::{Instrument, info, warn};

use crate::{
    clock::date,
    lead::{ChatRef, one_line},
    notice::{LeadDeed, LeadPress, PressOutcome},
    store::{LeadAction, LeadWork, Marks, NewAction, NewPress, Store},
    telegram::{client::Telegram, context::HandlerError, groups::is_migration, listener::chat_of},
    telemetry::lead_span,
    wording::{Lang, Wording, press_text},
};

use super::{WorkRules, members::Members};

/// The same thing said twice within this time is a finger that came down twice.
const SAME_WITHIN: Duration = Duration::from_secs(10 * 60);

/// A second press confirms the first within this time.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Whoever was not reached is called again after so much working time.
const CALL_AGAIN: Duration = Duration::from_secs(2 * 3600);

/// The tag of what is no lead.
const JUNK_TAG: &str = "не лид";

/// No name is longer.
const LONGEST_NAME: usize = 60;

/// What the managers' chat works with.
#[derive(Debug)]
pub struct ManagersContext {
    rules: WorkRules,
    admin_chat: Option<ChatRef>,
    work: LeadWork,
    marks: Marks,
    telegram: Telegram,
    members: Members,
    wording: Arc<Wording>,
}

impl ManagersContext {
    /// For one bot.
    pub fn new(
        rules: WorkRules,
        admin_chat: Option<ChatRef>,
        store: &Store,
        telegram: Telegram,
        wording: Arc<Wording>,
    ) -> Self {
        let members = Members::new(telegram.clone(), store.clock());
        Self { rules, admin_chat, work: store.lead_work(), marks: store.marks(), telegram, members, wording }
    }

    fn is_ours(&self, chat: ChatRef) -> bool {
        self.rules.chat.is_some_and(|ours| self.telegram.groups().is_same(ours, chat))
    }

    /// A chat of the managers' alone: where it is the admin's too, that looks after it.
    fn is_ours_alone(&self, update: &Update) -> bool {
        let Some(chat) = chat_of(update) else { return false };
        let is_admins = self.admin_chat.is_some_and(|admin| self.telegram.groups().is_same(admin, chat));
        self.is_ours(chat) && !is_admins
    }
}

/// The branch of the handler tree that sees what comes from the managers' chat last: they talk to each other.
pub fn rest(context: Arc<ManagersContext>) -> UpdateHandler<HandlerError> {
    dptree::filter(move |update: Update| context.is_ours_alone(&update))
        .branch(Update::filter_message().endpoint(ignore))
        .branch(Update::filter_edited_message().endpoint(ignore))
}

/// The branch of the handler tree that sees the managers' buttons first, and when their group gets another id.
pub fn tree(context: Arc<ManagersContext>) -> UpdateHandler<HandlerError> {
    let (pressed_in, whose) = (context.clone(), context.clone());
    dptree::entry()
        .branch(
            Update::filter_callback_query()
                .filter_map(|query: CallbackQuery| query.data.as_deref().and_then(LeadPress::parse))
                .map(move || pressed_in.clone())
                .endpoint(on_press),
        )
        .branch(
            dptree::filter(move |update: Update| whose.is_ours_alone(&update)).map(move || context.clone()).branch(
                Update::filter_message().filter(|message: Message| is_migration(&message)).endpoint(keep_new_id),
            ),
        )
}

/// The group's new id is known already; this message is told to Telegram as done only when the store knows it too.
async fn keep_new_id(context: Arc<ManagersContext>) -> Result<(), HandlerError> {
    Ok(context.telegram.groups().save(&context.marks, context.admin_chat).await?)
}

async fn ignore() -> Result<(), HandlerError> {
    Ok(())
}

async fn on_press(
    query: CallbackQuery,
    update: Update,
    press: LeadPress,
    context: Arc<ManagersContext>,
) -> Result<(), HandlerError> {
    let span = lead_span(&press.number);
    let lang = Lang::from_code(query.from.language_code.as_deref());
    let text = async {
        let chat = query.message.as_ref().map(|message| message.chat().id.into());
        let Some(chat) = chat.filter(|chat| context.is_ours(*chat)) else {
            info!("a card's button was pressed outside of the managers' chat");
            return Ok(lang.text("lead-press-elsewhere", &[]));
        };
        if query.from.is_bot || context.members.is_stranger(chat, query.from.id).await {
            info!("somebody who is no member of the managers' chat has pressed a card's button");
            return Ok(lang.text("lead-press-stranger", &[]));
        }
        let new = context.new_press(&press, &query.from, i64::from(update.id.0));
        let outcome = context.work.press(new).await?;
        info!(deed = <&str>::from(press.deed), outcome = %short(&outcome), "a manager has pressed a button");
        Ok::<_, HandlerError>(press_text(&press.number, &outcome, lang, &context.wording))
    };
    let text = text.instrument(span).await?;
    // The circle on the button holds nobody up.
    tokio::spawn(async move { context.telegram.answer_press_in_passing(&query.id, &text).await });
    Ok(())
}

fn short(outcome: &PressOutcome) -> &'static str {
    match outcome {
        PressOutcome::Unknown => "unknown",
        PressOutcome::Over => "over",
        PressOutcome::Taken => "taken",
        PressOutcome::Yours => "yours",
        PressOutcome::Others(_) => "others",
        PressOutcome::Said { .. } => "said",
        PressOutcome::SaidAlready => "said_already",
        PressOutcome::Ask => "ask",
    }
}

impl ManagersContext {
    /// A press with what it leads to if it counts.
    fn new_press(&self, press: &LeadPress, user: &User, update_id: i64) -> NewPress {
        let clock = self.work.clock();
        let by = i64::try_from(user.id.0).unwrap_or_default();
        let manager = self.rules.manager_of(by);
        let crm_user_id = manager.and_then(|manager| manager.crm_user_id);
        let name = manager.map_or_else(|| one_line(&user.full_name(), LONGEST_NAME), |manager| manager.name.clone());
        let name = if name.is_empty() { by.to_string() } else { name };
        let number = press.number.as_str();
        let action = match press.deed {
            LeadDeed::Take | LeadDeed::Reached => None,
            LeadDeed::NoAnswer => self.call_again(press, &name, crm_user_id, update_id),
            LeadDeed::Junk => {
                let action = LeadAction::Junk { tag: JUNK_TAG.into(), closes: self.rules.junk_closes };
                Some(NewAction { about: "junk".into(), action })
            }
        };
        let note = match press.deed {
            // Who is responsible says it, where they have an account there.
            LeadDeed::Take => None,
            LeadDeed::Reached => Some(("reached", format!("#{number} Покупатель на связи: {name}"))),
            LeadDeed::NoAnswer => Some(("no-answer", format!("#{number} Покупатель не отвечает: {name}"))),
            LeadDeed::Junk => Some(("junk", format!("#{number} Не лид: {name}"))),
        };
        NewPress {
            deed: press.deed,
            number: press.number.clone(),
            by,
            name,
            update_id,
            action,
            on_taking: crm_user_id
                .map(|user_id| NewAction { about: "taken".into(), action: LeadAction::Responsible { user_id } }),
            note: note.map(|(about, text)| (format!("{about}-{update_id}"), text)),
            same_within: clock.millis(SAME_WITHIN),
            confirm_within: clock.millis(CONFIRM_WITHIN),
        }
    }

    /// The task to call again, within working time.
    fn call_again(&self, press: &LeadPress, name: &str, user_id: Option<i64>, update_id: i64) -> Option<NewAction> {
        let now = date(self.work.clock().now());
        let within = TimeDelta::from_std(CALL_AGAIN).unwrap_or_default();
        let Some(till) = self.rules.hours_of_user(user_id).after(now, within) else {
            warn!("nobody ever works, so there is no task to call again");
            return None;
        };
        // No other task of the lead has these words: it is looked for by them.
        let at = now.with_timezone(&self.rules.time_zone).format("%d.%m.%Y %H:%M");
        let text = format!("#{} Перезвонить: не отвечает ({name}, {at})", press.number.as_str());
        let action = LeadAction::Task { text, complete_till: till.timestamp(), user_id };
        Some(NewAction { about: format!("task-{update_id}"), action })
    }
}
