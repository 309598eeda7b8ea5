//! What can go wrong with the store, sorted by what the caller is to do, and in words for the operator.

use std::io::ErrorKind;

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};
use thiserror::Error;

/// Connections a role must be allowed: one that holds the leader's lock, one at work, one for a process that waits to
/// take over, one for a command. What is allowed beyond that works as well.
pub(super) const LEAST_CONNECTIONS: u32 = 4;

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Disk full, read-only, locked, database gone: wait and try again; nothing was changed.
    #[error("the store cannot be used now: {}", in_words(.0))]
    Unavailable(#[source] sqlx::Error),
    /// The engine refuses what was to be written: it would do so again. Says which rule, never the content.
    #[error("the store refuses this content ({0})")]
    Refused(String),
    /// The database answers and cannot be used as it is set up or as it is addressed; waiting does not help. One line
    /// that says what to do, without the name of the setting and without its value.
    #[error("{0}")]
    Setting(String),
    /// What is in the store cannot be read by this version.
    #[error("the store holds something this version cannot read: {0}")]
    Unreadable(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Unreadable(error.to_string()),
            sqlx::Error::Database(error) if refuses_content(&*error) => Self::Refused(rule(&*error)),
            other => Self::Unavailable(other),
        }
    }
}

impl StoreError {
    /// Trouble that may pass, in our own words.
    pub(super) fn for_now(words: impl Into<String>) -> Self {
        Self::Unavailable(sqlx::Error::Io(std::io::Error::other(words.into())))
    }

    /// Whether a disk has no place left: SQLITE_FULL, PostgreSQL's 53100, or what the system says of a file.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Unavailable(sqlx::Error::Io(error)) => {
                matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            }
            Self::Unavailable(error) => sql_state(error) == Some("53100") || sqlite_kind(error) == Some(13),
            _ => false,
        }
    }

    /// The same operation may succeed at once: another transaction was in its way.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Unavailable(error) if is_conflict(error))
    }
}

/// PostgreSQL ended this transaction for the sake of another: 40001 serialization_failure, 40P01 deadlock_detected.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(sql_state(error), Some("40001" | "40P01"))
}

/// Another process has held the SQLite file for too long (SQLITE_BUSY, in the last byte of its code).
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    sqlite_kind(error) == Some(5)
}

/// The last byte of SQLite's code, which is its kind (sqlite.org/rescode.html); `None` for anything else.
fn sqlite_kind(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else { return None };
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return None;
    }
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}

/// The same error for one more of those whom it concerns: it cannot be cloned.
pub(super) fn copy(error: &sqlx::Error) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(in_words(error)))
}

/// PostgreSQL's code of an error (its manual, Appendix A); `None` for anything else.
fn sql_state(error: &sqlx::Error) -> Option<&str> {
    let sqlx::Error::Database(error) = error else { return None };
    Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Whether an error is about what was written: another value would have been taken.
fn refuses_content(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        // Data exceptions, broken constraints, values that are too large, and what a trigger raises by itself.
        let code = error.code();
        return ["22", "23", "54"].iter().any(|class| code.starts_with(class)) || code == "44000" || code == "P0001";
    }
    // The last byte of SQLite's code is its kind: too big, constraint, mismatch, range (sqlite.org/rescode.html).
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 18 | 19 | 20 | 25))
}

/// The rule that was broken. The message itself may repeat the content.
fn rule(error: &dyn DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    match error.constraint() {
        Some(constraint) => format!("code {code}, {constraint}"),
        None => format!("code {code}"),
    }
}

fn in_words(error: &sqlx::Error) -> String {
    match (error, sql_state(error)) {
        (sqlx::Error::Database(error), Some(code)) => {
            let message = error.message();
            let words = match code {
                "53300" => format!("the server has no free connection for it, it needs {LEAST_CONNECTIONS}"),
                "57P03" => "the server does not take connections at this moment".into(),
                "57014" => "it took longer than a statement may".into(),
                "55P03" => "somebody holds a lock on it for long".into(),
                "25006" => "the database can only be read now".into(),
                "42501" => "the role lacks a right".into(),
                "53100" => "the server's disk is full".into(),
                _ => return format!("{message} (code {code})"),
            };
            format!("{words}: {message} (code {code})")
        }
        (sqlx::Error::Io(error), _) if error.kind() == ErrorKind::ConnectionRefused => {
            format!("nobody answers at its address ({error})")
        }
        (sqlx::Error::Io(error), _) => error.to_string(),
        (sqlx::Error::PoolTimedOut, _) => {
            format!("no connection in time; the server may be down, busy, or allow fewer than {LEAST_CONNECTIONS}")
        }
        _ => error.to_string(),
    }
}

/// A connection that could not be made: where waiting does not help, what to do instead.
pub(super) fn of_connecting(error: sqlx::Error) -> StoreError {
    let refused = |words: String| StoreError::Setting(words);
    match (&error, sql_state(&error)) {
        (sqlx::Error::Database(answer), Some(code)) => {
            let message = answer.message();
            match code {
                "28P01" => refused(format!(
                    "the server refuses the user or the password: {message}. Take both from your database's provider"
                )),
                // No entry in pg_hba.conf, no such role, a role that may not log in.
                "28000" => refused(format!(
                    "the server refuses this user from here: {message}. Check the user, and what the server's pg_hba.conf \
                     allows (it may ask for ?sslmode=require)"
                )),
                "3D000" => refused(format!("{message}. Check the name at the end of the address, or create it")),
                "42501" => refused(format!("{message}. The server's administrator has to GRANT it")),
                "08P01" if message.contains("startup parameter") && message.contains("options") => refused(format!(
                    "the pooler in front of the database refuses the connection: {message}. Take options= out of the \
                     address and set the same at the server: ALTER ROLE … SET …"
                )),
                "08P01" if message.contains("startup parameter") => refused(format!(
                    "the pooler in front of the database refuses the connection: {message}. Set in its pgbouncer.ini: \
                     ignore_startup_parameters = extra_float_digits"
                )),
                _ => StoreError::Unavailable(error),
            }
        }
        // Rustls reports a certificate that it refuses as invalid data.
        (sqlx::Error::Io(cause), _) if cause.kind() == ErrorKind::InvalidData => {
            refused(certificate(&cause.to_string()))
        }
        (sqlx::Error::Tls(cause), _) => match cause.to_string() {
            text if text.contains("does not support TLS") => refused(
                "the server does not encrypt connections, and sslmode asks for it. Switch ssl on at the server, or give \
                 ?sslmode=disable where the way to it is your own"
                    .into(),
            ),
            text => refused(certificate(&text)),
        },
        (sqlx::Error::Configuration(cause), _) => refused(cause.to_string()),
        (sqlx::Error::Protocol(text), _) if text.contains("SSLRequest") => {
            refused("what answers there is no PostgreSQL server. Check the host and the port".into())
        }
        _ => StoreError::Unavailable(error),
    }
}

fn certificate(text: &str) -> String {
    let advice = if text.contains("CaUsedAsEndEntity") {
        "It is its own authority (CA:TRUE, as `openssl req -x509` makes it), which cannot at the same time be a server's \
         certificate here. Make the server another one, with `-addext basicConstraints=critical,CA:FALSE -addext \
         subjectAltName=DNS:name.of.the.server` added to that command, and give it as sslrootcert; or give \
         ?sslmode=require without sslrootcert, which encrypts and does not check who answers"
    } else if text.contains("NotValidForName") || text.contains("not valid for name") {
        "It is made out to another name. Write the name that it is made out to, or give sslmode=verify-ca"
    } else if text.contains("UnknownIssuer") {
        "Nobody vouches for it. Give the authority's certificate as sslrootcert (a file in PEM)"
    } else if text.contains("xpired") || text.contains("NotValidYet") {
        "Renew it, and check the clock of this machine"
    } else if text.contains("UnsupportedCertVersion") {
        "It is of an old kind (version 1). Make the server a new one"
    } else {
        "Check sslmode, sslrootcert, sslcert and sslkey"
    };
    format!("the server's certificate is not accepted ({text}). {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_comes_with_what_to_do() {
        for (text, advice) in [
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "basicConstraints=critical,CA:FALSE"),
            ("invalid peer certificate: UnknownIssuer", "sslrootcert"),
            ("invalid peer certificate: Expired", "Renew"),
            ("invalid peer certificate: certificate not valid for name \"a\"", "verify-ca"),
            ("received fatal alert: CertificateRequired", "sslcert"),
        ] {
            let said = certificate(text);
            assert!(said.contains(advice) && said.lines().count() == 1, "{said}");
        }
    }

    #[test]
    fn a_dead_server_is_waited_for_and_a_wrong_address_is_not() {
        let refused = std::io::Error::from(ErrorKind::ConnectionRefused);
        assert!(matches!(of_connecting(sqlx::Error::Io(refused)), StoreError::Unavailable(_)));
        let odd = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x48".into());
        assert!(matches!(of_connecting(odd), StoreError::Setting(_)));
        let plain = sqlx::Error::Tls("server does not support TLS".into());
        assert!(matches!(of_connecting(plain), StoreError::Setting(_)));
    }
}
