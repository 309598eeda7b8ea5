//! `postgres://…` as people write it: what cannot be meant is told in words, and never the password.

use tracing::warn;
use url::Url;

use super::super::StoreError;

/// What sqlx understands; whatever else stands in an address would be logged by it with its value.
const KNOWN: [&str; 14] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "ssl",
];

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Reads an address; what comes back holds only what sqlx understands.
pub(super) fn parse(text: &str) -> Result<Url, StoreError> {
    let wrong = |words: String| Err(StoreError::Setting(words));
    let mut url = match Url::parse(text) {
        Ok(url) if url.fragment().is_none() => url,
        _ if text.split_once('@').is_some_and(|(before, after)| before.contains(',') || after.contains(',')) => {
            return wrong(SEVERAL.into());
        }
        _ => {
            return wrong(
                "is no address of the form postgres://user:password@host:5432/database. In the password write @ as %40, \
                 : as %3A, / as %2F, # as %23, ? as %3F and % as %25"
                    .into(),
            );
        }
    };
    if url.host_str().is_some_and(|host| host.contains(',') || host.contains("%2C")) {
        return wrong(SEVERAL.into());
    }
    let mut kept = Vec::new();
    for (name, value) in url.query_pairs() {
        let name = match &*name {
            "ssl-mode" => "sslmode",
            "ssl-root-cert" | "ssl-ca" => "sslrootcert",
            "ssl-cert" => "sslcert",
            "ssl-key" => "sslkey",
            name => name,
        };
        if !KNOWN.contains(&name) && !name.starts_with("options[") {
            warn!(parameter = name, "DATABASE_URL: this parameter is not known and does nothing");
            continue;
        }
        kept.push((name.to_owned(), value.into_owned()));
    }
    encryption(&mut kept)?;
    for (name, value) in &kept {
        match name.as_str() {
            "port" if value.parse::<u16>().is_err() => return wrong("port is not a port number".into()),
            "statement-cache-capacity" if value.parse::<u16>().is_err() => {
                return wrong("statement-cache-capacity is not a number".into());
            }
            "hostaddr" if value.parse::<std::net::IpAddr>().is_err() => {
                return wrong("hostaddr is not an IP address".into());
            }
            "host" | "hostaddr" if value.contains(',') => return wrong(SEVERAL.into()),
            _ => {}
        }
    }
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Ok(url)
}

const SEVERAL: &str = "names several servers. Give one address that always leads to the server that writes";

/// What is said about TLS, made one: `sslmode`, and files that are there and hold what they should.
fn encryption(kept: &mut Vec<(String, String)>) -> Result<(), StoreError> {
    let take = |kept: &mut Vec<(String, String)>, wanted: &str| {
        let found = kept.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        kept.retain(|(name, _)| name != wanted);
        found
    };
    let short = take(kept, "ssl");
    let mut mode = take(kept, "sslmode");
    if let Some(given) = &mut mode {
        *given = given.trim().to_ascii_lowercase();
        if !MODES.contains(&given.as_str()) {
            return Err(StoreError::Setting(format!("sslmode is none of {}", MODES.join(", "))));
        }
    } else if short.is_some_and(|short| matches!(short.as_str(), "true" | "1" | "on" | "require")) {
        mode = Some("require".into());
    }
    for (name, holds) in [("sslrootcert", "CERTIFICATE"), ("sslcert", "CERTIFICATE"), ("sslkey", "PRIVATE KEY")] {
        let Some(value) = take(kept, name) else { continue };
        if name == "sslrootcert" {
            // Whoever names an authority wants the server to be checked by it; so it is with libpq, too.
            let checks = matches!(mode.as_deref(), Some("verify-ca" | "verify-full"));
            if value == "system" {
                mode = Some("verify-full".into());
                continue;
            }
            if matches!(mode.as_deref(), None | Some("require" | "prefer")) && !checks {
                mode = Some("verify-ca".into());
            }
        }
        if !value.trim_start().starts_with("-----BEGIN") {
            let text = std::fs::read(&value).map_err(|error| {
                StoreError::Setting(format!(
                    "{name}: the file {value} cannot be read ({error}). Give the path of a PEM file"
                ))
            })?;
            if !String::from_utf8_lossy(&text).contains(&format!("{holds}-----")) {
                return Err(StoreError::Setting(format!("{name}: {value} holds no {} in PEM", holds.to_lowercase())));
            }
        }
        kept.push((name.to_owned(), value));
    }
    if kept.iter().any(|(name, _)| name == "sslcert") != kept.iter().any(|(name, _)| name == "sslkey") {
        return Err(StoreError::Setting("sslcert and sslkey are given together or not at all".into()));
    }
    if let Some(mode) = mode {
        kept.push(("sslmode".into(), mode));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        parse(text).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_understood_is_kept_and_nothing_else() {
        for (text, expected) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d"),
            ("postgresql://u:p%40ss@h:6432/d?sslmode=REQUIRE", "postgresql://u:p%40ss@h:6432/d?sslmode=require"),
            ("postgres://h/d?sslpassword=hush&connect_timeout=5", "postgres://h/d"),
            ("postgres://h/d?ssl=true", "postgres://h/d?sslmode=require"),
            ("postgres://h/d?ssl-mode=disable", "postgres://h/d?sslmode=disable"),
            ("postgres://h/d?sslrootcert=system", "postgres://h/d?sslmode=verify-full"),
            ("postgres:///d?host=/run/postgresql", "postgres:///d?host=%2Frun%2Fpostgresql"),
            ("postgres://h/d?options=-c%20search_path%3Dbot", "postgres://h/d?options=-c+search_path%3Dbot"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_named_authority_is_used() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n").expect("a file");
        for (mode, expected) in [
            ("", "sslmode=verify-ca"),
            ("&sslmode=require", "sslmode=verify-ca"),
            ("&sslmode=verify-full", "sslmode=verify-full"),
            ("&sslmode=disable", "sslmode=disable"),
        ] {
            let url = parsed(&format!("postgres://h/d?sslrootcert={}{mode}", file.path().display())).expect(mode);
            assert!(url.ends_with(expected), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_without_the_password() {
        let text = tempfile::NamedTempFile::new().expect("a file");
        for (address, told) in [
            ("postgres://user:hush#hush@host/db".to_owned(), "%23"),
            ("postgres://user:12#hush@host/db".to_owned(), "%23"),
            ("postgres://user:hush/hush@host/db".to_owned(), "%2F"),
            ("postgres://user:hush@host:port/db".to_owned(), "form"),
            ("postgres://user:hush@one,two/db".to_owned(), "several"),
            ("postgres://user:hush@one:1,two:2/db".to_owned(), "several"),
            ("postgres://user:hush@host/db?sslmode=requir".to_owned(), "none of disable"),
            ("postgres://user:hush@host/db?sslmode=".to_owned(), "none of disable"),
            ("postgres://user:hush@host/db?sslrootcert=/missing/root.crt".to_owned(), "/missing/root.crt"),
            (format!("postgres://user:hush@host/db?sslrootcert={}", text.path().display()), "no certificate"),
            ("postgres://user:hush@host/db?sslkey=/missing/key".to_owned(), "/missing/key"),
            ("postgres://user:hush@host/db?hostaddr=here".to_owned(), "IP address"),
            ("postgres://user:hush@host/db?port=hush".to_owned(), "port"),
        ] {
            let said = parsed(&address).expect_err(&address);
            assert!(said.contains(told) && !said.contains("hush") && said.lines().count() == 1, "{address}: {said}");
        }
    }
}
