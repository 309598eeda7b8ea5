//! The terminal: lines are typed with editing and history, and what happens meanwhile is printed above a line that is half typed.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError, mpsc as answered},
};

use rustyline::{Config, Editor, ExternalPrinter, error::ReadlineError, history::MemHistory};
use tokio::sync::mpsc;

/// How wide a terminal is taken to be.
pub const WIDTH: usize = 80;

/// Prints above the line that is being typed; none where nobody edits a line.
static ABOVE: Mutex<Option<Box<dyn ExternalPrinter + Send>>> = Mutex::new(None);

/// Prints a line, or several, also while somebody types.
pub fn print(text: &str) {
    let mut above = ABOVE.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *above {
        Some(printer) => drop(printer.print(format!("{text}\n"))),
        None => println!("{text}"),
    }
}

/// Where lines are typed.
pub struct Terminal {
    typed: mpsc::UnboundedReceiver<String>,
    /// With the prompt of the line that comes next.
    asks: Option<answered::Sender<String>>,
    before: Option<libc::termios>,
}

impl Terminal {
    /// Begins to read: from a terminal with its keys, from anything else line by line.
    pub fn open() -> io::Result<Self> {
        let (sends, typed) = mpsc::unbounded_channel();
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            // A thread of its own, because such a read cannot be cancelled.
            std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| sends.send(line)));
            return Ok(Self { typed, asks: None, before: None });
        }
        let before = termios();
        let config = Config::builder().auto_add_history(true).build();
        let mut editor = Editor::<(), _>::with_history(config, MemHistory::new()).map_err(io::Error::other)?;
        let printer = editor.create_external_printer().map_err(io::Error::other)?;
        *ABOVE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(printer));
        let (asks, asked) = answered::channel::<String>();
        std::thread::spawn(move || {
            for prompt in asked {
                let mut interrupted = false;
                let line = loop {
                    match editor.readline(&prompt) {
                        Ok(line) => break line,
                        // The first one drops what is half typed: a slip does not end what may have been played for an hour.
                        Err(ReadlineError::Interrupted) if !interrupted => {
                            interrupted = true;
                            println!("Ещё раз Ctrl-C или quit – конец · Ctrl-C again or quit ends");
                        }
                        Err(_) => return,
                    }
                };
                if sends.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { typed, asks: Some(asks), before })
    }

    /// Asks for the next line.
    pub fn prompt(&self, whom: &str) {
        match &self.asks {
            Some(asks) => drop(asks.send(format!("{whom}> "))),
            None => {
                print!("{whom}> ");
                let _ = io::stdout().flush();
            }
        }
    }

    /// The line, once it is typed; none when there will be no more.
    pub async fn line(&mut self) -> Option<String> {
        self.typed.recv().await
    }
}

/// How the terminal is set.
fn termios() -> Option<libc::termios> {
    let mut now = std::mem::MaybeUninit::uninit();
    // SAFETY: tcgetattr(3) fills the structure in when it answers 0, and only then it is read.
    unsafe { (libc::tcgetattr(libc::STDIN_FILENO, now.as_mut_ptr()) == 0).then(|| now.assume_init()) }
}

impl Drop for Terminal {
    /// Whoever ends while a line is being typed leaves the terminal as it was.
    fn drop(&mut self) {
        *ABOVE.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(before) = self.before {
            // SAFETY: tcsetattr(3) reads the structure that tcgetattr(3) has filled in.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &before) };
        }
    }
}

/// A text in lines of at most so many characters, broken between words where that is possible.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut current = String::new();
        for word in line.split(' ') {
            let long = current.chars().count() + 1 + word.chars().count() > width;
            if long && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines
}
