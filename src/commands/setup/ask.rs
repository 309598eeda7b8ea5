//! Asking a person at a terminal; where there is none, or no questions are wanted, what is the case anyway is taken.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use dialoguer::{Confirm, Input, MultiSelect, Password, Select, theme::ColorfulTheme};
use indicatif::ProgressBar;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

use super::super::{
    CommandError,
    output::{self, errln, outln},
};
use crate::{called::Called, setup::words::Words};

/// A shell's code for what Ctrl-C ended: 128 and SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Held while files are written: Ctrl-C waits for it.
static WRITING: Mutex<()> = Mutex::new(());

/// Keeps Ctrl-C from ending the program between two files.
pub fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says and asks in one language.
pub struct Ask {
    words: Words,
    /// Whether somebody is there to answer.
    pub interactive: bool,
}

impl Ask {
    /// Asks where the terminal is one, unless `yes`.
    pub fn new(words: Words, yes: bool) -> Self {
        let interactive = !yes && io::stdin().is_terminal() && io::stderr().is_terminal();
        end_on_interrupt(interactive);
        Self { words, interactive }
    }

    /// A text.
    pub fn text(&self, id: &str, args: &[(&str, &str)]) -> String {
        Called::now().words(&self.words.text(id, args))
    }

    /// Says something.
    pub fn say(&self, id: &str, args: &[(&str, &str)]) {
        outln!("{}", self.text(id, args));
    }

    /// Says what is wrong, or what has to be known.
    pub fn warn(&self, id: &str, args: &[(&str, &str)]) {
        output::flush();
        errln!("{}", self.text(id, args));
    }

    /// A failure in words.
    pub fn failed(&self, id: &str, args: &[(&str, &str)]) -> CommandError {
        CommandError::Failed(self.text(id, args))
    }

    /// A line; what is there already is offered.
    pub async fn line(&self, id: &str, args: &[(&str, &str)], there: &str) -> Result<String, CommandError> {
        if !self.interactive {
            return Ok(there.to_owned());
        }
        let (prompt, there) = (self.text(id, args), there.to_owned());
        blocking(move || {
            let theme = ColorfulTheme::default();
            let input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
            let input = if there.is_empty() { input } else { input.default(there) };
            input.interact_text()
        })
        .await
        .map(|line| line.trim().to_owned())
    }

    /// A line that nobody sees.
    pub async fn hidden(&self, id: &str, args: &[(&str, &str)]) -> Result<SecretString, CommandError> {
        let prompt = self.text(id, args);
        let asked = blocking(move || {
            Password::with_theme(&ColorfulTheme::default()).with_prompt(prompt).allow_empty_password(true).interact()
        });
        asked.await.map(|secret| SecretString::from(secret.trim().to_owned()))
    }

    /// Yes or no.
    pub async fn yes(&self, id: &str, args: &[(&str, &str)], usual: bool) -> Result<bool, CommandError> {
        if !self.interactive {
            return Ok(usual);
        }
        let prompt = self.text(id, args);
        blocking(move || Confirm::with_theme(&ColorfulTheme::default()).with_prompt(prompt).default(usual).interact())
            .await
    }

    /// One of several.
    pub async fn choose(
        &self,
        id: &str,
        args: &[(&str, &str)],
        items: Vec<String>,
        usual: usize,
    ) -> Result<usize, CommandError> {
        if !self.interactive {
            return Ok(usual);
        }
        let prompt = self.text(id, args);
        blocking(move || {
            let theme = ColorfulTheme::default();
            let select = Select::with_theme(&theme).with_prompt(prompt).max_length(12);
            select.items(items).default(usual).interact()
        })
        .await
    }

    /// Any of several.
    pub async fn several(&self, id: &str, items: Vec<String>) -> Result<Vec<usize>, CommandError> {
        if !self.interactive {
            return Ok(Vec::new());
        }
        let prompt = self.text(id, &[]);
        blocking(move || {
            let theme = ColorfulTheme::default();
            let select = MultiSelect::with_theme(&theme).with_prompt(prompt).max_length(12);
            select.items(items).interact()
        })
        .await
    }

    /// Turns while something is waited for; nothing where there is no terminal.
    pub fn waiting(&self, id: &str) -> ProgressBar {
        if !self.interactive {
            return ProgressBar::hidden();
        }
        output::flush();
        let bar = ProgressBar::new_spinner().with_message(self.text(id, &[]));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        bar
    }
}

async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, CommandError> {
    output::flush();
    let asked = tokio::task::spawn_blocking(ask).await;
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(CommandError::Interrupted)
        }
        Ok(Err(error)) => Err(CommandError::Failed(error.to_string())),
        Err(error) => Err(CommandError::Failed(error.to_string())),
    }
}

/// Ctrl-C at any time: the terminal is as it was, and no file is half-written.
fn end_on_interrupt(interactive: bool) {
    let before = tcgetattr(io::stdin()).ok().filter(|_| interactive);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _whole = writing();
            restore(before.as_ref());
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
}

fn restore(before: Option<&Termios>) {
    let Some(before) = before else { return };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    // A list of choices hides the cursor.
    let _ = io::stderr().write_all(b"\x1b[?25h\n");
}
