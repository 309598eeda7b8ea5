//! Values that are secret: an argument is read by every user of the machine (`/proc/PID/cmdline`) and kept in the
//! shell's history, so they may be given in other ways.

use std::io::Read;

use crate::files;

use super::{CommandError, output::errln};

/// More than any secret; whatever is larger is another file.
const CAP: u64 = 64 * 1024;

/// How else a secret may be given, for help texts.
pub const OTHER_WAYS: &str = "`-` for standard input, `@FILE`, or `env:NAME`";

/// Where a value is taken from.
#[derive(Debug, PartialEq)]
enum Place<'a> {
    Argument(&'a str),
    Input,
    File(&'a str),
    Variable(&'a str),
}

impl<'a> Place<'a> {
    fn of(value: &'a str) -> Self {
        match value {
            "-" => Self::Input,
            _ => match (value.strip_prefix('@').or(value.strip_prefix("file:")), value.strip_prefix("env:")) {
                (Some(path), _) => Self::File(path),
                (None, Some(name)) => Self::Variable(name),
                (None, None) => Self::Argument(value),
            },
        }
    }
}

/// Whether this value is to be read from standard input.
pub fn from_input(value: &str) -> bool {
    Place::of(value) == Place::Input
}

/// The value of an option, from wherever it was given; a secret among the arguments is used, with a warning.
pub fn read(option: &str, value: &str, is_secret: impl Fn(&str) -> bool) -> Result<String, CommandError> {
    let failed = |why: String| CommandError::Failed(format!("{option}: {why}"));
    let text = match Place::of(value) {
        Place::Argument(value) => {
            if is_secret(value) {
                errln!(
                    "{option}: every user of this machine can read the arguments of a command, and the shell keeps them. \
                     Better give {OTHER_WAYS}"
                );
            }
            return Ok(value.to_owned());
        }
        Place::Input => {
            limited(std::io::stdin()).map_err(|error| failed(format!("standard input: {}", files::why(&error))))?
        }
        Place::File(path) => {
            let unreadable = |error: std::io::Error| failed(format!("{path} cannot be read: {}", files::why(&error)));
            limited(std::fs::File::open(path).map_err(unreadable)?).map_err(unreadable)?
        }
        Place::Variable(name) => {
            std::env::var(name).map_err(|_| failed(format!("there is no variable {name} that could be read")))?
        }
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(failed("there is nothing in it".into()));
    }
    Ok(text.to_owned())
}

fn limited(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(CAP).read_to_string(&mut text).map(|_| text)
}

/// Whether an address holds a password.
pub fn holds_password(address: &str) -> bool {
    // Where it cannot be read as an address, what looks like one counts.
    match url::Url::parse(address) {
        Ok(url) => url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password"),
        Err(_) => address.contains("://") && address.contains('@'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_says_where_it_is() {
        for (value, place) in [
            ("-", Place::Input),
            ("@/run/secrets/code", Place::File("/run/secrets/code")),
            ("file:code.txt", Place::File("code.txt")),
            ("env:CODE", Place::Variable("CODE")),
            ("def502", Place::Argument("def502")),
            ("postgres://u:p@h/d", Place::Argument("postgres://u:p@h/d")),
            ("sqlite:a.sqlite", Place::Argument("sqlite:a.sqlite")),
        ] {
            assert_eq!(Place::of(value), place, "{value}");
        }
    }

    #[test]
    fn addresses_with_a_password_are_known() {
        for (address, holds) in [
            ("postgres://u:p@h/d", true),
            ("postgres://u@h/d?password=p", true),
            ("postgres://u:p#x@h:1/d", true),
            ("postgres://u@h/d", false),
            ("store.sqlite", false),
            ("sqlite:store.sqlite", false),
        ] {
            assert_eq!(holds_password(address), holds, "{address}");
        }
    }
}
