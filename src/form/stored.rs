//! Drafts as they stand in the store: every version's are read, and none locks a chat out.
//!
//! A step that this version or this form does not know, or an answer that it cannot read, is passed over: the form goes on
//! at the first question without an answer. What was said and is not asked any more is kept as it is.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    consent_rule::ConsentRule,
    draft::{Answer, Draft, Step},
    questions::{BUDGET, CAR_LINK, Form, Kind, NAME, PHONE, Question, Words},
};
use crate::lead::CarLink;

/// Under which members the answers stand that the first version knew; all others are in [`OTHERS`].
const MEMBERS: [(&str, &str); 4] = [(NAME, "name"), (PHONE, "phone"), (BUDGET, "budget"), (CAR_LINK, "car")];
const OTHERS: &str = "answers";

/// Stands in a draft of which what there was is a lead.
pub const SENT_UNFINISHED: &str = "sent_unfinished";

/// Steps that are no questions; a question may have such a key.
const STEPS: [&str; 3] = ["idle", "consent", "confirm"];
const QUESTION: &str = "question:";

/// Words of the form in every language, first in the managers'.
pub type AllWords = fn(&Words) -> Vec<String>;

/// The name of a step.
pub fn step_name(step: Step) -> Cow<'static, str> {
    match step {
        Step::Idle => "idle".into(),
        Step::Consent => "consent".into(),
        Step::Confirm => "confirm".into(),
        Step::Ask(key) if STEPS.contains(&key) => format!("{QUESTION}{key}").into(),
        Step::Ask(key) => key.into(),
    }
}

/// Where a stored form goes on.
pub fn read_step(name: &str, draft: Option<&Draft>, form: &Form) -> Step {
    let Some(draft) = draft else { return Step::Idle };
    let key = name.strip_prefix(QUESTION).unwrap_or(if STEPS.contains(&name) { "" } else { name });
    match (name, form.question(key)) {
        ("consent", _) => Step::Consent,
        (_, Some(question)) => Step::Ask(question.key),
        // A card needs all answers, even if some of them were lost on the way.
        _ => draft.next_step(form, &ConsentRule::Nothing),
    }
}

/// A draft as JSON.
pub fn draft_json(draft: &Draft, form: &Form, words: AllWords) -> Value {
    let mut json = draft.rest.clone();
    let mut others = match json.remove(OTHERS) {
        Some(Value::Object(others)) => others,
        _ => Map::new(),
    };
    json.insert("id".into(), json!(draft.id));
    json.insert("number".into(), json!(draft.number));
    json.insert("consent_at".into(), json!(draft.consent_at));
    if let Some(consent) = &draft.consent {
        json.insert("consent".into(), json!(consent));
    }
    if !draft.shown_consents.is_empty() {
        json.insert("shown_consents".into(), json!(draft.shown_consents));
    }
    if draft.sent_unfinished {
        json.insert(SENT_UNFINISHED.into(), json!(true));
    }
    if let Some(buyer) = &draft.buyer {
        json.insert("buyer".into(), json!(buyer));
    }
    if draft.phone_before_consent {
        json.insert("phone_before_consent".into(), json!(true));
    }
    for question in form.questions() {
        let Some(answer) = draft.answers.get(question.key) else { continue };
        let answer = answer_json(question, answer, words);
        match member(question.key) {
            Some(member) => json.insert(member.into(), answer),
            None => others.insert(question.key.into(), answer),
        };
    }
    if !others.is_empty() {
        json.insert(OTHERS.into(), others.into());
    }
    if !draft.refused.is_empty() {
        json.insert("refused".into(), json!(draft.refused));
    }
    if !draft.said.is_empty() {
        json.insert("said".into(), json!(draft.said));
    }
    json.insert("wish".into(), json!(draft.wish));
    if !draft.files.is_empty() || draft.album.is_some() {
        json.insert("files".into(), json!(draft.files));
        json.insert("album".into(), json!(draft.album));
    }
    Value::Object(json)
}

/// Reads a draft that any version stored; `None` for what is none.
pub fn read_draft(value: &Value, form: &Form, words: AllWords) -> Option<Draft> {
    let mut rest = value.as_object()?.clone();
    let mut take = |name: &str| rest.remove(name).unwrap_or_default();
    let fresh = Draft::open();
    let (id, number) = (read(&take("id")), read(&take("number")));
    let (consent_at, consent) = (read(&take("consent_at")), read(&take("consent")));
    let shown_consents = read(&take("shown_consents")).unwrap_or_default();
    let sent_unfinished = read(&take(SENT_UNFINISHED)).unwrap_or_default();
    let buyer = read(&take("buyer"));
    let phone_before_consent = read(&take("phone_before_consent")).unwrap_or_default();
    let wish = read(&take("wish"));
    let refused: std::collections::BTreeMap<String, String> = read(&take("refused")).unwrap_or_default();
    let said = read(&take("said")).unwrap_or_default();
    let files = take("files").as_array().into_iter().flatten().filter_map(read).collect();
    let album = read(&take("album"));
    let mut others = match take(OTHERS) {
        Value::Object(others) => others,
        _ => Map::new(),
    };
    let mut answers = std::collections::BTreeMap::new();
    for question in form.questions() {
        let (members, name) = match member(question.key) {
            Some(member) => (&mut rest, member),
            None => (&mut others, question.key),
        };
        let is_passed_over = |value: &Value| value["skipped"] == true && refused.contains_key(question.key);
        let read = |value: &Value| match is_passed_over(value) {
            true => Some(Answer::skipped(question)),
            false => read_answer(question, value, words),
        };
        if let Some(answer) = members.get(name).and_then(read) {
            members.remove(name);
            answers.insert(question.key, answer);
        }
    }
    rest.retain(|_, value| !value.is_null());
    if !others.is_empty() {
        rest.insert(OTHERS.into(), others.into());
    }
    Some(Draft {
        id: id.unwrap_or(fresh.id),
        number: number.unwrap_or(fresh.number),
        consent_at,
        consent,
        shown_consents,
        pressed_consent: None,
        sent_unfinished,
        buyer,
        phone_before_consent,
        answers,
        wish,
        files,
        album,
        refused,
        said,
        rest,
    })
}

/// The answers of a draft that its form does not ask any more, by their keys, as far as they can be shown.
pub(super) fn no_longer_asked(draft: &Draft, form: &Form) -> Vec<(String, String)> {
    let of_first_version = MEMBERS.iter().map(|(key, member)| (*key, draft.rest.get(*member)));
    let others = draft.rest.get(OTHERS).and_then(Value::as_object);
    let others = others.into_iter().flatten().map(|(key, value)| (key.as_str(), Some(value)));
    let shown = |(key, value): (&str, Option<&Value>)| {
        if form.question(key).is_some() {
            return None;
        }
        Some((key.to_owned(), shown(value?)?))
    };
    of_first_version.chain(others).filter_map(shown).collect()
}

fn shown(value: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    text(value)
        .or_else(|| text(&value["typed"]))
        .or_else(|| text(&value["link"]["url"]))
        .filter(|text| !text.is_empty())
}

/// Under which name an answer stands in a draft where it is not among the others.
fn member(key: &str) -> Option<&'static str> {
    MEMBERS.iter().find(|(known, _)| *known == key).map(|(_, member)| *member)
}

fn answer_json(question: &Question, answer: &Answer, words: AllWords) -> Value {
    match answer {
        Answer::Name(name) => json!(name),
        Answer::Phone(phone) => json!(phone),
        Answer::Money(budget) => json!(budget),
        Answer::Link(link) => json!({ "link": link }),
        Answer::Text(text) => json!(text),
        Answer::Number(number) => json!(number),
        // The choices may stand in another order the next time.
        Answer::Choice(at) => {
            json!(question.choices.get(*at).and_then(|choice| words(choice).into_iter().next()))
        }
        Answer::Date(day) => json!(day),
        Answer::Skipped => json!({ "skipped": true }),
    }
}

fn read_answer(question: &Question, value: &Value, words: AllWords) -> Option<Answer> {
    if question.optional && value["skipped"] == true {
        return Some(Answer::skipped(question));
    }
    match question.kind {
        Kind::Name => read(value).map(Answer::Name),
        Kind::Phone => read(value).map(Answer::Phone),
        Kind::Money => read(value).map(Answer::Money),
        Kind::Link => {
            let link = value.as_object()?.get("link").unwrap_or(&Value::Null);
            read::<Option<CarLink>>(link).map(Answer::Link)
        }
        Kind::Text => value.as_str().map(|text| Answer::Text(text.to_owned())),
        Kind::Number => read(value).map(Answer::Number),
        Kind::Choice => {
            let text = value.as_str()?;
            let chosen = question.choices.iter().position(|choice| words(choice).iter().any(|words| words == text));
            let typed = question.free_text.then(|| Answer::Text(text.to_owned()));
            chosen.map(Answer::Choice).or(typed)
        }
        Kind::Date => read(value).map(Answer::Date),
        Kind::Files => (value["skipped"] == true).then_some(Answer::Skipped),
    }
}

/// What can be read of a member; `None` for everything else.
pub fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wording::Lang;

    const WORDS: AllWords = Lang::all_words;

    /// A draft as 0.1.0 wrote it.
    const FIRST_VERSION: &str = r#"{"id":"01J7ABCDEFGHJKMNPQRSTVWXYZ","number":"K7M2QXA","consent_at":null,
        "name":"Иван","phone":{"e164":"+79991234567","typed":"8 999 123-45-67","origin":"typed"},
        "budget":{"typed":"2,5 млн","price":2500000},"car":{"link":null}}"#;

    #[test]
    fn a_draft_of_the_first_version_is_read_and_written_as_it_was() {
        let stored: Value = serde_json::from_str(FIRST_VERSION).expect("JSON");
        let form = Form::default();
        let draft = read_draft(&stored, &form, WORDS).expect("a draft");
        assert!(draft.is_complete(&form));
        let mut written = draft_json(&draft, &form, WORDS);
        assert_eq!(written.as_object_mut().and_then(|members| members.remove("wish")), Some(Value::Null));
        assert_eq!(written, stored);
    }

    #[test]
    fn every_question_is_asked_again_whose_answer_cannot_be_read() {
        let form = Form::default();
        for (member, key) in [("name", NAME), ("phone", PHONE), ("budget", BUDGET), ("car", CAR_LINK)] {
            for strange in [json!(null), json!(7), json!([]), json!({"strange": {"link": 1}}), json!({"link": 5})] {
                let mut stored: Value = serde_json::from_str(FIRST_VERSION).expect("JSON");
                let is_no_link = member == "car" && strange == json!({"strange": {"link": 1}});
                stored[member] = strange.clone();
                let draft = read_draft(&stored, &form, WORDS).expect("a draft");
                let step = read_step("confirm", Some(&draft), &form);
                // An answer about the car without a link says that there is none.
                assert_eq!(step, if is_no_link { Step::Confirm } else { Step::Ask(key) }, "{member}: {strange}");
            }
        }
    }

    #[test]
    fn a_step_is_read_as_it_was_written() {
        let form = Form::default();
        let draft = Draft::open();
        for step in [Step::Consent, Step::Ask(NAME), Step::Ask(CAR_LINK)] {
            assert_eq!(read_step(&step_name(step), Some(&draft), &form), step);
        }
        for unknown in ["", "car_colour", "idle", "confirm"] {
            assert_eq!(read_step(unknown, Some(&draft), &form), Step::Ask(NAME), "{unknown}");
        }
        assert_eq!(read_step("phone", None, &form), Step::Idle);
    }
}
