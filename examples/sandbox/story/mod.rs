//! The story: a request, the incident this product was made for, the recovery, and what comes after. Every step is checked.
//!
//! - [`second`]: the second act, in which a manager works on a request
//! - [`person`]: somebody at a telephone

mod person;
mod second;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::fakes::{
    amocrm::{FakeAmocrm, On, StoredLead},
    telegram::BotMessage,
};

use crate::{
    show::{self, BOLD, DIM, GREEN, RED, heading, paint},
    stage::Stage,
};
use person::Person;

/// Whatever is to happen happens within this time, or the story has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A car on encar.com.
pub const CAR: &str = "https://fem.encar.com/cars/detail/38427498";

/// Plays the story; the exit code says whether every step really happened.
pub async fn play(stage: &Stage) -> ExitCode {
    println!("{}", paint(BOLD, "amocrm-lead-bot: настоящая программа между поддельными Telegram и amoCRM"));
    println!("{}", paint(DIM, "the real daemon between a fake Telegram and a fake amoCRM, all on this computer"));
    let began = Instant::now();
    let mut checks = Checks::default();
    let ended = tell(stage, &mut checks).await;
    let seconds = began.elapsed().as_secs_f32();
    match ended {
        Ok(()) => {
            let all = format!("\n✔ Всё произошло на самом деле: {} проверок за {seconds:.1} с", checks.passed);
            println!("{} {}", paint(GREEN, &all), paint(DIM, "every step really happened"));
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("\n{} {}", paint(RED, "✘ История не удалась:"), why);
            println!("\n— Журнал программы — the daemon's log\n{}", stage.log(40));
            ExitCode::FAILURE
        }
    }
}

async fn tell(stage: &Stage, checks: &mut Checks) -> Result<(), String> {
    stage.start().await.map_err(|error| error.to_string())?;
    let (telegram, amocrm) = (stage.telegram.clone(), stage.amocrm.clone());
    let mut ivan = Person::new(&telegram, stage.buyer("Иван", "ru"));
    let mut john = Person::new(&telegram, stage.buyer("John", "en"));
    let mut maria = Person::new(&telegram, stage.buyer("Мария", "ru"));
    let mut pyotr = Person::new(&telegram, stage.buyer("Пётр", "ru"));
    let mut admin = Person::new(&telegram, stage.admin.clone());

    chapter(1, "Обычный день", "an ordinary day");

    heading("Покупатель Иван", "a buyer");
    ivan.says("/start").hears("Как вас зовут").await?;
    ivan.says("Иван Петров").hears("номер телефона").await?;
    ivan.says("8 (999) 123-45-67").hears("бюджет").await?;
    ivan.says("2,5 млн").hears("ссылку").await?;
    ivan.says(CAR).hears("Проверьте заявку").await?;
    let pressed = Instant::now();
    let ivans = number(&ivan.presses("submit")?.hears("принята").await?);
    let arrived = comes_true(|| lead(&amocrm, &ivans).is_some_and(|lead| !lead.notes.is_empty())).await;
    let seconds = pressed.elapsed().as_secs_f32();

    heading("amoCRM", "what the manager sees");
    show_leads(&amocrm, &[&ivans]);
    checks.that(arrived, format!("заявка #{ivans} в amoCRM через {seconds:.1} с"), "the lead is in the CRM")?;
    checks.that(
        lead(&amocrm, &ivans).is_some_and(|lead| lead.price == 2_500_000 && lead.notes[0].contains(CAR))
            && amocrm.contacts().iter().any(|contact| contact.phones == ["+79991234567"]),
        "имя, телефон, бюджет и ссылка на месте",
        "with name, phone, budget and link",
    )?;

    heading("Покупатель John", "a buyer whose phone is in English");
    john.says("/start").hears("What is your name").await?;
    john.says("John Smith").hears("phone number").await?;
    john.says("+44 7400 123456").hears("budget").await?;
    john.says("25,000 dollars, two seats please").hears("link to the car").await?;
    john.presses("skip")?.hears("check your request").await?;
    let johns = number(&john.presses("submit")?.hears("got your request").await?);
    let arrived = comes_true(|| lead(&amocrm, &johns).is_some_and(|lead| !lead.notes.is_empty())).await;
    checks.that(arrived, format!("заявка #{johns} тоже в amoCRM"), "and the same in English")?;

    chapter(2, "Доступ к amoCRM кончился", "both tokens have expired, as in the original incident");

    amocrm.expire_access_tokens();
    amocrm.expire_refresh_token();
    let before = amocrm.requests().len();

    heading("Покупательница Мария", "another buyer");
    maria.fills_in("Мария", "+7 916 555-12-34", "до 3 000 000").await?;
    let marias = number(&maria.presses("submit")?.hears("принята").await?);
    maria.hears("сохранена").await?;
    admin.reads("Ждёт 1 заявка").await?;

    heading("amoCRM", "what the daemon asked, and what it got");
    for request in &amocrm.requests()[before..] {
        let (status, problem) = (request.status.unwrap_or_default(), request.problem.as_deref().unwrap_or_default());
        println!("{} {} → {status} {problem}", request.method, request.path);
    }
    let refused = amocrm
        .requests_to(&On::oauth())
        .into_iter()
        .any(|request| request.status == Some(401) && request.problem.as_deref() == Some("Token has expired"));
    checks.that(refused, "обновить токены нельзя: 401 Token has expired", "as in the original incident")?;
    checks.that(lead(&amocrm, &marias).is_none(), format!("заявки #{marias} в amoCRM нет"), "not in the CRM")?;

    heading("backup_leads.json", "the copy on the disk");
    let saved = comes_true(|| saved(stage, &marias).is_some()).await;
    for (key, value) in saved_fields(stage, &marias) {
        println!("  {key}: {value}");
    }
    checks.that(saved, "заявка Марии сохранена, ей так и сказано", "saved, and she was told so")?;

    heading("Администратор", "the admin's chat");
    admin.shows();
    // Once more where something else has asked amoCRM before her request did: then that is told first.
    let told = (1..=2).contains(&admin.count("срок доступа к amoCRM истёк"));
    checks.that(told, "администратор знает, что случилось и что делать", "the admin knows what to do")?;

    chapter(3, "Программу убивают в самый неподходящий миг", "the daemon is killed at the worst moment");

    heading("Покупатель Пётр", "a third buyer");
    pyotr.fills_in("Пётр", "89265550198", "1,8 млн").await?;
    // A person is slower than the next poll, by which the answer to the link is confirmed.
    telegram.wait_until_confirmed(PATIENCE).await?;
    nothing_is_owed(stage).await?;
    pyotr.presses("submit")?;
    let press = telegram.pending().pop().and_then(|update| update["update_id"].as_i64()).unwrap_or_default();
    // The daemon has the press, and nothing but the next poll would tell Telegram so.
    comes_true(|| telegram.polls().iter().any(|poll| poll.given.iter().flatten().any(|id| *id == press))).await;
    stage.kill().await;
    pyotr.shows();
    println!("{} {}", paint(RED, "kill -9"), paint(DIM, "· и тут же запущена снова · and started again at once"));
    stage.start().await.map_err(|error| error.to_string())?;
    let pyotrs = number(&pyotr.hears("принята").await?);
    pyotr.hears("сохранена").await?;
    let both = comes_true(|| [&marias, &pyotrs].iter().all(|number| self::saved(stage, number).is_some())).await;
    checks.that(both, format!("заявка #{pyotrs} не пропала, в файле обе"), "nothing lost, both are in the file")?;

    chapter(4, "Новый доступ", "new tokens, with one command");

    heading("Тот, кто установил бота", "the operator");
    let code = amocrm.issue_code();
    println!("$ amocrm-lead-bot get-new-tokens --code {}…", &code[..12]);
    let output = stage.run(&["get-new-tokens", "--code", &code]).await.map_err(|error| error.to_string())?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    checks.that(output.status.success(), "новые токены получены, перезапуск не нужен", "no restart needed")?;

    chapter(5, "Всё дошло", "recovery, by itself");

    for person in [&mut maria, &mut pyotr] {
        heading(&person.user.name.clone(), "the buyer");
        person.hears("передана менеджеру").await?;
    }
    heading("Администратор", "the admin's chat");
    admin.hears("Переданы 2 заявки").await?;

    heading("amoCRM", "what the manager sees");
    let noted = |number: &String| lead(&amocrm, number).is_some_and(|lead| lead.notes.len() == 1);
    let delivered = comes_true(|| [&ivans, &johns, &marias, &pyotrs].into_iter().all(noted)).await;
    show_leads(&amocrm, &[&marias, &pyotrs]);
    checks.that(
        delivered && amocrm.leads().len() == 4 && amocrm.contacts().len() == 4,
        "в amoCRM четыре заявки, каждая ровно один раз",
        "four leads in the CRM, each exactly once",
    )?;
    let emptied = comes_true(|| stage.backup().trim() == "[]").await;
    checks.that(emptied, "backup_leads.json пуст: []", "nothing waits any more")?;
    let once = |person: &Person, words: &[&str]| words.iter().all(|words| person.count(words) == 1);
    let alerts = admin.count("срок доступа к amoCRM истёк");
    let ended = comes_true(|| admin.count("✅") == alerts).await;
    // Telegram has no key against sending twice, so Пётр may have been told of his request before the kill and after it.
    checks.that(
        once(&maria, &["принята", "сохранена", "передана"])
            && once(&pyotr, &["передана"])
            && admin.count("⚠️") == alerts
            && ended,
        "«передана» каждый увидел один раз, администратор — каждую тревогу и её конец по разу",
        "each told once of the delivery; each alert and its end once",
    )?;

    second::tell(stage, checks, &mut maria, &marias).await?;

    let never = [&ivan, &maria, &pyotr].iter().all(|person| person.count("шибка") == 0);
    checks.that(never, "слова «ошибка» покупатели не видели", "no buyer ever saw the word error")
}

pub fn chapter(number: u32, russian: &str, english: &str) {
    println!("\n\n{} {}", paint(BOLD, &format!("{number}. {russian}")), paint(DIM, &format!("· {english}")));
}

/// What was checked.
#[derive(Default)]
pub struct Checks {
    passed: u32,
}

impl Checks {
    /// Prints the result; the story ends at the first thing that is not so.
    pub fn that(&mut self, so: bool, russian: impl Into<String>, english: &str) -> Result<(), String> {
        let russian = russian.into();
        let (mark, style) = if so { ("✔", GREEN) } else { ("✘", RED) };
        println!("{} {}", paint(style, &format!("{mark} {russian}")), paint(DIM, &format!("· {english}")));
        self.passed += u32::from(so);
        if so { Ok(()) } else { Err(russian) }
    }
}

/// What was sent is also noted as sent, so that the kill repeats nothing but what it is meant for.
async fn nothing_is_owed(stage: &Stage) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let output = stage.run(&["status", "--json"]).await.map_err(|error| error.to_string())?;
        let status: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        if status["messages_owed"] == 0 {
            return Ok(());
        }
    }
    Err("программа всё ещё должна кому-то сообщение".into())
}

/// Looks until it is so, or patience is over.
pub async fn comes_true(mut so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// The one lead with this number; none also when there are several.
pub fn lead(amocrm: &FakeAmocrm, number: &str) -> Option<StoredLead> {
    let title = format!("#{number} ");
    let mut leads: Vec<_> = amocrm.leads().into_iter().filter(|lead| lead.name.starts_with(&title)).collect();
    if leads.len() == 1 { leads.pop() } else { None }
}

fn show_leads(amocrm: &FakeAmocrm, numbers: &[&str]) {
    numbers.iter().filter_map(|number| lead(amocrm, number)).for_each(|lead| show::lead(amocrm, &lead));
}

/// The entry of `backup_leads.json` with this number.
fn saved(stage: &Stage, number: &str) -> Option<Value> {
    let entries: Vec<Value> = serde_json::from_str(&stage.backup()).ok()?;
    entries.into_iter().find(|entry| entry["number"] == number && entry["status"] == "pending")
}

/// What the file says of a lead, in the words of the older tool.
fn saved_fields(stage: &Stage, number: &str) -> Vec<(&'static str, String)> {
    let Some(entry) = saved(stage, number) else { return Vec::new() };
    ["timestamp", "name", "phone", "budget", "car_link", "status"].map(|key| (key, entry[key].to_string())).to_vec()
}

/// The number of a request in a message to the buyer.
pub fn number(message: &BotMessage) -> String {
    let after = message.text.split_once('#').map_or("", |(_, after)| after);
    after.chars().take_while(|char| char.is_alphanumeric() || *char == '-').collect()
}
