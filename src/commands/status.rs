use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{amocrm::TokenKind, clock::date, config::Config, daemon, delivery::shortages, notice::Shortage};

use super::CommandError;

/// What `status --json` prints; times are RFC 3339, UTC.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    daemon_running: bool,
    waiting: i64,
    rejected: i64,
    unsure: i64,
    delivered_last_24h: i64,
    oldest_waiting_since: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    messages_owed: i64,
    updates_set_aside: i64,
    outage_since: Option<DateTime<Utc>>,
    goes_without: Vec<Without>,
    tokens: Tokens,
}

/// What of the settings amoCRM does not take.
#[derive(Debug, Serialize)]
struct Without {
    #[serde(flatten)]
    what: Shortage,
    setting: String,
    since: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct Tokens {
    configured: bool,
    kind: &'static str,
    source: Option<String>,
    access_expires_at: Option<DateTime<Utc>>,
    refreshed_at: Option<DateTime<Utc>>,
    problem: Option<String>,
}

/// Tells what waits and how the tokens are, without asking amoCRM.
pub async fn run(config: &Config, json: bool) -> Result<ExitCode, CommandError> {
    let store = super::store(config).await?;
    let day_ago = store.clock().now() - 24 * 3600 * 1000;
    let totals = store.totals(day_ago).await?;
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        daemon_running: super::is_daemon_running(config, &store).await?,
        waiting: totals.waiting,
        rejected: totals.rejected,
        unsure: totals.unsure,
        delivered_last_24h: totals.delivered_since,
        oldest_waiting_since: totals.oldest_waiting_at.map(date),
        last_delivery_at: totals.last_delivery_at.map(date),
        messages_owed: store.messages_owed().await?,
        updates_set_aside: store.set_aside_count().await?,
        outage_since: store.alert("outage").await?.map(|alert| date(alert.opened_at)),
        goes_without: shortages(&store)
            .await?
            .into_iter()
            .map(|short| Without { setting: short.what.setting(), since: date(short.since), what: short.what })
            .collect(),
        tokens: tokens(config, &store).await?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&status).unwrap_or_default());
    } else {
        print(&status);
        super::tell_of_the_file(config, &store).await?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn tokens(config: &Config, store: &crate::store::Store) -> Result<Tokens, CommandError> {
    let Some(settings) = &config.amocrm else {
        return Ok(Tokens {
            configured: false,
            kind: "none",
            source: None,
            access_expires_at: None,
            refreshed_at: None,
            problem: Some("no amoCRM settings".into()),
        });
    };
    let info = daemon::open_crm(settings, config, store)?.tokens().info().await?;
    Ok(Tokens {
        configured: true,
        kind: match info.kind {
            TokenKind::None => "none",
            TokenKind::LongLived => "long_lived",
            TokenKind::Pair => "pair",
            TokenKind::Unreadable => "unreadable",
        },
        source: info.source.map(|source| source.to_string()),
        access_expires_at: info.access_expires_at,
        refreshed_at: info.refreshed_at,
        problem: info.problem.map(|problem| problem.to_string()),
    })
}

fn print(status: &Status) {
    let at = |at: Option<DateTime<Utc>>| {
        at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
    };
    println!("amocrm-lead-bot {}", status.version);
    println!("daemon:            {}", if status.daemon_running { "running" } else { "not running" });
    println!("waiting:           {} (oldest since {})", status.waiting, at(status.oldest_waiting_since));
    println!("  of them unsure:  {}", status.unsure);
    println!("rejected:          {}", status.rejected);
    println!("delivered (24 h):  {}", status.delivered_last_24h);
    println!("last delivery:     {}", at(status.last_delivery_at));
    println!("outage since:      {}", at(status.outage_since));
    for without in &status.goes_without {
        println!("goes without:      {} (amoCRM does not take it, since {})", without.setting, at(Some(without.since)));
    }
    println!("messages owed:     {}", status.messages_owed);
    println!("updates set aside: {}", status.updates_set_aside);
    let tokens = &status.tokens;
    println!(
        "tokens:            {}{}",
        tokens.kind,
        tokens.source.as_ref().map_or_else(String::new, |s| format!(" from {s}"))
    );
    println!("  access until:    {}", at(tokens.access_expires_at));
    if let Some(problem) = &tokens.problem {
        println!("  problem:         {problem}");
    }
}
