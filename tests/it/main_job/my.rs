//! What buyers see of their own requests, and how much they may write.

use std::time::Duration;

use testkit::{
    buyer::CARD,
    fakes::amocrm::{Fault, On, Times},
    world::{Buyer, World},
};

/// Asks for the own requests until so many are at the manager: amoCRM has a note a moment before the store knows it.
pub(super) async fn sees_with_the_manager(buyer: &mut Buyer, requests: usize) -> String {
    for _ in 0..600 {
        let list = buyer.commands("/my", "Ваши заявки").await.text;
        if list.matches(": у менеджера").count() == requests {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("not {requests} of the requests are at the manager\n{}", buyer.user.transcript());
}

#[tokio::test]
async fn a_buyer_sees_the_own_requests_the_newest_first_and_where_they_are() {
    let mut world = World::running().await;
    let (mut ivan, mut anna) = (world.buyer("Иван"), world.buyer("Анна"));
    let none = ivan.commands("/my", "Заявок у вас пока нет").await;
    assert!(none.has_button("start"), "{none:?}");
    ivan.presses("start", "Как вас зовут").await;
    ivan.commands("/cancel", "отменена").await;

    let first = ivan.leaves_a_request().await;
    world.delivered(&first).await;
    sees_with_the_manager(&mut ivan, 1).await;
    let anna_s = anna.leaves_a_request().await;
    world.amocrm.fault(On::any("/"), Fault::Status(503), Times::Forever);
    let second = ivan.leaves_a_request().await;
    let list = ivan.commands("/MY", "Ваши заявки").await.text;
    let lines: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 5, "{list}");
    assert!(lines[1].starts_with(&format!("#{second} от ")) && lines[1].ends_with("передаём менеджеру"), "{list}");
    assert!(lines[3].starts_with(&format!("#{first} от ")) && lines[3].ends_with(": у менеджера"), "{list}");
    assert!(lines[2].contains("fem.encar.com/cars/detail/38427498"), "{list}");
    assert!(!list.contains(&anna_s), "{list}");

    // In the middle of a form the open question comes after it, and the form goes on.
    ivan.begins().await;
    ivan.says("Иван", "номер телефона").await;
    ivan.commands("/my", "Ваши заявки").await;
    ivan.hears("номер телефона").await;
    ivan.says("8 999 123-45-67", "бюджет").await;

    // What is over is told as such by the next process, too; who is forgotten has none.
    world.kill().await;
    world.amocrm.clear_faults();
    world.start();
    world.delivered(&second).await;
    let list = sees_with_the_manager(&mut ivan, 2).await;
    assert!(list.contains(&format!("#{second}")) && list.contains(&format!("#{first}")), "{list}");
    world.delivered(&anna_s).await;
    assert!(sees_with_the_manager(&mut anna, 1).await.contains(&format!("#{anna_s}")));
    world.run(&["forget", &anna.user.id.to_string(), "--yes"]).await.ended_with(0);
    anna.commands("/my", "Заявок у вас пока нет").await;
    ivan.never_read_of_an_error();
}

#[tokio::test]
async fn a_flood_of_messages_gets_one_answer_and_what_was_said_is_taken() {
    let mut world = World::new().await;
    world.set("TEST_SPEED", "1");
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    // All of them before the first is answered.
    world.telegram.stop().await;
    for _ in 0..30 {
        ivan.user.say("8 999");
    }
    world.telegram.restart().await;
    // What answers the open question moves the form on, and so the next one is asked.
    ivan.says("Иван Петров", "номер телефона").await;
    // The first question, a message that waited for it, twenty that did not, one for the rest, and the second question.
    let answers = ivan.user.messages().len();
    assert!(answers <= 1 + 1 + 20 + 1 + 1, "{answers} answers\n{}", ivan.user.transcript());
    assert_eq!(ivan.has("Вижу все ваши сообщения"), 1, "{}", ivan.user.transcript());
    // Buttons are no messages, and nobody else is concerned.
    ivan.says("8 999 123-45-67", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    ivan.presses("skip", CARD).await;
    let number = ivan.submits().await;
    world.delivered(&number).await;
    world.buyer("Анна").begins().await;
    let mut admin = testkit::world::Buyer::admin(&world.telegram, world.admin.clone());
    for _ in 0..25 {
        admin.commands("/cancel", "Отменять нечего").await;
    }
    ivan.never_read_of_an_error();
}
