//! What is said at the card: it changes an answer, is kept whole, sends the request, or is asked about.

use super::{
    anew::{ANSWERS, after, form, shown},
    *,
};
use crate::form::Draft;

#[test]
fn what_stands_there_for_the_manager_goes_by_a_press() {
    let world = form();
    let inputs = ANSWERS.iter().chain(&["нет", "с люком"]).map(|said| text(said));
    let start = turn(Conversation::idle(None), Input::Start, &world);
    let full = inputs.fold(start, |before, input| turn(before.conversation, input, &world)).conversation;
    assert!(full.draft.as_ref().is_some_and(|draft| draft.wish.is_some()), "{full:?}");
    let outcome = turn(full, Input::Press(Press::DropWish), &world);
    let [reply] = &outcome.replies[..] else { panic!("{:?}", outcome.replies) };
    let [Say::AnswersChanged { changes }, Say::Card(card)] = &reply[..] else { panic!("{reply:?}") };
    assert_eq!((changes[0].before.as_deref(), &changes[0].after, &card.wish), (Some("с люком"), &None, &None));
    // Nothing but a form that is open has any.
    let idle = turn(Conversation::idle(None), Input::Press(Press::DropWish), &world);
    assert_eq!(idle.replies[0][0], Say::OldButton);
    let again = turn(outcome.conversation.clone(), Input::Press(Press::DropWish), &world);
    assert_eq!(again.replies[0][0], Say::OldButton);
    let sent = turn(outcome.conversation, Input::Press(Press::Submit), &world);
    assert_eq!(sent.lead.map(|lead| lead.wish), Some(None));
}

#[test]
fn a_further_request_is_begun_in_words_as_by_its_button() {
    let world = form();
    let begun = turn(Conversation::idle(None), text("новая заявка"), &world);
    let started = turn(Conversation::idle(None), Input::Start, &world);
    assert_eq!((begun.conversation.step, &begun.replies), (started.conversation.step, &started.replies));
    // A form that is open is not thrown away at a word.
    let open = turn(begun.conversation, text("Анна"), &world).conversation;
    let said = turn(open.clone(), text("новая заявка"), &world);
    assert!(matches!(said.replies[0][..], [Say::Resume]) && said.conversation.draft == open.draft, "{said:?}");
}

/// The answers a form of all kinds holds, as one line.
fn all(draft: &Draft, world: &World) -> String {
    let keys = ["name", "phone", "budget", "car_link", "city", "year"];
    let answers = keys.map(|key| shown(draft, key, world)).join(" | ");
    format!("{answers} | {}", draft.wish.as_ref().map_or("-", |wish| wish.as_str()))
}

#[test]
fn what_is_said_at_the_card_changes_an_answer_or_is_kept_whole() {
    let world = World { now: "2026-11-26T09:00:00Z".parse().expect("a time"), ..form() };
    let usual = "Иван | +79991234567 | 2 млн |  | Москва | 2021 | -";
    let with = |at: usize, value: &str| {
        let mut parts: Vec<&str> = usual.split(" | ").collect();
        parts[at] = value;
        parts.join(" | ")
    };
    for (said, want) in [
        // Behind `я` anything may stand.
        ("я из Омска", with(6, "я из Омска")),
        ("я подумаю", with(6, "я подумаю")),
        ("я перезвоню сам", with(6, "я перезвоню сам")),
        ("я женщина", with(6, "я женщина")),
        ("я буду в отпуске", with(6, "я буду в отпуске")),
        ("I'm from Omsk", with(6, "I'm from Omsk")),
        ("это срочно нужно", with(6, "это срочно нужно")),
        ("я Пётр", with(0, "Пётр")),
        ("я пётр", with(0, "пётр")),
        ("имя не то, я Пётр", with(0, "Пётр")),
        ("звать меня Пётр", with(0, "Пётр")),
        ("меня зовут не Иван, а Пётр", with(0, "Пётр")),
        ("я не Иван, меня зовут Пётр", with(0, "Пётр")),
        // Questions and words are the manager's.
        ("какой срок доставки?", with(6, "какой срок доставки?")),
        ("what is the delivery time?", with(6, "what is the delivery time?")),
        ("звоните после шести", with(6, "звоните после шести")),
        ("двигатель: электро", with(6, "двигатель: электро")),
        (
            "бюджет 3 млн, телефон 89031112233, цвет красный",
            "Иван | +79031112233 | 3 млн |  | Москва | 2021 | цвет красный".into(),
        ),
        (
            "бюджет 3 млн, телефон 89031112233, город Казань",
            "Иван | +79031112233 | 3 млн |  | Казань | 2021 | -".into(),
        ),
        ("город Казань, год 2022", "Иван | +79991234567 | 2 млн |  | Казань | 2022 | -".into()),
        ("город Казань, год выпуска 2022, с люком", "Иван | +79991234567 | 2 млн |  | Казань | 2022 | с люком".into()),
        ("год 2022", with(5, "2022")),
        ("бюджет до трёх", with(2, "до трёх")),
        ("бюджет 2 млн", usual.into()),
        ("спасибо", usual.into()),
        ("спасибо, жду", usual.into()),
        ("начать заново", usual.into()),
        ("нет", usual.into()),
        ("неверно", usual.into()),
        ("стоп", usual.into()),
        ("не отправляйте", usual.into()),
        ("я не хочу", usual.into()),
    ] {
        let (_, draft, replies) = after(8, said, &world);
        assert_eq!(all(&draft, &world), want, "{said}: {replies:?}");
        assert!(!replies.is_empty(), "{said}");
    }
}

#[test]
fn a_yes_in_other_words_sends_and_a_refusal_is_asked_about() {
    let world = form();
    let at = |said: &[&str]| {
        let inputs = ANSWERS.iter().chain(said).map(|said| text(said));
        let start = turn(Conversation::idle(None), Input::Start, &world);
        inputs.fold(start, |before, input| turn(before.conversation, input, &world))
    };
    for said in ["я согласен", "верно, отправляйте", "норм", "I agree", "да, всё так"]
    {
        assert!(at(&[said]).lead.is_some(), "{said}");
    }
    for said in [
        "стоп",
        "отмените",
        "удалите заявку",
        "отзовите заявку",
        "передумал",
        "не отправляйте",
        "нет, не отправлять",
        "no, do not send",
        "не надо",
        "я не хочу",
    ] {
        let asked = at(&[said]);
        assert!(matches!(asked.replies.concat()[..], [Say::AskCancel]), "{said}: {:?}", asked.replies);
        assert!(asked.conversation.draft.is_some() && asked.lead.is_none(), "{said}");
        // A yes is one to that question, and none to the card.
        for (then, is_open) in
            [("да", false), ("да, отменить", false), ("стоп", false), ("нет", true), ("бюджет 3 млн", true)]
        {
            let outcome = at(&[said, then]);
            assert!(outcome.lead.is_none(), "{said}, {then}");
            assert_eq!(outcome.conversation.draft.is_some(), is_open, "{said}, {then}");
        }
        assert!(at(&[said, "нет", "да"]).lead.is_some(), "{said}");
    }
    for said in ["нет", "неверно", "ошибка", "хочу исправить"] {
        assert!(matches!(at(&[said]).replies.concat()[..], [Say::WhatToCorrect, Say::Card(_)]), "{said}");
    }
    // Elsewhere what is meant by no question's answer is asked about, too.
    for first in [1, 2, 3, 4, 5] {
        for said in ["стоп", "хватит", "я передумал"] {
            let (step, draft, replies) = after(first, said, &world);
            assert!(matches!(replies.concat()[..], [Say::AskCancel]), "{first}: {said}: {replies:?}");
            assert_eq!((step, draft.wish), (after(first - 1, ANSWERS[first - 1], &world).0, None), "{said}");
        }
    }
    for said in ["стоп", "хватит", "я подумаю", "иди нафиг", "я согласен"] {
        let outcome = turn(turn(Conversation::idle(None), Input::Start, &world).conversation, text(said), &world);
        assert_eq!(outcome.conversation.step, Step::Ask("name"), "{said}");
    }
}
