//! The sandbox: the real daemon between a fake Telegram and a fake amoCRM on loopback, with nothing to configure.
//!
//! At a terminal you are the buyer, and a hand on every switch; anywhere else, or with `--story`, it plays a story by
//! itself and exits 0 only if every step really happened:
//! - [`stage`]: both fakes, everybody in the play, a folder; [`daemon`]: the daemon as a process of its own
//! - [`faults`]: what can go wrong
//! - [`story`]: the incident this product was made for, from the first request to the recovery, and what comes after
//! - [`talk`]: the chat in the terminal
//! - [`show`]: how things look in print

mod daemon;
mod faults;
mod show;
mod stage;
mod story;
mod talk;

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use amocrm_lead_bot::commands;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;

/// The exit code of a program that ctrl-c has ended.
const INTERRUPTED: u8 = 130;

/// How many times faster than life pauses pass: two minutes in two seconds, and in six.
const STORYS_SPEED: u32 = 60;
const TALKS_SPEED: u32 = 20;

/// A whole dealer's world on this computer: chat as a buyer, switch the CRM off, and see that no request is lost.
#[derive(Debug, Parser)]
#[command(name = "sandbox")]
struct Options {
    /// Play the story and exit 0 if every step happened (also when not at a terminal)
    #[arg(long)]
    story: bool,
    /// Chat with the form of this dealer.toml in place of the built-in one
    #[arg(long, value_name = "FILE", conflicts_with = "story")]
    settings: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(daemon::AS_THE_PRODUCT) {
        return product(args.collect());
    }
    let options = Options::parse();
    // A form of the dealer's own is chatted with, also where the lines come from a file.
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let story = options.story || options.settings.is_none() && !is_terminal;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(sandbox(story, options.settings.as_deref()))) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// This process is the product itself: what `src/main.rs` does, in a process that ends with the sandbox.
fn product(args: Vec<String>) -> ExitCode {
    if args.is_empty() {
        std::thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(1);
        });
    }
    commands::main(commands::Cli::parse_from(std::iter::once("amocrm-lead-bot".to_owned()).chain(args)))
}

async fn sandbox(story: bool, settings: Option<&Path>) -> io::Result<ExitCode> {
    let mut stop = Stop::new()?;
    let speed = if story { STORYS_SPEED } else { TALKS_SPEED };
    let stage = Stage::build(settings, speed).await?;
    let acting = async {
        match story {
            true => Ok(story::play(&stage).await),
            false => talk::talk(&stage).await.map(|()| ExitCode::SUCCESS),
        }
    };
    let code = tokio::select! {
        code = acting => code,
        () = stop.asked() => Ok(if story { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS }),
    };
    stage.kill().await;
    code
}

/// Ctrl-c, SIGTERM and a closed terminal.
struct Stop([tokio::signal::unix::Signal; 3]);

impl Stop {
    fn new() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
