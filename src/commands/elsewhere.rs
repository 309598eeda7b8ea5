//! Settings that are somewhere else: a bot of the package has them in a file that only its service and root read.

use std::path::Path;

use super::output::errln;
use crate::{
    called::{Called, PACKAGE_SETTINGS},
    config::Environment,
};

/// What runs a command with the package's settings.
const WRAPPER: &str = "/usr/bin/lead-bot";

/// What every bot has one of.
const OF_A_BOT: [&str; 3] = ["BOT_TOKEN", "AMOCRM_SUBDOMAIN", "DATABASE_URL"];

/// Says on standard error that this command has no bot's settings while the package's bot has some.
pub fn tell(settings: &Environment<'_>) {
    let is_there = Path::new(PACKAGE_SETTINGS).exists() && Path::new(WRAPPER).exists();
    if has_overlooked_the_package(Called::now(), OF_A_BOT.iter().any(|name| settings.has(name)), is_there) {
        errln!(
            "There are no settings of the bot here; the installed bot has its own in {PACKAGE_SETTINGS}. For a command with them: sudo lead-bot …"
        );
    }
}

fn has_overlooked_the_package(called: Called, has_settings: bool, is_installed: bool) -> bool {
    is_installed && !has_settings && !called.is_package()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_no_settings_is_sent_to_the_package() {
        for (called, has_settings, is_installed, told) in [
            (Called::Itself, false, true, true),
            (Called::Itself, false, false, false),
            (Called::Itself, true, true, false),
            (Called::BySudo, false, true, false),
        ] {
            assert_eq!(has_overlooked_the_package(called, has_settings, is_installed), told, "{called:?}");
        }
    }
}
