//! `/metrics`, and the dashboard and alert rules that are built on it.

use std::collections::{BTreeMap, BTreeSet};

use testkit::world::PATIENCE;

use crate::page::site::Site;

/// Series with their values, by the whole text before the value; panics where the format is broken.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let (mut helped, mut typed) = (BTreeSet::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && helped.insert(name), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(typed.insert(name, kind).is_none(), "{line}");
        } else {
            let (what, value) = line.rsplit_once(' ').expect("a value");
            let name = what.split('{').next().expect("a name");
            assert!(name.starts_with("amocrm_lead_bot_"), "{line}");
            assert!(helped.contains(name), "{line}");
            let kind = typed[name];
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line} is a {kind}");
            let value = value.parse::<f64>().expect("a number");
            assert!(series.insert(what.to_owned(), value).is_none(), "{line} comes twice");
        }
    }
    series
}

fn names(series: &BTreeMap<String, f64>) -> BTreeSet<String> {
    series.keys().map(|key| key.split('{').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn figures_follow_a_lead_and_an_outage() {
    let site = Site::started().await;
    site.a_lead("Иван").await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let answer = loop {
        let answer = site.get("/metrics").await;
        // The counts come from the store and from memory, one after the other: a delivery may fall between them.
        let delivered = ["leads_delivered_total 1", "leads_waiting 0"]
            .iter()
            .all(|line| answer.body.contains(&format!("\namocrm_lead_bot_{line}\n")));
        if delivered || tokio::time::Instant::now() > deadline {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let series = parse(&answer.body);
    let value = |name: &str| series.get(&format!("amocrm_lead_bot_{name}")).copied();
    for (name, expected) in [
        ("leads_delivered_total", 1.0),
        ("leads_waiting", 0.0),
        ("leads_rejected", 0.0),
        ("oldest_waiting_age_seconds", 0.0),
        ("healthy", 1.0),
        ("store_up", 1.0),
        ("token_usable", 1.0),
        ("token_problem", 0.0),
        ("breaker_open{trouble=\"tokens_revoked\"}", 0.0),
        ("delivery_failures_total{trouble=\"unreachable\"}", 0.0),
        ("creates_ambiguous_total", 0.0),
        ("creates_repeated_total", 0.0),
        ("updates_unparsable_total", 0.0),
        ("updates_set_aside", 0.0),
    ] {
        assert_eq!(value(name), Some(expected), "{name}\n{}", answer.body);
    }
    let now = chrono::Utc::now().timestamp() as f64;
    for name in ["last_poll_timestamp_seconds", "last_crm_success_timestamp_seconds", "start_time_seconds"] {
        assert!(value(name).is_some_and(|at| (now - 60.0..now + 5.0).contains(&at)), "{name}\n{}", answer.body);
    }
    let end = value("token_expiry_timestamp_seconds{kind=\"pair\"}").expect("the token's end");
    assert!((now + 3600.0..now + 25.0 * 3600.0).contains(&end), "{end}");
    assert!(value("telegram_sends_total{result=\"taken\"}").is_some_and(|sends| sends >= 6.0));
    assert!(value("updates_total").is_some_and(|updates| updates >= 6.0));

    site.world.amocrm.revoke_all();
    site.a_lead("Мария").await;
    site.admin.sees("Заявки не попадают в amoCRM").await;
    let series = parse(&site.get("/metrics").await.body);
    let value = |name: &str| series.get(&format!("amocrm_lead_bot_{name}")).copied();
    assert_eq!(value("leads_waiting"), Some(1.0));
    let open: Vec<_> = series.iter().filter(|(name, value)| name.contains("breaker_open") && **value == 1.0).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    let failures: f64 = series.iter().filter(|(name, _)| name.contains("failures_total")).map(|(_, value)| value).sum();
    assert!(failures >= 1.0);
    assert!(value("outage_start_timestamp_seconds").is_some());
    site.nothing_secret_in(&site.get("/metrics").await.body);
}

#[tokio::test]
async fn without_amocrm_there_are_metrics_too() {
    let mut site = Site::new().await;
    site.world.env.retain(|name, _| !name.starts_with("AMOCRM_"));
    site.start().await;
    let names = names(&parse(&site.get("/metrics").await.body));
    assert!(names.contains("amocrm_lead_bot_leads_waiting") && !names.contains("amocrm_lead_bot_token_usable"));
}

/// Every metric that is named in a text.
fn named(text: &str) -> BTreeSet<String> {
    let whole = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    text.match_indices("amocrm_lead_bot_").map(|(at, _)| text[at..at + whole(&text[at..])].to_owned()).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alert_rules_name_metrics_that_exist() {
    let site = Site::started().await;
    site.a_lead("Иван").await;
    site.world.until("delivered", |world| world.amocrm.leads().iter().any(|lead| !lead.notes.is_empty())).await;
    site.world.amocrm.revoke_all();
    site.a_lead("Мария").await;
    site.admin.sees("Заявки не попадают в amoCRM").await;
    let exported = names(&parse(&site.get("/metrics").await.body));
    let dashboard = include_str!("../../../docs/deploy/grafana-dashboard.json");
    let alerts = include_str!("../../../docs/deploy/alerts.yml");
    serde_json::from_str::<serde_json::Value>(dashboard).expect("the dashboard is JSON");
    let rules: serde_json::Value = serde_norway::from_str(alerts).expect("the rules are YAML");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    assert!(rules.len() >= 6);
    for rule in rules {
        assert!(rule["expr"].is_string() && rule["annotations"]["summary"].is_string(), "{rule}");
    }
    for (file, text) in [("the dashboard", dashboard), ("the alert rules", alerts)] {
        let named = named(text);
        assert!(named.len() >= 6, "{file}: {named:?}");
        for name in named {
            assert!(exported.contains(&name), "{file} names {name}, which is not exported: {exported:?}");
        }
    }
}
