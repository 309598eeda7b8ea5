//! What was said, stored and sent when: put together from what can be seen from outside. The store is only read.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use amocrm_lead_bot::store::SQLITE_FILE;
use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Row, sqlite::SqliteConnectOptions};
use testkit::fakes::{amocrm::Request, telegram::Event};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{Said, said, scene::FAULTS};
use crate::{faults::Fault, stage::Stage};

/// Older lines are forgotten.
const KEPT: usize = 150;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody at a phone.
    Person,
    /// The bot's words.
    Bot,
    /// The daemon's disk.
    Disk,
    /// What amoCRM was asked.
    Crm,
    /// What goes wrong, or is mended.
    Fault,
}

#[derive(Debug, Clone, Serialize)]
struct Line {
    n: usize,
    /// Milliseconds.
    at: i64,
    source: Source,
    #[serde(flatten)]
    said: Said,
    /// It did not come off.
    bad: bool,
    /// How many times in a row.
    times: usize,
}

/// The lines so far, and what they were made from.
pub struct Record {
    inner: Mutex<Inner>,
}

struct Inner {
    lines: Vec<Line>,
    count: usize,
    telegram: Receiver<Event>,
    /// How many of amoCRM's requests are told.
    told: usize,
    on_disk: BTreeMap<String, i64>,
    faults: [bool; FAULTS.len()],
    runs: bool,
    /// The update by which a request was submitted, until Telegram knows that it has arrived.
    submitted: Option<i64>,
}

impl Inner {
    fn add(&mut self, at: i64, source: Source, said: Said, bad: bool) {
        if let Some(last) = self.lines.last_mut()
            && (last.source, &last.said) == (source, &said)
        {
            (last.at, last.times) = (at, last.times + 1);
            return;
        }
        self.count += 1;
        let line = Line { n: self.count, at, source, said, bad, times: 1 };
        let place = self.lines.iter().rposition(|line| line.at <= at).map_or(0, |before| before + 1);
        self.lines.insert(place, line);
        let surplus = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..surplus);
    }

    fn happens(&mut self, source: Source, said: Said, bad: bool) {
        self.add(Utc::now().timestamp_millis(), source, said, bad);
    }
}

impl Record {
    pub fn of(stage: &Stage) -> Self {
        let inner = Inner {
            lines: Vec::new(),
            count: 0,
            telegram: stage.telegram.subscribe(),
            told: 0,
            on_disk: BTreeMap::new(),
            faults: Default::default(),
            runs: false,
            submitted: None,
        };
        Self { inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines, oldest first.
    pub fn seen(&self) -> Value {
        json!(self.inner().lines)
    }

    /// Something that only the page knows of.
    pub fn notes(&self, line: Said, bad: bool) {
        self.inner().happens(Source::Fault, line, bad);
    }

    /// Looks at everything that can have changed.
    pub async fn looks(&self, stage: &Stage) {
        let rows = stored(stage.path(SQLITE_FILE)).await;
        let mut inner = self.inner();
        let inner = &mut *inner;
        loop {
            match inner.telegram.try_recv() {
                Ok(event) => telegram(inner, stage, event),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        // An open request is told once it is answered, and holds up those behind it for that long.
        for request in stage.amocrm.requests_after(inner.told) {
            let Some(status) = request.status.or(request.fault.as_ref().map(|_| 0)) else { break };
            inner.told += 1;
            if let Some((said, bad)) = asked(&request, status) {
                inner.add(request.at.timestamp_millis(), Source::Crm, said, bad);
            }
        }
        for (key, at, line) in rows {
            if inner.on_disk.insert(key, at).is_none() {
                inner.add(at, Source::Disk, line, false);
            }
        }
        let runs = stage.runs();
        if runs != inner.runs {
            inner.runs = runs;
            let line = if runs {
                said("Программа запущена", "The daemon is started")
            } else {
                said("Программа не работает", "The daemon does not run")
            };
            inner.happens(Source::Fault, line, !runs);
        }
        for (at, fault) in FAULTS.into_iter().enumerate() {
            let on = stage.suffers(fault);
            if on != inner.faults[at] {
                inner.faults[at] = on;
                inner.happens(Source::Fault, switched(fault, on), on);
            }
        }
    }
}

fn switched(fault: Fault, on: bool) -> Said {
    match (fault, on) {
        (Fault::CrmDown, true) => said("amoCRM не отвечает: 503", "amoCRM is down: 503"),
        (Fault::CrmDown, false) => said("amoCRM снова работает", "amoCRM is back"),
        (Fault::CrmSlow, true) => said("amoCRM отвечает не сразу", "amoCRM takes its time to answer"),
        (Fault::CrmSlow, false) => said("amoCRM снова отвечает сразу", "amoCRM answers at once again"),
        (Fault::TokensExpired, true) => said("Срок доступа к amoCRM истёк", "The access to amoCRM has expired"),
        (Fault::TokensExpired, false) => said("Доступ к amoCRM получен", "The access to amoCRM is given"),
        (Fault::TelegramSlow, true) => said("Telegram отвечает не сразу", "Telegram takes its time to answer"),
        (Fault::TelegramSlow, false) => said("Telegram снова отвечает сразу", "Telegram answers at once again"),
        (Fault::TelegramGone, true) => said("Telegram недоступен", "Telegram cannot be reached"),
        (Fault::TelegramGone, false) => said("Telegram снова доступен", "Telegram can be reached again"),
    }
}

/// Who is meant by a chat, for the bot's words.
fn whom(stage: &Stage, chat: i64) -> Said {
    if chat == stage.admin.id {
        return said("администратор", "the admin");
    }
    if chat == stage.group.id {
        return said("менеджеры", "the managers");
    }
    let buyer = stage.buyers().into_iter().find(|buyer| buyer.id == chat);
    let name = buyer.map_or_else(|| "?".to_owned(), |buyer| buyer.name);
    said(name.clone(), name)
}

fn telegram(inner: &mut Inner, stage: &Stage, event: Event) {
    match event {
        Event::UpdateQueued(update) => {
            let query = &update["callback_query"];
            if query.is_object() {
                let by = query["from"]["first_name"].as_str().unwrap_or_default();
                let label = label(query);
                if query["data"] == "submit" {
                    inner.submitted = update["update_id"].as_i64();
                }
                inner.happens(
                    Source::Person,
                    said(format!("{by} нажимает «{label}»"), format!("{by} presses “{label}”")),
                    false,
                );
            } else if update["message"].is_object() {
                let message = &update["message"];
                let by = message["from"]["first_name"].as_str().unwrap_or_default();
                let words =
                    message["text"].as_str().or(message["caption"].as_str()).map(|words| format!("«{}»", short(words)));
                let (ru, en) = match (&words, message["contact"].is_object()) {
                    (Some(words), _) => (format!("{by}: {words}"), format!("{by}: {words}")),
                    (None, true) => (format!("{by} отправляет свой номер"), format!("{by} shares the phone number")),
                    (None, false) => (format!("{by} отправляет файл"), format!("{by} sends a file")),
                };
                inner.happens(Source::Person, said(ru, en), false);
            }
        }
        Event::Confirmed(until) if inner.submitted.is_some_and(|id| id < until) => {
            inner.submitted = None;
            let line = said(
                "Telegram узнал, что нажатие принято: оно уже на диске",
                "Telegram is told that the press has arrived: it is on the disk already",
            );
            inner.happens(Source::Disk, line, false);
        }
        Event::BotSent(message) => {
            let to = whom(stage, message.chat_id);
            let words = short(&message.text);
            inner.happens(Source::Bot, said(format!("→ {}: {words}", to.ru), format!("→ {}: {words}", to.en)), false);
        }
        _ => {}
    }
}

/// What stands on a pressed button.
fn label(query: &Value) -> String {
    let rows = query["message"]["reply_markup"]["inline_keyboard"].as_array();
    let mut buttons = rows.into_iter().flatten().filter_map(Value::as_array).flatten();
    let pressed = buttons.find(|button| button["callback_data"] == query["data"]);
    pressed.and_then(|button| button["text"].as_str()).unwrap_or("…").to_owned()
}

/// The first line, cut short.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(70).collect();
    if cut.len() < line.len() { format!("{}…", cut.trim_end()) } else { cut }
}

/// What amoCRM was asked, in words; none for what is asked all the time and answered.
fn asked(request: &Request, status: u16) -> Option<(Said, bool)> {
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let what = match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["oauth2", ..]) => said("обмен токенов", "exchange of tokens"),
        ("POST", ["api", _, "leads", "complex"]) => said("новая сделка", "a new lead"),
        ("POST", ["api", _, "leads"]) => said("новая сделка", "a new lead"),
        ("POST", ["api", _, "contacts"]) => said("новый контакт", "a new contact"),
        ("POST", [.., "notes"]) => said("примечание", "a note"),
        ("POST", [.., "tasks"]) => said("задача", "a task"),
        ("POST", ["v1.0", ..]) => said("файл", "a file"),
        ("PATCH", ["api", _, "leads", ..]) => said("изменение сделки", "a change of the lead"),
        ("GET", ["api", _, "contacts"]) if request.param("query").is_some() => {
            said("есть ли такой контакт", "is there such a contact")
        }
        ("GET", ["api", _, "leads"]) if request.param("query").is_some() => {
            said("есть ли такая сделка", "is there such a lead")
        }
        _ if (200..400).contains(&status) => return None,
        _ => said("запрос", "a request"),
    };
    let bad = !(200..400).contains(&status);
    let status = if status == 0 { "–".to_owned() } else { status.to_string() };
    let problem = request.problem.as_deref().map(|problem| format!(", {problem}")).unwrap_or_default();
    let line = said(format!("{} → {status}{problem}", what.ru), format!("{} → {status}{problem}", what.en));
    Some((line, bad))
}

/// What the daemon's disk says of requests: a name of each fact, when it was written (ms), and words. Nothing where there is no
/// store, or where it cannot be read just now.
async fn stored(path: PathBuf) -> Vec<(String, i64, Said)> {
    if !path.is_file() {
        return Vec::new();
    }
    // Before the first start has made its tables, and while the disk is wiped.
    read(path).await.unwrap_or_default()
}

async fn read(path: PathBuf) -> Result<Vec<(String, i64, Said)>, sqlx::Error> {
    let mut store = SqliteConnectOptions::new().filename(path).read_only(true).connect().await?;
    let leads = sqlx::query("SELECT number, submitted_at, delivered_at FROM leads").fetch_all(&mut store).await?;
    let steps = "SELECT number, step, s.sent_at, s.done_at FROM lead_steps s JOIN leads ON leads.id = s.lead_id";
    let steps = sqlx::query(steps).fetch_all(&mut store).await?;
    store.close().await?;
    let mut facts = Vec::new();
    let mut fact = |key: String, at: Option<i64>, ru: String, en: String| {
        if let Some(at) = at {
            facts.push((key, at, said(ru, en)));
        }
    };
    for lead in leads {
        let number: String = lead.try_get("number")?;
        let (kept, delivered) = (lead.try_get("submitted_at")?, lead.try_get("delivered_at")?);
        fact(
            format!("{number} kept"),
            kept,
            format!("заявка #{number} записана"),
            format!("request #{number} is kept"),
        );
        let words = (
            format!("#{number} доставлена, больше не отправляется"),
            format!("#{number} is delivered, never sent again"),
        );
        fact(format!("{number} delivered"), delivered, words.0, words.1);
    }
    for row in steps {
        let (number, step): (String, String) = (row.try_get("number")?, row.try_get("step")?);
        let (ru, en) = if step == "lead" { ("сделка", "the lead") } else { ("примечание", "the note") };
        let (sent, done) = (row.try_get("sent_at")?, row.try_get("done_at")?);
        let words = (format!("#{number}: сейчас уйдёт {ru}"), format!("#{number}: {en} is about to go"));
        fact(format!("{number} {step} sent"), sent, words.0, words.1);
        let words = (format!("#{number}: {ru} в amoCRM"), format!("#{number}: {en} is in amoCRM"));
        fact(format!("{number} {step} done"), done, words.0, words.1);
    }
    Ok(facts)
}
