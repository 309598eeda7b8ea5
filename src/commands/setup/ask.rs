//! Asking a person at a terminal; where there is none, or no questions are wanted, what is the case anyway is taken.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dialoguer::{Input, MultiSelect, Password, Select, theme::ColorfulTheme};
use indicatif::ProgressBar;
use rustix::{
    event::{PollFd, PollFlags},
    termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr},
};
use secrecy::SecretString;

use super::super::{
    CommandError,
    output::{self, errln, outln},
};
use crate::{
    called::Called,
    setup::{
        typed,
        words::{Language, Words},
    },
};

/// So many choices stand on the screen at once.
const MOST_LINES: usize = 16;

/// How often somebody may have pressed Enter.
const LOOK_FOR_ENTER: Duration = Duration::from_millis(200);

/// A shell's code for what Ctrl-C ended: 128 and SIGINT.
const INTERRUPTED: i32 = 130;

/// Held while files are written: Ctrl-C waits for it.
static WRITING: Mutex<()> = Mutex::new(());

/// Whether this run has written something already.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Keeps Ctrl-C from ending the program between two files.
pub fn writing() -> MutexGuard<'static, ()> {
    WRITTEN.store(true, Ordering::SeqCst);
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says and asks in one language.
pub struct Ask {
    words: Words,
    pub language: Language,
    /// Whether somebody is there to answer.
    pub interactive: bool,
    ending: Arc<Ending>,
}

impl Ask {
    /// Asks where the terminal is one, unless `yes`; in which language too, where nothing tells.
    pub async fn new(language: Option<Language>, yes: bool) -> Result<Self, CommandError> {
        let interactive = !yes && io::stdin().is_terminal() && io::stderr().is_terminal();
        let ask = Self::of(language.unwrap_or(Language::En), interactive);
        end_on_interrupt(ask.ending.clone());
        if language.is_some() || !interactive {
            return Ok(ask);
        }
        let items = vec!["Русский".to_owned(), "English".to_owned()];
        let at = ask.choose("language-ask", &[], items, 0).await?;
        let chosen = if at == 0 { Language::Ru } else { Language::En };
        *ask.ending.words.lock().unwrap_or_else(PoisonError::into_inner) = ending_words(&Words::new(chosen));
        Ok(Self { words: Words::new(chosen), language: chosen, ..ask })
    }

    fn of(language: Language, interactive: bool) -> Self {
        let words = Words::new(language);
        let before = tcgetattr(io::stdin()).ok().filter(|_| interactive);
        let ending = Arc::new(Ending { words: Mutex::new(ending_words(&words)), before });
        Self { words, language, interactive, ending }
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
        self.typed(self.text(id, args), there).await
    }

    /// A line that may be left out: Enter keeps what is there, `-` takes it away.
    pub async fn optional(&self, id: &str, args: &[(&str, &str)], there: &str) -> Result<Option<String>, CommandError> {
        let how = self.text(if there.is_empty() { "line-skip" } else { "line-keep" }, &[]);
        let typed = self.typed(format!("{} ({how})", self.text(id, args)), there).await?;
        Ok(Some(typed).filter(|typed| !typed.is_empty() && typed != "-"))
    }

    async fn typed(&self, prompt: String, there: &str) -> Result<String, CommandError> {
        if !self.interactive {
            return Ok(there.to_owned());
        }
        let (there, refused) = (there.to_owned(), self.text("line-token", &[]));
        self.blocking(move || {
            let theme = ColorfulTheme::default();
            let input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
            // A token in the wrong place goes from the screen again.
            let input = input.validate_with(move |line: &String| match typed::is_like_a_token(line) {
                true => Err(refused.clone()),
                false => Ok(()),
            });
            let input = if there.is_empty() { input } else { input.default(there) };
            input.interact_text()
        })
        .await
        .map(|line| line.trim().to_owned())
    }

    /// A line that nobody sees.
    pub async fn hidden(&self, id: &str, args: &[(&str, &str)]) -> Result<SecretString, CommandError> {
        let prompt = self.text(id, args);
        let asked = self.blocking(move || {
            Password::with_theme(&ColorfulTheme::default()).with_prompt(prompt).allow_empty_password(true).interact()
        });
        asked.await.map(|secret| SecretString::from(secret.trim().to_owned()))
    }

    /// Yes or no, with Enter behind it.
    pub async fn yes(&self, id: &str, args: &[(&str, &str)], usual: bool) -> Result<bool, CommandError> {
        if !self.interactive {
            return Ok(usual);
        }
        let prompt = format!("{} ({})", self.text(id, args), self.text("yes-or-no", &[]));
        let usually = self.text(if usual { "word-yes" } else { "word-no" }, &[]);
        let wrong = self.text("yes-or-no-wrong", &[]);
        let typed = self.blocking(move || {
            let theme = ColorfulTheme::default();
            let input = Input::<String>::with_theme(&theme).with_prompt(prompt).default(usually);
            let check = move |line: &String| typed::yes_or_no(line).map(|_| ()).ok_or_else(|| wrong.clone());
            input.validate_with(check).interact_text()
        });
        Ok(typed::yes_or_no(&typed.await?).unwrap_or(usual))
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
        self.blocking(move || {
            let theme = ColorfulTheme::default();
            let select = Select::with_theme(&theme).with_prompt(prompt).max_length(MOST_LINES);
            select.items(items).default(usual).interact()
        })
        .await
    }

    /// Any of several, with some of them marked beforehand.
    pub async fn several(&self, id: &str, items: Vec<(String, bool)>) -> Result<Vec<usize>, CommandError> {
        if !self.interactive {
            return Ok(Vec::new());
        }
        let prompt = self.text(id, &[]);
        self.blocking(move || {
            let theme = ColorfulTheme::default();
            let select = MultiSelect::with_theme(&theme).with_prompt(prompt).max_length(MOST_LINES);
            select.items_checked(items).interact()
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
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Comes when somebody presses Enter; never where nobody is there.
    pub async fn enter(&self) {
        loop {
            let stdin = io::stdin();
            let mut look = [PollFd::new(&stdin, PollFlags::IN)];
            let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            if self.interactive && rustix::event::poll(&mut look, Some(&now)).is_ok_and(|ready| ready > 0) {
                let _ = tcflush(io::stdin(), QueueSelector::IFlush);
                return;
            }
            tokio::time::sleep(LOOK_FOR_ENTER).await;
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        output::flush();
        // What was typed before the question was there is no answer to it.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        let asked = tokio::task::spawn_blocking(ask).await;
        match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => self.ending.end(),
            Ok(Err(error)) => Err(CommandError::Failed(error.to_string())),
            Err(error) => Err(CommandError::Failed(error.to_string())),
        }
    }
}

/// How Ctrl-C ends the program.
struct Ending {
    /// What is said where nothing was written, and where something was.
    words: Mutex<[String; 2]>,
    /// The terminal as it was.
    before: Option<Termios>,
}

fn ending_words(words: &Words) -> [String; 2] {
    ["stopped", "stopped-later"].map(|id| words.text(id, &[]))
}

impl Ending {
    fn end(&self) -> ! {
        // Whoever comes second waits here for ever: the first ends the program.
        let _whole = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        restore(self.before.as_ref());
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        errln!("{}", words[usize::from(WRITTEN.load(Ordering::SeqCst))]);
        std::process::exit(INTERRUPTED)
    }
}

/// Ctrl-C at any time: the terminal is as it was, and no file is half-written.
fn end_on_interrupt(ending: Arc<Ending>) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            ending.end();
        }
    });
}

fn restore(before: Option<&Termios>) {
    let Some(before) = before else { return };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    // A list of choices hides the cursor.
    let _ = io::stderr().write_all(b"\x1b[?25h\n");
}
