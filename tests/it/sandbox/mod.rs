//! The sandbox plays its story, whatever the person who runs it has in the environment.

mod page;

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;

/// On a busy machine; alone it takes about five seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// The sandbox that belongs to this source. A plain `cargo test` builds it; with a filter for targets cargo does not.
fn built_just_now() -> PathBuf {
    let sandbox = testkit::built("examples/sandbox");
    let built = std::fs::metadata(&sandbox).and_then(|file| file.modified());
    let Ok(built) = built else { panic!("there is no {}: cargo build --example sandbox", sandbox.display()) };
    // Beside every program cargo leaves the list of what it was made of.
    let made_of = std::fs::read_to_string(sandbox.with_extension("d")).unwrap_or_default();
    let made_of = made_of.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\0");
    for source in made_of.split_whitespace().map(|source| source.replace('\0', " ")) {
        let changed = std::fs::metadata(&source).and_then(|file| file.modified());
        assert!(changed.is_ok_and(|changed| changed <= built), "{source} is newer: cargo build --example sandbox");
    }
    sandbox
}

#[tokio::test]
async fn the_sandbox_plays_its_story_and_leaves_nothing_behind() {
    let sandbox = built_just_now();
    let (home, temporary) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::write(home.path().join(".env"), "AMOCRM_BASE_URL=https://real.amocrm.ru\nDATA_DIR=/nowhere\n")
        .expect("a file");
    // What a killed one has left; no process has such a number (PID_MAX_LIMIT is 2^22).
    let left = temporary.path().join("amocrm-lead-bot-sandbox-8388608-Ab12Cd");
    std::fs::create_dir(&left).expect("a folder");
    std::fs::write(left.join("amocrm-lead-bot.sqlite"), "").expect("a file");
    // Standard input is no terminal, so it plays the story without being asked.
    let output = Command::new(sandbox)
        .current_dir(home.path())
        .env("BOT_TOKEN", "not a token")
        .env("DATABASE_URL", "postgres://127.0.0.1:1/real")
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("the story ends").expect("the sandbox runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "POST /oauth2/access_token → 401 Token has expired",
        "надёжно сохранена",
        "Ждёт 1 заявка",
        "$ amocrm-lead-bot get-new-tokens --code",
        "передана менеджеру",
        "Переданы 2 заявки",
        "✔ в amoCRM четыре заявки, каждая ровно один раз",
        "✔ backup_leads.json пуст: []",
        "Взял(а): Анна",
        "✔ разговор дошёл в обе стороны",
        "✔ о новом этапе покупатель узнал",
        "✔ Всё произошло на самом деле",
    ] {
        assert!(told.contains(line), "«{line}» is missing:\n{told}");
    }
    assert!(!told.contains('✘'), "{told}");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}
