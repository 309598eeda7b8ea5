//! What commands print: JSON for programs, colours for terminals, lines that stay as they are for pipes.

use serde_json::Value;
use testkit::world::World;

use super::commands::a_lead_waits_for_tokens;

/// The one document on standard output.
async fn document(world: &World, args: &[&str], code: i32) -> Value {
    let ran = world.run(args).await.ended_with(code);
    world.keeps_secrets(&ran.said());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", ran.said()))
}

#[tokio::test]
async fn what_only_reads_speaks_json() {
    let (mut world, number) = a_lead_waits_for_tokens().await;
    let list = document(&world, &["leads", "list", "--json"], 0).await;
    let lead = &list["leads"][0];
    assert_eq!((&lead["number"], &lead["state"]), (&number.as_str().into(), &"waiting".into()), "{list}");
    assert!(lead["submitted_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.contains('T')), "{list}");
    let text = list.to_string();
    assert!(!text.contains("Иван") && !text.contains("9991234567") && !text.contains("encar"), "{text}");
    assert_eq!((&list["unreadable"], &list["backup_file_not_taken_in"]), (&Value::Array(vec![]), &0.into()), "{list}");
    let full = document(&world, &["leads", "list", "--full", "--json"], 0).await;
    let lead = &full["leads"][0];
    assert_eq!((&lead["name"], &lead["phone"]), (&"Иван Петров".into(), &"+79991234567".into()), "{full}");
    assert!(lead["car_links"][0].as_str().is_some_and(|link| link.starts_with("https://")), "{full}");

    let shown = document(&world, &["leads", "show", &number, "--json"], 0).await;
    assert_eq!((&shown["readable"], &shown["crm_lead_id"]), (&true.into(), &Value::Null), "{shown}");
    assert_eq!(shown["person"]["phone_typed"], "8 (999) 123-45-67", "{shown}");

    let status = document(&world, &["status", "--json"], 1).await;
    assert_eq!((&status["health"], &status["waiting"]), (&"bad".into(), &1.into()), "{status}");
    let tried = document(&world, &["test-amocrm", "--json"], 1).await;
    assert!(tried["account"].is_null() && tried["problems"][0].is_string(), "{tried}");
    let settings = document(&world, &["check-settings", "--json"], 0).await;
    assert_eq!(settings["questions"].as_array().map(Vec::len), Some(4), "{settings}");
    assert_eq!(settings["questions"][1]["goes_to"], "contact", "{settings}");
    assert_eq!(settings["bot_token_is_set"], true, "{settings}");
    let links = document(&world, &["links", "vk__spring", "--bot", "cars_bot", "--json"], 0).await;
    let link = &links["links"][0];
    assert_eq!(link["address"], "https://t.me/cars_bot?start=vk__spring", "{links}");
    assert_eq!((&link["known"], &link["utm"]["source"]), (&false.into(), &"vk".into()), "{links}");
    let texts = document(&world, &["texts", "ru", "--json"], 0).await;
    let accepted = texts["texts"].as_array().expect("texts").iter().find(|text| text["id"] == "accepted");
    let accepted = accepted.expect("a text");
    assert!(accepted["text"].as_str().is_some_and(|text| text.contains("{ $number }")), "{accepted}");
    assert!(accepted["about"][0].is_string(), "{accepted}");
    let tried = document(&world, &["test-alerts", "--json"], 0).await;
    assert_eq!(
        (&tried["telegram_routes"][0]["works"], &tried["admin_chat"]["sent"]),
        (&true.into(), &true.into()),
        "{tried}"
    );

    // What fails is one document, too, and the same words as ever for a person.
    for (args, code, kind) in [
        (&["leads", "show", "AAAAAA2", "--json"][..], 1, "failed"),
        (&["leads", "consent", &number, "--json"], 1, "failed"),
        (&["links", "я", "--json"], 2, "usage"),
        (&["texts", "русский", "--json"], 1, "failed"),
    ] {
        let told = document(&world, args, code).await;
        assert_eq!((&told["error"]["kind"], &told["error"]["exit_code"]), (&kind.into(), &code.into()), "{told}");
        let message = told["error"]["messages"][0].as_str().expect("a message");
        assert!(world.run(args).await.stderr.contains(message), "{told}");
    }
    world.set("PHONE_REGION", "zz");
    for args in [&["leads", "list", "--json"][..], &["status", "--json"], &["check-settings", "--json"]] {
        let told = document(&world, args, 78).await;
        assert_eq!(told["error"]["kind"], "configuration", "{told}");
        assert!(told["error"]["messages"][0].as_str().is_some_and(|line| line.starts_with("PHONE_REGION: ")), "{told}");
    }
}

#[tokio::test]
async fn colours_are_for_terminals_and_for_whoever_asks() {
    let mut world = World::new().await;
    let plain = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(plain.starts_with("verdict:           ") && !plain.contains('\u{1b}'), "{plain}");
    world.set("CLICOLOR_FORCE", "1");
    let coloured = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(coloured.contains('\u{1b}'), "{coloured}");
    assert_eq!(console::strip_ansi_codes(&coloured), plain, "the words are the same");
    let json = world.run(&["status", "--json"]).await.ended_with(0).stdout;
    assert!(!json.contains('\u{1b}'), "{json}");
    world.set("NO_COLOR", "1");
    world.unset("CLICOLOR_FORCE");
    assert_eq!(world.run(&["status"]).await.ended_with(0).stdout, plain);
}

#[tokio::test]
async fn check_settings_speaks_the_language_of_the_terminal() {
    let mut world = World::new().await;
    let english = world.run(&["check-settings"]).await.ended_with(0).stdout;
    assert!(english.starts_with("Settings are all right. In force:\nTelegram:    1 route(s)\n"), "{english}");
    let russian = world.run(&["check-settings", "--language", "ru"]).await.ended_with(0).stdout;
    assert!(russian.starts_with("Настройки в порядке. Действует:\nTelegram:    путей: 1\n"), "{russian}");
    assert_eq!(russian.lines().count(), english.lines().count(), "{russian}");
    world.set("LANG", "ru_RU.UTF-8");
    assert_eq!(world.run(&["check-settings"]).await.ended_with(0).stdout, russian);
    assert_eq!(world.run(&["check-settings", "--language", "en"]).await.ended_with(0).stdout, english);
}
