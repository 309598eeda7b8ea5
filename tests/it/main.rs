//! Every test that needs more than the library: the daemon, the client and the store against real servers on loopback.
//!
//! One binary, so that everything is linked once and the private PostgreSQL is started once. A suite is a module:
//! `cargo test --test it page::`.

mod admin;
mod amocrm_client;
mod completions;
mod consent;
mod dealer_form;
mod dependencies;
mod documents;
mod fake_amocrm;
mod fake_telegram;
mod files;
mod later;
mod main_job;
mod managers;
mod mine;
mod nothing_lost;
mod page;
mod repeat;
mod rooms;
mod sandbox;
mod setup;
mod sources;
mod standby;
mod statuses;
mod store;
mod talk;
mod topics;
mod unfinished;
mod withdrawal;
