//! Starting: with wrong settings, a wrong token, without Telegram, twice, and without amoCRM.

use testkit::{
    fakes::telegram::{Fault, On, Times},
    world::{PATIENCE, World},
};

#[tokio::test]
async fn every_wrong_setting_is_one_line_and_exit_code_78() {
    let world = World::new().await;
    for (name, value) in [
        ("BOT_TOKEN", ""),
        ("BOT_TOKEN", "your_bot_token_here"),
        ("TELEGRAM_API_URL", "nonsense"),
        ("TELEGRAM_PROXY", "ftp://proxy"),
        ("ADMIN_CHAT_ID", "@admin"),
        ("AMOCRM_SUBDOMAIN", "https://example.com"),
        ("AMOCRM_BASE_URL", "nowhere"),
        ("AMOCRM_CLIENT_ID", ""),
        ("AMOCRM_CLIENT_SECRET", ""),
        ("AMOCRM_REDIRECT_URL", ""),
        ("AMOCRM_REDIRECT_URL", "nonsense"),
        ("AMOCRM_PIPELINE_ID", "первая"),
        ("AMOCRM_STATUS_ID", "0"),
        ("AMOCRM_RESPONSIBLE_USER_ID", "-1"),
        ("AMOCRM_BUDGET_FIELD_ID", "x"),
        ("AMOCRM_CAR_LINK_FIELD_ID", "1.5"),
        ("AMOCRM_CONTACT_LOOKUP", "yes"),
        ("AMOCRM_REQUESTS_PER_SECOND", "8"),
        ("AMOCRM_REQUESTS_PER_SECOND", "0"),
        ("DATABASE_URL", "mysql://user:hush@host/db"),
        ("PRIVACY_POLICY_URL", "policy"),
        ("PHONE_REGION", "Россия"),
        ("HTTP_ADDR", "8080"),
        ("PORT", "http"),
        ("PORT", "99999"),
        ("BOT_TOKEN", "bot123456:AAhush"),
        ("BOT_TOKEN", "123456:AA hush"),
        ("ADMIN_CHAT_ID", "+79991234567"),
        ("ADMIN_CHAT_ID", "12.5"),
        ("AMOCRM_SUBDOMAIN", "https://acme.amocrm.ru/leads/list/"),
        ("AMOCRM_TAGS", ",,,"),
        ("AMOCRM_ACCESS_TOKEN", "eyJ hush"),
        ("AMOCRM_REFRESH_TOKEN", "\"hush\""),
        ("AMOCRM_CLIENT_SECRET", "your-hush-here"),
        ("AMOCRM_REDIRECT_URL", "http://bot.example.com/callback"),
        ("AMOCRM_REQUESTS_PER_SECOND", "NaN"),
        ("TELEGRAM_API_URL", "http://telegram.example.org"),
        ("HEARTBEAT_URL", "http://ping.example.org/hush"),
        ("DATABASE_URL", "postgres://user:hush@db.example.org/leads"),
        ("DATABASE_URL", "postgres://user:hush@203.0.113.7/leads?sslmode=disable"),
        ("DATA_DIR", "/dev/null"),
        ("DATA_DIR", "~/leads"),
    ] {
        let mut other = world.env.clone();
        // It would raise the limit of requests.
        other.remove("TEST_SPEED");
        other.insert(name.into(), value.into());
        let ran = world.run_in(&other, &[]).await.ended_with(78);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with(&format!("{name}: ")), "{name}={value}: {}", ran.said());
        assert!(!ran.said().contains("hush") && !ran.said().contains("your_bot"), "{}", ran.said());
    }
    assert!(world.telegram.calls("").is_empty() && world.amocrm.requests().is_empty());
}

#[tokio::test]
async fn several_wrong_settings_are_a_line_each() {
    let mut world = World::new().await;
    for name in ["BOT_TOKEN", "AMOCRM_CLIENT_SECRET", "AMOCRM_SUBDOMAIN", "AMOCRM_BASE_URL"] {
        world.unset(name);
    }
    world.set("PHONE_REGION", "XX");
    let said = world.run(&["run"]).await.ended_with(78).stderr;
    for name in ["BOT_TOKEN", "AMOCRM_CLIENT_SECRET", "AMOCRM_SUBDOMAIN", "PHONE_REGION"] {
        assert_eq!(said.lines().filter(|line| line.starts_with(&format!("{name}: "))).count(), 1, "{said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[tokio::test]
async fn a_misspelt_name_is_told_by_the_bot_and_by_commands() {
    let mut world = World::new().await;
    let slips = [
        ("AMOCRM_SUBDOMIAN", "AMOCRM_SUBDOMAIN"),
        ("TELEGRAM_PROXI", "TELEGRAM_PROXY"),
        ("ADMIN_CHATID", "ADMIN_CHAT_ID"),
        ("AMOCRM_PIPLINE_ID", "AMOCRM_PIPELINE_ID"),
    ];
    for (name, _) in slips {
        world.set(name, "hush");
    }
    let told = |text: &str| {
        for (name, meant) in slips {
            let line = text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {text}"));
            assert!(line.contains(meant) && !line.contains("hush"), "{line}");
        }
    };
    told(&world.run(&["status"]).await.ended_with(0).stderr);
    world.start();
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    told(&world.log());
    world.terminate().await;
    // What is missing stands beside what was meant for it.
    let token = world.env.remove("BOT_TOKEN").expect("set");
    world.set("BOT_TOKE", token);
    let said = world.run(&[]).await.ended_with(78).stderr;
    assert!(said.starts_with("BOT_TOKEN: is missing") && said.contains("BOT_TOKE: "), "{said}");
    world.keeps_secrets(&said);
    told(&said);
}

#[tokio::test]
async fn the_first_lines_of_the_log_say_what_runs_where() {
    let mut world = World::new().await;
    world.set("RUST_LOG", "info");
    world.start();
    world.until("it takes messages", |world| world.log().contains("taking messages")).await;
    let log = world.log();
    let first = log.lines().take(3).collect::<Vec<_>>().join("\n");
    let store = world.path("amocrm-lead-bot.sqlite").display().to_string();
    for words in [env!("CARGO_PKG_VERSION"), &store, &world.env["ADMIN_CHAT_ID"]] {
        assert!(first.contains(words), "«{words}» is not in {first}");
    }
    world.terminate().await;
    world.set("DATABASE_URL", "postgres://somebody:hush@127.0.0.1:1/leads?password=hush");
    std::fs::remove_file(world.path("daemon.log")).expect("the old log");
    world.start();
    world.until("it waits", |world| world.log().contains("127.0.0.1:1/leads")).await;
    assert!(!world.log().contains("hush") && !world.log().contains("somebody"), "{}", world.log());
}

#[tokio::test]
async fn settings_may_stand_in_a_file() {
    let mut world = World::new().await;
    let token = world.env.remove("BOT_TOKEN").expect("set");
    world.write(".env", &format!("BOT_TOKEN={token}\n# a comment\nAMOCRM_TAGS=\"из файла\"\n"));
    world.start();
    let lead = world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    assert_eq!(lead.tags, ["из файла"]);
    world.terminate().await;
    world.write(".env", &format!("BOT_TOKEN={token} with 'a quote\n"));
    let ran = world.run(&[]).await.ended_with(78);
    assert!(ran.stderr.starts_with(".env: ") && !ran.stderr.contains(&token), "{}", ran.stderr);
    // Everything that is wrong is told at once, and what a broken line was about is not called missing.
    world.set("PHONE_REGION", "XX");
    let broken = format!("BOT_TOKEN={token} with 'a quote\nADMIN_CHAT_ID=@me\nhush hush\nLOG_FORMAT=human\n");
    world.unset("ADMIN_CHAT_ID");
    world.write(".env", &broken);
    let said = world.run(&[]).await.ended_with(78).stderr;
    let lines: Vec<&str> = said.lines().collect();
    let begins = [".env: line 1 (BOT_TOKEN)", ".env: line 3 cannot", "ADMIN_CHAT_ID: ", "PHONE_REGION: "];
    // The last one is about the file's mode.
    assert!(lines.len() == 5 && lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[tokio::test]
async fn a_token_that_telegram_does_not_accept_ends_the_start() {
    let mut world = World::new().await;
    world.telegram.fault(On::all(), Fault::Unauthorized, Times::UntilCleared);
    let ran = world.run(&[]).await.ended_with(78);
    let last = ran.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("BOT_TOKEN: ") && last.contains("@BotFather"), "{}", ran.stderr);
    world.keeps_secrets(&ran.said());
    world.telegram.clear_faults();
    world.set("BOT_TOKEN", "123456:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo5");
    let ran = world.run(&[]).await.ended_with(78);
    assert!(ran.stderr.contains("BOT_TOKEN: "), "{}", ran.stderr);
}

#[tokio::test]
async fn an_unreachable_telegram_is_told_in_the_log_and_waited_for() {
    let mut world = World::new().await;
    world.telegram.stop().await;
    world.start();
    world.until("it is told", |world| world.log().contains("Telegram cannot be reached")).await;
    world.keeps_secrets(&world.log());
    assert!(world.is_up());
    world.telegram.restart().await;
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    assert_eq!(world.terminate().await, Some(0));
}

#[tokio::test]
async fn a_network_that_goes_away_loses_no_answer() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    world.telegram.stop().await;
    ivan.user.press("submit").expect("the card");
    world.telegram.restart().await;
    let number = testkit::world::number_in(&ivan.hears("принята").await.text);
    world.delivered(&number).await;
    for fault in [Fault::CutBefore, Fault::Hang, Fault::TooManyRequests { retry_after: 1 }] {
        let mut anna = world.buyer(&format!("{fault:?}"));
        anna.fills_in().await;
        world.telegram.fault(On::method("sendMessage").chat(anna.user.id), fault, Times::N(1));
        let number = anna.submits().await;
        world.delivered(&number).await;
    }
}

#[tokio::test]
async fn a_second_daemon_on_the_same_folder_ends_plainly() {
    let world = World::running().await;
    world.until("the first one runs", |world| world.log().contains("taking messages")).await;
    let ran = world.run(&["run"]).await.ended_with(1);
    assert!(ran.stderr.contains("already runs on this DATA_DIR"), "{}", ran.stderr);
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    assert!(!world.log().contains("another instance"), "{}", world.log());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let mut world = World::new().await;
    world.write("file", "not a folder");
    world.set("DATA_DIR", world.path("file").join("data").display().to_string());
    let ran = world.run(&[]).await;
    assert!(ran.code != Some(0) && ran.stderr.contains("DATA_DIR"), "{}", ran.said());
}

#[tokio::test]
async fn without_amocrm_requests_are_collected_saved_and_copied_to_the_admin() {
    let mut world = World::new().await;
    let amocrm = world.env.clone();
    world.without_amocrm();
    world.write("backup_leads.json", "nonsense");
    world.start();
    world.admin_reads("без настроек amoCRM").await;
    world.admin_reads("не удалось прочитать").await;
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    let copy = world.admin_reads(&number).await;
    for words in ["Иван Петров", "+79991234567", "2,5 млн", "fem.encar.com/cars/detail/38427498"] {
        assert!(copy.contains(words), "{copy}");
    }
    world.backup_holds(1).await;
    world.run(&["retry-backup-leads"]).await.ended_with(78);
    // Later the account is set up: what was collected goes there.
    assert_eq!(world.terminate().await, Some(0));
    world.env = amocrm;
    world.start();
    world.delivered(&number).await;
    world.backup_holds(0).await;
    ivan.never_read_of_an_error();
}

#[tokio::test]
async fn only_the_bot_token_is_required() {
    let mut world = World::new().await;
    world.without_amocrm();
    world.unset("ADMIN_CHAT_ID");
    world.unset("DATA_DIR");
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.leaves_a_request().await;
    world.backup_holds(1).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
}

#[tokio::test]
async fn a_webhook_of_another_program_is_taken_away() {
    let mut world = World::new().await;
    let set =
        format!("{}/bot{}/setWebhook?url=https://other.example/hook", world.telegram.url(), world.telegram.token());
    reqwest::get(set).await.expect("an answer").error_for_status().expect("it is set");
    let mut ivan = world.buyer("Иван");
    ivan.user.command("/start");
    world.start();
    ivan.hears("Как вас зовут").await;
}

#[tokio::test]
async fn an_answer_of_a_newer_telegram_is_not_said_again() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    world.telegram.fault(On::method("sendMessage"), Fault::Newer, Times::UntilCleared);
    let number = ivan.leaves_a_request().await;
    world.delivered(&number).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
    world.nothing_owed().await;
    assert_eq!((ivan.has("Как вас зовут?"), ivan.has("принята!")), (1, 1), "{}", ivan.user.transcript());
}
