//! amocrm-lead-bot stands between car buyers on Telegram and a dealer's amoCRM.
pub mod amocrm;
pub mod bot;
pub mod clock;
pub mod config;
pub mod lead;
pub mod notice;
pub mod store;
pub mod telemetry;
