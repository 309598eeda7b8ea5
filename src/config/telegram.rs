//! How to reach Telegram.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    ConfigProblem,
    reader::{Reader, not_copied_well},
};

/// How to reach Telegram.
#[derive(Debug, Clone)]
pub struct TelegramSettings {
    /// `BOT_TOKEN`.
    pub token: SecretString,
    /// Ways to the Bot API in order of preference: each of `TELEGRAM_API_URL` through each of `TELEGRAM_PROXY`. Never
    /// empty.
    pub routes: Vec<RouteSettings>,
}

/// One way to the Bot API.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// Where it answers.
    pub api_url: Url,
    /// What lies in between.
    pub proxy: Proxy,
}

/// What lies between this machine and the Bot API.
#[derive(Debug, Clone)]
pub enum Proxy {
    /// Nothing was said: whatever the machine uses for all programs (`HTTPS_PROXY`), or nothing.
    Unset,
    /// `direct`: nothing.
    Direct,
    /// The address of a proxy; may hold a password.
    Through(SecretString),
}

impl RouteSettings {
    /// The hosts it leads over, without anything secret: `api.telegram.org through proxy.example.org`.
    pub fn name(&self) -> String {
        let host = |url: &Url| url.host_str().unwrap_or_default().to_owned();
        let api = match self.api_url.port() {
            Some(port) => format!("{}:{port}", host(&self.api_url)),
            None => host(&self.api_url),
        };
        match &self.proxy {
            Proxy::Unset => api,
            Proxy::Direct => format!("{api} directly"),
            Proxy::Through(proxy) => {
                let proxy = Url::parse(proxy.expose_secret()).ok();
                let port = proxy.as_ref().and_then(|url| url.port_or_known_default());
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{api} through {}{port}", proxy.as_ref().map(host).unwrap_or_default())
            }
        }
    }
}

const TOKEN: &str = "Get it from @BotFather in Telegram: /mybots → your bot → API Token";

impl Reader<'_> {
    /// Who the bot is, and the ways to Telegram.
    pub fn telegram(&mut self) -> TelegramSettings {
        let token = self.text("BOT_TOKEN");
        match &token {
            None => self.wrong("BOT_TOKEN", "is missing", TOKEN),
            Some(token) => {
                if let Some(problem) = not_a_bot_token(token) {
                    self.wrong("BOT_TOKEN", problem, TOKEN);
                }
            }
        }
        let token = SecretString::from(token.unwrap_or_default());
        TelegramSettings { token, routes: self.routes() }
    }

    fn routes(&mut self) -> Vec<RouteSettings> {
        let (api_urls, proxies) = (self.api_urls(), self.proxies());
        let proxies = if proxies.is_empty() { vec![Proxy::Unset] } else { proxies };
        let plain = api_urls.iter().any(|url| url.scheme() == "http");
        let reads_all = proxies.iter().find_map(|proxy| match proxy {
            Proxy::Through(proxy) => Url::parse(proxy.expose_secret())
                .ok()
                .filter(|url| !self.plaintext.may_be_read(url.host_str().unwrap_or_default())),
            _ => None,
        });
        if let (true, Some(proxy)) = (plain, reads_all) {
            // It may be meant so, behind a tunnel that this program knows nothing of.
            self.warnings.push(ConfigProblem::new(
                "TELEGRAM_PROXY",
                format!(
                    "{} can read everything, the bot's token too, as TELEGRAM_API_URL begins with http://",
                    proxy.host_str().unwrap_or_default()
                ),
                "Use https:// there, or a proxy in your own network",
            ));
        }
        api_urls
            .iter()
            .flat_map(|api_url| {
                proxies.iter().map(|proxy| RouteSettings { api_url: api_url.clone(), proxy: proxy.clone() })
            })
            .collect()
    }

    fn api_urls(&mut self) -> Vec<Url> {
        const NAME: &str = "TELEGRAM_API_URL";
        const REMEDY: &str =
            "Leave it out, or give the address of your own Bot API server, several with commas between them";
        let mut urls: Vec<Url> = Vec::new();
        for text in self.list(NAME, REMEDY) {
            if let Some(url) = self.own_address_in(NAME, &text, REMEDY)
                && !urls.contains(&url)
            {
                urls.push(url);
            }
        }
        if urls.is_empty() {
            urls.push(Url::parse("https://api.telegram.org").expect("a constant address"));
        }
        urls
    }

    /// What goes through a proxy is encrypted by itself, so the way to it need not be.
    fn proxies(&mut self) -> Vec<Proxy> {
        const NAME: &str = "TELEGRAM_PROXY";
        const PROXY: &str =
            "Ask your proxy's provider; several stand with commas between them, and a comma in a password is %2C";
        let mut known: Vec<String> = Vec::new();
        for text in self.list(NAME, PROXY) {
            let is_direct = text.eq_ignore_ascii_case("direct");
            if text.contains(char::is_whitespace) {
                self.wrong(NAME, "has a blank in it", PROXY);
            } else if !is_direct
                && !Url::parse(&text)
                    .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host())
            {
                self.wrong(NAME, "is not an http://, https:// or socks5:// address, or direct", PROXY);
            }
            let text = if is_direct { "direct".to_owned() } else { text };
            if !known.contains(&text) {
                known.push(text);
            }
        }
        known
            .into_iter()
            .map(|text| if text == "direct" { Proxy::Direct } else { Proxy::Through(text.into()) })
            .collect()
    }
}

fn not_a_bot_token(token: &str) -> Option<&'static str> {
    let lower = token.to_lowercase();
    if token.contains("://") || lower.contains("telegram.org") {
        return Some("is an address and not the token alone");
    }
    if lower.strip_prefix("bot").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit())) {
        return Some("begins with the word bot, which belongs to addresses only");
    }
    if let Some(problem) = not_copied_well(token) {
        return Some(problem);
    }
    let looks_right = token.split_once(':').is_some_and(|(id, key)| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    });
    (!looks_right).then_some("is not a bot token (123456789:AA…)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_told_by_its_looks() {
        for (token, word) in [
            ("hello", "not a bot token"),
            ("123456", "not a bot token"),
            (":AAbb", "not a bot token"),
            ("123456:", "not a bot token"),
            ("12a456:AAbb", "not a bot token"),
            ("bot123456:AAbb", "the word bot"),
            ("https://api.telegram.org/bot123456:AAbb", "address"),
            ("123456: AAbb", "blank"),
            ("your_bot_token_here", "placeholder"),
            ("123456:ААbb", "Latin"),
        ] {
            assert!(not_a_bot_token(token).is_some_and(|problem| problem.contains(word)), "{token}");
        }
        assert_eq!(not_a_bot_token("123456789:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo5"), None);
    }

    fn routes(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut reader = Reader::new(&lookup, &[]);
        let routes = reader.routes().iter().map(RouteSettings::name).collect();
        let told = |problems: &[ConfigProblem]| problems.iter().map(ToString::to_string).collect();
        (routes, told(&reader.problems), told(&reader.warnings))
    }

    #[test]
    fn each_address_goes_through_each_proxy_in_order() {
        const API: &str = "TELEGRAM_API_URL";
        const PROXY: &str = "TELEGRAM_PROXY";
        for (pairs, names) in [
            (vec![], vec!["api.telegram.org"]),
            (vec![(PROXY, "direct")], vec!["api.telegram.org directly"]),
            (vec![(PROXY, "http://u:hush@p.example:3128")], vec!["api.telegram.org through p.example:3128"]),
            (
                vec![(PROXY, "socks5://u:hu%2Csh@a.example:1080, Direct,,socks5://u:hu%2Csh@a.example:1080,")],
                vec!["api.telegram.org through a.example:1080", "api.telegram.org directly"],
            ),
            (
                vec![(API, "https://api.telegram.org,https://tg.example/hush/"), (PROXY, "https://a.example,direct")],
                vec![
                    "api.telegram.org through a.example:443",
                    "api.telegram.org directly",
                    "tg.example through a.example:443",
                    "tg.example directly",
                ],
            ),
            (
                vec![(API, " http://127.0.0.1:8081 , https://api.telegram.org ")],
                vec!["127.0.0.1:8081", "api.telegram.org"],
            ),
        ] {
            let (routes, problems, warnings) = routes(&pairs);
            assert_eq!((routes, problems, warnings), (names.iter().map(ToString::to_string).collect(), vec![], vec![]));
        }
    }

    #[test]
    fn a_wrong_part_of_a_list_is_told_without_what_is_secret() {
        for (name, value, word) in [
            ("TELEGRAM_PROXY", ",,", "is a list of nothing"),
            ("TELEGRAM_PROXY", "socks5://u:hu,sh@a.example:1", "%2C"),
            ("TELEGRAM_PROXY", "direct,socks4://u:hush@a.example:1", "socks5://"),
            ("TELEGRAM_PROXY", "directly", "direct"),
            ("TELEGRAM_PROXY", "direct, socks5://a.example:1 socks5://b.example:1", "blank"),
            ("TELEGRAM_API_URL", " , ", "is a list of nothing"),
            ("TELEGRAM_API_URL", "https://api.telegram.org,http://tg.example", "plain text"),
            ("TELEGRAM_API_URL", "https://api.telegram.org,https://u:hush@tg.example", "password"),
            ("TELEGRAM_API_URL", "https://api.telegram.org,direct", "address"),
        ] {
            let (_, problems, _) = routes(&[(name, value)]);
            assert!(problems.len() == 1 && problems[0].starts_with(name) && problems[0].contains(word), "{problems:?}");
            assert!(!problems[0].contains("hush") && !problems[0].contains("sh@"), "{problems:?}");
        }
        let (_, problems, warnings) =
            routes(&[("TELEGRAM_API_URL", "http://127.0.0.1:1"), ("TELEGRAM_PROXY", "socks5://u:hush@a.example:1")]);
        assert!(problems.is_empty() && warnings.len() == 1 && !warnings[0].contains("hush"), "{warnings:?}");
    }
}
