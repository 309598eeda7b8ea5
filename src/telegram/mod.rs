//! Telegram: update listener, dialogue (pure turns, thin handlers), outbox.
//!
//! Knows the domain and the store, never amoCRM: it hands leads to the store, and outcomes come back through the outbox.

mod answer;
pub mod api;
pub mod chat;
pub mod client;
mod consent;
pub mod context;
mod counters;
pub mod dispatch;
mod finishing;
pub mod groups;
pub mod handlers;
pub mod input;
pub mod intake;
pub mod lang;
pub mod later;
pub mod listener;
mod markup;
pub mod me;
mod message_flood;
mod my_requests;
pub mod outbox;
pub(crate) mod pace;
pub mod reading;
mod recent;
pub mod routes;
pub mod setup_code;
pub mod storage;
mod strays;
mod turn;
