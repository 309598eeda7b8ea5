//! Where everything is kept: all that a command needs which only looks at the store.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::{Reader, database::Platform};

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`; absent means SQLite in `DATA_DIR`.
    pub database_url: Option<SecretString>,
    /// `TEST_SPEED`: every pause is divided by it; for tests only.
    pub speed: f64,
}

impl StoreSettings {
    /// The database's address, if it is not SQLite in `DATA_DIR`.
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_ref().map(|url| url.expose_secret())
    }
}

impl Reader<'_> {
    /// `DATA_DIR`, `DATABASE_URL`.
    pub fn store(&mut self) -> StoreSettings {
        let platform = Platform::of(self);
        StoreSettings { database_url: self.database_url(platform), data_dir: self.data_dir(), speed: self.speed() }
    }

    pub(super) fn data_dir(&mut self) -> PathBuf {
        const NAME: &str = "DATA_DIR";
        let Some(text) = self.text(NAME) else { return PathBuf::from(".") };
        let folder = PathBuf::from(&text);
        if text.starts_with('~') || text.contains('$') || text.starts_with('%') {
            self.wrong(NAME, "has a sign in it that only a shell understands (~, $, %)", "Give the whole path");
        } else if folder.exists() && !folder.is_dir() {
            self.wrong(NAME, "is a file and not a folder", "Give a folder that this user may write to");
        }
        folder
    }

    fn speed(&mut self) -> f64 {
        match self.text("TEST_SPEED").map(|text| text.parse::<f64>()) {
            None => 1.0,
            Some(Ok(speed)) if speed.is_finite() && speed >= 1.0 => speed,
            Some(_) => {
                self.wrong("TEST_SPEED", "is not a number from 1", "Leave it out: it is for tests");
                1.0
            }
        }
    }
}
