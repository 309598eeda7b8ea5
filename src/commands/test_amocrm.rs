use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;
use ulid::Ulid;

use crate::{
    called::Called,
    config::{AmocrmSettings, StoreSettings},
    crm::amocrm::{self, Crm, CrmError, NewLead, NewNote},
    lead::{Budget, Buyer, Lead, LeadNumber, Name, Origin, Phone, Region},
};

use super::{
    CommandError, look, opened,
    output::{self, errln, outln},
};

/// The number of nobody: codes beginning with 0 are given to no network in Russia.
const PHONE: &str = "+7 000 000-00-00";

/// What `test-amocrm --json` prints; names are for programs and stay.
#[derive(Debug, Default, Serialize)]
struct Report {
    account_host: String,
    tokens: Tokens,
    account: Option<Account>,
    can_read_pipelines: bool,
    pipelines: Vec<Pipeline>,
    test_lead: Option<TestLead>,
    /// What is wrong; empty where all is well.
    problems: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Tokens {
    /// `none`, `pair`, `long_lived`, `unreadable`.
    kind: &'static str,
    source: Option<String>,
    /// UTC.
    access_expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct Account {
    id: i64,
    name: String,
    subdomain: String,
}

#[derive(Debug, Serialize)]
struct Pipeline {
    id: i64,
    name: String,
    is_main: bool,
    statuses: Vec<Status>,
}

#[derive(Debug, Serialize)]
struct Status {
    id: i64,
    name: String,
}

#[derive(Debug, Serialize)]
struct TestLead {
    crm_lead_id: i64,
    number: String,
    note_written: bool,
}

impl From<amocrm::Pipeline> for Pipeline {
    fn from(pipeline: amocrm::Pipeline) -> Self {
        let statuses = pipeline.statuses.into_iter().map(|(id, name)| Status { id, name }).collect();
        Self { id: pipeline.id, name: pipeline.name, is_main: pipeline.is_main, statuses }
    }
}

impl Report {
    fn wrong(&mut self, line: impl Into<String>) {
        self.problems.push(line.into());
    }
}

/// Tells tokens, account, pipelines and rights; creates nothing unless `create_test_lead`.
pub async fn run(
    settings: &StoreSettings,
    region: Region,
    amocrm: &AmocrmSettings,
    create_test_lead: bool,
    json: bool,
) -> Result<ExitCode, CommandError> {
    let crm = opened::crm(amocrm, settings).await?;
    let report = look::busy("Asking amoCRM", look_at(&crm, region, amocrm, create_test_lead)).await?;
    if json {
        output::json(&report);
    } else {
        print(&report, create_test_lead);
    }
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look_at(
    crm: &Crm,
    region: Region,
    amocrm: &AmocrmSettings,
    create_test_lead: bool,
) -> Result<Report, CommandError> {
    let tokens = crm.tokens().info().await?;
    let mut report = Report {
        account_host: amocrm.account_host.clone(),
        tokens: Tokens {
            kind: tokens.kind.into(),
            source: tokens.source.map(|source| source.to_string()),
            access_expires_at: tokens.access_expires_at,
        },
        ..Report::default()
    };
    match crm.account().await {
        Ok(account) => {
            report.account = Some(Account { id: account.id, name: account.name, subdomain: account.subdomain });
        }
        Err(error @ CrmError::Unauthorized(_)) => {
            report.wrong(format!("amoCRM does not accept them: {error}"));
            report.wrong(
                Called::now().words(
                    "To fix it: run `amocrm-lead-bot get-new-tokens`, or press «Обновить доступ» (/auth) in the admin's chat.",
                ),
            );
            return Ok(report);
        }
        // New tokens would change nothing.
        Err(error) => {
            report.wrong(format!("The tokens could not be tried: {error}"));
            return Ok(report);
        }
    }
    match crm.pipelines().await {
        Ok(pipelines) => {
            report.can_read_pipelines = true;
            report.pipelines = pipelines.into_iter().map(Pipeline::from).collect();
            check_ids(&mut report, amocrm);
        }
        Err(error) => report.wrong(format!("Rights:          pipelines cannot be read: {error}")),
    }
    if create_test_lead {
        test_lead(crm, region, &mut report).await;
    }
    Ok(report)
}

/// Whether the settings name what this account has.
fn check_ids(report: &mut Report, settings: &AmocrmSettings) {
    let has = |pipeline: &Pipeline, id| pipeline.statuses.iter().any(|status| status.id == id);
    let pipelines = &report.pipelines;
    let chosen = settings.pipeline_id.map(|id| pipelines.iter().find(|pipeline| pipeline.id == id));
    let known_status = |id| match chosen {
        Some(pipeline) => pipeline.is_some_and(|pipeline| has(pipeline, id)),
        None => pipelines.iter().any(|pipeline| has(pipeline, id)),
    };
    let no_pipeline = matches!(chosen, Some(None));
    let no_status = settings.status_id.is_some_and(|id| !known_status(id));
    if no_pipeline {
        report.wrong("AMOCRM_PIPELINE_ID: this account has no such pipeline");
    }
    if no_status {
        report.wrong("AMOCRM_STATUS_ID: no such status in the pipeline (the status «Неразобранное» cannot be used)");
    }
}

fn print(report: &Report, create_test_lead: bool) {
    outln!("Account address: {}", report.account_host);
    outln!(
        "Tokens:          {}",
        match report.tokens.kind {
            "none" => "none",
            "pair" => "a pair that renews itself",
            "long_lived" => "a long-lived token",
            _ => "something that is no token",
        }
    );
    if let Some(source) = &report.tokens.source {
        outln!("From:            {source}");
    }
    if let Some(at) = report.tokens.access_expires_at {
        let word = if at < Utc::now() { "expired at" } else { "works until" };
        outln!("Access token:    {word} {} UTC", at.format("%Y-%m-%d %H:%M"));
    }
    if let Some(account) = &report.account {
        outln!("Account:         {} (id {}, {})", account.name, account.id, account.subdomain);
    }
    if report.can_read_pipelines {
        outln!("Rights:          account and pipelines can be read");
    }
    for pipeline in &report.pipelines {
        let main = if pipeline.is_main { ", main" } else { "" };
        outln!("Pipeline:        {} (AMOCRM_PIPELINE_ID={}{main})", pipeline.name, pipeline.id);
        for Status { id, name } in &pipeline.statuses {
            outln!("                 · {name} (AMOCRM_STATUS_ID={id})");
        }
    }
    if let Some(lead) = &report.test_lead {
        outln!("Test lead:       created, id {} (#{}); delete it in amoCRM", lead.crm_lead_id, lead.number);
        if lead.note_written {
            outln!("Its note:        written");
        }
    }
    report.problems.iter().for_each(|line| errln!("{line}"));
    if report.account.is_some() && !create_test_lead {
        outln!("Nothing was created. To try the whole way: test-amocrm --create-test-lead");
    }
}

/// A request that nobody has made.
pub(super) fn nobodys_lead(region: Region) -> Lead {
    Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: Utc::now(),
        name: Name::imported("Проверка бота"),
        phone: Phone::nobodys(PHONE, region),
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
    }
}

async fn test_lead(crm: &Crm, region: Region, report: &mut Report) {
    let lead = nobodys_lead(region);
    let request = NewLead { lead: &lead, contact_id: None, degradation: Default::default() };
    let created = match crm.create_leads(std::slice::from_ref(&request)).await {
        Ok(created) => created,
        Err(error) => {
            report.wrong(format!("The test lead was not created: {error}"));
            return;
        }
    };
    let Some(created) = created.first() else { return };
    let notes: Vec<NewNote> = crm
        .notes_of(&request)
        .into_iter()
        .map(|text| NewNote { lead_id: created.lead_id, number: lead.number.clone(), text })
        .collect();
    let written = crm.add_notes(&notes).await;
    report.test_lead =
        Some(TestLead { crm_lead_id: created.lead_id, number: lead.number.to_string(), note_written: written.is_ok() });
    if let Err(error) = written {
        report.wrong(format!("Its note was not written: {error}"));
    }
}
