//! A stage for faults: the daemon as a process of its own between both fakes, buyers who fill in forms by themselves,
//! and a judge who compares what the buyers saw with what amoCRM stored. Used by the suite and by the soak.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

use crate::fakes::{
    amocrm::FakeAmocrm,
    telegram::{FakeTelegram, FakeUser},
};

/// The admin's chat.
pub const ADMIN: i64 = 900_001;

/// Pauses are this much shorter than in life: look-ups after 5, 30 and 120 s come after 0.1, 0.6 and 2.4 s.
pub const SPEED: u32 = 50;

/// What must happen happens within this time.
pub const PATIENCE: Duration = crate::world::PATIENCE;

/// Both fakes, a folder, and perhaps a running daemon.
pub struct Stage {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub folder: tempfile::TempDir,
    pub env: BTreeMap<String, String>,
    program: (PathBuf, Vec<String>),
    daemon: Option<Child>,
}

impl Stage {
    /// Both fakes with valid tokens and without amoCRM's limit of 7 requests a second; no daemon yet.
    pub async fn new(program: PathBuf, first_args: &[&str]) -> Self {
        let telegram = FakeTelegram::start().await;
        let amocrm = FakeAmocrm::start().await;
        telegram.hold_repeated_polls(false);
        amocrm.rate_limit(None);
        let folder = crate::folder();
        let (access, refresh) = amocrm.issue_pair();
        let mut env: BTreeMap<String, String> =
            amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("ADMIN_CHAT_ID", ADMIN.to_string()),
            ("DATA_DIR", folder.path().display().to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
            ("AMOCRM_REQUESTS_PER_SECOND", "100".into()),
            ("TEST_SPEED", SPEED.to_string()),
            // Few buyers send many requests here.
            ("LEADS_PER_HOUR", "off".into()),
            ("LEADS_PER_DAY", "off".into()),
            ("RUST_LOG", "amocrm_lead_bot=debug".into()),
        ] {
            env.insert(name.into(), value);
        }
        let first_args = first_args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { telegram, amocrm, folder, env, program: (program, first_args), daemon: None }
    }

    /// A second machine: the same fakes, program and settings, a disk of its own, no daemon yet.
    pub fn beside(&self) -> Self {
        let folder = crate::folder();
        let mut env = self.env.clone();
        env.insert("DATA_DIR".into(), folder.path().display().to_string());
        let (telegram, amocrm, program) = (self.telegram.clone(), self.amocrm.clone(), self.program.clone());
        Self { telegram, amocrm, folder, env, program, daemon: None }
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.into(), value.into());
    }

    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, as it would be started in this folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let (program, first_args) = &self.program;
        let mut command = Command::new(program);
        command.args(first_args).args(args).env_clear().envs(&self.env);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts the daemon; its log goes to `daemon.log` in the folder.
    pub fn start(&mut self) {
        let command = self.command(&[]);
        self.start_as(command);
    }

    /// Starts the daemon by a prepared command.
    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.path("daemon.log")).expect("a log file");
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("the daemon starts"));
    }

    /// Whether the daemon runs; a dead one is taken away.
    pub fn is_running(&mut self) -> bool {
        match self.daemon.as_mut().map(|child| child.try_wait().expect("the daemon's state")) {
            Some(None) => true,
            Some(Some(_)) => {
                self.daemon = None;
                false
            }
            None => false,
        }
    }

    /// The daemon's process.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().and_then(Child::id).expect("a running daemon")
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: i32) {
        if let Some(pid) = self.daemon.as_ref().and_then(Child::id) {
            // SAFETY: kill(2) takes two integers and touches no memory of ours.
            unsafe { libc::kill(i32::try_from(pid).expect("a pid"), signal) };
        }
    }

    /// From now on the daemon can write no file beyond this size: its disk is full. `RLIM_INFINITY` makes room again.
    pub fn limit_file_size(&self, bytes: libc::rlim_t) {
        let pid = self.daemon.as_ref().and_then(Child::id).expect("a running daemon");
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: prlimit(2) reads one struct that lives through the call.
        let done = unsafe { libc::prlimit(pid.cast_signed(), libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
        assert_eq!(done, 0, "the limit of a child can be set");
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        if let Some(mut child) = self.daemon.take() {
            child.wait().await.expect("the daemon's end");
        }
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.ended().await
    }

    /// Waits for the daemon's end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().expect("a running daemon");
        match tokio::time::timeout(PATIENCE, child.wait()).await {
            Ok(status) => status.expect("the daemon's end"),
            Err(_) => panic!("the daemon did not end\n{}", self.story()),
        }
    }

    /// Runs a command beside the daemon.
    pub async fn run(&self, args: &[&str]) -> Output {
        let output = self.command(args).output();
        tokio::time::timeout(PATIENCE, output).await.expect("the command ends").expect("its output")
    }

    /// `backup_leads.json`, empty when there is none.
    pub fn backup(&self) -> Vec<serde_json::Value> {
        read_json(&self.path("backup_leads.json"))
    }

    /// The log of this machine's daemons so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// Whether a daemon of this machine leads, or has led.
    pub fn has_led(&self) -> bool {
        self.log().contains("amocrm-lead-bot starts")
    }

    /// The daemon's log and the requests to amoCRM, for a failed test.
    pub fn story(&self) -> String {
        let log = self.log();
        format!("--- log\n{log}--- requests to amoCRM\n{}", self.amocrm.story())
    }

    /// Fails where something took the daemon longer than its limit; see [`crate::world::excused`].
    pub async fn took(&self, took: Duration, limit: Duration) {
        if took >= limit {
            let excused = crate::world::excused(async || drop(self.run(&["--version"]).await)).await;
            assert!(took < limit + excused, "{took:?}, {excused:?} of it excused\n{}", self.story());
        }
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "not so in time: {what}\n{}", self.story());
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// What the buyers saw beside what amoCRM has.
    pub fn judge(&self) -> Judgement {
        Judgement::of(&self.telegram, &self.amocrm)
    }

    /// Waits until every buyer knows a number for each form, every number is in amoCRM with its note and the backup
    /// file is empty; then judges. A long run may leave a long backlog, so patience begins again while it gets shorter.
    pub async fn settled(&self, forms: usize) -> Judgement {
        let (mut deadline, mut least_left) = (Instant::now() + PATIENCE, usize::MAX);
        loop {
            let judgement = self.judge();
            let left = judgement.missing.len() + judgement.without_note.len();
            if left < least_left {
                (deadline, least_left) = (Instant::now() + PATIENCE, left);
            }
            let done = judgement.told.len() >= forms && judgement.is_delivered() && self.backup().is_empty();
            if done && self.telegram.pending().is_empty() {
                // Whatever is done twice is done soon.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return self.judge();
            }
            assert!(
                Instant::now() < deadline,
                "not settled in time: {forms} forms, {judgement}, {} in the backup file\n{}",
                self.backup().len(),
                self.story()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn read_json(path: &Path) -> Vec<serde_json::Value> {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The number in a text such as `Заявка #K7M2QXA принята`.
pub fn number_in(text: &str) -> Option<String> {
    let number: String = text.split_once('#')?.1.chars().take_while(char::is_ascii_alphanumeric).collect();
    (number.len() == 7).then_some(number)
}

/// What was promised beside what was done.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Numbers that buyers saw, with their chats.
    pub told: BTreeMap<String, i64>,
    /// Told, and not in amoCRM (yet).
    pub missing: BTreeSet<String>,
    /// In amoCRM, and never told to anybody (yet).
    pub untold: BTreeSet<String>,
    /// In amoCRM more than once.
    pub doubled: BTreeSet<String>,
    /// In amoCRM without a note (yet).
    pub without_note: BTreeSet<String>,
    /// In amoCRM with more than one note.
    pub notes_doubled: BTreeSet<String>,
    /// Told "passed on" without, or before, "saved".
    pub told_out_of_order: BTreeSet<String>,
}

impl Judgement {
    pub fn of(telegram: &FakeTelegram, amocrm: &FakeAmocrm) -> Self {
        let mut judgement = Self::default();
        let mut saved = BTreeSet::new();
        for seen in telegram.ledger().iter().filter(|seen| seen.chat_id != ADMIN) {
            let Some(number) = number_in(&seen.text) else { continue };
            if seen.text.contains("принята!") {
                judgement.told.insert(number, seen.chat_id);
            } else if seen.text.contains("надёжно сохранена") {
                saved.insert(number);
            } else if seen.text.contains("передана менеджеру") && !saved.contains(&number) {
                judgement.told_out_of_order.insert(number);
            }
        }
        let mut stored: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for lead in amocrm.leads() {
            if let Some(number) = number_in(&lead.name) {
                stored.entry(number).or_default().push(lead.notes.len());
            }
        }
        for (number, notes) in &stored {
            if notes.len() > 1 {
                judgement.doubled.insert(number.clone());
            }
            if notes.contains(&0) {
                judgement.without_note.insert(number.clone());
            }
            if notes.iter().any(|notes| *notes > 1) {
                judgement.notes_doubled.insert(number.clone());
            }
            if !judgement.told.contains_key(number) {
                judgement.untold.insert(number.clone());
            }
        }
        judgement.missing = judgement.told.keys().filter(|number| !stored.contains_key(*number)).cloned().collect();
        judgement
    }

    /// Everything that was told is in amoCRM with its note, and the other way round.
    pub fn is_delivered(&self) -> bool {
        self.missing.is_empty() && self.untold.is_empty() && self.without_note.is_empty()
    }

    /// Exactly once, for as many forms.
    pub fn is_exactly_once(&self, forms: usize) -> bool {
        self.told.len() == forms
            && self.is_delivered()
            && self.doubled.is_empty()
            && self.notes_doubled.is_empty()
            && self.told_out_of_order.is_empty()
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} told, missing {:?}, untold {:?}, doubled {:?}, without note {:?}, notes doubled {:?}, out of order {:?}",
            self.told.len(),
            self.missing,
            self.untold,
            self.doubled,
            self.without_note,
            self.notes_doubled,
            self.told_out_of_order
        )
    }
}

/// A buyer who fills in the form and waits for every question, however long it takes; returns the number, or the story
/// of what did not come.
pub async fn fill_in(telegram: &FakeTelegram, buyer: &FakeUser, phone: &str) -> Result<String, String> {
    fill_in_with(telegram, buyer, phone, &[]).await
}

/// The same with pictures, sent while the name is asked.
pub async fn fill_in_with(
    telegram: &FakeTelegram,
    buyer: &FakeUser,
    phone: &str,
    pictures: &[Vec<u8>],
) -> Result<String, String> {
    let sees = |after, words: &'static str| async move {
        let seen = telegram.wait_for_new(buyer.id, after, |message| message.text.contains(words), PATIENCE).await;
        seen.map(|message| (message.message_id, message.text)).map_err(|why| format!("no «{words}»: {why}"))
    };
    let last = telegram.last_message_id(buyer.id);
    buyer.command("/start");
    let (mut last, _) = sees(last, "Как вас зовут").await?;
    for picture in pictures {
        buyer.sends_photo(picture);
        (last, _) = sees(last, "Добавил 1 фото").await?;
    }
    buyer.say("Иван Петров");
    let (last, _) = sees(last, "номер телефона").await?;
    buyer.say(phone);
    let (last, _) = sees(last, "бюджет").await?;
    buyer.say("2,5 млн");
    let (last, _) = sees(last, "ссылку").await?;
    buyer.say("https://www.encar.com/dc/dc_cardetailview.do?carid=38427498");
    let (last, _) = sees(last, crate::buyer::CARD).await?;
    buyer.press_on(last, "submit")?;
    let (_, told) = sees(last, "принята!").await?;
    number_in(&told).ok_or_else(|| format!("no number in «{told}»"))
}
