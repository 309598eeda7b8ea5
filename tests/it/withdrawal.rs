//! A buyer withdraws the consent: nothing of theirs is left, and whoever has to know is told, whatever dies meanwhile.

use amocrm_lead_bot::fault::POINTS_AFTERWARDS;
use futures::future::join_all;
use testkit::{
    buyer::CARD,
    fakes::amocrm::{Fault, On, Times},
    postgres::database,
    world::{Buyer, PATIENCE, World},
};

use crate::main_job::forget::{ARISTARKH, traces};

fn notes(world: &World, number: &str, words: &str) -> usize {
    let lead = world.amocrm.lead_with_number(number);
    lead.map_or(0, |lead| lead.notes.iter().filter(|note| note.contains(words)).count())
}

/// The data of the button that deletes.
async fn asks(buyer: &mut Buyer) -> String {
    let asked = buyer.commands("/delete", "Удалить ваши данные").await;
    let data = asked.buttons.iter().flatten().filter_map(|button| button.data.clone());
    data.into_iter().find(|data| data != "delete:keep").expect("a button that deletes")
}

async fn withdraws(buyer: &mut Buyer) -> String {
    let press = asks(buyer).await;
    buyer.user.press(&press).expect("the button is there");
    buyer.hears("Ваши данные удалены").await.text
}

#[tokio::test]
async fn a_buyer_is_forgotten_with_two_presses_and_amocrm_and_the_admin_know() {
    let mut world = World::running().await;
    let (mut buyer, mut anna) = (world.buyer("Аристарх"), world.buyer("Анна"));
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    let lead = world.delivered(&number).await;
    let hers = anna.leaves_a_request().await;
    world.delivered(&hers).await;
    // An open form is his, too; and a wish to be deleted is understood in words, at any question.
    buyer.begins().await;
    buyer.says("Аристарх Фёдоров", "номер телефона").await;
    let asked = buyer.says("Удалите, пожалуйста, мои данные", "Удалить ваши данные").await;
    for said in ["телефон", "номера заявок", "удаляет автосалон"] {
        assert!(asked.text.contains(said), "{}", asked.text);
    }
    buyer.presses("delete:keep", "Ничего не удалено").await;
    buyer.says("8 (912) 345-67-89", "бюджет").await;
    let press = asks(&mut buyer).await;
    buyer.user.press(&press).expect("the button is there");
    buyer.user.press_raw(&press);
    let told = buyer.hears("Ваши данные удалены").await.text;
    assert!(told.contains(&number) && told.contains("/start"), "{told}");
    let admin = world.admin_reads("отозвал согласие").await;
    assert!(admin.contains(&format!("leads/detail/{}", lead.id)) && !admin.contains("Аристарх"), "{admin}");
    world.until("the note is there", |world| notes(world, &number, "Согласие отозвано") == 1).await;
    world.until("nothing is left of him", |world| traces(world).is_empty()).await;
    world.nothing_owed().await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0);
    assert!(shown.stdout.contains("forgotten") && shown.stdout.contains(&lead.id.to_string()), "{}", shown.said());
    // The finger that came down twice, and the old button, do nothing; what he says is new.
    buyer.user.press_raw(&press);
    buyer.begins().await;
    assert_eq!((buyer.has("Ваши данные удалены"), world.admin_has("отозвал согласие")), (1, 1));
    buyer.says("Иван", "номер телефона").await;
    buyer.says("8 999 123-45-67", "бюджет").await;
    buyer.says("2 млн", "ссылку").await;
    buyer.says("нет", CARD).await;
    let second = buyer.submits().await;
    world.delivered(&second).await;
    assert_eq!(world.terminate().await, Some(0));
    world.start();
    world.until("it runs again", |world| world.log().matches("taking messages").count() > 1).await;
    assert_eq!((notes(&world, &number, ""), notes(&world, &hers, ""), notes(&world, &second, "")), (2, 1, 1));
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn what_amocrm_does_not_have_it_does_not_get_and_no_old_copy_brings_it_back() {
    let mut world = World::running().await;
    world.amocrm.goes_down();
    let mut buyer = world.buyer("Аристарх");
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    buyer.hears("сохранена").await;
    world.backup_holds(1).await;
    let old_file = world.read("backup_leads.json");
    let old_store = world.folder.path().join("old-store");
    world.run(&["backup-store", &old_store.display().to_string()]).await.ended_with(0);
    let told = withdraws(&mut buyer).await;
    assert!(told.contains(&number) && told.contains("никто не получит"), "{told}");
    let admin = world.admin_reads("отозвал согласие").await;
    assert!(admin.contains(&number) && admin.contains("не были переданы"), "{admin}");
    world.backup_holds(0).await;
    world.until("only the copy names him", |world| traces(world) == ["old-store"]).await;
    world.write("backup_leads.json", &old_file);
    world.backup_holds(0).await;
    assert_eq!(world.terminate().await, Some(0));
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.path(&format!("amocrm-lead-bot.sqlite{tail}")));
    }
    std::fs::rename(&old_store, world.path("amocrm-lead-bot.sqlite")).expect("put back");
    world.amocrm.comes_back();
    world.start();
    world.until("he is forgotten again", |world| world.log().contains("forgotten again")).await;
    world.until("nothing is left of him", |world| traces(world).is_empty()).await;
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    buyer.begins().await;
    assert!(world.amocrm.leads().is_empty());
}

#[tokio::test]
async fn a_lead_that_may_be_in_amocrm_is_searched_for_and_not_created_again() {
    let mut world = World::running().await;
    world.amocrm.fault(On::complex(), Fault::CutAfter, Times::N(1));
    let mut buyer = world.buyer("Аристарх");
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    world.amocrm.goes_down();
    withdraws(&mut buyer).await;
    let admin = world.admin_reads("отозвал согласие").await;
    assert!(admin.contains(&number), "{admin}");
    world.kill().await;
    world.amocrm.comes_back();
    world.start();
    world.until("the note is there", |world| notes(world, &number, "Согласие отозвано") == 1).await;
    world.until("nothing is left of him", |world| traces(world).is_empty()).await;
    buyer.begins().await;
    assert_eq!(world.terminate().await, Some(0));
    assert_eq!((world.amocrm.leads().len(), notes(&world, &number, "Согласие отозвано")), (1, 1));
}

/// The daemon dies at a point of a withdrawal.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = World::new().await;
    if let Some(database) = database {
        world.set("DATABASE_URL", database);
    }
    world.start();
    let mut buyer = world.buyer("Аристарх");
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    world.delivered(&number).await;
    let press = asks(&mut buyer).await;
    assert_eq!(world.terminate().await, Some(0));
    if point == "late_note.not_written_stored" {
        world.amocrm.fault(On::post("/api/v4/leads/notes"), Fault::CutAfter, Times::N(1));
    }
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    buyer.user.press(&press).expect("the button is there");
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    buyer.hears("Ваши данные удалены").await;
    world.admin_reads("отозвал согласие").await;
    world.until(&format!("{point}: the note is there"), |world| notes(world, &number, "Согласие отозвано") > 0).await;
    world.until(&format!("{point}: nothing is left"), |world| traces(world).is_empty()).await;
    // Whatever is written twice is written before this.
    buyer.begins().await;
    assert_eq!(world.terminate().await, Some(0), "{point}");
    assert_eq!((notes(&world, &number, "Согласие отозвано"), notes(&world, &number, "")), (1, 2), "{point}");
    assert_eq!(world.amocrm.leads().len(), 1, "{point}");
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_carried_out_and_noted_once() {
    for points in POINTS_AFTERWARDS.chunks(3) {
        join_all(points.iter().map(|point| dies_at(point, None))).await;
    }
}

#[tokio::test]
async fn a_withdrawal_outlives_a_death_on_postgresql() {
    for point in ["withdrawal.in_commit", "late_note.answered"] {
        let Some(url) = database().await else { return };
        dies_at(point, Some(url)).await;
    }
}

#[tokio::test]
async fn of_an_old_lead_only_number_ids_and_times_are_kept() {
    let mut world = World::running().await;
    let mut buyer = world.buyer("Аристарх");
    buyer.answers(ARISTARKH).await;
    let number = buyer.submits().await;
    let lead = world.delivered(&number).await;
    // Nothing more is said by an open form, which is younger.
    world.nothing_owed().await;
    assert_eq!(world.terminate().await, Some(0));
    // A minute is three seconds here, after which it is old, however long anything else takes.
    world.write("dealer.toml", "[privacy]\nretention = \"1m\"\n");
    let config = world.run(&["check-settings"]).await.ended_with(0);
    assert!(!config.said().contains("privacy"), "{}", config.said());
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    world.start();
    world.until("it is wiped", |world| world.log().contains("only numbers, ids and times are left")).await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0);
    assert!(shown.stdout.contains("стёрто по сроку хранения"), "{}", shown.said());
    assert!(shown.stdout.contains(&lead.id.to_string()) && !shown.said().contains("Аристарх"), "{}", shown.said());
    // The number is still known, and whose it is.
    let told = withdraws(&mut buyer).await;
    assert!(told.contains(&number), "{told}");
    world.until("the note is there", |world| notes(world, &number, "Согласие отозвано") == 1).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}
