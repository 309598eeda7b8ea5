//! The admin's commands: right figures in good and bad times, in a group, and twice without harm.

use testkit::{
    fakes::{
        amocrm::{Fault, On, Times},
        telegram::BotMessage,
    },
    world::{Buyer, PATIENCE, World},
};

use crate::admin::chat::{
    admin, everything_comes_again, group_hears, keeps_secrets, leads_wait, nothing_is_confirmed, sure_in,
};

/// Hours by which the admin's clock is ahead of UTC.
const MOSCOW: i64 = 3;

#[track_caller]
fn says_all(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "«{words}» is not in\n{text}");
    }
}

/// Asks for the state until it is told like this: figures follow what was seen elsewhere.
async fn status(admin: &mut Buyer, words: &[&str]) {
    let mut text = String::new();
    for _ in 0..50 {
        text = admin.commands("/status", "Версия: ").await.text;
        if words.iter().all(|words| text.contains(words)) {
            return;
        }
    }
    says_all(&text, words);
}

#[tokio::test]
async fn what_came_of_requests_is_a_picture_with_the_figures_in_words() {
    let world = World::running().await;
    let (mut admin, mut ivan) = (admin(&world), world.buyer("Иван"));
    admin.commands("/stats", "никто не приходил").await;
    world.delivered(&ivan.leaves_a_request().await).await;
    let answer = admin.commands("/stats 30d", "Всего заявок: 1").await;
    says_all(&answer.text, &["• Пришли: 1", "• Отправили: 1", "без ссылки: заявок 1 из 1", "нужен чат менеджеров"]);
    assert!(!answer.text.contains("Иван"), "{}", answer.text);
    let (name, bytes) = answer.document.expect("a picture");
    assert!(name == "stats.png" && bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
    admin.commands("/stats с начала времён", "Не понял, за сколько дней").await;
    admin.commands("/stats off", "больше не присылаю").await;
    admin.commands("/stats on", "по понедельникам в 9:00").await;
}

#[tokio::test]
async fn the_state_in_good_times_and_bad() {
    let world = World::running().await;
    let (mut admin, mut ivan) = (admin(&world), world.buyer("Иван"));
    let version = format!("Версия: {}", env!("CARGO_PKG_VERSION"));
    let access = format!(
        "Доступ к amoCRM: есть, продлевается сам (следующий раз до {}",
        (chrono::Utc::now() + chrono::Duration::hours(24 + MOSCOW)).format("%d.%m.%Y ")
    );
    let none = "Последняя передача: ещё не было";
    let good =
        ["✅ Всё работает", "Связь с amoCRM: есть", "Ждут отправки: 0", "Не приняты amoCRM: 0", &access, &version];
    status(&mut admin, &[&good[..], &["Передано за сутки: 0", none]].concat()).await;
    world.delivered(&ivan.leaves_a_request().await).await;
    status(&mut admin, &[&good[..], &["Передано за сутки: 1", "Последняя передача: ", " с назад"]].concat()).await;

    // Nobody has left a request, so only asking amoCRM tells.
    world.amocrm.goes_down();
    status(&mut admin, &["⚠️ Заявки не попадают в amoCRM", "Связь с amoCRM: amoCRM не отвечает", &access]).await;
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    status(&mut admin, &["⚠️ Заявки не попадают", "не отвечает", "Ждут отправки: 1, первая ждёт уже ", &access]).await;
    world.amocrm.comes_back();
    admin.presses("admin:retry", "отправляю").await;
    world.delivered(&number).await;
    status(&mut admin, &[&good[..], &["Передано за сутки: 2"]].concat()).await;

    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(On::complex(), refused, Times::Forever);
    ivan.leaves_a_request().await;
    admin.hears("не принимает заявку").await;
    status(&mut admin, &["принимает не все заявки: /leads", "Связь с amoCRM: есть", "Не приняты amoCRM: 1"]).await;
    // It goes into line again, and amoCRM refuses it again.
    admin.commands("/retry", "Хорошо, отправляю. Ждёт 1 заявка").await;
    admin.hears("не принимает заявку").await;

    world.amocrm.revoke_all();
    status(&mut admin, &["⚠️ Заявки не попадают", "отозван", "Доступ к amoCRM: нет"]).await;
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn the_state_of_a_long_lived_token() {
    let mut world = World::new().await;
    let end = chrono::Utc::now() + chrono::Duration::days(400);
    let token = world.amocrm.issue_long_lived(end);
    world.without_amocrm();
    world.set("AMOCRM_BASE_URL", world.amocrm.url());
    world.set("AMOCRM_SUBDOMAIN", "acme");
    world.set("AMOCRM_ACCESS_TOKEN", token);
    world.start();
    let mut admin = admin(&world);
    let access = format!(
        "Доступ к amoCRM: долгосрочный токен до {}",
        (end + chrono::Duration::hours(MOSCOW)).format("%d.%m.%Y ")
    );
    let answer = admin.commands("/status", &access).await;
    assert!(answer.text.contains("✅ Всё работает") && !answer.has_button("admin:auth"), "{answer:?}");
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn what_is_no_command_is_answered_with_the_commands() {
    let world = World::running().await;
    let mut admin = admin(&world);
    for stray in ["/stauts", "/skip_it", "привет", "/"] {
        let answer = admin.says(stray, "Не понял вас").await;
        assert!(answer.text.contains("/auth") && answer.text.contains("/start"), "{}", answer.text);
    }
    admin.commands("/retry", "Отправлять нечего").await;
    // What setup has taken already is read here, too, and is nobody's visit.
    let seen = world.telegram.chat(world.admin.id).len();
    for code in ["/start setup-K7M2QXAB", "setup-k7m2qxab"] {
        world.admin.say(code);
    }
    admin.commands("/retry", "Отправлять нечего").await;
    assert_eq!(world.telegram.chat(world.admin.id).len(), seen + 1, "nobody has asked for anything else");
    // In a form every text is an answer, but an address that was asked for is none to the question for a name.
    admin.begins().await;
    admin.says("/stauts", "Не понял вас").await;
    admin.commands("/auth", "Чтобы обновить доступ").await;
    admin.says("https://example.com/", "Не вижу здесь кода").await;
    admin.says("Иван", "номер телефона").await;
}

#[tokio::test]
async fn start_shows_the_admin_what_there_is_and_a_button_to_be_a_buyer() {
    let world = World::running().await;
    let mut admin = admin(&world);
    let shown = admin.commands("/start", "Вы администратор").await;
    for command in ["/status", "/leads", "/forget", "/new_leads", "/start", "/my", "/cancel", "/help"] {
        assert!(shown.text.contains(&format!("\n{command} – ")), "{command}: {}", shown.text);
    }
    assert!(shown.has_button("start") && admin.has("Как вас зовут") == 0, "{shown:?}");
    let asked = admin.presses("start", "Как вас зовут").await;
    assert!(asked.text.contains("Помогу оставить заявку"), "{}", asked.text);
    admin.says("Иван", "номер телефона").await;
    // With a form open it goes on with that; the button just shows the question.
    admin.commands("/start", "продолжим с того же места").await;
    admin.hears("номер телефона").await;
    admin.user.press_raw("start");
    admin.hears("номер телефона").await;
    admin.says("8 999 123-45-67", "бюджет").await;
    admin.commands("/cancel", "отменена").await;
    admin.commands("/start", "Вы администратор").await;
}

#[tokio::test]
async fn each_new_lead_is_told_where_the_admin_wants_it() {
    let mut world = World::running().await;
    let (mut admin, mut ivan) = (admin(&world), world.buyer("Иван"));
    let off = admin.commands("/new_leads", "О новых заявках я не пишу").await;
    assert!(off.has_button("admin:new-leads:on"), "{off:?}");
    world.delivered(&ivan.leaves_a_request().await).await;
    admin.presses("admin:new-leads:on", "О каждой новой заявке я пишу сюда").await;
    admin.commands("/new_leads может быть", "Напишите /new_leads on").await;
    // It is kept, and the copy is worded for the admin, whatever the buyer speaks.
    world.kill().await;
    world.start();
    let john = world.telegram.user("John").with_language(Some("en"));
    john.command("/start");
    john.sees("What is your name").await;
    john.say("John Smith");
    john.sees("phone").await;
    john.say("+7 926 555-01-98");
    john.sees("budget").await;
    john.say("2m");
    john.sees("link").await;
    john.press("skip").expect("the button");
    john.sees("check your request").await;
    john.press("submit").expect("the button");
    let told = admin.hears("Новая заявка").await;
    for words in ["John Smith", "+79265550198", "Бюджет: 2m"] {
        assert!(told.text.contains(words), "{}", told.text);
    }
    let lead = world.amocrm.wait_for_leads(2, PATIENCE).await.pop().expect("a lead");
    let number = lead.name.trim_start_matches('#').split(' ').next().expect("a number").to_owned();
    assert!(told.text.contains(&number) && told.has_button(&format!("admin:lead:{number}")), "{told:?}");
    world.delivered(&number).await;
    admin.commands("/new_leads off", "О новых заявках я не пишу").await;
    world.delivered(&ivan.leaves_a_request().await).await;
    world.nothing_owed().await;
    assert_eq!(admin.has("Новая заявка"), 1, "{}", admin.user.transcript());
    assert!(!john.transcript().contains("A new request") && ivan.has("Новая заявка") == 0, "{}", john.transcript());
}

#[tokio::test]
async fn a_retry_that_fails_comes_back_with_the_reason() {
    let world = World::running().await;
    let outage = world.amocrm.fault(On::any("/"), Fault::Status(402), Times::Forever);
    leads_wait(&world, 1);
    let mut admin = admin(&world);
    admin.hears("не попадают в amoCRM").await;
    let tried = world.amocrm.fault_hits(outage);
    admin.commands("/retry", "Хорошо, отправляю. Ждёт 1 заявка").await;
    let told = admin.hears("Пока не получилось: аккаунт amoCRM не оплачен. Заявки сохранены").await;
    assert!(told.text.contains("оплатите") && told.has_button("admin:retry"), "{told:?}");
    assert!(world.amocrm.fault_hits(outage) > tried);
    world.amocrm.clear_faults();
    admin.commands("/retry", "отправляю").await;
    world.admin_reads("снова принимает заявки").await;
    assert_eq!(admin.has("Пока не получилось"), 1, "{}", admin.user.transcript());
}

#[tokio::test]
async fn every_command_answers_while_amocrm_does_not() {
    for fault in [Fault::Hang, Fault::Html(403), Fault::Status(402)] {
        let world = World::running().await;
        world.amocrm.fault(On::any("/"), fault, Times::Forever);
        leads_wait(&world, 2);
        let mut admin = admin(&world);
        admin.hears("не попадают в amoCRM").await;
        for (command, words) in [
            ("/status", "Ждут отправки: 2"),
            ("/retry", "Хорошо, отправляю. Ждут 2 заявки"),
            ("/leads", "которых ещё нет в amoCRM"),
            ("/auth", "Чтобы обновить доступ"),
            ("/help", "/backup – файл"),
            ("/cancel", "Отменять нечего"),
        ] {
            admin.commands(command, words).await;
        }
        admin.user.command("/backup");
        let file = world.telegram.wait_for(world.admin.id, |message| message.document.is_some(), PATIENCE).await;
        let (_, content) = file.expect("a document").document.expect("a document");
        assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&content).expect("JSON").len(), 2);
    }
}

#[tokio::test]
async fn the_backup_is_the_file_or_a_word_that_nothing_waits() {
    let world = World::running().await;
    let mut admin = admin(&world);
    admin.commands("/backup", "Все заявки в amoCRM").await;
    world.amocrm.revoke_all();
    leads_wait(&world, 3);
    // By then amoCRM is left in peace for a while, and the file as it is.
    world
        .until("the file says why", |world| world.read("backup_leads.json").matches("authorized again").count() == 3)
        .await;
    admin.user.command("/backup");
    let file = world.telegram.wait_for(world.admin.id, |message| message.document.is_some(), PATIENCE).await;
    let (name, content) = file.expect("a document").document.expect("a document");
    assert_eq!(name, "backup_leads.json");
    assert_eq!(String::from_utf8(content).expect("UTF-8"), world.read("backup_leads.json"));
}

#[tokio::test]
async fn commands_that_come_twice_do_no_harm() {
    let mut world = World::running().await;
    world.amocrm.goes_down();
    leads_wait(&world, 3);
    let mut admin = admin(&world);
    admin.hears("не попадают в amoCRM").await;
    world.backup_holds(3).await;
    let numbers = crate::admin::chat::waiting_numbers(&world);
    // Not the oldest, which amoCRM is tried with, and which is then being sent.
    let gone = numbers[2].as_str();
    nothing_is_confirmed(&world).await;
    for command in ["/status", "/retry", "/leads", "/backup", "/auth", "/help"] {
        admin.user.command(command);
    }
    admin.hears("/backup – файл").await;
    everything_comes_again(&mut world).await;
    admin.user.press_raw(&format!("admin:lead-discard:{gone}"));
    let sure = sure_in(&admin.hears("Нажмите ещё раз").await);
    // After a start all are tried at once, and what is being sent cannot be given up.
    world.until("only one is tried", |world| world.log().matches("still does not take leads").count() > 2).await;
    // Last, since the poll that brings the press is the one that is open now, and ends before long.
    nothing_is_confirmed(&world).await;
    admin.presses(&sure, "удалена").await;
    everything_comes_again(&mut world).await;
    admin.hears("удалена").await;
    world.backup_holds(2).await;
    world.amocrm.comes_back();
    admin.commands("/retry", "отправляю").await;
    for number in &numbers[..2] {
        world.delivered(number).await;
    }
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 2);
    // Both addresses that were given out twice work.
    let code = world.amocrm.issue_code();
    let states: Vec<_> = world.admin.messages();
    let first = states.iter().find(|message| message.text.starts_with("Чтобы обновить")).expect("an address");
    let pasted =
        crate::admin::chat::redirect(&world, &code, &crate::admin::chat::state_in(first), crate::admin::chat::HOST);
    admin.says(&pasted, "Доступ к amoCRM обновлён").await;
}

#[tokio::test]
async fn a_group_can_be_the_admin_s_chat() {
    let mut world = World::new().await;
    let group = world.telegram.group("Отдел продаж");
    world.set("ADMIN_CHAT_ID", group.id.to_string());
    world.start();
    world.amocrm.revoke_all();
    let manager = world.telegram.user("Менеджер");
    world.telegram.makes(&manager, "administrator", &group);
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    let alert = group_hears(&world, &group, "не попадают в amoCRM").await;
    group_hears(&world, &group, "копия на всякий случай").await;
    let press = |message: &BotMessage, data: &str| manager.press_in(message, data);
    assert!(alert.has_button("admin:auth") && alert.has_button("admin:status"), "{alert:?}");
    press(&alert, "admin:status");
    group_hears(&world, &group, "Ждут отправки: 1").await;
    manager.command_in(&group, "/leads@avto_zayavka_bot");
    let list = group_hears(&world, &group, "которых ещё нет в amoCRM").await;
    press(&list, &format!("admin:lead:{number}"));
    group_hears(&world, &group, &format!("Заявка #{number} (ждёт отправки)")).await;
    manager.command_in(&group, "/help");
    group_hears(&world, &group, "Вы администратор").await;
    let before = world.telegram.chat(group.id).len();
    manager.say_in(&group, "Коллеги, что случилось?");
    manager.command_in(&group, "/status@some_other_bot");
    manager.command_in(&group, "/auth@avto_zayavka_bot");
    let asked = group_hears(&world, &group, "ответом на это сообщение").await;
    manager.say_in(&group, "сейчас сделаю");
    let code = world.amocrm.issue_code();
    manager.say_in(
        &group,
        &crate::admin::chat::redirect(&world, &code, &crate::admin::chat::state_in(&asked), crate::admin::chat::HOST),
    );
    group_hears(&world, &group, "Доступ к amoCRM обновлён").await;
    world.delivered(&number).await;
    group_hears(&world, &group, "снова принимает заявки").await;
    // Talk among people is none of the bot's business: the address, the good news and the summary, no more.
    assert_eq!(world.telegram.chat(group.id).len(), before + 3, "{}", world.telegram.transcript(group.id));
    // A member's private chat is a buyer's.
    manager.command("/status");
    let private = world.telegram.wait_for(manager.id, |message| message.text.contains("Такой команды"), PATIENCE).await;
    private.expect("the buyer's answer");
}

#[tokio::test]
async fn the_admin_s_menu_has_the_commands() {
    let world = World::running().await;
    let scope = format!("chat {}", world.admin.id);
    world.until("the menu is set", |world| !world.telegram.commands(&scope, "").is_empty()).await;
    let names: Vec<String> = world.telegram.commands(&scope, "").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "status",
            "leads",
            "retry",
            "stats",
            "auth",
            "backup",
            "forget",
            "new_leads",
            "start",
            "my",
            "cancel",
            "language",
            "delete",
            "help"
        ]
    );
}
