mod in_force;
mod language;
mod phrases;
mod remedies;
pub mod russian;
mod shown;

use std::{fmt::Display, process::ExitCode};

use chrono::NaiveTime;

use crate::{
    config::{Config, ConfigProblem, Dealer, Distribute, Environment, Place},
    form::Question,
    lead::{LeadSource, one_line},
    wording::Lang,
};

use super::{
    CommandError,
    look::{GOOD, ODD, painted},
    output::{self, errln, outln},
    settings::checked,
    texts::{self, OwnTexts},
};

use in_force::InForce;
pub use language::Language;
use shown::{Goes, field_of, shown_duration};

/// Without it the bot does not start, and what the dealer has written can be checked all the same.
const TOKEN: &str = "BOT_TOKEN";
/// Stands where there is none; nobody is asked with it.
const STAND_IN: &str = "1000000000:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// What is told then.
const NO_TOKEN: [&str; 2] = [
    "BOT_TOKEN: is missing. Everything else was checked without it; to run, the bot needs it: @BotFather → /mybots → your bot → API Token",
    "BOT_TOKEN: не задан. Всё остальное проверено без него; для запуска он нужен: @BotFather → /mybots → ваш бот → API Token",
];

/// The days of the week, from Monday.
const DAYS: [(&str, &str); 7] =
    [("Mon", "пн"), ("Tue", "вт"), ("Wed", "ср"), ("Thu", "чт"), ("Fri", "пт"), ("Sat", "сб"), ("Sun", "вс")];

/// So much is shown of what buyers are told.
const LONGEST_SHOWN: usize = 80;
/// So many texts of a file are named.
const MOST_NAMED: usize = 12;

/// Checks everything and says what is in force; secrets are only said to be there.
pub fn run(settings: &Environment<'_>, language: Option<Language>, json: bool) -> Result<ExitCode, CommandError> {
    let language = language.unwrap_or_else(Language::of_the_terminal);
    let said = |problem: &ConfigProblem| {
        language.of(ConfigProblem::to_string as fn(&ConfigProblem) -> String, russian::problem)(problem)
    };
    // What the dealer has written is checked without the bot's own token, too.
    let is_there = settings.has(TOKEN);
    let stand_in = settings.with(TOKEN, STAND_IN);
    let (config, odd) = checked(&stand_in, said)?;
    let mut warnings: Vec<String> = odd.iter().map(said).collect();
    if !is_there {
        warnings.push(language.of(NO_TOKEN[0], NO_TOKEN[1]).to_owned());
    }
    let texts = texts::in_force(settings);
    if json {
        output::json(&InForce::of(&config, &texts, warnings, is_there));
    } else {
        warnings.iter().for_each(|warning| errln!("{}", painted(ODD, warning)));
        Shown { config: &config, language, is_token_there: is_there }.print(&texts);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is in force, for a person.
struct Shown<'a> {
    config: &'a Config,
    language: Language,
    is_token_there: bool,
}

impl Shown<'_> {
    fn say(&self, english: &'static str, russian: &'static str) -> &'static str {
        self.language.of(english, russian)
    }

    fn row(&self, (english, russian): (&'static str, &'static str), value: impl Display) {
        outln!("{:<13}{value}", self.say(english, russian));
    }

    fn there(&self, is_there: bool) -> &'static str {
        if is_there { self.say("set", "есть") } else { "-" }
    }

    fn print(&self, texts: &[OwnTexts]) {
        let Self { config, language, is_token_there } = self;
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let verdict = match is_token_there {
            true => painted(GOOD, self.say("Settings are all right.", "Настройки в порядке.")),
            false => painted(
                ODD,
                self.say(
                    "The bot cannot start without BOT_TOKEN; all other settings are all right.",
                    "Без BOT_TOKEN бот не запустится; остальные настройки в порядке.",
                ),
            ),
        };
        outln!("{verdict} {}", self.say("In force:", "Действует:"));
        let routes = config.telegram.routes.len();
        self.row(("Telegram:", "Telegram:"), language.of(format!("{routes} route(s)"), format!("путей: {routes}")));
        let chat = self.say("chat", "чат");
        self.row(("Admin:", "Админ:"), shown(config.admin_chat.map(|id| format!("{chat} {id}"))));
        self.row(("Managers:", "Менеджеры:"), shown(config.managers_chat.map(|id| format!("{chat} {id}"))));
        let second = self.there(config.second_way.webhook.is_some() || config.second_way.email.is_some());
        let heartbeat = self.there(config.heartbeat_url.is_some());
        self.row(
            ("Alerts:", "Тревоги:"),
            language.of(
                format!("second way {second}, heartbeat {heartbeat}"),
                format!("второй путь {second}, heartbeat {heartbeat}"),
            ),
        );
        self.print_amocrm();
        self.row(("Store:", "База:"), crate::daemon::store_place(&config.store));
        self.row(("Page:", "Страница:"), shown(config.http_addr.map(|at| at.to_string())));
        self.row(("  webhook:", "  webhook:"), self.there(config.webhook_secret.is_some()));
        self.row(("Policy:", "Политика:"), shown(config.privacy_policy_url.as_ref().map(ToString::to_string)));
        self.print_consent(&config.dealer, config.privacy_policy_url.is_some());
        self.print_dealer(&config.dealer, texts);
    }

    fn print_amocrm(&self) {
        let Some(amocrm) = &self.config.amocrm else {
            let none = self.say("- (requests are kept, and not delivered)", "- (заявки сохраняются и не передаются)");
            return self.row(("amoCRM:", "amoCRM:"), none);
        };
        self.row(("amoCRM:", "amoCRM:"), &amocrm.account_host);
        let (integration, token) =
            (self.there(amocrm.integration.is_some()), self.there(amocrm.access_token.is_some()));
        self.row(
            ("  tokens:", "  доступ:"),
            self.language.of(
                format!("integration {integration}, access token {token}"),
                format!("интеграция {integration}, токен {token}"),
            ),
        );
        let (pipeline, status) = (id(amocrm.pipeline_id), id(amocrm.status_id));
        self.row(
            ("  pipeline:", "  воронка:"),
            self.language.of(format!("{pipeline}, status {status}"), format!("{pipeline}, этап {status}")),
        );
        self.row(("  manager:", "  менеджер:"), id(amocrm.responsible_user_id));
        self.row(("  tags:", "  теги:"), amocrm.tags.join(", "));
    }

    fn print_dealer(&self, dealer: &Dealer, texts: &[OwnTexts]) {
        let file = dealer.file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        match file {
            Some(file) => self.row(("dealer.toml:", "dealer.toml:"), file.display()),
            None => {
                self.row(("dealer.toml:", "dealer.toml:"), self.say("- (the built-in form)", "- (встроенная анкета)"))
            }
        }
        self.row(("Time zone:", "Пояс:"), dealer.time_zone.name());
        self.print_managers(dealer);
        let spoken: Vec<String> = Lang::all().iter().map(|lang| lang.code().to_owned()).collect();
        self.row(("Languages:", "Языки:"), spoken.join(", "));
        if texts.is_empty() {
            self.row(("Texts:", "Тексты:"), self.say("the built-in ones", "встроенные"));
        }
        for OwnTexts { file, ids } in texts {
            let named = ids.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = match ids.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => self.language.of(format!(" and {more} more"), format!(" и ещё {more}")),
            };
            let own = self.say("of its own", "своих");
            self.row(("Texts:", "Тексты:"), format!("{file}: {} {own}: {named}{more}", ids.len()));
        }
        let questions = dealer.form.questions();
        self.row(("Questions:", "Вопросы:"), questions.len());
        for (at, question) in (1..).zip(questions) {
            outln!("{at:>4}. {}", self.question(question));
        }
        if !dealer.sources.all().is_empty() {
            self.row(("Sources:", "Источники:"), dealer.sources.all().len());
        }
        for source in dealer.sources.all() {
            outln!(
                "      {}",
                self.language.of(super::links::meaning as fn(&LeadSource) -> String, russian::meaning)(source)
            );
        }
        if !dealer.statuses.all().is_empty() {
            self.row(("Statuses:", "Этапы:"), dealer.statuses.all().len());
        }
        for status in dealer.statuses.all() {
            let any = || self.say("any pipeline", "любая воронка").to_owned();
            let pipeline =
                status.pipeline_id.map_or_else(any, |id| format!("{} {id}", self.say("pipeline", "воронка")));
            let words = one_line(&Lang::default().given(&status.text), LONGEST_SHOWN);
            let id = status.status_id;
            outln!(
                "      {}",
                self.language.of(format!("{id} of {pipeline}: {words}"), format!("{id}, {pipeline}: {words}"))
            );
        }
        if let Some(within) = dealer.crm.attaches_within().map(shown_duration) {
            self.row(
                ("Repeat:", "Повторно:"),
                self.language.of(
                    format!("a known buyer's open lead takes further requests for {within}"),
                    format!("следующие заявки покупателя идут в его открытую сделку не старше {within}"),
                ),
            );
        }
    }

    fn print_managers(&self, dealer: &Dealer) {
        let days = DAYS.map(|(english, russian)| self.say(english, russian));
        let hours = match &dealer.hours {
            None => self.say("always", "всегда").to_owned(),
            Some(hours) => {
                let day = |(day, (from, to)): (&u8, &(NaiveTime, NaiveTime))| {
                    format!("{} {}-{}", days[usize::from(*day) % days.len()], from.format("%H:%M"), to.format("%H:%M"))
                };
                hours.week.0.iter().map(day).collect::<Vec<_>>().join(", ")
            }
        };
        self.row(("Hours:", "Часы:"), hours);
        if !dealer.managers.is_empty() {
            let names: Vec<&str> = dealer.managers.iter().map(|manager| manager.name.as_str()).collect();
            self.row(("  names:", "  имена:"), names.join(", "));
        }
        let whose = match dealer.crm.distribute {
            Distribute::Off => self
                .say("AMOCRM_RESPONSIBLE_USER_ID, or amoCRM's choice", "AMOCRM_RESPONSIBLE_USER_ID или выбор amoCRM"),
            Distribute::RoundRobin => self.say("the managers on duty in turn", "менеджеры на смене по очереди"),
            Distribute::Take => self.say("whoever takes the lead", "кто первым взял заявку"),
        };
        self.row(("  new leads:", "  заявки:"), whose);
        if let Some(within) = dealer.crm.callback_within.map(shown_duration) {
            self.row(("  call back:", "  перезвон:"), within);
        }
    }

    fn question(&self, question: &Question) -> String {
        let kind: &str = question.kind.into();
        let mut line = format!("{} ({kind}", question.key);
        if question.optional {
            line.push_str(self.say(", optional", ", необязательный"));
        }
        let choices = question.choices.len();
        if choices > 0 {
            line.push_str(&self.language.of(format!(", {choices} choices"), format!(", вариантов: {choices}")));
        }
        if question.free_text {
            line.push_str(self.say(" or typed", " или своими словами"));
        }
        line.push_str(&format!("): {}", Lang::default().words(&question.label)));
        match field_of(question, self.config) {
            Some(Goes::Contact) => line.push_str(self.say(" → the contact", " → контакт")),
            Some(Goes::Field(field, setting)) => {
                line.push_str(&format!(" → {} {field}", self.say("field", "поле")));
                setting.iter().for_each(|setting| line.push_str(&format!(" ({setting})")));
            }
            None => {}
        }
        line
    }

    fn print_consent(&self, dealer: &Dealer, has_policy: bool) {
        let Some(consent) = &dealer.consent else { return };
        self.row(("Consent:", "Согласие:"), format!("{} {}", self.say("version", "версия"), consent.version));
        for (lang, place) in &consent.documents {
            match place {
                Place::File { name, content } => {
                    outln!("  {lang}:        {name} ({} {})", content.len(), self.say("bytes", "байт"));
                }
                Place::Page(url) => outln!("  {lang}:        {url}"),
            }
        }
        let policy = ("  policy:", "  политика:");
        match &consent.policy_url {
            Some(url) => self.row(policy, url),
            None if has_policy => self.row(policy, "PRIVACY_POLICY_URL"),
            None => self.row(policy, "-"),
        }
    }
}

fn id(id: Option<i64>) -> String {
    id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}
