//! The files for deployment name settings that exist, and all of them.

use std::collections::BTreeSet;

use amocrm_lead_bot::config::SETTINGS;

/// Set by the platform, or of no use there.
const NOT_ON_HEROKU: [&str; 6] = ["DATABASE_URL", "DATA_DIR", "DYNO", "HTTP_ADDR", "PORT", "TEST_SPEED"];

#[test]
fn app_json_explains_every_setting() {
    let app: serde_json::Value = serde_json::from_str(include_str!("../../../app.json")).expect("JSON");
    let env = app["env"].as_object().expect("settings");
    let explained: BTreeSet<&str> = env.keys().map(String::as_str).collect();
    for (name, setting) in env {
        assert!(setting["description"].as_str().is_some_and(|text| text.len() > 12), "{name}");
        assert_eq!(setting["required"].as_bool() != Some(false), name == "BOT_TOKEN", "{name}");
    }
    let read: BTreeSet<&str> = SETTINGS.iter().copied().filter(|name| !NOT_ON_HEROKU.contains(name)).collect();
    assert_eq!(explained, read);
}

#[test]
fn an_image_is_built_from_what_is_named_and_nothing_else() {
    let dockerfile = include_str!("../../../docs/deploy/Dockerfile");
    let images: Vec<_> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert!(images.len() == 2 && images.iter().all(|line| line.contains("@sha256:")), "{images:?}");
    let ignored = include_str!("../../../docs/deploy/Dockerfile.dockerignore");
    let rules: Vec<_> = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(rules[0] == "*" && rules[1..].iter().all(|rule| rule.starts_with('!')), "{rules:?}");
    for needed in ["!Cargo.toml", "!Cargo.lock", "!src", "!locales", "!migrations", "!benches", "!testkit"] {
        assert!(rules.contains(&needed), "{needed}");
    }
}

#[test]
fn nothing_secret_is_committed_by_accident() {
    let ignored = include_str!("../../../.gitignore");
    for line in
        ["tokens_previous.json", ".amocrm-lead-bot-*", "access_token.txt", "refresh_token.txt", "*.sqlite-*", ".env"]
    {
        assert!(ignored.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn the_unit_ends_for_good_on_a_wrong_setting_only() {
    let unit = include_str!("../../../docs/deploy/amocrm-lead-bot.service");
    for line in
        ["Restart=always", "RestartPreventExitStatus=78", "NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0"]
    {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
