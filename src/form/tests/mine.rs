//! Requests that were sent: corrected by the rules of their questions, taken back by two presses.

use serde_json::{from_value, json};

use super::*;
use crate::{
    form::{Amended, Amending, Correcting, Draft, Input, MyPress, OwnRequest, amend},
    lead::{AmendmentKind, Lead, LeadNumber},
    notice::MyState,
};

const HOUR: i64 = 3_600_000;

fn number() -> LeadNumber {
    LeadNumber::parse("K7M2QXA").expect("a number")
}

fn request(age: i64, state: MyState) -> OwnRequest {
    let mut lead: Lead = from_value(json!({
        "id": "01JD3Q5V8Z0000000000000000", "number": "K7M2QXA", "submitted_at": "2026-11-23T10:30:00Z", "name": "Иван",
        "phone": {"e164": "+79991234567", "typed": "8 999 123-45-67", "origin": "typed"},
        "budget": {"typed": "2 млн", "price": 2_000_000}, "car_link": null, "buyer": {"user_id": 42}
    }))
    .expect("a lead");
    lead.submitted_at = Utc::now() - chrono::TimeDelta::milliseconds(age);
    OwnRequest { lead, state, corrections: 0, open_for: HOUR, takes_files: true }
}

fn mine(press: MyPress) -> Input {
    Input::Press(Press::Mine(press))
}

/// Plays inputs about a request; returns the last answer.
fn played(inputs: &[Input], world: &World) -> (Conversation, Vec<Say>, Option<Amending>) {
    let mut conversation = Conversation::idle(None);
    let mut last = (Vec::new(), None);
    for input in inputs {
        match amend(&conversation, input, world) {
            Some(Amended { outcome, amending }) => {
                conversation = outcome.conversation;
                last = (outcome.replies.into_iter().flatten().collect(), amending);
            }
            None => {
                let outcome = turn(conversation, input.clone(), world);
                conversation = outcome.conversation;
                last = (outcome.replies.into_iter().flatten().collect(), None);
            }
        }
    }
    (conversation, last.0, last.1)
}

fn change(key: &str) -> Input {
    mine(MyPress::Change(number(), key.into()))
}

fn save() -> Input {
    mine(MyPress::Save(number()))
}

#[test]
fn an_answer_is_taken_by_its_questions_rules_and_changes_nothing_before_it_is_confirmed() {
    let world = World { request: Some(request(0, MyState::WithTheManager)), ..world(false) };
    let contact = Input::Contact { phone: "79997654321".into(), own: true };
    let answer = |choice| Input::Press(Press::Answer { question: "budget".into(), choice });
    for (key, input, told) in [
        ("name", text("Пётр Ильин"), "Имя: Иван → Пётр Ильин"),
        ("phone", text("8 999 765-43-21"), "Телефон: +79991234567 → +79997654321"),
        ("phone", contact, "Телефон: +79991234567 → +79997654321"),
        ("budget", text("3,5 млн"), "Бюджет: 2 млн → 3,5 млн"),
        ("budget", answer(3), "Бюджет: 2 млн → "),
        ("car_link", text("https://fem.encar.com/cars/detail/1"), "Ссылка: нет → https://fem.encar.com/cars/detail/1"),
        ("car_link", text("Camry 2021 белая"), "Пожелания: нет → Camry 2021 белая"),
    ] {
        let asks = [mine(MyPress::Correct(number())), change(key), input];
        let (at, says, amending) = played(&asks, &world);
        assert!(amending.is_none() && at.correcting.is_some(), "{told}");
        assert!(matches!(says.last(), Some(Say::ConfirmCorrection { .. })), "{told}: {says:?}");
        let (at, says, amending) = played(&[asks.as_slice(), &[save()]].concat(), &world);
        let amending = amending.expect("a correction");
        assert!(amending.note.starts_with(&format!("#K7M2QXA Исправлено покупателем: {told}")), "{}", amending.note);
        assert_eq!((amending.kind, amending.about.as_str()), (AmendmentKind::Corrected, "corrected-0001"));
        assert!(at.correcting.is_none() && says == [Say::Corrected { number: number() }], "{says:?}");
        // Said in a word.
        assert!(played(&[asks.as_slice(), &[text("да")]].concat(), &world).2.is_some(), "{told}");
    }
}

#[test]
fn an_answer_that_was_asked_to_be_corrected_in_words_is_offered_as_a_correction() {
    let world = World { request: Some(request(0, MyState::WithTheManager)), ..world(false) };
    let late = World { request: Some(request(2 * HOUR, MyState::WithTheManager)), ..world.clone() };
    let awaits =
        |is_name| Conversation { correcting: Some(Correcting::awaited(number(), is_name)), ..Conversation::idle(None) };
    let contact = Input::Contact { phone: "79120001122".into(), own: true };
    for (is_name, said, change) in [
        (false, text("8 912 000 11 22"), Some("Телефон: +79991234567 → +79120001122")),
        (false, contact, Some("Телефон: +79991234567 → +79120001122")),
        (false, text("неправильный телефон, верный 8 912 000-11-22"), Some("Телефон: +79991234567 → +79120001122")),
        (false, text("3 млн"), Some("Бюджет: 2 млн → 3 млн")),
        (false, text("измените бюджет на 3 млн"), Some("Бюджет: 2 млн → ")),
        (true, text("Пётр"), Some("Имя: Иван → Пётр")),
        (true, text("спасибо"), None),
        (false, text("Пётр"), None),
        (false, text("сейчас скину"), None),
        (false, text("8 912 000 11 22?"), None),
        (false, text("да"), None),
        (false, text("отмена"), None),
    ] {
        let at = awaits(is_name);
        assert!(at.is_at_rest() && amend(&at, &said, &late).is_none(), "{said:?}");
        let Some(change) = change else {
            assert_eq!(amend(&at, &said, &world), None, "{said:?}");
            continue;
        };
        let amended = amend(&at, &said, &world).unwrap_or_else(|| panic!("{said:?}"));
        let says: Vec<Say> = amended.outcome.replies.into_iter().flatten().collect();
        assert!(matches!(says.last(), Some(Say::ConfirmCorrection { .. })), "{said:?}: {says:?}");
        let saved = amend(&amended.outcome.conversation, &save(), &world).and_then(|saved| saved.amending);
        let note = saved.expect("it is corrected").note;
        assert!(note.contains(change), "{note}");
    }
}

#[test]
fn what_cannot_be_taken_is_asked_again_and_what_is_not_wanted_leaves_all_as_it_was() {
    let world = World { request: Some(request(0, MyState::OnItsWay)), ..world(false) };
    for wrong in ["8 999", "нет", "Иван"] {
        let (at, says, amending) = played(&[change("phone"), text(wrong)], &world);
        assert!(at.correcting.is_some_and(|at| at.given.is_none()) && amending.is_none(), "{wrong}");
        assert!(
            matches!(says.last(), Some(Say::AskCorrection { ask: Ask { question, .. } }) if question == "phone"),
            "{wrong}: {says:?}"
        );
    }
    for stop in [
        text("отмена"),
        Input::Cancel,
        Input::Press(Press::Back),
        Input::Press(Press::Keep),
        text("+7 999 123-45-67"),
        mine(MyPress::Keep(number())),
    ] {
        let (at, says, amending) = played(&[change("phone"), stop.clone()], &world);
        assert!(at.correcting.is_none() && amending.is_none(), "{stop:?}");
        assert!(says.contains(&Say::RequestAsItWas { number: number() }), "{stop:?}: {says:?}");
        assert!(says.contains(&Say::LeftAsItWas), "the keys go: {stop:?}: {says:?}");
        assert!(matches!(played(&[change("phone"), stop, save()], &world).1[0], Say::OldButton));
    }
    // Whatever else is wanted comes first, and the answer is not taken for it any more.
    for other in [Input::Start, Input::My(Vec::new()), Input::Delete] {
        assert!(played(&[change("name"), other.clone(), text("Пётр")], &world).2.is_none(), "{other:?}");
    }
}

#[test]
fn a_request_is_taken_back_by_a_second_press_and_never_after_its_time() {
    let at = |age, state| World { request: Some(request(age, state)), ..world(false) };
    let world = at(HOUR - 60_000, MyState::WithTheManager);
    let (_, says, amending) = played(&[mine(MyPress::TakeBack(number()))], &world);
    let Some(Say::AskTakeBack { asked_at, .. }) = says.first().cloned() else { panic!("{says:?}") };
    assert!(amending.is_none());
    let sure = mine(MyPress::TakeBackSure(number(), asked_at));
    let amending = played(std::slice::from_ref(&sure), &world).2.expect("it is taken back");
    assert_eq!((amending.kind, amending.about.as_str()), (AmendmentKind::TakenBack, "taken-back"));
    assert!(amending.note.starts_with("#K7M2QXA Отозвано"), "{}", amending.note);
    // Whoever has begun in time may finish; nobody else.
    assert!(played(std::slice::from_ref(&sure), &at(HOUR + 60_000, MyState::OnItsWay)).2.is_some());
    for (age, state) in [(2 * HOUR, MyState::OnItsWay), (0, MyState::TakenBack), (0, MyState::Closed)] {
        for press in [sure.clone(), save(), change("name"), mine(MyPress::Correct(number()))] {
            let (_, says, amending) = played(&[press], &at(age, state));
            assert!(matches!(says[0], Say::RequestIsFixed { .. }) && amending.is_none(), "{says:?}");
        }
    }
    assert!(matches!(
        played(&[mine(MyPress::Correct(number()))], &at(HOUR, MyState::OnItsWay)).1[0],
        Say::RequestIsFixed { .. }
    ));
    // Of nobody, or somebody else.
    assert!(matches!(played(&[sure], &super::world(false)).1[0], Say::OldButton));
}

#[test]
fn what_is_said_beside_a_correction_is_answered_and_its_question_asked_again() {
    let world = World { request: Some(request(0, MyState::OnItsWay)), ..world(false) };
    let asides = [
        (Input::Edited, Say::EditedElsewhere),
        (Input::Help, Say::Help),
        (Input::UnknownCommand, Say::UnknownCommand),
        (Input::Press(Press::Language("en".into())), Say::LanguageChosen),
    ];
    for begun in [
        vec![mine(MyPress::Correct(number()))],
        vec![change("phone")],
        vec![change("+wish")],
        vec![change("name"), text("Пётр")],
        vec![change("+wish"), text("красная")],
        vec![Input::Start, text("Анна"), change("budget")],
    ] {
        let (at, asked, _) = played(&begun, &world);
        let (after, says, _) = played(&[begun.as_slice(), &[Input::Language(String::new())]].concat(), &world);
        assert_eq!((after.correcting, says), (at.correcting.clone(), vec![Say::ChooseLanguage]), "{begun:?}");
        for (aside, answer) in &asides {
            let (after, says, amending) = played(&[begun.as_slice(), std::slice::from_ref(aside)].concat(), &world);
            assert_eq!((after.correcting, amending), (at.correcting.clone(), None), "{begun:?}, {aside:?}");
            assert_eq!((&says[0], says.last()), (answer, asked.last()), "{begun:?}, {aside:?}");
        }
    }
    // Once its time is over nobody is asked for it again.
    let late = World { request: Some(request(2 * HOUR, MyState::OnItsWay)), ..world.clone() };
    let (at, ..) = played(&[change("phone")], &world);
    for aside in asides.iter().map(|(aside, _)| aside).chain([&Input::Language(String::new())]) {
        assert_eq!(amend(&at, aside, &late), None, "{aside:?}");
    }
    // What begins another request is no answer to it.
    for begun in [
        vec![mine(MyPress::Correct(number()))],
        vec![change("phone")],
        vec![change("+wish")],
        vec![change("name"), text("Пётр")],
    ] {
        let (at, says, amending) = played(&[begun.as_slice(), &[text("новая заявка")]].concat(), &world);
        assert!(at.correcting.is_none() && amending.is_none() && at.draft.is_some(), "{begun:?}: {says:?}");
        assert!(matches!(says[..], [Say::Welcome, Say::Ask(_)]), "{begun:?}: {says:?}");
    }
    let awaited = Conversation { correcting: Some(Correcting::awaited(number(), true)), ..Conversation::idle(None) };
    assert_eq!(amend(&awaited, &text("новая заявка"), &world), None);
    // Where nothing is open it is to be said anew; in a form it can be changed at the card.
    let (_, says, _) = played(&[Input::Edited], &world);
    assert_eq!(says, [Say::EditedElsewhere]);
    let (_, says, _) = played(&[Input::Start, Input::Edited], &world);
    assert!(matches!(says[..], [Say::EditedMessage, Say::Ask(_)]), "{says:?}");
}

#[test]
fn a_form_that_is_open_goes_on_behind_it() {
    let world = World { request: Some(request(0, MyState::WithTheManager)), ..world(false) };
    let inputs = [Input::Start, text("Анна"), change("budget"), text("4 млн"), save(), text("8 912 345-67-89")];
    let (at, _, _) = played(&inputs[..5], &world);
    assert_eq!(at.step, Step::Ask("phone"));
    let (at, _, _) = played(&inputs, &world);
    assert_eq!(at.step, Step::Ask("budget"));
}

#[test]
fn a_form_that_was_sent_unfinished_stays_its_request_when_it_is_begun_anew() {
    let world = world(false);
    let left = Draft { sent_unfinished: true, ..Draft::open() };
    let (id, number) = (left.id, left.number.clone());
    let conversation =
        Conversation { step: Step::Ask("budget"), draft: Some(left.clone()), ..Conversation::idle(None) };
    let again = turn(conversation.clone(), Input::Press(Press::Restart), &world).conversation;
    let draft = again.draft.clone().expect("a form");
    assert_eq!((draft.id, draft.number, draft.sent_unfinished, draft.answers.len()), (id, number, true, 0));
    // Only whoever has sent nothing is told so.
    for (draft, say) in [(left, Say::CancelledLate), (Draft::open(), Say::Cancelled)] {
        let conversation = Conversation { draft: Some(draft), ..conversation.clone() };
        let outcome = turn(conversation, Input::Cancel, &world);
        assert_eq!((outcome.conversation.draft, outcome.replies.concat()), (None, vec![say]));
    }
    let fresh = Conversation { draft: Some(Draft::open()), ..conversation };
    let fresh_id = fresh.draft.as_ref().map(|draft| draft.id);
    assert_ne!(turn(fresh, Input::Press(Press::Restart), &world).conversation.draft.map(|draft| draft.id), fresh_id);
}

#[test]
fn wishes_are_corrected_and_what_is_typed_where_an_answer_is_to_be_chosen_is_understood() {
    let choosing = mine(MyPress::Correct(number()));
    let with_wish = |wish: Option<&str>| {
        let mut request = request(0, MyState::OnItsWay);
        request.lead.wish = wish.and_then(crate::lead::Wish::said);
        World { request: Some(request), ..world(false) }
    };
    for (first, said, before, told) in [
        (change("+wish"), "только белая, без ДТП", None, "Пожелания: нет → только белая, без ДТП"),
        (change("+wish"), "красная", Some("белая"), "Пожелания: белая → красная"),
        // Beside those that are there.
        (choosing.clone(), "Toyota Camry белая", Some("до лета"), "Пожелания: до лета → до лета; Toyota Camry белая"),
        (choosing.clone(), "8 912 765-43-21", None, "Телефон: +79991234567 → +79127654321"),
        (choosing.clone(), "до 3 млн", None, "Бюджет: 2 млн → до 3 млн"),
        (choosing.clone(), "https://www.avito.ru/auto/1", None, "Ссылка: нет → https://www.avito.ru/auto/1"),
    ] {
        let world = with_wish(before);
        let (_, says, amending) = played(&[first.clone(), text(said)], &world);
        assert!(matches!(says.last(), Some(Say::ConfirmCorrection { .. })) && amending.is_none(), "{said}: {says:?}");
        let taken =
            |say: &Say| matches!(say, Say::PhoneTaken { .. } | Say::WishTaken | Say::Noted { .. } | Say::Ask(_));
        assert!(!says.iter().any(taken), "nothing is taken before it is confirmed: {says:?}");
        let amending = played(&[first, text(said), save()], &world).2.expect("a correction");
        assert!(amending.note.contains(told), "{told}: {}", amending.note);
    }
    let world = with_wish(None);
    for unclear in ["а что можно?", "ок", "да"] {
        let (at, says, amending) = played(&[choosing.clone(), text(unclear)], &world);
        assert!(amending.is_none() && at.correcting.is_some(), "{unclear}");
        assert!(matches!(&says[..], [Say::ChooseByButton, Say::ChooseCorrection { .. }]), "{unclear}: {says:?}");
    }
    for stop in [text("отмена"), text("назад"), text("оставить как есть"), mine(MyPress::Keep(number()))]
    {
        for first in [choosing.clone(), change("+wish")] {
            let (at, says, _) = played(&[first, stop.clone()], &world);
            assert_eq!((at.correcting, says), (None, vec![Say::RequestAsItWas { number: number() }]), "{stop:?}");
        }
    }
}

#[test]
fn whoever_has_a_form_open_and_sent_nothing_is_told_of_the_form_alone() {
    let world = world(false);
    let at = |inputs: &[Input]| played(inputs, &world).1;
    let says = at(&[Input::Start, text("Анна"), Input::My(Vec::new())]);
    let [Say::OpenForm { answers }] = &says[..] else { panic!("{says:?}") };
    assert_eq!(answers.iter().map(|answer| answer.value.as_deref()).collect::<Vec<_>>(), [Some("Анна")]);
    assert_eq!(at(&[Input::My(Vec::new())]), [Say::NoRequests]);
}
