use std::process::ExitCode;

use chrono::Utc;
use ulid::Ulid;

use crate::{
    config::{AmocrmSettings, StoreSettings},
    crm::amocrm::{Crm, CrmError, NewLead, NewNote, TokenKind},
    lead::{Budget, Buyer, Lead, LeadNumber, Name, Origin, Phone, Region},
};

use super::{
    CommandError, opened,
    output::{errln, outln},
};

/// Tells tokens, account, pipelines and rights; creates nothing unless `create_test_lead`.
pub async fn run(
    settings: &StoreSettings,
    region: Region,
    amocrm: &AmocrmSettings,
    create_test_lead: bool,
) -> Result<ExitCode, CommandError> {
    let crm = opened::crm(amocrm, settings).await?;
    let before = crm.tokens().info().await?;
    outln!("Account address: {}", amocrm.account_host);
    match before.kind {
        TokenKind::None => outln!("Tokens:          none"),
        TokenKind::Pair => outln!("Tokens:          a pair that renews itself"),
        TokenKind::LongLived => outln!("Tokens:          a long-lived token"),
        TokenKind::Unreadable => outln!("Tokens:          something that is no token"),
    }
    if let Some(source) = before.source {
        outln!("From:            {source}");
    }
    if let Some(at) = before.access_expires_at {
        let word = if at < Utc::now() { "expired at" } else { "works until" };
        outln!("Access token:    {word} {} UTC", at.format("%Y-%m-%d %H:%M"));
    }
    let account = match crm.account().await {
        Ok(account) => account,
        Err(error) => {
            match error {
                CrmError::Unauthorized(_) => {
                    errln!("amoCRM does not accept them: {error}");
                    errln!(
                        "To fix it: run `amocrm-lead-bot get-new-tokens`, or press «Обновить доступ» (/auth) in the admin's chat."
                    );
                }
                // New tokens would change nothing.
                _ => errln!("The tokens could not be tried: {error}"),
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    outln!("Account:         {} (id {}, {})", account.name, account.id, account.subdomain);
    let mut good = pipelines(&crm, amocrm).await;
    if create_test_lead {
        good &= test_lead(&crm, region).await;
    } else {
        outln!("Nothing was created. To try the whole way: test-amocrm --create-test-lead");
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn pipelines(crm: &Crm, settings: &AmocrmSettings) -> bool {
    let pipelines = match crm.pipelines().await {
        Ok(pipelines) => pipelines,
        Err(error) => {
            errln!("Rights:          pipelines cannot be read: {error}");
            return false;
        }
    };
    outln!("Rights:          account and pipelines can be read");
    for pipeline in &pipelines {
        let main = if pipeline.is_main { ", main" } else { "" };
        outln!("Pipeline:        {} (AMOCRM_PIPELINE_ID={}{main})", pipeline.name, pipeline.id);
        for (id, name) in &pipeline.statuses {
            outln!("                 · {name} (AMOCRM_STATUS_ID={id})");
        }
    }
    let chosen = settings.pipeline_id.map(|id| pipelines.iter().find(|pipeline| pipeline.id == id));
    let mut good = true;
    if let Some(None) = chosen {
        errln!("AMOCRM_PIPELINE_ID: this account has no such pipeline");
        good = false;
    }
    if let Some(status_id) = settings.status_id {
        let known = match chosen {
            Some(pipeline) => pipeline.is_some_and(|pipeline| pipeline.statuses.iter().any(|(id, _)| *id == status_id)),
            None => pipelines.iter().any(|pipeline| pipeline.statuses.iter().any(|(id, _)| *id == status_id)),
        };
        if !known {
            errln!("AMOCRM_STATUS_ID: no such status in the pipeline (the status «Неразобранное» cannot be used)");
            good = false;
        }
    }
    good
}

async fn test_lead(crm: &Crm, region: Region) -> bool {
    let lead = Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: Utc::now(),
        name: Name::imported("Проверка бота"),
        phone: Phone::imported("+7 999 000-00-00", region),
        budget: Some(Budget::imported("не знаю")),
        car_link: None,
        asked: Default::default(),
        more: Vec::new(),
        wish: None,
        files: Vec::new(),
        buyer: Buyer::default(),
        consent_at: None,
        consent: None,
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    };
    let request = NewLead { lead: &lead, contact_id: None, degradation: Default::default() };
    let created = match crm.create_leads(std::slice::from_ref(&request)).await {
        Ok(created) => created,
        Err(error) => {
            errln!("The test lead was not created: {error}");
            return false;
        }
    };
    let Some(created) = created.first() else { return false };
    outln!("Test lead:       created, id {} (#{}); delete it in amoCRM", created.lead_id, lead.number);
    let notes: Vec<NewNote> = crm
        .notes_of(&request)
        .into_iter()
        .map(|text| NewNote { lead_id: created.lead_id, number: lead.number.clone(), text })
        .collect();
    match crm.add_notes(&notes).await {
        Ok(_) => {
            outln!("Its note:        written");
            true
        }
        Err(error) => {
            errln!("Its note was not written: {error}");
            false
        }
    }
}
