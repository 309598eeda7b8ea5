use std::process::ExitCode;

use serde::Serialize;

use crate::{
    alerts::SecondWay,
    clock::Clock,
    config::{Config, TelegramSettings},
    daemon::DaemonError,
    telegram::{client::Telegram, groups::Groups},
    wording::{Lang, Rendered},
};

use super::{
    CommandError, look,
    output::{self, errln, outln},
};

/// What `test-alerts --json` prints; names are for programs and stay.
#[derive(Debug, Serialize)]
struct Report {
    telegram_routes: Vec<Route>,
    admin_chat: Tried,
    /// `webhook`, `email`; empty where neither is set.
    second_way: Vec<Way>,
}

#[derive(Debug, Serialize)]
struct Route {
    name: String,
    works: bool,
    /// The bot's name, without the `@`.
    bot: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Tried {
    is_set: bool,
    sent: bool,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Way {
    name: &'static str,
    sent: bool,
    error: Option<String>,
}

/// Looks at every way to Telegram and sends one test alert by each way to the admin; exit code 1 when one does not work.
pub async fn run(config: &Config, json: bool) -> Result<ExitCode, CommandError> {
    let report = look::busy("Trying every way", tried(config)).await?;
    if json {
        output::json(&report);
    } else {
        print(&report);
    }
    let all = report.telegram_routes.iter().all(|route| route.works)
        && report.admin_chat.error.is_none()
        && report.second_way.iter().all(|way| way.sent);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tried(config: &Config) -> Result<Report, CommandError> {
    let clock = Clock::with_speed(config.store.speed);
    let telegram = |settings: &TelegramSettings| {
        Telegram::new(settings, clock, Groups::new(Vec::new())).map_err(|error| {
            DaemonError::Setting(format!("TELEGRAM_PROXY: {error}. Check the address with its provider"))
        })
    };
    let second_way =
        SecondWay::new(&config.second_way, clock).map_err(|error| DaemonError::Setting(error.to_string()))?;
    let all = telegram(&config.telegram)?;
    let telegram_routes: Vec<Route> = all
        .look_at_routes()
        .await
        .into_iter()
        .map(|(name, answer)| Route {
            name: name.to_owned(),
            works: answer.is_ok(),
            bot: answer.as_ref().ok().cloned(),
            error: answer.err(),
        })
        .collect();
    let text = Lang::default().text("admin-test-alert", &[]);
    let mut admin_chat = Tried { is_set: config.admin_chat.is_some(), sent: false, error: None };
    match (config.admin_chat, telegram_routes.iter().position(|route| route.works)) {
        (None, _) => {}
        (Some(_), None) => admin_chat.error = Some("cannot be tried without a way to Telegram".into()),
        (Some(chat), Some(number)) => {
            let routes = vec![config.telegram.routes[number].clone()];
            let one = telegram(&TelegramSettings { token: config.telegram.token.clone(), routes })?;
            match one.send(chat, &Rendered::plain(text.clone())).await {
                Ok(_) => admin_chat.sent = true,
                Err(error) => admin_chat.error = Some(format!("{error}. Open the bot there and press Start")),
            }
        }
    }
    let second_way = second_way.try_each(&text).await.into_iter();
    let second_way = second_way.map(|(name, sent)| Way { name, sent: sent.is_ok(), error: sent.err() }).collect();
    Ok(Report { telegram_routes, admin_chat, second_way })
}

fn print(report: &Report) {
    for route in &report.telegram_routes {
        let name = &route.name;
        match (&route.bot, &route.error) {
            (Some(bot), _) => outln!("Telegram:        {name}: works, the bot is @{bot}"),
            (None, error) => errln!("Telegram:        {name}: {}", error.as_deref().unwrap_or_default()),
        }
    }
    match &report.admin_chat {
        Tried { is_set: false, .. } => outln!("Admin's chat:    none (ADMIN_CHAT_ID is not set)"),
        Tried { error: Some(error), .. } => errln!("Admin's chat:    {error}"),
        Tried { .. } => outln!("Admin's chat:    sent"),
    }
    if report.second_way.is_empty() {
        outln!("Second way:      none; ALERT_WEBHOOK_URL or ALERT_EMAIL tells you when Telegram does not work");
    }
    for Way { name, error, .. } in &report.second_way {
        let setting = if *name == "email" { "ALERT_EMAIL" } else { "ALERT_WEBHOOK_URL" };
        match error {
            None => outln!("Second way:      {name}: sent"),
            Some(error) => errln!("Second way:      {setting}: {error}"),
        }
    }
}
