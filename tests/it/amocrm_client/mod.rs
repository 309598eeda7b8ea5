//! The client of amoCRM against the fake one: tokens through every mishap, and what each kind of answer is taken for.

mod authorization;
mod leads;
mod merges;
mod recorded;
mod tokens;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use amocrm_lead_bot::clock::Clock;
use amocrm_lead_bot::config::{AmocrmSettings, Integration};
use amocrm_lead_bot::crm::amocrm::{
    AuthProblem, Crm, CrmError, FoundLead, HttpLimits, LookedUp, NewLead, NewNote, OmittedFields, RejectedField,
    Source, TokenError, TokenKind, TokenPolicy, TokenStorage, Wanted, parse_code,
};
use amocrm_lead_bot::lead::{Lead, LeadNumber};
use chrono::Utc;
use secrecy::ExposeSecret;
use serde_json::{from_value, json};
use tempfile::TempDir;
use testkit::fakes::amocrm::{FakeAmocrm, Fault, On, ReusePolicy, Throttle, Times, account};

/// Longer than anything here takes, also on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// A dealer's account and a bot's folder.
struct World {
    fake: FakeAmocrm,
    folder: TempDir,
    settings: AmocrmSettings,
}

impl World {
    /// An account without tokens.
    async fn new() -> Self {
        let fake = FakeAmocrm::start().await;
        fake.rate_limit(None);
        let env = fake.env();
        let var = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).expect("set");
        let subdomain = var("AMOCRM_SUBDOMAIN");
        let host = if subdomain.contains('.') { subdomain } else { format!("{subdomain}.amocrm.ru") };
        let settings = AmocrmSettings {
            base_url: var("AMOCRM_BASE_URL").parse().expect("an address"),
            account_host: host,
            integration: Some(Integration {
                client_id: var("AMOCRM_CLIENT_ID"),
                client_secret: var("AMOCRM_CLIENT_SECRET").into(),
                redirect_url: var("AMOCRM_REDIRECT_URL"),
            }),
            access_token: None,
            refresh_token: None,
            pipeline_id: None,
            status_id: None,
            responsible_user_id: None,
            tags: vec!["telegram_bot".into()],
            budget_field_id: None,
            car_link_field_id: None,
            answer_fields: Vec::new(),
            utm_fields: Vec::new(),
            sources: Default::default(),
            contact_lookup: true,
            requests_per_second: 200,
        };
        Self { fake, folder: testkit::folder(), settings }
    }

    /// An account whose pair is in the folder.
    async fn with_pair() -> Self {
        let world = Self::new().await;
        world.put(&world.fake.issue_pair());
        world
    }

    /// An account whose pair in the folder was issued two days ago.
    async fn with_expired_pair() -> (Self, (String, String)) {
        let world = Self::new().await;
        let pair = world.old_pair();
        world.put(&pair);
        (world, pair)
    }

    fn old_pair(&self) -> (String, String) {
        self.fake.issue_pair_at(Utc::now() - chrono::Duration::days(2))
    }

    fn put(&self, (access, refresh): &(String, String)) {
        self.put_file("refresh_token.txt", refresh);
        self.put_file("access_token.txt", access);
    }

    fn put_file(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).expect("written");
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A bot's client: a process of its own.
    fn crm(&self) -> Crm {
        self.crm_within(limits())
    }

    /// One that soon gives up what hangs; on a busy machine it may also give up what does not.
    fn impatient_crm(&self) -> Crm {
        let soon = Duration::from_secs(2);
        self.crm_within(HttpLimits { request: soon, oauth: soon, patience: 3 * soon, ..limits() })
    }

    fn crm_within(&self, limits: HttpLimits) -> Crm {
        let tokens = TokenStorage::Files(self.path().into());
        Crm::new(self.settings.clone(), tokens, Clock::default(), limits, policy()).expect("TLS")
    }

    /// A fault for the next matching request.
    fn once(&self, on: On, fault: Fault) {
        self.fake.fault(on, fault, Times::N(1));
    }
}

fn limits() -> HttpLimits {
    HttpLimits { connect: SOON, request: SOON, oauth: SOON, patience: SOON }
}

fn policy() -> TokenPolicy {
    TokenPolicy {
        poll_interval: Duration::from_millis(30),
        lock_wait: SOON,
        lock_expiry: 2 * SOON,
        repeat_pause: Duration::from_millis(10),
        rejection_cooldown: Duration::from_secs(600),
        unverified_cooldown: Duration::from_secs(600),
        proactive_pause: Duration::from_secs(60),
    }
}

fn lead(number: &str, name: &str, phone: &str) -> Lead {
    from_value(json!({
        "id": "01JD3Q5V8Z0000000000000000", "number": number, "submitted_at": Utc::now(),
        "name": name,
        "phone": {"e164": phone, "typed": phone, "origin": "typed"},
        "budget": {"typed": "2,5 млн", "price": 2_500_000},
        "car_link": {"url": "https://fem.encar.com/cars/detail/38000001", "typed": "encar.com/38000001", "encar_id": "38000001"},
        "buyer": {"user_id": 42, "chat_id": 42, "username": "ivan", "full_name": "Ivan P"}
    }))
    .expect("a lead")
}

fn ivan() -> Lead {
    lead("K7M2QXA", "Иван Петров", "+79991234567")
}

fn new(lead: &Lead) -> NewLead<'_> {
    NewLead { lead, contact_id: None, degradation: OmittedFields::default() }
}

/// A lead that was sent a moment ago.
fn wanted(lead: &Lead) -> Wanted<'_> {
    Wanted { lead, since: Utc::now(), first_edition: None }
}

fn number(text: &str) -> LeadNumber {
    LeadNumber::parse(text).expect("a number")
}

fn problem<T: std::fmt::Debug>(result: Result<T, CrmError>) -> AuthProblem {
    match result {
        Err(CrmError::Unauthorized(TokenError::NeedsAuthorization { reason, .. })) => reason,
        other => panic!("not for want of authorization: {other:?}"),
    }
}

async fn settled(world: &World) {
    let deadline = Instant::now() + SOON;
    while world.path().join("tokens_previous.json").exists() {
        assert!(Instant::now() < deadline, "the previous pair is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
