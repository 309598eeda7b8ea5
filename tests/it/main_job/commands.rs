//! The commands, alone and beside a running daemon: what they do, say and end with.

use serde_json::{Value, json};
use testkit::{
    fakes::{
        amocrm::{Fault, On, Times},
        telegram,
    },
    world::{BACKUP_KEYS, PATIENCE, World},
};

/// A running daemon whose tokens are gone, and one lead that waits for new ones.
pub(super) async fn a_lead_waits_for_tokens() -> (World, String) {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    world.amocrm.expire_access_tokens();
    world.amocrm.expire_refresh_token();
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    // The buyer may hear of it a moment before the store knows of the outage.
    world.admin_reads("не попадают").await;
    (world, number)
}

#[tokio::test]
async fn get_new_tokens_takes_a_bare_code_beside_the_daemon() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let code = world.amocrm.issue_code();
    let said = world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0).said();
    world.keeps_secrets(&said);
    assert!(!said.contains(&code), "{said}");
    assert_eq!((world.mode("access_token.txt"), world.mode("refresh_token.txt")), (0o600, 0o600));
    world.delivered(&number).await;
    world.backup_holds(0).await;
}

#[tokio::test]
async fn get_new_tokens_takes_the_whole_redirect_address() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let host = format!("{}.amocrm.ru", world.env["AMOCRM_SUBDOMAIN"]);
    let (code, client) = (world.amocrm.issue_code(), world.amocrm.client_id());
    let redirect = world.amocrm.redirect_uri();
    let address = format!("{redirect}?code={code}&state=abc&referer={host}&client_id={client}");
    world.run(&["get-new-tokens", "--code", &address]).await.ended_with(0);
    world.delivered(&number).await;
}

#[tokio::test]
async fn get_new_tokens_asks_for_the_code() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let code = world.amocrm.issue_code();
    let ran = world.run_with(&["get-new-tokens"], &format!("  {code}\n")).await.ended_with(0);
    let address = ran.stdout.lines().find(|line| line.contains("https://")).expect("the authorization address");
    for part in ["https://www.amocrm.ru/oauth?", "client_id=", &world.amocrm.client_id(), "state="] {
        assert!(address.contains(part), "{address}");
    }
    world.keeps_secrets(&ran.said());
    world.delivered(&number).await;
}

#[tokio::test]
async fn get_new_tokens_says_what_is_wrong_with_a_code() {
    let world = World::new().await;
    let (used, expired) = (world.amocrm.issue_code(), world.amocrm.issue_code());
    world.run(&["get-new-tokens", "--code", &used]).await.ended_with(0);
    let tokens = (world.read("access_token.txt"), world.read("refresh_token.txt"));
    world.amocrm.expire_code(&expired);
    for (code, reason) in [
        (used.as_str(), "already used"),
        (&expired, "older than 20 minutes"),
        ("def502-nonsense", "wrong or incomplete"),
        ("", "nothing in it"),
        ("две буквы", "neither a code"),
        ("https://example.com/?error=access_denied", "denied"),
        ("https://example.com/", "no code"),
    ] {
        let ran = world.run(&["get-new-tokens", "--code", code]).await.ended_with(1);
        let told = ran.stderr.lines().filter(|line| !line.starts_with("--code: ")).collect::<Vec<_>>();
        assert!(told.len() == 1 && told[0].contains(reason), "{code}: {}", ran.stderr);
    }
    assert_eq!((world.read("access_token.txt"), world.read("refresh_token.txt")), tokens, "good tokens are kept");
    let other = "https://example.com/?code=def502abcdef&referer=evil.example.com";
    let said = world.run(&["get-new-tokens", "--code", other]).await.ended_with(1).said();
    assert!(!said.contains("Done"), "{said}");
}

#[tokio::test]
async fn get_new_tokens_needs_the_integration() {
    let mut world = World::new().await;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL", "AMOCRM_REFRESH_TOKEN"] {
        world.unset(name);
    }
    let said = world.run(&["get-new-tokens", "--code", "abcdef"]).await.ended_with(78).stderr;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"] {
        assert_eq!(said.lines().filter(|line| line.starts_with(name)).count(), 1, "{said}");
    }
}

#[tokio::test]
async fn retry_backup_leads_delivers_what_waits_without_a_daemon() {
    let mut world = World::running().await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    assert_eq!(world.terminate().await, Some(0));
    let ran = world.run(&["retry-backup-leads"]).await.ended_with(1);
    assert!(ran.stdout.contains("Still waiting:  1") && ran.stderr.contains("Stopped: "), "{}", ran.said());
    world.amocrm.comes_back();
    let ran = world.run(&["retry-backup-leads"]).await.ended_with(0);
    for line in ["Waiting before: 1", "Delivered:      1", "Still waiting:  0"] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    world.keeps_secrets(&ran.said());
    world.delivered(&number).await;
    assert_eq!(world.read("backup_leads.json").trim(), "[]");
    let ran = world.run(&["retry-backup-leads"]).await.ended_with(0);
    assert!(ran.stdout.contains("Waiting before: 0"), "{}", ran.stdout);
    world.start();
    ivan.hears("передана").await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn retry_backup_leads_beside_the_daemon_doubles_nothing() {
    let world = World::running().await;
    // It counts, and refuses nobody: see the end.
    world.amocrm.rate_limit(None);
    world.amocrm.goes_down();
    let mut buyers: Vec<_> = (0..3).map(|at| world.buyer(&format!("Покупатель {at}"))).collect();
    let numbers = futures::future::join_all(buyers.iter_mut().map(|buyer| buyer.leaves_a_request())).await;
    world.backup_holds(3).await;
    world.amocrm.comes_back();
    let (first, second) = tokio::join!(world.run(&["retry-backup-leads"]), world.run(&["retry-backup-leads"]));
    first.ended_with(0);
    second.ended_with(0);
    for number in &numbers {
        world.delivered(number).await;
    }
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 3);
    // Seven leave in a second, and a busy machine that brings one of them late brings it into the second of the next.
    assert!(world.amocrm.max_rate() <= 8, "{}", world.amocrm.max_rate());
}

#[tokio::test]
async fn retry_backup_leads_names_expired_tokens() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let ran = world.run(&["retry-backup-leads"]).await.ended_with(1);
    assert!(ran.stderr.contains("expired") && !ran.stderr.contains(&number), "{}", ran.stderr);
    assert!(world.amocrm.leads().is_empty());
}

#[tokio::test]
async fn test_amocrm_creates_nothing_unless_told_to() {
    let world = World::running().await;
    let said = world.run(&["test-amocrm"]).await.ended_with(0).said();
    let name = world.amocrm.account(|account| account.name.clone());
    for words in [name.as_str(), "works until", "AMOCRM_PIPELINE_ID=", "Nothing was created"] {
        assert!(said.contains(words), "«{words}» is not in {said}");
    }
    world.keeps_secrets(&said);
    assert!(world.amocrm.leads().is_empty() && world.amocrm.contacts().is_empty());
    assert_eq!(world.amocrm.count(&On::post("/api/v4")), 0);
    let said = world.run(&["test-amocrm", "--create-test-lead"]).await.ended_with(0).said();
    let lead = &world.amocrm.leads()[0];
    assert!(said.contains(&lead.id.to_string()) && lead.name.contains("Проверка") && lead.notes.len() == 1, "{said}");
}

#[tokio::test]
async fn test_amocrm_says_what_is_wrong() {
    let mut world = World::new().await;
    world.set("AMOCRM_PIPELINE_ID", "424242");
    let ran = world.run(&["test-amocrm"]).await.ended_with(1);
    assert!(ran.stderr.contains("AMOCRM_PIPELINE_ID"), "{}", ran.said());
    world.amocrm.revoke_all();
    let ran = world.run(&["test-amocrm"]).await.ended_with(1);
    assert!(ran.stderr.contains("get-new-tokens"), "{}", ran.said());
    world.without_amocrm();
    let ran = world.run(&["test-amocrm"]).await.ended_with(78);
    assert!(ran.stderr.starts_with("AMOCRM_SUBDOMAIN: "), "{}", ran.said());
}

#[tokio::test]
async fn status_tells_a_person_and_a_program() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
    let status: Value = serde_json::from_str(&json).expect("JSON");
    let store = world.path("amocrm-lead-bot.sqlite").display().to_string();
    assert_eq!(status["store"], store.as_str(), "{json}");
    for key in ["verdict", "reason", "advice"] {
        assert!(status[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {json}");
    }
    assert!(status["advice"].as_str().is_some_and(|advice| advice.contains("get-new-tokens")), "{json}");
    assert_eq!((&status["daemon_running"], &status["waiting"]), (&true.into(), &1.into()), "{json}");
    assert!(status["outage_since"].is_string() && status["tokens"]["access_expires_at"].is_string(), "{json}");
    let said = world.run(&["status"]).await.ended_with(1).said();
    for words in ["no access", "reason:", "get-new-tokens", &store] {
        assert!(said.contains(words), "«{words}» is not in {said}");
    }
    assert!(said.contains("running") && said.contains("waiting:           1"), "{said}");
    for text in [&json, &said] {
        world.keeps_secrets(text);
        assert!(!text.contains(&number) && !text.contains("Иван") && !text.contains("9991234567"), "{text}");
    }
}

#[tokio::test]
async fn leads_are_listed_shown_exported_discarded_and_taken_back() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let listed = world.run(&["leads", "list"]).await.ended_with(0).stdout;
    assert!(
        listed.contains(&format!("#{number}")) && listed.contains("waiting") && !listed.contains("Иван"),
        "{listed}"
    );
    let full = world.run(&["leads", "list", "--full"]).await.ended_with(0).stdout;
    assert!(full.contains("Иван Петров") && full.contains("+79991234567"), "{full}");
    let shown = world.run(&["leads", "show", &format!("#{}", number.to_lowercase())]).await.ended_with(0).stdout;
    assert!(shown.contains("8 (999) 123-45-67") && shown.contains("waiting"), "{shown}");

    let exported = world.run(&["leads", "export"]).await.ended_with(0).stdout;
    let exported: Value = serde_json::from_str(&exported).expect("JSON");
    assert!(
        BACKUP_KEYS.iter().all(|key| exported[0].get(key).is_some()) && exported[0]["number"] == *number,
        "{exported}"
    );
    world.run(&["leads", "export", "copy.json"]).await.ended_with(0);
    assert_eq!(
        (serde_json::from_str::<Value>(&world.read("copy.json")).ok(), world.mode("copy.json")),
        (Some(exported), 0o600)
    );

    world.run(&["leads", "discard", &number]).await.ended_with(1);
    world.run(&["leads", "discard", &number, "--yes"]).await.ended_with(0);
    world.backup_holds(0).await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("discarded"), "{shown}");
    let said = world.run(&["leads", "retry", &number]).await.ended_with(0).stdout;
    assert!(said.contains(&format!("#{number} is in line")), "{said}");
    world.backup_holds(1).await;
    let code = world.amocrm.issue_code();
    world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0);
    world.delivered(&number).await;
    world.run(&["leads", "discard", &number, "--yes"]).await.ended_with(1);
    let said = world.run(&["leads", "retry", &number]).await.ended_with(1).stderr;
    assert!(said.contains("is in amoCRM already"), "{said}");
    for (args, code) in [
        (["leads", "show", "AAAAAA2"], 1),
        (["leads", "show", "nonsense"], 1),
        (["leads", "dance", ""], 2),
        (["nonsense", "", ""], 2),
    ] {
        world.run(&args).await.ended_with(code);
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_names_its_setting() {
    let mut world = World::new().await;
    let said = world.run(&["move-store", "--from", "a.sqlite", "--to", "mysql://root:secret@x/y"]).await.ended_with(1);
    assert!(said.stderr.contains("mysql://") && !said.stderr.contains("secret"), "{}", said.stderr);
    world.set("DATABASE_URL", "postgres://somebody:secret@127.0.0.1:1/leads");
    let said = world.run(&["status"]).await.ended_with(1).stderr;
    assert!(said.starts_with("DATABASE_URL: ") && !said.contains("secret"), "{said}");
}

/// Tokens may be dead before any lead has met them.
#[tokio::test]
async fn status_knows_tokens_that_cannot_work() {
    let mut world = World::new().await;
    world.unset("AMOCRM_REFRESH_TOKEN");
    world.unset("AMOCRM_ACCESS_TOKEN");
    for (expired, advice) in [(false, "get-new-tokens"), (true, "AMOCRM_ACCESS_TOKEN")] {
        if expired {
            // {"iat":1500000000,"exp":1500086400}, which nobody need ask amoCRM about.
            let token = "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjE1MDAwMDAwMDAsImV4cCI6MTUwMDA4NjQwMH0.c2lnbmF0dXJl";
            world.set("AMOCRM_ACCESS_TOKEN", token);
            for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"] {
                world.unset(name);
            }
        }
        let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
        let status: Value = serde_json::from_str(&json).expect("JSON");
        assert!(status["advice"].as_str().is_some_and(|text| text.contains(advice)), "{json}");
        assert!(status["tokens"]["problem"].is_string(), "{json}");
    }
    assert!(world.amocrm.requests().is_empty());
    // Collecting is what a bot without amoCRM is there for.
    world.without_amocrm();
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("not set up") && said.contains("has not run here yet"), "{said}");
    assert!(said.contains("tokens:            not needed") && !said.contains("none from"), "{said}");
    world.start();
    world.admin_reads("Осталось подключить amoCRM").await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("leads are collected and saved") && !said.contains("not run"), "{said}");
}

/// Nothing is wrong with amoCRM, and yet not all is well.
#[tokio::test]
async fn status_says_what_is_wrong_beside_amocrm() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("nothing is known to be wrong"), "{said}");
    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(On::complex(), refused, Times::Forever);
    ivan.commands("/cancel", "отменена").await;
    ivan.leaves_a_request().await;
    world.admin_reads("не принимает заявку").await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("amoCRM refuses the data of some leads") && said.contains("what to do:"), "{said}");
    world.terminate().await;
    let json = world.run(&["status", "--json"]).await.ended_with(0).stdout;
    let status: Value = serde_json::from_str(&json).expect("JSON");
    assert!(status["verdict"].as_str().is_some_and(|verdict| verdict.starts_with("the bot is not running")), "{json}");
    assert!(status["advice"].as_str().is_some_and(|advice| advice.contains("start the bot")), "{json}");
}

#[tokio::test]
async fn status_knows_within_seconds_that_telegram_does_not_answer() {
    const DEAF: &str = "what buyers write does not reach the bot";
    let mut world = World::new().await;
    // The admin is told after three minutes.
    world.set("TEST_SPEED", "1");
    let everything = telegram::On::all();
    world.telegram.fault(everything, telegram::Fault::Status(502), telegram::Times::UntilCleared);
    world.start();
    status_comes_to(&world, |said| said.contains(DEAF) && said.contains("fails since:")).await;
    // Whoever comes next goes on with it, and ends it.
    world.kill().await;
    world.start();
    status_comes_to(&world, |said| said.contains(DEAF)).await;
    world.telegram.clear_faults();
    status_comes_to(&world, |said| said.contains("nothing is known to be wrong")).await;
}

async fn status_comes_to(world: &World, so: impl Fn(&str) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let said = world.run(&["status"]).await.ended_with(0).stdout;
        if so(&said) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{said}");
    }
}

#[tokio::test]
async fn where_there_is_no_store_commands_say_so_and_make_none() {
    let mut world = World::new().await;
    let before = world.files("");
    for args in [
        &["leads", "list"][..],
        &["leads", "list", "--full"],
        &["leads", "show", "K7M2QXA"],
        &["leads", "retry"],
        &["leads", "discard", "K7M2QXA", "--yes"],
        &["leads", "export"],
        &["leads", "export", "copy.json"],
        &["forget", "5", "--yes"],
        &["backup-store", "copy.sqlite"],
    ] {
        let ran = world.run(args).await.ended_with(1);
        let told = ran.stderr.to_lowercase();
        assert!(told.contains("there is no store at") && ran.stdout.is_empty(), "{args:?}: {}", ran.said());
        assert_eq!(ran.stderr.lines().count(), 1, "{args:?}: {}", ran.said());
        assert_eq!(world.files(""), before, "{args:?}");
    }
    // A folder that is not there is a wrong setting, told in words and once.
    let missing = world.path("no/such/folder").display().to_string();
    world.set("DATA_DIR", &missing);
    for args in [&["leads", "list"][..], &["status"], &["retry-backup-leads"], &["forget", "5"]] {
        let said = world.run(args).await.ended_with(78).stderr;
        assert!(said.starts_with("DATA_DIR: ") && said.contains("it is not there"), "{args:?}: {said}");
        assert!(said.matches(&missing).count() == 1 && !said.contains("os error"), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn a_forgotten_lead_is_shown_without_empty_lines() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    world.delivered(&number).await;
    world.nothing_owed().await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("budget:     2,5 млн (2500000 roubles)"), "{shown}");
    world.run(&["forget", &format!("user:{}", ivan.user.id), "--yes"]).await.ended_with(0);
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("forgotten: ") && shown.contains("in amoCRM:  lead "), "{shown}");
    for gone in ["name:", "phone:", "budget:", "car link:", "wishes:", "telegram:"] {
        assert!(!shown.contains(gone), "{shown}");
    }
}

#[tokio::test]
async fn status_doubts_what_is_not_a_token() {
    let mut world = World::new().await;
    world.unset("AMOCRM_REFRESH_TOKEN");
    for token in ["abc", "0a1b2c3d-1111-2222-3333-0123456789ab", "eyJhbGciOiJSUzI1NiJ9.e30"] {
        world.set("AMOCRM_ACCESS_TOKEN", token);
        let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
        let status: Value = serde_json::from_str(&json).expect("JSON");
        assert!(status["verdict"].as_str().is_some_and(|verdict| verdict.contains("no access")), "{json}");
        assert!(status["tokens"]["problem"].as_str().is_some_and(|text| text.contains("not a token")), "{json}");
        let said = world.run(&["status"]).await.ended_with(1).said();
        assert!(said.contains("not a token") && !said.contains(token), "{said}");
    }
}

/// A command reads what it needs, and what is wrong elsewhere is not in its way.
#[tokio::test]
async fn a_command_needs_only_its_own_settings() {
    let (mut world, number) = a_lead_waits_for_tokens().await;
    let all = world.env.clone();
    let wrong = [
        ("AMOCRM_SUBDOMAIN", None),
        ("AMOCRM_CLIENT_SECRET", None),
        ("AMOCRM_PIPELINE_ID", Some("main")),
        ("BOT_TOKEN", None),
        ("BOT_TOKEN", Some("hello")),
        ("TELEGRAM_PROXY", Some("proxy")),
        ("ADMIN_CHAT_ID", Some("@me")),
        ("HTTP_ADDR", Some("8080")),
        ("ALERT_EMAIL", Some("nobody")),
    ];
    for (name, value) in wrong {
        world.env = all.clone();
        world.unset("AMOCRM_BASE_URL");
        match value {
            Some(value) => world.set(name, value),
            None => world.unset(name),
        }
        for (args, code) in [(&["leads", "list"][..], 0), (&["forget", "user:5", "--yes"], 0)] {
            let ran = world.run(args).await.ended_with(code);
            assert!(!ran.stderr.contains(name), "{name} {args:?}: {}", ran.said());
        }
        let listed = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
        assert!(listed.contains("waiting"), "{listed}");
        let file = format!("copy-{name}-{}.sqlite", value.unwrap_or_default());
        world.run(&["backup-store", &file]).await.ended_with(0);
        world.run(&["run"]).await.ended_with(78);
    }
    // Telegram is nothing to those that speak to amoCRM alone.
    world.env = all.clone();
    world.unset("BOT_TOKEN");
    let code = world.amocrm.issue_code();
    world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0);
    world.run(&["test-amocrm"]).await.ended_with(0);
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    // What a command does need is told.
    world.set("PHONE_REGION", "XX");
    assert!(world.run(&["leads", "list"]).await.ended_with(78).stderr.starts_with("PHONE_REGION: "));
    world.run(&["backup-store", "copy.sqlite"]).await.ended_with(0);
    world.unset("AMOCRM_CLIENT_SECRET");
    assert!(world.run(&["test-amocrm"]).await.ended_with(78).stderr.contains("AMOCRM_CLIENT_SECRET: "));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_no_command() {
    use std::process::{Command, Stdio};
    let (world, number) = a_lead_waits_for_tokens().await;
    let started = |args: &[&str]| {
        let mut command = Command::new(testkit::built("amocrm-lead-bot"));
        command.args(args).env_clear().envs(&world.env).current_dir(world.folder.path()).stdin(Stdio::null());
        command
    };
    let commands: [(&[&str], i32); 9] = [
        (&["leads", "list", "--full"], 0),
        (&["leads", "show", &number], 0),
        (&["leads", "export"], 0),
        (&["leads", "show", "AAAAAA2"], 1),
        (&["status"], 1),
        (&["status", "--json"], 1),
        (&["--help"], 0),
        (&["forget", "user:5", "--yes"], 0),
        (&["backup-store", "copy.sqlite"], 0),
    ];
    for (args, code) in commands {
        // Both ends are given up before a word is said.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = started(args);
        let status = command.stdout(writer.try_clone().expect("a pipe")).stderr(writer).status().expect("the command");
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
    assert!(world.path("copy.sqlite").exists(), "the work is done all the same");
    // Nobody knows what stands on a disk that is full.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = started(&["leads", "list"]).stdout(full).stderr(Stdio::piped()).spawn().expect("the command");
    let output = output.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("standard output"), "{said}");
}

#[tokio::test]
async fn retry_backup_leads_fails_while_something_is_not_delivered() {
    use sqlx::{Connection, Executor};
    let mut world = World::running().await;
    world.amocrm.goes_down();
    for name in ["Иван", "Мария"] {
        world.buyer(name).leaves_a_request().await;
    }
    world.backup_holds(2).await;
    world.kill().await;
    let url = format!("sqlite://{}", world.path("amocrm-lead-bot.sqlite").display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.expect("the store");
    store.execute("UPDATE leads SET body = 'not json' WHERE id = (SELECT MIN(id) FROM leads)").await.expect("a write");
    store.close().await.expect("its end");
    world.amocrm.comes_back();
    let ran = world.run(&["retry-backup-leads"]).await.ended_with(1);
    assert!(ran.stdout.contains("Still waiting:  0") && ran.stdout.contains("not sent:       1"), "{}", ran.said());
    assert_eq!(world.amocrm.leads().len(), 1);
    // It is over when somebody has given it up.
    let id = world.run(&["leads", "list"]).await.stdout;
    let number = id.split_once('#').map(|(_, rest)| rest.chars().take(7).collect::<String>()).expect("its number");
    world.run(&["leads", "discard", &number, "--yes"]).await.ended_with(0);
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    // What stands in the file and cannot be understood is not delivered either.
    world.write("backup_leads.json", r#"[{"status":"pending"}]"#);
    world.run(&["retry-backup-leads"]).await.ended_with(1);
    world.run(&["retry-backup-leads"]).await.ended_with(0);
}

#[tokio::test]
async fn looking_makes_nothing_in_a_wrong_folder() {
    let mut world = World::new().await;
    let empty = tempfile::tempdir().expect("a folder");
    world.set("DATA_DIR", empty.path().display().to_string());
    let place = empty.path().join("amocrm-lead-bot.sqlite").display().to_string();
    for (args, code) in [
        (&["status"][..], 0),
        (&["status", "--json"], 0),
        (&["leads", "list"], 1),
        (&["leads", "list", "--full"], 1),
        (&["leads", "show", "AAAAAA2"], 1),
        (&["leads", "retry"], 1),
        (&["leads", "discard", "AAAAAA2", "--yes"], 1),
        (&["leads", "export"], 1),
        (&["retry-backup-leads"], 0),
        (&["backup-store", "copy.sqlite"], 1),
    ] {
        let ran = world.run(args).await.ended_with(code);
        assert!(ran.stderr.contains(&place), "{args:?}: {}", ran.said());
    }
    world.run(&["test-amocrm"]).await.ended_with(0);
    let found: Vec<_> = std::fs::read_dir(empty.path()).expect("a folder").flatten().map(|it| it.path()).collect();
    assert!(found.is_empty() && !world.path("copy.sqlite").exists(), "{found:?}");
    // A folder that is not there is a wrong setting.
    let missing = empty.path().join("missing");
    world.set("DATA_DIR", missing.display().to_string());
    for args in [&["status"][..], &["leads", "list"], &["retry-backup-leads"]] {
        let ran = world.run(args).await.ended_with(78);
        assert!(ran.stderr.contains("DATA_DIR") && ran.stderr.contains("missing"), "{args:?}: {}", ran.said());
    }
    assert!(!missing.exists());
}

#[tokio::test]
async fn get_new_tokens_asks_again_after_a_wrong_code() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let (code, expired) = (world.amocrm.issue_code(), world.amocrm.issue_code());
    world.amocrm.expire_code(&expired);
    let redirect = world.amocrm.redirect_uri();
    // Somebody else's authorization, which would send this dealer's leads elsewhere.
    let foreign = format!("{redirect}?code={code}&state=somebody-else");
    let typed = format!("\nдве буквы\n{redirect}?error=access_denied\n{foreign}\n{expired}\n{code}\n");
    let ran = world.run_with(&["get-new-tokens"], &typed).await.ended_with(0);
    for reason in
        ["nothing in it", "neither a code", "denied", "another authorization", "older than 20 minutes", "Done"]
    {
        assert!(ran.said().contains(reason), "«{reason}» is not in {}", ran.said());
    }
    world.keeps_secrets(&ran.said());
    world.delivered(&number).await;
    for typed in ["", "nonsense\n"] {
        world.run_with(&["get-new-tokens"], typed).await.ended_with(1);
    }
}

#[tokio::test]
async fn move_store_warns_of_a_bot_that_runs_on_the_target() {
    let world = World::running().await;
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    world.run(&["backup-store", "copy.sqlite"]).await.ended_with(0);
    let (from, to) = (world.path("copy.sqlite"), world.path("amocrm-lead-bot.sqlite"));
    let args = ["move-store", "--from", &from.display().to_string(), "--to", &to.display().to_string()];
    let ran = world.run(&args).await.ended_with(0);
    assert!(ran.stderr.contains("a bot runs on") && ran.stderr.contains(&to.display().to_string()), "{}", ran.said());
    // Away from a running bot is the usual way.
    let args = ["move-store", "--from", &to.display().to_string(), "--to", "other.sqlite"];
    assert!(!world.run(&args).await.ended_with(0).stderr.contains("a bot runs on"));
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn a_discarded_lead_is_never_sent() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    // It may be under way at this very moment; then the command says so.
    while world.run(&["leads", "discard", &number, "--yes"]).await.code != Some(0) {}
    world.amocrm.comes_back();
    let other = world.buyer("Пётр").leaves_a_request().await;
    world.delivered(&other).await;
    world.backup_holds(0).await;
    assert!(world.amocrm.lead_with_number(&number).is_none());
}

#[tokio::test]
async fn a_daemon_with_a_stale_pair_in_the_environment_uses_the_files() {
    let mut world = World::new().await;
    let code = world.amocrm.issue_code();
    world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0);
    world.amocrm.fault(On::oauth(), Fault::Status(500), Times::Forever);
    world.start();
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    let stale = world.env["AMOCRM_ACCESS_TOKEN"].clone();
    assert!(world.amocrm.requests().iter().all(|request| request.bearer.as_ref() != Some(&stale)));
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
}

#[tokio::test]
async fn a_first_start_and_commands_beside_it_do_not_meet() {
    for _ in 0..3 {
        let world = World::running().await;
        let status = ["status"];
        let commands = (0..6).map(|_| world.run(&status));
        for ran in futures::future::join_all(commands).await {
            ran.ended_with(0);
        }
        world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    }
}

#[tokio::test]
async fn of_the_copies_of_every_night_the_newest_are_kept() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let listed = || {
        let entries =
            std::fs::read_dir(world.path("backups")).expect("the folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let night = &["backup-store", "--keep", "2", "backups"];
    for copies in [1, 2, 2, 2] {
        let ran = world.run(night).await.ended_with(0);
        let names = listed();
        assert!(
            names.len() == copies && ran.stdout.contains(names.last().expect("a copy")),
            "{names:?} {}",
            ran.said()
        );
        assert!(names.iter().all(|name| world.mode(&format!("backups/{name}")) == 0o600), "{names:?}");
    }
    assert_eq!(world.mode("backups"), 0o700);
    // The newest is whole: a bot that begins with it has the lead.
    let names = listed();
    let from = world.path(&format!("backups/{}", names[1])).display().to_string();
    let to = world.path("again.sqlite").display().to_string();
    let moved = world.run(&["move-store", "--from", &from, "--to", &to]).await.ended_with(0).stdout;
    assert!(moved.lines().any(|line| line.split_whitespace().eq(["leads", "1", "1", "1"])), "{moved} {number}");
    // Where no copy can be made, those that are there stay, and nothing half-made is left among them.
    world.run(&["backup-store", "--keep", "0", "backups"]).await.ended_with(2);
    std::fs::create_dir(world.path("elsewhere")).expect("a folder");
    let backups = world.path("backups").display().to_string();
    let mut env = world.env.clone();
    env.insert("DATA_DIR".into(), world.path("elsewhere").display().to_string());
    world.run_in(&env, &["backup-store", "--keep", "1", &backups]).await.ended_with(1);
    assert_eq!(listed(), names);
}

#[tokio::test]
async fn the_admin_knows_once_that_no_copies_are_made_and_once_that_they_are_again() {
    let mut world = World::running().await;
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    let night = &["backup-store", "--keep", "2", "backups"];
    let status = async |world: &World| -> Value {
        serde_json::from_str(&world.run(&["status", "--json"]).await.stdout).expect("JSON")
    };
    // Something is in the folder's place, two nights long.
    world.write("backups", "");
    for _ in 0..2 {
        world.run(night).await.ended_with(1);
    }
    let told = world.admin_reads("копия базы бота не сделана: в папку для копий нельзя записать").await;
    assert!(told.contains("Последняя удачная копия: ещё не было"), "{told}");
    let failing = status(&world).await;
    assert!(failing["copies_fail"].as_str().is_some_and(|why| why.contains("backups")), "{failing}");
    assert_eq!((&failing["newest_copy_at"], &failing["health"]), (&Value::Null, &json!("odd")));
    std::fs::remove_file(world.path("backups")).expect("out of the way");
    world.run(night).await.ended_with(0);
    world.admin_reads("снова делаются").await;
    let works = status(&world).await;
    assert!(works["newest_copy_at"].is_string() && works["copies_fail"].is_null(), "{works}");
    assert!(world.run(&["status"]).await.stdout.lines().any(|line| line.starts_with("newest copy:")));

    // Who begins with a copy is told nothing of how copies went.
    world.run(&["backup-store", "restored/amocrm-lead-bot.sqlite"]).await.ended_with(1);
    std::fs::create_dir(world.path("restored")).expect("a folder");
    world.run(&["backup-store", "restored/amocrm-lead-bot.sqlite"]).await.ended_with(0);
    let mut env = world.env.clone();
    env.insert("DATA_DIR".into(), world.path("restored").display().to_string());
    let restored = world.run_in(&env, &["status", "--json"]).await;
    let restored: Value = serde_json::from_str(&restored.stdout).expect("JSON");
    assert_eq!((&restored["delivered_last_24h"], &restored["newest_copy_at"]), (&json!(1), &Value::Null), "{restored}");

    // Where the store is gone, the command tells it itself; the bot tells that it is over.
    assert_eq!(world.terminate().await, Some(0));
    let store = ["", "-wal", "-shm"].map(|end| world.path(&format!("amocrm-lead-bot.sqlite{end}")));
    let away = |path: &std::path::PathBuf| {
        path.with_extension(format!("{}-away", path.extension().unwrap_or_default().display()))
    };
    for file in store.iter().filter(|file| file.exists()) {
        std::fs::rename(file, away(file)).expect("moved");
    }
    for _ in 0..2 {
        world.run(night).await.ended_with(1);
    }
    assert_eq!(world.admin_has("базу не удалось прочитать"), 1, "{}", world.admin.transcript());
    for file in store.iter().filter(|file| away(file).exists()) {
        std::fs::rename(away(file), file).expect("moved back");
    }
    world.run(night).await.ended_with(0);
    world.start();
    world.until("it is told that copies are made again", |world| world.admin_has("снова делаются") == 2).await;
    assert_eq!(world.admin_has("не сделана"), 2, "{}", world.admin.transcript());
}
