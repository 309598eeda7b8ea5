//! Somebody asks to be forgotten.

use std::time::Duration;

use testkit::world::{Answers, Buyer, World};

/// Whoever is to be forgotten.
pub const ARISTARKH: Answers = Answers {
    name: "Аристарх Фёдоров",
    phone: "8 (912) 345-67-89",
    budget: "4,2 млн",
    car: "https://fem.encar.com/cars/detail/38427499",
};

/// Files in which something of him is left; the log too must never name him.
pub fn traces(world: &World) -> Vec<String> {
    let names = world.files("").into_iter().filter(|name| !world.path(name).is_dir());
    names
        .filter(|name| {
            let bytes = std::fs::read(world.path(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            ["Аристарх", "9123456789", "38427499"].iter().any(|trace| text.contains(trace))
        })
        .collect()
}

#[tokio::test]
async fn a_person_is_forgotten_beside_the_running_bot_and_amocrm_is_named() {
    let mut world = World::running().await;
    let (mut buyer, mut anna) = (world.buyer("Аристарх"), world.buyer("Анна"));
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    let lead = world.delivered(&number).await;
    buyer.begins().await;
    buyer.says("Аристарх Фёдоров", "номер телефона").await;
    let hers = anna.leaves_a_request().await;
    world.delivered(&hers).await;
    world.nothing_owed().await;
    // A copy of the old tool's file lies about.
    let kept = r#"[{"name":"Аристарх","phone":"+7 912 345 67 89","status":"completed"},{"name":"Анна","phone":"1"}]"#;
    world.write("backup_leads.kept-20261101T000000Z.json", kept);
    let phone = ["forget", "+7 912 345-67-89"];
    let told = world.run(&phone).await.ended_with(1);
    assert!(told.stdout.contains(&number) && told.stdout.contains("--yes"), "{}", told.said());
    assert!(!told.said().contains("Аристарх"));
    let told = world.run(&["forget", "+7 912 345-67-89", "--yes"]).await.ended_with(0);
    assert!(told.stdout.contains(&format!("leads/detail/{}", lead.id)), "{}", told.said());
    assert_eq!(traces(&world), Vec::<String>::new());
    assert!(world.read("backup_leads.kept-20261101T000000Z.json").contains("Анна"));
    let told = world.run(&["forget", &buyer.user.id.to_string(), "--yes"]).await.ended_with(0);
    assert!(told.stdout.contains("holds nothing"), "{}", told.said());
    // The number is still known, and nothing is sent again.
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0);
    assert!(shown.stdout.contains("forgotten") && shown.stdout.contains(&lead.id.to_string()), "{}", shown.said());
    world.run(&["leads", "retry", &number]).await.ended_with(1);
    // Whoever comes back is welcome, and is offered nothing of what was forgotten while a form was open.
    buyer.begins().await;
    let phone = buyer.says("Аристарх", "номер телефона").await;
    let keys: Vec<_> = phone.keyboard.expect("keys").rows.into_iter().flatten().map(|key| key.text).collect();
    assert!(!keys.is_empty() && !keys.iter().any(|key| key.contains("Тот же")), "{keys:?}");
    assert_eq!(world.terminate().await, Some(0));
    assert_eq!(world.amocrm.leads().len(), 2);
}

#[tokio::test]
async fn the_admin_forgets_with_a_second_press_and_decides_on_what_waits() {
    let mut world = World::running().await;
    world.amocrm.goes_down();
    let mut admin = Buyer::new(&world.telegram, world.admin.clone());
    // Coming back later, the buyer is offered the profile's name, which is not among what is looked for.
    let mut buyer = world.buyer("Покупатель");
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    world.backup_holds(1).await;
    let old_file = world.read("backup_leads.json");
    let old_store = world.folder.path().join("old-store");
    admin.hears(&number).await;
    world.nothing_owed().await;
    for (words, answer) in
        [("/forget", "чьи данные удалить"), ("/forget Иван", "чьи данные удалить"), ("/forget 5", "у бота нет")]
    {
        admin.commands(words, answer).await;
    }
    world.run(&["backup-store", &old_store.display().to_string()]).await.ended_with(0);
    world.run(&["forget", &buyer.user.id.to_string(), "--yes"]).await.ended_with(1);
    let asked = admin.commands("/forget 89123456789", "Удалить у бота все данные").await;
    assert!(asked.text.contains("Не все заявки переданы") && asked.text.contains(&number), "{}", asked.text);
    let data = |message: &testkit::fakes::telegram::BotMessage| {
        message.buttons.iter().flatten().find_map(|button| button.data.clone()).expect("a button")
    };
    let mut press = data(&asked);
    admin.user.press_raw("admin:forget-all:+79123456789:abcdefghij");
    admin.hears("уже использована").await;
    world.backup_holds(1).await;
    // A lead that is being tried right now is not given up behind its sender's back.
    let mut tries = 0;
    loop {
        admin.user.press(&press).expect("the button is there");
        let answer = admin.hears("").await.text;
        if answer.contains("Данные удалены") {
            break;
        }
        assert!(answer.contains("прямо сейчас") && tries < 20, "{answer}");
        tries += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
        press = data(&admin.commands("/forget 89123456789", "Удалить у бота все данные").await);
    }
    admin.user.press_raw(&press);
    admin.hears("уже использована").await;
    world.backup_holds(0).await;
    let left = traces(&world);
    assert_eq!(left, ["old-store"], "{left:?}");
    // Neither the old file nor the old store brings him back.
    world.write("backup_leads.json", &old_file);
    world.backup_holds(0).await;
    assert_eq!(world.terminate().await, Some(0));
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.path(&format!("amocrm-lead-bot.sqlite{tail}")));
    }
    std::fs::rename(&old_store, world.path("amocrm-lead-bot.sqlite")).expect("put back");
    world.amocrm.comes_back();
    world.start();
    buyer.begins().await;
    world.until("he is forgotten again", |world| world.log().contains("forgotten again")).await;
    buyer.commands("/cancel", "отменена").await;
    assert_eq!(traces(&world), Vec::<String>::new());
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    assert!(world.amocrm.leads().is_empty());
}
