use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use sqlx::sqlite::SqliteConnectOptions;
use thiserror::Error;

use crate::{
    alerts::forget_copies,
    clock::Clock,
    config::{Environment, StoreSettings},
    crm::amocrm::{TokenStorage, move_tokens},
    daemon::{DaemonError, InstanceLock, place_of_url, store_place, token_storage_beside},
    store::{Copied, SQLITE_FILE, Store, StoreError},
};

use super::{
    CommandError, given, look, opened,
    output::{errln, outln},
};

/// Copies a store from one address to another, with its tokens, and compares the counts; safe to repeat.
pub async fn move_store(environment: &Environment<'_>, from: &str, to: &str) -> Result<ExitCode, CommandError> {
    if given::from_input(from) && given::from_input(to) {
        return Err(CommandError::Failed("--from and --to cannot both be read from standard input".into()));
    }
    let from = Address::parse(environment, "--from", &given::read("--from", from, given::holds_password)?)?;
    let to = Address::parse(environment, "--to", &given::read("--to", to, given::holds_password)?)?;
    if from == to {
        return Err(CommandError::Failed("--from and --to are the same store".into()));
    }
    if let Address::File(file) = &from
        && !file.exists()
    {
        return Err(CommandError::Failed(format!("{} does not exist; nothing was copied", file.display())));
    }
    let cannot = |option: &str, error: StoreError| match error {
        StoreError::Setting(problem) => DaemonError::Setting(format!("{option}: {problem}")).into(),
        error => CommandError::Failed(format!("{option}: {error}")),
    };
    let source = from.open().await.map_err(|error| cannot("--from", error))?;
    let target = to.open().await.map_err(|error| cannot("--to", error))?;
    if to.is_in_use(&target).await? {
        errln!(
            "Warning: a bot runs on {} (--to) right now. Stop it and run this once more: what comes from two sides at once \
             is looked up in amoCRM before it is sent, and takes longer.",
            to.place()
        );
    }
    // A backup has the tokens inside, a bot on SQLite keeps them beside its store.
    let storages = [TokenStorage::Database(source.clone()), from.token_storage(&source)];
    let code = tell(&copy(&source, &storages, &target, &to.token_storage(&target)).await?);
    source.close().await;
    target.close().await;
    if code == ExitCode::SUCCESS {
        outln!("Stop the bot before the last run of this command, then start it with the new store.");
    }
    Ok(code)
}

/// Writes the whole store with its tokens into a new SQLite file while a daemon may run.
pub async fn backup_store(settings: &StoreSettings, file: PathBuf) -> Result<ExitCode, CommandError> {
    if file.exists() {
        return Err(CommandError::Failed(format!("{} exists already; give a new name", file.display())));
    }
    let report = write_copy(settings, &file).await?;
    let code = tell(&report);
    outln!("Written to {}. To go back to it: move-store --from sqlite:{0} --to …", file.display());
    Ok(code)
}

/// Why a store was not copied: where somebody has to look.
#[derive(Debug, Error)]
pub enum NotCopied {
    /// No place is left on the disk.
    #[error(transparent)]
    DiskFull(CommandError),
    /// At the file.
    #[error(transparent)]
    Target(CommandError),
    /// At the store.
    #[error(transparent)]
    Source(CommandError),
}

impl From<NotCopied> for CommandError {
    fn from(error: NotCopied) -> Self {
        match error {
            NotCopied::DiskFull(error) | NotCopied::Target(error) | NotCopied::Source(error) => error,
        }
    }
}

/// Copies the whole store with its tokens into a file that is not there yet.
pub async fn write_copy(settings: &StoreSettings, file: &Path) -> Result<Vec<Copied>, NotCopied> {
    let store = opened::existing(settings).await.map_err(NotCopied::Source)?;
    if !store.exists() {
        return Err(NotCopied::Source(CommandError::Failed(format!(
            "there is no store at {} yet, so there is nothing to back up; is DATA_DIR the folder the bot runs in?",
            store_place(settings)
        ))));
    }
    let target = Store::open_file(file, store.clock()).await.map_err(|error| {
        let full = error.is_disk_full();
        let error = CommandError::Failed(not_written(file, error));
        if full { NotCopied::DiskFull(error) } else { NotCopied::Target(error) }
    })?;
    let tokens = token_storage_beside(&store, &settings.data_dir);
    let written = async {
        let report = copy(&store, &[tokens], &target, &TokenStorage::Database(target.clone())).await?;
        forget_copies(&target).await?;
        target.checkpoint().await?;
        Ok(report)
    };
    let report = written.await.map_err(|error| match &error {
        CommandError::Store(store) if store.is_disk_full() => NotCopied::DiskFull(error),
        _ => NotCopied::Source(error),
    })?;
    store.close().await;
    target.close().await;
    Ok(report)
}

/// Why a file cannot become a store, with its name once.
fn not_written(file: &Path, error: StoreError) -> String {
    match error {
        StoreError::Unavailable(sqlx::Error::Io(error)) => format!("the file cannot be written: {error}"),
        error => format!("{}: {error}", file.display()),
    }
}

async fn copy(
    source: &Store,
    storages: &[TokenStorage],
    target: &Store,
    to: &TokenStorage,
) -> Result<Vec<Copied>, CommandError> {
    let bar = look::bar("Copying rows");
    bar.set_length(u64::try_from(source.rows_to_copy().await?).unwrap_or(0));
    let copied = source.copy_to_telling(target, |rows| bar.inc(rows as u64)).await;
    bar.finish_and_clear();
    let mut report = copied?;
    let tokens = move_tokens(storages, to).await.map_err(|error| {
        CommandError::Failed(format!("the tokens cannot be copied: {error}; run the command again"))
    })?;
    let pairs = i64::from(tokens);
    report.push(Copied {
        table: "tokens",
        source: pairs,
        present: pairs,
        target: pairs,
        damaged: 0,
        left_behind: Vec::new(),
    });
    target.checkpoint().await?;
    Ok(report)
}

/// Where a store is.
#[derive(PartialEq)]
enum Address {
    File(PathBuf),
    Postgres(String),
}

impl Address {
    /// What has no scheme is the path of an SQLite file.
    fn parse(environment: &Environment<'_>, option: &'static str, text: &str) -> Result<Self, CommandError> {
        let file = match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                let url = environment.database_url(option, text).map_err(CommandError::Config)?;
                return Ok(Self::Postgres(url));
            }
            // The address itself may hold a password.
            Some((scheme, _)) if scheme != "sqlite" => {
                return Err(CommandError::Failed(format!("{scheme}:// is neither postgres:// nor sqlite:")));
            }
            _ if text.starts_with("sqlite:") => SqliteConnectOptions::from_str(text)
                .map_err(|_| CommandError::Failed("the address after sqlite: is not the path of a file".into()))?
                .get_filename()
                .to_owned(),
            _ => PathBuf::from(text),
        };
        Ok(Self::File(std::path::absolute(&file).unwrap_or(file)))
    }

    async fn open(&self) -> Result<Store, StoreError> {
        match self {
            Self::File(file) => Store::open_file(file, Clock::default()).await,
            Self::Postgres(url) => Store::open_url(url, Clock::default()).await,
        }
    }

    /// Whether a bot runs on it now.
    async fn is_in_use(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(match (store.is_led().await?, self) {
            (Some(led), _) => led,
            (None, Self::File(file)) => {
                file.file_name().is_some_and(|name| name == SQLITE_FILE)
                    && InstanceLock::is_running(file.parent().unwrap_or(Path::new(".")))
            }
            (None, Self::Postgres(_)) => false,
        })
    }

    /// Where it is, for people.
    fn place(&self) -> String {
        match self {
            Self::File(file) => file.display().to_string(),
            Self::Postgres(url) => place_of_url(url),
        }
    }

    /// Where the bot on this store looks for its tokens; a file of another name is no bot's.
    fn token_storage(&self, store: &Store) -> TokenStorage {
        match self {
            Self::File(file) if file.file_name().is_some_and(|name| name == SQLITE_FILE) => {
                token_storage_beside(store, file.parent().unwrap_or(Path::new(".")))
            }
            _ => TokenStorage::Database(store.clone()),
        }
    }
}

/// Says what was copied; a copy that lacks something has failed.
pub fn tell(report: &[Copied]) -> ExitCode {
    outln!("{:<12} {:>9} {:>9} {:>9}", "table", "source", "copied", "target");
    for table in report {
        outln!("{:<12} {:>9} {:>9} {:>9}", table.table, table.source, table.present, table.target);
    }
    for Copied { table, damaged, left_behind, .. } in report {
        if *damaged > 0 {
            outln!("Damaged, and copied as they are: {table} {damaged}");
        }
        if !left_behind.is_empty() {
            errln!(
                "Damaged, and not copied, as PostgreSQL cannot hold them: {table} {} ({})",
                left_behind.len(),
                left_behind.join(", ")
            );
        }
    }
    let lacking = |table: &Copied| table.source - table.present - table.left_behind.len() as i64;
    if report.iter().any(|table| lacking(table) != 0) {
        errln!("Not everything was copied; run the command again.");
        return ExitCode::FAILURE;
    }
    if report.iter().any(|table| !table.left_behind.is_empty()) {
        errln!("All the rest was copied; what is named stays where it was.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
