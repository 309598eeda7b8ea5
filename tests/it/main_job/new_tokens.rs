//! `get-new-tokens`: access to amoCRM is given again on the command line.

use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::{PATIENCE, World},
};

use super::commands::a_lead_waits_for_tokens;

#[tokio::test]
async fn get_new_tokens_takes_a_bare_code_beside_the_daemon() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let code = world.amocrm.issue_code();
    let said = world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0).said();
    world.keeps_secrets(&said);
    assert!(!said.contains(&code), "{said}");
    assert_eq!((world.mode("access_token.txt"), world.mode("refresh_token.txt")), (0o600, 0o600));
    world.delivered(&number).await;
    world.backup_holds(0).await;
}

#[tokio::test]
async fn get_new_tokens_takes_the_whole_redirect_address() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let host = format!("{}.amocrm.ru", world.env["AMOCRM_SUBDOMAIN"]);
    let (code, client) = (world.amocrm.issue_code(), world.amocrm.client_id());
    let redirect = world.amocrm.redirect_uri();
    let address = format!("{redirect}?code={code}&state=abc&referer={host}&client_id={client}");
    world.run(&["get-new-tokens", "--code", &address]).await.ended_with(0);
    world.delivered(&number).await;
}

#[tokio::test]
async fn get_new_tokens_asks_for_the_code() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let code = world.amocrm.issue_code();
    let ran = world.run_with(&["get-new-tokens"], &format!("  {code}\n")).await.ended_with(0);
    let address = ran.stdout.lines().find(|line| line.contains("https://")).expect("the authorization address");
    for part in ["https://www.amocrm.ru/oauth?", "client_id=", &world.amocrm.client_id(), "state="] {
        assert!(address.contains(part), "{address}");
    }
    world.keeps_secrets(&ran.said());
    world.delivered(&number).await;
}

#[tokio::test]
async fn get_new_tokens_says_what_is_wrong_with_a_code() {
    let world = World::new().await;
    let (used, expired) = (world.amocrm.issue_code(), world.amocrm.issue_code());
    world.run(&["get-new-tokens", "--code", &used]).await.ended_with(0);
    let tokens = (world.read("access_token.txt"), world.read("refresh_token.txt"));
    world.amocrm.expire_code(&expired);
    for (code, reason) in [
        (used.as_str(), "already used"),
        (&expired, "older than 20 minutes"),
        ("def502-nonsense", "wrong or incomplete"),
        ("", "nothing in it"),
        ("две буквы", "neither a code"),
        ("https://example.com/?error=access_denied", "denied"),
        ("https://example.com/", "no code"),
    ] {
        let ran = world.run(&["get-new-tokens", "--code", code]).await.ended_with(1);
        let told = ran.stderr.lines().filter(|line| !line.starts_with("--code: ")).collect::<Vec<_>>();
        assert!(told.len() == 1 && told[0].contains(reason), "{code}: {}", ran.stderr);
    }
    assert_eq!((world.read("access_token.txt"), world.read("refresh_token.txt")), tokens, "good tokens are kept");
    let other = "https://example.com/?code=def502abcdef&referer=evil.example.com";
    let said = world.run(&["get-new-tokens", "--code", other]).await.ended_with(1).said();
    assert!(!said.contains("Done"), "{said}");
}

#[tokio::test]
async fn get_new_tokens_needs_the_integration() {
    let mut world = World::new().await;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL", "AMOCRM_REFRESH_TOKEN"] {
        world.unset(name);
    }
    let said = world.run(&["get-new-tokens", "--code", "abcdef"]).await.ended_with(78).stderr;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"] {
        assert_eq!(said.lines().filter(|line| line.starts_with(name)).count(), 1, "{said}");
    }
}

#[tokio::test]
async fn get_new_tokens_asks_again_after_a_wrong_code() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let (code, expired) = (world.amocrm.issue_code(), world.amocrm.issue_code());
    world.amocrm.expire_code(&expired);
    let redirect = world.amocrm.redirect_uri();
    // Somebody else's authorization, which would send this dealer's leads elsewhere.
    let foreign = format!("{redirect}?code={code}&state=somebody-else");
    let typed = format!("\nдве буквы\n{redirect}?error=access_denied\n{foreign}\n{expired}\n{code}\n");
    let ran = world.run_with(&["get-new-tokens"], &typed).await.ended_with(0);
    for reason in
        ["nothing in it", "neither a code", "denied", "another authorization", "older than 20 minutes", "Done"]
    {
        assert!(ran.said().contains(reason), "«{reason}» is not in {}", ran.said());
    }
    world.keeps_secrets(&ran.said());
    world.delivered(&number).await;
    for typed in ["", "nonsense\n"] {
        world.run_with(&["get-new-tokens"], typed).await.ended_with(1);
    }
}

#[tokio::test]
async fn a_daemon_with_a_stale_pair_in_the_environment_uses_the_files() {
    let mut world = World::new().await;
    let code = world.amocrm.issue_code();
    world.run(&["get-new-tokens", "--code", &code]).await.ended_with(0);
    world.amocrm.fault(On::oauth(), Fault::Status(500), Times::Forever);
    world.start();
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    let stale = world.env["AMOCRM_ACCESS_TOKEN"].clone();
    assert!(world.amocrm.requests().iter().all(|request| request.bearer.as_ref() != Some(&stale)));
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
}
