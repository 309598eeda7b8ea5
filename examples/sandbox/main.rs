//! The sandbox: the real daemon between a fake Telegram and a fake amoCRM on loopback, with nothing to configure.
//!
//! At a terminal you are the buyer, and a hand on every switch, there and on a page in the browser; anywhere else, or with
//! `--story`, it plays a story by itself and exits 0 only if every step really happened:
//! - [`stage`]: both fakes, everybody in the play, a folder; [`daemon`]: the daemon as a process of its own
//! - [`faults`]: what can go wrong
//! - [`story`]: the incident this product was made for, from the first request to the recovery, and what comes after
//! - [`talk`]: the chat in the terminal, and [`terminal`]: how lines are typed there
//! - [`page`]: the same world in a browser
//! - [`show`]: how things look in print

mod daemon;
mod faults;
mod page;
mod show;
mod stage;
mod story;
mod talk;
mod terminal;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use amocrm_lead_bot::commands;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use stage::{Stage, Stages};

/// The exit code of a program that ctrl-c has ended.
const INTERRUPTED: u8 = 130;

/// How many times faster than life pauses pass: two minutes in two seconds, and in six.
const STORYS_SPEED: u32 = 60;
const TALKS_SPEED: u32 = 20;

/// A whole dealer's world on this computer: be the buyer, the admin and the managers in a browser or in the terminal, switch the
/// CRM off, and see that no request is lost.
#[derive(Debug, Parser)]
#[command(name = "sandbox")]
struct Options {
    /// Play the story and exit 0 if every step happened (also when not at a terminal)
    #[arg(long)]
    story: bool,
    /// Ask the form of this dealer.toml in place of the built-in one
    #[arg(long, value_name = "FILE", conflicts_with = "story")]
    settings: Option<PathBuf>,
    /// Serve the page alone, without the chat in the terminal, until ctrl-c
    #[arg(long, conflicts_with = "story")]
    page: bool,
    /// Chat in the terminal alone
    #[arg(long, conflicts_with_all = ["story", "page"])]
    no_page: bool,
    /// Open no browser
    #[arg(long)]
    no_open: bool,
    /// The page's port on 127.0.0.1; where it is taken, and for 0, a free one
    #[arg(long, value_name = "PORT", default_value_t = 8765)]
    port: u16,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(daemon::AS_THE_PRODUCT) {
        return product(args.collect());
    }
    let options = Options::parse();
    // A form of the dealer's own is chatted with, also where the lines come from a file.
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let story = options.story || options.settings.is_none() && !options.page && !is_terminal;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(sandbox(story, options))) {
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

async fn sandbox(story: bool, options: Options) -> io::Result<ExitCode> {
    let mut stop = Stop::new()?;
    if story {
        let stage = Stage::build(None, STORYS_SPEED).await?;
        let code = tokio::select! {
            code = story::play(&stage) => code,
            () = stop.asked() => ExitCode::from(INTERRUPTED),
        };
        stage.kill().await;
        return Ok(code);
    }
    let stages = Arc::new(Stages::begin(options.settings, TALKS_SPEED).await?);
    if !options.no_page {
        let address = page::serve(stages.clone(), options.port).await?.address();
        println!("Страница · the page: {address}");
        if !options.no_open {
            opens(&address);
        }
    }
    let talking = async {
        match options.page {
            true => std::future::pending().await,
            false => talk::talk(&stages).await,
        }
    };
    let left = tokio::select! {
        left = talking => left,
        () = stop.asked() => Ok(()),
    };
    stages.now().kill().await;
    left.map(|()| ExitCode::SUCCESS)
}

/// Shows an address in the browser, where there is a desktop.
fn opens(address: &str) {
    let there = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = match cfg!(target_os = "macos") {
        true => "open",
        false if there("DISPLAY") || there("WAYLAND_DISPLAY") => "xdg-open",
        false => return,
    };
    let quiet = std::process::Stdio::null;
    // Whoever has no such program reads the address.
    let _ = std::process::Command::new(program).arg(address).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
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
