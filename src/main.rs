//! Parses the command line and hands over to a command; nothing else.

use std::process::ExitCode;

use amocrm_lead_bot::commands;

fn main() -> ExitCode {
    commands::main(commands::Cli::typed())
}
