//! Which hosts are accounts of amoCRM or Kommo.

/// Where amoCRM accounts live: the only hosts that are ever given the integration's secret.
pub const ACCOUNT_DOMAINS: [&str; 3] = ["amocrm.ru", "amocrm.com", "kommo.com"];

/// Whether a host is an account of amoCRM or Kommo.
pub fn is_account_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ACCOUNT_DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(|account| {
            !account.is_empty()
                && account != "www"
                && account.len() <= 63
                && !account.starts_with('-')
                && !account.ends_with('-')
                && account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    })
}

/// The account host for `acme`, `acme.amocrm.ru`, `https://acme.kommo.com/`.
pub(super) fn account_host(text: &str) -> Option<String> {
    let text = without_scheme(text).trim_end_matches('/').to_lowercase();
    let host = if text.contains('.') { text } else { format!("{text}.amocrm.ru") };
    is_account_host(&host).then_some(host)
}

pub(super) fn without_scheme(text: &str) -> &str {
    text.trim_start_matches("https://").trim_start_matches("http://")
}

pub(super) fn host_part(text: &str) -> &str {
    without_scheme(text).split(['/', '?', '#', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("-acme", None),
            ("acme-", None),
            ("x.acme.amocrm.ru", None),
            ("https://acme.amocrm.ru/leads/", None),
        ] {
            assert_eq!(account_host(text).as_deref(), host, "{text}");
        }
    }
}
