use std::process::ExitCode;

use crate::{
    config::{Config, Dealer, Place},
    form::{Field, NAME, PHONE, Question, field_setting},
    lead::one_line,
    wording::Lang,
};

use super::{CommandError, output::outln};

/// Without it the bot does not start, and what the dealer has written can be checked all the same.
pub(super) const TOKEN: &str = "BOT_TOKEN";

/// Stands where there is none; nobody is asked with it.
pub(super) const STAND_IN: &str = "1000000000:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is told then.
pub(super) const NO_TOKEN: &str = "BOT_TOKEN: is missing. Everything else was checked without it; to run, the bot needs it: @BotFather → /mybots → your bot → API Token";

/// So much is shown of what buyers are told.
const LONGEST_SHOWN: usize = 80;

/// Says what is in force; secrets are only said to be there.
pub fn run(config: &Config, texts: &[String]) -> Result<ExitCode, CommandError> {
    let there = |is_there: bool| if is_there { "set" } else { "-" };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    outln!("Settings are all right. In force:");
    outln!("Telegram:    {} route(s)", config.telegram.routes.len());
    outln!("Admin:       {}", shown(config.admin_chat_id.map(|id| format!("chat {id}"))));
    outln!(
        "Alerts:      second way {}, heartbeat {}",
        there(config.second_way.webhook.is_some() || config.second_way.email.is_some()),
        there(config.heartbeat_url.is_some())
    );
    match &config.amocrm {
        None => outln!("amoCRM:      - (requests are kept, and not delivered)"),
        Some(amocrm) => {
            outln!("amoCRM:      {}", amocrm.account_host);
            outln!(
                "  tokens:    integration {}, access token {}",
                there(amocrm.integration.is_some()),
                there(amocrm.access_token.is_some())
            );
            outln!("  pipeline:  {}, status {}", id(amocrm.pipeline_id), id(amocrm.status_id));
            outln!("  manager:   {}", id(amocrm.responsible_user_id));
            outln!("  tags:      {}", amocrm.tags.join(", "));
        }
    }
    outln!("Store:       {}", crate::daemon::store_place(&config.store));
    outln!("Page:        {}", shown(config.http_addr.map(|at| at.to_string())));
    outln!("  webhook:   {}", there(config.webhook_secret.is_some()));
    outln!("Policy:      {}", shown(config.privacy_policy_url.as_ref().map(ToString::to_string)));
    let dealer = &config.dealer;
    tell_consent(dealer, config.privacy_policy_url.is_some());
    match &dealer.file {
        Some(file) => outln!("dealer.toml: {}", std::path::absolute(file).unwrap_or_else(|_| file.clone()).display()),
        None => outln!("dealer.toml: - (the built-in form)"),
    }
    outln!("Time zone:   {}", dealer.time_zone.name());
    let spoken: Vec<&str> = Lang::all().iter().map(|lang| lang.code()).collect();
    outln!("Languages:   {}", spoken.join(", "));
    match texts {
        [] => outln!("Texts:       the built-in ones"),
        texts => texts.iter().for_each(|line| outln!("Texts:       {line}")),
    }
    outln!("Questions:   {}", dealer.form.questions().len());
    for (at, question) in (1..).zip(dealer.form.questions()) {
        outln!("{at:>4}. {}", question_line(question, config));
    }
    if !dealer.sources.all().is_empty() {
        outln!("Sources:     {}", dealer.sources.all().len());
    }
    for source in dealer.sources.all() {
        outln!("      {}", super::links::meaning(source));
    }
    if !dealer.statuses.all().is_empty() {
        outln!("Statuses:    {}", dealer.statuses.all().len());
    }
    for status in dealer.statuses.all() {
        let pipeline = status.pipeline_id.map_or_else(|| "any pipeline".to_owned(), |id| format!("pipeline {id}"));
        let words = one_line(&Lang::default().given(&status.text), LONGEST_SHOWN);
        outln!("      {} of {pipeline}: {words}", status.status_id);
    }
    if let Some(within) = dealer.crm.attaches_within() {
        outln!("Repeat:      a known buyer's open lead takes further requests for {}", shown_duration(within));
    }
    Ok(ExitCode::SUCCESS)
}

/// As the settings are written.
fn shown_duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn id(id: Option<i64>) -> String {
    id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}

fn question_line(question: &Question, config: &Config) -> String {
    let kind: &str = question.kind.into();
    let mut line = format!("{} ({kind}", question.key);
    if question.optional {
        line.push_str(", optional");
    }
    if !question.choices.is_empty() {
        line.push_str(&format!(", {} choices", question.choices.len()));
    }
    if question.free_text {
        line.push_str(" or typed");
    }
    line.push_str(&format!("): {}", Lang::default().words(&question.label)));
    if let Some(field) = field_of(question, config) {
        line.push_str(&format!(" → {field}"));
    }
    line
}

/// Where in amoCRM the answer goes besides the note.
fn field_of(question: &Question, config: &Config) -> Option<String> {
    if [NAME, PHONE].contains(&question.key) {
        return Some("the contact".to_owned());
    }
    let set = config.amocrm.as_ref().and_then(|amocrm| amocrm.set_field_id(question.key));
    if let Some(id) = set {
        return Some(format!("field {id} ({})", field_setting(question.key)));
    }
    Some(match question.field? {
        Field::Id(id) => format!("field {id}"),
        Field::Code(code) => format!("field {code}"),
    })
}

fn tell_consent(dealer: &Dealer, has_policy: bool) {
    let Some(consent) = &dealer.consent else { return };
    outln!("Consent:     version {}", consent.version);
    for (lang, place) in &consent.documents {
        match place {
            Place::File { name, content } => outln!("  {lang}:        {name} ({} bytes)", content.len()),
            Place::Page(url) => outln!("  {lang}:        {url}"),
        }
    }
    match &consent.policy_url {
        Some(url) => outln!("  policy:    {url}"),
        None if has_policy => outln!("  policy:    PRIVACY_POLICY_URL"),
        None => outln!("  policy:    -"),
    }
}
