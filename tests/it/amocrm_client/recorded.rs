//! Every recorded answer of amoCRM, served on its route through the client, is understood rightly. They lie outside of the
//! project; where they do not, this test says so, and the cases that matter stand in the other tests, in small.

use std::path::PathBuf;

use super::*;

/// The recordings, if they are there.
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/amocrm-answers");
    let there = folder.is_dir();
    if !there {
        testkit::skipped("there are no recorded answers of amoCRM beside this project");
    }
    there.then_some(folder)
}

/// The statuses that the index gives.
fn index(folder: &Path) -> Vec<(String, u16)> {
    let index = fs::read_to_string(folder.join("INDEX.md")).expect("an index");
    let rows = index.lines().filter_map(|line| {
        let mut cells = line.trim_start_matches('|').split('|').map(str::trim);
        let (name, status) = (cells.next()?, cells.next()?);
        let is_file = name.ends_with(".json") || name.ends_with(".html");
        is_file.then(|| (name.to_owned(), status.parse().unwrap_or(0)))
    });
    rows.collect()
}

/// One word for what a call came to.
fn word<T>(result: Result<T, CrmError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(CrmError::NotConfigured) => "not configured",
        Err(CrmError::Unauthorized(_)) => "unauthorized",
        Err(CrmError::Throttled { .. }) => "throttled",
        Err(CrmError::PaymentRequired) => "payment",
        Err(CrmError::Forbidden { .. }) => "forbidden",
        Err(CrmError::Blocked) => "blocked",
        Err(CrmError::WrongAddress { .. }) => "address",
        Err(CrmError::NotFound { .. }) => "not found",
        Err(CrmError::Rejected { .. }) => "rejected",
        Err(CrmError::Refused { .. }) => "refused",
        Err(CrmError::Account { .. }) => "account",
        Err(CrmError::Gone { .. }) => "gone",
        Err(CrmError::Ambiguous { .. }) => "uncertain",
        Err(CrmError::Unavailable { .. }) => "unavailable",
    }
}

/// What each error means for a read and for a create.
fn expected_of_error(name: &str) -> (&'static str, &'static str) {
    match name {
        _ if name.starts_with("api_401") => ("unauthorized", "unauthorized"),
        "api_402_kommo_docs.json" => ("payment", "payment"),
        "api_403_nginx_real.html" => ("blocked", "blocked"),
        "api_403_scope_real_2026.json" | "chats_403_signature_kommo_docs.json" => ("forbidden", "forbidden"),
        "api_404_json_real_2026.json" | "api_404_kommo_docs.json" => ("not found", "not found"),
        "api_404_web_router_real_2026.html" => ("unavailable", "uncertain"),
        "api_405_kommo_docs.json" => ("address", "uncertain"),
        "api_429_kommo_docs.json" => ("throttled", "throttled"),
        _ if name.starts_with("api_500") => ("unavailable", "uncertain"),
        "leads_400_code244_real.json" => ("account", "account"),
        "leads_400_system_error_real_2026.json" => ("unavailable", "uncertain"),
        // Words without a field blame nothing.
        "api_400_empty_kommo_docs.json"
        | "api_422_limit_kommo_docs.json"
        | "pipeline_delete_422_real_2026.json"
        | "sources_400_docs.json" => ("refused", "refused"),
        _ if name.contains("_400_") => ("refused", "rejected"),
        other => panic!("what does {other} mean? Say it here"),
    }
}

#[tokio::test]
async fn every_recorded_error_is_understood() {
    let Some(folder) = folder() else { return };
    for (name, status) in index(&folder) {
        if name.starts_with("oauth_") || status < 400 {
            continue;
        }
        let raw = Fault::Raw { status, body: fs::read_to_string(folder.join(&name)).expect("recorded") };
        let (read, write) = expected_of_error(&name);
        let world = World::with_pair().await;
        world.fake.fault(On::any("/api/v4"), raw.clone(), Times::Forever);
        assert_eq!(word(world.crm().account().await), read, "reading, {name}");
        assert_eq!(word(world.crm().create_leads(&[new(&ivan())]).await), write, "writing, {name}");
    }
}

#[tokio::test]
async fn every_recorded_refusal_of_tokens_is_understood() {
    let Some(folder) = folder() else { return };
    for (name, status) in index(&folder).into_iter().filter(|(name, _)| name.starts_with("oauth_4")) {
        let (world, _) = World::with_expired_pair().await;
        let raw = Fault::Raw { status, body: fs::read_to_string(folder.join(&name)).expect("recorded") };
        world.fake.fault(On::oauth(), raw, Times::Forever);
        let problem = problem(world.crm().account().await);
        let understood = match name.as_str() {
            "oauth_400_code_revoked_real.json" => problem == AuthProblem::CodeUsed,
            "oauth_400_cannot_decrypt_code_real.json" => problem == AuthProblem::CodeWrong,
            "oauth_400_client_id_real.json" => problem == AuthProblem::WrongClientId,
            "oauth_400_client_secret_real.json" => problem == AuthProblem::WrongClientSecret,
            "oauth_400_redirect_uri_real.json" => problem == AuthProblem::RedirectDiffers,
            "oauth_400_invalid_account_real.json" => matches!(problem, AuthProblem::WrongAccount { .. }),
            // The token names this very client: it is switched off, or its secret was made anew.
            "oauth_401_client_auth_failed_real.json" => problem == AuthProblem::IntegrationOff,
            "oauth_401_token_revoked_real.json" => problem == AuthProblem::Revoked,
            other => panic!("what does {other} mean? Say it here"),
        };
        assert!(understood, "{name}: {problem:?}");
    }
}

/// What is asked for, and answered with the recording: `Err` says how it was misunderstood.
async fn succeeds(name: &str, crm: &Crm) -> Result<(), String> {
    let nothing = |word: &str| Err(format!("{word} for {name}"));
    let since = Utc::now() - chrono::Duration::days(9000);
    match name {
        _ if name.starts_with("account_") && !name.contains("subdomain") => {
            let account = crm.account().await.map_err(|error| error.to_string())?;
            if account.id > 0 && !account.subdomain.is_empty() { Ok(()) } else { nothing("no account") }
        }
        _ if name.starts_with("pipelines_") => {
            let pipelines = crm.pipelines().await.map_err(|error| error.to_string())?;
            let usable = pipelines.iter().all(|pipeline| pipeline.id > 0 && !pipeline.statuses.is_empty());
            if usable && !pipelines.is_empty() { Ok(()) } else { nothing("no pipelines") }
        }
        "leads_complex_200.json" | "leads_complex_200_merged.json" => {
            let lead = ivan();
            let created = crm.create_leads(&[new(&lead)]).await;
            // The recorded answer is to another number than ours: by its position, or to be looked up, never lost.
            match created {
                Ok(created) if created[0].lead_id > 0 && created[0].merged == name.contains("merged") => Ok(()),
                Err(CrmError::Ambiguous { .. }) => Ok(()),
                other => nothing(&format!("{other:?}")),
            }
        }
        // A lead that is not ours is no lead of ours, whatever stands in its fields.
        _ if name.starts_with("leads_200") => {
            let lead = ivan();
            let looked = crm
                .find_leads(&[amocrm_lead_bot::crm::amocrm::Wanted { lead: &lead, since, first_edition: None }])
                .await;
            if looked.found.is_empty() { Ok(()) } else { nothing("found one") }
        }
        _ if name.starts_with("contacts_200") => match crm.find_contact(&ivan().phone).await {
            Ok(None) => Ok(()),
            other => nothing(&format!("{other:?}")),
        },
        _ if name.starts_with("notes_200") || name.starts_with("note_200") => {
            let missing = crm.missing_notes(1, &number("K7M2QXA"), vec!["#K7M2QXA\nИмя: Иван".into()]).await;
            match missing {
                Ok(missing) if missing.len() == 1 => Ok(()),
                // A single note is no list: nothing is concluded from it.
                Err(CrmError::Unavailable { .. }) if name.starts_with("note_") => Ok(()),
                other => nothing(&format!("{other:?}")),
            }
        }
        _ => Ok(()),
    }
}

#[tokio::test]
async fn every_recorded_success_is_read() {
    let Some(folder) = folder() else { return };
    for (name, status) in index(&folder).into_iter().filter(|(_, status)| (200..300).contains(status)) {
        let world = World::with_pair().await;
        let raw = Fault::Raw { status, body: fs::read_to_string(folder.join(&name)).expect("recorded") };
        let on = match name.as_str() {
            _ if name.starts_with("account_") => On::get("/api/v4/account"),
            _ if name.starts_with("pipelines_") => On::get("/api/v4/leads/pipelines"),
            _ if name.starts_with("leads_complex") => On::complex(),
            _ if name.starts_with("leads_200") => On::get("/api/v4/leads").exactly(),
            _ if name.starts_with("contacts_200") => On::get("/api/v4/contacts"),
            _ if name.starts_with("note") => On::get("/api/v4/leads/*/notes"),
            _ => continue,
        };
        world.fake.fault(on, raw, Times::N(1));
        if let Err(why) = succeeds(&name, &world.crm()).await {
            panic!("{why}\n{}", world.fake.story());
        }
    }
}
