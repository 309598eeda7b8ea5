//! Logging: human lines or JSON (`LOG_FORMAT=json`), nothing personal, nothing secret.

use tracing_subscriber::EnvFilter;

/// What is logged without `RUST_LOG`; the libraries' own lines may quote addresses with tokens, so they stay quiet.
const DEFAULT_FILTER: &str = "warn,amocrm_lead_bot=info,teloxide=off,teloxide_core=off,sqlx=off,reqwest=off,hyper=off";

/// Sets the process's logging up; called once, by `main`.
pub fn init() {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.trim().is_empty())
        .and_then(|filter| {
            EnvFilter::try_new(format!("{filter},teloxide=off,teloxide_core=off,reqwest=off,hyper=off")).ok()
        })
        .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    // A log that cannot be written (its disk is full) must not take the daemon with it: the complaint about it would go
    // to the same place, and panic.
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second initialisation can only come from a test that runs the daemon in its own process.
    let _ = if std::env::var("LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_ansi(false).try_init()
    };
}
