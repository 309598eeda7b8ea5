//! What is wrong with an authorization, how it is mended, and what is never shown.

use super::*;

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

/// An admin who presses "retry" again and again must not keep the dead access token in front of a good refresh token.
#[tokio::test]
async fn a_retry_renews_a_fresh_token_that_is_dead() {
    let (world, _) = World::with_expired_pair().await;
    world.fake.fault(On::get("/api"), Fault::Unauthorized, Times::N(1));
    let crm = world.crm();
    assert_eq!(problem(crm.account().await), AuthProblem::IntegrationOff);
    world.fake.expire_access_tokens();
    crm.tokens().forget_rejections();
    crm.account().await.expect("the account");
    assert_eq!(world.fake.refreshes(), 2);
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
    let info = crm
        .authorization()
        .exchange_code(pasted.code.expose_secret(), pasted.referer.as_deref())
        .await
        .expect("tokens");
    let lifetime = info.access_expires_at.expect("a date") - Utc::now();
    assert!(lifetime > chrono::Duration::hours(23) && lifetime <= chrono::Duration::hours(24));
    crm.account().await.expect("the account");
    settled(&world).await;

    let reason = async |code: &str, host: Option<&str>| match crm.authorization().exchange_code(code, host).await {
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
    command.authorization().exchange_code(&world.fake.issue_code(), None).await.expect("tokens");
    tokio::time::timeout(SOON, daemon.tokens().wait_for_usable()).await.expect("noticed");
    daemon.account().await.expect("the account");
}

#[tokio::test]
async fn a_pair_is_refreshed_ahead_of_time_and_a_fresh_one_left_alone() {
    let world = World::with_pair().await;
    let crm = world.crm();
    crm.tokens().refresh_proactively().await.expect("nothing to do");
    assert_eq!(world.fake.refreshes(), 0);

    world.put(&world.fake.issue_pair_at(Utc::now() - chrono::Duration::minutes(24 * 60 - 10)));
    crm.tokens().refresh_proactively().await.expect("renewed");
    assert_eq!(world.fake.refreshes(), 1);
    crm.tokens().refresh_proactively().await.expect("nothing to do");
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_refresh_ahead_of_time_that_fails_keeps_the_token_and_tells() {
    let world = World::new().await;
    world.put(&world.fake.issue_pair_at(Utc::now() - chrono::Duration::minutes(24 * 60 - 10)));
    let crm = world.crm();
    let down = world.fake.fault(On::oauth(), Fault::Html(502), Times::Forever);
    assert!(matches!(crm.tokens().refresh_proactively().await, Err(TokenError::Transient { .. })));
    assert!(crm.tokens().refresh_proactively().await.is_ok(), "it pauses after a failure");
    assert_eq!(world.fake.count(&On::oauth()), 1);
    crm.account().await.expect("the old token still works");
    world.fake.clear_fault(down);

    world.fake.expire_refresh_token();
    let other = world.crm();
    let told = other.tokens().refresh_proactively().await;
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
    let mut show = |crm: &Crm, result: Result<amocrm_lead_bot::crm::amocrm::Account, CrmError>| {
        shown.push_str(&format!("{crm:?}\n{result:?}\n"));
        if let Err(error) = result {
            shown.push_str(&format!("{error}\n"));
        }
    };
    for fault in
        [Fault::CutBefore, Fault::Hang, Fault::Html(403), Fault::Status(401), Fault::Garbage, Fault::Status(500)]
    {
        let crm = if matches!(fault, Fault::Hang) { world.impatient_crm() } else { world.crm() };
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
