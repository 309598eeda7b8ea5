//! `/auth`: two taps and one paste.

use std::time::Instant;

use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::{Answers, World},
};

use crate::admin::chat::{
    HOST, address_in, admin, everything_comes_again, keeps_secrets, nothing_is_confirmed, redirect, state_in,
};

/// The messages of the admin that the bot has deleted.
fn deleted(world: &World) -> Vec<i64> {
    let calls = world.telegram.calls("deleteMessage");
    calls.iter().filter(|call| call.status == Some(200)).filter_map(|call| call.params["message_id"].as_i64()).collect()
}

#[tokio::test]
async fn two_taps_and_one_paste_end_the_outage() {
    let world = World::running().await;
    world.amocrm.revoke_all();
    let (mut ivan, mut anna, mut admin) = (world.buyer("Иван"), world.buyer("Анна"), admin(&world));
    let first = ivan.leaves_a_request().await;
    let alert = admin.hears("не попадают в amoCRM").await;
    assert!(alert.text.contains("отозван") && alert.text.contains("нажмите «Обновить доступ»"), "{}", alert.text);
    let second = anna.leaves_a_request().await;
    anna.hears("сохранена").await;

    let asked = admin.presses("admin:auth", "Чтобы обновить доступ").await;
    let address = address_in(&asked);
    assert_eq!((address.host_str(), address.path()), (Some("www.amocrm.ru"), "/oauth"));
    assert!(address.query_pairs().any(|(name, value)| name == "client_id" && value == world.amocrm.client_id()));
    let (code, state) = (world.amocrm.issue_code(), state_in(&asked));
    assert!(state.len() >= 32, "{state}");
    let pasted = admin.user.say(&redirect(&world, &code, &state, HOST));
    let done = admin.hears("Доступ к amoCRM обновлён, действует до").await;
    assert!(done.text.contains("Передаю 2 заявки"), "{}", done.text);
    let renewed = Instant::now();
    for number in [first, second] {
        world.delivered(&number).await;
    }
    // The pause after a refusal is a quarter of an hour, 45 s here.
    world.took(renewed.elapsed(), std::time::Duration::from_secs(5)).await;
    let over = world.admin_reads("снова принимает заявки").await;
    assert!(over.contains("Переданы 2 заявки") && over.contains("первая ждала"), "{over}");
    ivan.hears("передана").await;
    assert_eq!(deleted(&world), [i64::from(pasted)]);
    assert_eq!(admin.has("⚠️ Заявки не попадают"), 1, "{}", admin.user.transcript());
    assert_eq!((world.mode("access_token.txt"), world.mode("refresh_token.txt")), (0o600, 0o600));
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn what_does_not_work_is_said_in_words() {
    let world = World::running().await;
    world.amocrm.revoke_all();
    let mut admin = admin(&world);
    let amocrm = &world.amocrm;
    let new_state =
        async |admin: &mut testkit::world::Buyer| state_in(&admin.commands("/auth", "Чтобы обновить доступ").await);
    let state = new_state(&mut admin).await;
    let late = amocrm.issue_code();
    amocrm.expire_code(&late);
    let unknown = format!("def50200{}", "0a".repeat(350));
    let page = amocrm.redirect_uri();
    let code = amocrm.issue_code();
    let forged = "A".repeat(43);
    for (pasted, words) in [
        (redirect(&world, &code, &forged, HOST), "уже использован или устарел"),
        (redirect(&world, &code, "", "acme.amocrm.ru.example.com"), "не из amoCRM, код никуда не отправлен"),
        (redirect(&world, &code, "", "example.com"), "не из amoCRM"),
        (redirect(&world, &code, "", "127.0.0.1"), "не из amoCRM"),
        (redirect(&world, &code, "", "other.amocrm.ru"), "другого аккаунта: other.amocrm.ru"),
        (format!("{page}?error=access_denied&state={state}"), "нажата «Отмена»"),
        (format!("{page}?state={state}"), "Не вижу здесь кода"),
        (page.clone(), "Не вижу здесь кода"),
        ("не получается".into(), "Не вижу здесь кода"),
        ("https://yandex.ru/search".into(), "Не вижу здесь кода"),
    ] {
        let answer = admin.says(&pasted, words).await;
        assert!(answer.has_button("admin:auth"), "no way on: {answer:?}");
    }
    assert_eq!(amocrm.count(&On::oauth().containing(&code)), 0, "a code was sent to amoCRM:\n{}", amocrm.story());
    for (pasted, words) in [
        (late.clone(), "Код устарел"),
        (unknown.clone(), "не узнаёт этот код"),
        (redirect(&world, &unknown, &state, HOST), "не узнаёт этот код"),
        // The state is good for one use, whatever came of it.
        (redirect(&world, &code, &state, HOST), "уже использован или устарел"),
    ] {
        let answer = admin.says(&pasted, words).await;
        assert!(answer.has_button("admin:auth"), "no way on: {answer:?}");
    }
    let state = new_state(&mut admin).await;
    admin.says(&redirect(&world, &code, &state, HOST), "Доступ к amoCRM обновлён").await;
    admin.says(&redirect(&world, &code, &state, HOST), "уже сработал").await;
    admin.says(&code, "уже сработал").await;
    amocrm.revoke_all();
    admin.says(&code, "уже использован. Получите новый").await;
    let again = amocrm.issue_code();
    let bare = admin.user.say(&again);
    admin.hears("Доступ к amoCRM обновлён").await;
    assert!(deleted(&world).contains(&i64::from(bare)));
    // After that a word is a word again.
    admin.says("спасибо", "Не понял вас").await;
    keeps_secrets(&world, &[&code, &late, &again]);
}

#[tokio::test]
async fn answers_to_a_form_are_not_codes() {
    let world = World::running().await;
    let mut admin = admin(&world);
    let asked = admin.commands("/auth", "Чтобы обновить доступ").await;
    let before = world.amocrm.count(&On::oauth());
    admin
        .answers(Answers {
            name: "Aleksandr2000",
            phone: "89991234567",
            budget: "2500000",
            car: "http://www.encar.com/dc/dc_cardetailview.do?pageid=x&carid=38427498",
        })
        .await;
    assert_eq!(world.amocrm.count(&On::oauth()), before);
    let code = world.amocrm.issue_code();
    admin.says(&redirect(&world, &code, &state_in(&asked), HOST), "Доступ к amoCRM обновлён").await;
    // The form stands where it stood.
    let number = admin.submits().await;
    world.delivered(&number).await;
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn a_code_that_comes_twice_is_told_twice_that_it_worked() {
    let mut world = World::running().await;
    world.amocrm.revoke_all();
    let mut admin = admin(&world);
    let asked = admin.commands("/auth", "Чтобы обновить доступ").await;
    nothing_is_confirmed(&world).await;
    let code = world.amocrm.issue_code();
    admin.says(&redirect(&world, &code, &state_in(&asked), HOST), "Доступ к amoCRM обновлён").await;
    everything_comes_again(&mut world).await;
    admin.hears("уже сработал").await;
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn without_an_integration_there_is_nothing_to_renew() {
    let mut world = World::new().await;
    world.without_amocrm();
    world.start();
    let mut chief = admin(&world);
    let answer = chief.commands("/auth", "без настроек интеграции").await;
    assert!(answer.buttons.is_empty(), "{answer:?}");
    chief.commands("/status", "без настроек amoCRM").await;
    let code = world.amocrm.issue_code();
    chief.says(&code, "Не понял вас").await;
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn what_stands_in_the_way_of_the_exchange_is_told_with_advice() {
    let down = async {
        let world = World::running().await;
        let mut admin = admin(&world);
        let state = state_in(&admin.commands("/auth", "Чтобы обновить доступ").await);
        world.amocrm.fault(On::oauth(), Fault::Html(502), Times::Forever);
        let code = world.amocrm.issue_code();
        admin.says(&redirect(&world, &code, &state, HOST), "не отвечает или у неё сбой. Попробуйте ещё раз").await;
        world.amocrm.clear_faults();
        admin.presses("admin:auth", "Чтобы обновить доступ").await;
        admin.says(&code, "Доступ к amoCRM обновлён").await;
        keeps_secrets(&world, &[&code]);
    };
    let wrong_secret = async {
        let mut world = World::new().await;
        world.set("AMOCRM_CLIENT_SECRET", "0123456789abcdefwrong");
        world.start();
        let mut admin = admin(&world);
        let answer = admin.says(&world.amocrm.issue_code(), "неверный ID или секретный ключ").await;
        assert!(answer.text.contains("Что делать: ") && answer.text.contains("«Ключи и доступы»"), "{}", answer.text);
        keeps_secrets(&world, &[]);
    };
    let other_address = async {
        let mut world = World::new().await;
        world.set("AMOCRM_REDIRECT_URL", "https://example.com/oauth/callback/");
        world.start();
        let mut admin = admin(&world);
        let answer = admin.says(&world.amocrm.issue_code(), "адрес переадресации").await;
        assert!(answer.text.contains("буква в букву"), "{}", answer.text);
        keeps_secrets(&world, &[]);
    };
    tokio::join!(down, wrong_secret, other_address);
}

#[tokio::test]
async fn an_english_admin_is_spoken_to_in_english() {
    let world = World::running().await;
    let mut admin = testkit::world::Buyer::new(&world.telegram, world.admin.clone().with_language(Some("en")));
    for (command, words) in [
        ("/auth", "Copy its whole address"),
        ("/status", "Everything works"),
        ("/leads", "Nothing is waiting"),
        ("/help", "You are this bot's admin"),
    ] {
        let answer = admin.commands(command, words).await;
        assert!(!answer.text.contains('я'), "{}", answer.text);
    }
}
