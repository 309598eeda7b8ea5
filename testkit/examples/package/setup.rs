//! A new operator answers the questions of `setup`; afterwards copies of the night fail, and are told of.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt, path::Path, time::Instant};

use chrono::{TimeDelta, Utc};
use testkit::{
    fakes::telegram,
    terminal::Terminal,
    world::{Answers, PATIENCE},
};

use crate::tree::{DATA, SERVICE, SETTINGS, Tree, write};

/// The nightly copy has no place, two nights long, and then it has.
async fn copies_fail_and_are_told(tree: &Tree) {
    let night = ["systemctl", "start", "amocrm-lead-bot-backup.service"];
    tree.shell(
        "there is no place for copies",
        &format!(
            "install -d -m 700 -o amocrm-lead-bot -g amocrm-lead-bot {DATA}/backups
             mount -t tmpfs -o size=64k,mode=700,uid=$(id -u amocrm-lead-bot) tmpfs {DATA}/backups"
        ),
    );
    for _ in 0..2 {
        tree.check("the copy of the night fails", tree.run(&night).code == Some(1), String::new);
    }
    tree.until("the admin reads why", async |tree| tree.admin_has("не сделана: на диске нет места") == 1).await;
    let status = tree.status();
    let is_told = status["copies_fail"].as_str().is_some_and(|why| why.contains("disk is full"));
    tree.check("and status says it", is_told, || status.to_string());
    tree.shell("there is place again", &format!("umount {DATA}/backups"));
    tree.does("a copy is made", &night);
    tree.until("the admin reads that, too", async |tree| tree.admin_has("снова делаются") == 1).await;
    tree.check("all that once", tree.admin_has("не сделана") == 1, || tree.admin.transcript());

    tree.shell(
        "the store is gone",
        &format!("systemctl stop {SERVICE}; mkdir /root/away; mv {DATA}/amocrm-lead-bot.sqlite* /root/away/"),
    );
    for _ in 0..2 {
        tree.check("the copy of the night fails", tree.run(&night).code == Some(1), String::new);
    }
    let told = tree.admin_has("не сделана: базу не удалось прочитать");
    tree.check("the admin reads it once, past the store", told == 1, || tree.admin.transcript());
    tree.shell("the store is back", &format!("mv /root/away/* {DATA}/; systemctl start {SERVICE}"));
    tree.does("a copy is made", &night);
    tree.until("the admin reads that, too", async |tree| tree.admin_has("снова делаются") == 2).await;
}

/// A new operator: from `apt install` to the first lead.
pub async fn set_up(tree: &Tree) {
    let token = tree.amocrm.issue_long_lived(Utc::now() + TimeDelta::days(300));
    // What is so of this place alone: who answers for Telegram and amoCRM.
    let place = format!("TELEGRAM_API_URL={}\nAMOCRM_BASE_URL={}\n", tree.telegram.url(), tree.amocrm.url());
    let began = Instant::now();
    tree.does("apt installs it", &["apt-get", "install", "-y", "/root/new.deb"]);
    println!("   {} ms for the installation", began.elapsed().as_millis());
    write(&tree.path(SETTINGS), &place, 0o644);
    let arguments = tree.arguments(&["lead-bot", "setup", "--language", "ru"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start(Path::new("/usr/bin/nsenter"), &arguments, &BTreeMap::new(), Path::new("/"));
    terminal.answers("Токен бота", &format!("{}\r", telegram::TOKEN)).await;
    terminal.answers("Куда присылать тревоги", "\r").await;
    let shown = terminal.sees("startgroup=").await;
    let code =
        shown.rsplit("/start ").next().and_then(|rest| rest.split_whitespace().next()).expect("a code").to_owned();
    tree.admin.command(&format!("/start {code}"));
    terminal.sees("Администратор: Админ").await;
    terminal.answers("Адрес аккаунта", "acme\r").await;
    terminal.answers("Как бот входит", "\r").await;
    terminal.answers("Долгосрочный токен (", &format!("{token}\r")).await;
    for question in ["Воронка для новых заявок", "Этап, с которого", "Создать поля", "Назвать менеджеров"]
    {
        terminal.answers(question, "\r").await;
    }
    terminal.answers("Кто звонит", " \r").await;
    for question in ["id в Telegram", "Кто отвечает", "Чат менеджеров"] {
        terminal.answers(question, "\r").await;
    }
    terminal.answers("Часы работы", "\u{1b}[A\u{1b}[A\r").await;
    terminal.answers("Часовой пояс", "\r").await;
    terminal.answers("За сколько перезвонить", "15m\r").await;
    for question in ["Файл с согласием", "Адрес политики", "Записать?", "Отправить тестовую"]
    {
        terminal.answers(question, "\r").await;
    }
    let ended = terminal.ends().await;
    tree.check("setup ends well", ended == Some(0), || terminal.shown());
    let shown = terminal.shown();
    tree.check("and shows no secret", !shown.contains(telegram::TOKEN) && !shown.contains(&token), String::new);
    tree.telegram.wait_for_poll(PATIENCE).await.expect("the service asks for messages");
    let mut ivan = tree.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    tree.until("the first lead is delivered by the service", async |tree| {
        tree.amocrm.lead_with_number(&number).is_some()
    })
    .await;
    println!("   {} ms from the beginning of the installation to the first lead", began.elapsed().as_millis());

    let meta = std::fs::metadata(tree.path(SETTINGS)).expect("the settings");
    let whose = (meta.uid(), meta.gid(), meta.mode() & 0o7777);
    tree.check("the settings are root's and closed to all others", whose == (0, 0, 0o600), || format!("{whose:?}"));
    tree.files_are_the_services();
    tree.check("dealer.toml is there", tree.path(&format!("{DATA}/dealer.toml")).exists(), String::new);
    let settings = std::fs::read(tree.path(SETTINGS)).expect("the settings");
    let before = tree.pid();
    let again = tree.run(&["lead-bot", "setup", "--yes", "--no-test-lead", "--language", "en"]);
    let is_same = again.code == Some(0) && again.said.contains("Nothing to write") && tree.pid() == before;
    tree.check("run again it changes nothing, and the service works on", is_same, || again.said);
    let said = tree.does(
        "a single thing is changed",
        &["lead-bot", "setup", "rules", "--yes", "--hours", "mon-fri 10:00-18:00", "--language", "en"],
    );
    let rules = std::fs::read_to_string(tree.path(&format!("{DATA}/dealer.toml"))).expect("the rules");
    tree.check(
        "in dealer.toml alone",
        rules.contains("10:00-18:00") && std::fs::read(tree.path(SETTINGS)).is_ok_and(|now| now == settings),
        || said.clone(),
    );
    tree.files_are_the_services();
    let restarted = (tree.pid() != before, tree.run(&["systemctl", "is-active", SERVICE]).said.trim().to_owned());
    tree.check("the service runs with it", restarted == (true, "active".into()), || format!("{restarted:?}"));
    let mut olga = tree.buyer("Ольга");
    olga.answers(Answers { name: "Ольга", ..Answers::default() }).await;
    let number = olga.submits().await;
    tree.until("and delivers", async |tree| tree.amocrm.lead_with_number(&number).is_some()).await;
    copies_fail_and_are_told(tree).await;
    let status = tree.status();
    tree.check("all is well", status["health"] == "good", || status.to_string());
}
