//! The files for deployment name settings that exist, and all of them.

use std::collections::BTreeSet;

use amocrm_lead_bot::config::SETTINGS;

/// Set by the platform, or of no use there.
const NOT_ON_HEROKU: [&str; 6] = ["DATABASE_URL", "DATA_DIR", "DYNO", "HTTP_ADDR", "PORT", "TEST_SPEED"];

#[test]
fn app_json_explains_every_setting() {
    let app: serde_json::Value = serde_json::from_str(include_str!("../../app.json")).expect("JSON");
    let env = app["env"].as_object().expect("settings");
    let explained: BTreeSet<&str> = env.keys().map(String::as_str).collect();
    for (name, setting) in env {
        assert!(setting["description"].as_str().is_some_and(|text| text.len() > 12), "{name}");
        assert_eq!(setting["required"].as_bool() != Some(false), name == "BOT_TOKEN", "{name}");
    }
    let read: BTreeSet<&str> = SETTINGS.iter().copied().filter(|name| !NOT_ON_HEROKU.contains(name)).collect();
    assert_eq!(explained, read);
}

/// What explains settings to people names each of them that is theirs to set.
#[test]
fn the_readme_and_the_example_explain_every_setting() {
    for (file, text) in
        [("README.md", include_str!("../../README.md")), (".env.example", include_str!("../../.env.example"))]
    {
        for name in SETTINGS.iter().filter(|name| !["DYNO", "TEST_SPEED", "PORT"].contains(name)) {
            assert!(text.contains(name), "{name} is not in {file}");
        }
    }
}

#[test]
fn the_unit_ends_for_good_on_a_wrong_setting_only() {
    let unit = include_str!("../../docs/deploy/amocrm-lead-bot.service");
    for line in ["Restart=always", "RestartPreventExitStatus=78", "NoNewPrivileges=yes", "ProtectSystem=strict"] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
