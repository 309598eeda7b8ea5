//! Where nothing need be encrypted: this machine, a private network, and hosts that were allowed on purpose.

use std::net::IpAddr;

use crate::net::is_near;

/// Ends of names that no public name server knows.
const PRIVATE_ENDS: [&str; 6] = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet"];

/// The hosts of `ALLOW_PLAINTEXT`.
#[derive(Debug, Clone, Default)]
pub struct PlaintextHosts(Vec<String>);

impl PlaintextHosts {
    /// Hosts with commas or blanks between them; `None` when something else stands there.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split([',', ' ', ';'])
            .filter(|host| !host.is_empty())
            .map(|host| {
                let host = plain(host);
                let named = host.contains('.') || host.parse::<IpAddr>().is_ok();
                let clean = host.parse::<IpAddr>().is_ok()
                    || host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
                (named && clean).then_some(host)
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// Whether what goes to this host may be read on the way.
    pub(super) fn may_be_read(&self, host: &str) -> bool {
        is_private(host) || self.0.contains(&plain(host))
    }
}

/// A host as it is compared: lower case, without the brackets of IPv6 and the dot at the end.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a host is this machine or in a private network, as far as its name tells.
pub(super) fn is_private(host: &str) -> bool {
    let host = plain(host);
    match host.parse::<IpAddr>() {
        Ok(address) => is_near(address),
        // A name without a dot is found in the own network (or in a container's) only.
        Err(_) => !host.contains('.') || PRIVATE_ENDS.iter().any(|end| host.ends_with(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_are_told_from_public_ones() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "api.localhost",
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "[::1]",
            "fd00::1",
            "[fe80::1]",
            "::ffff:10.0.0.1",
            "postgres",
            "bot-api",
            "db.internal",
            "nas.local",
            "x.svc.cluster.local",
            "router.home.arpa",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "11.0.0.1",
            "192.169.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "[2a00:1450::1]",
            "::ffff:8.8.8.8",
            "example.org",
            "local.example.org",
            "localhost.example.org",
            "notlocal.ru",
            "10.0.0.1.example.org",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }

    #[test]
    fn hosts_are_allowed_by_name_only() {
        let allowed = PlaintextHosts::parse("telegram.example.org, 203.0.113.7;[2001:DB8::1]").expect("hosts");
        for host in ["Telegram.Example.org", "telegram.example.org.", "203.0.113.7", "[2001:db8::1]", "localhost"] {
            assert!(allowed.may_be_read(host), "{host}");
        }
        for host in ["example.org", "x.telegram.example.org", "203.0.113.8"] {
            assert!(!allowed.may_be_read(host), "{host}");
        }
        for text in ["on", "true", "*", "*.example.org", "http://example.org", "example.org:80", "all", "a.b/c", "1"] {
            assert!(PlaintextHosts::parse(text).is_none(), "{text}");
        }
    }
}
