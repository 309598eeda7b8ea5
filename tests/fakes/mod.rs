//! Strict stand-ins for the two services the bot talks to, shared by the tests and the sandbox.

pub mod amocrm;
pub mod telegram;
