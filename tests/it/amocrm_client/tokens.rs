//! Tokens through refreshes, lost answers, other processes and hands.

use super::*;

/// Twenty calls at once, each of which gets its answer.
async fn twenty_calls(crm: &Crm) {
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let crm = crm.clone();
            tokio::spawn(async move { crm.account().await })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("the account");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_on_one_expired_token_are_one_refresh() {
    let (world, _) = World::with_expired_pair().await;
    twenty_calls(&world.crm()).await;
    assert_eq!(world.fake.refreshes(), 1);
    settled(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_on_one_token_that_amocrm_no_longer_takes_are_one_refresh() {
    let world = World::with_pair().await;
    world.fake.expire_access_tokens();
    twenty_calls(&world.crm()).await;
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
        let crm = if matches!(fault, Fault::HangAfter) { world.impatient_crm() } else { world.crm() };
        crm.account().await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
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
    world.once(On::oauth(), Fault::Slow(Duration::from_secs(1)));
    let crm = world.crm();
    tokio::select! {
        early = crm.account() => panic!("answered before it could be cancelled: {early:?}"),
        _ = world.fake.wait_for_request(|request| On::oauth().matches(request), SOON) => {}
    }
    crm.account().await.expect("the account");
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_new_pair_that_cannot_be_stored_is_not_used() {
    let (world, _) = World::with_expired_pair().await;
    let obstacle = world.path().join("tokens_previous.json");
    let crm = world.crm();
    // Rotating needs this file first; a folder in its place stands for a disk that refuses the write.
    world.once(On::oauth(), Fault::Slow(Duration::from_secs(1)));
    let call = tokio::spawn({
        let crm = crm.clone();
        async move { crm.account().await }
    });
    world.fake.wait_for_request(|request| On::oauth().matches(request), SOON).await;
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
    assert!(crm.tokens().refresh_proactively().await.is_err());

    let keeper = crm.tokens().clone();
    let noticed = tokio::spawn(async move { keeper.wait_for_usable().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!noticed.is_finished());
    world.put(&world.fake.issue_pair());
    tokio::time::timeout(SOON, noticed).await.expect("noticed").expect("no panic");
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
    tokio::time::timeout(SOON, crm.tokens().wait_for_usable()).await.expect("noticed");
    crm.account().await.expect("the account");

    // Only the access token is rewritten.
    world.fake.revoke_all();
    assert_eq!(problem(crm.account().await), AuthProblem::Revoked);
    world.put_file("access_token.txt", &world.fake.issue_long_lived(Utc::now() + chrono::Duration::days(30)));
    tokio::time::timeout(SOON, crm.tokens().wait_for_usable()).await.expect("noticed");
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
    crm.tokens().refresh_proactively().await.expect("nothing to do");
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
    let start = Instant::now();
    let throttled = crm.account().await;
    assert!(matches!(throttled, Err(CrmError::Throttled { retry_after: Some(_) })), "{throttled:?}");
    crm.account().await.expect("the account");
    assert!(start.elapsed() > Duration::from_secs(1));
}

#[tokio::test]
async fn newer_tokens_put_there_during_a_refresh_are_not_overwritten() {
    let (world, _) = World::with_expired_pair().await;
    world.once(On::oauth(), Fault::Slow(Duration::from_secs(1)));
    let crm = world.crm();
    let call = tokio::spawn(async move { crm.account().await });
    world.fake.wait_for_request(|request| On::oauth().matches(request), SOON).await;
    let by_hand = world.fake.issue_pair_at(Utc::now() + chrono::Duration::seconds(5));
    world.put(&by_hand);
    call.await.expect("no panic").expect("the account");
    assert!((world.file("access_token.txt"), world.file("refresh_token.txt")) == by_hand, "overwritten");
}
