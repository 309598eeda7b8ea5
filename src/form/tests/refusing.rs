//! What answers nothing that is asked, and what does in other words.

use super::*;
use crate::{
    form::{ConsentRule, Draft, Form, Input, Kind, Step, Words, turn},
    lead::{Buyer, Region, Sources},
    wording::Lang,
};
use chrono::Utc;

const ENGINE: &[Words] = &[
    Words::Given(&[("ru", "Бензин"), ("en", "Petrol")]),
    Words::Given(&[("ru", "Дизель"), ("en", "Diesel")]),
    Words::Given(&[("ru", "Гибрид"), ("en", "Hybrid")]),
    Words::Given(&[("ru", "Белый")]),
    Words::Given(&[("ru", "2.0 литра")]),
];

fn question(kind: Kind) -> Question {
    Question {
        key: "extra",
        kind,
        prompt: Words::Given(&[("ru", "Что?")]),
        label: Words::Given(&[("ru", "Ответ")]),
        icon: "▫️",
        edit: None,
        optional: false,
        choices: if kind == Kind::Choice { ENGINE } else { &[] },
        free_text: false,
        field: None,
    }
}

fn world(kind: Kind) -> World {
    let questions = [question(kind)];
    let form = Form::new(questions.into_iter().chain(Form::default().questions().iter().copied()).collect());
    World {
        now: Utc::now(),
        utc_offset: chrono::TimeDelta::hours(3),
        sent_at: None,
        message: None,
        has_buttons: true,
        region: Region::default(),
        consent: ConsentRule::Nothing,
        buyer: Buyer::default(),
        first_name: None,
        last_request: None,
        form,
        sources: Sources::default(),
        words: Lang::all_words,
        request: None,
        keys: Lang::typed_by_key,
    }
}

/// Says one after the other to the question; returns the draft, whether it is still asked, and the last answer. Between two of
/// them the draft is stored and read.
fn said(kind: Kind, texts: &[&str]) -> (Draft, bool, Vec<Say>) {
    let world = world(kind);
    let mut conversation = turn(Conversation::idle(None), Input::Start, &world).conversation;
    let mut last = Vec::new();
    for text in texts {
        let input = Input::Text { text: (*text).into(), links: Vec::new() };
        let outcome = turn(conversation, input, &world);
        conversation = outcome.conversation;
        last = outcome.replies.into_iter().flatten().collect();
        let json =
            crate::form::stored::draft_json(conversation.draft.as_ref().expect("a draft"), &world.form, world.words);
        let read = crate::form::stored::read_draft(&json, &world.form, world.words);
        assert_eq!(read, conversation.draft, "{text}");
    }
    let is_asked = conversation.step == Step::Ask("extra");
    (conversation.draft.expect("a draft"), is_asked, last)
}

#[test]
fn a_choice_is_known_with_other_signs_endings_and_words_around_it() {
    for (text, at, is_more) in [
        ("Дизель", 1, false),
        ("ДИЗЕЛЬ.", 1, false),
        ("«дизель»!", 1, false),
        ("diesel", 1, false),
        ("дизельный", 1, false),
        ("Давайте дизель", 1, false),
        ("дизель, пожалуйста", 1, false),
        ("бензиновый", 0, false),
        ("на бензине", 0, false),
        ("гибридная", 2, false),
        ("hybrid please", 2, false),
        ("белая", 3, false),
        ("2,0 литра", 4, false),
        ("дизель и полный привод", 1, true),
    ] {
        let (draft, is_asked, says) = said(Kind::Choice, &[text]);
        assert_eq!(draft.answers.get("extra"), Some(&Answer::Choice(at)), "{text}: {says:?}");
        assert_eq!((is_asked, draft.wish.is_some()), (false, is_more), "{text}");
    }
    for text in
        ["не дизель", "дизель или бензин", "дизель?", "электро", "2 литра", "любой", "не знаю", "ок", "👍", "нет"]
    {
        let (draft, is_asked, says) = said(Kind::Choice, &[text]);
        assert!(is_asked && draft.answers.is_empty(), "{text}");
        assert!(says.contains(&Say::ChooseOne), "{text}: {says:?}");
    }
}

#[test]
fn no_question_is_a_dead_end_and_nothing_that_was_said_to_it_is_lost() {
    for (kind, texts, wish) in [
        (Kind::Choice, ["электро", "не знаю"], "Ответ: электро; не знаю"),
        (Kind::Choice, ["любой", "Любой"], "Ответ: Любой"),
        (Kind::Date, ["когда угодно", "не знаю"], "Ответ: когда угодно; не знаю"),
        (Kind::Date, ["как получится", "как получится"], "Ответ: как получится"),
        (Kind::Number, ["2020-2022", "любой"], "Ответ: 2020-2022; любой"),
    ] {
        let (_, is_asked, _) = said(kind, &texts[..1]);
        assert!(is_asked, "{texts:?}");
        let (draft, is_asked, says) = said(kind, &texts);
        assert!(!is_asked && draft.answers.get("extra") == Some(&Answer::Skipped), "{texts:?}: {says:?}");
        assert_eq!(draft.wish.as_ref().map(Wish::as_str), Some(wish));
        assert!(says.iter().any(|say| matches!(say, Say::Noted { wish: Some(told), .. } if told == wish)), "{says:?}");
    }
    // What is better comes in time.
    let (draft, is_asked, _) = said(Kind::Choice, &["электро", "дизель"]);
    assert!(!is_asked && draft.answers.get("extra") == Some(&Answer::Choice(1)) && draft.wish.is_none());
    // A greeting, a sign or a question is none, however often it comes; what is asked is for the manager.
    for (text, is_kept) in [("привет", false), ("👍", false), ("…", false), ("а какой лучше?", true)]
    {
        for kind in [Kind::Choice, Kind::Date, Kind::Number] {
            let (draft, is_asked, _) = said(kind, &[text, text, text]);
            assert_eq!((is_asked, draft.wish.is_some()), (true, is_kept), "{kind:?}: {text}");
        }
    }
}

#[test]
fn a_day_that_is_over_is_asked_about_once() {
    let (draft, is_asked, says) = said(Kind::Date, &["10.10.2020"]);
    assert!(is_asked && draft.answers.is_empty());
    assert_eq!(says[0], Say::DayIsOver { day: "10.10.2020".into() });
    let (draft, is_asked, _) = said(Kind::Date, &["10.10.2020", "10.10.2020"]);
    assert!(!is_asked && matches!(draft.answers.get("extra"), Some(Answer::Date(_))));
    let (draft, is_asked, _) = said(Kind::Date, &["10.10.2020", "завтра"]);
    assert!(!is_asked && matches!(draft.answers.get("extra"), Some(Answer::Date(_))));
    let (_, is_asked, says) = said(Kind::Date, &["12/5"]);
    assert!(!is_asked && says.iter().any(|say| matches!(say, Say::DayTaken { .. })), "{says:?}");
    let (_, _, says) = said(Kind::Date, &["завтра в 15:00"]);
    assert!(!says.iter().any(|say| matches!(say, Say::DayTaken { .. })), "{says:?}");
}

#[test]
fn what_nobody_can_mean_is_no_sum_and_a_question_is_for_the_manager() {
    let first = |text: &str| {
        let world = World { form: Form::default(), ..world(Kind::Text) };
        let inputs = [Input::Start, typed("Иван"), typed("89991234567"), typed(text)];
        inputs.into_iter().fold((Conversation::idle(None), Vec::new()), |(conversation, _), input| {
            let outcome = turn(conversation, input, &world);
            (outcome.conversation, outcome.replies.into_iter().flatten().collect::<Vec<_>>())
        })
    };
    for (text, is_taken, is_kept) in [
        ("дорого?", false, true),
        ("а сколько надо?", false, true),
        ("сколько нужно", false, true),
        ("0", false, false),
        ("-5", false, false),
        ("млн", false, false),
        ("999999999999999", false, false),
        ("2 млн", true, false),
        ("не знаю", true, false),
        ("недорого", true, false),
        ("25000$", true, false),
        ("2 млн хватит?", true, false),
    ] {
        let (conversation, says) = first(text);
        assert_eq!(conversation.step != Step::Ask("budget"), is_taken, "{text}: {says:?}");
        assert_eq!(conversation.draft.is_some_and(|draft| draft.wish.is_some()), is_kept, "{text}: {says:?}");
    }
}

fn typed(text: &str) -> Input {
    Input::Text { text: text.into(), links: Vec::new() }
}

#[test]
fn whoever_asks_why_the_phone_is_needed_is_told() {
    for (text, why, is_kept) in [
        ("зачем вам номер?", true, false),
        ("это обязательно?", true, false),
        ("не хочу давать", true, false),
        ("да ну не хочу", true, false),
        ("напишите в телеграм", true, true),
        ("why do you need it?", true, false),
        ("I'd rather not", true, false),
        ("please write me here", true, true),
        ("89991234567", false, false),
        ("8 999", false, false),
        ("ок", false, false),
    ] {
        let asked = asks_why_phone(text);
        assert_eq!((asked.is_some(), asked.flatten().is_some()), (why, is_kept), "{text}");
    }
}
