//! The web page, health and metrics of the daemon, and what the admin is told of tokens before they end.

mod attacks;
mod browser;
mod callback;
mod deploy;
mod dyno;
mod gate;
mod health;
mod metrics;
pub mod site;
mod tokens;
