//! Copies of the store: those of every night, and the move to another one.

use serde_json::{Value, json};
use testkit::world::World;

use super::commands::a_lead_waits_for_tokens;

#[tokio::test]
async fn move_store_warns_of_a_bot_that_runs_on_the_target() {
    let world = World::running().await;
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    world.run(&["backup-store", "copy.sqlite"]).await.ended_with(0);
    let (from, to) = (world.path("copy.sqlite"), world.path("amocrm-lead-bot.sqlite"));
    let args = ["move-store", "--from", &from.display().to_string(), "--to", &to.display().to_string()];
    let ran = world.run(&args).await.ended_with(0);
    assert!(ran.stderr.contains("a bot runs on") && ran.stderr.contains(&to.display().to_string()), "{}", ran.said());
    // Away from a running bot is the usual way.
    let args = ["move-store", "--from", &to.display().to_string(), "--to", "other.sqlite"];
    assert!(!world.run(&args).await.ended_with(0).stderr.contains("a bot runs on"));
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn of_the_copies_of_every_night_the_newest_are_kept() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let listed = || {
        let entries =
            std::fs::read_dir(world.path("backups")).expect("the folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let night = &["backup-store", "--keep", "2", "backups"];
    for copies in [1, 2, 2, 2] {
        let ran = world.run(night).await.ended_with(0);
        let names = listed();
        assert!(
            names.len() == copies && ran.stdout.contains(names.last().expect("a copy")),
            "{names:?} {}",
            ran.said()
        );
        assert!(names.iter().all(|name| world.mode(&format!("backups/{name}")) == 0o600), "{names:?}");
    }
    assert_eq!(world.mode("backups"), 0o700);
    // The newest is whole: a bot that begins with it has the lead.
    let names = listed();
    let from = world.path(&format!("backups/{}", names[1])).display().to_string();
    let to = world.path("again.sqlite").display().to_string();
    let moved = world.run(&["move-store", "--from", &from, "--to", &to]).await.ended_with(0).stdout;
    assert!(moved.lines().any(|line| line.split_whitespace().eq(["leads", "1", "1", "1"])), "{moved} {number}");
    // Where no copy can be made, those that are there stay, and nothing half-made is left among them.
    world.run(&["backup-store", "--keep", "0", "backups"]).await.ended_with(2);
    std::fs::create_dir(world.path("elsewhere")).expect("a folder");
    let backups = world.path("backups").display().to_string();
    let mut env = world.env.clone();
    env.insert("DATA_DIR".into(), world.path("elsewhere").display().to_string());
    world.run_in(&env, &["backup-store", "--keep", "1", &backups]).await.ended_with(1);
    assert_eq!(listed(), names);
}

#[tokio::test]
async fn the_admin_knows_once_that_no_copies_are_made_and_once_that_they_are_again() {
    let mut world = World::running().await;
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    let night = &["backup-store", "--keep", "2", "backups"];
    let status = async |world: &World| -> Value {
        serde_json::from_str(&world.run(&["status", "--json"]).await.stdout).expect("JSON")
    };
    // Something is in the folder's place, two nights long.
    world.write("backups", "");
    for _ in 0..2 {
        world.run(night).await.ended_with(1);
    }
    let told = world.admin_reads("копия базы бота не сделана: в папку для копий нельзя записать").await;
    assert!(told.contains("Последняя удачная копия: ещё не было"), "{told}");
    let failing = status(&world).await;
    assert!(failing["copies_fail"].as_str().is_some_and(|why| why.contains("backups")), "{failing}");
    assert_eq!((&failing["newest_copy_at"], &failing["health"]), (&Value::Null, &json!("odd")));
    std::fs::remove_file(world.path("backups")).expect("out of the way");
    world.run(night).await.ended_with(0);
    world.admin_reads("снова делаются").await;
    let works = status(&world).await;
    assert!(works["newest_copy_at"].is_string() && works["copies_fail"].is_null(), "{works}");
    assert!(world.run(&["status"]).await.stdout.lines().any(|line| line.starts_with("newest copy:")));

    // Who begins with a copy is told nothing of how copies went.
    world.run(&["backup-store", "restored/amocrm-lead-bot.sqlite"]).await.ended_with(1);
    std::fs::create_dir(world.path("restored")).expect("a folder");
    world.run(&["backup-store", "restored/amocrm-lead-bot.sqlite"]).await.ended_with(0);
    let mut env = world.env.clone();
    env.insert("DATA_DIR".into(), world.path("restored").display().to_string());
    let restored = world.run_in(&env, &["status", "--json"]).await;
    let restored: Value = serde_json::from_str(&restored.stdout).expect("JSON");
    assert_eq!((&restored["delivered_last_24h"], &restored["newest_copy_at"]), (&json!(1), &Value::Null), "{restored}");

    // Where the store is gone, the command tells it itself; the bot tells that it is over.
    assert_eq!(world.terminate().await, Some(0));
    let store = ["", "-wal", "-shm"].map(|end| world.path(&format!("amocrm-lead-bot.sqlite{end}")));
    let away = |path: &std::path::PathBuf| {
        path.with_extension(format!("{}-away", path.extension().unwrap_or_default().display()))
    };
    for file in store.iter().filter(|file| file.exists()) {
        std::fs::rename(file, away(file)).expect("moved");
    }
    for _ in 0..2 {
        world.run(night).await.ended_with(1);
    }
    assert_eq!(world.admin_has("базу не удалось прочитать"), 1, "{}", world.admin.transcript());
    for file in store.iter().filter(|file| away(file).exists()) {
        std::fs::rename(away(file), file).expect("moved back");
    }
    world.run(night).await.ended_with(0);
    world.start();
    world.until("it is told that copies are made again", |world| world.admin_has("снова делаются") == 2).await;
    assert_eq!(world.admin_has("не сделана"), 2, "{}", world.admin.transcript());
}
