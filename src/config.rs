//! Every environment variable, read once and validated once; secrets are typed so they cannot be printed.

use std::{fmt, net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::lead::Region;

/// Where amoCRM accounts live: the only hosts that are ever given the integration's secret.
pub const ACCOUNT_DOMAINS: [&str; 3] = ["amocrm.ru", "amocrm.com", "kommo.com"];

/// Everything the product is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach Telegram.
    pub telegram: TelegramSettings,
    /// How to reach amoCRM; absent means: collect, save, and ping the admin.
    pub amocrm: Option<AmocrmSettings>,
    /// `ADMIN_CHAT_ID`: where alerts go and admin commands are taken from.
    pub admin_chat_id: Option<i64>,
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`; absent means SQLite in `DATA_DIR`.
    pub database_url: Option<SecretString>,
    /// `PRIVACY_POLICY_URL`: turns the consent step on.
    pub privacy_policy_url: Option<Url>,
    /// `PHONE_REGION`.
    pub phone_region: Region,
    /// `HTTP_ADDR`, or all interfaces on `PORT`.
    pub http_addr: Option<SocketAddr>,
    /// `ADMIN_LEAD_COPIES`: waiting leads are copied to the admin's chat.
    pub admin_lead_copies: bool,
    /// `DYNO` is set: the disk is wiped daily.
    pub on_dyno: bool,
    /// `TEST_SPEED`: every pause is divided by it; for tests only.
    pub speed: f64,
    /// `HEARTBEAT_URL`: fetched once a minute while all is well.
    pub heartbeat_url: Option<Url>,
}

/// How to reach Telegram.
#[derive(Debug, Clone)]
pub struct TelegramSettings {
    /// `BOT_TOKEN`.
    pub token: SecretString,
    /// `TELEGRAM_API_URL`.
    pub api_url: Url,
    /// `TELEGRAM_PROXY`; may hold a password.
    pub proxy: Option<SecretString>,
}

/// What is needed to talk to one amoCRM account.
#[derive(Debug, Clone)]
pub struct AmocrmSettings {
    /// Where `/oauth2/access_token` and `/api/v4` live: the account host or `AMOCRM_BASE_URL`.
    pub base_url: Url,
    /// The account host, such as `acme.amocrm.ru`.
    pub account_host: String,
    /// The integration; absent when only a long-lived token is configured.
    pub integration: Option<Integration>,
    /// `AMOCRM_ACCESS_TOKEN`.
    pub access_token: Option<SecretString>,
    /// `AMOCRM_REFRESH_TOKEN`.
    pub refresh_token: Option<SecretString>,
    /// `AMOCRM_PIPELINE_ID`.
    pub pipeline_id: Option<i64>,
    /// `AMOCRM_STATUS_ID`.
    pub status_id: Option<i64>,
    /// `AMOCRM_RESPONSIBLE_USER_ID`.
    pub responsible_user_id: Option<i64>,
    /// `AMOCRM_TAGS`, split at commas.
    pub tags: Vec<String>,
    /// `AMOCRM_BUDGET_FIELD_ID`: a lead field that takes the budget as typed.
    pub budget_field_id: Option<i64>,
    /// `AMOCRM_CAR_LINK_FIELD_ID`: a lead field that takes the link.
    pub car_link_field_id: Option<i64>,
    /// `AMOCRM_CONTACT_LOOKUP`: search for an existing contact before a new one is made.
    pub contact_lookup: bool,
    /// `AMOCRM_REQUESTS_PER_SECOND`, 1 to 7.
    pub requests_per_second: u32,
}

/// The OAuth client of the account's integration.
#[derive(Debug, Clone)]
pub struct Integration {
    /// `AMOCRM_CLIENT_ID`, a UUID.
    pub client_id: String,
    /// `AMOCRM_CLIENT_SECRET`.
    pub client_secret: SecretString,
    /// `AMOCRM_REDIRECT_URL`, byte-equal to the integration's setting.
    pub redirect_url: String,
}

/// One variable that is missing or wrong; prints as one line and never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Name of the variable.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: String,
    /// Where to get a right one.
    pub remedy: &'static str,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.variable, self.problem, self.remedy)
    }
}

const INTEGRATION_REMEDY: &str =
    "It stands in amoCRM: amoМаркет → ⋯ → your integration → the tab «Ключи и доступы» (Keys and scopes)";

/// What to say where an integration is needed and none of its settings is there.
pub fn missing_integration() -> Vec<ConfigProblem> {
    ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"]
        .map(|variable| ConfigProblem { variable, problem: "is missing".into(), remedy: INTEGRATION_REMEDY })
        .into()
}

impl Config {
    /// Reads `.env` in the working directory (where there is one) and the environment.
    pub fn from_env() -> Result<Self, Vec<ConfigProblem>> {
        if let Err(error) = dotenvy::dotenv()
            && !error.not_found()
        {
            return Err(vec![ConfigProblem {
                variable: ".env",
                // The error's own text would print the line, and with it a secret.
                problem: match error {
                    dotenvy::Error::LineParse(line, column) => match line_number(&line) {
                        Some(number) => format!("line {number} cannot be read (at character {column})"),
                        None => format!("a line cannot be read (at character {column})"),
                    },
                    _ => "the file cannot be read".into(),
                },
                remedy: "Each line is NAME=value; put values with spaces or # into quotes",
            }]);
        }
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the settings through `lookup`; empty values count as absent.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = Reader { lookup: &lookup, problems: Vec::new() };
        let config = reader.config();
        if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
    }

    /// The database's address, if it is not SQLite in `DATA_DIR`.
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_ref().map(|url| url.expose_secret())
    }
}

/// Where in `.env` this text stands, counted from 1.
fn line_number(line: &str) -> Option<usize> {
    let text = std::fs::read_to_string(".env").ok()?;
    let first = line.lines().next()?.trim();
    text.lines().position(|candidate| candidate.trim() == first).map(|at| at + 1)
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<ConfigProblem>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    fn wrong(&mut self, variable: &'static str, problem: impl Into<String>, remedy: &'static str) {
        self.problems.push(ConfigProblem { variable, problem: problem.into(), remedy });
    }

    fn number(&mut self, name: &'static str, remedy: &'static str) -> Option<i64> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => {
                self.wrong(name, "is not a whole number", remedy);
                None
            }
        }
    }

    fn id(&mut self, name: &'static str, remedy: &'static str) -> Option<i64> {
        let id = self.number(name, remedy)?;
        if id <= 0 {
            self.wrong(name, "is not a positive number", remedy);
        }
        Some(id)
    }

    fn web_address(&mut self, name: &'static str, remedy: &'static str) -> Option<Url> {
        let text = self.text(name)?;
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                self.wrong(name, "is not an http(s) address", remedy);
                None
            }
        }
    }

    fn config(&mut self) -> Config {
        let telegram = self.telegram();
        let amocrm = self.amocrm();
        const ADMIN: &str = "Write to @userinfobot to learn your id; a group's id begins with a minus";
        let admin_chat_id = self.number("ADMIN_CHAT_ID", ADMIN);
        if admin_chat_id == Some(0) {
            self.wrong("ADMIN_CHAT_ID", "is 0", ADMIN);
        }
        let database_url = self.secret("DATABASE_URL");
        if let Some(url) = &database_url
            && !["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.expose_secret().starts_with(scheme))
        {
            self.wrong(
                "DATABASE_URL",
                "does not begin with postgres://",
                "Take it from your database's provider, or leave it out to keep everything in a file in DATA_DIR",
            );
        }
        const REGION: &str = "Two letters of a country, such as RU, KR or KZ";
        let phone_region = self.text("PHONE_REGION").unwrap_or_else(|| "RU".into());
        let phone_region = Region::parse(&phone_region).unwrap_or_else(|| {
            self.wrong("PHONE_REGION", "is no country this program knows", REGION);
            Region::default()
        });
        Config {
            telegram,
            amocrm,
            admin_chat_id,
            data_dir: self.text("DATA_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from),
            database_url,
            privacy_policy_url: self.web_address(
                "PRIVACY_POLICY_URL",
                "The address of your privacy policy, such as https://example.com/privacy",
            ),
            phone_region,
            http_addr: self.http_addr(),
            admin_lead_copies: self.switch("ADMIN_LEAD_COPIES"),
            on_dyno: self.text("DYNO").is_some(),
            speed: self.speed(),
            heartbeat_url: self.web_address("HEARTBEAT_URL", "The ping address of your monitoring service"),
        }
    }

    fn speed(&mut self) -> f64 {
        match self.text("TEST_SPEED").map(|text| text.parse::<f64>()) {
            None => 1.0,
            Some(Ok(speed)) if speed.is_finite() && speed >= 1.0 => speed,
            Some(_) => {
                self.wrong("TEST_SPEED", "is not a number from 1", "Leave it out: it is for tests");
                1.0
            }
        }
    }

    fn telegram(&mut self) -> TelegramSettings {
        const TOKEN: &str = "Get it from @BotFather in Telegram: /mybots → your bot → API Token";
        let token = self.text("BOT_TOKEN");
        match &token {
            None => self.wrong("BOT_TOKEN", "is missing", TOKEN),
            Some(token) if !looks_like_bot_token(token) => {
                self.wrong("BOT_TOKEN", "is not a bot token (123456789:AA…)", TOKEN);
            }
            Some(_) => {}
        }
        let api_url = self
            .web_address("TELEGRAM_API_URL", "Leave it out, or give the address of your local Bot API server")
            .unwrap_or_else(|| Url::parse("https://api.telegram.org").expect("a constant address"));
        let proxy = self.text("TELEGRAM_PROXY");
        if let Some(proxy) = &proxy
            && !Url::parse(proxy)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host())
        {
            self.wrong(
                "TELEGRAM_PROXY",
                "is not an http://, https:// or socks5:// address",
                "Ask your proxy's provider",
            );
        }
        TelegramSettings {
            token: SecretString::from(token.unwrap_or_default()),
            api_url,
            proxy: proxy.map(SecretString::from),
        }
    }

    fn amocrm(&mut self) -> Option<AmocrmSettings> {
        const SUBDOMAIN: &str = "It is the first part of your amoCRM address: acme for https://acme.amocrm.ru";
        let base_url = self.web_address("AMOCRM_BASE_URL", "Leave it out: AMOCRM_SUBDOMAIN is enough");
        let access_token = self.secret("AMOCRM_ACCESS_TOKEN");
        let refresh_token = self.secret("AMOCRM_REFRESH_TOKEN");
        let integration = self.integration(access_token.is_some() && refresh_token.is_none());
        let subdomain = self.text("AMOCRM_SUBDOMAIN");
        let account_host = match (&subdomain, &base_url) {
            (Some(subdomain), _) => match account_host(subdomain) {
                Some(host) => host,
                None => {
                    self.wrong("AMOCRM_SUBDOMAIN", "is no address of an amoCRM or Kommo account", SUBDOMAIN);
                    return None;
                }
            },
            (None, Some(base)) => base.host_str().unwrap_or_default().to_owned(),
            (None, None) => {
                if integration.is_some() || access_token.is_some() || refresh_token.is_some() {
                    self.wrong("AMOCRM_SUBDOMAIN", "is missing", SUBDOMAIN);
                }
                return None;
            }
        };
        let base_url = match base_url {
            Some(url) => url,
            None => match Url::parse(&format!("https://{account_host}")) {
                Ok(url) => url,
                Err(_) => {
                    self.wrong("AMOCRM_SUBDOMAIN", "is no address", SUBDOMAIN);
                    return None;
                }
            },
        };
        const PIPELINE: &str =
            "Run `amocrm-lead-bot test-amocrm`: it lists the pipelines and their statuses with their ids";
        const USER: &str = "It stands in the address of the user's card in amoCRM";
        const FIELD: &str = "It stands in the settings of the lead's fields in amoCRM";
        let tags = self.text("AMOCRM_TAGS").unwrap_or_else(|| "telegram_bot".into());
        Some(AmocrmSettings {
            base_url,
            account_host,
            integration,
            access_token,
            refresh_token,
            pipeline_id: self.id("AMOCRM_PIPELINE_ID", PIPELINE),
            status_id: self.id("AMOCRM_STATUS_ID", PIPELINE),
            responsible_user_id: self.id("AMOCRM_RESPONSIBLE_USER_ID", USER),
            tags: tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect(),
            budget_field_id: self.id("AMOCRM_BUDGET_FIELD_ID", FIELD),
            car_link_field_id: self.id("AMOCRM_CAR_LINK_FIELD_ID", FIELD),
            contact_lookup: self.switch("AMOCRM_CONTACT_LOOKUP"),
            requests_per_second: self.requests_per_second(),
        })
    }

    fn integration(&mut self, long_lived: bool) -> Option<Integration> {
        let client_id = self.text("AMOCRM_CLIENT_ID");
        let client_secret = self.secret("AMOCRM_CLIENT_SECRET");
        let redirect_url = self.text("AMOCRM_REDIRECT_URL");
        let refreshes = self.text("AMOCRM_REFRESH_TOKEN").is_some();
        if client_id.is_none() && client_secret.is_none() && redirect_url.is_none() && !refreshes {
            return None;
        }
        // A long-lived token needs no integration, so half of one left over in the environment does no harm.
        if long_lived && (client_id.is_none() || client_secret.is_none() || redirect_url.is_none()) {
            return None;
        }
        for (name, absent) in [
            ("AMOCRM_CLIENT_ID", client_id.is_none()),
            ("AMOCRM_CLIENT_SECRET", client_secret.is_none()),
            ("AMOCRM_REDIRECT_URL", redirect_url.is_none()),
        ] {
            if absent {
                self.wrong(name, "is missing", INTEGRATION_REMEDY);
            }
        }
        if client_id.as_deref().is_some_and(|id| id.contains(char::is_whitespace)) {
            self.wrong("AMOCRM_CLIENT_ID", "has spaces in it", INTEGRATION_REMEDY);
        }
        if redirect_url.as_deref().is_some_and(|url| Url::parse(url).is_err()) {
            self.wrong(
                "AMOCRM_REDIRECT_URL",
                "is not an address",
                "It must be the same, letter for letter, as in the integration's settings in amoCRM",
            );
        }
        Some(Integration { client_id: client_id?, client_secret: client_secret?, redirect_url: redirect_url? })
    }

    fn switch(&mut self, name: &'static str) -> bool {
        match self.text(name).map(|text| text.to_lowercase()).as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.wrong(name, "is neither on nor off", "Leave it out for on");
                true
            }
        }
    }

    fn requests_per_second(&mut self) -> u32 {
        const REMEDY: &str = "A whole number from 1 to 7 (amoCRM blocks accounts above 7); leave it out for 5";
        // Where time runs faster for a test, so may the requests.
        let most = if self.text("TEST_SPEED").is_some() { 1000 } else { 7 };
        match self.text("AMOCRM_REQUESTS_PER_SECOND").map(|text| text.parse::<u32>()) {
            None => 5,
            Some(Ok(rate)) if (1..=most).contains(&rate) => rate,
            Some(_) => {
                self.wrong("AMOCRM_REQUESTS_PER_SECOND", "is not a number from 1 to 7", REMEDY);
                5
            }
        }
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
            Ok(port) => Some(SocketAddr::from(([0, 0, 0, 0], port))),
            Err(_) => {
                self.wrong("PORT", "is not a port number", "Heroku sets it; elsewhere use HTTP_ADDR or leave it out");
                None
            }
        }
    }
}

fn looks_like_bot_token(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, key)| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    })
}

/// Whether a host is an account of amoCRM or Kommo.
pub fn is_account_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ACCOUNT_DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|account| {
            !account.is_empty()
                && account != "www"
                && account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        })
    })
}

/// The account host for `acme`, `acme.amocrm.ru`, `https://acme.kommo.com/`.
fn account_host(text: &str) -> Option<String> {
    let text = text.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/').to_lowercase();
    let host = if text.contains('.') { text } else { format!("{text}.amocrm.ru") };
    is_account_host(&host).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<ConfigProblem>> {
        Config::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    const TOKEN: (&str, &str) = ("BOT_TOKEN", "123456:AAbb_cc-dd");

    #[test]
    fn only_the_bot_token_is_required() {
        let config = read(&[TOKEN]).expect("a valid configuration");
        assert!(config.amocrm.is_none());
        assert_eq!(config.data_dir, PathBuf::from("."));
        let problems = read(&[]).expect_err("no token");
        assert_eq!(problems.iter().map(|problem| problem.variable).collect::<Vec<_>>(), ["BOT_TOKEN"]);
    }

    #[test]
    fn every_wrong_value_is_one_line_that_names_its_variable() {
        for (name, value) in [
            ("BOT_TOKEN", "hello"),
            ("TELEGRAM_API_URL", "ftp://x"),
            ("TELEGRAM_PROXY", "proxy:80"),
            ("ADMIN_CHAT_ID", "@me"),
            ("AMOCRM_SUBDOMAIN", "acme.example.com"),
            ("AMOCRM_PIPELINE_ID", "-3"),
            ("AMOCRM_CONTACT_LOOKUP", "maybe"),
            ("AMOCRM_REQUESTS_PER_SECOND", "8"),
            ("AMOCRM_BASE_URL", "nowhere"),
            ("DATABASE_URL", "mysql://x"),
            ("PRIVACY_POLICY_URL", "policy"),
            ("PHONE_REGION", "XX"),
            ("HTTP_ADDR", "8080"),
            ("PORT", "http"),
        ] {
            let mut pairs = vec![(name, value)];
            if name != "BOT_TOKEN" {
                pairs.push(TOKEN);
            }
            if name.starts_with("AMOCRM_") && name != "AMOCRM_SUBDOMAIN" {
                pairs.push(("AMOCRM_SUBDOMAIN", "acme"));
            }
            let problems = read(&pairs).expect_err(name);
            assert_eq!(problems.len(), 1, "{name}: {problems:?}");
            assert_eq!(problems[0].variable, name);
            assert_eq!(problems[0].to_string().lines().count(), 1);
        }
    }

    #[test]
    fn half_an_integration_names_what_is_missing() {
        let problems =
            read(&[TOKEN, ("AMOCRM_SUBDOMAIN", "acme"), ("AMOCRM_CLIENT_ID", "id")]).expect_err("half an integration");
        let names: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(names, ["AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"]);
        let problems = read(&[TOKEN, ("AMOCRM_ACCESS_TOKEN", "x")]).expect_err("no account");
        assert_eq!(problems[0].variable, "AMOCRM_SUBDOMAIN");
    }

    #[test]
    fn an_account_is_named_in_several_ways() {
        for (text, host) in [
            ("acme", Some("acme.amocrm.ru")),
            ("acme.amocrm.ru", Some("acme.amocrm.ru")),
            ("Acme.Kommo.com", Some("acme.kommo.com")),
            ("https://acme.amocrm.com/", Some("acme.amocrm.com")),
            ("acme.evil.com", None),
            ("amocrm.ru.evil.com", None),
            ("www.amocrm.ru", None),
            ("a b", None),
        ] {
            assert_eq!(account_host(text).as_deref(), host, "{text}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let config = read(&[
            TOKEN,
            ("AMOCRM_SUBDOMAIN", "acme"),
            ("AMOCRM_CLIENT_ID", "id"),
            ("AMOCRM_CLIENT_SECRET", "hush-hush"),
            ("AMOCRM_REDIRECT_URL", "https://example.com"),
            ("AMOCRM_ACCESS_TOKEN", "access-hush"),
            ("DATABASE_URL", "postgres://user:hush@host/db"),
            ("TELEGRAM_PROXY", "socks5://user:hush@host:1"),
        ])
        .expect("a valid configuration");
        let printed = format!("{config:?}");
        assert!(!printed.contains("hush") && !printed.contains("AAbb"), "{printed}");
    }
}
