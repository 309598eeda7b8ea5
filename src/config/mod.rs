//! Every environment variable and `dealer.toml`, read once and validated once; secrets are typed so they cannot be printed.

mod account_host;
mod amocrm;
mod answer_field;
mod database;
mod dealer;
mod dealer_file;
mod dotenv;
mod environment;
mod limits;
mod names;
mod plaintext;
mod postgres;
mod problem;
mod reader;
mod second_way;
mod store;
mod telegram;
mod texts;

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::lead::{ChatRef, Region};

pub use account_host::{ACCOUNT_DOMAINS, is_account_host};
pub use amocrm::{AmocrmSettings, Integration, missing_integration, missing_subdomain};
pub use answer_field::{AnswerField, KnownField, USERNAME};
pub use dealer::{
    ByLanguage, Consent, CrmRules, Dealer, Distribute, Hours, LARGEST_DOCUMENT, Manager, Place, PrivacyRules, Repeat,
    StatusText, StatusTexts, Unfinished, Week,
};
pub use environment::Environment;
pub use limits::LeadLimits;
pub use names::SETTINGS;
pub use postgres::{AddressProblem, PostgresAddress};
pub use problem::ConfigProblem;
pub use reader::Reader;
pub use second_way::{EmailSettings, SecondWaySettings, SecretUrl};
pub use store::StoreSettings;
pub use telegram::{Proxy, RouteSettings, TelegramSettings};
pub(crate) use texts::is_language_code;
pub use texts::{TextFile, TextProblem, read_texts};

/// Ids have at most 52 significant bits (core.telegram.org/bots/api, `Chat`).
const LARGEST_CHAT_ID: u64 = 1 << 52;

/// Phone numbers of Russia and Kazakhstan, typed as 7… or 8…
const PHONES_FROM: i64 = 70_000_000_000;
const PHONES_TO: i64 = 89_999_999_999;

/// A secret in an address must not be guessed, and has to fit into one.
const SHORTEST_SECRET: usize = 16;
const LONGEST_SECRET: usize = 128;
const WEBHOOK_SECRET: &str = "16 to 128 latin letters, digits, _ and -, such as `openssl rand -hex 24` prints";

/// Everything the product is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach Telegram.
    pub telegram: TelegramSettings,
    /// How to reach amoCRM; absent means: collect, save, and ping the admin.
    pub amocrm: Option<AmocrmSettings>,
    /// `ADMIN_CHAT_ID`: where alerts go and admin commands are taken from.
    pub admin_chat: Option<ChatRef>,
    /// `MANAGERS_CHAT_ID`: the group of those who call the buyers; `None` where they are in the admin's chat.
    pub managers_chat: Option<ChatRef>,
    /// `ADMIN_USER_IDS`: who may act in an admin group; empty stands for its administrators.
    pub admin_user_ids: Vec<u64>,
    /// Where everything is kept.
    pub store: StoreSettings,
    /// `PRIVACY_POLICY_URL`: turns the consent step on.
    pub privacy_policy_url: Option<Url>,
    /// `PHONE_REGION`.
    pub phone_region: Region,
    /// `HTTP_ADDR`, or all interfaces on `PORT`.
    pub http_addr: Option<SocketAddr>,
    /// `AMOCRM_WEBHOOK_SECRET`: the end of the address at which amoCRM tells of changes.
    pub webhook_secret: Option<SecretString>,
    /// `ADMIN_LEAD_COPIES`: waiting leads are copied to the admin's chat.
    pub admin_lead_copies: bool,
    /// How many requests one person may send.
    pub lead_limits: LeadLimits,
    /// `LEADS_ALARM_PER_HOUR`: so many requests of all people within an hour are told to the admin.
    pub leads_alarm: Option<u32>,
    /// `DYNO` is set: the disk is wiped daily.
    pub on_dyno: bool,
    /// `ALERT_WEBHOOK_URL`, `ALERT_EMAIL`: where alerts go that Telegram does not take.
    pub second_way: SecondWaySettings,
    /// `dealer.toml`: the dealer's business.
    pub dealer: Dealer,
    /// `HEARTBEAT_URL`: fetched once a minute while all is well.
    pub heartbeat_url: Option<Url>,
}

impl Config {
    /// Reads the settings through `lookup`; empty values count as absent.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigProblem>> {
        Environment::of(lookup).read(|reader| reader.config()).map(|(config, _)| config)
    }
}

impl Reader<'_> {
    /// All of them.
    pub fn config(&mut self) -> Config {
        let telegram = self.telegram();
        let dealer = self.dealer();
        let amocrm = self.amocrm();
        let admin_chat = self.admin_chat_unlike(&telegram);
        let managers_chat = self.managers_chat();
        let admin_user_ids = self.admin_user_ids(admin_chat);
        let store = self.store();
        let phone_region = self.phone_region();
        let privacy_policy_url = self.privacy_policy_url();
        let http_addr = self.http_addr();
        let webhook_secret = self.webhook_secret(http_addr.is_some());
        Config {
            telegram,
            amocrm,
            admin_chat,
            managers_chat,
            admin_user_ids,
            store,
            privacy_policy_url,
            phone_region,
            http_addr,
            webhook_secret,
            admin_lead_copies: self.switch("ADMIN_LEAD_COPIES"),
            lead_limits: self.lead_limits(),
            leads_alarm: self.leads_alarm(),
            on_dyno: self.text("DYNO").is_some(),
            second_way: self.second_way(),
            heartbeat_url: self.heartbeat_url(),
            dealer,
        }
    }

    /// `PRIVACY_POLICY_URL`.
    pub fn privacy_policy_url(&mut self) -> Option<Url> {
        const POLICY: &str = "The address of your privacy policy, such as https://example.com/privacy";
        let url = self.web_address("PRIVACY_POLICY_URL", POLICY)?;
        // Every buyer is shown it.
        self.no_password("PRIVACY_POLICY_URL", &url);
        Some(url)
    }

    /// `PHONE_REGION`.
    pub fn phone_region(&mut self) -> Region {
        const REGION: &str = "Two letters of a country, such as RU, KR or KZ";
        // Unchecked: the plans of all countries take long to read, and few commands need them.
        let Some(text) = self.text("PHONE_REGION") else { return Region::default() };
        Region::parse(&text).unwrap_or_else(|| {
            self.wrong("PHONE_REGION", "is no country this program knows", REGION);
            Region::default()
        })
    }

    /// `ADMIN_CHAT_ID`.
    pub fn admin_chat(&mut self) -> Option<ChatRef> {
        let telegram = self.telegram();
        self.admin_chat_unlike(&telegram)
    }

    fn admin_chat_unlike(&mut self, telegram: &TelegramSettings) -> Option<ChatRef> {
        const NAME: &str = "ADMIN_CHAT_ID";
        const ADMIN: &str = "Write to @userinfobot to learn your id; a group's id begins with a minus";
        let id = self.number(NAME, ADMIN)?;
        let bot = telegram.token.expose_secret().split(':').next().and_then(|bot| bot.parse::<i64>().ok());
        if id == 0 {
            self.wrong(NAME, "is 0", ADMIN);
        } else if bot == Some(id) {
            self.wrong(NAME, "is the bot's own id, and a bot cannot write to itself", ADMIN);
        } else if id.unsigned_abs() >= LARGEST_CHAT_ID {
            self.wrong(NAME, "is larger than any id of Telegram", ADMIN);
        } else if (PHONES_FROM..=PHONES_TO).contains(&id) {
            // Nobody has such an id yet, but somebody may have one day.
            self.warnings.push(ConfigProblem::new(NAME, "looks like a phone number", ADMIN));
        }
        Some(ChatRef::telegram(id))
    }

    /// `MANAGERS_CHAT_ID`.
    pub fn managers_chat(&mut self) -> Option<ChatRef> {
        const NAME: &str = "MANAGERS_CHAT_ID";
        const GROUP: &str = "Add the bot to the managers' group; a group's id begins with a minus";
        let id = self.number(NAME, GROUP)?;
        if id >= 0 {
            self.wrong(NAME, "is no group's id", GROUP);
        } else if id.unsigned_abs() >= LARGEST_CHAT_ID {
            self.wrong(NAME, "is larger than any id of Telegram", GROUP);
        }
        Some(ChatRef::telegram(id))
    }

    /// People, with commas (or blanks) between them.
    fn admin_user_ids(&mut self, admin_chat: Option<ChatRef>) -> Vec<u64> {
        const NAME: &str = "ADMIN_USER_IDS";
        const IDS: &str = "Ids of people with commas between them; each learns their own from @userinfobot";
        let Some(text) = self.text(NAME) else { return Vec::new() };
        let parts: Vec<&str> = text.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            self.wrong(NAME, "has no id in it", IDS);
        }
        let mut ids = Vec::new();
        for part in parts {
            match part.parse::<u64>() {
                Ok(id) if (1..LARGEST_CHAT_ID).contains(&id) => ids.push(id),
                Ok(_) => self.wrong(NAME, "has a number in it that is no person's id", IDS),
                Err(_) if part.starts_with('-') => {
                    self.wrong(NAME, "has the id of a group in it, and people are asked for", IDS);
                }
                Err(_) if part.starts_with('@') => {
                    self.wrong(NAME, "has a name in it, and ids are asked for", IDS);
                }
                Err(_) => self.wrong(NAME, "has something in it that is no number", IDS),
            }
        }
        if !ids.is_empty() && admin_chat.is_none_or(|chat| !chat.is_group()) {
            let remedy = "Leave it out, or let ADMIN_CHAT_ID name a group";
            self.warnings.push(ConfigProblem::new(NAME, "says nothing where ADMIN_CHAT_ID is no group", remedy));
        }
        ids
    }

    fn heartbeat_url(&mut self) -> Option<Url> {
        self.own_address("HEARTBEAT_URL", "The ping address of your monitoring service")
    }

    /// `AMOCRM_WEBHOOK_SECRET`.
    fn webhook_secret(&mut self, has_page: bool) -> Option<SecretString> {
        const NAME: &str = "AMOCRM_WEBHOOK_SECRET";
        let text = self.text(NAME)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_plain || !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&text.len()) {
            self.wrong(NAME, "is no secret that can stand in an address", WEBHOOK_SECRET);
            return None;
        }
        if !has_page {
            let remedy = "Set HTTP_ADDR, or leave the secret out: changes are asked for anyway";
            self.warnings.push(ConfigProblem::new(NAME, "says nothing without a page", remedy));
        }
        Some(text.into())
    }

    fn http_addr(&mut self) -> Option<SocketAddr> {
        if let Some(text) = self.text("HTTP_ADDR") {
            let addr = text.parse().ok();
            if addr.is_none() {
                self.wrong(
                    "HTTP_ADDR",
                    "is not an address with a port",
                    "Such as 127.0.0.1:8080; leave it out to switch the page off",
                );
            }
            return addr;
        }
        let port = self.text("PORT")?;
        match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(SocketAddr::from(([0, 0, 0, 0], port))),
            _ => {
                self.wrong("PORT", "is not a port number", "Heroku sets it; elsewhere use HTTP_ADDR or leave it out");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
