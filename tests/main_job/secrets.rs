//! Nothing personal and nothing secret is logged, at any level.

use crate::{
    fakes::{
        amocrm,
        telegram::{Fault, On, Times},
    },
    support::{Answers, World},
};

#[tokio::test]
async fn the_log_holds_neither_secrets_nor_people() {
    let mut world = World::new().await;
    world.set("RUST_LOG", "trace");
    world.start();
    let mut ivan = world.buyer("Иннокентий");
    let answers = Answers {
        name: "Иннокентий Смоктуновский",
        phone: "8 (999) 765-43-21",
        budget: "1 234 567 рублей",
        car: "https://secret-car.example/a/b?c=38427498",
    };
    // Good days, bad days, and things that cannot be parsed.
    ivan.answers(answers).await;
    let delivered = ivan.submits().await;
    world.delivered(&delivered).await;
    for fault in
        [amocrm::Fault::Html(502), amocrm::Fault::Garbage, amocrm::Fault::CutAfter, amocrm::Fault::Redirect(302)]
    {
        let id = world.amocrm.fault(amocrm::On::any("/api/v4"), fault, amocrm::Times::Forever);
        ivan.answers(answers).await;
        ivan.submits().await;
        world.until("it failed", |world| world.amocrm.fault_hits(id) > 0).await;
        world.amocrm.clear_fault(id);
    }
    let refused = amocrm::Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(amocrm::On::complex(), refused, amocrm::Times::N(2));
    world.amocrm.expire_access_tokens();
    ivan.answers(answers).await;
    ivan.submits().await;
    for fault in [Fault::Garbage, Fault::CutBefore, Fault::TooManyRequests { retry_after: 1 }, Fault::Status(502)] {
        world.telegram.fault(On::method("sendMessage").chat(ivan.user.id), fault, Times::N(1));
        ivan.user.command("/help");
    }
    world.telegram.raw_update(
        serde_json::json!({"message": {"text": "Иннокентий", "chat": {"id": ivan.user.id, "type": "private"}}}),
    );
    world.telegram.fault(On::method("getUpdates"), Fault::Garbage, Times::N(1));
    world.write("backup_leads.json", "[{\"name\": \"Иннокентий\", \"phone\": \"+79997654321\", \"status\": ");
    world.admin_reads("не удалось прочитать").await;
    ivan.user.say("Иннокентий");
    world.terminate().await;

    let log = world.log();
    assert!(log.contains(&delivered) && log.contains("DEBUG"), "the log is there");
    world.keeps_secrets(&log);
    for personal in ["Иннокентий", "Смоктуновский", "9997654321", "999) 765", "1 234 567", "secret-car", "innokentiy"]
    {
        let line = log.lines().find(|line| line.contains(personal));
        assert_eq!(line, None, "{personal}");
    }
}
