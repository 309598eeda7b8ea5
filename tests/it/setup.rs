//! `setup`: from nothing to the first lead, by options alone and at a terminal.

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt, chown},
};

use chrono::{TimeDelta, Utc};
use testkit::{
    fakes::{
        amocrm::{
            Fault, On, Times,
            account::{ADMIN_USER, LINK_FIELD, LOST_STATUS, MAIN_PIPELINE, SECOND_STATUS},
        },
        telegram,
    },
    terminal::Terminal,
    world::World,
};

/// What is so of the machine and not of the bot.
const OF_THE_MACHINE: [&str; 4] = ["AMOCRM_BASE_URL", "DATA_DIR", "TELEGRAM_API_URL", "TEST_SPEED"];

/// A world whose settings nobody has written yet, and its long-lived token.
async fn nothing_yet() -> (World, String) {
    let mut world = World::new().await;
    let token = world.amocrm.issue_long_lived(Utc::now() + TimeDelta::days(300));
    world.env.retain(|name, _| OF_THE_MACHINE.contains(&name.as_str()));
    (world, token)
}

/// The test lead is there once, and over.
fn the_test_lead_is_over(world: &World) {
    let leads = world.amocrm.leads();
    assert_eq!(leads.len(), 1, "{}", world.amocrm.story());
    assert_eq!((leads[0].status_id, leads[0].notes.len()), (LOST_STATUS, 1));
}

/// Both files are enough for the bot: somebody's request gets to amoCRM.
async fn the_bot_runs(world: &mut World) {
    world.start();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    let lead = world.delivered(&number).await;
    assert!(lead.custom_fields.iter().any(|field| field.id == LINK_FIELD), "{lead:?}");
    assert_eq!(world.terminate().await, Some(0));
}

#[tokio::test]
async fn options_alone_lead_to_the_first_lead() {
    let (mut world, token) = nothing_yet().await;
    let ran = world.run(&["setup", "--yes", "--language", "en"]).await.ended_with(2);
    for option in ["--bot-token", "--admin-chat", "--account", "--access-token"] {
        assert!(ran.stderr.contains(option), "{}", ran.stderr);
    }
    assert!(!world.path(".env").exists());

    // Without a terminal and without a word nothing is done, least of all a test lead.
    let ran = world.run(&["setup", "--language", "ru"]).await.ended_with(2);
    assert!(ran.stderr.contains("терминал") && ran.stderr.contains("--yes"), "{}", ran.stderr);

    world.write("token", &token);
    world.write("consent.md", "Я согласен.");
    world.write(".env", "# mine\nFOO='a b'\n#BOT_TOKEN=\nLEADS_PER_DAY=7 # few\n");
    world.write("dealer.toml", "# ours\nlanguages = [\"ru\"] # one\n");
    // The first answer is lost: the field is there all the same, and is not made twice.
    world.amocrm.fault(On::post("/api/v4/leads/custom_fields"), Fault::CutAfter, Times::N(1));
    let admin = world.admin.id.to_string();
    let args = [
        "setup",
        "--bot-token",
        "env:TOKEN_OF_THE_BOT",
        "--admin-chat",
        &admin,
        "--account",
        "acme",
        "--access-token",
        "@token",
        "--manager",
        "Анна=501",
        "--distribute",
        "take",
        "--responsible",
        "501",
        "--hours",
        "пн-пт 9-19",
        "--time-zone",
        "Asia/Omsk",
        "--callback-within",
        "15m",
        "--consent",
        "consent.md",
        "--consent-version",
        "1",
    ];
    let mut env = world.env.clone();
    env.insert("TOKEN_OF_THE_BOT".into(), telegram::TOKEN.into());
    env.insert("LANG".into(), "ru_RU.UTF-8".into());
    let ran = world.run_in(&env, &args).await.ended_with(0);
    for words in
        ["Аккаунт: Автосалон", "частная", "Поле «Ссылка на авто» уже есть", "Поле «Telegram» создано", "BOT_TOKEN=•"]
    {
        assert!(ran.stdout.contains(words), "{words}\n{}", ran.said());
    }
    for secret in [telegram::TOKEN, token.as_str()] {
        assert!(!ran.said().contains(secret), "a secret shows");
    }
    let names: Vec<_> = world.amocrm.account(|account| account.fields.iter().map(|field| field.name.clone()).collect());
    for name in ["Бюджет", "Telegram", "Ссылка на авто"] {
        assert_eq!(names.iter().filter(|there| *there == name).count(), 1, "{names:?}");
    }
    the_test_lead_is_over(&world);
    world.admin_reads("Всё настроено").await;

    assert_eq!(world.mode(".env"), 0o600);
    let settings = world.read(".env");
    assert!(settings.starts_with("# mine\nFOO='a b'\n#BOT_TOKEN=\nBOT_TOKEN="), "{settings}");
    assert!(settings.contains("LEADS_PER_DAY=7 # few\n"), "{settings}");
    // What was tried with the environment is what is written.
    for name in ["TELEGRAM_API_URL", "AMOCRM_BASE_URL"] {
        let line = format!("{name}={}", world.env[name]);
        assert!(settings.lines().any(|there| there == line), "{line}\n{settings}");
    }
    assert!(!settings.contains("DATA_DIR=") && !settings.contains("TEST_SPEED="), "{settings}");
    let rules = world.read("dealer.toml");
    for line in [
        "# ours",
        "languages = [\"ru\"] # one",
        "time_zone = \"Asia/Omsk\"",
        "crm_user_id = 501",
        "distribute = \"take\"",
    ] {
        assert!(rules.contains(line), "{rules}");
    }

    // Again there is nothing to do, and single things are changed by their name.
    let again = world.run(&["setup", "--yes", "--no-test-lead", "--language", "en"]).await.ended_with(0);
    assert!(again.stdout.contains("Nothing to write"), "{}", again.said());
    let single = ["setup", "rules", "--yes", "--hours", "always"];
    world.run(&single).await.ended_with(0);
    assert!(!world.read("dealer.toml").contains("[hours]") && world.read(".env") == settings);
    let consent = world.run(&["setup", "rules", "--yes", "--consent", "nowhere.md"]).await.ended_with(78);
    assert!(consent.stderr.contains("nowhere.md"), "{}", consent.said());
    world.run(&["check-settings"]).await.ended_with(0);
    world.write("dealer.toml", "");
    the_bot_runs(&mut world).await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_and_nothing_is_written() {
    let (mut world, token) = nothing_yet().await;
    let admin = world.admin.id.to_string();
    let all = ["setup", "--yes", "--language", "en", "--account", "acme", "--no-test-lead", "--admin-chat", &admin];
    let with = |more: &[&str]| all.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>();
    let run = async |world: &World, more: &[&str], code: i32| {
        let args = with(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = world.run(&args).await.ended_with(code);
        assert!(code == 0 || !world.path(".env").exists(), "{}", ran.said());
        ran
    };
    let bot = ["--bot-token", telegram::TOKEN];
    let both = [bot[0], bot[1], "--access-token", &token];
    // A bot that nobody knows, and a token that opens nothing.
    let strange = telegram::TOKEN.replace('2', "3");
    let ran = run(&world, &["--bot-token", &strange, "--access-token", &token], 78).await;
    assert!(ran.stderr.contains("does not know this token"), "{}", ran.said());
    let ran = run(&world, &[bot[0], bot[1], "--access-token", "eyJnothing.x.y"], 1).await;
    assert!(!ran.said().contains("eyJnothing.x.y") || ran.stderr.contains("arguments"), "{}", ran.said());
    // A channel of amoCRM's own.
    world.telegram.has_webhook("https://amojo.amocrm.ru/tg/x");
    let ran = run(&world, &both, 1).await;
    for words in ["amojo.amocrm.ru", "channel", "--delete-webhook"] {
        assert!(ran.stderr.contains(words), "{}", ran.said());
    }
    let ran = run(&world, &[&both[..], &["--delete-webhook", "--stage", "999"]].concat(), 78).await;
    assert!(ran.stdout.contains("The webhook is deleted") && ran.stderr.contains("--stage 999"), "{}", ran.said());
    // Somebody else takes the bot's messages.
    let other = tokio::spawn(polls_without_end(world.telegram.url()));
    let args = [&both[..], &["--admin-chat", "learn"]].concat();
    let args: Vec<&str> = all[..7].iter().copied().chain(args).collect();
    let ran = world.run(&args).await.ended_with(1);
    assert!(ran.stderr.contains("409 Conflict"), "{}", ran.said());
    other.abort();
    // No administrator: said by hand, and everything else goes on.
    world.amocrm.admin(false);
    world.unset("AMOCRM_SUBDOMAIN");
    let ran = run(&world, &both, 0).await;
    assert!(ran.stderr.contains("no administrator") && ran.stderr.contains("TG_USERNAME"), "{}", ran.said());
    assert!(world.read(".env").contains("AMOCRM_CAR_LINK_FIELD_ID=") && !world.read(".env").contains("TELEGRAM_FIELD"));
    assert!(world.amocrm.leads().is_empty());
}

#[tokio::test]
async fn what_root_leaves_half_way_belongs_to_the_bots_user() {
    const USER: u32 = 65534;
    let (world, _) = nothing_yet().await;
    let data = std::path::PathBuf::from(&world.env["DATA_DIR"]);
    // Whoever is not root cannot give a file away, and leaves none of another user's.
    if chown(&data, Some(USER), Some(USER)).is_err() {
        return;
    }
    let (id, address, code) = (world.amocrm.client_id(), world.amocrm.redirect_uri(), world.amocrm.issue_code());
    let integration = ["--client-id", &id, "--redirect-url", &address, "--client-secret", "secret", "--code", &code];
    let access = ["setup", "access", "--yes", "--bot-token", telegram::TOKEN, "--account", "acme"];
    world.run(&[&access[..], &integration].concat()).await.ended_with(1);
    let left: Vec<_> = std::fs::read_dir(&data)
        .expect("a folder")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_name().to_string_lossy().contains("token"))
        .map(|entry| (entry.file_name(), entry.metadata().expect("a file").uid()))
        .collect();
    assert!(!left.is_empty() && left.iter().all(|(_, owner)| *owner == USER), "{left:?}");
}

/// Asks for the bot's messages, over and over.
async fn polls_without_end(url: String) {
    let client = reqwest::Client::new();
    loop {
        let poll = client.get(format!("{url}/bot{}/getUpdates?timeout=10", telegram::TOKEN)).send().await;
        drop(poll);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn seven_questions_at_a_terminal_end_with_a_lead() {
    let (mut world, token) = nothing_yet().await;
    // A buyer has written before; nothing of that is lost.
    let maria = world.telegram.user("Мария");
    maria.command("/start");
    let stranger = world.telegram.user("Чужой");
    let mut terminal = at_a_terminal(&world, &["setup", "--language", "ru"]);
    terminal.answers("Токен бота", "nonsense\r").await;
    terminal.answers("Токен бота", &format!("{}\r", telegram::TOKEN)).await;
    terminal.answers("Куда присылать тревоги", "\r").await;
    let shown = terminal.sees("startgroup=").await;
    let code = shown.rsplit("/start ").next().and_then(|rest| rest.split_whitespace().next()).expect("a code");
    stranger.command("/start AAAAAAAA");
    world.admin.command(&format!("/start {code}"));
    terminal.sees("Администратор: Админ").await;
    // What is no answer is asked again, in the same language, and what was answered stays.
    terminal.answers("Адрес аккаунта", "https://acme.example/dashboard/\r").await;
    terminal.sees("Не подошло: не адрес аккаунта").await;
    terminal.answers("Адрес аккаунта", &format!("eyJ{}\r", "x".repeat(60))).await;
    terminal.sees("Похоже на токен").await;
    terminal.types("https://acme.amocrm.ru/dashboard/\r");
    terminal.answers("Как бот входит", "\r").await;
    terminal.answers("Долгосрочный токен (", "eyJnothing\r").await;
    terminal.answers("Что дальше?", "\r").await;
    terminal.answers("Долгосрочный токен (", &format!("{token}\r")).await;
    terminal.answers("Воронка для новых заявок", "\r").await;
    terminal.answers("Этап, с которого", "\u{1b}[B\r").await;
    terminal.answers("Создать поля", "может быть\r").await;
    terminal.sees("Ответьте").await;
    terminal.types("\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}д\r");
    terminal.answers("Назвать менеджеров", "ДА\r").await;
    terminal.answers("Кто звонит", " \r").await;
    terminal.answers("id в Telegram", "\r").await;
    terminal.answers("Кто отвечает", "\u{1b}[B\r").await;
    terminal.answers("Чат менеджеров", "\r").await;
    terminal.answers("Часы работы", "\u{1b}[A\u{1b}[A\r").await;
    terminal.answers("Часовой пояс", "\r").await;
    terminal.answers("За сколько перезвонить", "скоро\r").await;
    terminal.sees("Это не время: скоро").await;
    terminal.answers("За сколько перезвонить", "15 минут\r").await;
    terminal.answers("Файл с согласием", "nowhere.md\r").await;
    terminal.sees("Не подошло: nowhere.md").await;
    terminal.answers("Файл с согласием", "\r").await;
    for policy in ["dealer.ru/policy", "ftp://x"] {
        terminal.answers("Адрес политики", &format!("{policy}\r")).await;
        terminal.sees("Не подошло: не адрес").await;
    }
    terminal.answers("Адрес политики", "\r").await;
    // Before anything is written all can be changed.
    terminal.answers("Записать?", "\u{1b}[B\r").await;
    terminal.answers("Что изменить?", "\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A\r").await;
    terminal.answers("Воронка для новых заявок", "\r").await;
    terminal.answers("Этап, с которого", "\r").await;
    terminal.answers("Записать?", "\r").await;
    terminal.answers("Отправить тестовую", "\r").await;
    terminal.sees("Дальше").await;
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.shown());
    for secret in [telegram::TOKEN, token.as_str()] {
        assert!(!terminal.shown().contains(secret), "a secret shows");
    }
    the_test_lead_is_over(&world);
    world.admin_reads("Всё настроено").await;
    let settings = world.read(".env");
    for line in [
        format!("ADMIN_CHAT_ID={}", world.admin.id),
        format!("AMOCRM_PIPELINE_ID={MAIN_PIPELINE}"),
        format!("AMOCRM_STATUS_ID={SECOND_STATUS}"),
    ] {
        assert!(settings.lines().any(|there| there == line), "{line}\n{settings}");
    }
    let rules = world.read("dealer.toml");
    for line in [
        format!("crm_user_id = {ADMIN_USER}"),
        "callback_within = \"15m\"".into(),
        "distribute = \"take\"".into(),
        "sat = \"10:00-16:00\"".into(),
    ] {
        assert!(rules.contains(&line), "{line}\n{rules}");
    }
    assert!(maria.messages().is_empty());

    // Ctrl-C at a question leaves everything as it was, the terminal too.
    let mut terminal = at_a_terminal(&world, &["setup", "bot", "--language", "en"]);
    terminal.answers("A new token", "\u{3}").await;
    assert_eq!(terminal.ends().await, Some(130), "{}", terminal.shown());
    terminal.sees("Nothing was written").await;
    assert!(terminal.is_as_it_was() && world.read(".env") == settings);
    // Where all is set up there is a menu.
    let mut terminal = at_a_terminal(&world, &["setup", "--language", "en"]);
    terminal.answers("What is to be changed?", "\u{1b}[A\u{1b}[A\u{1b}[A\r").await;
    terminal.answers("mon-fri 09:00-19:00", "\u{1b}[A\r").await;
    terminal.answers("Time zone", "\r").await;
    terminal.answers("How soon to call back", "\r").await;
    terminal.answers("The file with the consent", "\r").await;
    terminal.answers("The privacy policy", "\r").await;
    terminal.answers("Write it?", "\r").await;
    terminal.answers("What is to be changed?", "\r").await;
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.shown());
    assert!(!world.read("dealer.toml").contains("[hours]"), "{}", terminal.shown());
    // Whoever is a manager is marked, and is none when unmarked.
    let mut terminal = at_a_terminal(&world, &["setup", "managers", "--language", "en"]);
    terminal.answers("Change the list", "y\r").await;
    terminal.answers("Who calls buyers", " \r").await;
    terminal.sees("Nobody is marked").await;
    terminal.answers("Who calls buyers", " \r").await;
    terminal.sees("No manager any more").await;
    terminal.answers("Who is responsible", "\r").await;
    terminal.answers("The managers' chat", "\r").await;
    terminal.answers("Write it?", "\r").await;
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.shown());
    assert!(!world.read("dealer.toml").contains("[[manager]]"), "{}", terminal.shown());

    the_bot_runs(&mut world).await;
    assert!(!maria.messages().is_empty(), "what she wrote before is answered");
}

fn at_a_terminal(world: &World, args: &[&str]) -> Terminal {
    let env: BTreeMap<String, String> = world.env.clone();
    Terminal::start(&testkit::daemon(), args, &env, world.folder.path())
}
