//! The files for deployment name settings that exist, and all of them.

use std::collections::BTreeSet;

/// Set by the platform, or of no use there.
const NOT_ON_HEROKU: [&str; 6] = ["DATABASE_URL", "DATA_DIR", "DYNO", "HTTP_ADDR", "PORT", "TEST_SPEED"];

/// Read outside the settings' room.
const OF_LOGGING: [&str; 2] = ["LOG_FORMAT", "RUST_LOG"];

#[test]
fn app_json_explains_every_setting() {
    let app: serde_json::Value = serde_json::from_str(include_str!("../../app.json")).expect("JSON");
    let env = app["env"].as_object().expect("settings");
    let explained: BTreeSet<&str> = env.keys().map(String::as_str).collect();
    for (name, setting) in env {
        assert!(setting["description"].as_str().is_some_and(|text| text.len() > 12), "{name}");
        assert_eq!(setting["required"].as_bool() != Some(false), name == "BOT_TOKEN", "{name}");
    }
    let source = include_str!("../../src/config.rs").split("mod tests").next().unwrap_or_default();
    let is_name = |text: &str| {
        text.contains('_')
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let mut read: BTreeSet<&str> = source.split('"').filter(|text| is_name(text) || *text == "PORT").collect();
    read.extend(OF_LOGGING);
    read.retain(|name| !NOT_ON_HEROKU.contains(name));
    assert_eq!(explained, read);
}

#[test]
fn the_unit_ends_for_good_on_a_wrong_setting_only() {
    let unit = include_str!("../../docs/deploy/amocrm-lead-bot.service");
    for line in ["Restart=always", "RestartPreventExitStatus=78", "NoNewPrivileges=yes", "ProtectSystem=strict"] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
