//! Commands of the program itself, which need no settings.

use std::{path::Path, process::ExitCode};

use clap::CommandFactory;

use super::{
    CommandError,
    as_service::Ended,
    cli::{Cli, ProgramCommand},
    completing, output,
};
use crate::files;

impl ProgramCommand {
    /// Does it.
    pub fn run(self) -> Result<ExitCode, CommandError> {
        match self {
            Self::Completions { shell, name } => {
                output::bytes(completing::script(shell, &name).as_bytes());
                Ok(ExitCode::SUCCESS)
            }
            Self::ManPages { folder } => write_man_pages(&folder),
            Self::AsService(given) => match given.run()? {
                Ended::With(code) => Ok(code),
                Ended::AsksForTheProgram(command) => command.run(),
            },
        }
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self, Self::AsService(given) if given.is_json())
    }
}

/// One page for each command.
fn write_man_pages(folder: &Path) -> Result<ExitCode, CommandError> {
    // No version: the pages are the same until a command changes, and the package has its own.
    let command = Cli::command().name("amocrm-lead-bot").version(clap::builder::Resettable::Reset);
    files::make_folder(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|error| CommandError::Failed(format!("{}: {}", folder.display(), files::why(&error))))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    fn visible() -> Vec<String> {
        let cli = Cli::command();
        cli.get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| command.get_name().into())
            .collect()
    }

    #[test]
    fn every_shell_completes_every_command_under_both_names() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            for name in ["amocrm-lead-bot", "lead-bot"] {
                let script = completing::script(shell, name);
                for command in visible() {
                    assert!(script.contains(&command), "{shell} {name}: {command}");
                }
                assert!(script.contains(name), "{shell}");
                for hidden in ["man-pages", "as-service"] {
                    assert!(!script.contains(hidden), "{shell}: {hidden}");
                }
            }
        }
    }

    #[test]
    fn every_command_has_a_page_and_no_page_names_a_version() {
        let folder = tempfile::tempdir().expect("a folder");
        write_man_pages(folder.path()).expect("written");
        let whole = std::fs::read_to_string(folder.path().join("amocrm-lead-bot.1")).expect("the first page");
        assert!(!whole.contains(env!("CARGO_PKG_VERSION")), "{whole}");
        for command in visible() {
            let page = folder.path().join(format!("amocrm-lead-bot-{command}.1"));
            assert!(std::fs::read_to_string(page).is_ok_and(|page| page.contains("SYNOPSIS")), "{command}");
        }
        assert!(!folder.path().join("amocrm-lead-bot-as-service.1").exists());
    }
}
