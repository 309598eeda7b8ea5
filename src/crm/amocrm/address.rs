//! Where the account is: the configured address, or the one it has moved to.
//!
//! **Promise.** A secret goes to the configured account only: under its configured address, under the one amoCRM itself
//! has named for it, or under its other name abroad (`amocrm.com` and `kommo.com` are one).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::config::AmocrmSettings;

/// The address of one account.
#[derive(Debug)]
pub(super) struct AccountAddress {
    /// `AMOCRM_BASE_URL`, or `https://` and the account's host.
    base_url: Url,
    /// Such as `acme.amocrm.ru`.
    host: String,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// The account's new host.
    moved_to: Option<String>,
    /// When amoCRM was last asked for a new host after a wrong address.
    asked_at: Option<Instant>,
}

impl AccountAddress {
    pub fn new(settings: &AmocrmSettings) -> Self {
        Self { base_url: settings.base_url.clone(), host: settings.account_host.clone(), found: Mutex::default() }
    }

    /// Where the API is, with or without a slash at its end.
    pub fn base(&self) -> String {
        match &self.found().moved_to {
            Some(host) if !self.is_pinned() => format!("https://{host}"),
            _ => self.base_url.to_string(),
        }
    }

    /// `AMOCRM_BASE_URL` says where everything goes; nothing is followed elsewhere.
    pub fn is_pinned(&self) -> bool {
        self.base_url.scheme() != "https" || self.base_url.host_str() != Some(self.host.as_str())
    }

    /// The host the account is configured with, such as `acme.amocrm.ru`.
    pub fn configured_host(&self) -> &str {
        &self.host
    }

    /// The host the account was last known at.
    pub fn known_host(&self) -> String {
        self.found().moved_to.clone().unwrap_or_else(|| self.host.clone())
    }

    /// The account's new host, when it was found to have moved.
    pub fn moved_to(&self) -> Option<String> {
        self.found().moved_to.clone()
    }

    /// Remembers the account's new host.
    pub fn note_move(&self, host: &str) {
        tracing::warn!(host, "the amoCRM account has moved; AMOCRM_SUBDOMAIN should say so");
        self.found().moved_to = Some(host.to_owned());
    }

    /// The configured address works.
    pub fn note_return(&self) {
        self.found().moved_to = None;
    }

    /// Whether amoCRM may be asked for a new host: once in `pause`. The caller then asks.
    pub fn may_be_asked_for(&self, pause: Duration) -> bool {
        let mut found = self.found();
        let may = found.asked_at.is_none_or(|asked| asked.elapsed() >= pause);
        if may {
            found.asked_at = Some(Instant::now());
        }
        may
    }

    /// Where a code is traded that came with this `referer`; `Err` holds the host of another account, or nothing when it
    /// is none of amoCRM's.
    pub fn base_for_code(&self, referer: Option<&str>) -> Result<String, Option<String>> {
        match referer.map(str::to_lowercase) {
            Some(host) if !self.is_ours(&host) => Err(is_amocrm_host(&host).then_some(host)),
            Some(host) if !self.is_pinned() && is_amocrm_host(&host) => Ok(format!("https://{host}")),
            _ => Ok(self.base()),
        }
    }

    /// Whether the account's files, and its token with them, may go to an address that amoCRM has named: a host of amoCRM's
    /// own, or, where `AMOCRM_BASE_URL` says where everything goes, that one's.
    pub fn may_keep_files(&self, drive: &Url) -> bool {
        match drive.host_str() {
            Some(host) if self.is_pinned() => {
                self.base_url.host_str() == Some(host) && self.base_url.scheme() == drive.scheme()
            }
            Some(host) => drive.scheme() == "https" && is_amocrm_host(host),
            None => false,
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        fn abroad(host: &str) -> Option<&str> {
            host.strip_suffix(".amocrm.com").or_else(|| host.strip_suffix(".kommo.com"))
        }
        host == self.host
            || self.found().moved_to.as_deref() == Some(host)
            || (self.is_pinned() && self.base_url.authority() == host)
            || (abroad(host).is_some() && abroad(host) == abroad(&self.host))
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a host is one of amoCRM's own, so that it may be given a secret.
pub(super) fn is_amocrm_host(host: &str) -> bool {
    ["amocrm.ru", "amocrm.com", "kommo.com"].iter().any(|domain| {
        host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|labels| {
            !labels.is_empty() && labels.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::amocrm::payload::tests::settings;

    fn address(host: &str, base: &str) -> AccountAddress {
        let mut settings = settings();
        settings.account_host = host.into();
        settings.base_url = base.parse().expect("an address");
        AccountAddress::new(&settings)
    }

    #[test]
    fn a_secret_goes_to_the_configured_account_only() {
        let address = address("acme.amocrm.ru", "https://acme.amocrm.ru/");
        for (host, base) in [
            (None, Some("https://acme.amocrm.ru/")),
            (Some("acme.amocrm.ru"), Some("https://acme.amocrm.ru")),
            (Some("ACME.amocrm.ru"), Some("https://acme.amocrm.ru")),
            (Some("other.amocrm.ru"), None),
            (Some("acme.kommo.com"), None),
            (Some("acme.amocrm.ru.evil.example"), None),
            (Some("acme.amocrm.ru:8443"), None),
            (Some("acme.amocrm.ru@evil.example"), None),
            (Some("acme.amocrm.ru/../evil"), None),
            (Some(""), None),
        ] {
            assert_eq!(address.base_for_code(host).ok().as_deref(), base, "{host:?}");
        }
        assert_eq!(address.base_for_code(Some("Other.amocrm.ru")), Err(Some("other.amocrm.ru".into())));
        assert_eq!(address.base_for_code(Some("evil.example")), Err(None));
    }

    #[test]
    fn an_account_abroad_has_two_names() {
        let address = address("acme.kommo.com", "https://acme.kommo.com/");
        assert_eq!(address.base_for_code(Some("acme.amocrm.com")).as_deref(), Ok("https://acme.amocrm.com"));
        assert!(address.base_for_code(Some("other.amocrm.com")).is_err());
    }

    #[test]
    fn a_pinned_base_is_never_left() {
        let pinned = address("acme.amocrm.ru", "http://127.0.0.1:9/");
        pinned.note_move("acme2.amocrm.ru");
        assert_eq!(pinned.base(), "http://127.0.0.1:9/");
        assert_eq!(pinned.base_for_code(Some("acme.amocrm.ru")).as_deref(), Ok("http://127.0.0.1:9/"));

        let free = address("acme.amocrm.ru", "https://acme.amocrm.ru/");
        free.note_move("acme2.amocrm.ru");
        assert_eq!(free.base(), "https://acme2.amocrm.ru");
        assert_eq!(free.base_for_code(Some("acme2.amocrm.ru")).as_deref(), Ok("https://acme2.amocrm.ru"));
        free.note_return();
        assert_eq!(free.base(), "https://acme.amocrm.ru/");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_host_is_asked_for_rarely() {
        let address = address("acme.amocrm.ru", "https://acme.amocrm.ru/");
        let pause = Duration::from_secs(600);
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(address.may_be_asked_for(pause));
            tokio::time::advance(Duration::from_secs(250)).await;
        }
        assert_eq!(asked, [true, false, false, true]);
    }

    #[test]
    fn knows_amocrms_own_hosts() {
        for host in ["acme.amocrm.ru", "acme.kommo.com", "acme.amocrm.com", "api-b.amocrm.ru"] {
            assert!(is_amocrm_host(host), "{host}");
        }
        for host in [
            "amocrm.ru",
            ".amocrm.ru",
            "evilamocrm.ru",
            "amocrm.ru.evil.example",
            "evil.example/.amocrm.ru",
            "a@b.amocrm.ru",
            "",
        ] {
            assert!(!is_amocrm_host(host), "{host}");
        }
    }
}
