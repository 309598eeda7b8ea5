//! Logging: human lines or JSON (`LOG_FORMAT=json`), nothing personal, nothing secret.

use tracing_subscriber::EnvFilter;

/// What is logged without `RUST_LOG`; the libraries' own lines may quote addresses with tokens, so they stay quiet.
const DEFAULT_FILTER: &str = "warn,amocrm_lead_bot=info,teloxide=off,teloxide_core=off,sqlx=off,reqwest=off,hyper=off";

/// Sets the process's logging up; called once, by `main`.
pub fn init() {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let wanted = set("RUST_LOG")
        .map(|filter| EnvFilter::try_new(format!("{filter},teloxide=off,teloxide_core=off,reqwest=off,hyper=off")));
    let filter_is_wrong = matches!(wanted, Some(Err(_)));
    let filter = wanted.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let format = set("LOG_FORMAT").unwrap_or_else(|| "human".into()).to_lowercase();
    // A log that cannot be written (its disk is full) must not take the daemon with it: the complaint about it would go
    // to the same place, and panic.
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second initialisation can only come from a test that runs the daemon in its own process.
    let _ =
        if format == "json" { lines.json().flatten_event(true).try_init() } else { lines.with_ansi(false).try_init() };
    if filter_is_wrong {
        tracing::warn!("RUST_LOG cannot be read and is left aside; an example: amocrm_lead_bot=debug");
    }
    if !["human", "json"].contains(&format.as_str()) {
        tracing::warn!("LOG_FORMAT is neither human nor json; the log is for humans");
    }
}
