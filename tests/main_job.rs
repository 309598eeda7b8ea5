//! The main job, end to end, as buyers and the admin see it.

mod fakes;
mod support;

use support::{ADMIN, World};

#[tokio::test]
async fn a_buyers_answers_become_a_lead() {
    let mut world = World::new().await;
    world.start();
    let ivan = world.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    ivan.say("Иван Петров");
    ivan.sees("номер телефона").await;
    ivan.say("8 (999) 123-45-67");
    ivan.sees("бюджет").await;
    ivan.say("2,5 млн");
    ivan.sees("ссылку").await;
    ivan.say("вот http://www.encar.com/dc/dc_cardetailview.do?carid=38427498 смотрите");
    ivan.sees("Проверьте заявку").await;
    ivan.press("submit").expect("a button");
    let told = ivan.sees("принята").await;
    let leads = world.amocrm.wait_for_leads(1, support::PATIENCE).await;
    println!("{}\n{leads:?}", ivan.transcript());
    let number = leads[0].name.rsplit('#').next().expect("a number").to_owned();
    assert!(told.text.contains(&number));
    world.until("the note is there", |world| !world.amocrm.leads()[0].notes.is_empty()).await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    println!("{}", world.log());
    let _ = ADMIN;
}
