//! The fields of leads, as the account lists them: which of them takes an answer, and in what shape. No I/O.
//!
//! **Promise.** What does not suit its field is left out of it; the note has every answer.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use super::hal::id;
use super::text::FIELD_CAP;
use crate::config::{AmocrmSettings, AnswerField, KnownField};
use crate::form::{Field, Kind};
use crate::lead::{Budget, Day, Quantity, Utm, one_line};
use crate::notice::Shortage;

/// A textarea takes more than a text; this is our own caution.
const TEXTAREA_CAP: usize = 3000;

/// A field of leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    code: Option<String>,
    field: KnownField,
}

impl Listed {
    /// A row of the list of fields; `None` for what is none.
    pub(super) fn read(row: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let options = row.get("enums").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let options = options.iter().filter_map(|option| text(option, "value")).collect();
        let field = KnownField { id: id(row.get("id"))?, kind: text(row, "type")?, options };
        Some(Self { code: text(row, "code"), field })
    }
}

/// These answers' fields as the account has them; those that it has not are without.
pub(super) fn resolved(asked: &[AnswerField], listed: &[Listed]) -> Vec<AnswerField> {
    let is_it = |field: &Field, one: &Listed| match field {
        Field::Id(id) => one.field.id == *id,
        Field::Code(code) => one.code.as_deref().is_some_and(|there| there.eq_ignore_ascii_case(code)),
    };
    let known = |asked: &AnswerField| {
        let there = listed.iter().find(|one| is_it(&asked.field, one)).map(|one| one.field.clone());
        AnswerField { is_listed: true, known: there, ..asked.clone() }
    };
    asked.iter().map(known).collect()
}

/// What the account lacks of the fields that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacking {
    /// What leads go on without.
    pub wanting: Vec<Shortage>,
    /// The same, and fields that no lead has asked for yet.
    pub all: Vec<Shortage>,
}

/// What the settings ask for and the account cannot do, and of the fields for UTM marks those that are wanted.
pub(super) fn lacking(settings: &AmocrmSettings, wanted: &BTreeSet<Utm>) -> Lacking {
    let takes_marks =
        |field: &AnswerField| field.known.as_ref().is_some_and(|known| takes(&known.kind) != Takes::Nothing);
    let missing = |mark: Utm| {
        let field = settings.utm_field(mark).filter(|field| field.is_listed && !takes_marks(field))?;
        Some(Shortage::UtmField { code: field.question.clone(), id: None })
    };
    let with = |marks: Vec<Shortage>| wanting(&settings.answer_fields).into_iter().chain(marks).collect();
    Lacking {
        wanting: with(wanted.iter().copied().filter_map(missing).collect()),
        all: with(Utm::iter().filter_map(missing).collect()),
    }
}

/// What the settings ask for and the account cannot do: fields that it has not, that take no answers, or lack an option.
fn wanting(resolved: &[AnswerField]) -> Vec<Shortage> {
    let mut wanting = Vec::new();
    for field in resolved {
        let mut tell =
            |detail: String| wanting.push(Shortage::UnknownField { setting: field.setting(), field: detail });
        let name = field.named();
        match &field.known {
            None => tell(name),
            Some(known) if takes(&known.kind) == Takes::Nothing => tell(name),
            Some(known) if takes(&known.kind) == Takes::Option => {
                // Of a choice whose words are texts of the bot's own nothing is known here.
                for choice in field.choices.iter().filter(|choice| !choice.is_empty()) {
                    if choice.iter().all(|words| option(known, words).is_none()) {
                        let words = choice.first().map_or("", String::as_str);
                        tell(format!("{name} «{}»", one_line(words, 60)));
                    }
                }
            }
            Some(_) => {}
        }
    }
    wanting
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Words(usize),
    Address,
    Number,
    Date,
    YesOrNo,
    Option,
    Nothing,
}

/// What a kind of field takes (amocrm.ru/developers, «Поля»); those that want a shape of their own take nothing of ours.
fn takes(kind: &str) -> Takes {
    match kind {
        "text" | "tracking_data" | "streetaddress" => Takes::Words(FIELD_CAP),
        "textarea" => Takes::Words(TEXTAREA_CAP),
        "url" => Takes::Address,
        "numeric" | "price" | "monetary" => Takes::Number,
        "date" | "date_time" | "birthday" => Takes::Date,
        "checkbox" => Takes::YesOrNo,
        "select" | "multiselect" | "radiobutton" => Takes::Option,
        _ => Takes::Nothing,
    }
}

/// Whether a field is known to take words.
pub(super) fn takes_words(field: &AnswerField) -> bool {
    field.known.as_ref().is_some_and(|known| matches!(takes(&known.kind), Takes::Words(_)))
}

/// How a value is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    /// As words, of which so many characters fit.
    Words(usize),
    /// As one of the field's values.
    Value(Value),
}

/// How an answer is sent to its field; `None` where it does not suit it.
pub(super) fn sent(field: &AnswerField, answer: &str) -> Option<Sent> {
    let Some(known) = &field.known else {
        // Not in the list is not in the account. What nobody could list is tried by its id.
        return (!field.is_listed && field.id().is_some()).then_some(Sent::Words(FIELD_CAP));
    };
    let value = |value: Value| Some(Sent::Value(json!({ "value": value })));
    match takes(&known.kind) {
        Takes::Words(cap) => Some(Sent::Words(cap)),
        Takes::Address => {
            let is_address = answer.starts_with("http://") || answer.starts_with("https://");
            // A cut address leads nowhere.
            (is_address && answer.chars().count() <= FIELD_CAP).then_some(Sent::Words(FIELD_CAP))
        }
        Takes::Number => value(number(field, answer)?),
        Takes::Date => {
            let day = Day::parse(answer, NaiveDate::default()).ok()?.date();
            // It is the same day then in every time zone of Russia.
            value(json!(format!("{}T09:00:00+00:00", day.format("%Y-%m-%d"))))
        }
        Takes::YesOrNo => value(json!(yes_or_no(answer)?)),
        Takes::Option => {
            let same = |words: &&Vec<String>| words.iter().any(|words| words == answer);
            let others = field.choices.iter().find(same).into_iter().flatten().map(String::as_str);
            let there = [answer].into_iter().chain(others).find_map(|words| option(known, words))?;
            value(json!(there))
        }
        Takes::Nothing => None,
    }
}

/// The text of an option as amoCRM has it.
fn option<'a>(known: &'a KnownField, words: &str) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase();
    known.options.iter().map(String::as_str).find(|text| plain(text) == plain(words))
}

fn number(field: &AnswerField, answer: &str) -> Option<Value> {
    if field.kind == Kind::Money {
        return Budget::parse(answer).map(|budget| budget.price()).filter(|price| *price > 0).map(Value::from);
    }
    let number = Quantity::parse(answer)?.value();
    let whole = number as i64;
    Some(if whole as f64 == number { json!(whole) } else { json!(number) })
}

fn yes_or_no(answer: &str) -> Option<bool> {
    let word = answer.trim().trim_end_matches(['.', '!']).to_lowercase();
    match word.as_str() {
        "да" | "есть" | "нужно" | "нужна" | "нужен" | "хочу" | "yes" | "true" | "1" | "+" | "예" | "네" => {
            Some(true)
        }
        "нет" | "не нужно" | "не нужна" | "не нужен" | "не хочу" | "no" | "false" | "0" | "-" | "아니요" => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: &str, question: Kind, options: &[&str]) -> AnswerField {
        let options = options.iter().map(|text| (*text).to_owned()).collect();
        AnswerField {
            question: "city".into(),
            kind: question,
            field: Field::Code("CITY"),
            choices: vec![vec!["Москва".into(), "Moscow".into()], vec!["Тула".into()]],
            is_listed: true,
            known: Some(KnownField { id: 9, kind: kind.into(), options }),
        }
    }

    fn read(page: &Value) -> Vec<Listed> {
        let rows = page["_embedded"]["custom_fields"].as_array().expect("a list");
        rows.iter().filter_map(Listed::read).collect()
    }

    #[test]
    fn each_kind_of_field_gets_what_it_takes() {
        let value = |value: Value| Some(Sent::Value(json!({ "value": value })));
        let options = ["moscow", "Другой"];
        for (kind, question, answer, want) in [
            ("text", Kind::Text, "слова", Some(Sent::Words(FIELD_CAP))),
            ("textarea", Kind::Text, "слова", Some(Sent::Words(TEXTAREA_CAP))),
            ("url", Kind::Link, "https://encar.com/1", Some(Sent::Words(FIELD_CAP))),
            ("url", Kind::Text, "нет", None),
            ("numeric", Kind::Number, "120 тыс км", value(json!(120_000))),
            ("numeric", Kind::Number, "1,5", value(json!(1.5))),
            ("numeric", Kind::Money, "2,5", value(json!(2_500_000))),
            ("monetary", Kind::Money, "не знаю", None),
            ("numeric", Kind::Text, "много", None),
            ("date", Kind::Date, "25.12.2026", value(json!("2026-12-25T09:00:00+00:00"))),
            ("date", Kind::Text, "скоро", None),
            ("checkbox", Kind::Choice, "Да", value(json!(true))),
            ("checkbox", Kind::Choice, "no", value(json!(false))),
            ("checkbox", Kind::Choice, "может быть", None),
            ("select", Kind::Choice, "Москва", value(json!("moscow"))),
            ("multiselect", Kind::Choice, "другой", value(json!("Другой"))),
            ("radiobutton", Kind::Choice, "Тула", None),
            ("legal_entity", Kind::Text, "слова", None),
        ] {
            assert_eq!(sent(&field(kind, question, &options), answer), want, "{kind}: {answer}");
        }
    }

    #[test]
    fn fields_are_found_by_code_and_id_and_what_is_wanting_is_told() {
        let page = json!({"_embedded": {"custom_fields": [
            {"id": 7, "code": "city", "type": "select", "enums": [{"id": 71, "value": "Москва"}]},
            {"id": 8, "code": null, "type": "text", "enums": null},
            {"id": 9, "code": "OWNER", "type": "legal_entity"},
            {"id": "x"}
        ]}});
        let listed = read(&page);
        assert_eq!(listed.len(), 3);
        let asked =
            |named: Field| AnswerField { field: named, is_listed: false, known: None, ..field("", Kind::Choice, &[]) };
        let fields = [Field::Code("CITY"), Field::Id(8), Field::Code("OWNER"), Field::Code("GONE"), Field::Id(10)];
        let resolved = resolved(&fields.map(asked), &listed);
        let ids: Vec<_> = resolved.iter().map(AnswerField::id).collect();
        assert_eq!(ids[..3], [Some(7), Some(8), Some(9)]);
        let own_words = AnswerField { choices: vec![Vec::new(); 2], ..resolved[0].clone() };
        assert_eq!(wanting(&[own_words]), []);
        let told: Vec<_> = wanting(&resolved).iter().map(Shortage::setting).collect();
        let told: Vec<_> = told.iter().filter_map(|told| told.strip_prefix("dealer.toml: city.crm_field = ")).collect();
        assert_eq!(told, ["CITY «Тула»", "OWNER", "GONE", "10"]);
        // Those that are not there get nothing; before anything is listed an id is tried.
        assert_eq!(sent(&resolved[4], "слова"), None);
        assert_eq!(sent(&asked(Field::Id(10)), "слова"), Some(Sent::Words(FIELD_CAP)));
        assert_eq!(sent(&asked(Field::Code("CITY")), "слова"), None);
    }

    #[test]
    fn a_mark_without_a_field_is_told_where_somebody_wants_it() {
        let page = json!({"_embedded": {"custom_fields": [
            {"id": 7, "code": "UTM_SOURCE", "type": "tracking_data"},
            {"id": 8, "code": "utm_medium", "type": "text"},
            {"id": 9, "code": "UTM_TERM", "type": "legal_entity"},
        ]}});
        let plain = crate::crm::amocrm::payload::tests::settings();
        let none: Vec<_> = Utm::iter().map(AnswerField::utm).collect();
        let unlisted = AmocrmSettings { answer_fields: Vec::new(), utm_fields: none.clone(), ..plain };
        let listed = AmocrmSettings { utm_fields: resolved(&none, &read(&page)), ..unlisted.clone() };
        let ids: Vec<_> = Utm::iter().map(|mark| listed.utm_field(mark).and_then(AnswerField::id)).collect();
        assert_eq!(ids, [Some(7), Some(8), None, None, Some(9)]);
        let lacks = |marks: &[Utm]| {
            marks.iter().map(|mark| Shortage::UtmField { code: mark.field().into(), id: None }).collect::<Vec<_>>()
        };
        let all = lacks(&[Utm::Campaign, Utm::Content, Utm::Term]);
        for (wanted, told) in [
            (vec![], vec![]),
            (vec![Utm::Source, Utm::Medium], vec![]),
            (vec![Utm::Source, Utm::Term, Utm::Content], lacks(&[Utm::Content, Utm::Term])),
        ] {
            let wanted = wanted.into_iter().collect();
            assert_eq!(lacking(&listed, &wanted), Lacking { wanting: told, all: all.clone() });
            assert_eq!(lacking(&unlisted, &wanted), Lacking::default(), "nobody knows yet");
        }
    }
}
