//! `postgres://…` as people write it: what cannot be meant is told in words, and never the password.

use std::{fmt, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::files;

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

/// What is wrong with an address, and what to do; holds nothing secret.
#[derive(Debug, PartialEq, Eq)]
pub struct AddressProblem {
    /// Such as `names several servers`.
    pub problem: String,
    /// One sentence.
    pub remedy: String,
}

impl AddressProblem {
    fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }

    fn several() -> Self {
        Self::new("names several servers", "Give one address that always leads to the server that writes")
    }
}

impl fmt::Display for AddressProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem, self.remedy)
    }
}

/// The address of one PostgreSQL database, in which everything can be meant.
#[derive(Debug, Clone)]
pub struct PostgresAddress {
    /// Holds only what sqlx understands, and a password.
    pub url: Url,
    /// Parameters that do nothing, by name.
    pub unknown: Vec<String>,
    /// Whether something is said of encryption.
    pub says_encryption: bool,
}

impl PostgresAddress {
    /// Reads an address; files that it names are not looked at.
    pub fn parse(text: &str) -> Result<Self, AddressProblem> {
        const FORM: &str = "In the password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25";
        let mut url = match Url::parse(text) {
            Ok(url) if url.fragment().is_none() => url,
            _ if text.split_once('@').is_some_and(|(before, after)| before.contains(',') || after.contains(',')) => {
                return Err(AddressProblem::several());
            }
            _ => {
                let problem = "is no address of the form postgres://user:password@host:5432/database";
                return Err(AddressProblem::new(problem, FORM));
            }
        };
        if url.host_str().is_some_and(|host| host.contains(',') || host.contains("%2C")) {
            return Err(AddressProblem::several());
        }
        let (mut kept, mut unknown) = (Vec::new(), Vec::new());
        for (name, value) in url.query_pairs() {
            let name = match &*name {
                "ssl-mode" => "sslmode",
                "ssl-root-cert" | "ssl-ca" => "sslrootcert",
                "ssl-cert" => "sslcert",
                "ssl-key" => "sslkey",
                name => name,
            };
            if KNOWN.contains(&name) || name.starts_with("options[") {
                kept.push((name.to_owned(), value.into_owned()));
            } else {
                unknown.push(name.to_owned());
            }
        }
        let says_encryption = encryption(&mut kept)?;
        for (name, value) in &kept {
            match name.as_str() {
                "port" if value.parse::<u16>().is_err() => return Err(not("port", "a port number")),
                "statement-cache-capacity" if value.parse::<u16>().is_err() => return Err(not(name, "a number")),
                "hostaddr" if value.parse::<std::net::IpAddr>().is_err() => return Err(not(name, "an IP address")),
                "host" | "hostaddr" if value.contains(',') => return Err(AddressProblem::several()),
                _ => {}
            }
        }
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        Ok(Self { url, unknown, says_encryption })
    }

    /// As sqlx takes it, with what `PGHOST` and the like say where the address does not; `None` when it cannot be meant.
    pub fn options(&self) -> Option<PgConnectOptions> {
        PgConnectOptions::from_str(self.url.as_str()).ok()
    }

    /// Whether encryption is insisted on, in the address or by `PGSSLMODE`. Naming an authority does so, too.
    pub fn insists_on_encryption(&self) -> bool {
        let mode = self.options().map(|options| options.get_ssl_mode());
        matches!(mode, Some(PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull))
    }

    /// Looks into the files that the address names.
    pub fn check_files(&self) -> Result<(), AddressProblem> {
        for (name, value) in self.url.query_pairs() {
            let holds = match &*name {
                "sslrootcert" | "sslcert" => "CERTIFICATE",
                "sslkey" => "PRIVATE KEY",
                _ => continue,
            };
            if value.trim_start().starts_with("-----BEGIN") {
                continue;
            }
            let text = std::fs::read(&*value).map_err(|error| {
                let problem = format!("{name}: the file {value} cannot be read: {}", files::why(&error));
                AddressProblem::new(problem, "Give the path of a PEM file")
            })?;
            if !String::from_utf8_lossy(&text).contains(&format!("{holds}-----")) {
                let problem = format!("{name}: {value} holds no {} in PEM", holds.to_lowercase());
                return Err(AddressProblem::new(problem, "Give the path of a PEM file"));
            }
        }
        Ok(())
    }
}

fn not(name: &str, what: &str) -> AddressProblem {
    AddressProblem::new(format!("{name} is not {what}"), "Take the address from your database's provider")
}

/// What is said about TLS, made one `sslmode`; whether anything is said.
fn encryption(kept: &mut Vec<(String, String)>) -> Result<bool, AddressProblem> {
    let take = |kept: &mut Vec<(String, String)>, wanted: &str| {
        let found = kept.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        kept.retain(|(name, _)| name != wanted);
        found
    };
    let short = take(kept, "ssl");
    let mut mode = take(kept, "sslmode");
    let says = mode.is_some() || short.is_some();
    if let Some(given) = &mut mode {
        *given = given.trim().to_ascii_lowercase();
        if !MODES.contains(&given.as_str()) {
            return Err(AddressProblem::new(
                format!("sslmode is none of {}", MODES.join(", ")),
                "Such as sslmode=require",
            ));
        }
    } else if short.is_some_and(|short| matches!(short.as_str(), "true" | "1" | "on" | "require")) {
        mode = Some("require".into());
    }
    // Whoever names an authority wants the server to be checked by it; so it is with libpq, too.
    match take(kept, "sslrootcert") {
        Some(value) if value == "system" => mode = Some("verify-full".into()),
        Some(value) => {
            if matches!(mode.as_deref(), None | Some("require" | "prefer")) {
                mode = Some("verify-ca".into());
            }
            kept.push(("sslrootcert".into(), value));
        }
        None => {}
    }
    for name in ["sslcert", "sslkey"] {
        if let Some(value) = take(kept, name) {
            kept.push((name.into(), value));
        }
    }
    if kept.iter().any(|(name, _)| name == "sslcert") != kept.iter().any(|(name, _)| name == "sslkey") {
        return Err(AddressProblem::new("names only one of sslcert and sslkey", "Give both or none"));
    }
    if let Some(mode) = mode {
        kept.push(("sslmode".into(), mode));
    }
    Ok(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let address = PostgresAddress::parse(text).map_err(|error| error.to_string())?;
        address.check_files().map_err(|error| error.to_string())?;
        Ok(address.url.to_string())
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
    fn encryption_is_insisted_on_or_not() {
        for (text, says, insists) in [
            ("postgres://h/d", false, false),
            ("postgres://h/d?sslmode=disable", true, false),
            ("postgres://h/d?sslmode=prefer", true, false),
            ("postgres://h/d?sslmode=allow&sslrootcert=/r", true, false),
            ("postgres://h/d?sslmode=disable&sslrootcert=/r", true, false),
            ("postgres://h/d?ssl=true", true, true),
            ("postgres://h/d?ssl-mode=Verify-CA", true, true),
            ("postgres://h/d?sslrootcert=/r", false, true),
            ("postgres://h/d?sslrootcert=system", false, true),
            ("postgres://h/d?sslmode=disable&sslmode=require", true, true),
        ] {
            let address = PostgresAddress::parse(text).expect(text);
            assert_eq!((address.says_encryption, address.insists_on_encryption()), (says, insists), "{text}");
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
            ("postgres://user:hush@host/db?sslkey=/missing/key".to_owned(), "only one of sslcert"),
            ("postgres://user:hush@host/db?sslcert=/missing/c&sslkey=/missing/k".to_owned(), "/missing/c"),
            ("postgres://user:hush@host/db?hostaddr=here".to_owned(), "IP address"),
            ("postgres://user:hush@host/db?port=hush".to_owned(), "port"),
        ] {
            let said = parsed(&address).expect_err(&address);
            assert!(said.contains(told) && !said.contains("hush") && said.lines().count() == 1, "{address}: {said}");
        }
    }
}
