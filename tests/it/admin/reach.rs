//! Ways to Telegram that die, and how the admin hears of it.

use std::time::Duration;

use testkit::{
    buyer::CARD,
    fakes::{
        alarms::{FakeMail, FakeWebhook},
        proxy::{FakeProxy, Mode},
        telegram::{Fault, On, Times},
    },
    world::World,
};

/// Fast enough for ten minutes to be ten seconds; what bounds a single poll is not shortened as much.
const SPEED: &str = "60";

async fn world() -> World {
    let mut world = World::new().await;
    world.set("TEST_SPEED", SPEED);
    world
}

/// Nothing of the settings that is secret, and nothing personal.
#[track_caller]
fn keeps_secrets(world: &World, text: &str) {
    world.keeps_secrets(text);
    for secret in ["hush", "Иван", "Петров", "9991234567", "123-45-67", "encar"] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn routes_die_one_after_the_other_with_a_buyer_in_mid_form() {
    let mut world = world().await;
    let (first, second) = (FakeProxy::start(Mode::Works).await, FakeProxy::start(Mode::Works).await);
    world.set("TELEGRAM_PROXY", format!("{}, {},direct", first.url(), second.url()));
    world.start();
    let mut buyer = world.buyer("Иван");
    buyer.begins().await;
    assert!(first.passed() > 0 && second.passed() == 0);
    buyer.says("Иван Петров", "номер телефона").await;
    // A send that is cut off before its answer may come twice, which nobody can prevent.
    world.nothing_owed().await;
    first.turns(Mode::Dead);
    buyer.says("8 (999) 123-45-67", "бюджет").await;
    assert!(second.passed() > 0);
    // A send that is cut off before its answer may come twice, which nobody can prevent.
    world.nothing_owed().await;
    second.turns(Mode::HangsOnPolls);
    buyer.says("2,5 млн", "ссылку").await;
    buyer.says("https://fem.encar.com/cars/detail/38427498", CARD).await;
    let number = buyer.submits().await;
    world.delivered(&number).await;
    for words in ["номер телефона?", "бюджет?", CARD, "принята!"] {
        assert_eq!(buyer.has(words), 1, "{words}");
    }
    // The first is preferred: it is taken again ten minutes later, for polls and sends.
    first.turns(Mode::Works);
    let (before, sent) = (first.passed(), second.passed());
    world
        .until("the first way is taken again", |world| world.log().contains("the first way to Telegram works again"))
        .await;
    buyer.leaves_a_request().await;
    assert!(first.passed() > before + 8 && second.passed() == sent);
    assert!(!world.log().contains("another instance"), "{}", world.log());
    assert_eq!(world.admin_has("вторая копия"), 0);
    keeps_secrets(&world, &world.log());
}

#[tokio::test]
async fn a_route_that_does_not_bring_polls_is_not_good() {
    for mode in [Mode::HangsOnPolls, Mode::Hangs, Mode::WantsPassword, Mode::Captive] {
        let mut world = world().await;
        let first = FakeProxy::start(mode).await;
        world.set("TELEGRAM_PROXY", format!("{},direct", first.url()));
        world.start();
        let mut buyer = world.buyer("Иван");
        buyer.begins().await;
        if mode == Mode::HangsOnPolls {
            // It answers getMe, and is tried again and again, and not taken.
            let passed = first.passed();
            world.until("it is tried again", |_| first.passed() > passed).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            assert!(!world.log().contains("works again"), "{}", world.log());
        }
        buyer.says("Иван Петров", "номер телефона").await;
        assert_eq!(buyer.has("номер телефона?"), 1);
    }
}

#[tokio::test]
async fn several_addresses_are_routes_too() {
    let mut world = world().await;
    let url = world.telegram.url();
    world.set("TELEGRAM_API_URL", format!("http://127.0.0.1:9,{url}"));
    world.start();
    world.buyer("Иван").begins().await;
    let tried = world.run(&["test-alerts"]).await.ended_with(1);
    assert!(
        tried.stderr.contains("127.0.0.1:9: no connection") && tried.stdout.contains("the bot is @"),
        "{}",
        tried.said()
    );
    assert!(
        tried.stdout.contains("Admin's chat:    sent") && tried.stdout.contains("none; ALERT_"),
        "{}",
        tried.said()
    );
}

#[tokio::test]
async fn without_any_route_the_second_way_tells_and_leads_go_on() {
    let mut world = world().await;
    let (hook, mail) = (FakeWebhook::start().await, FakeMail::start().await);
    let proxy = FakeProxy::start(Mode::Works).await;
    world.set("TELEGRAM_PROXY", proxy.url());
    world.set("ALERT_WEBHOOK_URL", hook.url());
    world.set("ALERT_EMAIL", mail.url());
    world.amocrm.goes_down();
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    world.admin_reads("Заявки не попадают").await;
    assert_eq!(hook.texts(), Vec::<String>::new());
    proxy.turns(Mode::Dead);
    world.until("the alarm by the webhook", |_| hook.has("не доходят до бота") == 1).await;
    let alarm = hook.texts().into_iter().find(|text| text.contains("не доходят до бота")).expect("it");
    assert!(alarm.contains("amoCRM сейчас тоже не принимает"), "{alarm}");
    world.until("the alarm by mail", |_| !mail.texts().is_empty()).await;
    let letter = mail.texts().remove(0);
    assert!(letter.contains("To: admin@example.com") && letter.contains("From: bot@example.com"), "{letter}");
    // Without Telegram leads go on, and the end of the outage is told by the second way too.
    world.amocrm.comes_back();
    world.delivered(&number).await;
    world.until("the end of the outage", |_| hook.has("amoCRM снова принимает") == 1).await;
    assert_eq!(world.admin_has("снова принимает"), 0);
    // Buyers wrote meanwhile.
    buyer.user.command("/start");
    proxy.turns(Mode::Works);
    buyer.hears("Как вас зовут").await;
    let summary = world.admin_reads("снова доходят").await;
    assert!(summary.contains("вторым путём") && summary.contains("• ✅ amoCRM снова принимает заявки."), "{summary}");
    world.until("the end by the webhook", |_| hook.has("снова доходят до бота") == 1).await;
    world.nothing_owed().await;
    for (words, times) in [("снова доходят", 1), ("не доходят до бота", 0), ("вторым путём", 1)]
    {
        let summaries = world.admin.messages();
        let found =
            summaries.iter().filter(|message| message.text.contains(words) && !message.text.starts_with('•')).count();
        let expected = if words == "не доходят до бота" { 1 } else { times };
        // The alarm stands in the summary alone.
        assert_eq!(found, expected, "{words}: {}", world.admin.transcript());
    }
    assert!(hook.has("amocrm-lead-bot: ") == hook.texts().len());
    keeps_secrets(&world, &hook.texts().join("\n"));
    keeps_secrets(&world, &world.log());
    let status = world.run(&["status"]).await;
    assert!(status.stdout.contains("second way:        webhook, email"), "{}", status.said());
}

#[tokio::test]
async fn whatever_stops_the_polls_is_told() {
    for (fault, words) in [
        (Fault::Status(502), "отвечает кто-то другой"),
        (Fault::Unauthorized, "не принимает токен"),
        (Fault::Garbage, "отвечает кто-то другой"),
        (Fault::Hang, "Telegram не отвечает"),
        (Fault::CutBefore, "Telegram не отвечает"),
        (Fault::TooManyRequests { retry_after: 1 }, "просит подождать"),
    ] {
        let mut world = world().await;
        world.start();
        world.buyer("Иван").begins().await;
        world.telegram.fault(On::method("getUpdates"), fault.clone(), Times::UntilCleared);
        // Only polls fail: Telegram itself brings the alarm.
        let alarm = world.admin_reads("не доходят до бота").await;
        assert!(alarm.contains(words) && alarm.contains("Что делать: "), "{fault:?}: {alarm}");
        assert!(alarm.contains("уходят в amoCRM"), "{alarm}");
        world.telegram.clear_faults();
        world.admin_reads("снова доходят").await;
        assert_eq!(world.admin_has("⚠️ Сообщения покупателей не доходят"), 1);
    }
}

#[tokio::test]
async fn it_starts_and_delivers_without_telegram() {
    let mut world = world().await;
    world.amocrm.goes_down();
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    world.backup_holds(1).await;
    world.kill().await;
    world.telegram.stop().await;
    world.amocrm.comes_back();
    let hook = FakeWebhook::start().await;
    world.set("ALERT_WEBHOOK_URL", hook.url());
    world.start();
    world.delivered(&number).await;
    world.until("the alarm", |_| hook.has("не доходят до бота") == 1).await;
    world.telegram.restart().await;
    buyer.begins().await;
    world.admin_reads("снова доходят").await;
}

#[tokio::test]
async fn a_store_in_trouble_is_told_by_the_second_way_too() {
    use sqlx::{Connection, Executor};
    let mut world = world().await;
    let hook = FakeWebhook::start().await;
    // The mail server is not there: nobody waits for it.
    world.set("ALERT_EMAIL", "smtp://127.0.0.1:9/?to=admin@example.com");
    world.set("ALERT_WEBHOOK_URL", hook.url());
    world.start();
    world.buyer("Иван").begins().await;
    world.terminate().await;
    let file = world.path("amocrm-lead-bot.sqlite");
    let mut other = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("the file");
    other.execute("BEGIN EXCLUSIVE").await.expect("the lock");
    world.telegram.stop().await;
    world.start();
    world.until("it is told", |_| hook.has("не может сохранять заявки") == 1).await;
    other.execute("ROLLBACK").await.expect("the lock is given back");
    world.telegram.restart().await;
    world.buyer("Пётр").begins().await;
}

#[tokio::test]
async fn a_chat_of_the_admins_that_is_closed_and_none_at_all_go_the_second_way() {
    for is_set in [true, false] {
        let mut world = world().await;
        let hook = FakeWebhook::start().await;
        hook.answers(500);
        world.set("ALERT_WEBHOOK_URL", hook.url());
        let admin = world.telegram.user("Новый");
        match is_set {
            true => world.set("ADMIN_CHAT_ID", admin.id.to_string()),
            false => world.unset("ADMIN_CHAT_ID"),
        }
        world.amocrm.goes_down();
        world.start();
        world.buyer("Иван").leaves_a_request().await;
        // What the second way does not take at once it takes later.
        world.until("it is tried", |world| world.log().contains("did not go by the second way")).await;
        hook.answers(204);
        world.until("it is told", |_| hook.has("Заявки не попадают") == 1).await;
        keeps_secrets(&world, &hook.texts().join("\n"));
    }
}

#[tokio::test]
async fn alerts_can_be_tried() {
    let mut world = world().await;
    let (hook, mail) = (FakeWebhook::start().await, FakeMail::start().await);
    world.set("ALERT_WEBHOOK_URL", hook.url());
    world.set("ALERT_EMAIL", mail.url());
    let tried = world.run(&["test-alerts"]).await.ended_with(0);
    assert_eq!((hook.has("Это проверка"), mail.texts().len(), world.admin_has("Это проверка")), (1, 1, 1));
    keeps_secrets(&world, &tried.said());
    hook.answers(404);
    world.set("ALERT_EMAIL", "smtp://robot:hush@127.0.0.1:9/?to=admin@example.com");
    let tried = world.run(&["test-alerts"]).await.ended_with(1);
    assert!(tried.stderr.contains("ALERT_WEBHOOK_URL: the answer is 404"), "{}", tried.said());
    assert!(tried.stderr.contains("ALERT_EMAIL: no mail server there"), "{}", tried.said());
    keeps_secrets(&world, &tried.said());
}

#[tokio::test]
async fn a_token_that_is_refused_at_the_start_is_told_before_the_end() {
    let mut world = world().await;
    let hook = FakeWebhook::start().await;
    world.set("ALERT_WEBHOOK_URL", hook.url());
    world.telegram.fault(On::all(), Fault::Unauthorized, Times::UntilCleared);
    world.start();
    assert_eq!(world.ended().await, Some(78));
    assert_eq!(hook.has("не принимает токен"), 1);
    keeps_secrets(&world, &hook.texts().join("\n"));
}
