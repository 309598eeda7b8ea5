//! A store moves to another engine, and comes back from a backup: nothing is lost on the way, and nothing doubled.

use amocrm_lead_bot::store::SQLITE_FILE;
use testkit::{postgres::database, world::World};

async fn moves(world: &World, from: &str, to: &str) {
    let moved = world.run(&["move-store", "--from", from, "--to", to]).await.ended_with(0);
    world.keeps_secrets(&moved.said());
}

#[tokio::test]
async fn a_store_moves_to_postgres_and_a_backup_is_one_command() {
    let Some(url) = database().await else { return };
    let mut world = World::new().await;
    world.amocrm.goes_down();
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    world.run(&["backup-store", "copy.sqlite"]).await.ended_with(0);
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    let from = world.path("copy.sqlite").display().to_string();
    for _ in 0..2 {
        moves(&world, &from, &url).await;
    }
    world.set("DATABASE_URL", url);
    world.amocrm.comes_back();
    world.start();
    ivan.hears("передана менеджеру").await;
    assert_eq!(world.amocrm.leads().len(), 1);
    assert_eq!(world.terminate().await, Some(0));
}

/// As the command advises: once while the bot runs, and once more when it has stopped.
#[tokio::test]
async fn what_was_delivered_between_two_moves_is_not_delivered_again() {
    let Some(url) = database().await else { return };
    let mut world = World::new().await;
    let file = world.path(SQLITE_FILE).display().to_string();
    world.amocrm.goes_down();
    world.start();
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    let mut olga = world.buyer("Ольга");
    olga.begins().await;
    moves(&world, &file, &url).await;
    // The pair of the environment is spent now, and the files have another one.
    world.amocrm.expire_access_tokens();
    world.amocrm.comes_back();
    world.delivered(&first).await;
    assert_eq!(world.amocrm.refreshes(), 1);
    olga.fills_in().await;
    world.nothing_owed().await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    moves(&world, &file, &url).await;

    let mut other = world.beside();
    other.set("DATABASE_URL", url.as_str());
    other.start();
    let second = olga.submits().await;
    other.delivered(&second).await;
    other.delivered(&first).await;
    assert_eq!(other.amocrm.leads().len(), 2, "{}", other.log());
    assert_eq!(other.amocrm.refreshes(), 1, "the pair has moved too");
    assert_eq!(other.terminate().await, Some(0));
    // What the new store has learnt since is not undone by the old one.
    moves(&other, &file, &url).await;
    other.start();
    let third = other.buyer("Пётр").leaves_a_request().await;
    other.delivered(&third).await;
    assert_eq!(other.amocrm.leads().len(), 3, "{}", other.log());
    assert_eq!(other.terminate().await, Some(0));
}

#[tokio::test]
async fn a_backup_that_is_put_back_doubles_nothing() {
    let mut world = World::new().await;
    // Only the store knows them: the new machine has the settings, but no token in them.
    world.amocrm.expire_access_tokens();
    world.start();
    let zero = world.buyer("Зоя").leaves_a_request().await;
    world.delivered(&zero).await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    world.run(&["backup-store", "copy.sqlite"]).await.ended_with(0);
    assert_eq!(world.mode("copy.sqlite"), 0o600);
    world.amocrm.comes_back();
    world.delivered(&first).await;
    world.kill().await;

    let mut other = world.beside();
    other.unset("AMOCRM_ACCESS_TOKEN");
    other.unset("AMOCRM_REFRESH_TOKEN");
    std::fs::copy(world.path("copy.sqlite"), other.path("kept.sqlite")).expect("the one file is all of it");
    let (from, to) = (other.path("kept.sqlite").display().to_string(), other.path(SQLITE_FILE).display().to_string());
    moves(&other, &format!("sqlite:{from}"), &to).await;
    assert_eq!(other.mode(SQLITE_FILE), 0o600);
    other.start();
    let second = other.buyer("Пётр").leaves_a_request().await;
    other.delivered(&second).await;
    other.delivered(&first).await;
    other.until("nothing waits", |world| world.backup().is_empty()).await;
    assert_eq!(other.amocrm.leads().len(), 3, "{}", other.log());
    assert_eq!(other.amocrm.refreshes(), 1, "the pair was in the backup");
    assert_eq!(other.terminate().await, Some(0));
}
