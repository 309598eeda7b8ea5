//! Nothing personal and nothing secret is logged, at any level.

use std::os::unix::fs::PermissionsExt;

use testkit::{
    fakes::{
        amocrm,
        telegram::{Fault, On, Times},
    },
    world::{Answers, World},
};

/// Nothing that a terminal obeys, that turns a text round, or that hides in it.
fn is_hostile(sign: char) -> bool {
    (sign.is_control() && sign != '\n')
        || matches!(sign, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[tokio::test]
async fn a_profile_s_name_does_nothing_to_whoever_reads_it() {
    let world = World::running().await;
    let hostile = "\u{1b}[2J\u{202E}нава\u{2066}И\u{200B}\r\n#K7M2QXA\u{9b}31m\u{FEFF}";
    let mut ivan = world.buyer(hostile);
    let number = ivan.leaves_a_request().await;
    let lead = world.delivered(&number).await;
    let note = &lead.notes[0];
    assert!(note.contains("[2JнаваИ № K7M2QXA31m"), "{note}");
    assert!(!note.chars().any(is_hostile), "{note:?}");
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0);
    assert!(!shown.said().chars().any(is_hostile), "{:?}", shown.said());
    // Words of amoCRM's that a person reads.
    let body =
        serde_json::json!({"title": "Bad\u{1b}[31m Request", "status": 403, "detail": "нет\u{202E} прав\r\n\u{200B}!"});
    let forbidden = amocrm::Fault::Raw { status: 403, body: body.to_string() };
    world.amocrm.fault(amocrm::On::any("/api/v4"), forbidden, amocrm::Times::Forever);
    let waiting = ivan.leaves_a_request().await;
    world.until("it says why", |world| world.read("backup_leads.json").contains("прав")).await;
    let shown = world.run(&["leads", "show", &waiting]).await.ended_with(0);
    assert!(shown.said().contains("Bad[31m Request: нет прав !"), "{}", shown.said());
    assert!(!shown.said().chars().any(is_hostile), "{:?}", shown.said());
    assert!(world.backup()[0]["last_error"].as_str().is_some_and(|error| !error.chars().any(is_hostile)));
    assert!(!world.log().chars().any(is_hostile));
}

#[tokio::test]
async fn the_log_holds_neither_secrets_nor_people() {
    let mut world = World::new().await;
    world.set("RUST_LOG", "trace");
    world.set("LEADS_PER_HOUR", "off");
    world.start();
    let mut ivan = world.buyer("Иннокентий");
    let answers = Answers {
        name: "Иннокентий Смоктуновский",
        phone: "8 (999) 765-43-21",
        budget: "1 234 567 рублей",
        car: "https://secret-car.example/a/b?c=38427498",
    };
    // Good days, bad days, and things that cannot be parsed.
    ivan.answers(answers).await;
    let delivered = ivan.submits().await;
    world.delivered(&delivered).await;
    for fault in
        [amocrm::Fault::Html(502), amocrm::Fault::Garbage, amocrm::Fault::CutAfter, amocrm::Fault::Redirect(302)]
    {
        let id = world.amocrm.fault(amocrm::On::any("/api/v4"), fault, amocrm::Times::Forever);
        ivan.answers(answers).await;
        ivan.submits().await;
        world.until("it failed", |world| world.amocrm.fault_hits(id) > 0).await;
        world.amocrm.clear_fault(id);
    }
    let refused = amocrm::Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(amocrm::On::complex(), refused, amocrm::Times::N(2));
    world.amocrm.expire_access_tokens();
    ivan.answers(answers).await;
    ivan.submits().await;
    for fault in [Fault::Garbage, Fault::CutBefore, Fault::TooManyRequests { retry_after: 1 }, Fault::Status(502)] {
        world.telegram.fault(On::method("sendMessage").chat(ivan.user.id), fault, Times::N(1));
        ivan.user.command("/help");
    }
    world.telegram.raw_update(
        serde_json::json!({"message": {"text": "Иннокентий", "chat": {"id": ivan.user.id, "type": "private"}}}),
    );
    world.telegram.fault(On::method("getUpdates"), Fault::Garbage, Times::N(1));
    world.write("backup_leads.json", "[{\"name\": \"Иннокентий\", \"phone\": \"+79997654321\", \"status\": ");
    world.admin_reads("не удалось прочитать").await;
    ivan.user.say("Иннокентий");
    world.terminate().await;

    let log = world.log();
    assert!(log.contains(&delivered) && log.contains("DEBUG"), "the log is there");
    world.keeps_secrets(&log);
    for personal in ["Иннокентий", "Смоктуновский", "9997654321", "999) 765", "1 234 567", "secret-car", "innokentiy"]
    {
        let line = log.lines().find(|line| line.contains(personal));
        assert_eq!(line, None, "{personal}");
    }
}

/// What sqlx does not know in an address it logs, with its value.
#[tokio::test]
async fn what_libraries_log_has_no_secrets_in_it() {
    for format in ["human", "json"] {
        let mut world = World::new().await;
        world.set("RUST_LOG", "trace,sqlx=trace,hyper=trace,reqwest=trace,teloxide_core=trace,h2=trace");
        world.set("LOG_FORMAT", format);
        let url = "postgres://somebody:hush-word@127.0.0.1:1/leads?sslpassword=hush-key&connect_timeout=1&hush-name=1";
        world.set("DATABASE_URL", url);
        let said = world.run(&["status"]).await.ended_with(1).said();
        for secret in ["hush-word", "hush-key"] {
            assert!(!said.contains(secret), "{said}");
        }
        world.unset("DATABASE_URL");
        let said = world.run(&["test-amocrm", "--create-test-lead"]).await.ended_with(0).stderr;
        world.keeps_secrets(&said);
        let strangers = ["hyper", "reqwest", "rustls", "h2::", "sqlx::query"];
        let line = said.lines().find(|line| strangers.iter().any(|name| line.contains(name)));
        assert_eq!(line, None, "a library logs as it likes");
        if format == "json" {
            let all_json = said.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
            assert!(all_json, "{said}");
        }
    }
}

/// Files that were copied, restored or written by hand are open to others; in `DATA_DIR` they do not stay so.
#[tokio::test]
async fn files_that_others_may_read_are_closed() {
    let mut world = World::new().await;
    let code = world.amocrm.issue_code();
    world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0);
    world.start();
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    world.kill().await;
    world.write("backup_leads.json", "[]");
    world.write("tokens_previous.json", "{}");
    world.write(".backup_leads-abc", "half of a lead");
    world.write(".refresh_token.txt.abc", "half of a token");
    let names = world.files("amocrm-lead-bot.sqlite").into_iter().chain(
        ["access_token.txt", "refresh_token.txt", "tokens_previous.json", "backup_leads.json"].map(str::to_owned),
    );
    let names: Vec<_> = names.collect();
    assert!(names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
    for name in &names {
        world.set_mode(name, 0o644);
    }
    world.set_mode("", 0o755);
    std::fs::remove_file(world.path("daemon.log")).expect("the first log");
    world.start();
    world.delivered(&world.buyer("Анна").leaves_a_request().await).await;
    for name in names.iter().filter(|name| world.path(name).exists()) {
        assert_eq!(world.mode(name), 0o600, "{name}");
    }
    assert_eq!(world.mode(""), 0o700);
    assert!(world.files(".backup_leads-").is_empty() && world.files(".refresh_token.txt.").is_empty());
    let log = world.log();
    let warnings = log.matches("could read these files").count();
    assert_eq!(warnings, 1, "{log}");
    // While it runs, somebody rewrites a token.
    world.set_mode("access_token.txt", 0o664);
    world.until("it is closed again", |world| world.mode("access_token.txt") == 0o600).await;
}

#[tokio::test]
async fn a_file_that_a_store_is_moved_to_is_closed() {
    let world = World::running().await;
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    world.write("target.sqlite", "");
    world.set_mode("target.sqlite", 0o666);
    let from = world.path("amocrm-lead-bot.sqlite").display().to_string();
    world.run(&["move-store", "--from", &from, "--to", "target.sqlite"]).await.ended_with(0);
    assert_eq!(world.mode("target.sqlite"), 0o600);
}

/// Everybody on the machine reads `/proc/PID/cmdline`.
#[tokio::test]
async fn secrets_need_not_be_arguments() {
    let mut world = World::new().await;
    let codes: Vec<_> = (0..4).map(|_| world.amocrm.issue_code()).collect();
    world.write("code.txt", &format!("{}\n", codes[0]));
    world.set("THE_CODE", codes[1].as_str());
    for (args, typed) in [
        (["get-new-tokens", "--code", "@code.txt"], ""),
        (["get-new-tokens", "--code", "env:THE_CODE"], ""),
        (["get-new-tokens", "--code", "-"], codes[2].as_str()),
    ] {
        let ran = world.run_with(&args, typed).await.ended_with(0);
        assert!(!ran.stderr.contains("can read the arguments"), "{args:?}: {}", ran.stderr);
    }
    let ran = world.run(&["get-new-tokens", "--code", &codes[3]]).await.ended_with(0);
    assert!(ran.stderr.contains("can read the arguments") && !ran.stderr.contains(&codes[3]), "{}", ran.stderr);
    for (from, reason) in [("@missing.txt", "missing.txt"), ("env:MISSING", "MISSING"), ("-", "nothing in it")] {
        let ran = world.run(&["get-new-tokens", "--code", from]).await.ended_with(1);
        assert!(ran.stderr.contains(reason) && ran.stderr.starts_with("--code: "), "{}", ran.stderr);
    }
    // The same for the addresses of databases.
    let url = "postgres://somebody:hush-word@127.0.0.1:1/leads";
    world.set("THE_URL", url);
    world.write("url.txt", url);
    world.write("here.sqlite", "");
    for (from, typed, warned) in
        [(url, "", true), ("env:THE_URL", "", false), ("@url.txt", "", false), ("-", url, false)]
    {
        let ran = world.run_with(&["move-store", "--from", from, "--to", "here.sqlite"], typed).await.ended_with(1);
        assert_eq!(ran.stderr.contains("can read the arguments"), warned, "{from}: {}", ran.stderr);
        assert!(!ran.said().contains("hush-word") && ran.stderr.contains("--from: "), "{from}: {}", ran.stderr);
    }
    let public = "postgres://somebody:hush-word@db.example.org/leads";
    let ran = world.run(&["move-store", "--from", "here.sqlite", "--to", public]).await.ended_with(78);
    assert!(ran.stderr.contains("--to: ") && ran.stderr.contains("ALLOW_PLAINTEXT"), "{}", ran.stderr);
}

#[tokio::test]
async fn settings_of_folders_above_and_of_others_are_not_read() {
    let mut world = World::new().await;
    world.write(".env", "PHONE_REGION=XX\n");
    let below = world.path("below");
    std::fs::create_dir(&below).expect("a folder");
    std::fs::set_permissions(&below, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    world.set("DATA_DIR", below.display().to_string());
    world.run(&["status"]).await.ended_with(78);
    world.run_below("below", &["status"]).await.ended_with(0);
    // Only root can give a file away, and then it does not read it any more.
    if std::os::unix::fs::chown(world.path(".env"), Some(65534), None).is_ok() {
        let ran = world.run(&["status"]).await.ended_with(78);
        assert!(ran.stderr.starts_with(".env: belongs to another user"), "{}", ran.stderr);
    } else {
        testkit::skipped("only root can give a file to another user");
    }
}
