//! Issue C without its page: tokens that heal themselves, and an admin who can fix anything from a phone.
//!
//! The compiled daemon between two fakes, looked at from the admin's chat.

mod alerts;
mod authorize;
pub(crate) mod chat;
mod commands;
mod groups;
mod leads;
mod reach;
mod strangers;
mod tokens;
