//! What is wrong with settings, in Russian. What stands in no phrase is told as it is.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{
    phrases::{KINDS, PROBLEMS},
    remedies::REMEDIES,
};
use crate::{called::Called, config::ConfigProblem, lead::LeadSource};

/// A phrase in English as it is recognized, and in Russian.
type Phrase = (Regex, &'static str);

static OF_PROBLEMS: LazyLock<Vec<Phrase>> = LazyLock::new(|| PROBLEMS.iter().map(|it| phrase(it, true)).collect());
static OF_REMEDIES: LazyLock<Vec<Phrase>> = LazyLock::new(|| REMEDIES.iter().map(|it| phrase(it, false)).collect());

/// The problem as a line.
pub fn problem(problem: &ConfigProblem) -> String {
    let place = problem.variable.replace(", line ", ", строка ").replace(", column ", ", столбец ");
    let told = said(&OF_PROBLEMS, &problem.problem);
    format!("{place}: {told}. {}", Called::now().words(&said(&OF_REMEDIES, &problem.remedy)))
}

/// What becomes of a request that comes by a code.
pub fn meaning(source: &LeadSource) -> String {
    let marks = source.utm_line().unwrap_or_else(|| "без UTM-меток".to_owned());
    let tag = source.tag.as_ref().map_or_else(|| "без тега".to_owned(), |tag| format!("тег «{tag}»"));
    format!("{} → {marks}; {tag}", source.shown())
}

/// `{}` stands for anything; what a problem is about may stand before it.
fn phrase((english, russian): &(&'static str, &'static str), may_be_about: bool) -> Phrase {
    let pattern = regex::escape(english).replace(r"\{\}", "(.+?)");
    let about = if may_be_about { "(?:(?P<about>.+?):? )?" } else { "" };
    let pattern = Regex::new(&format!("(?s)^{about}{pattern}$"));
    (pattern.unwrap_or_else(|error| unreachable!("a phrase is a pattern: {error}")), russian)
}

fn said(phrases: &[Phrase], text: &str) -> String {
    let found = phrases.iter().find_map(|(pattern, russian)| Some((pattern.captures(text)?, *russian)));
    found.map_or_else(|| text.to_owned(), |(captures, russian)| filled(&captures, russian))
}

fn filled(captures: &Captures<'_>, russian: &str) -> String {
    let about = captures.name("about");
    let mut values = captures.iter().skip(if about.is_some() { 2 } else { 1 }).flatten();
    let mut told = about.map_or_else(String::new, |about| format!("{}: ", about.as_str()));
    let mut parts = russian.split("{}");
    told.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let value = values.next().map_or("", |value| value.as_str());
        told.push_str(KINDS.iter().find(|(english, _)| *english == value).map_or(value, |(_, russian)| russian));
        told.push_str(part);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigProblem};

    fn told(variables: &[(&str, &str)]) -> Vec<String> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let problems = Config::read(lookup).expect_err("something is wrong");
        problems.iter().map(problem).collect()
    }

    #[test]
    fn problems_of_the_environment_are_told_in_russian() {
        let token = ("BOT_TOKEN", "1000000000:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for (name, value, want) in [
            (
                "BOT_TOKEN",
                "",
                "BOT_TOKEN: не задан. Возьмите его у @BotFather в Telegram: /mybots → ваш бот → API Token",
            ),
            ("PHONE_REGION", "Россия", "PHONE_REGION: такой страны бот не знает. "),
            ("ADMIN_CHAT_ID", "@me", "ADMIN_CHAT_ID: это имя, а не число. "),
            ("ADMIN_CHAT_ID", "+79161234567", "ADMIN_CHAT_ID: похоже на номер телефона. "),
            ("ADMIN_USER_IDS", "-100123", "ADMIN_USER_IDS: среди них id группы, а нужны люди. "),
            ("AMOCRM_REQUESTS_PER_SECOND", "70", "AMOCRM_REQUESTS_PER_SECOND: не число от 1 до 7. "),
            ("HTTP_ADDR", "8080", "HTTP_ADDR: не адрес с портом. Например, 127.0.0.1:8080"),
            ("DATABASE_URL", "mysql://x", "DATABASE_URL: не начинается с postgres://. "),
            (
                "TELEGRAM_API_URL",
                "http://example.com",
                "TELEGRAM_API_URL: отправляет всё на example.com открытым текстом",
            ),
            ("LEADS_PER_HOUR", "many", "LEADS_PER_HOUR: не целое число. "),
            ("ALERT_EMAIL", "smtps://u:p@h/", "ALERT_EMAIL: не сказано, кому (?to=…). "),
        ] {
            let lines = told(&if name == "BOT_TOKEN" { vec![(name, value)] } else { vec![token, (name, value)] });
            assert!(lines.iter().any(|line| line.starts_with(want)), "{name}={value}: {lines:?}");
            let tail = lines.concat().replace(want, "");
            assert!(!["is ", "has ", "Such as", "Leave it"].iter().any(|word| tail.contains(word)), "{lines:?}");
        }
    }

    #[test]
    fn what_a_problem_is_about_stays_before_it() {
        for (english, remedy, want) in [
            (
                "question 2: city: kind is missing",
                "One of: text, choice",
                "dealer.toml, строка 3, столбец 1: question 2: city: kind: не задан. Одно из: text, choice",
            ),
            (
                "time_zone is \"Moscow\", which is no time zone",
                "Did you mean Europe/Moscow?",
                "dealer.toml, строка 3, столбец 1: time_zone: \"Moscow\" – не часовой пояс. Возможно, Europe/Moscow?",
            ),
            (
                "remind_after is a whole number and not a time in quotes",
                "Leave it out",
                "dealer.toml, строка 3, столбец 1: remind_after: это целое число, а нужно время в кавычках. Уберите",
            ),
            (
                "unfinished: remindafter is no key",
                "Did you mean remind_after?",
                "dealer.toml, строка 3, столбец 1: unfinished: remindafter – такого ключа нет. Возможно, remind_after?",
            ),
            ("this was never said", "Nor this", "dealer.toml, строка 3, столбец 1: this was never said. Nor this"),
        ] {
            assert_eq!(problem(&ConfigProblem::new("dealer.toml, line 3, column 1", english, remedy)), want);
        }
    }

    /// Whoever words a problem differently finds the phrase that has to follow.
    #[test]
    fn every_phrase_is_still_said() {
        fn gather(folder: &std::path::Path, said: &mut String) {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                match entry.is_dir() {
                    true => gather(&entry, said),
                    false => said.push_str(&std::fs::read_to_string(&entry).expect("a text")),
                }
            }
        }
        let mut source = String::new();
        gather(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config"), &mut source);
        let whole = Regex::new(r"\\\n\s*").expect("a pattern").replace_all(&source, "");
        let place = Regex::new(r"\{[A-Za-z_0-9:?.()]*\}").expect("a pattern");
        let source = place.replace_all(&whole, "{}").replace("\\\"", "\"");
        let gone: Vec<_> = PROBLEMS
            .iter()
            .chain(REMEDIES)
            .map(|(english, _)| *english)
            .filter(|english| !source.contains(english))
            .collect();
        assert!(gone.is_empty(), "{gone:#?}");
    }
}
