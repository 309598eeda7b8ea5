//! `.env` of the working directory.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
};

use super::{ConfigProblem, SETTINGS};
use crate::files;

/// Name of the file; also what problems with it are told under.
const FILE: &str = ".env";

const REMEDY: &str = "Each line is NAME=value; put values with spaces or # into quotes";

/// What reading the file has shown.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// What looks wrong without being in the way.
    pub warnings: Vec<ConfigProblem>,
    /// Lines that cannot be read; the others are in the environment.
    pub broken: Vec<BrokenLine>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BrokenLine {
    /// Which one.
    pub problem: ConfigProblem,
    /// The setting that it seems to be about.
    pub setting: Option<&'static str>,
}

/// Puts what `.env` in the working directory says into the environment, where that does not say it itself. Folders above
/// are not searched: whoever may write to one of them must not be able to say where the leads go.
///
/// # Errors
/// The file belongs to somebody else, or cannot be read.
pub(super) fn load() -> Result<Loaded, ConfigProblem> {
    // A pipe by that name would be waited for; what it is is looked at before anything is read.
    let mut file = match OpenOptions::new().read(true).custom_flags(NONBLOCK).open(FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::default()),
        Err(error) => return Err(unreadable(&error)),
    };
    let meta = file.metadata().map_err(|error| unreadable(&error))?;
    let user = rustix::process::geteuid().as_raw();
    if let Some(problem) = foreign(meta.uid(), user) {
        return Err(problem);
    }
    if !meta.is_file() {
        return Err(ConfigProblem::new(
            FILE,
            "is no file",
            "Make it a text file with lines NAME=value, or take it away",
        ));
    }
    if let Some(problem) = written_by_all(meta.mode()) {
        return Err(problem);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| ConfigProblem::new(FILE, "is not UTF-8 text", "Save it as UTF-8 in your editor"))?;
    let (readable, broken) = sorted(&text);
    let unusable = |_| ConfigProblem::new(FILE, "the file cannot be read", REMEDY);
    dotenvy::from_read(readable.as_bytes()).map_err(unusable)?;
    let mut warnings = Vec::new();
    // A warning only: on a machine of one's own nobody else is there to read it.
    if meta.mode() & 0o077 != 0 {
        warnings.push(ConfigProblem::new(FILE, "other users of this machine may read it", "Close it: chmod 600 .env"));
    }
    if let Some(number) = text.lines().position(has_variable) {
        warnings.push(ConfigProblem::new(
            FILE,
            format!("line {} has a $ in it, which stands for the value of another variable", number + 1),
            "If it belongs to the value, put that into single quotes: NAME='a$b'",
        ));
    }
    Ok(Loaded { warnings, broken })
}

/// What of the text can be read, and the lines that cannot.
fn sorted(text: &str) -> (String, Vec<BrokenLine>) {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut broken: Vec<(usize, BrokenLine)> = Vec::new();
    // An open quote takes everything behind it along, so what is left is read again without the first line that is wrong.
    while let Some(at) = first_broken(&lines.join("\n")).filter(|at| !lines[*at].is_empty()) {
        let problem = ConfigProblem::new(FILE, told_of(at, lines[at]), REMEDY);
        broken.push((at, BrokenLine { problem, setting: setting_in(lines[at]) }));
        lines[at] = "";
    }
    broken.sort_by_key(|(at, _)| *at);
    (lines.join("\n"), broken.into_iter().map(|(_, line)| line).collect())
}

/// Which line cannot be read, counted from 0.
fn first_broken(text: &str) -> Option<usize> {
    let error = dotenvy::from_read_iter(text.as_bytes()).find_map(Result::err)?;
    match error {
        dotenvy::Error::LineParse(line, _) => Some(line_number(text, &line).map_or(0, |number| number - 1)),
        _ => None,
    }
}

/// What is told of a line: the name in it is no secret where it is one of a setting, everything else may be one.
fn told_of(at: usize, line: &str) -> String {
    match setting_in(line) {
        Some(name) => format!("line {} ({name}) cannot be read", at + 1),
        None => format!("line {} cannot be read", at + 1),
    }
}

/// The setting that a line seems to be about.
fn setting_in(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let name: &str = line.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').next().unwrap_or_default();
    SETTINGS.iter().copied().find(|setting| *setting == name)
}

/// Opening a pipe does not wait for its writer.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// What anybody may write could send leads and tokens anywhere.
fn written_by_all(mode: u32) -> Option<ConfigProblem> {
    let problem = "every user of this machine may write to it, so it is not read";
    (mode & 0o002 != 0).then(|| ConfigProblem::new(FILE, problem, "Look through it and close it: chmod 600 .env"))
}

/// Whether a part of the value would be replaced: a $ that is neither escaped nor in single quotes.
fn has_variable(line: &str) -> bool {
    let line = line.trim_start();
    let Some((_, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { return false };
    let value = value.trim_start();
    !value.starts_with('\'') && value.replace("\\$", "").contains('$')
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
    ConfigProblem::new(
        FILE,
        format!("the file cannot be read: {}", files::why(error)),
        "Let the user who runs this read it",
    )
}

/// Where this text stands, counted from 1.
fn line_number(text: &str, line: &str) -> Option<usize> {
    let first = line.lines().next()?.trim();
    let whole = text.lines().position(|candidate| candidate.trim() == first);
    // Of a value with a blank in it the error has the value alone.
    let end = || text.lines().position(|candidate| !first.is_empty() && candidate.trim().ends_with(first));
    whole.or_else(end).map(|at| at + 1)
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

    #[test]
    fn a_file_that_anybody_may_write_is_not_read() {
        for (mode, refused) in
            [(0o100_600, false), (0o100_644, false), (0o100_664, false), (0o100_666, true), (0o100_602, true)]
        {
            assert_eq!(written_by_all(mode).is_some(), refused, "{mode:o}");
        }
    }

    #[test]
    fn a_value_that_would_be_changed_is_noticed() {
        for line in ["A=a$b", "A=\"a$b\"", "export A=${B}", " A = $B"] {
            assert!(has_variable(line), "{line}");
        }
        for line in ["A='a$b'", "A=a\\$b", "#A=a$b", "A=ab", "", "$"] {
            assert!(!has_variable(line), "{line}");
        }
    }

    #[test]
    fn every_line_that_cannot_be_read_is_told_and_the_others_are_read() {
        let text =
            "BOT_TOKEN=x\nAMOCRM_TAGS=a b c\nDATA_DIR=/data\nADMIN_CHAT_ID='5\nPORT=80\nhush hush\nPHONE_REGION=KZ\n";
        let (readable, broken) = sorted(text);
        let told: Vec<String> = broken.iter().map(|line| line.problem.to_string()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for (told, begin) in told.iter().zip(["line 2 (AMOCRM_TAGS)", "line 4 (ADMIN_CHAT_ID)", "line 6 cannot"]) {
            assert!(told.contains(begin) && !told.contains("hush"), "{told}");
        }
        let read: Vec<String> =
            dotenvy::from_read_iter(readable.as_bytes()).map(|line| line.expect("a line").0).collect();
        assert_eq!(read, ["BOT_TOKEN", "DATA_DIR", "PORT", "PHONE_REGION"]);
        let names: Vec<_> = broken.iter().map(|line| line.setting).collect();
        assert_eq!(names, [Some("AMOCRM_TAGS"), Some("ADMIN_CHAT_ID"), None]);
    }

    #[test]
    fn a_value_over_several_lines_is_one() {
        let text = "A=\"one\ntwo\"\nB=3\n";
        assert_eq!(sorted(text), (text.trim_end().to_owned(), Vec::new()));
    }

    #[test]
    fn a_line_is_named_by_its_number() {
        let text = "BOT_TOKEN=x\n\nAMOCRM_TAGS=a b c\nA: b\n";
        assert_eq!((line_number(text, "a b c"), line_number(text, "A: b")), (Some(3), Some(4)));
        assert_eq!((line_number(text, "zz"), line_number(text, "")), (None, None));
    }
}
