//! The intake: who the bot is, the dispatcher over our listener, the last confirmation, the menu of commands.

use std::{sync::Arc, time::Duration};

use teloxide::{
    ApiError, RequestError,
    payloads::{SetMyCommands, SetMyCommandsSetters},
    types::{BotCommand, BotCommandScope, Me, Recipient},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    admin::{
        self, AdminContext, People,
        authorization::Authorization,
        commands::{Audience, menu},
    },
    alerts::{self, POLLS},
    crm::amocrm::Crm,
    delivery::Health,
    lead::ChatRef,
    managers::{self, ManagersContext},
    notice::{AdminLine, AdminNotice, LeadsMeanwhile, PollTrouble},
    stats::Stats,
    talk::{self, TalkContext},
    telegram::{
        client::{Telegram, api_text, describe, poll_trouble},
        context::HandlerContext,
        dispatch::Dispatch,
        handlers,
        intake::UpdateBatch,
        listener::Listener,
        storage::DialogueStorage,
    },
    wording::Lang,
};

use super::{DaemonError, memory, parts::Parts};

/// Telegram is asked to confirm what is done for so long at shutdown.
const LAST_CONFIRM: Duration = Duration::from_secs(2);

/// An alert before the process ends is given so long.
const LAST_ALERT: Duration = Duration::from_secs(10);

impl Parts<'_> {
    /// Takes updates until stopped.
    pub(super) async fn intake(
        &self,
        crm: Option<Crm>,
        health: watch::Receiver<Health>,
        admin_line: AdminLine,
        stop: &CancellationToken,
    ) -> Result<(), DaemonError> {
        let Some(me) = self.who_am_i(stop).await? else { return Ok(()) };
        let username = me.user.username.unwrap_or_default();
        let wording = Arc::new(self.wording(username.clone()));
        if !username.is_empty() {
            let _ = self.bot_username.set(username.clone());
        }
        let intake = Arc::new(UpdateBatch::default());
        let context = HandlerContext::new(
            self.telegram.clone(),
            self.store.dialogues(),
            self.config.phone_region,
            wording.clone(),
            self.recipients(),
            self.config.lead_limits,
            self.counters.clone(),
        );
        let context = Arc::new(context.asking_for(self.consent.clone()).talking_in(self.config.managers_chat));
        let admin = admin::tree(Arc::new(AdminContext {
            chat: self.config.admin_chat,
            leads: self.store.leads(),
            marks: self.store.marks(),
            outbox: self.store.outbox(),
            dialogues: self.store.dialogues(),
            telegram: self.telegram.clone(),
            people: People::new(self.telegram.clone(), self.store.clock(), self.config.admin_user_ids.clone()),
            privacy: self.privacy(),
            authorization: crm.as_ref().map(|crm| Authorization::new(self.store, crm.clone())),
            crm,
            health,
            page: self.config.http_addr.is_some(),
            bot_username: username.clone(),
            form: self.config.dealer.form.clone(),
            stats: Stats::new(self.store.leads(), &self.config.dealer),
        }));
        let talk = TalkContext {
            chat: self.config.managers_chat,
            is_admins: self.config.managers_chat == self.config.admin_chat,
            talk: self.store.talk(),
            topics: self.store.buyer_topics(),
            sent: self.store.sent_messages(),
            leads: self.store.leads(),
            outbox: self.store.outbox(),
            groups: self.telegram.groups().clone(),
            managers: self.config.dealer.managers.clone(),
            wording: wording.clone(),
        };
        let managers = Arc::new(ManagersContext::new(
            self.work_rules(),
            self.config.admin_chat,
            self.store,
            self.telegram.clone(),
            wording.clone(),
        ));
        // Buttons first, then what managers say.
        let dealers = teloxide::dptree::entry()
            .branch(managers::tree(managers.clone()))
            .branch(talk::tree(Arc::new(talk)))
            .branch(managers::rest(managers))
            .branch(admin);
        let tree = handlers::tree(intake.clone(), admin_line.clone(), context.clone(), dealers);
        let form = context.wording.form.clone();
        let dialogues = DialogueStorage::new(self.store.dialogues(), form, self.answers.clone());
        let dependencies = teloxide::dptree::deps![Arc::new(dialogues), context, intake.clone()];
        let dispatch = Dispatch::new(self.telegram.groups().clone(), tree, dependencies);
        let menu = tokio::spawn(keep_commands(self.telegram.clone(), self.config.admin_chat));
        info!(bot = username, "taking messages");
        memory::give_back();
        let listener = Listener::new(
            self.telegram.clone(),
            self.store.dialogues(),
            intake.clone(),
            self.counters.clone(),
            admin_line.clone(),
        );
        let (end, stopping) = (listener.stop_token(), stop.clone());
        let stopper = tokio::spawn(async move {
            stopping.cancelled().await;
            end.stop();
        });
        dispatch.run(listener).await;
        stopper.abort();
        menu.abort();
        if let Some(offset) = intake.unconfirmed() {
            self.confirm(offset).await;
        }
        Ok(())
    }

    /// Asks Telegram who the bot is until it answers; `None` when stopped before. Everything else is at work meanwhile.
    async fn who_am_i(&self, stop: &CancellationToken) -> Result<Option<Me>, DaemonError> {
        let clock = self.store.clock();
        let routes = self.telegram.routes();
        let mut pause = Duration::from_secs(1);
        loop {
            let way = routes.current();
            let answer = tokio::select! {
                answer = self.telegram.who_am_i() => answer,
                () = stop.cancelled() => return Ok(None),
            };
            let trouble = answer.as_ref().map_or_else(poll_trouble, |_| PollTrouble::NotTelegrams);
            if !matches!(answer, Ok(Some(_))) {
                self.counters.has_failed(trouble, clock.now(), routes.is_unreachable());
            }
            match answer {
                Ok(Some(me)) => return Ok(Some(me)),
                Err(RequestError::Api(ApiError::InvalidToken)) => {
                    error!("Telegram does not accept BOT_TOKEN");
                    self.tell_of_the_token().await;
                    return Err(DaemonError::Setting(
                        "BOT_TOKEN: Telegram does not accept it. Get it from @BotFather in Telegram: /mybots → your bot → API Token"
                            .into(),
                    ));
                }
                Ok(None) | Err(RequestError::InvalidJson { .. }) => warn!(
                    "what answers at TELEGRAM_API_URL is not Telegram's Bot API (its getMe tells of no bot); trying again"
                ),
                Err(RequestError::Api(error)) => {
                    warn!(error = api_text(&error), "Telegram does not say who the bot is; trying again");
                }
                Err(error) => warn!(
                    error = describe(&error),
                    "Telegram cannot be reached; trying again (check the network, TELEGRAM_API_URL and TELEGRAM_PROXY)"
                ),
            }
            if routes.current() != way && !routes.all_failed() {
                pause = Duration::from_secs(1);
                continue;
            }
            tokio::select! {
                () = clock.sleep(pause) => {}
                () = stop.cancelled() => return Ok(None),
            }
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    /// The process ends, and Telegram takes no message of this bot's: only the second way is left.
    async fn tell_of_the_token(&self) {
        let now = self.store.clock().now();
        let (trouble, leads) = (PollTrouble::TokenRefused, LeadsMeanwhile::Saved);
        let notice = AdminNotice::PollsFail { trouble, since: now, still: false, leads };
        // Whoever was told before the restart need not be told again.
        if self.second_way.is_set()
            && !matches!(self.store.open_alerts().get(POLLS).await, Ok(Some(_)))
            && let Some(text) = alerts::for_outside(&notice, Lang::default())
        {
            let _ = tokio::time::timeout(LAST_ALERT, self.second_way.tell(&text)).await;
        }
    }

    /// The last poll: it only tells Telegram what is done. Whatever it returns comes again.
    async fn confirm(&self, offset: u32) {
        let poll = serde_json::json!({"offset": offset, "limit": 1, "timeout": 0});
        match tokio::time::timeout(LAST_CONFIRM, self.telegram.poll(&poll, Duration::ZERO)).await {
            Ok((_, Some(Ok(_)))) => {}
            _ => info!("the last messages could not be confirmed to Telegram; they come again and change nothing"),
        }
    }
}

/// Puts the commands into the menu, and again where the admin's group has a new id.
async fn keep_commands(telegram: Telegram, admin_chat: Option<ChatRef>) {
    let mut changes = telegram.groups().changes();
    loop {
        changes.mark_unchanged();
        let chat = admin_chat.map(|chat| telegram.groups().now(chat));
        register_commands(&telegram, chat).await;
        loop {
            if changes.changed().await.is_err() {
                return;
            }
            if chat != admin_chat.map(|chat| telegram.groups().now(chat)) {
                break;
            }
        }
    }
}

/// Puts the commands into the menu, for everybody and for the admin, in every language; the first is for whoever speaks
/// none of them.
async fn register_commands(telegram: &Telegram, admin_chat: Option<ChatRef>) {
    let commands = |audience: Audience, lang: Lang| -> Vec<BotCommand> {
        menu(audience).map(|command| BotCommand::new(command.name, command.menu_text(lang))).collect()
    };
    for (index, lang) in Lang::all().iter().copied().enumerate() {
        // Telegram takes codes of two letters (ISO 639-1).
        let primary = lang.code().split('-').next().filter(|code| code.len() == 2);
        let code = if index > 0 { primary } else { None };
        if index > 0 && code.is_none() {
            continue;
        }
        let mut request = SetMyCommands::new(commands(Audience::Everybody, lang));
        if let Some(code) = code {
            request = request.language_code(code);
        }
        if let Err(error) = telegram.call(&request).await {
            info!(error = describe(&error), "the menu of commands could not be set");
        }
        let Some(chat) = admin_chat else { continue };
        let scope = BotCommandScope::Chat { chat_id: Recipient::Id(chat.into()) };
        let mut request = SetMyCommands::new(commands(Audience::Admin, lang)).scope(scope);
        if let Some(code) = code {
            request = request.language_code(code);
        }
        if let Err(error) = telegram.call(&request).await {
            if let RequestError::MigrateToChatId(new) = &error {
                // The menu is set again then.
                telegram.groups().moved(chat, (*new).into());
            }
            info!(error = describe(&error), "the admin's menu of commands could not be set");
        }
    }
}
