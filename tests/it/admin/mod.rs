//! Issue C without its page: tokens that heal themselves, and an admin who can fix anything from a phone.
//!
//! The compiled daemon between two fakes, looked at from the admin's chat.

mod alerts;
mod authorize;
mod commands;
pub(crate) mod desk;
mod groups;
mod leads;
mod reach;
mod strangers;
mod tokens;
