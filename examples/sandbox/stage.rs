//! The stage: both fakes, everybody in the play, the faults, a folder, and the daemon.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Output},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{TimeDelta, Timelike, Utc};
use testkit::fakes::{
    amocrm::{
        FakeAmocrm, Status, User,
        account::{ADMIN_USER, MAIN_PIPELINE, SECOND_STATUS},
    },
    telegram::{FakeGroup, FakeTelegram, FakeUser},
};
use tokio::sync::watch;

use crate::{
    daemon::{Daemon, PATIENCE},
    faults::Faults,
};

/// How the folders of sandboxes begin; behind it stands the process that it belongs to.
const FOLDER: &str = "amocrm-lead-bot-sandbox-";

/// What the sandbox's dealer has decided.
const DEALER: &str = include_str!("dealer.toml");

/// The stage at which the car is on its way.
pub const THIRD_STATUS: u64 = SECOND_STATUS + 1;

/// What amoCRM calls to say that a lead has changed.
const WEBHOOK_SECRET: &str = "the-sandbox-has-no-strangers";

/// For so long amoCRM tries to tell of a change; without it the daemon asks in time.
const TELLS_FOR: Duration = Duration::from_secs(5);

/// A manager's id in amoCRM, by the number in the row of managers.
pub const MANAGERS: [(u64, &str); 2] = [(503, "Анна"), (504, "Олег")];

/// Takes away the folders of sandboxes that were killed.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split_once('-')?.0.parse::<i32>().ok());
        // SAFETY: kill(2) takes two integers and touches no memory of ours; signal 0 only looks.
        let lives = |owner| unsafe { libc::kill(owner, 0) } == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
        if owner.is_some_and(|owner| owner > 0 && !lives(owner)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Both fakes, the folder, the people, and perhaps a running daemon.
pub struct Stage {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub admin: FakeUser,
    /// Where managers work.
    pub group: FakeGroup,
    pub managers: Vec<FakeUser>,
    pub faults: Faults,
    /// How many times faster than life pauses pass.
    pub speed: u32,
    /// The dealer is the sandbox's own, whose form the story knows.
    pub is_usual: bool,
    buyers: Mutex<Vec<FakeUser>>,
    folder: tempfile::TempDir,
    daemon: Daemon,
}

/// A place where it is noon now, so that nobody is left alone for the night.
fn noon() -> String {
    let ahead = (12 - i64::from(Utc::now().hour()) + 12).rem_euclid(24) - 12;
    // POSIX counts the other way round.
    format!("Etc/GMT{:+}", -ahead)
}

/// A dealer's account: the daemon's own user, two managers, and the way of a car.
fn furnish(amocrm: &FakeAmocrm) {
    amocrm.account(|account| {
        let user = |id, name: &str, is_admin| User { id, name: name.to_owned(), is_admin };
        account.users = vec![user(ADMIN_USER, "Бот заявок", true)];
        account.users.extend(MANAGERS.map(|(id, name)| user(id, name, false)));
        let stages = &mut account.pipelines[0].statuses;
        for stage in stages.iter_mut() {
            match stage.id {
                SECOND_STATUS => stage.name = "Подбор автомобиля".into(),
                142 => stage.name = "Автомобиль выдан".into(),
                143 => stage.name = "Не купил".into(),
                _ if !stage.unsorted => stage.name = "Новая заявка".into(),
                _ => {}
            }
        }
        let before_closing = stages.len() - 2;
        stages.insert(before_closing, Status::new(THIRD_STATUS, "Автомобиль в пути"));
    });
}

impl Stage {
    /// Sets the fakes up with a pair of tokens that is an hour old; no daemon yet. It asks the form of this `dealer.toml`, with
    /// the texts beside it, or that of the sandbox's own dealer.
    pub async fn build(settings: Option<&Path>, speed: u32) -> io::Result<Self> {
        let telegram = FakeTelegram::start().await;
        // Telegram's three seconds are longer than a poll may take here, where pauses are shortened.
        telegram.hold_repeated_polls(false);
        let amocrm = FakeAmocrm::start().await;
        furnish(&amocrm);
        let admin = telegram.user("Администратор").known();
        let group = telegram.group("Продажи");
        let managers: Vec<FakeUser> = MANAGERS.iter().map(|(_, name)| telegram.user(name)).collect();
        managers.iter().for_each(|manager| telegram.makes(manager, "member", &group));
        sweep();
        let folder = tempfile::Builder::new().prefix(&format!("{FOLDER}{}-", std::process::id())).tempdir()?;
        let (access, refresh) = amocrm.issue_pair_at(Utc::now() - TimeDelta::hours(1));
        let mut env = amocrm.env();
        env.extend([
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("ADMIN_CHAT_ID", admin.id.to_string()),
            ("MANAGERS_CHAT_ID", group.id.to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
            ("HTTP_ADDR", "127.0.0.1:0".into()),
            ("AMOCRM_WEBHOOK_SECRET", WEBHOOK_SECRET.into()),
            ("TEST_SPEED", speed.to_string()),
        ]);
        match settings {
            Some(settings) => env.push(("SETTINGS_FILE", named(settings)?)),
            None => {
                let mut dealer = DEALER.replace("ZONE", &noon());
                for (at, manager) in managers.iter().enumerate() {
                    dealer = dealer.replace(&format!("100000000{}", at + 1), &manager.id.to_string());
                }
                // Beside the data, which may be wiped.
                let place = folder.path().join("settings");
                std::fs::create_dir(&place)?;
                std::fs::write(place.join("dealer.toml"), dealer)?;
                env.push(("SETTINGS_FILE", place.join("dealer.toml").display().to_string()));
            }
        }
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let daemon = Daemon::new(&data, env);
        let (faults, buyers) = (Faults::default(), Mutex::default());
        Ok(Self {
            telegram,
            amocrm,
            admin,
            group,
            managers,
            faults,
            speed,
            is_usual: settings.is_none(),
            buyers,
            folder,
            daemon,
        })
    }

    /// The path of a file in the daemon's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// A new person who wants a car, with a phone in this language.
    pub fn buyer(&self, name: &str, language: &str) -> FakeUser {
        let buyer = self.telegram.user(name).with_language(Some(language));
        self.buyers.lock().unwrap_or_else(PoisonError::into_inner).push(buyer.clone());
        buyer
    }

    /// Everybody who has wanted one so far.
    pub fn buyers(&self) -> Vec<FakeUser> {
        self.buyers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts the daemon and waits until it asks for messages.
    pub async fn start(&self) -> io::Result<()> {
        self.daemon.start()?;
        // Whoever cannot be reached is not waited for.
        if self.faults.telegram_is_gone() {
            return Ok(());
        }
        let ended = tokio::select! {
            asks = self.telegram.wait_for_poll(PATIENCE) => return asks.map_err(io::Error::other),
            status = self.daemon.ended() => status?,
        };
        Err(io::Error::other(format!("the daemon ended at once: {ended}\n{}", self.daemon.log(5))))
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&self) {
        self.daemon.kill().await;
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(&self) -> io::Result<Option<ExitStatus>> {
        self.daemon.terminate().await
    }

    /// Resolves when the daemon ends by itself.
    pub async fn ended(&self) -> io::Result<ExitStatus> {
        self.daemon.ended().await
    }

    /// Whether the daemon runs.
    pub fn runs(&self) -> bool {
        self.daemon.runs()
    }

    /// Runs a command of the product beside the daemon.
    pub async fn run(&self, args: &[&str]) -> io::Result<Output> {
        self.daemon.run(args).await
    }

    /// The last lines of the daemon's log.
    pub fn log(&self, lines: usize) -> String {
        self.daemon.log(lines)
    }

    /// kill -9, and the disk is empty.
    pub async fn wipe(&self) -> io::Result<()> {
        self.kill().await;
        let data = self.path("");
        std::fs::remove_dir_all(&data)?;
        std::fs::create_dir(&data)
    }

    /// `backup_leads.json` as it stands; empty when there is none.
    pub fn backup(&self) -> String {
        std::fs::read_to_string(self.path("backup_leads.json")).unwrap_or_default()
    }

    /// The stages of the main pipeline that a lead can be in, in their order: ids and names.
    pub fn stages(&self) -> Vec<(u64, String)> {
        self.amocrm.account(|account| {
            let open = account.pipelines[0].statuses.iter().filter(|stage| !stage.unsorted);
            open.map(|stage| (stage.id, stage.name.clone())).collect()
        })
    }

    /// A manager moves a lead to another stage of the main pipeline, and amoCRM calls its webhook.
    pub fn moves(&self, lead_id: u64, status_id: u64, manager: usize) {
        let user = MANAGERS[manager.min(MANAGERS.len() - 1)].0;
        self.amocrm.move_lead_by(lead_id, status_id, user);
        let body = format!(
            "leads[status][0][id]={lead_id}&leads[status][0][status_id]={status_id}&leads[status][0][pipeline_id]={MAIN_PIPELINE}"
        );
        let Some(page) = self.daemon.page() else { return };
        let call = reqwest::Client::new()
            .post(format!("{page}/amocrm/{WEBHOOK_SECRET}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .timeout(TELLS_FOR)
            .body(body);
        tokio::spawn(async move { call.send().await.map(drop) });
    }

    /// What happens when somebody opens an address of amoCRM that asks for access, and allows it: the browser is sent back to the
    /// daemon's page. What that page says first; none where the address asks for nothing.
    pub async fn allows_access(&self, address: &str) -> Option<String> {
        let asked = url::Url::parse(address).ok()?;
        let state = asked.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned())?;
        let back = url::Url::parse(&self.amocrm.redirect_uri()).ok()?;
        let mut at = url::Url::parse(&format!("{}{}", self.daemon.page()?, back.path())).ok()?;
        let account = format!("{}.amocrm.ru", self.amocrm.account(|account| account.subdomain.clone()));
        at.query_pairs_mut()
            .append_pair("code", &self.amocrm.issue_code())
            .append_pair("referer", &account)
            .append_pair("state", &state)
            .append_pair("client_id", &self.amocrm.client_id());
        let page = reqwest::get(at).await.ok()?.text().await.ok()?;
        let parts = ["h1", "p"].into_iter().filter_map(|tag| {
            let (_, rest) = page.split_once(&format!("<{tag}>"))?;
            rest.split_once(&format!("</{tag}>")).map(|(words, _)| words.to_owned())
        });
        Some(parts.collect::<Vec<_>>().join(". "))
    }
}

/// The absolute path of a dealer's settings.
fn named(settings: &Path) -> io::Result<String> {
    let path = std::path::absolute(settings)?;
    if !path.is_file() {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
    Ok(path.display().to_string())
}

/// The phone number of a person, always the same.
pub fn phone(user: &FakeUser) -> String {
    format!("7916555{:04}", user.id % 10_000)
}

/// The stage that is played on, and another one whenever somebody begins again.
pub struct Stages {
    now: watch::Sender<Arc<Stage>>,
    settings: Option<PathBuf>,
    speed: u32,
}

impl Stages {
    /// The first of them, with a daemon that takes messages.
    pub async fn begin(settings: Option<PathBuf>, speed: u32) -> io::Result<Self> {
        let stage = Stage::build(settings.as_deref(), speed).await?;
        stage.start().await?;
        Ok(Self { now: watch::channel(Arc::new(stage)).0, settings, speed })
    }

    pub fn now(&self) -> Arc<Stage> {
        self.now.borrow().clone()
    }

    /// Tells of the next one.
    pub fn changes(&self) -> watch::Receiver<Arc<Stage>> {
        self.now.subscribe()
    }

    /// Everything anew.
    pub async fn again(&self) -> io::Result<()> {
        let stage = Stage::build(self.settings.as_deref(), self.speed).await?;
        stage.start().await?;
        let before = self.now.send_replace(Arc::new(stage));
        before.kill().await;
        Ok(())
    }
}
