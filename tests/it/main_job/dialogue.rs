//! The form: changing answers, going back, cancelling, beginning anew, surviving restarts.

use testkit::{
    buyer::CARD,
    fakes::telegram::{Fault, On, Times},
    world::{PATIENCE, World, number_in},
};

use super::my::sees_with_the_manager;

#[tokio::test]
async fn every_answer_can_be_changed_from_the_card() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    for (field, question, answer, on_the_card) in [
        ("edit:name", "Как вас зовут", "Пётр Иванов", "Имя: Пётр Иванов"),
        ("edit:phone", "номер телефона", "+82 10-1234-5678", "Телефон: +821012345678"),
        ("edit:budget", "бюджет", "3 млн", "Бюджет: 3 млн"),
        ("edit:car_link", "ссылку", "encar.com/cars/detail/777777", "https://fem.encar.com/cars/detail/777777"),
    ] {
        ivan.presses(field, question).await;
        let card = ivan.says(answer, CARD).await;
        assert!(card.text.contains(on_the_card), "{}", card.text);
    }
    ivan.presses("edit:car_link", "ссылку").await;
    assert!(ivan.presses("skip", CARD).await.text.contains("обсудим с менеджером"));
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Пётр Иванов") && lead.price == 3_000_000, "{lead:?}");
}

#[tokio::test]
async fn back_leaves_an_answer_as_it_was() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let card = ivan.fills_in().await.text;
    for (field, question) in [("edit:name", "Как вас зовут"), ("edit:budget", "бюджет"), ("edit:car_link", "ссылку")]
    {
        ivan.presses(field, question).await;
        assert_eq!(ivan.presses("back", CARD).await.text, card);
    }
    ivan.presses("edit:phone", "номер телефона").await;
    ivan.says("← Назад", "прежним").await;
    assert_eq!(ivan.hears(CARD).await.text, card);
    ivan.presses("edit:phone", "номер телефона").await;
    ivan.user.press_raw("back");
    ivan.hears(CARD).await;
    world.delivered(&ivan.submits().await).await;
}

#[tokio::test]
async fn a_form_is_cancelled_by_button_and_by_command() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let card = ivan.fills_in().await;
    ivan.presses("cancel", "отменена").await;
    ivan.commands("/cancel", "Отменять нечего").await;
    ivan.begins().await;
    ivan.says("Иван", "номер телефона").await;
    let told = ivan.commands("/cancel", "отменена").await;
    assert!(told.removed_keyboard && told.text.contains("/start"));
    // The cancelled card's button sends nothing, and says nothing of an older request either.
    ivan.user.press_on(card.message_id, "submit").expect("the old card is still there");
    ivan.hears("от прошлого сообщения").await;
    let number = ivan.leaves_a_request().await;
    world.delivered(&number).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn a_cancelled_card_is_never_called_sent() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    let card = ivan.fills_in().await;
    ivan.presses("cancel", "отменена").await;
    ivan.user.press_on(card.message_id, "submit").expect("the cancelled card is still there");
    ivan.hears("от прошлого сообщения").await;
    assert_eq!(ivan.has("уже принята"), 0, "{}", ivan.user.transcript());
    world.delivered(&number).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn start_in_the_middle_asks_the_same_question_again() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    for (answer, question) in
        [("Иван", "номер телефона"), ("89991234567", "бюджет"), ("не знаю", "ссылку"), ("нет", CARD)]
    {
        ivan.says(answer, question).await;
        let offer = ivan.commands("/start", "начать заново").await;
        assert!(offer.has_button("restart"), "{offer:?}");
        ivan.hears(question).await;
    }
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Иван"), "{}", lead.name);
}

#[tokio::test]
async fn the_restart_button_begins_a_new_form() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.says("Не то имя", "номер телефона").await;
    ivan.commands("/start", "начать заново").await;
    ivan.hears("номер телефона").await;
    ivan.presses("restart", "Как вас зовут").await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("1 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Иван"), "{}", lead.name);
}

#[tokio::test]
async fn a_form_survives_a_restart_and_a_kill_at_every_step() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    for (at, (answer, question)) in
        [("Иван", "номер телефона"), ("89991234567", "бюджет"), ("2 млн", "ссылку"), ("нет", CARD)]
            .into_iter()
            .enumerate()
    {
        if at % 2 == 0 {
            world.kill().await;
        } else {
            assert_eq!(world.terminate().await, Some(0), "{}", world.log());
        }
        world.start();
        ivan.says(answer, question).await;
    }
    world.kill().await;
    ivan.user.press("submit").expect("the card");
    world.start();
    let number = number_in(&ivan.hears("принята").await.text);
    let lead = world.delivered(&number).await;
    assert!(lead.name.ends_with(" Заявка: Иван") && lead.price == 2_000_000, "{lead:?}");
}

#[tokio::test]
async fn a_kill_right_after_sending_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    world.set("TEST_SPEED", "60");
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    ivan.user.press("submit").expect("the card");
    // Killed at any moment of the way: while the press is handled, while the lead is created, while the note is written.
    for millis in [15, 30, 45] {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        world.kill().await;
        world.start();
    }
    let number = number_in(&ivan.hears("принята").await.text);
    world.delivered(&number).await;
    world.until("nothing waits", |world| world.backup().is_empty()).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn submit_pressed_twice_is_one_request() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let card = ivan.fills_in().await;
    for _ in 0..3 {
        ivan.user.press_on(card.message_id, "submit").expect("the card");
    }
    let number = number_in(&ivan.hears("принята").await.text);
    world.delivered(&number).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
    assert_eq!(world.amocrm.leads().len(), 1);
    // Once its buttons are gone, it is no finger that came down twice.
    until_gone(&ivan, card.message_id).await;
    ivan.user.press_on(card.message_id, "submit").expect("the card");
    // amoCRM has a lead a moment before the store knows it, and the answer says what the store knows.
    let told = ivan.hears("Ваша заявка").await;
    assert_eq!(number_in(&told.text), number);
    assert_eq!(ivan.has("Ваша заявка"), 1, "{}", ivan.user.transcript());
}

/// Waits until a message has no buttons.
async fn until_gone(buyer: &testkit::world::Buyer, message_id: i32) {
    let is_gone = || buyer.user.messages().iter().any(|it| it.message_id == message_id && it.buttons.is_empty());
    let began = std::time::Instant::now();
    while !is_gone() {
        assert!(began.elapsed() < PATIENCE, "{message_id} keeps its buttons:\n{}", buyer.user.transcript());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_card_is_alive() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let name = ivan.commands("/start", "Как вас зовут").await;
    ivan.says("Иван", "номер телефона").await;
    until_gone(&ivan, name.message_id).await;
    let budget = ivan.says("89991234567", "бюджет").await;
    // An edit that Telegram does not take holds up nobody, and is made up for by the next start.
    world.telegram.fault(On::method("editMessageReplyMarkup"), Fault::Status(502), Times::UntilCleared);
    let link = ivan.presses("answer:budget:0", "ссылку").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    world.telegram.clear_faults();
    world.start();
    until_gone(&ivan, budget.message_id).await;
    let card = ivan.says("нет", CARD).await;
    until_gone(&ivan, link.message_id).await;
    let question = ivan.presses("edit:budget", "бюджет").await;
    until_gone(&ivan, card.message_id).await;
    ivan.commands("/start", "начать заново").await;
    let again = ivan.hears("бюджет").await;
    until_gone(&ivan, question.message_id).await;
    let card = ivan.says("3 млн", CARD).await;
    until_gone(&ivan, again.message_id).await;
    let number = ivan.submits().await;
    until_gone(&ivan, card.message_id).await;
    world.delivered(&number).await;
    let alive: Vec<_> =
        ivan.user.messages().into_iter().filter(|it| it.buttons.iter().flatten().any(|b| b.data.is_some())).collect();
    assert!(alive.is_empty(), "{alive:?}");
}

#[tokio::test]
async fn an_old_card_s_buttons_change_nothing() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let card = ivan.fills_in().await;
    let number = ivan.submits().await;
    for data in ["edit:name", "edit:phone", "edit:budget", "edit:car_link", "back", "skip"] {
        ivan.user.press_on(card.message_id, data).expect("the old card");
        let told = ivan.hears("от прошлого сообщения").await;
        assert!(told.text.contains("/start") && number_in(&told.text) == number, "{}", told.text);
    }
    ivan.begins().await;
    ivan.says("Иван Второй", "номер телефона").await;
    for data in ["submit", "edit:name", "skip", "back"] {
        ivan.user.press_on(card.message_id, data).expect("the old card");
        let told = ivan.hears("от прошлого сообщения").await;
        assert_eq!(number_in(&told.text), number);
        assert!(told.text.contains("номер телефона"), "it says where the form stands: {}", told.text);
    }
    world.delivered(&number).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn every_press_is_answered() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    let presses = ["edit:name", "back", "submit", "submit", "nonsense"].map(|data| ivan.user.press_raw(data));
    ivan.hears("принята").await;
    world
        .until("the circle on every button stops", |world| {
            let answers = world.telegram.callback_answers();
            presses.iter().all(|press| answers.iter().any(|answer| answer.query_id == *press))
        })
        .await;
}

#[tokio::test]
async fn consent_comes_first_where_it_is_configured() {
    let mut world = World::new().await;
    world.set("PRIVACY_POLICY_URL", "https://dealer.example/privacy");
    world.start();
    let mut ivan = world.buyer("Иван");
    let asked = ivan.commands("/start", "согласие").await;
    assert!(asked.text.contains("https://dealer.example/privacy") && asked.has_button("consent:accept"));
    ivan.says("Иван", "кнопку согласия").await;
    ivan.presses("consent:accept", "Как вас зовут").await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("1 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.notes[0].contains("Согласие на обработку данных: "), "{}", lead.notes[0]);
}

#[tokio::test]
async fn a_hasty_buyer_is_understood_in_order() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.user.command("/start promo42");
    for answer in ["Иван", "89991234567", "2 млн", "нет"] {
        ivan.user.say(answer);
    }
    ivan.hears(CARD).await;
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Иван") && lead.price == 2_000_000, "{lead:?}");
    assert!(lead.notes[0].contains("Телефон: +79991234567"), "{}", lead.notes[0]);
}

#[tokio::test]
async fn commands_are_understood_in_every_spelling() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    for command in ["/START", "/start@avto_zayavka_bot", "/start ref_1 2"] {
        ivan.commands(command, "Как вас зовут").await;
        ivan.commands("/Cancel", "отменена").await;
    }
    ivan.begins().await;
    ivan.commands("/skip", "не знаю").await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    assert!(ivan.commands("/skip", CARD).await.text.contains("обсудим с менеджером"));
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Иван"), "{}", lead.name);
}

#[tokio::test]
async fn buttons_are_coloured_and_the_number_can_be_copied_where_the_server_knows_that() {
    for is_old in [false, true] {
        let world = World::new().await;
        if is_old {
            world.telegram.knows_no_new_buttons();
        }
        let mut world = world;
        world.start();
        let mut ivan = world.buyer("Иван");
        let card = ivan.fills_in().await;
        let style = |data: &str| card.button(data).expect("the button").style.clone();
        let colour = |colour: &str| (!is_old).then(|| colour.to_owned());
        assert_eq!((style("submit"), style("cancel"), style("back")), (colour("success"), colour("danger"), None));
        ivan.user.press("submit").expect("the card");
        let told = ivan.hears("принята").await;
        let number = number_in(&told.text);
        let copied: Vec<_> = told.buttons.iter().flatten().filter_map(|button| button.copies.clone()).collect();
        assert_eq!(copied, if is_old { vec![] } else { vec![number.clone()] });
        world.delivered(&number).await;
        // A server that does not know them is asked once.
        let refused = world.telegram.calls("sendMessage").iter().filter(|call| call.status == Some(400)).count();
        assert_eq!(refused, usize::from(is_old), "{}", ivan.user.transcript());
    }
}

#[tokio::test]
async fn a_returning_buyer_answers_name_and_phone_by_one_press_each() {
    let world = World::running().await;
    let mut ivan = world.buyer("Ваня");
    let number = ivan.leaves_a_request().await;
    world.delivered(&number).await;
    sees_with_the_manager(&mut ivan, 1).await;
    let told = ivan.says("где моя заявка?", "уже у менеджера").await;
    assert_eq!(number_in(&told.text), number);
    let name = ivan.commands("/start", "Как вас зовут").await;
    assert_eq!(name.button("answer:name:0").map(|button| button.text.as_str()), Some("Имя: Иван Петров"));
    let phone = ivan.presses("answer:name:0", "номер телефона").await;
    let keys = phone.keyboard.expect("keys").rows;
    assert_eq!(keys[0][0].text, "Тот же номер: +7 999 …-67");
    ivan.says("Тот же номер: +7 999 …-67", "бюджет").await;
    ivan.presses("answer:budget:0", "ссылку").await;
    let card = ivan.presses("skip", "Проверьте").await;
    assert!(card.text.contains("Имя: Иван Петров") && card.text.contains("+79991234567"), "{}", card.text);
    world.delivered(&ivan.submits().await).await;
    // Nothing is offered of what was deleted.
    ivan.commands("/delete", "Удалить ваши данные").await;
    let delete = ivan.user.messages().last().and_then(|it| it.buttons[0][0].data.clone()).expect("a button");
    ivan.presses(&delete, "удалены").await;
    let name = ivan.commands("/start", "Как вас зовут").await;
    assert_eq!(name.button("answer:name:0").map(|button| button.text.as_str()), Some("Ваня"));
}
