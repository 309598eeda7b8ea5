//! `.env` of the working directory.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
};

use super::ConfigProblem;

/// Name of the file; also what problems with it are told under.
const FILE: &str = ".env";

const REMEDY: &str = "Each line is NAME=value; put values with spaces or # into quotes";

/// Puts what `.env` in the working directory says into the environment, where that does not say it itself. Folders above
/// are not searched: whoever may write to one of them must not be able to say where the leads go.
///
/// # Errors
/// The file belongs to somebody else, or a line cannot be read.
pub(super) fn load() -> Result<Vec<ConfigProblem>, ConfigProblem> {
    let mut file = match File::open(FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
    };
    let meta = file.metadata().map_err(|error| unreadable(&error))?;
    let user = rustix::process::geteuid().as_raw();
    if let Some(problem) = foreign(meta.uid(), user) {
        return Err(problem);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| ConfigProblem::new(FILE, "is not UTF-8 text", "Save it as UTF-8 in your editor"))?;
    dotenvy::from_read(text.as_bytes()).map_err(|error| match error {
        // The error's own text would print the line, and with it a secret.
        dotenvy::Error::LineParse(line, column) => {
            let problem = match line_number(&text, &line) {
                Some(number) => format!("line {number} cannot be read (at character {column})"),
                None => format!("a line cannot be read (at character {column})"),
            };
            ConfigProblem::new(FILE, problem, REMEDY)
        }
        _ => ConfigProblem::new(FILE, "the file cannot be read", REMEDY),
    })?;
    // A warning only: on a machine of one's own nobody else is there to read it.
    let open = meta.mode() & 0o077 != 0;
    let warning = || ConfigProblem::new(FILE, "other users of this machine may read it", "Close it: chmod 600 .env");
    Ok(open.then(warning).into_iter().collect())
}

/// Somebody else's file could send leads and tokens anywhere.
fn foreign(owner: u32, user: u32) -> Option<ConfigProblem> {
    (owner != user && owner != 0).then(|| {
        ConfigProblem::new(
            FILE,
            format!("belongs to another user (id {owner}) and is not read"),
            format!("Make it belong to the user who runs this (id {user}) or to root, or run this in another folder"),
        )
    })
}

fn unreadable(error: &io::Error) -> ConfigProblem {
    ConfigProblem::new(FILE, format!("the file cannot be read ({error})"), "Let the user who runs this read it")
}

/// Where this text stands, counted from 1.
fn line_number(text: &str, line: &str) -> Option<usize> {
    let first = line.lines().next()?.trim();
    text.lines().position(|candidate| candidate.trim() == first).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_our_own_or_of_root_is_read() {
        assert_eq!((foreign(1000, 1000), foreign(0, 1000), foreign(0, 0)), (None, None, None));
        for (owner, user) in [(1000, 0), (1001, 1000), (65534, 1000)] {
            assert!(foreign(owner, user).is_some_and(|problem| problem.to_string().contains(&owner.to_string())));
        }
    }
}
