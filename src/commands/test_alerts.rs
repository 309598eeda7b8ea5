use std::process::ExitCode;

use crate::{
    alerts::SecondWay,
    clock::Clock,
    config::{Config, TelegramSettings},
    daemon::DaemonError,
    telegram::{client::Telegram, groups::Groups},
    wording::{Lang, Rendered},
};

use super::{
    CommandError,
    output::{errln, outln},
};

/// Looks at every way to Telegram and sends one test alert by each way to the admin; exit code 1 when one does not work.
pub async fn run(config: &Config) -> Result<ExitCode, CommandError> {
    let clock = Clock::with_speed(config.store.speed);
    let telegram = |settings: &TelegramSettings| {
        Telegram::new(settings, clock, Groups::new(Vec::new())).map_err(|error| {
            DaemonError::Setting(format!("TELEGRAM_PROXY: {error}. Check the address with its provider"))
        })
    };
    let second_way =
        SecondWay::new(&config.second_way, clock).map_err(|error| DaemonError::Setting(error.to_string()))?;
    let all = telegram(&config.telegram)?;
    let (mut good, mut working) = (true, None);
    for (number, (name, answer)) in all.look_at_routes().await.into_iter().enumerate() {
        match answer {
            Ok(username) => {
                outln!("Telegram:        {name}: works, the bot is @{username}");
                working.get_or_insert(number);
            }
            Err(error) => {
                good = false;
                errln!("Telegram:        {name}: {error}");
            }
        }
    }
    let text = Lang::default().text("admin-test-alert", &[]);
    match (config.admin_chat_id, working) {
        (None, _) => outln!("Admin's chat:    none (ADMIN_CHAT_ID is not set)"),
        (Some(_), None) => errln!("Admin's chat:    cannot be tried without a way to Telegram"),
        (Some(chat_id), Some(number)) => {
            let routes = vec![config.telegram.routes[number].clone()];
            let one = telegram(&TelegramSettings { token: config.telegram.token.clone(), routes })?;
            match one.send(chat_id, &Rendered::plain(text.clone())).await {
                Ok(_) => outln!("Admin's chat:    sent"),
                Err(error) => {
                    good = false;
                    errln!("Admin's chat:    {error}. Open the bot there and press Start");
                }
            }
        }
    }
    if !second_way.is_set() {
        outln!("Second way:      none; ALERT_WEBHOOK_URL or ALERT_EMAIL tells you when Telegram does not work");
    }
    for (name, sent) in second_way.try_each(&text).await {
        let setting = if name == "email" { "ALERT_EMAIL" } else { "ALERT_WEBHOOK_URL" };
        match sent {
            Ok(()) => outln!("Second way:      {name}: sent"),
            Err(error) => {
                good = false;
                errln!("Second way:      {setting}: {error}");
            }
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
