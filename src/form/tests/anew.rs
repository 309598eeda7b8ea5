//! What is said against earlier answers, and words that answer nothing.

use super::*;
use crate::form::{Draft, Field};

pub(super) const CITY: Question = Question {
    key: "city",
    kind: Kind::Choice,
    prompt: Words::Given(&[("ru", "Город?"), ("en", "City?")]),
    label: Words::Given(&[("ru", "Город"), ("en", "City")]),
    icon: "•",
    edit: None,
    optional: false,
    choices: &[Words::Given(&[("ru", "Москва"), ("en", "Moscow")]), Words::Given(&[("ru", "Казань"), ("en", "Kazan")])],
    free_text: false,
    field: None::<Field>,
};

pub(super) fn of_kind(
    kind: Kind,
    label: &'static [(&'static str, &'static str)],
    key: &'static str,
    optional: bool,
) -> Question {
    Question { key, kind, label: Words::Given(label), optional, choices: &[], ..CITY }
}

pub(super) fn form() -> World {
    let more = [
        CITY,
        of_kind(Kind::Number, &[("ru", "Год выпуска"), ("en", "Year")], "year", false),
        of_kind(Kind::Date, &[("ru", "Когда нужен"), ("en", "When")], "date", false),
        of_kind(Kind::Text, &[("ru", "Комментарий"), ("en", "Comment")], "comment", false),
    ];
    World { form: Form::default().with(&more), ..world(false) }
}

pub(super) const ANSWERS: [&str; 8] =
    ["Иван", "89991234567", "2 млн", "нет", "Москва", "2021", "25.12.2026", "без комментариев"];

/// A talk of the first answers, then this.
pub(super) fn after(first: usize, said: &str, world: &World) -> (String, Draft, Vec<Vec<Say>>) {
    let before =
        ANSWERS[..first].iter().fold(turn(Conversation::idle(None), Input::Start, world), |outcome, answer| {
            turn(outcome.conversation, text(answer), world)
        });
    let outcome = turn(before.conversation, text(said), world);
    let draft = outcome.conversation.draft.clone().expect("a draft");
    (on_step(&outcome.conversation), draft, outcome.replies)
}

pub(super) fn shown(draft: &Draft, key: &str, world: &World) -> String {
    let question = world.form.question(key).expect("a question");
    draft.answers.get(key).and_then(|answer| crate::form::said::value(question, answer, world)).unwrap_or_default()
}

#[test]
fn a_new_answer_to_an_earlier_question_changes_it() {
    let world = form();
    for (first, said, key, want, wish) in [
        (8, "нет, бюджет 3 млн", "budget", "3 млн", ""),
        (8, "бюджет 3 млн", "budget", "3 млн", ""),
        (8, "3 млн", "budget", "3 млн", ""),
        (8, "до 3 млн рублей", "budget", "до 3 млн рублей", ""),
        (8, "actually 40k dollars", "budget", "40k dollars", ""),
        (8, "Sorry, my budget is $40,000", "budget", "$40,000", ""),
        (8, "не 2 млн, а 3 млн", "budget", "3 млн", ""),
        (8, "не 2 а 3 млн", "budget", "3 млн", ""),
        (8, "пусть будет до 2,5 млн", "budget", "до 2,5 млн", ""),
        (8, "Ой, ошибся, 3 млн", "budget", "3 млн", ""),
        (8, "нет, бюджет 3 млн и лучше белую Kia", "budget", "3 млн", "и лучше белую Kia"),
        (8, "бюджет не знаю", "budget", "не знаю", ""),
        (3, "нет, бюджет 3 млн", "budget", "3 млн", ""),
        (3, "3 млн", "budget", "3 млн", ""),
        (3, "Kia K5, бюджет 3 млн", "budget", "3 млн", "Kia K5"),
        (8, "мой номер другой: 8 912 123-45-67", "phone", "+79121234567", ""),
        (8, "89121234567", "phone", "+79121234567", ""),
        (8, "нет, телефон 8 912 123 45 67", "phone", "+79121234567", ""),
        (8, "My number is wrong, it's +44 7400 123456", "phone", "+447400123456", ""),
        (8, "не 8 999 123 45 67, а 8 912 123 45 67", "phone", "+79121234567", ""),
        (3, "мой номер другой: 8 912 123-45-67", "phone", "+79121234567", ""),
        (2, "мой номер другой: 8 912 123-45-67", "phone", "+79121234567", ""),
        (2, "телефон не тот, 89121234567", "phone", "+79121234567", ""),
        (4, "телефон не тот, 89121234567", "phone", "+79121234567", ""),
        (5, "нет, бюджет 3 млн", "budget", "3 млн", ""),
        (6, "бюджет 3 млн", "budget", "3 млн", ""),
        (7, "исправьте бюджет на 3 млн", "budget", "3 млн", ""),
        (3, "нет, меня зовут Пётр", "name", "Пётр", ""),
        (8, "Меня зовут Пётр", "name", "Пётр", ""),
        (8, "имя неправильное, меня зовут Пётр", "name", "Пётр", ""),
        (8, "Казань", "city", "Казань", ""),
        (8, "нет, Казань", "city", "Казань", ""),
        (8, "Город: Казань", "city", "Казань", ""),
        (5, "город Казань", "city", "Казань", ""),
        (8, "my city is Kazan", "city", "Казань", ""),
        (8, "год выпуска 2019", "year", "2019", ""),
        (8, "Комментарий: только белая", "comment", "только белая", ""),
        (8, "Когда нужен: через неделю", "date", "03.12.2026", ""),
    ] {
        let world = World { now: "2026-11-26T09:00:00Z".parse().expect("a time"), ..world.clone() };
        let (step, draft, replies) = after(first, said, &world);
        let (before, _, _) = after(first - 1, ANSWERS[first - 1], &world);
        assert_eq!(shown(&draft, key, &world), want, "{said}");
        let is_on = wish.is_empty();
        assert!(step == before || !is_on, "{said} leads from {before} to {step}");
        let is_told =
            replies.iter().flatten().any(|say| matches!(say, Say::AnswersChanged { changes } if changes.len() == 1));
        assert!(is_told, "{said}: {replies:?}");
        assert_eq!(draft.wish.as_ref().map_or("", |wish| wish.as_str()), wish, "{said}");
        if first == ANSWERS.len() {
            assert!(matches!(replies.last().and_then(|last| last.last()), Some(Say::Card(_))), "{said}: {replies:?}");
        }
        for other in world.form.questions().iter().filter(|other| other.key != key && other.key != "car_link") {
            let (_, usual, _) = after(first - 1, ANSWERS[first - 1], &world);
            assert_eq!(draft.answers.get(other.key), usual.answers.get(other.key), "{said}: {}", other.key);
        }
    }
}

#[test]
fn what_may_be_something_else_changes_nothing() {
    let world = form();
    for (first, said) in [
        (2, "89121234567"),
        (8, "Kia K5 за 3 млн"),
        (8, "белая, без пробега по РФ"),
        (8, "второй номер 8 912 123-45-67"),
        (8, "телефон жены 8 912 123-45-67, звоните ей"),
        (8, "номер продавца 89121234567"),
        (8, "а 3 млн хватит?"),
        (8, "она стоит 3 млн"),
        (8, "мой номер 8 999 123-45-67"),
        (8, "2 миллиона"),
        (8, "новая машина до 2 млн"),
        (8, "спасибо"),
        (8, "не знаю"),
        (8, "нет"),
        (3, "Toyota Camry 2021 белая"),
        (3, "Kia K5 за 3 млн"),
        (3, "не битая и не крашеная"),
        (3, "можно другой цвет"),
        (7, "8 912 123-45-67"),
        (7, "город не важен, но лучше белую"),
        (5, "2019"),
    ] {
        let (_, draft, replies) = after(first, said, &world);
        assert!(!replies.iter().flatten().any(|say| matches!(say, Say::AnswersChanged { .. })), "{said}: {replies:?}");
        for (at, question) in world.form.questions().iter().take(first).enumerate() {
            if question.key != "car_link" {
                let (_, usual, _) = after(at + 1, "/", &world);
                assert_eq!(
                    draft.answers.get(question.key),
                    usual.answers.get(question.key),
                    "{said}: {}",
                    question.key
                );
            }
        }
    }
    // A second phone is the manager's to see, and so is a sum; the budget is said to be what it was.
    for (said, is_asked) in
        [("второй номер 8 912 123-45-67", false), ("Kia K5 за 3 млн", true), ("она стоит 3 млн", true)]
    {
        let (_, draft, replies) = after(8, said, &world);
        assert!(draft.wish.is_some(), "{said}");
        assert_eq!(replies.iter().flatten().any(|say| matches!(say, Say::BudgetStays { .. })), is_asked, "{said}");
    }
}

#[test]
fn an_answer_that_is_only_called_wrong_is_asked_again() {
    let world = form();
    for (first, said, step) in [
        (8, "телефон не тот", "phone"),
        (8, "хочу изменить бюджет", "budget"),
        (8, "имя неправильное", "name"),
        (8, "change the city", "city"),
        (8, "wrong number", "phone"),
        (3, "телефон не тот", "phone"),
        (2, "номер другой", "phone"),
        (2, "неверный номер телефона", "phone"),
        (4, "бюджет не тот", "budget"),
    ] {
        let (asked, draft, replies) = after(first, said, &world);
        assert_eq!(asked, step, "{said}");
        assert!(
            matches!(replies.last().and_then(|last| last.last()), Some(Say::Ask(ask)) if ask.kept.is_some()),
            "{said}"
        );
        assert!(draft.wish.is_none(), "{said}");
    }
}

#[test]
fn a_sum_in_doubt_is_asked_about_and_its_currency_is_taken() {
    let world = form();
    for (said, then, want, price) in [
        ("30k", "долларов", "30k долларов", 0),
        ("30к", "это в долларах", "30к долларах", 0),
        ("30 тысяч", "рублей", "30 тысяч рублей", 30_000),
        ("30k", "бюджет 30k usd", "30k usd", 0),
        ("30k", "нет, 3 млн", "3 млн", 3_000_000),
    ] {
        let asked = after(2, said, &world);
        assert_eq!(asked.0, "car_link", "{said}");
        assert!(asked.2.iter().flatten().any(|say| matches!(say, Say::BudgetInDoubt { .. })), "{said}");
        let inputs = [Input::Start, text("Иван"), text("89991234567"), text(said), text(then)];
        let (conversation, replies) = play(&inputs);
        assert!(replies.iter().flatten().any(|say| matches!(say, Say::AnswersChanged { .. })), "{then}: {replies:?}");
        let draft = conversation.draft.expect("a draft");
        let Some(Answer::Money(budget)) = draft.answers.get("budget") else { panic!("{draft:?}") };
        assert_eq!((budget.shown(), budget.price()), (want, price), "{then}");
    }
}

#[test]
fn what_is_taken_out_of_the_form_goes() {
    let world = form();
    let (_, draft, _) = after(8, "уберите ссылку", &world);
    assert_eq!(draft.answers["car_link"], Answer::Link(None));
    let inputs =
        ANSWERS.iter().chain(&["https://auto.ru/cars/used/1234567", "с люком в машине"]).map(|said| text(said));
    let start = turn(Conversation::idle(None), Input::Start, &world);
    let full = inputs.fold(start, |before, input| turn(before.conversation, input, &world)).conversation;
    for (said, has_link, has_wish, step) in [
        ("уберите ссылку", false, true, "confirm"),
        ("удалите пожелания", true, false, "confirm"),
        ("remove the link please", false, true, "confirm"),
        ("ссылку другую", true, true, "car_link"),
        ("удалите телефон", true, true, "phone"),
        ("уберите люк", true, true, "confirm"),
    ] {
        let outcome = turn(full.clone(), text(said), &world);
        let draft = outcome.conversation.draft.as_ref().expect("a form");
        let is_there = matches!(draft.answers["car_link"], Answer::Link(Some(_)));
        assert_eq!(
            (is_there, draft.wish.is_some(), on_step(&outcome.conversation).as_str()),
            (has_link, has_wish, step),
            "{said}"
        );
    }
}

#[test]
fn an_earlier_answer_is_mended_at_the_link_and_the_link_is_asked_again() {
    let world = form();
    for (said, budget, phone) in [
        ("actually 40k dollars", "40k dollars", "+79991234567"),
        ("вообще-то бюджет 3 млн", "3 млн", "+79991234567"),
        ("на самом деле 3 млн", "3 млн", "+79991234567"),
        ("ошибся в номере, правильно 8 912 123-45-67", "2 млн", "+79121234567"),
    ] {
        let (step, draft, replies) = after(3, said, &world);
        assert_eq!(
            (step.as_str(), shown(&draft, "budget", &world).as_str()),
            ("car_link", budget),
            "{said}: {replies:?}"
        );
        assert_eq!((shown(&draft, "phone", &world).as_str(), draft.wish), (phone, None), "{said}: {replies:?}");
    }
    // A phone that lacks digits is asked again.
    let (step, _, replies) = after(8, "мой телефон 8 912 345 67 8", &world);
    assert!(step == "phone" && replies.concat().contains(&Say::PhoneInvalid), "{replies:?}");
    // What answers it by none.
    for said in ["не важно", "любая", "потом", "I don't have one", "ссылки нет", "скину позже"]
    {
        let (step, draft, _) = after(3, said, &world);
        assert_eq!(
            (step.as_str(), draft.wish, &draft.answers["car_link"]),
            ("city", None, &Answer::Link(None)),
            "{said}"
        );
    }
    let (step, draft, _) = after(3, "спасибо, жду", &world);
    assert_eq!((step.as_str(), draft.wish), ("car_link", None));
    let (step, draft, _) = after(0, "Иван, 89161234567, 3 млн, нет ссылки", &world);
    assert_eq!((step.as_str(), draft.wish), ("city", None));
}

#[test]
fn a_sum_for_another_question_than_the_budget_is_told_with_its_name() {
    let year = of_kind(Kind::Number, &[("ru", "Год выпуска")], "year", false);
    let down = of_kind(Kind::Money, &[("ru", "Первый взнос")], "down", false);
    let world = World { form: Form::default().with(&[year, down]), ..world(false) };
    let (_, draft, replies) = after(4, "пол ляма", &world);
    assert_eq!(shown(&draft, "down", &world), "пол ляма");
    let is_named = |say: &Say| matches!(say, Say::Noted { sum_of: Some(key), .. } if key == "down");
    assert!(replies.concat().iter().any(is_named), "{replies:?}");
    for said in ["Здравствуйте, интересует Kia K5", "Здравствуйте! Сколько стоит доставка?"]
    {
        let outcome = turn(turn(Conversation::idle(None), Input::Start, &world).conversation, text(said), &world);
        assert!(matches!(outcome.replies.concat()[..], [Say::Noted { wish: Some(_), .. }, Say::Ask(_)]), "{said}");
    }
}
