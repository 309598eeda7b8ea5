//! A terminal of one's own, with a program in it: what a person types there, and what the program shows.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::world::PATIENCE;

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    master: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// So much of what was shown has been looked for already.
    seen: usize,
}

impl Terminal {
    /// Starts a program with this environment in a folder.
    pub fn start(program: &Path, args: &[&str], env: &BTreeMap<String, String>, folder: &Path) -> Self {
        let (master, slave) = pty();
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let reads = (master.try_clone().expect("one more handle"), screen.clone());
        std::thread::spawn(move || keep(reads.0, &reads.1));
        let stdio = || Stdio::from(slave.try_clone().expect("one more handle"));
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(env).env("TERM", "xterm").current_dir(folder);
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let controls = || {
            // SAFETY: both are calls of the system alone, as a child that is not running anything yet may make.
            match unsafe { libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) >= 0 } {
                true => Ok(()),
                false => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: what runs there takes no lock and no memory.
        unsafe { command.pre_exec(controls) };
        let child = command.spawn().expect("the program");
        Self { child, master, screen, seen: 0 }
    }

    /// All that was shown so far, without what moves the cursor and colours.
    pub fn shown(&self) -> String {
        let bytes = self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        plain(&String::from_utf8_lossy(&bytes))
    }

    /// Waits until something new is shown with these words; returns what was shown up to there.
    pub async fn sees(&mut self, words: &str) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            let new = shown.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.find(words) {
                let end = self.seen + at + words.len();
                self.seen = end;
                return shown[..end].to_owned();
            }
            assert!(tokio::time::Instant::now() < deadline, "«{words}» is not shown\n{shown}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits for a question with these words, and for its being ready for an answer, which it then gets.
    pub async fn answers(&mut self, words: &str, keys: &str) {
        self.sees(words).await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        // What is typed before is thrown away or shown.
        while self.echoes() {
            assert!(tokio::time::Instant::now() < deadline, "«{words}» takes no answer\n{}", self.shown());
            tokio::time::sleep(LOOK).await;
        }
        self.types(keys);
    }

    /// Types, whatever is asked.
    pub fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    fn echoes(&self) -> bool {
        let mut modes = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: tcgetattr(3) fills the structure in, and it is looked at only where it says so.
        unsafe {
            libc::tcgetattr(self.master.as_raw_fd(), modes.as_mut_ptr()) == 0
                && modes.assume_init().c_lflag & libc::ECHO != 0
        }
    }

    /// Whether the terminal shows what is typed, as it does while no program changes that.
    pub fn is_as_it_was(&self) -> bool {
        self.echoes()
    }

    /// Waits for the program's end; returns its exit code.
    pub async fn ends(&mut self) -> Option<i32> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                return status.code();
            }
            assert!(tokio::time::Instant::now() < deadline, "it does not end\n{}", self.shown());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pty() -> (File, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    let size = libc::winsize { ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: openpty(3) writes two descriptors, which nobody else has yet, and reads a size.
    unsafe {
        let opened = libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null(), &size);
        assert_eq!(opened, 0, "a terminal");
        // The program is not to hold the other end.
        libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(slave, libc::F_SETFD, libc::FD_CLOEXEC);
        (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}

fn keep(mut from: File, screen: &Mutex<Vec<u8>>) {
    let mut part = [0; 4096];
    // It ends with an error when the program has.
    while let Ok(length) = from.read(&mut part) {
        if length == 0 {
            return;
        }
        screen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&part[..length]);
    }
}

fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match sign {
            // An order to the terminal: a bracket, figures, a letter.
            '\u{1b}' => {
                if signs.next() == Some('[') {
                    let _ = signs.find(char::is_ascii_alphabetic);
                }
            }
            '\r' => {}
            sign => plain.push(sign),
        }
    }
    plain
}
