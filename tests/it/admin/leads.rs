//! `/leads`: what waits and what is refused, one by one.

use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::World,
};

use crate::admin::chat::{admin, keeps_secrets, leads_wait, sure_in, waiting_numbers};

#[tokio::test]
async fn a_lead_is_looked_at_sent_again_and_given_up_from_the_chat() {
    let world = World::running().await;
    let (mut admin, mut ivan, mut anna) = (admin(&world), world.buyer("Иван"), world.buyer("Анна"));
    admin.commands("/leads", "Ничего не ждёт отправки").await;
    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(On::complex(), refused, Times::Forever);
    let number = ivan.leaves_a_request().await;
    let told = admin.hears("не принимает заявку").await;
    assert!(told.text.contains(&number) && told.text.contains("InvalidType"), "{}", told.text);
    let second = anna.leaves_a_request().await;
    admin.hears(&second).await;

    let (look, discard) = (format!("admin:lead:{number}"), format!("admin:lead-discard:{number}"));
    assert!(told.has_button(&look) && told.has_button(&format!("admin:lead-retry:{number}")), "{told:?}");
    let list = admin.commands("/leads", "которых ещё нет в amoCRM").await;
    assert!(list.has_button(&look) && list.has_button(&format!("admin:lead:{second}")), "{list:?}");
    let card = admin.presses(&look, &format!("Заявка #{number} (не принята amoCRM)")).await;
    for words in ["Иван Петров", "+79991234567", "2,5 млн", "encar.com/cars/detail/38427498", "InvalidType", "назад"]
    {
        assert!(card.text.contains(words), "«{words}» is not in\n{}", card.text);
    }
    // Asked first, and nothing is lost by asking.
    let asked = admin.presses(&discard, "Нажмите ещё раз").await;
    let keep = asked.buttons[1][0].clone();
    assert_eq!(keep.text, "Не удалять");
    admin.presses(&keep.data.expect("data"), "ничего не удалено").await;
    admin.presses(&sure_in(&asked), "Ничего не удалено: кнопка устарела").await;
    let sure = sure_in(&admin.presses(&discard, "Нажмите ещё раз").await);
    assert_eq!(world.backup().len(), 2);
    world.amocrm.clear_faults();
    admin.presses(&format!("admin:lead-retry:{number}"), "поставлена на отправку").await;
    world.delivered(&number).await;
    // A button of the past finds the lead where it is.
    world.backup_holds(1).await;
    admin.presses(&sure, "уже в amoCRM").await;
    admin.presses(&discard, "уже в amoCRM").await;
    admin.presses(&format!("admin:lead-retry:{number}"), "уже в amoCRM").await;
    admin.presses(&look, "(передана)").await;
    assert!(world.amocrm.lead_with_number(&number).is_some());

    let card = admin.presses(&format!("admin:lead:{second}"), "(не принята amoCRM)").await;
    assert!(card.has_button(&format!("admin:lead-discard:{second}")));
    let sure = sure_in(&admin.presses(&format!("admin:lead-discard:{second}"), "Нажмите ещё раз").await);
    admin.presses(&sure, &format!("Заявка #{second} удалена")).await;
    admin.presses(&sure, &format!("Заявка #{second} удалена")).await;
    admin.commands("/leads", "Ничего не ждёт отправки").await;
    world.backup_holds(0).await;
    // Given up by mistake: it can still be sent.
    let card = admin.presses(&format!("admin:lead:{second}"), "(удалена)").await;
    assert!(card.has_button(&format!("admin:lead-retry:{second}")), "{card:?}");
    admin.presses(&format!("admin:lead-retry:{second}"), "поставлена на отправку").await;
    world.delivered(&second).await;

    for data in ["lead:ZZZZZZ", "lead-retry:ZZZZZZ", "lead-discard:ZZZZZZ", "lead-discard-sure:ZZZZZZ", "lead:';--"] {
        admin.user.press_raw(&format!("admin:{data}"));
        admin.hears("Такой заявки нет").await;
    }
    assert_eq!(world.amocrm.leads().len(), 2);
    ivan.never_read_of_an_error();
    keeps_secrets(&world, &[]);
}

#[tokio::test]
async fn a_long_list_is_cut_and_counted() {
    let world = World::running().await;
    world.amocrm.goes_down();
    leads_wait(&world, 25);
    let mut admin = admin(&world);
    let alert = admin.hears("Ждут 25 заявок").await;
    world.admin_reads("принято 25 заявок").await;
    assert!(alert.has_button("admin:retry") && alert.has_button("admin:status"), "{alert:?}");
    admin.presses("admin:status", "Ждут отправки: 25").await;
    let list = admin.presses("admin:leads", "…и ещё 5").await;
    let numbers = waiting_numbers(&world);
    // Not the oldest, which amoCRM is tried with, and which is then being sent.
    let gone = &numbers[19];
    let shown = numbers.iter().filter(|number| list.has_button(&format!("admin:lead:{number}"))).count();
    assert_eq!(shown, 20);
    let card = admin.presses(&format!("admin:lead:{}", gone), "(ждёт отправки)").await;
    assert!(card.text.contains("Что мешает: amoCRM не отвечает"), "{}", card.text);
    let sure = sure_in(&admin.presses(&format!("admin:lead-discard:{gone}"), "Нажмите ещё раз").await);
    admin.presses(&sure, "удалена").await;
    world.backup_holds(24).await;
    world.amocrm.comes_back();
    admin.presses("admin:retry", "Хорошо, отправляю. Ждут 24 заявки").await;
    world.amocrm.wait_for_leads(24, testkit::world::PATIENCE).await;
    world.backup_holds(0).await;
    assert!(world.amocrm.lead_with_number(gone).is_none());
    world.admin_reads("Переданы 24 заявки").await;
}
