//! Any command as the service's user and with the service's settings: what `lead-bot` of the package does.
//!
//! **Promise.** It needs no terminal, no `PATH` and no `HOME`, so it may stand in a crontab. The command takes this process's
//! place, so its exit code, its signals and its terminal are its own. Settings go to it by its environment, which is its
//! user's and root's alone to read, and never by its arguments. Without a command it prints help: the bot itself runs once,
//! as the service.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::unix::{fs::MetadataExt, process::CommandExt},
    process::{Command, ExitCode},
};

use clap::CommandFactory;

use super::{
    CommandError,
    cli::{Asked, Cli, Given, ProgramCommand, spoken},
    output::{errln, outln},
};
use crate::{
    called::{self, Called, SERVICE},
    config::SETTINGS,
    files,
    setup::assignments,
};

/// What people type; help speaks of it by this name.
const LEAD_BOT: &str = "lead-bot";

/// What a command may need of the terminal and of the language of whoever calls it; nothing else comes along.
const KEPT: [&str; 9] =
    ["TERM", "COLORTERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "LANG", "LANGUAGE"];

/// Settings that the package decides, and what is of other machines.
const OF_THE_PACKAGE: [&str; 3] = ["DATA_DIR", "DYNO", "PORT"];

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What came of a command that did not take this process's place.
#[derive(Debug)]
pub enum Ended {
    /// It is done.
    With(ExitCode),
    /// It is one of the program itself, which anybody may run as they are.
    AsksForTheProgram(ProgramCommand),
}

impl Given {
    /// Becomes the command, unless that cannot be.
    pub fn run(&self) -> Result<Ended, CommandError> {
        let called = whose();
        called.keep();
        match self.parsed(called) {
            // Also help and version, which anybody may see.
            Err(told) => {
                let _ = told.print();
                return Ok(Ended::With(ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2))));
            }
            Ok(Cli { command: None }) => {
                // In colours on a terminal only.
                let _ = spoken(Cli::command(), called).bin_name(LEAD_BOT).print_help();
                outln!("The bot itself runs as a service: systemctl status {SERVICE}");
                return Ok(Ended::With(ExitCode::SUCCESS));
            }
            Ok(Cli { command: Some(Asked::Program(command)) }) if !command.is_as_service() => {
                return Ok(Ended::AsksForTheProgram(command));
            }
            Ok(_) => {}
        }
        if !rustix::process::geteuid().is_root() {
            return Err(failed(format!("The bot's settings are for root to read: sudo {LEAD_BOT} …")));
        }
        let owner = self.owner()?;
        let settings = self.read_settings()?;
        let sets_up = self.command.first().is_some_and(|name| name == "setup");
        let Some(settings) = settings.or_else(|| sets_up.then(Vec::new)) else {
            return Err(CommandError::Wrong(vec![format!(
                "{} is not there: the bot is not set up yet. Run: {} setup",
                self.settings.display(),
                called.name()
            )]));
        };
        let mut command = self.command_with(settings, called)?;
        if sets_up {
            // It stays root's, as it writes what only root may write, and gives to the service's user what is theirs; what root
            // gives it is tried and written like an answer.
            command.envs(given_settings(std::env::vars_os()));
        } else {
            // Groups of root's go, too: std drops them with the user.
            command.uid(owner.0).gid(owner.1);
        }
        Err(failed(format!("the command cannot be started: {}", files::why(&command.exec()))))
    }

    fn parsed(&self, called: Called) -> Result<Cli, clap::Error> {
        Cli::of([OsString::from(LEAD_BOT)].into_iter().chain(self.command.iter().cloned()), called)
    }

    /// Whether a program reads what the command says.
    pub fn is_json(&self) -> bool {
        self.parsed(whose()).is_ok_and(|cli| matches!(cli.command, Some(Asked::Bot(command)) if command.is_json()))
    }

    /// User and group of the service.
    fn owner(&self) -> Result<(u32, u32), CommandError> {
        let folder = self.folder.display();
        let meta = std::fs::metadata(&self.folder)
            .map_err(|error| failed(format!("{folder}: {}; is the service installed?", files::why(&error))))?;
        if meta.uid() == 0 {
            return Err(failed(format!(
                "{folder} belongs to root, and the service has a user of its own: chown amocrm-lead-bot: {folder}"
            )));
        }
        Ok((meta.uid(), meta.gid()))
    }

    /// The service's settings; `None` where there are none yet.
    fn read_settings(&self) -> Result<Option<Vec<(String, String)>>, CommandError> {
        let name = self.settings.display();
        let cannot = |error: io::Error| failed(format!("{name}: {}", files::why_of(&self.settings, &error)));
        let mut file = match File::open(&self.settings) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(error)),
        };
        if files::close_to_others(&file).unwrap_or(false) {
            errln!("{name}: other users of this machine could read it; now they cannot");
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            CommandError::Wrong(vec![format!("{name}: is not UTF-8 text; save it as UTF-8 in your editor")])
        })?;
        let read = assignments::read(&text);
        for line in read.passed_over {
            errln!("{name}: line {line} is not NAME=value, and the service passes it over");
        }
        Ok(Some(read.values))
    }

    fn command_with(&self, settings: Vec<(String, String)>, called: Called) -> Result<Command, CommandError> {
        let program = std::env::current_exe()
            .map_err(|error| failed(format!("this program's own file cannot be found: {}", files::why(&error))))?;
        let mut command = Command::new(program);
        command.arg0(LEAD_BOT).args(&self.command).env_clear().current_dir(&self.folder);
        let named = self.command.iter().filter_map(|argument| named_variable(argument));
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if KEPT.contains(&&*text) || text.starts_with("LC_") || named.clone().any(|named| named == text) {
                command.env(&name, value);
            }
        }
        // As systemd sets them for the service.
        command.env("PATH", PATH).env("HOME", &self.folder).env("DATA_DIR", &self.folder).envs(settings);
        command.env(called::VARIABLE, called.name());
        Ok(command)
    }
}

/// How the caller has to type it the next time.
fn whose() -> Called {
    let has_sudo = std::env::var_os("SUDO_UID").is_some() || !rustix::process::geteuid().is_root();
    if has_sudo { Called::BySudo } else { Called::ByRoot }
}

/// Settings of the bot among the caller's variables: `sudo TELEGRAM_PROXY=… lead-bot setup`. Where the service has its folder
/// is the package's matter.
fn given_settings(variables: impl Iterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter(|(name, value)| {
        let is_setting = name.to_str().is_some_and(|name| SETTINGS.contains(&name) && !OF_THE_PACKAGE.contains(&name));
        is_setting && !value.is_empty()
    })
}

/// The variable that an argument takes a secret from: `env:NAME`, also behind `--option=`.
fn named_variable(argument: &OsStr) -> Option<String> {
    let text = argument.to_str()?;
    let value = if text.starts_with("--") { text.split_once('=')?.1 } else { text };
    value.strip_prefix("env:").map(str::to_owned)
}

fn failed(text: String) -> CommandError {
    CommandError::Failed(text)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_variable_that_an_argument_names_comes_along() {
        for (argument, name) in [
            ("env:CODE", Some("CODE")),
            ("--code=env:CODE", Some("CODE")),
            ("--code", None),
            ("CODE", None),
            ("a=env:CODE", None),
        ] {
            assert_eq!(named_variable(OsStr::new(argument)).as_deref(), name, "{argument}");
        }
    }

    #[test]
    fn a_program_that_asks_for_json_has_it_whatever_is_in_the_way() {
        for (command, is_json) in [
            (&["status", "--json"][..], true),
            (&["leads", "list", "--json"], true),
            (&["status"], false),
            (&["status", "--jsn"], false),
            (&["completions", "bash"], false),
            (&[], false),
        ] {
            let command = command.iter().map(OsString::from).collect();
            let given = Given { settings: PathBuf::new(), folder: PathBuf::new(), command };
            assert_eq!(given.is_json(), is_json, "{:?}", given.command);
        }
    }

    #[test]
    fn settings_that_setup_is_given_by_its_caller_come_along_and_nothing_else() {
        let caller = [
            ("TELEGRAM_PROXY", "socks5://127.0.0.1:9050"),
            ("AMOCRM_BASE_URL", "http://127.0.0.1:1"),
            ("BOT_TOKEN", ""),
            ("DATA_DIR", "/root"),
            ("PORT", "80"),
            ("LD_PRELOAD", "x.so"),
            ("HOME", "/root"),
        ];
        let caller = caller.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let given: Vec<_> = given_settings(caller.into_iter()).map(|(name, _)| name).collect();
        assert_eq!(given, ["TELEGRAM_PROXY", "AMOCRM_BASE_URL"]);
    }

    #[test]
    fn a_command_has_the_settings_in_its_environment_and_nothing_of_them_in_its_arguments() {
        let folder = tempfile::tempdir().expect("a folder");
        let given = Given {
            settings: folder.path().join("absent.env"),
            folder: folder.path().to_owned(),
            command: ["leads", "list", "--full"].map(OsString::from).into(),
        };
        assert!(given.read_settings().expect("nothing is wrong").is_none());
        let settings = vec![("BOT_TOKEN".into(), "1:secret".into()), ("DATA_DIR".into(), "/elsewhere".into())];
        let command = given.command_with(settings, Called::BySudo).expect("this program is there");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["leads", "list", "--full"]);
        let set = |name: &str| command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        assert_eq!(set("BOT_TOKEN"), Some(OsStr::new("1:secret")));
        // Whatever the unit sets, its file of settings has the last word.
        assert_eq!(set("DATA_DIR"), Some(OsStr::new("/elsewhere")));
        assert_eq!(set("HOME"), Some(folder.path().as_os_str()));
        assert_eq!(set(called::VARIABLE), Some(OsStr::new("sudo lead-bot")));
        assert_eq!(set("CARGO_MANIFEST_DIR"), None, "of the caller's environment only what is named comes along");
    }
}
