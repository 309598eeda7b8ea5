//! The commands, alone and beside a running daemon: what they do, say and end with.

use serde_json::Value;
use testkit::{
    fakes::amocrm::On,
    world::{BACKUP_KEYS, World},
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
