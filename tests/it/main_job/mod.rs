//! The main job, end to end, as buyers, the admin and the operator see it: the compiled daemon between two fakes.

#[path = "main_job/answers.rs"]
mod answers;
#[path = "main_job/backup_file.rs"]
mod backup_file;
#[path = "main_job/commands.rs"]
mod commands;
#[path = "main_job/dialogue.rs"]
mod dialogue;
mod fakes;
#[path = "main_job/forget.rs"]
mod forget;
#[path = "main_job/happy.rs"]
mod happy;
#[path = "main_job/incident.rs"]
mod incident;
#[path = "main_job/limits.rs"]
mod limits;
#[path = "main_job/misplaced.rs"]
mod misplaced;
#[path = "main_job/rubbish.rs"]
mod rubbish;
#[path = "main_job/secrets.rs"]
mod secrets;
#[path = "main_job/starting.rs"]
mod starting;
#[path = "main_job/stopping.rs"]
mod stopping;
mod support;
#[path = "main_job/updates.rs"]
mod updates;
