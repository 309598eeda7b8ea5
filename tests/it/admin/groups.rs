//! A group as the admin's chat: who may act in it, a new id, and topics.

use testkit::{
    fakes::{
        amocrm::On as OnAmocrm,
        telegram::{BotMessage, FakeGroup, FakeUser, Fault, On, Times},
    },
    world::{PATIENCE, World},
};

use crate::admin::chat::{HOST, group_hears, keeps_secrets, leads_wait, redirect, state_in, sure_in, waiting_numbers};

const NOT_YOURS: &str = "слушаются только администраторов";

/// A world whose admin's chat is this group, not yet running.
async fn with_group(group: impl FnOnce(&World) -> FakeGroup) -> (World, FakeGroup) {
    let mut world = World::new().await;
    let group = group(&world);
    world.set("ADMIN_CHAT_ID", group.id.to_string());
    (world, group)
}

/// What pops up after a press; `None` when it only ends the waiting.
async fn pops_up(world: &World, query: &str) -> Option<String> {
    let mut answer = None;
    world
        .until("the press is answered", |world| {
            answer = world.telegram.callback_answers().into_iter().find(|answer| answer.query_id == query);
            answer.is_some()
        })
        .await;
    answer.and_then(|answer| answer.text)
}

/// Everything sent so far is taken.
async fn all_taken(world: &World) {
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("everything is taken");
}

/// The bot's messages in a group with these words.
fn said(world: &World, group: &FakeGroup, words: &str) -> Vec<BotMessage> {
    world.telegram.chat(group.id).into_iter().filter(|message| message.text.contains(words)).collect()
}

#[tokio::test]
async fn members_of_the_admin_s_group_may_neither_command_nor_press_nor_paste() {
    let (mut world, group) = with_group(|world| world.telegram.group("Отдел продаж")).await;
    let (boss, member) = (world.telegram.user("Начальник"), world.telegram.user("Стажёр"));
    world.telegram.makes(&boss, "creator", &group);
    world.start();
    world.amocrm.revoke_all();
    leads_wait(&world, 1);
    let alert = group_hears(&world, &group, "не попадают в amoCRM").await;
    world.backup_holds(1).await;
    let number = waiting_numbers(&world)[0].clone();
    boss.command_in(&group, "/auth");
    let asked = group_hears(&world, &group, "Чтобы обновить доступ").await;
    let before = world.amocrm.count(&OnAmocrm::oauth());

    for data in [
        "admin:status",
        "admin:leads",
        "admin:retry",
        "admin:auth",
        &format!("admin:lead:{number}"),
        &format!("admin:lead-retry:{number}"),
        &format!("admin:lead-discard:{number}"),
        &format!("admin:lead-discard-sure:{number}"),
        &format!("admin:lead-discard-sure:{number}:aaaaaaaaaa"),
    ] {
        let query = member.press_in(&alert, data);
        let word = pops_up(&world, &query).await.unwrap_or_default();
        assert!(word.contains(NOT_YOURS), "{data}: {word:?}");
    }
    let code = world.amocrm.issue_code();
    for text in ["/status", "/leads@avto_zayavka_bot", "/backup", "/retry", "/auth", "/help"] {
        member.command_in(&group, text);
    }
    for text in [code.clone(), redirect(&world, &code, &state_in(&asked), HOST)] {
        member.say_in(&group, &text);
    }
    // A channel, and a bot that is none of the group's.
    let channel = serde_json::json!({"id": -1_007_777_777_777_i64, "type": "channel", "title": "Канал"});
    world.telegram.says_as(&group, &channel, "/backup");
    all_taken(&world).await;
    assert_eq!(said(&world, &group, NOT_YOURS).len(), 2, "once for each: {}", world.telegram.transcript(group.id));
    assert_eq!(world.amocrm.count(&OnAmocrm::oauth()), before, "{}", world.amocrm.story());
    assert!(said(&world, &group, "+7999").iter().all(|message| message.text.contains("копия на всякий случай")));
    assert!(said(&world, &group, "Ждут отправки:").is_empty());
    assert!(world.telegram.chat(group.id).iter().all(|message| message.document.is_none()));
    assert!(world.telegram.calls("deleteMessage").is_empty());

    // An administrator without a name is one all the same; the state is still good.
    world.telegram.says_anonymously(&group, "/status");
    group_hears(&world, &group, "Ждут отправки: 1").await;
    world.telegram.says_anonymously(&group, &redirect(&world, &code, &state_in(&asked), HOST));
    group_hears(&world, &group, "Доступ к amoCRM обновлён").await;
    world.delivered(&number).await;
    keeps_secrets(&world, &[&code]);
}

#[tokio::test]
async fn who_is_an_administrator_is_asked_and_forgotten_after_minutes() {
    let (mut world, group) = with_group(|world| world.telegram.group("Отдел продаж")).await;
    let (anna, oleg) = (world.telegram.user("Анна"), world.telegram.user("Олег"));
    world.telegram.makes(&anna, "administrator", &group);
    world.telegram.hides_members(&group);
    world.start();
    for times in 1..=3 {
        anna.command_in(&group, "/status");
        world.until("it is answered", |world| said(world, &group, "Версия").len() == times).await;
    }
    assert_eq!(world.telegram.calls("getChatMember").len(), 1, "it is remembered");
    // Telegram tells of no member there, but always who the administrators are.
    oleg.command_in(&group, "/status");
    group_hears(&world, &group, NOT_YOURS).await;
    world.telegram.makes(&oleg, "administrator", &group);
    world.telegram.makes(&anna, "member", &group);
    // Minutes are seconds here.
    let mut has_acted = false;
    world
        .until("a new administrator may act", |world| {
            let calls = world.telegram.calls("getChatMember").len();
            oleg.command_in(&group, "/leads");
            has_acted |= !said(world, &group, "Ничего не ждёт отправки").is_empty();
            assert!(calls < 500);
            has_acted
        })
        .await;
    let alert = said(&world, &group, "Версия")[0].clone();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let query = anna.press_in(&alert, "admin:status");
        if pops_up(&world, &query).await.is_some_and(|word| word.contains(NOT_YOURS)) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "a demoted administrator may act for ever");
    }
}

#[tokio::test]
async fn where_telegram_does_not_tell_nobody_may_act_and_alerts_come() {
    let (mut world, group) = with_group(|world| world.telegram.group("Отдел продаж")).await;
    let boss = world.telegram.user("Начальник");
    world.telegram.makes(&boss, "creator", &group);
    world.telegram.fault(On::method("getChatMember"), Fault::Status(502), Times::UntilCleared);
    world.start();
    world.amocrm.revoke_all();
    leads_wait(&world, 1);
    let alert = group_hears(&world, &group, "не попадают в amoCRM").await;
    boss.command_in(&group, "/status");
    group_hears(&world, &group, "не говорит, кто администратор").await;
    let query = boss.press_in(&alert, "admin:status");
    assert!(pops_up(&world, &query).await.is_some_and(|word| word.contains("через минуту")));
    assert!(said(&world, &group, "Версия").is_empty());
    world.telegram.clear_faults();
    boss.command_in(&group, "/status");
    group_hears(&world, &group, "Ждут отправки: 1").await;
}

#[tokio::test]
async fn those_whom_the_settings_name_may_act_and_nobody_else() {
    let (mut world, group) = with_group(|world| world.telegram.group("Отдел продаж")).await;
    let (named, owner) = (world.telegram.user("Анна"), world.telegram.user("Владелец"));
    world.telegram.makes(&owner, "creator", &group);
    world.set("ADMIN_USER_IDS", format!("77, {}", named.id));
    world.start();
    named.command_in(&group, "/status");
    group_hears(&world, &group, "Версия").await;
    owner.command_in(&group, "/leads");
    group_hears(&world, &group, NOT_YOURS).await;
    world.telegram.says_anonymously(&group, "/leads");
    group_hears(&world, &group, "от своего имени").await;
    all_taken(&world).await;
    assert!(said(&world, &group, "Ничего не ждёт").is_empty());
    assert!(world.telegram.calls("getChatMember").is_empty());
}

#[tokio::test]
async fn a_second_press_counts_only_after_its_first_and_by_the_same_person() {
    let (mut world, group) = with_group(|world| world.telegram.group("Отдел продаж")).await;
    let (anna, oleg) = (world.telegram.user("Анна"), world.telegram.user("Олег"));
    world.telegram.makes(&anna, "creator", &group);
    world.telegram.makes(&oleg, "administrator", &group);
    world.start();
    world.amocrm.goes_down();
    leads_wait(&world, 3);
    let alert = group_hears(&world, &group, "не попадают в amoCRM").await;
    world.backup_holds(3).await;
    let numbers = waiting_numbers(&world);
    let (gone, other) = (&numbers[2], &numbers[1]);
    let asks = async |who: &FakeUser, number: &str| {
        who.press_in(&alert, &format!("admin:lead-discard:{number}"));
        group_hears(&world, &group, &format!("Удалить заявку #{number}?")).await
    };
    let refused = async |who: &FakeUser, message: &BotMessage, data: &str, words: &str| {
        let before = said(&world, &group, words).len();
        who.press_in(message, data);
        world.until(words, |world| said(world, &group, words).len() == before + 1).await;
        assert_eq!(world.backup().len(), 3, "{data}");
    };
    let forged = format!("admin:lead-discard-sure:{gone}");
    for data in [forged.clone(), format!("{forged}:"), format!("{forged}:abcdefghij"), format!("{forged}:%:%")] {
        refused(&anna, &alert, &data, "Ничего не удалено: кнопка").await;
    }
    let question = asks(&anna, gone).await;
    let sure = sure_in(&question);
    assert!(sure.len() <= 64, "{sure}");
    refused(&oleg, &question, &sure, "подтвердить может только тот").await;
    // Of another lead, and with more behind it.
    refused(&anna, &question, &sure.replace(gone.as_str(), other), "Ничего не удалено: кнопка").await;
    refused(&anna, &question, &format!("{sure}x"), "Ничего не удалено: кнопка").await;
    anna.press_in(&question, &sure);
    group_hears(&world, &group, &format!("#{gone} удалена")).await;
    world.backup_holds(2).await;
    // It counts once: what was brought back is not deleted by the same press.
    anna.press_in(&alert, &format!("admin:lead-retry:{gone}"));
    group_hears(&world, &group, &format!("#{gone} поставлена")).await;
    world.backup_holds(3).await;
    refused(&anna, &question, &sure, "Ничего не удалено: кнопка").await;
    // A restart in between changes nothing.
    let sure = sure_in(&asks(&oleg, other).await);
    world.nothing_owed().await;
    world.kill().await;
    world.start();
    // What is being sent right now is not deleted: the new start tries all of them once.
    let tried = |world: &World| world.log().matches("amoCRM does not take leads; they are kept").count() == 2;
    world.until("amoCRM is tried and found down again", tried).await;
    let question = said(&world, &group, &format!("Удалить заявку #{other}?"))[0].clone();
    oleg.press_in(&question, &sure);
    group_hears(&world, &group, &format!("#{other} удалена")).await;
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_is_followed() {
    let (mut world, old) = with_group(|world| world.telegram.small_group("Отдел продаж")).await;
    let boss = world.telegram.user("Начальник");
    world.telegram.makes(&boss, "creator", &old);
    world.start();
    boss.command_in(&old, "/status");
    let status = group_hears(&world, &old, "Версия").await;
    let new = world.telegram.becomes_a_supergroup(&old);
    // In the same breath, as it were.
    boss.command_in(&new, "/leads");
    group_hears(&world, &new, "Ничего не ждёт отправки").await;
    let told = group_hears(&world, &new, &format!("ADMIN_CHAT_ID={}", new.id)).await;
    assert!(told.text.contains("супергруппой"), "{}", told.text);
    boss.press_in(&BotMessage { chat_id: new.id, raw: status.raw.clone(), ..status }, "admin:status");
    group_hears(&world, &new, "Версия").await;
    let scope = format!("chat {}", new.id);
    world.until("the menu is there too", |world| !world.telegram.commands(&scope, "").is_empty()).await;

    // With the old setting, after a kill, nothing is asked of the old id any more.
    world.nothing_owed().await;
    world.kill().await;
    let asked = world.telegram.calls("sendMessage").len();
    world.start();
    world.amocrm.revoke_all();
    leads_wait(&world, 1);
    let alert = group_hears(&world, &new, "не попадают в amoCRM").await;
    boss.press_in(&alert, "admin:leads");
    group_hears(&world, &new, "которых ещё нет в amoCRM").await;
    boss.command_in(&new, "/backup");
    let file = world.telegram.wait_for(new.id, |message| message.document.is_some(), PATIENCE).await;
    file.expect("the file");
    let calls = world.telegram.calls("sendMessage").split_off(asked);
    assert!(calls.iter().all(|call| call.params["chat_id"] == new.id), "{calls:?}");
    // With the new setting neither.
    world.terminate().await;
    world.set("ADMIN_CHAT_ID", new.id.to_string());
    world.start();
    boss.command_in(&new, "/help");
    group_hears(&world, &new, "Вы администратор").await;
    assert_eq!(said(&world, &new, "ADMIN_CHAT_ID=").len(), 1, "told once");
}

#[tokio::test]
async fn a_new_id_that_only_a_refusal_tells_is_learnt_by_alerts_answers_and_files() {
    let (mut world, old) = with_group(|world| world.telegram.small_group("Отдел продаж")).await;
    let boss = world.telegram.user("Начальник");
    world.telegram.makes(&boss, "creator", &old);
    world.start();
    boss.command_in(&old, "/status");
    group_hears(&world, &old, "Версия").await;
    // What waits when the group changes comes too.
    world.telegram.fault(On::method("sendMessage").chat(old.id), Fault::Status(502), Times::UntilCleared);
    world.amocrm.revoke_all();
    leads_wait(&world, 2);
    world.until("an alert waits", |world| world.log().contains("a message is deferred")).await;
    let new = world.telegram.becomes_a_supergroup_silently(&old);
    world.telegram.clear_faults();
    group_hears(&world, &new, "не попадают в amoCRM").await;
    group_hears(&world, &new, "копия на всякий случай").await;
    group_hears(&world, &new, &format!("ADMIN_CHAT_ID={}", new.id)).await;
    boss.command_in(&new, "/backup");
    let file = world.telegram.wait_for(new.id, |message| message.document.is_some(), PATIENCE).await;
    file.expect("the file");
    world.nothing_owed().await;
    world.kill().await;
    world.start();
    boss.command_in(&new, "/leads");
    group_hears(&world, &new, "которых ещё нет в amoCRM").await;
    assert_eq!(said(&world, &new, "ADMIN_CHAT_ID=").len(), 1, "told once");
    assert_eq!(said(&world, &new, "не попадают в amoCRM").len(), 1, "{}", world.telegram.transcript(new.id));
}

#[tokio::test]
async fn a_stranger_s_group_is_not_followed() {
    let world = World::running().await;
    let group = world.telegram.small_group("Чужая группа");
    let stranger = world.telegram.user("Чужой");
    stranger.command_in(&group, "/status");
    group_hears(&world, &group, "в личных сообщениях").await;
    let new = world.telegram.becomes_a_supergroup(&group);
    stranger.command_in(&new, "/status");
    group_hears(&world, &new, "в личных сообщениях").await;
    all_taken(&world).await;
    assert_eq!(world.admin_has("ADMIN_CHAT_ID="), 0);
}

#[tokio::test]
async fn answers_go_to_the_topic_that_asked_and_alerts_to_one_that_is_open() {
    let (mut world, group) = with_group(|world| world.telegram.group("Дилер")).await;
    let boss = world.telegram.user("Начальник");
    world.telegram.makes(&boss, "creator", &group);
    let (leads, talk) =
        (world.telegram.topic(&group, &boss, "Заявки"), world.telegram.topic(&group, &boss, "Болтовня"));
    world.start();
    boss.say_in_topic(&group, leads, "/status");
    let status = group_hears(&world, &group, "Версия").await;
    assert_eq!(status.topic, Some(leads));
    boss.press_in(&status, "admin:status");
    world.until("the second answer", |world| said(world, &group, "Версия").len() == 2).await;
    assert_eq!(said(&world, &group, "Версия")[1].topic, Some(leads));
    boss.command_in(&group, "/help");
    assert_eq!(group_hears(&world, &group, "Вы администратор").await.topic, None);

    // Closed and deleted while it is asked in: General answers.
    world.telegram.closes_topic(&group, Some(talk));
    boss.say_in_topic(&group, talk, "/leads");
    assert_eq!(group_hears(&world, &group, "Ничего не ждёт").await.topic, None);
    world.telegram.deletes_topic(&group, talk);
    boss.say_in_topic(&group, talk, "/retry");
    assert_eq!(group_hears(&world, &group, "Отправлять нечего").await.topic, None);

    // Without General an alert finds the topic that is left, after a restart too.
    world.telegram.closes_topic(&group, None);
    world.nothing_owed().await;
    world.kill().await;
    world.start();
    world.amocrm.revoke_all();
    leads_wait(&world, 1);
    assert_eq!(group_hears(&world, &group, "не попадают в amoCRM").await.topic, Some(leads));
    boss.say_in_topic(&group, talk, "/backup");
    let file = world.telegram.wait_for(group.id, |message| message.document.is_some(), PATIENCE).await;
    assert_eq!(file.expect("the file").topic, Some(leads));

    // With everything closed it waits, answers too, and comes when one is opened.
    world.telegram.closes_topic(&group, Some(leads));
    boss.say_in_topic(&group, talk, "/auth");
    all_taken(&world).await;
    assert!(said(&world, &group, "Чтобы обновить доступ").is_empty());
    world.telegram.opens_topic(&group, Some(leads));
    boss.say_in_topic(&group, leads, "кто закрыл тему?");
    assert_eq!(group_hears(&world, &group, "Чтобы обновить доступ").await.topic, Some(leads));
}
