//! `[[question]]`: the rows of the dealer's own form.

use std::collections::BTreeMap;

use strum::VariantNames;

use super::document::{Table, Value};
use crate::{
    form::{Field, Form, Kind, NAME, PHONE, Question, Words, built_in},
    lead::Quantity,
};

/// More would not fit the card, nor a buyer's patience.
const MOST_QUESTIONS: usize = 40;
/// More buttons would not fit a phone.
const MOST_CHOICES: usize = 40;
/// Longer ones are cut on a button.
const LONGEST_CHOICE: usize = 60;
const LONGEST_LABEL: usize = 60;
const LONGEST_ASK: usize = 1000;
const LONGEST_KEY: usize = 32;

/// The rows, as far as they can be read; what is wrong is told.
pub fn read(list: &Value<'_>, first_language: &str) -> Option<Form> {
    let mut questions: Vec<Question> = Vec::new();
    let mut fields: BTreeMap<String, &'static str> = BTreeMap::new();
    let rows = list.list();
    if rows.len() > MOST_QUESTIONS {
        list.wrong(format!("has more than {MOST_QUESTIONS} questions"), "Ask less");
    }
    let (mut is_good, mut keys) = (true, Vec::new());
    for row in rows {
        let Some(table) = row.table() else {
            is_good = false;
            continue;
        };
        let key = table.get("key").and_then(|value| value.text(100));
        match read_one(&row, table, first_language) {
            Some(question) => {
                if keys.contains(&question.key) {
                    row.wrong(
                        format!("has the key {:?} once more", question.key),
                        "Every question has a key of its own",
                    );
                    is_good = false;
                }
                let field = question.field.map(|field| match field {
                    Field::Id(id) => id.to_string(),
                    Field::Code(code) => code.to_uppercase(),
                });
                if let Some(other) = field.and_then(|field| fields.insert(field, question.key)) {
                    let problem = format!("{:?} has the crm_field of {other:?}", question.key);
                    row.wrong(problem, "A field takes one answer");
                    is_good = false;
                }
                keys.push(question.key);
                questions.push(question);
            }
            None => {
                is_good = false;
                // It is there, whatever else is wrong with it.
                keys.extend([NAME, PHONE].into_iter().filter(|contact| Some(*contact) == key.as_deref()));
            }
        }
    }
    for key in [NAME, PHONE] {
        if !keys.contains(&key) {
            list.wrong(format!("has no question with the key {key}"), "Name and phone are asked in every form");
            is_good = false;
        }
    }
    is_good.then(|| Form::new(questions))
}

fn read_one(row: &Value<'_>, table: Table<'_>, first_language: &str) -> Option<Question> {
    let key_value = table.need("key", "Such as key = \"city\"");
    let key = key_value.as_ref().and_then(|value| {
        let key = value.text(100)?;
        let signs = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_key = key.len() <= LONGEST_KEY
            && key.bytes().all(signs)
            && key.starts_with(|sign: char| sign.is_ascii_lowercase());
        if !is_key {
            let remedy = format!("Small Latin letters, digits and _, a letter first, at most {LONGEST_KEY}");
            value.wrong(format!("is {key:?}, which cannot be a key"), remedy);
        }
        is_key.then_some(key)
    });
    let usual = key.as_deref().and_then(built_in);
    let kind_value = match usual {
        Some(_) => table.get("kind"),
        None => table.need("kind", &format!("One of: {}", Kind::VARIANTS.join(", "))),
    };
    let kind = match &kind_value {
        Some(value) => value.one_of::<Kind>(Kind::VARIANTS),
        None => usual.map(|usual| usual.kind),
    };
    if let (Some(key @ (NAME | PHONE)), Some(kind), Some(value)) = (key.as_deref(), kind, &kind_value)
        && usual.is_some_and(|usual| usual.kind != kind)
    {
        value.wrong(format!("must be {key}: that is the contact's"), format!("Write kind = \"{key}\""));
        return None;
    }
    let words = |value: Option<Value<'_>>, longest| value.map(|value| value.words(longest, first_language));
    let needed = |name: &'static str, such_as: &str| match usual {
        Some(_) => table.get(name),
        None => table.need(name, such_as),
    };
    let ask = words(needed("ask", "Such as ask = { ru = \"Из какого вы города?\" }"), LONGEST_ASK);
    let label = words(needed("label", "Such as label = { ru = \"Город\" }"), LONGEST_LABEL);
    let optional = table.get("optional");
    let is_optional = optional.as_ref().map(Value::flag);
    if let (Some(value), Some(Some(true)), Some(key @ (NAME | PHONE))) = (&optional, is_optional, key.as_deref()) {
        value.wrong(format!("cannot be true for {key}"), "Without it nobody can call back");
        return None;
    }
    let choices_value = table.get("choices");
    let choices = choices_value.as_ref().map(|value| choices(value, kind, first_language));
    if kind == Some(Kind::Choice) && choices_value.is_none() {
        table.wrong("choices are missing", "Such as choices = [{ ru = \"Москва\" }, { ru = \"Владивосток\" }]");
        return None;
    }
    let free_text = table.get("free_text");
    let is_free = free_text.as_ref().map(Value::flag);
    if let (Some(value), Some(kind)) = (&free_text, kind.filter(|kind| *kind != Kind::Choice)) {
        let kind: &str = kind.into();
        value.wrong(format!("is for kind choice, and this is {kind}"), "Leave it out");
        return None;
    }
    let field_value = table.get("crm_field");
    let field = field_value.as_ref().map(|value| field(value));
    if let (Some(value), Some(NAME | PHONE)) = (&field_value, key.as_deref()) {
        value.wrong("is not for name and phone: they are the contact's", "Leave it out");
        return None;
    }
    table.end();
    let kind = kind?;
    let usual_choices = usual.filter(|usual| usual.kind == kind).map(|usual| usual.choices);
    let usual_label = label.is_none();
    let _ = row;
    Some(Question {
        key: usual.map_or_else(|| key.clone().map(kept_text), |usual| Some(usual.key))?,
        kind,
        prompt: own_or(ask, usual.map(|usual| usual.prompt))?,
        label: own_or(label, usual.map(|usual| usual.label))?,
        icon: usual.map_or_else(|| icon(kind), |usual| usual.icon),
        edit: usual.filter(|_| usual_label).and_then(|usual| usual.edit),
        optional: match is_optional {
            Some(given) => given?,
            None => usual.is_some_and(|usual| usual.optional && usual.kind == kind),
        },
        choices: match choices {
            Some(given) => given?,
            None => usual_choices.unwrap_or_default(),
        },
        free_text: match is_free {
            Some(given) => given?,
            None => false,
        },
        field: match field {
            Some(given) => Some(given?),
            None => None,
        },
    })
}

fn own_or(given: Option<Option<Vec<(String, String)>>>, usual: Option<Words>) -> Option<Words> {
    match given {
        Some(words) => words.map(kept_words),
        None => usual,
    }
}

/// As [`Kind::takes_choices`] says.
pub(super) const CHOICES_ARE_FOR: &str = "They are for choice, money, number and text";

fn choices(value: &Value<'_>, kind: Option<Kind>, first_language: &str) -> Option<&'static [Words]> {
    if let Some(kind) = kind.filter(|kind| !kind.takes_choices()) {
        let kind: &str = kind.into();
        value.wrong(format!("are not for kind {kind}"), CHOICES_ARE_FOR);
        return None;
    }
    let list = value.list();
    if list.is_empty() && kind == Some(Kind::Choice) {
        value.wrong("are a list of nothing", "Name at least one");
        return None;
    }
    if list.len() > MOST_CHOICES {
        value.wrong(format!("are more than {MOST_CHOICES}"), "Offer less, or ask with kind text");
        return None;
    }
    let (mut all, mut is_good) = (Vec::new(), true);
    for one in list {
        let Some(words) = one.words(LONGEST_CHOICE, first_language) else {
            is_good = false;
            continue;
        };
        if all.iter().any(|known: &Vec<(String, String)>| known[0].1 == words[0].1) {
            one.wrong(format!("have {:?} twice", words[0].1), "Leave one of them out");
            is_good = false;
        }
        if kind == Some(Kind::Number) && words.iter().any(|(_, words)| Quantity::parse(words).is_none()) {
            one.wrong(format!("have {:?}, which is not one number", words[0].1), "Such as \"2021\"");
            is_good = false;
        }
        all.push(words);
    }
    is_good.then(|| &*Vec::leak(all.into_iter().map(kept_words).collect()))
}

fn field(value: &Value<'_>) -> Option<Field> {
    match value.text_or_id()? {
        Err(id) => Some(Field::Id(id)),
        Ok(code) => match code.parse::<i64>() {
            Ok(id) if id > 0 => Some(Field::Id(id)),
            _ if code.contains(char::is_whitespace) => {
                value.wrong(format!("is {code:?}, which has a blank in it"), "The code or the id of a lead's field");
                None
            }
            _ => Some(Field::Code(kept_text(code))),
        },
    }
}

fn icon(kind: Kind) -> &'static str {
    match kind {
        Kind::Name => "👤",
        Kind::Phone => "📞",
        Kind::Money => "💰",
        Kind::Link => "🔗",
        Kind::Text => "📝",
        Kind::Number => "🔢",
        Kind::Choice => "🔹",
        Kind::Date => "📅",
        Kind::Files => "📎",
    }
}

/// The form is read once, and asked for as long as the process lives: its words are never given back, so that a row is as
/// simple to pass around as one of the built-in table.
fn kept_text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// See [`kept_text`].
fn kept_words(words: Vec<(String, String)>) -> Words {
    Words::Given(Vec::leak(words.into_iter().map(|(code, words)| (kept_text(code), kept_text(words))).collect()))
}
