//! How the admin is reached when Telegram does not take alerts.

use std::fmt;

use lettre::{Address, AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ConfigProblem, reader::Reader};

/// Where servers begin in plain text (RFC 6409).
const STARTTLS_PORT: u16 = 587;

/// How the admin is reached when Telegram does not take alerts; none, either or both.
#[derive(Debug, Clone, Default)]
pub struct SecondWaySettings {
    /// `ALERT_WEBHOOK_URL`.
    pub webhook: Option<SecretUrl>,
    /// `ALERT_EMAIL`.
    pub email: Option<EmailSettings>,
}

impl SecondWaySettings {
    /// `webhook`, `email`: what is set.
    pub fn names(&self) -> Vec<&'static str> {
        let webhook = self.webhook.as_ref().map(|_| "webhook");
        webhook.into_iter().chain(self.email.as_ref().map(|_| "email")).collect()
    }
}

/// An address of which the path is a secret.
#[derive(Clone)]
pub struct SecretUrl(pub Url);

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A mailbox and the server that takes mail for it.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// The server with user and password, as [`AsyncSmtpTransport::from_url`] reads it.
    pub server: SecretString,
    /// The sender.
    pub from: Mailbox,
    /// Who gets it, at least one.
    pub to: Vec<Mailbox>,
}

impl EmailSettings {
    /// A client for the server.
    pub fn transport(
        &self,
    ) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
        AsyncSmtpTransport::<Tokio1Executor>::from_url(self.server.expose_secret())
    }
}

impl Reader<'_> {
    pub(super) fn second_way(&mut self) -> SecondWaySettings {
        const WEBHOOK: &str =
            "An https:// address that takes a POST of JSON with a field text, of your messenger or monitoring";
        let webhook = self.own_address("ALERT_WEBHOOK_URL", WEBHOOK).map(SecretUrl);
        SecondWaySettings { webhook, email: self.email() }
    }

    fn email(&mut self) -> Option<EmailSettings> {
        const NAME: &str = "ALERT_EMAIL";
        const REMEDY: &str = "Such as smtps://robot%40example.com:password@smtp.example.com/?to=you@example.com; in the \
                              password @ : / # ? % are written %40 %3A %2F %23 %3F %25";
        let text = self.text(NAME)?;
        if text.contains(char::is_whitespace) {
            self.wrong(NAME, "has a blank in it", REMEDY);
            return None;
        }
        let Some(url) = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "smtps" | "smtp") && url.has_host())
        else {
            self.wrong(NAME, "is not an smtps:// address", REMEDY);
            return None;
        };
        if url.fragment().is_some() || url.path().len() > 1 {
            self.wrong(
                NAME,
                "has something between the server and ?to=, or a sign in the password that is not written with %",
                REMEDY,
            );
            return None;
        }
        if !url.username().is_empty() && url.password().is_none() {
            self.wrong(NAME, "holds a user without a password", REMEDY);
            return None;
        }
        let (mut to, mut from, mut tls) = (Vec::new(), None, None);
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "to" => to.extend(value.split(',').map(str::trim).filter(|to| !to.is_empty()).map(str::to_owned)),
                "from" => from = Some(value.into_owned()),
                "tls" if value == "required" => tls = Some("required"),
                "tls" => {
                    self.wrong(NAME, "knows only tls=required, for servers that begin in plain text", REMEDY);
                    return None;
                }
                _ => {
                    self.wrong(NAME, "has something behind the ? that is none of to, from, tls", REMEDY);
                    return None;
                }
            }
        }
        if to.is_empty() {
            self.wrong(NAME, "does not say to whom (?to=…)", REMEDY);
            return None;
        }
        let Ok(to) = to.iter().map(|to| to.parse()).collect::<Result<Vec<Mailbox>, _>>() else {
            self.wrong(NAME, "has something that is no mail address behind to=", REMEDY);
            return None;
        };
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "smtp" && tls.is_none() && !self.plaintext.may_be_read(host) {
            self.wrong(
                NAME,
                format!("sends everything to {host} in plain text over public networks"),
                format!(
                    "Use smtps://, or smtp:// with &tls=required, or allow it on purpose with ALLOW_PLAINTEXT={host}"
                ),
            );
            return None;
        }
        if url.scheme() == "smtps" && url.port() == Some(STARTTLS_PORT) {
            self.warnings.push(ConfigProblem::new(
                NAME,
                "names port 587, where servers mostly begin in plain text",
                "If `test-alerts` fails, use smtp:// with &tls=required, or port 465",
            ));
        }
        // The user's name is its address at most providers.
        let user = percent_decode_str(url.username()).decode_utf8().ok().and_then(|user| user.parse::<Address>().ok());
        let from = match (from.map(|from| from.parse::<Mailbox>()), user) {
            (Some(Ok(from)), _) => from,
            (Some(Err(_)), _) => {
                self.wrong(NAME, "has something that is no mail address behind from=", REMEDY);
                return None;
            }
            (None, Some(user)) => Mailbox::new(None, user),
            (None, None) => to.first().cloned()?,
        };
        let mut server = url.clone();
        server.set_query(tls.map(|_| "tls=required"));
        let email = EmailSettings { server: server.to_string().into(), from, to };
        if email.transport().is_err() {
            self.wrong(NAME, "holds a server, a user or a password that cannot be used", REMEDY);
            return None;
        }
        Some(email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> (SecondWaySettings, Vec<String>, Vec<String>) {
        let lookup = |asked: &str| (asked == name).then(|| value.to_owned());
        let mut reader = Reader::new(&lookup, &[]);
        let settings = reader.second_way();
        let told = |problems: &[ConfigProblem]| problems.iter().map(ToString::to_string).collect();
        (settings, told(&reader.problems), told(&reader.warnings))
    }

    #[test]
    fn addresses_of_mail_servers_are_read() {
        for (value, from, to) in [
            ("smtps://robot%40example.com:hush@smtp.example.com/?to=you@example.com", "robot@example.com", 1),
            ("smtps://robot@example.com:hu%2Fsh@smtp.example.com?to=you@example.com", "robot@example.com", 1),
            ("smtps://robot:hush@smtp.example.com:465/?to=a@b.ru,c@d.ru&from=Bot+<bot@b.ru>", "Bot <bot@b.ru>", 2),
            ("smtps://robot:hush@smtp.example.com/?to=a@b.ru&to=c@d.ru", "a@b.ru", 2),
            ("smtp://u:hush@smtp.example.com:587/?to=a@b.ru&tls=required", "a@b.ru", 1),
            ("smtp://127.0.0.1:2525/?to=a@b.ru", "a@b.ru", 1),
            ("smtp://relay/?to=a@b.ru", "a@b.ru", 1),
        ] {
            let (settings, problems, warnings) = read("ALERT_EMAIL", value);
            assert!(problems.is_empty() && warnings.is_empty(), "{problems:?} {warnings:?}");
            let email = settings.email.expect(value);
            assert_eq!((email.from.to_string().as_str(), email.to.len()), (from, to), "{value}");
            assert!(!format!("{email:?}").contains("hush"), "{email:?}");
        }
        assert_eq!(read("ALERT_EMAIL", "smtps://u:hush@smtp.example.com:587/?to=a@b.ru").2.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_secret() {
        for (name, value, word) in [
            ("ALERT_EMAIL", "you@example.com", "smtps://"),
            ("ALERT_EMAIL", "mailto:you@example.com", "smtps://"),
            ("ALERT_EMAIL", "https://u:hush@smtp.example.com/?to=a@b.ru", "smtps://"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com", "to whom"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=", "to whom"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=hush", "mail address"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=a@b.ru&from=hush", "from="),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=a@b.ru&hush=1", "behind the ?"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=a@b.ru&tls=hush", "tls=required"),
            ("ALERT_EMAIL", "smtps://u:12/hush@smtp.example.com/?to=a@b.ru", "%"),
            ("ALERT_EMAIL", "smtps://u:hu/sh@smtp.example.com/?to=a@b.ru", "%2F"),
            ("ALERT_EMAIL", "smtps://u:hu#sh@smtp.example.com/?to=a@b.ru", "%23"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/inbox?to=a@b.ru", "between"),
            ("ALERT_EMAIL", "smtps://hush@smtp.example.com/?to=a@b.ru", "password"),
            ("ALERT_EMAIL", "smtp://u:hush@smtp.example.com/?to=a@b.ru", "plain text"),
            ("ALERT_EMAIL", "smtps://u:hush@smtp.example.com/?to=a@b.ru c@d.ru", "blank"),
            ("ALERT_WEBHOOK_URL", "http://hooks.example.com/hush", "plain text"),
            ("ALERT_WEBHOOK_URL", "https://u:hush@hooks.example.com/", "password"),
            ("ALERT_WEBHOOK_URL", "hooks.example.com/hush", "address"),
            ("ALERT_WEBHOOK_URL", "https://hooks.example.com/hush https://x.example/", "blank"),
        ] {
            let (_, problems, _) = read(name, value);
            assert!(
                problems.len() == 1 && problems[0].starts_with(name) && problems[0].contains(word),
                "{value}: {problems:?}"
            );
            assert!(!problems[0].contains("hush") && !problems[0].contains("sh@"), "{problems:?}");
        }
        let (settings, problems, _) = read("ALERT_WEBHOOK_URL", "https://hooks.example.com/hush");
        assert!(problems.is_empty() && settings.webhook.is_some() && !format!("{settings:?}").contains("hush"));
    }
}
