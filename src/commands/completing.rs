//! What shells need to complete commands on Tab.

use clap::{
    Command, CommandFactory,
    builder::{Resettable, Str},
};
use clap_complete::Shell;

use super::cli::Cli;

/// In bash functions and labels are made of the program's name, and those of a name with a hyphen never meet.
const STAND_IN: &str = "lead_bot";

/// The script for a shell, where the program is called by this name. What is hidden in help is not offered.
pub fn script(shell: Shell, name: &str) -> String {
    let mut command = offered(&Cli::command());
    let called = if shell == Shell::Bash { STAND_IN } else { name };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, called, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash { of_bash(&script, name) } else { script }
}

/// A command with all that belongs to it, without what is hidden.
fn offered(command: &Command) -> Command {
    Command::new(command.get_name().to_owned())
        .about(Resettable::from(command.get_about().cloned()))
        .version(Resettable::from(command.get_version().map(|version| Str::from(version.to_owned()))))
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(offered))
}

/// Under its own name instead of the stand-in, and with `--option=value` read as bash gives it: three words.
fn of_bash(script: &str, name: &str) -> String {
    const PREVIOUS: &str = "    prev=\"$3\"\n";
    let own = name.replace('-', "_");
    let mut text = String::with_capacity(script.len() + 200);
    for line in script.lines() {
        let line = line.replace(STAND_IN, &own);
        match line.strip_suffix(&format!(" {own}")) {
            Some(before) if line.trim_start().starts_with("complete ") => text.push_str(&format!("{before} {name}")),
            _ => text.push_str(&line),
        }
        text.push('\n');
    }
    text.replacen(
        PREVIOUS,
        &format!(
            "{PREVIOUS}    [[ \"${{cur}}\" == \"=\" ]] && prev=\"=\" && cur=\"\"\n    \
             [[ \"${{prev}}\" == \"=\" ]] && prev=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n    \
             [[ \"${{prev}}\" == \"=\" ]] && prev=\"${{COMP_WORDS[COMP_CWORD-2]}}\"\n"
        ),
        1,
    )
}
