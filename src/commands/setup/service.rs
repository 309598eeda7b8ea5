//! The package's service, which takes what setup has written.

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use super::site::Site;
use crate::called::{Called, SERVICE};

/// Where systemd has its command, and by what it is seen that systemd runs.
const SYSTEMCTL: &str = "/usr/bin/systemctl";
const SYSTEMD_RUNS: &str = "/run/systemd/system";

/// When both files of the settings were written.
#[derive(PartialEq, Eq)]
pub struct Written([Option<(u64, SystemTime)>; 2]);

impl Written {
    /// As they are now.
    pub fn of(site: &Site<'_>) -> Self {
        Self([&site.env_path, &site.dealer_path].map(|file| {
            let meta = std::fs::metadata(file).ok()?;
            Some((meta.ino(), meta.modified().ok()?))
        }))
    }
}

/// What there is to say in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The bot works with the settings as they are.
    Runs,
    /// Somebody has to start it again.
    Restart,
    /// Somebody has to start it.
    Start,
    /// The service is given the settings by setup itself.
    TakenByService,
}

/// What is next, where `has_service` means that setup itself may start the service.
pub fn next(has_service: bool, is_running: bool, is_written: bool) -> Next {
    match (has_service, is_running, is_written) {
        (_, true, false) => Next::Runs,
        (true, _, true) => Next::TakenByService,
        (false, true, true) => Next::Restart,
        (_, false, _) => Next::Start,
    }
}

/// Whether setup itself may start the package's service, which then has what it needs.
pub fn is_ours(site: &Site<'_>) -> bool {
    let may = site.is_package() && rustix::process::geteuid().is_root() && Path::new(SYSTEMD_RUNS).is_dir();
    may && site.value("BOT_TOKEN").is_some()
}

/// Has the service begin anew with what was written; whether it has.
pub fn restart() -> bool {
    let restarted = Command::new(SYSTEMCTL).args(["restart", SERVICE]).stdin(Stdio::null()).status();
    restarted.is_ok_and(|status| status.success())
}

/// What people type before a command of the bot that was set up.
pub fn name(site: &Site<'_>) -> &'static str {
    match Called::now() {
        Called::Itself if site.is_package() => Called::ByRoot.name(),
        called => called.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_said_and_it_is_true() {
        for (has_service, is_running, is_written, said) in [
            (true, true, true, Next::TakenByService),
            (true, false, true, Next::TakenByService),
            (true, true, false, Next::Runs),
            (true, false, false, Next::Start),
            (false, true, true, Next::Restart),
            (false, true, false, Next::Runs),
            (false, false, true, Next::Start),
            (false, false, false, Next::Start),
        ] {
            assert_eq!(next(has_service, is_running, is_written), said, "{has_service} {is_running} {is_written}");
        }
    }
}
