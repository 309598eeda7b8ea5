//! amocrm-lead-bot stands between car buyers on Telegram and a dealer's amoCRM.
//!
//! The promise: once the buyer has seen the request number, the lead is in amoCRM exactly once, sooner or later.
//!
//! The rooms, lower ones first; each knows only those before it:
//! - [`clock`]: what time it is, and how fast it runs in tests
//! - [`fault`]: where tests may kill the process; empty in a release
//! - [`called`]: by which name people call the program
//! - [`net`]: every HTTP client, and how answers are read
//! - [`files`]: files for their owner alone, replaced whole
//! - [`lead`]: the domain, no I/O
//! - [`notice`]: what people are told, as values
//! - [`form`]: the questions, and the dialogue that asks them
//! - [`config`], [`telemetry`]: settings and logging
//! - [`working_time`]: when somebody works
//! - [`wording`]: those values in words, in the languages of `locales/`
//! - [`store`]: what must survive
//! - [`consent`]: the document that buyers consent to, and what proves it
//! - [`crm`]: the CRM
//! - [`delivery`]: a lead's way from the store to amoCRM
//! - [`backup`][]: `backup_leads.json`
//! - [`privacy`]: forgetting a person, and what is old
//! - [`unfinished`]: reminding buyers of forms they have left
//! - [`watching`]: what becomes of leads in amoCRM, so that buyers hear of it
//! - [`telegram`]: Telegram; knows the store, never amoCRM
//! - [`talk`]: what managers say to buyers from their group
//! - [`attachments`]: buyers' files, from Telegram to their leads in amoCRM
//! - [`managers`]: the managers' chat, and leads as they work on them
//! - [`stats`]: what came of requests, counted, drawn and told
//! - [`alerts`]: what the admin is told and when
//! - [`admin`]: the admin's chat, and authorizing again
//! - [`vitals`]: whether all is well
//! - [`http`]: the page that takes the authorization code, health and metrics
//! - [`daemon`]: builds the parts and runs them
//! - [`setup`]: setting the bot up: what is written, made and looked for
//! - [`commands`]: the command line

// `println!` panics when nobody reads any more; `commands::output` says things.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod admin;
pub mod alerts;
pub mod attachments;
pub mod backup;
pub mod called;
pub mod clock;
pub mod commands;
pub mod config;
pub mod consent;
pub mod crm;
pub mod daemon;
pub mod delivery;
pub mod fault;
pub mod files;
pub mod form;
pub mod http;
pub mod lead;
pub mod managers;
pub mod net;
pub mod notice;
pub mod privacy;
pub mod setup;
pub mod stats;
pub mod store;
pub mod talk;
pub mod telegram;
pub mod telemetry;
pub mod unfinished;
pub mod vitals;
pub mod watching;
pub mod wording;
pub mod working_time;
