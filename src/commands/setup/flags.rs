//! Every answer as an option.

use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};
use strum::VariantNames;

use crate::{
    config::Distribute,
    setup::{answers::ManagerAnswer, needs::Section, words::Language},
};

/// What `setup` is told beforehand. Secrets are better given as `-` (standard input), `@FILE` or `env:NAME`.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// Only this; without it everything, or a menu where the bot is set up already
    #[arg(value_enum)]
    pub section: Option<Section>,
    /// Ask nothing: what the options do not say stays as it is
    #[arg(long)]
    pub yes: bool,
    /// The language of the questions; without it the machine's
    #[arg(long, value_enum, value_name = "LANG")]
    pub language: Option<Language>,
    /// The file with the settings; without it /etc/amocrm-lead-bot.env where the package is installed and root runs this,
    /// else ./.env
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// The dealer.toml; without it the one that the bot reads
    #[arg(long, value_name = "FILE")]
    pub dealer_file: Option<PathBuf>,

    /// The bot's token from @BotFather; `-`, `@FILE` or `env:NAME` keep it from others
    #[arg(long, value_name = "TOKEN", help_heading = "Telegram")]
    pub bot_token: Option<String>,
    /// The way to Telegram where it is throttled: http://, https:// or socks5://, several with commas
    #[arg(long, value_name = "PROXY", help_heading = "Telegram")]
    pub telegram_proxy: Option<String>,
    /// Delete a webhook of the bot that is in the way
    #[arg(long, help_heading = "Telegram")]
    pub delete_webhook: bool,
    /// The admin's chat: its id, or `learn` for the chat that sends the code that is shown
    #[arg(long, value_name = "ID|learn", allow_hyphen_values = true, help_heading = "Telegram")]
    pub admin_chat: Option<String>,
    /// The managers' group: its id, `learn`, or `off` for none
    #[arg(long, value_name = "ID|learn|off", allow_hyphen_values = true, help_heading = "Telegram")]
    pub managers_chat: Option<String>,

    /// The account: acme for https://acme.amocrm.ru, acme.kommo.com for Kommo
    #[arg(long, value_name = "ACCOUNT", help_heading = "amoCRM")]
    pub account: Option<String>,
    /// A long-lived token; `-`, `@FILE` or `env:NAME` keep it from others
    #[arg(long, value_name = "TOKEN", help_heading = "amoCRM")]
    pub access_token: Option<String>,
    /// The integration's id, for tokens that renew themselves
    #[arg(long, value_name = "ID", help_heading = "amoCRM")]
    pub client_id: Option<String>,
    /// The integration's secret key; `-`, `@FILE` or `env:NAME` keep it from others
    #[arg(long, value_name = "SECRET", help_heading = "amoCRM")]
    pub client_secret: Option<String>,
    /// The integration's redirect address, letter for letter
    #[arg(long, value_name = "URL", help_heading = "amoCRM")]
    pub redirect_url: Option<String>,
    /// The authorization code, or the whole address that amoCRM has sent you to
    #[arg(long, value_name = "CODE_OR_REDIRECT_URL", help_heading = "amoCRM")]
    pub code: Option<String>,
    /// The pipeline of new leads
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..), help_heading = "amoCRM")]
    pub pipeline: Option<i64>,
    /// The stage of new leads
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..), help_heading = "amoCRM")]
    pub stage: Option<i64>,
    /// Make no fields in amoCRM
    #[arg(long, help_heading = "amoCRM")]
    pub no_fields: bool,

    /// A manager: NAME=CRM_ID, NAME=CRM_ID,TELEGRAM_ID; may be repeated
    #[arg(long = "manager", value_name = "NAME=IDS", help_heading = "The dealer's rules")]
    pub managers: Vec<ManagerAnswer>,
    /// Who is responsible for new leads: the managers on duty in turn, whoever takes one, or off
    #[arg(long, value_name = "round_robin|take|off", value_parser = PossibleValuesParser::new(Distribute::VARIANTS), help_heading = "The dealer's rules")]
    pub distribute: Option<String>,
    /// One user of amoCRM who is responsible for all new leads
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..), help_heading = "The dealer's rules")]
    pub responsible: Option<i64>,
    /// The dealer's clock, such as Europe/Moscow
    #[arg(long, value_name = "ZONE", help_heading = "The dealer's rules")]
    pub time_zone: Option<String>,
    /// Working hours: "mon-fri 09:00-19:00; sat 10:00-16:00", or always
    #[arg(long, value_name = "HOURS", help_heading = "The dealer's rules")]
    pub hours: Option<String>,
    /// How soon a manager is to call back, as a task in amoCRM: 15m, 2h, or off
    #[arg(long, value_name = "TIME", help_heading = "The dealer's rules")]
    pub callback_within: Option<String>,
    /// The consent document, a file or an https address; LANG=… before it for one in that language; may be repeated
    #[arg(long = "consent", value_name = "FILE|URL", help_heading = "The dealer's rules")]
    pub consents: Vec<String>,
    /// The version of the consent document; without it today's date
    #[arg(long, value_name = "VERSION", requires = "consents", help_heading = "The dealer's rules")]
    pub consent_version: Option<String>,
    /// The privacy policy's https address
    #[arg(long, value_name = "URL", help_heading = "The dealer's rules")]
    pub policy: Option<String>,

    /// Send no test lead
    #[arg(long)]
    pub no_test_lead: bool,
}

impl Flags {
    /// Whether something is said by options, so that there is nothing to choose.
    pub fn say_something(&self) -> bool {
        let words = [
            &self.bot_token,
            &self.telegram_proxy,
            &self.admin_chat,
            &self.managers_chat,
            &self.account,
            &self.access_token,
            &self.client_id,
            &self.client_secret,
            &self.redirect_url,
            &self.code,
            &self.distribute,
            &self.time_zone,
            &self.hours,
            &self.callback_within,
            &self.policy,
        ];
        words.iter().any(|word| word.is_some())
            || [self.pipeline, self.stage, self.responsible].iter().any(Option::is_some)
            || !self.managers.is_empty()
            || !self.consents.is_empty()
    }
}
