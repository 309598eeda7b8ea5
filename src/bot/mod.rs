//! Telegram: update listener, dialogue (pure turns, thin handlers), keyboards, messages, owed messages.
//!
//! Knows the domain and the store, never amoCRM: it hands leads to the store, and outcomes come back as owed messages.

pub mod admin_texts;
pub mod api;
pub mod dialogue;
pub mod dispatch;
pub mod handlers;
pub mod input;
pub mod intake;
mod keyboards;
pub mod listener;
pub mod messages;
pub mod outbox;
pub mod repeats;
pub mod storage;
pub mod telegram;
