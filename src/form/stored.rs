//! Drafts as they stand in the store: every version's are read, and none locks a chat out.
//!
//! A step that this version does not know, or an answer that it cannot read, is passed over: the form goes on at the
//! first question without an answer.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    draft::{Answer, Draft, Step},
    questions::{CAR_LINK, Form, Kind, Question},
};
use crate::lead::CarLink;

/// The name of a step.
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Idle => "idle",
        Step::Consent => "consent",
        Step::Ask(key) => key,
        Step::Confirm => "confirm",
    }
}

/// Where a stored form goes on.
pub fn read_step(name: &str, draft: Option<&Draft>, form: &Form) -> Step {
    let Some(draft) = draft else { return Step::Idle };
    match (name, form.question(name)) {
        ("consent", _) => Step::Consent,
        (_, Some(question)) => Step::Ask(question.key),
        // A card needs all answers, even if some of them were lost on the way.
        _ => draft.next_step(form, false),
    }
}

/// A draft as JSON.
pub fn draft_json(draft: &Draft, form: &Form) -> Value {
    let mut json = Map::new();
    json.insert("id".into(), json!(draft.id));
    json.insert("number".into(), json!(draft.number));
    json.insert("consent_at".into(), json!(draft.consent_at));
    for question in form.questions() {
        json.insert(member(question).into(), draft.answers.get(question.key).map_or(Value::Null, answer_json));
    }
    json.insert("wish".into(), json!(draft.wish));
    if !draft.files.is_empty() || draft.album.is_some() {
        json.insert("files".into(), json!(draft.files));
        json.insert("album".into(), json!(draft.album));
    }
    Value::Object(json)
}

/// Reads a draft that any version stored; `None` for what is none.
pub fn read_draft(value: &Value, form: &Form) -> Option<Draft> {
    if !value.is_object() {
        return None;
    }
    let fresh = Draft::open();
    let answer = |question: &Question| Some((question.key, read_answer(question, &value[member(question)])?));
    Some(Draft {
        id: read(&value["id"]).unwrap_or(fresh.id),
        number: read(&value["number"]).unwrap_or(fresh.number),
        consent_at: read(&value["consent_at"]),
        answers: form.questions().iter().filter_map(answer).collect(),
        wish: read(&value["wish"]),
        files: value["files"].as_array().into_iter().flatten().filter_map(read).collect(),
        album: read(&value["album"]),
    })
}

/// Under which name an answer stands in a draft.
fn member(question: &Question) -> &'static str {
    // As the first version named it.
    if question.key == CAR_LINK { "car" } else { question.key }
}

fn answer_json(answer: &Answer) -> Value {
    match answer {
        Answer::Name(name) => json!(name),
        Answer::Phone(phone) => json!(phone),
        Answer::Money(budget) => json!(budget),
        Answer::Link(link) => json!({ "link": link }),
        Answer::Text(text) => json!(text),
        Answer::Choice(key) => json!(key),
        Answer::Skipped => json!({ "skipped": true }),
    }
}

fn read_answer(question: &Question, value: &Value) -> Option<Answer> {
    if question.optional && value["skipped"] == true {
        return Some(Answer::Skipped);
    }
    match question.kind {
        Kind::Name => read(value).map(Answer::Name),
        Kind::Phone => read(value).map(Answer::Phone),
        Kind::Money => read(value).map(Answer::Money),
        Kind::Link => {
            let link = value.as_object()?.get("link").unwrap_or(&Value::Null);
            read::<Option<CarLink>>(link).map(Answer::Link)
        }
        Kind::Text { .. } => value.as_str().map(|text| Answer::Text(text.to_owned())),
        Kind::Choice(choices) => {
            choices.iter().find(|choice| value == choice.key).map(|choice| Answer::Choice(choice.key))
        }
    }
}

/// What can be read of a member; `None` for everything else.
pub fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::questions::{BUDGET, NAME, PHONE};
    use super::*;

    /// A draft as 0.1.0 wrote it.
    const FIRST_VERSION: &str = r#"{"id":"01J7ABCDEFGHJKMNPQRSTVWXYZ","number":"K7M2QXA","consent_at":null,
        "name":"Иван","phone":{"e164":"+79991234567","typed":"8 999 123-45-67","origin":"typed"},
        "budget":{"typed":"2,5 млн","price":2500000},"car":{"link":null}}"#;

    #[test]
    fn a_draft_of_the_first_version_is_read_and_written_as_it_was() {
        let stored: Value = serde_json::from_str(FIRST_VERSION).expect("JSON");
        let form = Form::default();
        let draft = read_draft(&stored, &form).expect("a draft");
        assert!(draft.is_complete(&form));
        let mut written = draft_json(&draft, &form);
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
                let draft = read_draft(&stored, &form).expect("a draft");
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
            assert_eq!(read_step(step_name(step), Some(&draft), &form), step);
        }
        for unknown in ["", "car_colour", "idle", "confirm"] {
            assert_eq!(read_step(unknown, Some(&draft), &form), Step::Ask(NAME), "{unknown}");
        }
        assert_eq!(read_step("phone", None, &form), Step::Idle);
    }
}
