//! What stands at the end of every `--help`: lines to copy.

use crate::called::{Called, PROGRAM};

/// What `lead-bot` alone does not do, and settings come from its file.
const AS_SERVICE_ONLY: &str = "The bot itself runs as a service: sudo systemctl start amocrm-lead-bot";

/// The end of a help as people can type it. The package's `lead-bot` has the service's settings and starts no bot.
pub fn typed(after_help: &str, called: Called) -> String {
    if !called.is_package() {
        return after_help.to_owned();
    }
    let mut lines: Vec<String> = after_help.lines().filter_map(|line| typed_line(line, called)).collect();
    if lines == ["Examples:"] {
        lines = vec![AS_SERVICE_ONLY.to_owned()];
    }
    lines.join("\n")
}

fn typed_line(line: &str, called: Called) -> Option<String> {
    let Some(command) = line.strip_prefix("  ") else { return Some(called.words(line)) };
    if let Some(what_it_does) = command.strip_prefix(PROGRAM)
        && (what_it_does.starts_with("  ") || what_it_does.starts_with(" run"))
    {
        return None;
    }
    match command.split_once(' ') {
        // What an option takes from the environment comes along, settings do not.
        Some((variable, command)) if variable.contains('=') => {
            let named = variable.split('=').next().is_some_and(|name| command.contains(&format!("env:{name}")));
            let rest = command.strip_prefix(PROGRAM).filter(|_| named)?;
            let name = called.name();
            Some(match name.strip_prefix("sudo ") {
                Some(name) => format!("  sudo {variable} {name}{rest}"),
                None => format!("  {variable} {name}{rest}"),
            })
        }
        _ => Some(called.words(line)),
    }
}

/// Of the program itself.
pub const ALL: &str = "\
Examples:
  amocrm-lead-bot setup                   set the bot up: seven questions
  amocrm-lead-bot check-settings          is everything set right? (--language ru: по-русски)
  amocrm-lead-bot test-amocrm             does amoCRM take the tokens?
  amocrm-lead-bot                         run the bot
  amocrm-lead-bot status                  is all well? what waits?
  amocrm-lead-bot leads list              which requests does amoCRM not have?

Settings come from the environment, from .env in the working directory, and from dealer.toml; see docs/settings.md.
Every command that only reads takes --json. Colours are for terminals; NO_COLOR and CLICOLOR_FORCE are heeded.
Exit codes: 0 done, 1 failed, 2 usage, 78 configuration.";

pub const RUN: &str = "\
Examples:
  amocrm-lead-bot run
  DATA_DIR=/var/lib/amocrm-lead-bot amocrm-lead-bot run
  LOG_FORMAT=json amocrm-lead-bot run";

pub const SETUP: &str = "\
Examples:
  amocrm-lead-bot setup                          seven questions to the first lead
  amocrm-lead-bot setup admin                    changes one thing
  amocrm-lead-bot setup --yes --bot-token env:BOT --admin-chat 123456789 --account acme --access-token @token.txt";

pub const GET_NEW_TOKENS: &str = "\
Examples:
  amocrm-lead-bot get-new-tokens                       asks for the code
  amocrm-lead-bot get-new-tokens --code - < code.txt   takes it from standard input
  CODE=def502… amocrm-lead-bot get-new-tokens --code env:CODE";

pub const RETRY_BACKUP_LEADS: &str = "\
Examples:
  amocrm-lead-bot retry-backup-leads
  amocrm-lead-bot retry-backup-leads || amocrm-lead-bot leads list";

pub const TEST_AMOCRM: &str = "\
Examples:
  amocrm-lead-bot test-amocrm                        pipelines and stages with their ids
  amocrm-lead-bot test-amocrm --create-test-lead     the whole way; delete the lead in amoCRM afterwards
  amocrm-lead-bot test-amocrm --json | jq '.pipelines[] | {id, name}'";

pub const CHECK_SETTINGS: &str = "\
Examples:
  amocrm-lead-bot check-settings
  amocrm-lead-bot check-settings --language ru
  SETTINGS_FILE=new.toml amocrm-lead-bot check-settings --json | jq .questions";

pub const TEST_ALERTS: &str = "\
Examples:
  amocrm-lead-bot test-alerts
  amocrm-lead-bot test-alerts --json | jq '.telegram_routes[] | select(.works | not)'";

pub const STATUS: &str = "\
Examples:
  amocrm-lead-bot status
  amocrm-lead-bot status --json | jq .verdict
  amocrm-lead-bot status > /dev/null || echo 'no access to amoCRM'";

pub const PREVIEW: &str = "\
Examples:
  amocrm-lead-bot preview
  amocrm-lead-bot preview --lang en
  printf 'Иван\\n8 999 123-45-67\\n2 млн\\n' | amocrm-lead-bot preview";

pub const TEXTS: &str = "\
Examples:
  amocrm-lead-bot texts ru | less
  amocrm-lead-bot texts ru --json | jq -r '.texts[] | select(.id == \"accepted\") | .text'";

pub const LINKS: &str = "\
Examples:
  amocrm-lead-bot links                              of every [[source]]
  amocrm-lead-bot links avito --png avito.png        one, with its QR code as a picture
  amocrm-lead-bot links avito --bot my_cars_bot      without asking Telegram";

pub const MOVE_STORE: &str = "\
Examples:
  amocrm-lead-bot move-store --from /var/lib/amocrm-lead-bot/amocrm-lead-bot.sqlite --to env:DATABASE_URL
  amocrm-lead-bot move-store --from backup.sqlite --to /var/lib/amocrm-lead-bot/amocrm-lead-bot.sqlite";

pub const BACKUP_STORE: &str = "\
Examples:
  amocrm-lead-bot backup-store /var/backups/leads-$(date +%F).sqlite
  amocrm-lead-bot backup-store --keep 14 /var/backups/amocrm-lead-bot";

pub const COMPLETIONS: &str = "\
Examples:
  source <(amocrm-lead-bot completions bash)
  amocrm-lead-bot completions fish > ~/.config/fish/completions/amocrm-lead-bot.fish";

pub const MAN_PAGES: &str = "\
Examples:
  amocrm-lead-bot man-pages /usr/local/share/man/man1";

pub const AS_SERVICE: &str = "\
Examples:
  amocrm-lead-bot as-service -- status
  amocrm-lead-bot as-service --folder /srv/lead-bot --settings /srv/lead-bot.env -- leads list";

pub const FORGET: &str = "\
Examples:
  amocrm-lead-bot forget +79991234567                says what would be wiped
  amocrm-lead-bot forget +79991234567 --yes
  amocrm-lead-bot forget user:123456789 --yes --also-waiting";

pub const LEADS: &str = "\
Examples:
  amocrm-lead-bot leads list
  amocrm-lead-bot leads show ZVMER7S
  amocrm-lead-bot leads retry ZVMER7S";

pub const LEADS_LIST: &str = "\
Examples:
  amocrm-lead-bot leads list
  amocrm-lead-bot leads list --full                  with names, phones and links
  amocrm-lead-bot leads list --json | jq -r '.leads[].number'";

pub const LEADS_SHOW: &str = "\
Examples:
  amocrm-lead-bot leads show ZVMER7S
  amocrm-lead-bot leads show '#zvmer7s' --json | jq .crm_lead_id";

pub const LEADS_CONSENT: &str = "\
Examples:
  amocrm-lead-bot leads consent ZVMER7S
  amocrm-lead-bot leads consent ZVMER7S --json > proof.json";

pub const LEADS_RETRY: &str = "\
Examples:
  amocrm-lead-bot leads retry                        all that were rejected
  amocrm-lead-bot leads retry ZVMER7S";

pub const LEADS_DISCARD: &str = "\
Examples:
  amocrm-lead-bot leads discard ZVMER7S              says what would happen
  amocrm-lead-bot leads discard ZVMER7S --yes";

pub const LEADS_EXPORT: &str = "\
Examples:
  amocrm-lead-bot leads export | jq length
  amocrm-lead-bot leads export leads.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_what_the_caller_can_type() {
        assert_eq!(typed(STATUS, Called::Itself), STATUS);
        assert_eq!(typed(RUN, Called::BySudo), AS_SERVICE_ONLY);
        for (examples, called, want) in [
            (
                LEADS,
                Called::BySudo,
                "Examples:\n  sudo lead-bot leads list\n  sudo lead-bot leads show ZVMER7S\n  sudo lead-bot leads retry ZVMER7S",
            ),
            (
                RETRY_BACKUP_LEADS,
                Called::ByRoot,
                "Examples:\n  lead-bot retry-backup-leads\n  lead-bot retry-backup-leads || lead-bot leads list",
            ),
            (
                CHECK_SETTINGS,
                Called::ByRoot,
                "Examples:\n  lead-bot check-settings\n  lead-bot check-settings --language ru",
            ),
        ] {
            assert_eq!(typed(examples, called), want);
        }
        let tokens = typed(GET_NEW_TOKENS, Called::BySudo);
        assert!(tokens.ends_with("\n  sudo CODE=def502… lead-bot get-new-tokens --code env:CODE"), "{tokens}");
        let all = typed(ALL, Called::BySudo);
        assert!(!all.contains("amocrm-lead-bot s") && !all.contains("run the bot"), "{all}");
        assert!(all.contains("/usr/share/doc/amocrm-lead-bot/docs/settings.md"), "{all}");
    }
}
