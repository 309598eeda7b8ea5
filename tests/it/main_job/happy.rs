//! A buyer's answers become a lead: every kind of answer, and what the manager finds in amoCRM.

use testkit::{
    buyer::CARD,
    fakes::amocrm::StoredContact,
    world::{Answers, World},
};

fn contact_of(world: &World, lead_contact: Option<u64>) -> StoredContact {
    let contacts = world.amocrm.contacts();
    contacts.into_iter().find(|contact| Some(contact.id) == lead_contact).expect("the lead has a contact")
}

#[track_caller]
fn has_lines(note: &str, lines: &[&str]) {
    for line in lines {
        assert!(note.lines().any(|found| found == *line), "«{line}» is not in\n{note}");
    }
}

fn keeps_to_the_contract(world: &World) {
    if world.amocrm.contract_checked() {
        assert_eq!(world.amocrm.contract_violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn typed_answers_become_a_lead_with_a_contact_and_a_note() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.answers(Answers {
        name: "  Иван   Петров ",
        phone: "мой 8 (999) 123-45-67, звоните",
        budget: "2,5 млн",
        car: "вот http://www.encar.com/dc/dc_cardetailview.do?pageid=x&carid=38427498 смотрите",
    })
    .await;
    let number = ivan.submits().await;
    let lead = world.delivered(&number).await;
    assert_eq!(lead.name, format!("#{number} Заявка: Иван Петров"));
    assert_eq!((lead.price, lead.tags.as_slice()), (2_500_000, ["telegram_bot".to_owned()].as_slice()));
    let contact = contact_of(&world, lead.contact_id);
    assert_eq!(
        (contact.name.as_str(), contact.phones.as_slice()),
        ("Иван Петров", ["+79991234567".to_owned()].as_slice())
    );
    assert_eq!(contact.custom_fields[0].code.as_deref(), Some("PHONE"));
    assert_eq!(contact.custom_fields[0].values[0]["enum_code"], "WORK");
    let (user, id) = (ivan.user.username.as_deref().expect("a username"), ivan.user.id);
    has_lines(
        &lead.notes[0],
        &[
            &format!("#{number}"),
            "Имя: Иван Петров",
            "Телефон: +79991234567",
            "Телефон, как введён: мой 8 (999) 123-45-67, звоните",
            "Бюджет: 2,5 млн",
            "Ссылка: https://fem.encar.com/cars/detail/38427498",
            "Ссылка, как прислана: вот http://www.encar.com/dc/dc_cardetailview.do?pageid=x&carid=38427498 смотрите",
            "Encar ID: 38427498",
            &format!("Telegram: Иван, @{user}, id {id}"),
            "Источник: Telegram-бот",
        ],
    );
    assert!(lead.notes[0].contains("Отправлена: ") && !lead.notes[0].contains("Внимание"));
    ivan.never_read_of_an_error();
    keeps_to_the_contract(&world);
}

#[tokio::test]
async fn a_shared_contact_a_range_and_the_skip_button() {
    let world = World::running().await;
    let mut anna = world.buyer("Анна");
    anna.begins().await;
    let question = anna.says("Анна", "номер телефона").await;
    let keyboard = question.keyboard.expect("a keyboard with the share button");
    assert!(keyboard.rows.iter().flatten().any(|key| key.request_contact));
    anna.user.share_contact("821012345678");
    assert!(anna.hears("Записал телефон").await.removed_keyboard, "the share button stays under the chat");
    anna.hears("бюджет").await;
    anna.says("от 2 до 3 млн", "ссылку").await;
    let card = anna.presses("skip", CARD).await;
    assert!(card.text.contains("+821012345678") && card.text.contains("обсудим с менеджером"), "{}", card.text);
    let number = anna.submits().await;
    let lead = world.delivered(&number).await;
    assert_eq!(lead.price, 3_000_000);
    assert_eq!(contact_of(&world, lead.contact_id).phones, ["+821012345678"]);
    has_lines(&lead.notes[0], &["Бюджет: от 2 до 3 млн", "Ссылка: нет"]);
    assert!(lead.notes[0].contains("Поделиться контактом"), "{}", lead.notes[0]);
    keeps_to_the_contract(&world);
}

#[tokio::test]
async fn somebody_elses_contact_dollars_and_a_photo_with_the_link() {
    let world = World::running().await;
    let mut oleg = world.buyer("Олег");
    oleg.begins().await;
    oleg.says("Олег", "номер телефона").await;
    oleg.user.share_contact_of("8 916 000-11-22", 77);
    oleg.hears("бюджет").await;
    oleg.says("$25k", "ссылку").await;
    oleg.user.photo_with_caption("Смотрите m.encar.com/ca/detailView.do?carId=38427498");
    oleg.hears(CARD).await;
    let number = oleg.submits().await;
    let lead = world.delivered(&number).await;
    assert_eq!(lead.price, 0, "dollars are not roubles");
    assert_eq!(contact_of(&world, lead.contact_id).phones, ["+79160001122"]);
    has_lines(
        &lead.notes[0],
        &[
            "Внимание: это контакт другого человека, не самого покупателя",
            "Бюджет: $25k",
            "Ссылка: https://fem.encar.com/cars/detail/38427498",
        ],
    );
    keeps_to_the_contract(&world);
}

#[tokio::test]
async fn every_usual_spelling_is_understood() {
    let world = World::running().await;
    let mobile = "https://fem.encar.com/cars/detail/38427498?pageid=dc_carsearch";
    for (phone, e164, budget, price, car, link) in [
        ("+82 10-1234-5678", "+821012345678", "50000", 50_000, "нет", "нет"),
        ("9991234568", "+79991234568", "50 000", 50_000, "skip", "нет"),
        ("+7 999 1234569", "+79991234569", "не знаю", 0, mobile, "https://fem.encar.com/cars/detail/38427498"),
        (
            "8-999-123-45-70",
            "+79991234570",
            "500 тысяч",
            500_000,
            "encar.com/dc/dc_cardetailview.do?carid=1234567",
            "https://fem.encar.com/cars/detail/1234567",
        ),
        ("79991234571", "+79991234571", "300k", 300_000, "https://auto.ru/x?a=1", "https://auto.ru/x?a=1"),
    ] {
        let mut buyer = world.buyer("Покупатель");
        buyer.answers(Answers { name: "Ли", phone, budget, car }).await;
        let lead = world.delivered(&buyer.submits().await).await;
        assert_eq!(lead.price, price, "{budget}");
        assert_eq!(contact_of(&world, lead.contact_id).phones, [e164], "{phone}");
        has_lines(&lead.notes[0], &[&format!("Бюджет: {budget}"), &format!("Ссылка: {link}")]);
    }
    keeps_to_the_contract(&world);
}

#[tokio::test]
async fn the_account_s_settings_are_used() {
    use testkit::fakes::amocrm::account::{BUDGET_FIELD, FIRST_STATUS, MAIN_PIPELINE};
    let mut world = World::new().await;
    world.set("AMOCRM_TAGS", "авто, Encar");
    world.set("AMOCRM_PIPELINE_ID", MAIN_PIPELINE.to_string());
    world.set("AMOCRM_STATUS_ID", FIRST_STATUS.to_string());
    world.set("AMOCRM_BUDGET_FIELD_ID", BUDGET_FIELD.to_string());
    world.start();
    let mut ivan = world.buyer("Иван");
    let lead = world.delivered(&ivan.leaves_a_request().await).await;
    assert_eq!(lead.tags, ["авто", "Encar"]);
    assert_eq!((lead.pipeline_id, lead.status_id), (MAIN_PIPELINE, FIRST_STATUS));
    keeps_to_the_contract(&world);
}

#[tokio::test]
async fn a_returning_buyer_keeps_the_contact_the_dealer_knows() {
    let world = World::running().await;
    let known = world.amocrm.add_contact("Пётр Ильич (постоянный)", &["89991234567"]);
    let mut petr = world.buyer("Пётр");
    for _ in 0..2 {
        let lead = world.delivered(&petr.leaves_a_request().await).await;
        assert_eq!(lead.contact_id, Some(known));
    }
    assert_eq!(world.amocrm.contacts().len(), 1);
    assert_eq!(world.amocrm.contacts()[0].name, "Пётр Ильич (постоянный)");
}

#[tokio::test]
async fn twenty_buyers_at_once_become_twenty_leads() {
    let world = World::running().await;
    let requests = (0..20).map(|at| {
        let mut buyer = world.buyer(&format!("Покупатель {at}"));
        async move { buyer.leaves_a_request().await }
    });
    let numbers = futures::future::join_all(requests).await;
    world
        .until("all are there", |world| world.amocrm.leads().iter().filter(|lead| lead.notes.len() == 1).count() == 20)
        .await;
    for number in numbers {
        assert!(world.amocrm.lead_with_number(&number).is_some(), "{number}");
    }
    // Seven leave in a second, and a busy machine that brings one of them late brings it into the second of the next.
    assert!(world.amocrm.max_rate() <= 8, "{}", world.amocrm.max_rate());
}

#[tokio::test]
async fn the_menu_of_commands_is_set() {
    let world = World::running().await;
    world.until("the menu is set", |world| !world.telegram.commands("default", "").is_empty()).await;
    let commands: Vec<String> = world.telegram.commands("default", "").into_iter().map(|(name, _)| name).collect();
    assert_eq!(commands, ["start", "my", "cancel", "language", "delete", "help"]);
}
