//! Turmoil: buyers fill in forms on their own while daemons are killed at random moments and everything around them
//! fails at random, the database they may share included. Everything random comes from one seed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{
    chaos::{Judgement, Stage, fill_in},
    fakes::{
        amocrm::{self, FakeAmocrm, ReusePolicy},
        telegram::{self, FakeTelegram},
    },
    postgres::Cluster,
};

/// How wild it is, and for how long.
#[derive(Debug, Clone)]
pub struct Turmoil {
    pub seed: u64,
    pub buyers: usize,
    pub lasts: Duration,
    /// The pause before the next kill, ms.
    pub kill_after: std::ops::Range<u64>,
    /// The pause before the next fault, ms.
    pub fault_after: std::ops::Range<u64>,
}

/// What it came to.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    pub forms: usize,
    pub kills: usize,
    pub faults: BTreeMap<String, usize>,
    /// From pressing "send" to being in amoCRM with a note.
    pub longest_wait: Duration,
    /// Uncertain creates that were found in amoCRM, and that were repeated after look-ups had not found them.
    pub found: usize,
    pub repeated: usize,
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        write!(
            f,
            "{} leads, {} kills, {faults} faults, {} uncertain creates found, {} repeated after look-ups",
            self.forms, self.kills, self.found, self.repeated
        )
    }
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    faults: Mutex<BTreeMap<String, usize>>,
    /// Numbers of finished forms, with the moment at which the buyer saw them.
    forms: Mutex<Vec<(String, Instant)>>,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Faults of one kind are counted together, however long each of them lasts.
    fn count(&self, fault: String) {
        let kind = fault.split_once("(").filter(|(kind, _)| kind.ends_with("Slow") || kind.ends_with("Late"));
        let fault = kind.map_or(fault.clone(), |(kind, _)| kind.to_owned());
        *self.faults.lock().expect("no panic").entry(fault).or_default() += 1;
    }
}

impl Turmoil {
    /// Runs it to its end on one machine, or on several that share the database of `cluster`, with `progress` told now
    /// and then; judges when everything has come to rest.
    pub async fn run(
        &self,
        machines: &mut [Stage],
        cluster: Option<Cluster>,
        mut progress: impl FnMut(&Stage, &Counters),
    ) -> (Counters, Judgement) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let shared = Arc::new(Shared::default());
        let (telegram, amocrm) = (machines[0].telegram.clone(), machines[0].amocrm.clone());
        amocrm.reuse_policy(ReusePolicy::GraceUntilUsed);
        amocrm.list_latency(Duration::from_millis(150));
        amocrm.query_latency(Duration::from_millis(300));
        amocrm.events_latency(Duration::from_millis(300));
        let buyers: Vec<_> = (0..self.buyers)
            .map(|at| tokio::spawn(buy(telegram.clone(), shared.clone(), at, random.random())))
            .collect();
        let faults = tokio::spawn(fail(telegram, amocrm, shared.clone(), random.random(), self.fault_after.clone()));
        let database = cluster.map(|cluster| {
            let (shared, seed) = (shared.clone(), random.random());
            tokio::task::spawn_blocking(move || fail_database(cluster, &shared, seed))
        });

        let mut counters = Counters::default();
        for machine in &mut *machines {
            machine.set("RUST_LOG", "amocrm_lead_bot=info");
            machine.start();
        }
        let start = Instant::now();
        let mut told_at = start;
        while start.elapsed() < self.lasts {
            tokio::time::sleep(Duration::from_millis(random.random_range(self.kill_after.clone()))).await;
            let machine = random.random_range(0..machines.len());
            machines[machine].kill().await;
            counters.kills += 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            machines[machine].start();
            if told_at.elapsed() > Duration::from_secs(10) {
                told_at = Instant::now();
                counters.take(machines, &shared);
                progress(&machines[0], &counters);
            }
        }

        shared.over.store(true, Ordering::Relaxed);
        faults.await.expect("no panic");
        // Held until everything is judged.
        let _cluster = match database {
            Some(database) => Some(database.await.expect("no panic")),
            None => None,
        };
        // A start of its own, so that what is left does not wait out the pauses that the last faults have caused.
        for machine in &mut *machines {
            machine.kill().await;
        }
        machines[0].start();
        for buyer in buyers {
            if let Err(why) = buyer.await.expect("no panic") {
                panic!("seed {}: a buyer was left alone: {why}\n{}", self.seed, stories(machines));
            }
        }
        let forms = shared.forms.lock().expect("no panic").len();
        let mut judgement = machines[0].settled(forms).await;
        // What the others have kept on their disks was delivered meanwhile, and not by them.
        for next in 1..machines.len() {
            machines[next - 1].kill().await;
            machines[next].start();
            machines[next].until("the file is empty", |machine| machine.backup().is_empty()).await;
            judgement = machines[next].settled(forms).await;
        }
        counters.take(machines, &shared);
        (counters, judgement)
    }
}

/// What every machine has to tell, for a failed test.
pub fn stories(machines: &[Stage]) -> String {
    machines.iter().map(Stage::story).collect::<Vec<_>>().join("\n=== the next machine\n")
}

impl Counters {
    fn take(&mut self, machines: &[Stage], shared: &Shared) {
        self.faults = shared.faults.lock().expect("no panic").clone();
        let forms = shared.forms.lock().expect("no panic");
        self.forms = forms.len();
        let stored: BTreeMap<String, Instant> = machines[0]
            .amocrm
            .leads()
            .into_iter()
            .filter_map(|lead| Some((crate::chaos::number_in(&lead.name)?, lead.stored_at())))
            .collect();
        let waits = forms.iter().map(|(number, at)| match stored.get(number) {
            Some(stored) => stored.saturating_duration_since(*at),
            None => at.elapsed(),
        });
        self.longest_wait = waits.max().unwrap_or_default();
        let log: String = machines.iter().map(Stage::log).collect();
        self.found = log.matches("an uncertain create is found in amoCRM").count();
        let repeated = |line: &&str| {
            line.contains("an uncertain create is not in amoCRM") && {
                let word = |key: &str| line.split_once(key).and_then(|(_, rest)| rest.split_whitespace().next());
                word("lookup=") == word(" of=")
            }
        };
        self.repeated = log.lines().filter(repeated).count();
    }
}

/// One buyer: one form after the other, with breaks.
async fn buy(telegram: FakeTelegram, shared: Arc<Shared>, at: usize, seed: u64) -> Result<(), String> {
    let mut random = StdRng::seed_from_u64(seed);
    let buyer = telegram.user(&format!("Покупатель {at}"));
    // Some of them share a phone, as families do.
    let phone = format!("+79{:09}", 100_000_000 + at / 2);
    while !shared.is_over() {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        let number = fill_in(&telegram, &buyer, &phone).await?;
        shared.forms.lock().expect("no panic").push((number, Instant::now()));
    }
    Ok(())
}

/// The database fails at random, until it is over; then it runs.
fn fail_database(mut cluster: Cluster, shared: &Shared, seed: u64) -> Cluster {
    let mut random = StdRng::seed_from_u64(seed);
    let mut nap = |millis: std::ops::Range<u64>| {
        let millis = random.random_range(millis);
        std::thread::sleep(Duration::from_millis(millis));
        millis
    };
    while !shared.is_over() {
        match nap(500..3000) % 3 {
            0 => {
                shared.count("the database restarts".into());
                cluster.crash();
                nap(0..1000);
                cluster.restart();
            }
            1 => {
                shared.count("the database ends every connection".into());
                cluster.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
            }
            // The leader still has all its other connections, while somebody else may lead already.
            _ => {
                shared.count("the database ends the connection that leads".into());
                cluster.psql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
            }
        }
    }
    cluster
}

/// Faults at random, until it is over; then none is left.
async fn fail(telegram: FakeTelegram, amocrm: FakeAmocrm, shared: Arc<Shared>, seed: u64, after: std::ops::Range<u64>) {
    let mut random = StdRng::seed_from_u64(seed);
    while !shared.is_over() {
        tokio::time::sleep(Duration::from_millis(random.random_range(after.clone()))).await;
        match random.random_range(0..40) {
            0 => {
                shared.count("amoCRM down".into());
                amocrm.goes_down();
                tokio::time::sleep(Duration::from_millis(random.random_range(50..500))).await;
                amocrm.comes_back();
            }
            1 => {
                shared.count("no network to amoCRM".into());
                amocrm.stop().await;
                tokio::time::sleep(Duration::from_millis(random.random_range(50..500))).await;
                amocrm.restart().await;
            }
            2 => {
                shared.count("no network to Telegram".into());
                telegram.stop().await;
                tokio::time::sleep(Duration::from_millis(random.random_range(50..300))).await;
                telegram.restart().await;
            }
            // Rarely: a token that ends before it has worked once rests longer than the daemon lives here.
            3 if random.random_range(0..5) == 0 => {
                shared.count("access tokens expire".into());
                amocrm.expire_access_tokens();
            }
            4..=14 => {
                let fault = telegram_fault(&mut random);
                shared.count(format!("Telegram: {fault:?}"));
                let on = match random.random_range(0..3) {
                    0 => telegram::On::method("getUpdates"),
                    // A token that is refused at the start ends the start, as it should.
                    _ => telegram::On::method("sendMessage"),
                };
                telegram.fault(on, fault, telegram::Times::N(random.random_range(1..3)));
            }
            _ => {
                let fault = amocrm_fault(&mut random);
                shared.count(format!("amoCRM: {fault:?}"));
                let on = match random.random_range(0..5) {
                    0 => amocrm::On::get("/api/v4"),
                    1 | 2 => amocrm::On::complex(),
                    3 => amocrm::On::post("/api/v4/leads/notes"),
                    _ => amocrm::On::any("/api/v4"),
                };
                amocrm.fault(on, fault, amocrm::Times::N(random.random_range(1..3)));
            }
        }
        // Nothing hangs for ever, and rare calls do not gather faults.
        if random.random_range(0..10) == 0 {
            telegram.clear_faults();
            amocrm.clear_faults();
        }
    }
    telegram.clear_faults();
    amocrm.clear_faults();
}

fn telegram_fault(random: &mut StdRng) -> telegram::Fault {
    let slow = Duration::from_millis(random.random_range(10..700));
    telegram::Fault::usual(slow).choose(random).cloned().expect("a choice")
}

fn amocrm_fault(random: &mut StdRng) -> amocrm::Fault {
    let pause = Duration::from_millis(random.random_range(10..900));
    amocrm::Fault::usual(1, pause, pause).choose(random).cloned().expect("a choice")
}
