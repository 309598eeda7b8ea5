//! By which name people call this program, so that what it tells them to run is what they can type, and where the package has
//! what is the bot's.
//!
//! The Debian package has `lead-bot` for people, which runs any command as the service's user; it says so to the command by
//! the variable [`VARIABLE`].

use std::sync::OnceLock;

/// Tells a command how people have called it: `lead-bot`, or `sudo lead-bot`.
pub const VARIABLE: &str = "LEAD_BOT";

/// The program's own name.
pub const PROGRAM: &str = "amocrm-lead-bot";

/// Where the package has its settings and its data.
pub const PACKAGE_SETTINGS: &str = "/etc/amocrm-lead-bot.env";
pub const PACKAGE_DATA: &str = "/var/lib/amocrm-lead-bot";

/// The package's service.
pub const SERVICE: &str = "amocrm-lead-bot.service";

/// Where the package has what is in the folder `docs`.
const DOCS: &str = " /usr/share/doc/amocrm-lead-bot/docs/";

static NOW: OnceLock<Called> = OnceLock::new();

/// How people call the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// By its own name.
    Itself,
    /// As the package's `lead-bot`, by root.
    ByRoot,
    /// The same by somebody who needs `sudo` for it.
    BySudo,
}

impl Called {
    /// As it is now.
    pub fn now() -> Self {
        *NOW.get_or_init(|| Self::of(std::env::var(VARIABLE).ok().as_deref()))
    }

    /// By what stands in [`VARIABLE`].
    fn of(variable: Option<&str>) -> Self {
        match variable {
            None | Some("") => Self::Itself,
            Some("lead-bot") => Self::ByRoot,
            Some(_) => Self::BySudo,
        }
    }

    /// Takes this for the rest of the process, unless something was already said by another name.
    pub fn keep(self) {
        let _ = NOW.set(self);
    }

    /// What people type before a command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Itself => PROGRAM,
            Self::ByRoot => "lead-bot",
            Self::BySudo => "sudo lead-bot",
        }
    }

    /// Whether the package's bot is meant.
    pub fn is_package(self) -> bool {
        self != Self::Itself
    }

    /// A text in which commands are written as `amocrm-lead-bot COMMAND`, with the name that people type; documents, too, are
    /// named by where the package has them.
    pub fn words(self, text: &str) -> String {
        if self == Self::Itself {
            return text.to_owned();
        }
        let text = text.replace(" docs/", DOCS);
        let mut said = String::with_capacity(text.len());
        let mut left = text.as_str();
        while let Some(at) = left.find(PROGRAM) {
            let (before, rest) = left.split_at(at);
            let behind = &rest[PROGRAM.len()..];
            said.push_str(before);
            let is_word = !before.ends_with(|sign: char| sign.is_alphanumeric() || "-_/.".contains(sign));
            let command = behind.strip_prefix(' ').unwrap_or_default();
            let is_command = command.starts_with(|sign: char| sign.is_ascii_lowercase());
            said.push_str(match is_word && is_command {
                // Everybody may have those.
                true if command.starts_with("completions") => "lead-bot",
                true => self.name(),
                false => PROGRAM,
            });
            left = behind;
        }
        said + left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_tells_the_name() {
        for (variable, name) in [
            (None, "amocrm-lead-bot"),
            (Some(""), "amocrm-lead-bot"),
            (Some("lead-bot"), "lead-bot"),
            (Some("sudo lead-bot"), "sudo lead-bot"),
            (Some("1"), "sudo lead-bot"),
        ] {
            assert_eq!(Called::of(variable).name(), name, "{variable:?}");
        }
    }

    #[test]
    fn only_commands_are_said_by_the_other_name() {
        for (text, want) in [
            ("amocrm-lead-bot setup admin", "sudo lead-bot setup admin"),
            ("run `amocrm-lead-bot get-new-tokens`, or", "run `sudo lead-bot get-new-tokens`, or"),
            (
                "x; `amocrm-lead-bot leads list` and `amocrm-lead-bot leads show N`",
                "x; `sudo lead-bot leads list` and `sudo lead-bot leads show N`",
            ),
            ("source <(amocrm-lead-bot completions bash)", "source <(lead-bot completions bash)"),
            ("sudo systemctl restart amocrm-lead-bot", "sudo systemctl restart amocrm-lead-bot"),
            ("`systemctl status amocrm-lead-bot-backup`", "`systemctl status amocrm-lead-bot-backup`"),
            ("systemctl stop amocrm-lead-bot) или", "systemctl stop amocrm-lead-bot) или"),
            ("/var/lib/amocrm-lead-bot then", "/var/lib/amocrm-lead-bot then"),
            ("DATA_DIR=/srv/amocrm-lead-bot amocrm-lead-bot run", "DATA_DIR=/srv/amocrm-lead-bot sudo lead-bot run"),
            ("amocrm-lead-bot 0.2.0", "amocrm-lead-bot 0.2.0"),
            ("Потом: amocrm-lead-bot setup", "Потом: sudo lead-bot setup"),
            ("see docs/settings.md.", "see /usr/share/doc/amocrm-lead-bot/docs/settings.md."),
            ("", ""),
        ] {
            assert_eq!(Called::BySudo.words(text), want);
            assert_eq!(Called::Itself.words(text), text);
            assert_eq!(Called::ByRoot.words(text), want.replace("sudo lead-bot", "lead-bot"));
        }
    }
}
