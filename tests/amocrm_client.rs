//! The client of amoCRM against the fake one: tokens through every mishap, and what each kind of answer is taken for.

mod fakes;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use amocrm_lead_bot::amocrm::{
    AuthProblem, Crm, CrmError, Degradation, NewLead, NewNote, RejectedField, Source, Timing, TokenError, TokenKind,
    Vault, parse_code,
};
use amocrm_lead_bot::config::{AmocrmSettings, Integration};
use amocrm_lead_bot::lead::{Lead, LeadNumber};
use chrono::Utc;
use fakes::amocrm::{FakeAmocrm, Fault, On, ReusePolicy, Throttle, Times, account};
use secrecy::ExposeSecret;
use serde_json::{from_value, json};
use tempfile::TempDir;

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
            contact_lookup: true,
            requests_per_second: 200,
        };
        Self { fake, folder: tempfile::tempdir().expect("a folder"), settings }
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
        let vault = Vault::Files(self.path().into());
        Crm::new(self.settings.clone(), vault, timing()).expect("TLS")
    }

    /// A fault for the next matching request.
    fn once(&self, on: On, fault: Fault) {
        self.fake.fault(on, fault, Times::N(1));
    }
}

fn timing() -> Timing {
    Timing {
        connect: Duration::from_millis(500),
        request: Duration::from_millis(1500),
        oauth: Duration::from_millis(1000),
        patience: Duration::from_millis(3000),
        poll: Duration::from_millis(30),
        lock_wait: Duration::from_secs(10),
        repeat_pause: Duration::from_millis(10),
        healing: Duration::from_secs(600),
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
    NewLead { lead, contact_id: None, degradation: Degradation::default() }
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
    let deadline = Instant::now() + Duration::from_secs(5);
    while world.path().join("tokens_previous.json").exists() {
        assert!(Instant::now() < deadline, "the previous pair is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// ---- tokens ----

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_on_one_expired_token_are_one_refresh() {
    let (world, _) = World::with_expired_pair().await;
    let crm = world.crm();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let crm = crm.clone();
            tokio::spawn(async move { crm.account().await })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("the account");
    }
    assert_eq!(world.fake.refreshes(), 1);
    settled(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_on_one_token_that_amocrm_no_longer_takes_are_one_refresh() {
    let world = World::with_pair().await;
    world.fake.expire_access_tokens();
    let crm = world.crm();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let crm = crm.clone();
            tokio::spawn(async move { crm.account().await })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("the account");
    }
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_one_refresh() {
    let (world, _) = World::with_expired_pair().await;
    world.once(On::oauth(), Fault::Slow(Duration::from_millis(200)));
    let (one, other) = (world.crm(), world.crm());
    let (first, second) = tokio::join!(one.account(), other.account());
    first.expect("the account");
    second.expect("the account");
    assert_eq!(world.fake.refreshes(), 1);
    assert_eq!(world.fake.count(&On::oauth()), 1);
}

#[tokio::test]
async fn a_new_pair_is_stored_before_it_is_used_and_the_old_one_kept_until_it_worked() {
    let (world, (_, old_refresh)) = World::with_expired_pair().await;
    let crm = world.crm();
    crm.tokens().access().await.expect("a token");
    assert_ne!(world.file("refresh_token.txt"), old_refresh);
    assert!(world.file("tokens_previous.json").contains(&old_refresh));
    assert_eq!(world.fake.count(&On::get("/api")), 0);
    crm.account().await.expect("the account");
    settled(&world).await;
    #[cfg(unix)]
    for name in ["access_token.txt", "refresh_token.txt"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(world.path().join(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_stale_environment_never_masks_the_rotated_pair() {
    let mut world = World::new().await;
    let stale = world.old_pair();
    world.settings.access_token = Some(stale.0.into());
    world.settings.refresh_token = Some(stale.1.clone().into());
    world.crm().account().await.expect("the account");
    assert_eq!(world.fake.times_presented(&stale.1), 1);

    let restarted = world.crm();
    restarted.account().await.expect("the account");
    let info = restarted.tokens().info().await.expect("readable");
    assert_eq!((info.kind, info.source, info.problem), (TokenKind::Pair, Some(Source::Stored), None));

    world.fake.expire_access_tokens();
    world.crm().account().await.expect("the account");
    assert_eq!(world.fake.times_presented(&stale.1), 1, "the stale config var was tried again");
    assert_eq!(world.fake.refreshes(), 2);
}

#[tokio::test]
async fn a_rejected_candidate_falls_through_to_the_next() {
    let mut world = World::with_pair().await;
    world.fake.revoke_all();
    world.settings.access_token = Some(world.fake.issue_long_lived(Utc::now() + chrono::Duration::days(300)).into());
    let revoked = world.file("refresh_token.txt");
    let crm = world.crm();
    for _ in 0..3 {
        crm.account().await.expect("the account");
    }
    assert_eq!(crm.tokens().info().await.expect("readable").source, Some(Source::Environment));
    assert!(world.fake.times_presented(&revoked) <= 1);
}

#[tokio::test]
async fn an_answer_lost_after_the_rotation_is_made_good_with_the_old_token() {
    for fault in [Fault::CutAfter, Fault::Garbage, Fault::EmptyOk, Fault::HangAfter] {
        let (world, (_, old_refresh)) = World::with_expired_pair().await;
        world.fake.reuse_policy(ReusePolicy::GraceUntilUsed);
        world.once(On::oauth(), fault.clone());
        world.crm().account().await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(world.fake.times_presented(&old_refresh), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_with_the_process_is_made_good_by_the_next_one() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.reuse_policy(ReusePolicy::GraceUntilUsed);
    world.fake.fault(On::oauth(), Fault::CutAfter, Times::N(2));
    let lost = world.crm().account().await;
    assert!(matches!(lost, Err(CrmError::Unavailable { .. })), "{lost:?}");
    world.crm().account().await.expect("the account");
}

#[tokio::test]
async fn a_cancelled_caller_does_not_cancel_the_refresh() {
    let (world, _) = World::with_expired_pair().await;
    world.once(On::oauth(), Fault::Slow(Duration::from_millis(200)));
    let crm = world.crm();
    let hasty = tokio::time::timeout(Duration::from_millis(80), crm.account()).await;
    assert!(hasty.is_err());
    crm.account().await.expect("the account");
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_new_pair_that_cannot_be_stored_is_not_used() {
    let (world, _) = World::with_expired_pair().await;
    let obstacle = world.path().join("tokens_previous.json");
    let crm = world.crm();
    // Rotating needs this file first; a folder in its place stands for a disk that refuses the write.
    world.once(On::oauth(), Fault::Slow(Duration::from_millis(150)));
    let call = tokio::spawn({
        let crm = crm.clone();
        async move { crm.account().await }
    });
    world.fake.wait_for_request(|request| On::oauth().matches(request), Duration::from_secs(5)).await;
    fs::create_dir_all(obstacle.join("x")).expect("made");
    let failed = call.await.expect("no panic");
    assert!(matches!(failed, Err(CrmError::Unauthorized(TokenError::Storage(_)))), "{failed:?}");
    assert_eq!(world.fake.count(&On::get("/api")), 0);
    fs::remove_dir_all(&obstacle).expect("removed");
    crm.account().await.expect("the account");
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn an_expired_grant_is_told_once_and_mended_by_hand() {
    let (world, (_, refresh)) = World::with_expired_pair().await;
    world.fake.expire_refresh_token();
    let crm = world.crm();
    for _ in 0..4 {
        assert_eq!(problem(crm.account().await), AuthProblem::Expired);
    }
    assert_eq!(world.fake.times_presented(&refresh), 1);
    assert_eq!(world.fake.count(&On::get("/api")), 0);
    let info = crm.tokens().info().await.expect("readable");
    assert_eq!(info.problem, Some(AuthProblem::Expired));
    assert!(crm.tokens().upkeep().await.is_err());

    let keeper = crm.tokens().clone();
    let noticed = tokio::spawn(async move { keeper.changed().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!noticed.is_finished());
    world.put(&world.fake.issue_pair());
    tokio::time::timeout(Duration::from_secs(5), noticed).await.expect("noticed").expect("no panic");
    crm.account().await.expect("the account");
}

#[tokio::test]
async fn either_file_alone_will_do() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.revoke_all();
    let crm = world.crm();
    assert_eq!(problem(crm.account().await), AuthProblem::Revoked);
    // Only the refresh token is rewritten: the pair is torn, and works.
    let (_, refresh) = world.fake.issue_pair();
    world.put_file("refresh_token.txt", &format!("  {refresh}\n"));
    tokio::time::timeout(Duration::from_secs(5), crm.tokens().changed()).await.expect("noticed");
    crm.account().await.expect("the account");

    // Only the access token is rewritten.
    world.fake.revoke_all();
    assert_eq!(problem(crm.account().await), AuthProblem::Revoked);
    world.put_file("access_token.txt", &world.fake.issue_long_lived(Utc::now() + chrono::Duration::days(30)));
    tokio::time::timeout(Duration::from_secs(5), crm.tokens().changed()).await.expect("noticed");
    crm.account().await.expect("the account");
}

#[tokio::test]
async fn a_pair_somebody_else_has_rotated_is_taken_up() {
    let world = World::with_pair().await;
    let crm = world.crm();
    crm.account().await.expect("the account");
    world.fake.expire_access_tokens();
    world.put(&world.fake.issue_pair());
    crm.account().await.expect("the account");
    assert_eq!(world.fake.refreshes(), 0);
}

#[tokio::test]
async fn a_long_lived_token_is_used_until_its_date_and_never_refreshed() {
    let mut world = World::new().await;
    world.settings.access_token = Some(world.fake.issue_long_lived(Utc::now() + chrono::Duration::days(1000)).into());
    world.settings.integration = None;
    let crm = world.crm();
    crm.account().await.expect("the account");
    crm.tokens().upkeep().await.expect("nothing to do");
    let info = crm.tokens().info().await.expect("readable");
    assert_eq!((info.kind, info.source), (TokenKind::LongLived, Some(Source::Environment)));
    assert!(info.access_expires_at.expect("a date") > Utc::now() + chrono::Duration::days(990));

    world.fake.revoke_all();
    assert_eq!(problem(crm.account().await), AuthProblem::AccessRefused);
    let calls = world.fake.count(&On::any("/"));
    assert_eq!(problem(crm.account().await), AuthProblem::AccessRefused);
    assert_eq!(world.fake.count(&On::any("/")), calls, "a refused token was presented again");
    assert_eq!(world.fake.count(&On::oauth()), 0);

    world.settings.access_token = Some(world.fake.issue_long_lived(Utc::now() - chrono::Duration::days(1)).into());
    assert_eq!(problem(world.crm().account().await), AuthProblem::Expired);
    assert_eq!(world.fake.count(&On::any("/")), calls, "an ended token was presented");
}

#[tokio::test]
async fn placeholders_and_nothing_at_all() {
    let mut world = World::new().await;
    assert_eq!(problem(world.crm().account().await), AuthProblem::NoTokens);
    world.settings.access_token = Some("your_token_here".into());
    assert_eq!(problem(world.crm().account().await), AuthProblem::NotAToken);
    world.settings.access_token = None;
    world.settings.integration = None;
    assert!(matches!(world.crm().account().await, Err(CrmError::NotConfigured)));
    assert_eq!(world.fake.count(&On::any("/")), 0);
    world.settings.access_token = Some("opaque-but-perhaps-good-in-spite-of-it".into());
    assert_eq!(problem(world.crm().account().await), AuthProblem::NotAToken);
    assert_eq!(world.fake.count(&On::any("/")), 1);
}

#[tokio::test]
async fn nothing_but_a_problem_body_costs_a_token() {
    for fault in [
        Fault::Html(403),
        Fault::Html(401),
        Fault::Html(400),
        Fault::Html(502),
        Fault::Status(500),
        Fault::CutBefore,
        Fault::GarbageNoEffect,
    ] {
        let (world, _) = World::with_expired_pair().await;
        let crm = world.crm();
        let id = world.fake.fault(On::oauth(), fault.clone(), Times::Forever);
        let failed = crm.account().await;
        match (&fault, &failed) {
            (Fault::Html(403), Err(CrmError::Blocked)) | (_, Err(CrmError::Unavailable { .. })) => {}
            _ => panic!("{fault:?}: {failed:?}"),
        }
        world.fake.clear_fault(id);
        crm.account().await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(world.fake.refreshes(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn too_many_refreshes_pause_everything() {
    let (world, _) = World::with_expired_pair().await;
    let crm = world.crm();
    world.once(On::oauth(), Fault::TooManyRequests(Throttle::Header(1)));
    let throttled = crm.account().await;
    assert!(matches!(throttled, Err(CrmError::Throttled { retry_after: Some(_) })), "{throttled:?}");
    let start = Instant::now();
    crm.account().await.expect("the account");
    assert!(start.elapsed() > Duration::from_millis(800));
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let refused = async |change: fn(&mut AmocrmSettings)| {
        let (mut world, _) = World::with_expired_pair().await;
        change(&mut world.settings);
        problem(world.crm().account().await)
    };
    fn integration(settings: &mut AmocrmSettings) -> &mut Integration {
        settings.integration.as_mut().expect("set")
    }
    assert_eq!(refused(|s| integration(s).client_id = "other".into()).await, AuthProblem::WrongClientId);
    assert_eq!(refused(|s| integration(s).client_secret = "other".into()).await, AuthProblem::WrongClientSecret);
    assert_eq!(refused(|s| integration(s).redirect_url.push('/')).await, AuthProblem::RedirectDiffers);
    assert_eq!(refused(|s| s.integration = None).await, AuthProblem::NoIntegration);

    let world = World::with_pair().await;
    let crm = world.crm();
    crm.account().await.expect("the account");
    world.fake.disable_integration();
    assert_eq!(problem(crm.account().await), AuthProblem::IntegrationOff);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_does_not_rotate_for_ever() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.fault(On::get("/api"), Fault::Unauthorized, Times::Forever);
    let crm = world.crm();
    for _ in 0..4 {
        assert_eq!(problem(crm.account().await), AuthProblem::IntegrationOff);
    }
    assert_eq!(world.fake.refreshes(), 1);
    assert_eq!(world.fake.count(&On::get("/api")), 1);
}

#[tokio::test]
async fn a_pinned_address_reports_where_the_account_has_moved() {
    for status in [401, 404] {
        let (world, _) = World::with_expired_pair().await;
        world.fake.moved_refresh_status(status);
        world.fake.moved_to("acme2", "acme2.amocrm.ru");
        let crm = world.crm();
        match crm.account().await {
            Err(CrmError::Unauthorized(TokenError::Moved { host })) => assert_eq!(host, "acme2.amocrm.ru"),
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(crm.tokens().info().await.expect("readable").moved_to.as_deref(), Some("acme2.amocrm.ru"));
        let calls = world.fake.count(&On::any("/"));
        assert!(matches!(crm.account().await, Err(CrmError::Unauthorized(TokenError::Moved { .. }))));
        assert_eq!(world.fake.count(&On::any("/")), calls);
    }
}

#[tokio::test]
async fn an_address_outside_amocrm_is_not_believed() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.moved_to("acme2", "acme2.evil.example");
    match problem(world.crm().account().await) {
        AuthProblem::WrongAccount { host: None } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_code_is_traded_once() {
    let world = World::new().await;
    let crm = world.crm();
    let code = world.fake.issue_code();
    let host = world.settings.account_host.clone();
    let pasted = parse_code(&format!("https://example.org/?code={code}&state=s&referer={host}")).expect("a code");
    let info =
        crm.tokens().exchange_code(pasted.code.expose_secret(), pasted.referer.as_deref()).await.expect("tokens");
    let lifetime = info.access_expires_at.expect("a date") - Utc::now();
    assert!(lifetime > chrono::Duration::hours(23) && lifetime <= chrono::Duration::hours(24));
    crm.account().await.expect("the account");
    settled(&world).await;

    let reason = async |code: &str, host: Option<&str>| match crm.tokens().exchange_code(code, host).await {
        Err(TokenError::NeedsAuthorization { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&code, None).await, AuthProblem::CodeUsed);
    assert_eq!(reason("def50200nonsense", None).await, AuthProblem::CodeWrong);
    let late = world.fake.issue_code();
    world.fake.expire_code(&late);
    assert_eq!(reason(&late, None).await, AuthProblem::CodeExpired);
    let calls = world.fake.count(&On::oauth());
    let other = AuthProblem::WrongAccount { host: Some("other.amocrm.ru".into()) };
    assert_eq!(reason("def50200code", Some("other.amocrm.ru")).await, other);
    assert_eq!(reason("def50200code", Some("evil.example")).await, AuthProblem::WrongAccount { host: None });
    assert_eq!(world.fake.count(&On::oauth()), calls, "a secret was sent to a stranger");
    crm.account().await.expect("the account, still");
}

#[tokio::test]
async fn new_authorization_ends_the_refusals() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.expire_refresh_token();
    let (daemon, command) = (world.crm(), world.crm());
    assert_eq!(problem(daemon.account().await), AuthProblem::Expired);
    command.tokens().exchange_code(&world.fake.issue_code(), None).await.expect("tokens");
    tokio::time::timeout(Duration::from_secs(5), daemon.tokens().changed()).await.expect("noticed");
    daemon.account().await.expect("the account");
}

#[tokio::test]
async fn upkeep_renews_ahead_of_time_and_leaves_fresh_pairs_alone() {
    let world = World::with_pair().await;
    let crm = world.crm();
    crm.tokens().upkeep().await.expect("nothing to do");
    assert_eq!(world.fake.refreshes(), 0);

    world.put(&world.fake.issue_pair_at(Utc::now() - chrono::Duration::minutes(24 * 60 - 10)));
    crm.tokens().upkeep().await.expect("renewed");
    assert_eq!(world.fake.refreshes(), 1);
    crm.tokens().upkeep().await.expect("nothing to do");
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn upkeep_that_fails_keeps_the_token_and_tells() {
    let world = World::new().await;
    world.put(&world.fake.issue_pair_at(Utc::now() - chrono::Duration::minutes(24 * 60 - 10)));
    let crm = world.crm();
    let down = world.fake.fault(On::oauth(), Fault::Html(502), Times::Forever);
    assert!(matches!(crm.tokens().upkeep().await, Err(TokenError::Transient { .. })));
    assert!(crm.tokens().upkeep().await.is_ok(), "it pauses after a failure");
    assert_eq!(world.fake.count(&On::oauth()), 1);
    crm.account().await.expect("the old token still works");
    world.fake.clear_fault(down);

    world.fake.expire_refresh_token();
    let other = world.crm();
    let told = other.tokens().upkeep().await;
    assert!(matches!(told, Err(TokenError::NeedsAuthorization { reason: AuthProblem::Expired, .. })), "{told:?}");
    other.account().await.expect("the old token still works");
    assert_eq!(other.tokens().info().await.expect("readable").problem, Some(AuthProblem::Expired));
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let (mut world, pair) = World::with_expired_pair().await;
    let long_lived = world.fake.issue_long_lived(Utc::now() + chrono::Duration::days(30));
    let secret = world.fake.client_secret();
    let mut shown = String::new();
    let mut show = |crm: &Crm, result: Result<amocrm_lead_bot::amocrm::Account, CrmError>| {
        shown.push_str(&format!("{crm:?}\n{result:?}\n"));
        if let Err(error) = result {
            shown.push_str(&format!("{error}\n"));
        }
    };
    for fault in
        [Fault::CutBefore, Fault::Hang, Fault::Html(403), Fault::Status(401), Fault::Garbage, Fault::Status(500)]
    {
        let crm = world.crm();
        let id = world.fake.fault(On::oauth(), fault, Times::Forever);
        show(&crm, crm.account().await);
        world.fake.clear_fault(id);
    }
    world.settings.access_token = Some(long_lived.clone().into());
    for fault in [Fault::CutBefore, Fault::Html(403), Fault::Status(403), Fault::Unauthorized, Fault::Status(404)] {
        let crm = world.crm();
        let id = world.fake.fault(On::get("/api"), fault, Times::Forever);
        show(&crm, crm.account().await);
        world.fake.clear_fault(id);
    }
    world.fake.stop().await;
    let crm = world.crm();
    show(&crm, crm.account().await);
    for secret in [&pair.0, &pair.1, &long_lived, &secret] {
        assert!(!shown.contains(secret.as_str()), "a secret is shown:\n{shown}");
    }
    assert!(!shown.contains("eyJ") && !shown.contains("def50200"), "a part of a secret is shown:\n{shown}");
}

// ---- leads ----

#[tokio::test]
async fn a_lead_with_its_contact_and_note() {
    let mut world = World::with_pair().await;
    world.settings.pipeline_id = Some(account::MAIN_PIPELINE as i64);
    world.settings.status_id = Some(account::SECOND_STATUS as i64);
    world.settings.responsible_user_id = Some(account::MANAGER_USER as i64);
    world.settings.budget_field_id = Some(account::TEXT_FIELD as i64);
    world.settings.car_link_field_id = Some(account::LINK_FIELD as i64);
    let crm = world.crm();
    let (ivan, olga) = (ivan(), lead("A2B3C4D", "Ольга", "+79990000002"));
    let created = crm.create_leads(&[new(&ivan), new(&olga)]).await.expect("created");
    assert_eq!(created.len(), 2);
    assert_eq!(created[1].number, olga.number);
    assert!(created.iter().all(|lead| lead.contact_id.is_some() && !lead.merged));
    let stored = world.fake.lead_with_number("K7M2QXA").expect("stored");
    assert_eq!((stored.id as i64, stored.price), (created[0].lead_id, 2_500_000));
    assert_eq!((stored.pipeline_id, stored.status_id), (account::MAIN_PIPELINE, account::SECOND_STATUS));

    let text = crm.notes_of(&new(&ivan)).remove(0);
    assert!(!crm.has_note(created[0].lead_id, &ivan.number).await.expect("looked"));
    let note = NewNote { lead_id: created[0].lead_id, number: ivan.number.clone(), text };
    let other =
        NewNote { lead_id: created[1].lead_id, number: olga.number.clone(), text: "Заявка #A2B3C4D".into() };
    assert_eq!(crm.add_notes(&[note, other]).await.expect("written").len(), 2);
    assert!(crm.has_note(created[0].lead_id, &ivan.number).await.expect("looked"));
    assert!(!crm.has_note(created[0].lead_id, &olga.number).await.expect("looked"));
    assert_eq!(world.fake.contract_violations(), Vec::<String>::new());
}

#[tokio::test]
async fn every_kind_of_answer_to_a_create() {
    /// What a fault must be taken for, and whether the lead is there all the same.
    type Check = fn(&CrmError) -> bool;
    let unsure: Check = |error| matches!(error, CrmError::Ambiguous { answered: false, .. });
    let answered: Check = |error| matches!(error, CrmError::Ambiguous { answered: true, .. });
    let table: [(Fault, Check, usize); 19] = [
        (Fault::CutBefore, unsure, 0),
        (Fault::CutAfter, unsure, 1),
        (Fault::Hang, unsure, 0),
        (Fault::HangAfter, unsure, 1),
        (Fault::StoreThen(500), answered, 1),
        (Fault::StoreThen(502), answered, 1),
        (Fault::StoreThen(504), unsure, 1),
        (Fault::Status(500), answered, 0),
        (Fault::Html(503), answered, 0),
        (Fault::Garbage, unsure, 1),
        (Fault::EmptyOk, unsure, 1),
        (Fault::WrongShape, unsure, 1),
        (Fault::Status(402), |error| matches!(error, CrmError::PaymentRequired), 0),
        (Fault::Status(403), |error| matches!(error, CrmError::Forbidden { .. }), 0),
        (Fault::Html(403), |error| matches!(error, CrmError::Blocked), 0),
        (Fault::Html(404), |error| matches!(error, CrmError::WrongAddress { .. }), 0),
        (Fault::Redirect(301), |error| matches!(error, CrmError::WrongAddress { .. }), 0),
        (
            Fault::TooManyRequests(Throttle::Body(300)),
            |error| matches!(error, CrmError::Throttled { retry_after: Some(pause) } if pause.as_secs() == 300),
            0,
        ),
        (
            Fault::Validation { path: "price".into(), code: "InvalidType".into() },
            |error| matches!(error, CrmError::Rejected { fields, .. } if fields[0].path == "price" && fields[0].index == Some(0)),
            0,
        ),
    ];
    for (fault, expected, stored) in table {
        let world = World::with_pair().await;
        world.once(On::complex(), fault.clone());
        let error = world.crm().create_leads(&[new(&ivan())]).await.expect_err("a fault");
        assert!(expected(&error), "{fault:?}: {error:?}");
        assert_eq!(world.fake.leads().len(), stored, "{fault:?}");
    }
    let world = World::with_pair().await;
    world.once(On::complex(), Fault::Hal);
    assert_eq!(world.crm().create_leads(&[new(&ivan())]).await.expect("created").len(), 1);
    world.fake.stop().await;
    let error = world.crm().create_leads(&[new(&ivan())]).await.expect_err("nobody is there");
    assert!(matches!(error, CrmError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_401_on_a_create_is_repeated_and_creates_one() {
    let world = World::with_pair().await;
    world.once(On::complex(), Fault::Unauthorized);
    world.crm().create_leads(&[new(&ivan())]).await.expect("created");
    assert_eq!(world.fake.leads().len(), 1);
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_pause_holds_every_call() {
    let world = World::with_pair().await;
    let crm = world.crm();
    world.once(On::get("/api/v4/account"), Fault::TooManyRequests(Throttle::Header(1)));
    assert!(matches!(crm.account().await, Err(CrmError::Throttled { .. })));
    let start = Instant::now();
    crm.create_leads(&[new(&ivan())]).await.expect("created");
    assert!(start.elapsed() > Duration::from_millis(800));
}

#[tokio::test]
async fn what_is_refused_is_left_out() {
    let mut world = World::with_pair().await;
    world.settings.responsible_user_id = Some(999_999);
    world.settings.budget_field_id = Some(123_456);
    let crm = world.crm();
    let ivan = ivan();
    let mut attempt = new(&ivan);
    for _ in 0..3 {
        match crm.create_leads(std::slice::from_ref(&attempt)).await {
            Ok(_) => break,
            Err(CrmError::Rejected { fields, .. }) => {
                let fields: Vec<RejectedField> = fields.into_iter().filter(|field| field.index == Some(0)).collect();
                attempt.degradation = crm.degrade(&attempt, &fields).expect("something to leave out");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(world.fake.lead_with_number("K7M2QXA").is_some(), "{:?}", attempt.degradation);
    let note = crm.notes_of(&attempt).join("");
    assert!(note.contains("amoCRM не принял поле «Бюджет» (123456): 2,5 млн"), "{note}");
}

#[tokio::test]
async fn an_unsure_lead_is_found_by_any_way_that_shows_it() {
    let hidden = Duration::from_secs(60);
    let ivan = ivan();
    let since = Utc::now();
    for (list, query, events, found) in [
        (Duration::ZERO, hidden, hidden, true),
        (hidden, Duration::ZERO, hidden, true),
        (hidden, hidden, hidden, false),
    ] {
        let world = World::with_pair().await;
        let crm = world.crm();
        world.once(On::complex(), Fault::CutAfter);
        crm.create_leads(&[new(&ivan)]).await.expect_err("unsure");
        world.fake.list_latency(list);
        world.fake.query_latency(query);
        world.fake.events_latency(events);
        let hits = crm.find_leads(std::slice::from_ref(&ivan.number), since).await.expect("a clean look-up");
        let stored = world.fake.leads().remove(0);
        let expected = found.then_some((stored.id as i64, stored.contact_id.map(|id| id as i64)));
        assert_eq!(hits.get(&ivan.number).map(|hit| (hit.lead_id, hit.contact_id)), expected, "{list:?} {query:?}");
    }
    let world = World::with_pair().await;
    let crm = world.crm();
    let created = crm.create_leads(&[new(&ivan)]).await.expect("created");
    world.fake.list_latency(hidden);
    world.fake.query_latency(hidden);
    let hits = crm.find_leads(std::slice::from_ref(&ivan.number), since).await.expect("a clean look-up");
    assert_eq!(hits[&ivan.number].lead_id, created[0].lead_id);
}

#[tokio::test]
async fn an_unsure_lead_is_found_behind_hundreds_of_newer_ones() {
    let world = World::with_pair().await;
    let crm = world.crm();
    let since = Utc::now();
    let created = crm.create_leads(&[new(&ivan())]).await.expect("created");
    for at in 0..600 {
        world.fake.add_lead(&format!("Сделка {at}"));
    }
    world.fake.query_latency(Duration::from_secs(60));
    world.fake.events_latency(Duration::from_secs(60));
    let hits = crm.find_leads(&[number("K7M2QXA")], since).await.expect("a clean look-up");
    assert_eq!(hits[&number("K7M2QXA")].lead_id, created[0].lead_id);
    // Nothing is read beyond the time in question.
    let pages = world.fake.count(&On::get("/api/v4/leads").exactly());
    let later = Utc::now() + chrono::Duration::minutes(11);
    assert!(crm.find_leads(&[number("Z9Y8X7W")], later).await.expect("a clean look-up").is_empty());
    assert_eq!(world.fake.count(&On::get("/api/v4/leads").exactly()), pages + 2);
}

#[tokio::test]
async fn an_account_that_left_its_address_is_named() {
    let world = World::with_pair().await;
    world.fake.moved_to("acme2", "acme2.amocrm.ru");
    world.fake.fault(On::any("/api"), Fault::Redirect(301), Times::Forever);
    let crm = world.crm();
    let error = crm.account().await.expect_err("moved");
    assert!(matches!(&error, CrmError::WrongAddress { detail, .. } if detail.contains("acme2.amocrm.ru")), "{error:?}");
    assert_eq!(crm.tokens().info().await.expect("readable").moved_to.as_deref(), Some("acme2.amocrm.ru"));
    crm.account().await.expect_err("still");
    assert_eq!(world.fake.count(&On::get("/oauth2")), 1, "it is asked rarely");
}

#[tokio::test]
async fn only_the_very_number_is_a_hit() {
    let world = World::with_pair().await;
    let crm = world.crm();
    let wanted: Vec<LeadNumber> = ["K7M2QXA", "A2B3C4D", "Z9Y8X7W"].map(number).into();
    world.fake.add_lead("Заявка от Иван #K7M2QXAB");
    world.fake.add_lead("K7M2QXA без решётки");
    let first = world.fake.add_lead("Заявка от Ольга #A2B3C4D");
    world.fake.add_lead("Заявка от Ольга #A2B3C4D копия");
    let hits = crm.find_leads(&wanted, Utc::now()).await.expect("a clean look-up");
    assert_eq!(hits.keys().collect::<HashSet<_>>(), HashSet::from([&wanted[1]]));
    assert_eq!(hits[&wanted[1]].lead_id, first as i64);
    assert!(crm.find_leads(&[], Utc::now()).await.expect("nothing to look for").is_empty());
}

#[tokio::test]
async fn a_way_that_fails_makes_the_look_up_unclean() {
    let wanted = [number("K7M2QXA")];
    for on in
        [On::get("/api/v4/leads").exactly(), On::get("/api/v4/leads").containing("K7M2QXA"), On::get("/api/v4/events")]
    {
        for fault in [Fault::Html(502), Fault::CutBefore, Fault::Garbage] {
            let world = World::with_pair().await;
            world.once(on.clone(), fault.clone());
            let result = world.crm().find_leads(&wanted, Utc::now()).await;
            assert!(matches!(result, Err(CrmError::Unavailable { .. })), "{on:?} {fault:?}: {result:?}");
        }
    }
    let world = World::with_pair().await;
    world.once(On::get("/api/v4/events"), Fault::Status(403));
    assert!(world.crm().find_leads(&wanted, Utc::now()).await.expect("without events").is_empty());
}

#[tokio::test]
async fn a_contact_is_found_by_its_own_phone_only() {
    let mut world = World::with_pair().await;
    let ivan = ivan();
    world.fake.add_contact("Договор 9991234567", &["+7 (999) 765-43-21"]);
    let old = world.fake.add_contact("Иван", &["+79990000000", "8 (999) 123-45-67"]);
    world.fake.add_contact("Иван ещё раз", &["+79991234567"]);
    let crm = world.crm();
    // The search is a search for text: the spelling with brackets is not found by it, the other one is.
    let found = crm.find_contact(&ivan.phone).await.expect("looked").expect("found");
    assert!(found >= old as i64);
    let created = crm.create_leads(&[NewLead { contact_id: Some(found), ..new(&ivan) }]).await.expect("created");
    assert_eq!(created[0].contact_id, Some(found));
    assert_eq!(world.fake.contacts().len(), 3);
    let stranger = lead("A2B3C4D", "Ольга", "+79995550000");
    assert_eq!(crm.find_contact(&stranger.phone).await.expect("looked"), None);
    world.settings.contact_lookup = false;
    assert_eq!(world.crm().find_contact(&ivan.phone).await.expect("not looked"), None);
}

#[tokio::test]
async fn pipelines_as_they_can_be_configured() {
    let world = World::with_pair().await;
    let pipelines = world.crm().pipelines().await.expect("read");
    let main = pipelines.iter().find(|pipeline| pipeline.is_main).expect("a main pipeline");
    assert_eq!(main.id, account::MAIN_PIPELINE as i64);
    let ids: Vec<i64> = main.statuses.iter().map(|(id, _)| *id).collect();
    assert!(ids.contains(&(account::FIRST_STATUS as i64)) && !ids.contains(&(account::UNSORTED_STATUS as i64)));
}
