//! Everybody but the admin gets the buyer's dialogue, and nothing else.

use amocrm_lead_bot::admin::commands::{Audience, commands};
use testkit::{fakes::amocrm::On, world::World};

use crate::admin::chat::{HOST, admin, keeps_secrets, redirect, state_in};

#[tokio::test]
async fn a_stranger_gets_the_buyer_s_dialogue_and_nothing_else() {
    let world = World::running().await;
    world.amocrm.revoke_all();
    let (mut admin, mut ivan, mut stranger) = (admin(&world), world.buyer("Иван"), world.buyer("Чужой"));
    let number = ivan.leaves_a_request().await;
    admin.hears("не попадают в amoCRM").await;
    let state = state_in(&admin.presses("admin:auth", "Чтобы обновить доступ").await);
    let admins = commands().iter().filter(|command| command.audience == Audience::Admin);
    let admins = admins.map(|command| format!("/{}", command.name)).chain(["/auth@avto_zayavka_bot".to_owned()]);
    let admins: Vec<String> = admins.collect();
    for command in ["/auth", "/status", "/leads", "/retry", "/backup", "/stats", "/forget", "/new_leads"] {
        assert!(admins.iter().any(|it| it == command), "{command}");
    }
    for command in &admins {
        stranger.commands(command, "Такой команды я не знаю").await;
    }
    stranger.commands("/help", "Я принимаю заявки").await;
    for data in ["auth", "status", "leads", "retry", "lead", "lead-retry", "lead-discard", "lead-discard-sure"] {
        stranger.user.press_raw(&format!("admin:{data}"));
        stranger.hears("Это кнопка от прошлого").await;
        stranger.user.press_raw(&format!("admin:{data}:{number}"));
        stranger.hears("Это кнопка от прошлого").await;
    }
    let before = world.amocrm.count(&On::oauth());
    let code = world.amocrm.issue_code();
    // Whatever it is taken for, be it the beginning of a form: it is a buyer's word.
    let other = world.amocrm.issue_code();
    for pasted in [other.clone(), redirect(&world, &other, &state, HOST)] {
        stranger.says(&pasted, "").await;
    }
    assert_eq!(world.amocrm.count(&On::oauth()), before, "{}", world.amocrm.story());
    assert_eq!(world.telegram.calls("deleteMessage").len(), 0);
    assert!(
        stranger.user.messages().iter().all(|message| message.document.is_none() && !message.text.contains(&number))
    );
    world.backup_holds(1).await;
    let scope = format!("chat {}", stranger.user.id);
    assert!(world.telegram.commands(&scope, "").is_empty());
    // The state is still the admin's.
    admin.says(&redirect(&world, &code, &state, HOST), "Доступ к amoCRM обновлён").await;
    world.delivered(&number).await;
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn a_strange_group_gets_no_answers_of_the_admin_s() {
    let world = World::running().await;
    let (group, stranger) = (world.telegram.group("Чужая группа"), world.telegram.user("Чужой"));
    for command in ["/status", "/auth", "/leads@avto_zayavka_bot"] {
        stranger.command_in(&group, command);
    }
    world.telegram.wait_until_confirmed(testkit::world::PATIENCE).await.expect("all are taken");
    world.until("the group is answered", |world| !world.telegram.chat(group.id).is_empty()).await;
    let told = world.telegram.chat(group.id);
    assert!(!told.is_empty() && told.iter().all(|message| message.text.contains("в личных сообщениях")), "{told:?}");
}

#[tokio::test]
async fn the_admin_may_be_a_buyer_too() {
    let world = World::running().await;
    let mut admin = admin(&world);
    let number = admin.leaves_a_request().await;
    world.delivered(&number).await;
    admin.commands("/status", "Передано за сутки: 1").await;
}
