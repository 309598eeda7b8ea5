//! What is in force, for programs.

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    config::{Config, Place},
    form::Question,
    lead::{ChatRef, LeadSource},
    wording::Lang,
};

use super::{
    super::texts::OwnTexts,
    shown::{field_of, shown_duration},
};

/// As `--json` prints it, without secrets; names are for programs and stay.
#[derive(Debug, Serialize)]
pub struct InForce<'a> {
    /// What can stay and was hardly meant.
    warnings: Vec<String>,
    bot_token_is_set: bool,
    /// Names of the ways to Telegram, in order of preference.
    telegram_routes: Vec<String>,
    #[serde(rename = "admin_chat_id")]
    admin_chat: Option<ChatRef>,
    #[serde(rename = "managers_chat_id")]
    managers_chat: Option<ChatRef>,
    /// `webhook`, `email`.
    second_way: Vec<&'static str>,
    heartbeat_is_set: bool,
    amocrm: Option<Amocrm<'a>>,
    /// Path of the file, or the database without user and password.
    store: String,
    page: Option<String>,
    webhook_is_set: bool,
    privacy_policy_url: Option<String>,
    consent: Option<Consent<'a>>,
    dealer_file: Option<PathBuf>,
    time_zone: &'static str,
    languages: Vec<&'static str>,
    texts: &'a [OwnTexts],
    questions: Vec<Asked<'a>>,
    sources: &'a [LeadSource],
    statuses: Vec<Status>,
    /// For how long an open lead takes further requests of its buyer.
    repeat_within: Option<String>,
}

#[derive(Debug, Serialize)]
struct Amocrm<'a> {
    account_host: &'a str,
    integration_is_set: bool,
    access_token_is_set: bool,
    pipeline_id: Option<i64>,
    status_id: Option<i64>,
    responsible_user_id: Option<i64>,
    tags: &'a [String],
}

#[derive(Debug, Serialize)]
struct Consent<'a> {
    version: &'a str,
    documents: Vec<Document<'a>>,
    policy_url: Option<String>,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    language: &'a str,
    file: Option<&'a str>,
    bytes: Option<usize>,
    address: Option<String>,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    key: &'a str,
    kind: &'static str,
    label: String,
    optional: bool,
    choices: usize,
    free_text: bool,
    /// Where in amoCRM the answer goes besides the note.
    goes_to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Status {
    /// In any, without it.
    pipeline_id: Option<i64>,
    status_id: i64,
    text: String,
}

impl<'a> InForce<'a> {
    /// Of these settings.
    pub fn of(config: &'a Config, texts: &'a [OwnTexts], warnings: Vec<String>, bot_token_is_set: bool) -> Self {
        let dealer = &config.dealer;
        Self {
            warnings,
            bot_token_is_set,
            telegram_routes: config.telegram.routes.iter().map(|route| route.name()).collect(),
            admin_chat: config.admin_chat,
            managers_chat: config.managers_chat,
            second_way: config.second_way.names(),
            heartbeat_is_set: config.heartbeat_url.is_some(),
            amocrm: config.amocrm.as_ref().map(|amocrm| Amocrm {
                account_host: &amocrm.account_host,
                integration_is_set: amocrm.integration.is_some(),
                access_token_is_set: amocrm.access_token.is_some(),
                pipeline_id: amocrm.pipeline_id,
                status_id: amocrm.status_id,
                responsible_user_id: amocrm.responsible_user_id,
                tags: &amocrm.tags,
            }),
            store: crate::daemon::store_place(&config.store),
            page: config.http_addr.map(|at| at.to_string()),
            webhook_is_set: config.webhook_secret.is_some(),
            privacy_policy_url: config.privacy_policy_url.as_ref().map(ToString::to_string),
            consent: dealer.consent.as_ref().map(|consent| Consent {
                version: &consent.version,
                documents: consent.documents.iter().map(|(language, place)| document(language, place)).collect(),
                policy_url: consent.policy_url.as_ref().map(ToString::to_string),
            }),
            dealer_file: dealer.file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone())),
            time_zone: dealer.time_zone.name(),
            languages: Lang::all().iter().map(|lang| lang.code()).collect(),
            texts,
            questions: dealer.form.questions().iter().map(|question| asked(question, config)).collect(),
            sources: dealer.sources.all(),
            statuses: dealer
                .statuses
                .all()
                .iter()
                .map(|status| Status {
                    pipeline_id: status.pipeline_id,
                    status_id: status.status_id,
                    text: Lang::default().given(&status.text).to_string(),
                })
                .collect(),
            repeat_within: dealer.crm.attaches_within().map(shown_duration),
        }
    }
}

fn document<'a>(language: &'a str, place: &'a Place) -> Document<'a> {
    match place {
        Place::File { name, content } => {
            Document { language, file: Some(name.as_str()), bytes: Some(content.len()), address: None }
        }
        Place::Page(url) => Document { language, file: None, bytes: None, address: Some(url.to_string()) },
    }
}

fn asked<'a>(question: &'a Question, config: &Config) -> Asked<'a> {
    Asked {
        key: question.key,
        kind: question.kind.into(),
        label: Lang::default().words(&question.label).to_string(),
        optional: question.optional,
        choices: question.choices.len(),
        free_text: question.free_text,
        goes_to: field_of(question, config).map(|place| place.name()),
    }
}
