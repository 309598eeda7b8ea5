//! What the tests, the benches and the sandbox share.
//!
//! - [`fakes`]: a Telegram and an amoCRM on loopback that behave as the real ones were seen to, with switches for faults
//! - [`world`]: the compiled daemon between both, in a folder of its own, looked at as its people do; [`buyer`] is one of them
//! - [`chaos`]: the same with a judge in place of the people, for faults; [`deaths`] and [`turmoil`] play them
//! - [`browser`]: a real browser without a window
//! - [`postgres`]: private clusters; [`terminal`]: a program at a terminal of its own

pub mod browser;
pub mod buyer;
pub mod chaos;
// Its fault points are not in a release.
#[cfg(debug_assertions)]
pub mod deaths;
pub mod fakes;
pub mod postgres;
pub mod terminal;
pub mod turmoil;
pub mod world;

use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// The compiled daemon: where cargo says that it is, otherwise beside the tests.
#[must_use]
pub fn daemon() -> PathBuf {
    std::env::var_os("CARGO_BIN_EXE_amocrm-lead-bot").map_or_else(|| built("amocrm-lead-bot"), PathBuf::from)
}

/// A folder for a daemon's files: in memory where there is plenty of it, for a disk that many daemons wait for takes its
/// time with each commit.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    const PLENTY: u64 = 1 << 30;
    let mut room = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: statvfs(3) reads a path that ends with a zero and writes one struct, which is read only where it has.
    let room = unsafe {
        (libc::statvfs(c"/dev/shm".as_ptr(), room.as_mut_ptr()) == 0).then(|| {
            let room = room.assume_init();
            room.f_bavail * room.f_frsize
        })
    };
    let in_memory = room.is_some_and(|room| room >= PLENTY).then(|| tempfile::tempdir_in("/dev/shm").ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

/// Says that something is not tested here, past the harness, which shows nothing of a test that passes; each reason once.
pub fn skipped(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(why.to_owned()) {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
    }
}

/// A program in the folder that holds this one's `deps` or `examples`, such as `examples/sandbox`.
#[must_use]
pub fn built(program: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    this.ancestors().nth(2).expect("target/debug").join(program)
}
