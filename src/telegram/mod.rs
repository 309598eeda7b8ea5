//! Telegram: update listener, dialogue (pure turns, thin handlers), keyboards, messages, owed messages.
//!
//! Knows the domain and the store, never amoCRM: it hands leads to the store, and outcomes come back as owed messages.

pub mod admin_texts;
mod answer;
pub mod api;
pub mod client;
pub mod dialogue;
pub mod dispatch;
pub mod groups;
pub mod handlers;
pub mod input;
pub mod intake;
mod keyboards;
pub mod listener;
pub mod me;
pub mod messages;
pub mod outbox;
pub(crate) mod pace;
pub mod reading;
pub mod repeats;
pub mod routes;
pub mod storage;
mod strays;
