//! The main job, end to end, as buyers, the admin and the operator see it: the compiled daemon between two fakes.

mod answers;
mod backup_file;
mod commands;
mod copies;
mod dialogue;
pub mod forget;
mod happy;
mod incident;
mod languages;
mod limits;
mod misplaced;
mod my;
mod new_tokens;
mod printed;
mod rubbish;
mod secrets;
mod starting;
mod status;
mod stopping;
mod updates;
