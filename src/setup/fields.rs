//! Which fields amoCRM's leads are to have: what is there is used, what is not is made. Pure.

use crate::{
    crm::amocrm::{LeadField, NewField},
    form::{BUDGET, CAR_LINK, Field, Form, Kind, Question},
    lead::one_line,
    wording::Lang,
};

/// Types that take words (amocrm.ru/developers, «Поля»).
const WORDS: &[&str] = &["text", "textarea", "streetaddress"];
const ADDRESSES: &[&str] = &["url", "text", "textarea"];

/// Longest name of a field that is made here.
const LONGEST_NAME: usize = 100;

/// Who names a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A setting, by the field's id.
    Setting(&'static str),
    /// A question of `dealer.toml`, by the field's code.
    Question(&'static str),
}

/// A field that leads are to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who names it.
    pub place: Place,
    /// As it is made where it is not there.
    pub new: NewField,
    /// Types that will do; empty for any.
    takes: &'static [&'static str],
}

/// What is so of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there, by its id and name.
    There(i64, String),
    /// It is to be made.
    Missing(Wanted),
    /// `dealer.toml` names it by an id that the account has not; a person has to see to it.
    Gone {
        /// The question's key.
        question: &'static str,
        /// The id.
        id: i64,
    },
}

/// The fields of the bot's own answers: setting, name, code, type, types that will do, and the question where there is one.
type Own = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], Option<&'static str>);
const OWN: [Own; 3] = [
    ("AMOCRM_BUDGET_FIELD_ID", "Бюджет", "TG_BUDGET", "text", WORDS, Some(BUDGET)),
    ("AMOCRM_CAR_LINK_FIELD_ID", "Ссылка на авто", "TG_CAR_LINK", "url", ADDRESSES, Some(CAR_LINK)),
    ("AMOCRM_TELEGRAM_FIELD_ID", "Telegram", "TG_USERNAME", "url", ADDRESSES, None),
];

/// What there is and what there is not, of the fields that the form and the settings ask for, in their order; `set` tells the
/// id that a setting has.
pub fn look(form: &Form, set: impl Fn(&str) -> Option<i64>, listed: &[LeadField]) -> Vec<(Place, Found)> {
    let mut all = Vec::new();
    for (setting, name, code, kind, takes, question) in OWN {
        let asked = question.map(|key| form.questions().iter().find(|question| question.key == key));
        match asked {
            // The form does not ask, or says itself where the answer goes.
            Some(None) => continue,
            Some(Some(question)) if question.field.is_some() && set(setting).is_none() => continue,
            _ => {}
        }
        let wanted = Wanted {
            place: Place::Setting(setting),
            new: NewField { name: name.to_owned(), code: free_code(code, takes, listed), kind, options: Vec::new() },
            takes,
        };
        let by_id = set(setting).and_then(|id| listed.iter().find(|field| field.id == id));
        let found = match by_id.or_else(|| find(&wanted, listed)) {
            Some(field) => Found::There(field.id, field.name.clone()),
            None => Found::Missing(wanted),
        };
        all.push((Place::Setting(setting), found));
    }
    for question in form.questions() {
        let place = Place::Question(question.key);
        match question.field {
            None => {}
            Some(Field::Id(id)) => {
                let there = listed.iter().find(|field| field.id == id);
                let found = there.map(|field| Found::There(id, field.name.clone()));
                all.push((place, found.unwrap_or(Found::Gone { question: question.key, id })));
            }
            Some(Field::Code(code)) => {
                let Some(new) = new_field(question, code) else { continue };
                let wanted = Wanted { place: place.clone(), new, takes: &[] };
                let found = match with_code(code, listed).next() {
                    Some(field) => Found::There(field.id, field.name.clone()),
                    None => Found::Missing(wanted),
                };
                all.push((place, found));
            }
        }
    }
    all
}

/// The field that is there for one that is wanted: by its code, else by its name.
pub fn find<'a>(wanted: &Wanted, listed: &'a [LeadField]) -> Option<&'a LeadField> {
    let will_do = |field: &&LeadField| wanted.takes.is_empty() || wanted.takes.contains(&field.kind.as_str());
    let plain = |name: &str| name.trim().to_lowercase();
    let by_code = with_code(&wanted.new.code, listed).find(will_do);
    let named = || listed.iter().filter(will_do).find(|field| plain(&field.name) == plain(&wanted.new.name));
    // What dealer.toml names by a code is found by that alone.
    by_code.or_else(|| if wanted.takes.is_empty() { None } else { named() })
}

fn with_code<'a>(code: &str, listed: &'a [LeadField]) -> impl Iterator<Item = &'a LeadField> {
    listed.iter().filter(move |field| field.code.as_deref().is_some_and(|there| there.eq_ignore_ascii_case(code)))
}

/// The code, or another where a field that will not do has it.
fn free_code(code: &str, takes: &[&str], listed: &[LeadField]) -> String {
    let is_taken = with_code(code, listed).any(|field| !takes.contains(&field.kind.as_str()));
    if is_taken { format!("{code}_TEXT") } else { code.to_owned() }
}

/// The field for the answer to a question; `None` where no field takes such answers.
fn new_field(question: &Question, code: &str) -> Option<NewField> {
    let kind = match question.kind {
        Kind::Name | Kind::Phone | Kind::Files => return None,
        Kind::Money | Kind::Number => "numeric",
        Kind::Link => "url",
        Kind::Text => "text",
        Kind::Date => "date",
        Kind::Choice if question.free_text => "text",
        Kind::Choice => "select",
    };
    let first = |words| Lang::all_words(words).into_iter().next().unwrap_or_default();
    let options = match kind {
        "select" => question.choices.iter().map(first).collect(),
        _ => Vec::new(),
    };
    let name = one_line(&first(&question.label), LONGEST_NAME);
    Some(NewField { name, code: code.to_owned(), kind, options })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Dealer;

    fn field(id: i64, kind: &str, name: &str, code: Option<&str>) -> LeadField {
        LeadField { id, name: name.into(), code: code.map(str::to_owned), kind: kind.into() }
    }

    fn told(form: &Form, set: &[(&str, i64)], listed: &[LeadField]) -> Vec<String> {
        let set = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        let told = look(form, set, listed).into_iter().map(|(place, found)| {
            let place = match place {
                Place::Setting(name) => name.trim_start_matches("AMOCRM_").trim_end_matches("_FIELD_ID"),
                Place::Question(key) => key,
            };
            match found {
                Found::There(id, _) => format!("{place} {id}"),
                Found::Missing(wanted) => format!("{place} + {} {}", wanted.new.kind, wanted.new.code),
                Found::Gone { id, .. } => format!("{place} gone {id}"),
            }
        });
        told.collect()
    }

    #[test]
    fn what_is_there_is_used_and_the_rest_is_to_be_made() {
        let form = Form::default();
        let all = ["BUDGET + text TG_BUDGET", "CAR_LINK + url TG_CAR_LINK", "TELEGRAM + url TG_USERNAME"];
        assert_eq!(told(&form, &[], &[]), all);
        let code = field(1, "text", "Сколько", Some("tg_budget"));
        assert_eq!(told(&form, &[], std::slice::from_ref(&code))[0], "BUDGET 1");
        // Words do not go into a number, and its code is taken.
        let number = field(2, "numeric", "Бюджет", Some("TG_BUDGET"));
        assert_eq!(told(&form, &[], std::slice::from_ref(&number))[0], "BUDGET + text TG_BUDGET_TEXT");
        let second = field(3, "text", "Бюджет", Some("TG_BUDGET_TEXT"));
        assert_eq!(told(&form, &[], &[number.clone(), second])[0], "BUDGET 3");
        let by_name = field(4, "url", " ссылка на АВТО ", None);
        assert_eq!(told(&form, &[], &[by_name])[1], "CAR_LINK 4");
        // What the settings name stays, as long as it is there.
        assert_eq!(told(&form, &[("AMOCRM_BUDGET_FIELD_ID", 2)], &[number, code.clone()])[0], "BUDGET 2");
        assert_eq!(told(&form, &[("AMOCRM_BUDGET_FIELD_ID", 9)], &[code])[0], "BUDGET 1");
    }

    #[test]
    fn a_form_says_itself_which_fields_it_wants() {
        const TEXT: &str = r#"
            [[question]]
            key = "name"
            kind = "name"
            [[question]]
            key = "phone"
            kind = "phone"
            [[question]]
            key = "budget"
            kind = "money"
            crm_field = "MONEY"
            [[question]]
            key = "city"
            kind = "choice"
            ask = "Где вы?"
            label = { ru = "Город", en = "City" }
            choices = [{ ru = "Москва", en = "Moscow" }, "Тула"]
            crm_field = "CITY"
            [[question]]
            key = "day"
            kind = "date"
            ask = "Когда?"
            label = "День"
            crm_field = 77
        "#;
        let form = Dealer::parse("dealer.toml", TEXT, Path::new("")).expect("a form").form;
        let want = ["TELEGRAM + url TG_USERNAME", "budget + numeric MONEY", "city + select CITY", "day gone 77"];
        assert_eq!(told(&form, &[], &[]), want);
        let (_, city) = look(&form, |_| None, &[]).remove(2);
        let Found::Missing(city) = city else { panic!("{city:?}") };
        assert_eq!((city.new.name.as_str(), city.new.options), ("Город", vec!["Москва".to_owned(), "Тула".to_owned()]));
        let there = [field(5, "select", "Куда", Some("city")), field(77, "date", "День", None)];
        assert_eq!(told(&form, &[], &there)[2..], ["city 5", "day 77"]);
        // A field by that name and without the code is somebody else's.
        assert_eq!(told(&form, &[], &[field(6, "select", "Город", None)])[2], "city + select CITY");
    }
}
