//! The address of the database, and whether what goes there is encrypted.

use secrecy::SecretString;

use super::{ConfigProblem, PostgresAddress, Reader, plaintext::PlaintextHosts};

const PROVIDER: &str =
    "Take it from your database's provider, or leave it out to keep everything in a file in DATA_DIR";

/// Servers that insist on encryption by themselves, and whose address cannot be edited by its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// On Heroku.
    Heroku,
    /// Anywhere else.
    Other,
}

impl Platform {
    /// The one that these settings come from.
    pub(super) fn of(reader: &mut Reader<'_>) -> Self {
        if reader.text("DYNO").is_some() { Self::Heroku } else { Self::Other }
    }
}

impl Reader<'_> {
    pub(super) fn database_url(&mut self, platform: Platform) -> Option<SecretString> {
        let text = self.text("DATABASE_URL")?;
        match checked("DATABASE_URL", &text, &self.plaintext, platform) {
            Ok(url) => Some(url.into()),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }
}

/// The address as it is used. Nothing of it is ever shown: it holds a password.
pub(super) fn checked(
    variable: &'static str,
    text: &str,
    plaintext: &PlaintextHosts,
    platform: Platform,
) -> Result<String, ConfigProblem> {
    let wrong = |problem: &str, remedy: String| Err(ConfigProblem::new(variable, problem, remedy));
    if text.contains(char::is_whitespace) {
        return wrong("has a blank in it", PROVIDER.into());
    }
    if let Some(file) = text.strip_prefix("sqlite:") {
        let file = file.trim_start_matches("//").split('?').next().unwrap_or_default();
        if file.is_empty() || file == ":memory:" {
            return wrong("names no file", "Leave it out to keep everything in a file in DATA_DIR".into());
        }
        return Ok(text.to_owned());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return wrong("does not begin with postgres://", PROVIDER.into());
    }
    let address =
        PostgresAddress::parse(text).map_err(|wrong| ConfigProblem::new(variable, wrong.problem, wrong.remedy))?;
    // What cannot be meant in it the store tells, which uses it.
    let Some(options) = address.options() else { return Ok(text.to_owned()) };
    let host = options.get_host().to_owned();
    let local = options.get_socket().is_some() || host.starts_with('/') || plaintext.may_be_read(&host);
    if !local && !address.insists_on_encryption() {
        let mut url = address.url;
        if platform == Platform::Heroku && !address.says_encryption {
            url.query_pairs_mut().append_pair("sslmode", "require");
            return Ok(url.into());
        }
        let sign = if url.query().is_some() { '&' } else { '?' };
        return wrong(
            &format!("leads to {host} over public networks without insisting on encryption"),
            format!(
                "Add {sign}sslmode=require at its end (in place of another sslmode), or allow plain text on purpose \
                 with ALLOW_PLAINTEXT={host}"
            ),
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, platform: Platform) -> Result<String, String> {
        let allowed = PlaintextHosts::parse("db.example.org").expect("a host");
        checked("DATABASE_URL", text, &allowed, platform).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_database_in_public_is_spoken_to_in_secret() {
        for url in [
            "postgres://u:p@localhost/db",
            "postgres://u:p@127.0.0.1:5432/db",
            "postgres://u:p@[::1]:5432/db",
            "postgresql://u:p@10.0.0.5/db?sslmode=disable",
            "postgres://u:p@postgres/db",
            "postgres:///db?host=/var/run/postgresql",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/db",
            "postgres://u:p@db.example.com/db?sslmode=require",
            "postgres://u:p@db.example.com/db?sslmode=verify-full&sslrootcert=/root.pem",
            "postgres://u:p@8.8.8.8/db?ssl=true",
            "postgres://u:p@8.8.8.8/db?sslrootcert=/root.pem",
            "postgres://u:p@8.8.8.8/db?application_name=x&sslmode=verify-ca",
            "postgres://u:p@db.example.org/db?sslmode=disable",
            "sqlite:///tmp/x.sqlite",
        ] {
            assert_eq!(check(url, Platform::Other).as_deref(), Ok(url));
        }
        for url in [
            "postgres://u:hush@db.example.com/db",
            "postgres://u:hush@8.8.8.8/db?sslmode=disable",
            "postgres://u:hush@[2001:db8::1]/db?sslmode=prefer",
            "postgres://u:hush@db.example.com:6432/db?sslmode=allow",
            "postgres://u:hush@localhost/db?host=db.example.com",
            "postgres://u:hush@localhost/db?hostaddr=8.8.8.8",
        ] {
            let problem = check(url, Platform::Other).expect_err(url);
            assert!(problem.contains("sslmode=require") && problem.contains("ALLOW_PLAINTEXT="), "{problem}");
            assert!(!problem.contains("hush") && problem.starts_with("DATABASE_URL: "), "{problem}");
        }
    }

    #[test]
    fn the_address_that_heroku_gives_is_used_with_encryption() {
        let given = "postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/db";
        assert_eq!(check(given, Platform::Heroku), Ok(format!("{given}?sslmode=require")));
        assert!(check(&format!("{given}?sslmode=disable"), Platform::Heroku).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        for url in [
            "mysql://u:hush@host/db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "hush",
            "postgres://u:hu#sh@localhost/db",
            "postgres://u:hush/x@localhost/db",
            "postgres://u:hush@localhost:port/db",
            "postgres://u:hush@localhost/db name",
        ] {
            let problem = check(url, Platform::Other).expect_err(url);
            assert!(!problem.contains("hush") && problem.lines().count() == 1, "{problem}");
        }
    }
}
