//! Tokens heal themselves; where they cannot, the admin hears why, in words, and what to do.

use std::time::Duration;

use chrono::Utc;
use futures::future::join_all;
use testkit::{
    fakes::amocrm::{Fault, On, ReusePolicy, Times},
    world::{Buyer, PATIENCE, World},
};

use crate::admin::chat::{admin, keeps_secrets, leads_wait, side_by_side};

/// Puts a pair that was issued so long ago into the environment.
fn issued_ago(world: &mut World, minutes: i64) {
    let (access, refresh) = world.amocrm.issue_pair_at(Utc::now() - chrono::Duration::minutes(minutes));
    world.set("AMOCRM_ACCESS_TOKEN", access);
    world.set("AMOCRM_REFRESH_TOKEN", refresh);
}

#[tokio::test]
async fn twenty_leads_on_an_expired_token_cost_one_refresh() {
    let mut world = World::new().await;
    world.set("AMOCRM_CONTACT_LOOKUP", "off");
    world.start();
    world.amocrm.expire_access_tokens();
    leads_wait(&world, 20);
    let mut ivan = world.buyer("Иван");
    ivan.leaves_a_request().await;
    world.amocrm.wait_for_leads(21, PATIENCE).await;
    world.backup_holds(0).await;
    assert_eq!((world.amocrm.refreshes(), world.amocrm.refreshes_failed()), (1, 0), "{}", world.amocrm.story());
    assert_eq!(world.admin_has("не попадают"), 0);
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn two_processes_refresh_once() {
    let world = World::running().await;
    world.telegram.wait_for_poll(PATIENCE).await.expect("it is up");
    // Each process keeps to the rate by itself; four of them at once do not.
    world.amocrm.rate_limit(None);
    world.amocrm.expire_access_tokens();
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    ivan.user.press("submit").expect("the card");
    let commands = join_all((0..3).map(|_| world.run(&["test-amocrm"]))).await;
    for ran in commands {
        ran.ended_with(0);
    }
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    assert_eq!((world.amocrm.refreshes(), world.amocrm.refreshes_failed()), (1, 0), "{}", world.amocrm.story());
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn a_stale_environment_never_masks_the_rotated_pair() {
    let mut world = World::new().await;
    let old = world.env["AMOCRM_REFRESH_TOKEN"].clone();
    world.amocrm.expire_access_tokens();
    world.start();
    let mut ivan = world.buyer("Иван");
    world.delivered(&ivan.leaves_a_request().await).await;
    world.terminate().await;
    world.start();
    world.delivered(&ivan.leaves_a_request().await).await;
    assert_eq!((world.amocrm.refreshes(), world.amocrm.times_presented(&old)), (1, 1));

    // The disk is wiped: only the pair of the environment is left, and amoCRM has taken it back.
    world.terminate().await;
    for name in world.files("").iter().filter(|name| *name != "daemon.log") {
        std::fs::remove_file(world.path(name)).expect("a file");
    }
    world.amocrm.refresh_revokes_access(true);
    world.amocrm.expire_access_tokens();
    world.start();
    let number = ivan.leaves_a_request().await;
    let mut admin = admin(&world);
    admin.hears("отозван").await;
    admin.presses("admin:auth", "Чтобы обновить доступ").await;
    admin.says(&world.amocrm.issue_code(), "Доступ к amoCRM обновлён").await;
    world.delivered(&number).await;
    // And from now on the new pair is the one, with the old environment still there.
    world.terminate().await;
    world.start();
    world.delivered(&ivan.leaves_a_request().await).await;
    keeps_secrets(&world, &[&old]);
}

#[tokio::test]
async fn a_lost_answer_to_a_refresh_loses_no_access() {
    let graceful = async {
        let world = World::running().await;
        world.amocrm.reuse_policy(ReusePolicy::GraceUntilUsed);
        world.amocrm.fault(On::oauth(), Fault::CutAfter, Times::N(1));
        world.amocrm.expire_access_tokens();
        let mut ivan = world.buyer("Иван");
        world.delivered(&ivan.leaves_a_request().await).await;
        assert_eq!((world.amocrm.refreshes(), world.admin_has("не попадают")), (2, 0));
        keeps_secrets(&world, &[]);
    };
    // Where amoCRM knows no grace, only a person can help.
    let strict = async {
        let world = World::running().await;
        world.amocrm.fault(On::oauth(), Fault::CutAfter, Times::N(1));
        world.amocrm.expire_access_tokens();
        let mut ivan = world.buyer("Иван");
        let number = ivan.leaves_a_request().await;
        let mut admin = admin(&world);
        admin.hears("отозван").await;
        admin.says(&world.amocrm.issue_code(), "Доступ к amoCRM обновлён").await;
        world.delivered(&number).await;
    };
    tokio::join!(graceful, strict);
}

#[tokio::test]
async fn a_pair_is_renewed_ahead_of_time() {
    let near = async {
        let mut world = World::new().await;
        world.amocrm.access_lifetime(Duration::from_secs(90 * 60));
        issued_ago(&mut world, 80);
        world.start();
        world.until("it is renewed", |world| world.amocrm.refreshes() == 1).await;
        world.until("it is stored", |world| !world.read("access_token.txt").is_empty()).await;
        keeps_secrets(&world, &[]);
    };
    let far = async {
        let mut world = World::new().await;
        world.amocrm.access_lifetime(Duration::from_secs(90 * 60));
        issued_ago(&mut world, 60);
        world.start();
        world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
        admin(&world).commands("/status", "продлевается сам").await;
        assert_eq!(world.amocrm.refreshes(), 0);
    };
    let daily = async {
        let mut world = World::new().await;
        world.amocrm.access_lifetime(Duration::from_secs(40 * 3600));
        issued_ago(&mut world, 25 * 60);
        world.start();
        world.until("it is renewed", |world| world.amocrm.refreshes() == 1).await;
    };
    tokio::join!(near, far, daily);
}

#[tokio::test]
async fn a_renewal_that_fails_is_told_while_the_access_still_works() {
    let mut world = World::new().await;
    world.amocrm.access_lifetime(Duration::from_secs(90 * 60));
    issued_ago(&mut world, 80);
    world.amocrm.expire_refresh_token();
    world.start();
    let mut admin = admin(&world);
    let warning = admin.hears("Не получается заранее обновить доступ").await;
    for words in ["истёк", "Заявки пока передаются", "нажмите «Обновить доступ»"]
    {
        assert!(warning.text.contains(words), "«{words}» is not in\n{}", warning.text);
    }
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    admin.presses("admin:auth", "Чтобы обновить доступ").await;
    admin.says(&world.amocrm.issue_code(), "Новые заявки передаются сразу").await;
    admin.commands("/status", "✅ Всё работает").await;
    assert_eq!(admin.has("Не получается заранее"), 1);

    // A trouble that passes by itself is told and taken back.
    let mut world = World::new().await;
    world.amocrm.access_lifetime(Duration::from_secs(90 * 60));
    issued_ago(&mut world, 80);
    world.amocrm.fault(On::oauth(), Fault::Html(502), Times::Forever);
    world.start();
    let mut admin = crate::admin::chat::admin(&world);
    admin.hears("Не получается заранее обновить доступ").await;
    world.amocrm.clear_faults();
    admin.hears("Доступ к amoCRM обновлён").await;
    assert_eq!(world.amocrm.refreshes(), 1);
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn a_long_lived_token_is_announced_and_its_end_has_its_own_advice() {
    let with_token = async |end: chrono::DateTime<Utc>| {
        let mut world = World::new().await;
        let token = world.amocrm.issue_long_lived(end);
        let url = world.amocrm.url();
        world.without_amocrm();
        for (name, value) in [("AMOCRM_BASE_URL", &*url), ("AMOCRM_SUBDOMAIN", "acme"), ("AMOCRM_ACCESS_TOKEN", &token)]
        {
            world.set(name, value);
        }
        world
    };
    let soon = async {
        let mut world = with_token(Utc::now() + chrono::Duration::days(6)).await;
        world.start();
        let warning = world.admin_reads("действует до").await;
        assert!(warning.contains("осталось 5 дн. 23 ч") && warning.contains("долгосрочный токен"), "{warning}");
        world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
        world.terminate().await;
        world.start();
        world.delivered(&world.buyer("Анна").leaves_a_request().await).await;
        assert_eq!(world.admin_has("осталось"), 1);
        keeps_secrets(&world, &[]);
    };
    let over = async {
        let mut world = with_token(Utc::now() - chrono::Duration::seconds(1)).await;
        world.start();
        let mut ivan = world.buyer("Иван");
        let number = ivan.leaves_a_request().await;
        ivan.hears("сохранена").await;
        let mut admin = admin(&world);
        let alert = admin.hears("срок доступа к amoCRM истёк").await;
        assert!(alert.text.contains("создайте в amoCRM новый долгосрочный токен"), "{}", alert.text);
        assert!(!alert.has_button("admin:auth"), "{alert:?}");
        admin.commands("/status", "Доступ к amoCRM: нет").await;
        world.write("access_token.txt", &world.amocrm.issue_long_lived(Utc::now() + chrono::Duration::days(300)));
        world.delivered(&number).await;
        world.admin_reads("снова принимает заявки").await;
        assert_eq!(world.amocrm.count(&On::oauth()), 0);
        keeps_secrets(&world, &[]);
    };
    tokio::join!(soon, over);
}

/// What is wrong, what the admin is told of it, how it is mended, and whether somebody has to press.
struct Wrong {
    name: &'static str,
    breaks: fn(&mut World),
    words: &'static str,
    advice: &'static str,
    button: &'static str,
    mends: fn(&mut World),
    pressed: bool,
    restarted: bool,
}

async fn is_told_and_mended(wrong: Wrong) {
    let name = wrong.name;
    let mut world = World::new().await;
    // Faster, and a slow machine's answer to a refresh comes too late, which spends the token.
    world.set("TEST_SPEED", "100");
    world.amocrm.expire_access_tokens();
    (wrong.breaks)(&mut world);
    world.start();
    let mut ivan = Buyer::new(&world.telegram, world.telegram.user(name));
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    let mut admin = admin(&world);
    let alert = admin.hears(wrong.words).await;
    assert!(alert.text.contains(wrong.advice), "{name}: {}", alert.text);
    assert!(alert.has_button(wrong.button), "{name}: {alert:?}");
    keeps_secrets(&world, &[]);
    (wrong.mends)(&mut world);
    if wrong.restarted {
        world.terminate().await;
        world.start();
    }
    if wrong.pressed {
        admin.presses(wrong.button, "отправляю").await;
    }
    world.delivered(&number).await;
    world.admin_reads("снова принимает заявки").await;
    assert_eq!(world.amocrm.leads().len(), 1, "{name}");
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn every_trouble_of_the_tokens_has_its_own_words_and_advice() {
    side_by_side(
        [
            Wrong {
                name: "wrong secret",
                breaks: |world| world.set("AMOCRM_CLIENT_SECRET", "0123456789abcdefwrong"),
                words: "неверный ID или секретный ключ",
                advice: "вкладку «Ключи и доступы»",
                button: "admin:retry",
                mends: |world| world.set("AMOCRM_CLIENT_SECRET", world.amocrm.client_secret()),
                pressed: false,
                restarted: true,
            },
            Wrong {
                name: "redirect differs",
                breaks: |world| redirect_address_is(world, "https://example.com/oauth/callback/"),
                words: "адрес переадресации у бота и в настройках интеграции различаются",
                advice: "буква в букву",
                button: "admin:retry",
                mends: |world| redirect_address_is(world, "https://example.com/oauth/callback"),
                pressed: true,
                restarted: false,
            },
            Wrong {
                name: "integration off and on again",
                breaks: |world| world.amocrm.disable_integration(),
                words: "интеграция в amoCRM отключена или удалена",
                advice: "включите её и нажмите «Обновить доступ»",
                button: "admin:auth",
                mends: |world| world.amocrm.enable_integration(),
                pressed: false,
                restarted: false,
            },
            Wrong {
                name: "account moved",
                breaks: |world| world.amocrm.moved_to("acme2", "acme2.amocrm.ru"),
                words: "адрес вашего аккаунта сменился на acme2.amocrm.ru",
                advice: "передайте новый адрес тому, кто установил бота",
                button: "admin:retry",
                mends: |world| world.amocrm.moved_back(),
                pressed: true,
                restarted: false,
            },
            Wrong {
                name: "refresh token expired",
                breaks: |world| world.amocrm.expire_refresh_token(),
                words: "срок доступа к amoCRM истёк",
                advice: "нажмите «Обновить доступ» и разрешите доступ",
                button: "admin:auth",
                mends: a_new_pair_lies_on_disk,
                pressed: false,
                restarted: false,
            },
            Wrong {
                name: "no tokens at all",
                breaks: |world| {
                    world.unset("AMOCRM_ACCESS_TOKEN");
                    world.unset("AMOCRM_REFRESH_TOKEN");
                },
                words: "доступ ещё не выдан или пропал",
                advice: "нажмите «Обновить доступ» и разрешите доступ",
                button: "admin:auth",
                mends: a_new_pair_lies_on_disk,
                pressed: false,
                restarted: false,
            },
        ]
        .map(is_told_and_mended),
    )
    .await;
}

fn a_new_pair_lies_on_disk(world: &mut World) {
    let (access, refresh) = world.amocrm.issue_pair();
    world.write("refresh_token.txt", &refresh);
    world.write("access_token.txt", &access);
}

fn redirect_address_is(world: &World, address: &str) {
    let (id, secret) = (world.amocrm.client_id(), world.amocrm.client_secret());
    world.amocrm.credentials(&id, &secret, address);
}
