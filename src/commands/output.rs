//! What commands say: whole lines on standard output, warnings and failures on standard error.
//!
//! Whoever reads may stop at any time (`leads list | head`). Then nothing more is said, and the command does its work to
//! the end as if somebody still listened: a lead that is being delivered does not depend on a pager. A reader that is
//! there and cannot take what is said, such as a full disk, makes the command fail.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

/// How writing to one of the two has gone so far.
#[derive(Debug)]
enum State {
    Open,
    /// Nobody reads it any more.
    Closed,
    Failed(io::Error),
}

static STDOUT: Mutex<State> = Mutex::new(State::Open);
static STDERR: Mutex<State> = Mutex::new(State::Open);

/// One line on standard output, like `println!`.
macro_rules! outln {
    () => { crate::commands::output::line(format_args!("")) };
    ($($text:tt)*) => { crate::commands::output::line(format_args!($($text)*)) };
}

/// A part of a line on standard output, like `print!`.
macro_rules! out {
    ($($text:tt)*) => { crate::commands::output::part(format_args!($($text)*)) };
}

/// One line on standard error, like `eprintln!`.
macro_rules! errln {
    () => { crate::commands::output::error_line(format_args!("")) };
    ($($text:tt)*) => { crate::commands::output::error_line(format_args!($($text)*)) };
}

pub(super) use {errln, out, outln};

pub(super) fn line(text: fmt::Arguments<'_>) {
    say(&STDOUT, || writeln!(io::stdout().lock(), "{text}"));
}

pub(super) fn part(text: fmt::Arguments<'_>) {
    say(&STDOUT, || write!(io::stdout().lock(), "{text}"));
}

pub(super) fn error_line(text: fmt::Arguments<'_>) {
    say(&STDERR, || writeln!(io::stderr().lock(), "{text}"));
}

/// One JSON document on standard output, as programs read it.
pub(super) fn json(document: &impl serde::Serialize) {
    outln!("{}", serde_json::to_string_pretty(document).unwrap_or_default());
}

/// Bytes as they are, on standard output.
pub(super) fn bytes(bytes: &[u8]) {
    say(&STDOUT, || io::stdout().lock().write_all(bytes));
}

/// Sends on what is written of an unfinished line.
pub(super) fn flush() {
    say(&STDOUT, || io::stdout().lock().flush());
}

/// Ends what is said; a command that could not say it has failed.
pub(super) fn finish(code: ExitCode) -> ExitCode {
    flush();
    let state = STDOUT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*state {
        State::Failed(error) => {
            errln!("standard output cannot be written: {error}");
            if code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
        }
        State::Open | State::Closed => code,
    }
}

fn say(stream: &Mutex<State>, write: impl FnOnce() -> io::Result<()>) {
    let mut state = stream.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(*state, State::Open) {
        return;
    }
    *state = after(write());
}

fn after(written: io::Result<()>) -> State {
    match written {
        Ok(()) => State::Open,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => State::Closed,
        Err(error) => State::Failed(error),
    }
}
