//! What is being set up: both files with the changes so far, and how everything else finds its settings in them.

use std::{
    fs::Metadata,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use chrono_tz::Tz;

use super::{
    super::{CommandError, output::outln},
    ask::{self, Ask},
    flags::Flags,
};
use crate::{
    called::{PACKAGE_DATA, PACKAGE_SETTINGS},
    clock::Clock,
    config::{ConfigProblem, Dealer, Environment, Reader, SETTINGS, StoreSettings},
    files,
    setup::{
        dealer_file::{DealerFile, NotATable, differing},
        env_file::{Change, EnvFile, ReadBy},
    },
};

const DEALER: &str = "dealer.toml";

/// What is so of a process, or of a place that the bot is not run in, and does not go into the file.
const OF_THE_PROCESS: [&str; 6] = ["DATA_DIR", "DYNO", "LOG_FORMAT", "PORT", "RUST_LOG", "TEST_SPEED"];

/// Values that are never shown.
const SECRETS: &[&str] = &[
    "ALERT_EMAIL",
    "ALERT_WEBHOOK_URL",
    "AMOCRM_ACCESS_TOKEN",
    "AMOCRM_CLIENT_SECRET",
    "AMOCRM_REFRESH_TOKEN",
    "AMOCRM_WEBHOOK_SECRET",
    "BOT_TOKEN",
    "DATABASE_URL",
    "TELEGRAM_PROXY",
];

/// Both files, and who is asked.
pub struct Site<'a> {
    pub ask: Ask,
    pub flags: Flags,
    environment: &'a Environment<'a>,
    pub env: EnvFile,
    pub env_path: PathBuf,
    env_meta: Option<Metadata>,
    pub dealer: DealerFile,
    pub dealer_path: PathBuf,
    /// Documents that are put beside `dealer.toml`: from where, and under which name.
    pub documents: Vec<(PathBuf, String)>,
    /// The package's folder, where nothing else is said.
    usual_data_dir: Option<&'static str>,
}

impl<'a> Site<'a> {
    /// Reads what is there.
    pub fn read(ask: Ask, flags: Flags, environment: &'a Environment<'a>) -> Result<Self, CommandError> {
        let is_root = rustix::process::geteuid().is_root();
        let is_package = is_root && (Path::new(PACKAGE_SETTINGS).exists() || Path::new(PACKAGE_DATA).is_dir());
        let env_path = match &flags.env_file {
            Some(path) => path.clone(),
            None if is_package => PACKAGE_SETTINGS.into(),
            None => ".env".into(),
        };
        // What stands behind a link is written, and not the link.
        let env_path = env_path.canonicalize().unwrap_or(env_path);
        let (text, env_meta) = text_of(&env_path)?;
        let is_bots = env_path.file_name().is_some_and(|name| name == ".env");
        let read_by = if is_bots { ReadBy::Dotenvy } else { ReadBy::Systemd };
        let usual_data_dir = (env_path == Path::new(PACKAGE_SETTINGS)).then_some(PACKAGE_DATA);
        let mut site = Self {
            ask,
            environment,
            env: EnvFile::parse(text.as_deref().unwrap_or_default(), read_by),
            env_path,
            env_meta,
            dealer: DealerFile::parse(None).map_err(CommandError::Failed)?,
            dealer_path: PathBuf::new(),
            documents: Vec::new(),
            usual_data_dir,
            flags,
        };
        site.find_dealer()?;
        site.take_in_the_environment();
        Ok(site)
    }

    /// What is tried is what is written: settings that stand in the environment and not in the file go there, too. On Heroku
    /// the environment is the file.
    fn take_in_the_environment(&mut self) {
        if self.environment.has("DYNO") {
            return;
        }
        let (mut taken, mut others) = (Vec::new(), Vec::new());
        for name in SETTINGS.iter().copied().filter(|name| !OF_THE_PROCESS.contains(name)) {
            let Some(value) = self.environment.value(name) else { continue };
            match self.env.get(name) {
                Some(there) if there.trim() != value.trim() => others.push(name),
                Some(_) => {}
                None if self.env.set(name, Some(value)).is_ok() => taken.push(name),
                None => {}
            }
        }
        let file = shown(&self.env_path);
        for (words, names) in [("env-taken", taken), ("env-other", others)] {
            if !names.is_empty() {
                self.ask.warn(words, &[("names", &names.join(", ")), ("file", &file)]);
            }
        }
    }

    fn find_dealer(&mut self) -> Result<(), CommandError> {
        let named = self.flags.dealer_file.clone().or_else(|| self.value("SETTINGS_FILE").map(PathBuf::from));
        let in_data_dir = self.data_dir().join(DEALER);
        let path = named.unwrap_or_else(|| match Path::new(DEALER).exists() && !in_data_dir.exists() {
            true => DEALER.into(),
            false => in_data_dir,
        });
        let path = path.canonicalize().unwrap_or(path);
        let (text, _) = text_of(&path)?;
        self.dealer = DealerFile::parse(text.as_deref())
            .map_err(|told| CommandError::Wrong(vec![format!("{}: {told}", path.display())]))?;
        if self.flags.dealer_file.is_some() {
            let path = std::path::absolute(&path).unwrap_or(path.clone());
            self.set("SETTINGS_FILE", Some(path.display().to_string()))?;
        }
        self.dealer_path = path;
        Ok(())
    }

    /// The value of a setting as it will be: in the file, else in the environment.
    pub fn value(&self, name: &str) -> Option<String> {
        if self.env.is_removed(name) {
            return None;
        }
        self.env.get(name).or_else(|| self.environment.value(name)).or_else(|| {
            let usual = self.usual_data_dir.filter(|_| name == "DATA_DIR");
            usual.map(str::to_owned)
        })
    }

    /// Gives a setting a value in the file, or takes it away.
    pub fn set(&mut self, name: &'static str, value: Option<String>) -> Result<(), CommandError> {
        self.env.set(name, value).map_err(|problem| CommandError::Wrong(vec![format!("{name}: {problem}")]))
    }

    /// What a part of the program reads of the settings as they will be.
    pub fn read_settings<T>(&self, part: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, Vec<ConfigProblem>> {
        Environment::of(|name| self.value(name)).read(part).map(|(value, _)| value)
    }

    /// The same with one value in place of the one that is there.
    pub fn try_value<T>(
        &self,
        name: &str,
        value: &str,
        part: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> Result<T, Vec<ConfigProblem>> {
        let lookup = |asked: &str| if asked == name { Some(value.to_owned()) } else { self.value(asked) };
        Environment::of(lookup).read(part).map(|(value, _)| value)
    }

    /// Where everything is kept.
    pub fn store(&self) -> Result<StoreSettings, CommandError> {
        self.read_settings(|reader| reader.store()).map_err(CommandError::Config)
    }

    /// `DATA_DIR`, whatever is wrong elsewhere.
    pub fn data_dir(&self) -> PathBuf {
        self.value("DATA_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
    }

    /// The clock of tests, or the machine's.
    pub fn clock(&self) -> Clock {
        self.store().map_or_else(|_| Clock::with_speed(1.0), |store| Clock::with_speed(store.speed))
    }

    /// What `dealer.toml` will say.
    pub fn dealer_now(&self) -> Result<Dealer, CommandError> {
        let Some(text) = self.dealer.text() else {
            return self.read_settings(|reader| reader.dealer()).map_err(CommandError::Config);
        };
        self.parsed(&text)
    }

    fn parsed(&self, text: &str) -> Result<Dealer, CommandError> {
        let folder = self.dealer_path.parent().unwrap_or(Path::new(""));
        // A document that is yet to be put there is read where it is.
        let text = self.documents.iter().fold(text.to_owned(), |text, (from, name)| {
            let quoted = |path: &str| toml_edit::Value::from(path).to_string();
            text.replace(quoted(name).trim(), quoted(&from.display().to_string()).trim())
        });
        Dealer::parse(&self.dealer_path.display().to_string(), &text, folder).map_err(CommandError::Config)
    }

    /// Whether `dealer.toml` could be written with a change, and what is wrong with it otherwise.
    pub fn change_dealer(
        &mut self,
        change: impl FnOnce(&mut DealerFile) -> Result<(), NotATable>,
    ) -> Result<(), CommandError> {
        let mut changed = self.dealer.clone();
        if let Err(NotATable(key)) = change(&mut changed) {
            return Err(self
                .ask
                .failed("dealer-odd", &[("key", key), ("file", &self.dealer_path.display().to_string())]));
        }
        if let Some(text) = changed.text() {
            self.parsed(&text)?;
        }
        self.dealer = changed;
        Ok(())
    }

    /// The dealer's clock as it will be.
    pub fn time_zone(&self) -> Tz {
        self.dealer_now().map_or(Tz::Europe__Moscow, |dealer| dealer.time_zone)
    }

    /// Shows what would be written; `false` where there is nothing.
    pub fn preview(&self) -> bool {
        let changes = self.env.changes(|name| SECRETS.contains(&name));
        let dealer = self.dealer.text();
        let is_something = !changes.is_empty() || dealer.is_some() || !self.documents.is_empty();
        if is_something {
            self.show(&changes, dealer.as_deref());
        }
        is_something
    }

    /// Nothing is to be changed any more.
    pub fn forget_changes(&mut self) -> Result<(), CommandError> {
        self.env.forget_changes();
        self.dealer = DealerFile::parse(self.dealer.there()).map_err(CommandError::Failed)?;
        self.documents.clear();
        Ok(())
    }

    fn show(&self, changes: &[(&'static str, Change)], dealer: Option<&str>) {
        outln!();
        if !changes.is_empty() {
            self.ask.say("write-env", &[("file", &shown(&self.env_path))]);
            for (name, change) in changes {
                match change {
                    Change::Set(value) => outln!("  {name}={value}"),
                    Change::Removed => outln!("  {name}: {}", self.ask.text("write-removed", &[])),
                }
            }
        }
        if let Some(text) = dealer {
            self.ask.say("write-dealer", &[("file", &shown(&self.dealer_path))]);
            differing(self.dealer.before(), text).iter().for_each(|line| outln!("  {line}"));
        }
        for (from, name) in &self.documents {
            let to = self.dealer_path.with_file_name(name);
            self.ask.say("write-document", &[("from", &shown(from)), ("file", &shown(&to))]);
        }
        outln!();
    }

    /// Writes both files whole.
    pub fn put(&mut self) -> Result<(), CommandError> {
        self.dealer_now()?;
        let dealer = self.dealer.text();
        self.put_files(dealer.as_deref(), !self.env.changes(|_| true).is_empty())?;
        // From here on this is what is there.
        self.env = self.env.written();
        if let Some(text) = dealer {
            self.dealer = DealerFile::parse(Some(&text)).map_err(CommandError::Failed)?;
        }
        self.documents.clear();
        Ok(())
    }

    fn put_files(&self, dealer: Option<&str>, has_settings: bool) -> Result<(), CommandError> {
        let folder = self.dealer_path.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned);
        let owner = self.owner_of_data();
        let failed = |path: &Path, error: &std::io::Error| {
            CommandError::Failed(format!("{}: {}", path.display(), files::why_of(path, error)))
        };
        if let Some(folder) = folder.filter(|_| dealer.is_some() || !self.documents.is_empty()) {
            files::make_folder(&folder).map_err(|error| failed(&folder, &error))?;
        }
        // Everything is on the disk before the first file takes its place.
        let mut ready = Vec::new();
        for (from, name) in &self.documents {
            let content = std::fs::read(from).map_err(|error| failed(from, &error))?;
            ready.push((self.dealer_path.with_file_name(name), content, false));
        }
        if let Some(text) = dealer {
            ready.push((self.dealer_path.clone(), text.as_bytes().to_vec(), false));
        }
        if has_settings {
            ready.push((self.env_path.clone(), self.env.text().into_bytes(), true));
        }
        let mut replacements = Vec::new();
        for (path, content, is_env) in ready {
            let meta = std::fs::metadata(&path).ok();
            let replacement = files::Replacement::write(&path, &content).map_err(|error| failed(&path, &error))?;
            let own = if is_env { self.env_meta.as_ref() } else { meta.as_ref() };
            let own = own.map(|meta| (meta.uid(), meta.gid()));
            let mode = match (is_env, &meta) {
                (true, _) => 0o600,
                // Nobody could change it before who cannot now.
                (false, Some(meta)) => (meta.permissions().mode() & 0o755) | 0o600,
                (false, None) => 0o640,
            };
            let owner = if is_env { own } else { own.or(owner) };
            replacement.belong_to(owner, mode).map_err(|error| failed(&path, &error))?;
            replacements.push((path, replacement));
        }
        let _whole = ask::writing();
        for (path, replacement) in replacements {
            replacement.put().map_err(|error| failed(&path, &error))?;
            outln!("{}", self.ask.text("write-done", &[("file", &shown(&path))]));
        }
        Ok(())
    }

    /// Whose `DATA_DIR` is, where root does this for another user: what is put there has to be theirs.
    fn owner_of_data(&self) -> Option<(u32, u32)> {
        let meta = std::fs::metadata(self.data_dir()).ok()?;
        (rustix::process::geteuid().is_root() && meta.uid() != 0).then(|| (meta.uid(), meta.gid()))
    }

    /// Gives what root has left in `DATA_DIR` to whom that belongs: the bot runs as that user.
    pub fn hand_over(&self) {
        let Some((user, group)) = self.owner_of_data() else { return };
        let Ok(entries) = std::fs::read_dir(self.data_dir()) else { return };
        for entry in entries.flatten() {
            let is_roots = entry.metadata().is_ok_and(|meta| meta.is_file() && meta.uid() == 0);
            let is_ours = entry.file_name().to_str().is_some_and(files::is_ours);
            if is_roots && is_ours {
                let _ = std::os::unix::fs::lchown(entry.path(), Some(user), Some(group));
            }
        }
    }

    /// Whether it is the package's bot.
    pub fn is_package(&self) -> bool {
        self.env_path == Path::new(PACKAGE_SETTINGS)
    }

    /// Whether a bot runs on this `DATA_DIR` now, and takes what is sent to it.
    pub fn is_running(&self) -> bool {
        crate::daemon::InstanceLock::is_running(&self.data_dir())
    }
}

/// Also where something goes wrong half-way: the bot's user could not open what root leaves.
impl Drop for Site<'_> {
    fn drop(&mut self) {
        self.hand_over();
    }
}

fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// What stands in a file that may be there.
fn text_of(path: &Path) -> Result<(Option<String>, Option<Metadata>), CommandError> {
    let failed =
        |error: std::io::Error| CommandError::Failed(format!("{}: {}", path.display(), files::why_of(path, &error)));
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => Err(CommandError::Failed(format!("{}: it is no file", path.display()))),
        Ok(meta) => Ok((Some(std::fs::read_to_string(path).map_err(failed)?), Some(meta))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((None, None)),
        Err(error) => Err(failed(error)),
    }
}
