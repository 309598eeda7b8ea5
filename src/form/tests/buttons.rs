//! Buttons, and words that stand for them, wherever the form is: what is old, doubled or offered again.

use super::{
    forms::{EXTRAS, press},
    *,
};
use crate::{
    form::LastRequest,
    lead::{LeadNumber, Name, Phone},
    notice::{MyState, Offer},
};

/// One step back from everywhere, by a button, a key or a word; one press leaves what was answered.
#[test]
fn back_leads_through_the_whole_form_and_keep_leaves_the_answer() {
    let kept = |replies: &[Vec<Say>]| match replies.last().and_then(|reply| reply.last()) {
        Some(Say::Ask(Ask { kept, .. })) => kept.clone(),
        _ => None,
    };
    for back in [press("back"), text("назад"), text("← Back")] {
        let (mut at, _) = play(&filled_in());
        let card = at.clone();
        for (step, answer) in
            [("car_link", None), ("budget", Some("2 млн")), ("phone", Some("+79991234567")), ("name", Some("Иван"))]
        {
            let outcome = turn(at, back.clone(), &world(false));
            assert_eq!((on_step(&outcome.conversation), kept(&outcome.replies).as_deref()), (step.into(), answer));
            let stays = turn(outcome.conversation.clone(), press("keep"), &world(false)).conversation;
            assert_eq!(stays, if answer.is_some() { card.clone() } else { outcome.conversation.clone() });
            at = outcome.conversation;
        }
        let outcome = turn(at.clone(), back, &world(false));
        assert!(matches!(outcome.replies[0][..], [Say::FirstQuestion, Say::Ask(_)]), "{:?}", outcome.replies);
        assert_eq!(outcome.conversation, at);
    }
    // The phone's keyboard is taken away by whatever leads on from it.
    for input in [press("back"), press("keep"), text("Оставить как есть"), text("89161112233"), press("restart")]
    {
        let at = turn(play(&filled_in()).0, press("edit:phone"), &world(false)).conversation;
        let outcome = turn(at, input.clone(), &world(false));
        let away = |reply: &Vec<Say>| {
            render_reply(reply, Lang::ru(), &Wording::default()).markup == Some(crate::wording::Markup::RemoveKeys)
        };
        assert!(outcome.replies.iter().any(away), "{input:?}: {:?}", outcome.replies);
    }
}

/// A finger that comes down twice does nothing; what is older says so; both leave the form where it is.
#[test]
fn buttons_that_are_behind_the_chat_change_nothing() {
    let at = |message: i32| World { message: Some(message), form: Form::default().with(EXTRAS), ..world(false) };
    let mut here = Conversation::idle(None);
    for (input, message) in [(Input::Start, 1), (text("Иван"), 3), (text("89991234567"), 5)] {
        here = turn(here, input, &at(message)).conversation;
    }
    let here = turn(here, press("answer:budget:0"), &at(7)).conversation;
    assert_eq!(on_step(&here), "car_link");
    let doubled = turn(here.clone(), press("answer:budget:0"), &at(7));
    assert_eq!((doubled.conversation, doubled.replies.len()), (here.clone(), 0));
    for (data, message) in [
        ("answer:budget:1", 7),
        ("back", 7),
        ("skip", 7),
        ("back", 4),
        ("cancel", 1),
        ("answer:name:0", 2),
        ("submit", 4),
        ("restart", 4),
    ] {
        let old = turn(here.clone(), press(data), &at(message));
        assert_eq!(old.conversation, here, "{data}");
        assert!(matches!(old.replies[0][..], [Say::OldButton, Say::Ask(_)]), "{data}: {:?}", old.replies);
    }
    // The buttons of the open question work, and only once.
    let skipped = turn(here, press("skip"), &at(8)).conversation;
    let written = turn(skipped.clone(), text("Москва"), &at(10)).conversation;
    assert_eq!((on_step(&skipped), on_step(&written)), ("city".into(), "trade_in".into()));
    assert_eq!(turn(written.clone(), press("skip"), &at(8)).conversation, written);
    let cancelled = turn(written, press("cancel"), &at(11));
    assert_eq!(cancelled.conversation.step, Step::Idle);
    assert!(turn(cancelled.conversation, press("cancel"), &at(11)).replies.is_empty());
}

/// What is left of a form that was sent names its request, whatever else is asked by then.
#[test]
fn buttons_of_a_form_that_was_sent_name_its_request() {
    let at = |message: i32| World { message: Some(message), ..world(false) };
    let mut here = Conversation::idle(None);
    for (input, message) in [(Input::Start, 1), (text("Иван"), 3), (text("89991234567"), 5)] {
        here = turn(here, input, &at(message)).conversation;
    }
    let here = turn(here, press("answer:budget:0"), &at(7)).conversation;
    let card = turn(here, press("skip"), &at(8)).conversation;
    let sent = turn(card, press("submit"), &at(9));
    let (here, number) = (sent.conversation, sent.lead.expect("a lead").number);
    // A finger that came down twice, and a button that stands there no more.
    assert!(turn(here.clone(), press("submit"), &at(9)).replies.is_empty());
    let late = World { has_buttons: false, ..at(9) };
    let already = vec![Say::AlreadySent { number: number.clone() }];
    assert_eq!(turn(here.clone(), press("submit"), &late).replies, std::slice::from_ref(&already));
    assert_eq!(turn(here.clone(), press("submit"), &at(8)).replies, [already]);
    let of_sent = Say::ButtonOfSent { number };
    for (data, message) in [("edit:name", 9), ("back", 9), ("cancel", 9), ("answer:budget:1", 7), ("skip", 8)] {
        let old = turn(here.clone(), press(data), &at(message));
        assert_eq!(old.replies, [[of_sent.clone(), Say::HowToBegin]], "{data}");
        assert_eq!(old.conversation, here);
    }
    let next = turn(here, Input::Start, &at(12)).conversation;
    for (data, message) in [("submit", 9), ("edit:name", 9), ("answer:budget:1", 7), ("restart", 4), ("cancel", 9)] {
        let old = turn(next.clone(), press(data), &at(message));
        assert!(matches!(&old.replies[0][..], [say, Say::Ask(_)] if *say == of_sent), "{data}: {:?}", old.replies);
        assert_eq!(old.conversation, next);
    }
}

/// Whoever has sent a request is asked no name and no phone again: one press each.
#[test]
fn a_returning_buyer_is_offered_what_was_said_the_last_time() {
    let region = crate::lead::Region::default();
    let last = LastRequest {
        number: LeadNumber::parse("K7M2QXA").expect("a number"),
        sent_at: chrono::Utc::now(),
        name: Name::parse("Пётр Иванов").expect("a name"),
        phone: Phone::parse("8 999 123-45-67", region).expect("a phone"),
        state: MyState::WithTheManager,
    };
    let world = World { last_request: Some(last.clone()), ..world(false) };
    // Words in between are about it.
    let number = last.number.clone();
    for (last, said) in [
        (last.clone(), Say::AlreadySent { number: number.clone() }),
        (LastRequest { state: MyState::OnItsWay, ..last.clone() }, Say::SentNotThereYet { number }),
        (LastRequest { sent_at: chrono::Utc::now() - chrono::TimeDelta::days(30), ..last }, Say::HowToBegin),
    ] {
        let world = World { last_request: Some(last), ..world.clone() };
        assert_eq!(turn(Conversation::idle(None), text("спасибо"), &world).replies, [[said]]);
    }
    let asked = turn(Conversation::idle(None), Input::Start, &world);
    let [Say::Welcome, Say::Ask(ask)] = &asked.replies[0][..] else { panic!("{:?}", asked.replies) };
    assert_eq!(ask.offered, Some(Offer::Before { before: "Пётр Иванов".into() }));
    let named = turn(asked.conversation.clone(), press("answer:name:0"), &world);
    let [Say::Ask(ask)] = &named.replies[0][..] else { panic!("{:?}", named.replies) };
    assert_eq!(ask.offered, Some(Offer::Before { before: "+79991234567".into() }));
    for same in [
        text("Тот же номер: +7 999 …-67"),
        text("Same number: +7 999 …-67"),
        text("тот же номер"),
        press("answer:phone:0"),
        text("+7 999 123-45-67"),
    ] {
        let taken = turn(named.conversation.clone(), same.clone(), &world);
        assert_eq!(on_step(&taken.conversation), "budget", "{same:?}");
        assert!(taken.replies[0].contains(&Say::PhoneTaken { phone: "+79991234567".into() }), "{:?}", taken.replies);
        // What is there already is not offered again.
        let back = turn(taken.conversation, press("back"), &world);
        assert!(matches!(&back.replies[0][..], [Say::Ask(ask)] if ask.offered.is_none()), "{:?}", back.replies);
    }
    for other in ["Тот же номер: +7 999 …-68", "тот же номер, но другой"] {
        assert_eq!(on_step(&turn(named.conversation.clone(), text(other), &world).conversation), "phone", "{other}");
    }
    let other = turn(named.conversation, text("+82 10-1234-5678"), &world).conversation;
    assert_eq!(on_step(&other), "budget");
    // Nobody else has a number to be the same.
    let (stranger, _) = play(&filled_in()[..2]);
    assert_eq!(on_step(&turn(stranger.clone(), text("тот же номер"), &super::world(false)).conversation), "phone");
    assert_eq!(on_step(&turn(stranger, press("answer:phone:0"), &super::world(false)).conversation), "phone");
}

#[test]
fn words_that_stand_for_buttons_are_understood() {
    let (card, _) = play(&filled_in());
    for yes in ["да", "Отправить", "yes", "Всё верно!"] {
        assert!(turn(card.clone(), text(yes), &world(false)).lead.is_some(), "{yes}");
    }
    for no in ["нет", "подождите", "да, но бюджет другой"] {
        assert!(turn(card.clone(), text(no), &world(false)).lead.is_none(), "{no}");
    }
    for steps in 1..=5 {
        for cancel in ["отмена", "Cancel", "Отменить"] {
            let (at, _) = play(&filled_in()[..steps]);
            assert_eq!(turn(at, text(cancel), &world(false)).conversation.step, Step::Idle, "{cancel} after {steps}");
        }
    }
}
