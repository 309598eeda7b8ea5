//! More requests than one person or all people usually send.

use testkit::buyer::CARD;
use testkit::world::World;

#[tokio::test]
async fn a_person_who_sends_too_many_keeps_the_form_and_sends_it_later() {
    let mut world = World::new().await;
    world.set("LEADS_PER_HOUR", "2");
    world.start();
    let (mut ivan, mut anna) = (world.buyer("Иван"), world.buyer("Анна"));
    ivan.leaves_a_request().await;
    ivan.leaves_a_request().await;
    ivan.fills_in().await;
    let kept = ivan.presses("submit", "несколько заявок").await;
    for words in ["сохранено", CARD, "Иван Петров", "+79991234567", "encar.com/cars/detail/38427498", "МСК"]
    {
        assert!(kept.text.contains(words), "«{words}» is not in\n{}", kept.text);
    }
    assert!(kept.has_button("submit") && kept.has_button("edit:name"), "{kept:?}");
    world.admin_reads(&format!("id {}", ivan.user.id)).await;
    // It can be changed meanwhile, and nobody else is held up.
    ivan.presses("edit:name", "Как вас зовут").await;
    ivan.says("Иван Сидоров", CARD).await;
    anna.leaves_a_request().await;
    let refused = ivan.presses("submit", "несколько заявок").await;
    assert!(refused.text.contains("Иван Сидоров"), "{refused:?}");
    // That an hour is over by and by is the store's test; here somebody allows more.
    world.kill().await;
    world.set("LEADS_PER_HOUR", "3");
    world.start();
    let number = testkit::world::number_in(&ivan.presses("submit", "принята").await.text);
    let lead = world.delivered(&number).await;
    assert!(lead.name.contains("Иван Сидоров"), "{}", lead.name);
    world.amocrm.wait_for_leads(4, testkit::world::PATIENCE).await;
    assert_eq!(world.amocrm.leads().len(), 4);
    assert_eq!(world.admin_has(&format!("id {}", ivan.user.id)), 1);
    ivan.never_read_of_an_error();
    assert!(!world.log().contains("Сидоров"));
}

#[tokio::test]
async fn the_admin_may_send_as_many_as_it_takes_and_is_told_of_a_flood_once() {
    let mut world = World::new().await;
    world.set("LEADS_PER_HOUR", "1");
    world.set("LEADS_PER_DAY", "off");
    world.set("LEADS_ALARM_PER_HOUR", "4");
    world.start();
    let mut admin = testkit::world::Buyer::admin(&world.telegram, world.admin.clone());
    for _ in 0..3 {
        admin.leaves_a_request().await;
    }
    let (mut ivan, mut anna) = (world.buyer("Иван"), world.buyer("Анна"));
    ivan.leaves_a_request().await;
    anna.leaves_a_request().await;
    let told = world.admin_reads("гораздо больше обычного").await;
    assert!(told.contains("за последний час 5, людей среди них 3"), "{told}");
    let mut olga = world.buyer("Ольга");
    olga.leaves_a_request().await;
    world.amocrm.wait_for_leads(6, testkit::world::PATIENCE).await;
    world.kill().await;
    world.start();
    anna.commands("/help", "Я принимаю заявки").await;
    world.nothing_owed().await;
    assert_eq!(world.admin_has("гораздо больше обычного"), 1);
}
