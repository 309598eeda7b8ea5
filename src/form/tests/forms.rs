//! Forms that a dealer may shape, played.

use super::*;
use crate::{
    form::LastRequest,
    lead::{LeadNumber, Name, Phone},
    notice::{MyState, Offer},
};

const fn given(words: &'static [(&'static str, &'static str)]) -> Words {
    Words::Given(words)
}

const EXTRAS: &[Question] = &[
    Question {
        key: "city",
        kind: Kind::Choice,
        prompt: given(&[("ru", "Город?"), ("en", "City?")]),
        label: given(&[("ru", "Город"), ("en", "City")]),
        icon: "🏙",
        choices: &[
            given(&[("ru", "Москва"), ("en", "Moscow")]),
            given(&[("ru", "Питер"), ("en", "Petersburg"), ("ko", "상트페테르부르크")]),
        ],
        ..LIKE_CITY
    },
    Question { key: "trade_in", kind: Kind::Text, optional: true, choices: &[given(&[("en", "No")])], ..LIKE_CITY },
    Question { key: "deposit", kind: Kind::Money, choices: &[given(&[("ru", "500 тыс")])], ..LIKE_CITY },
    Question { key: "second_phone", kind: Kind::Phone, ..LIKE_CITY },
    Question { key: "own_car", kind: Kind::Link, optional: true, ..LIKE_CITY },
    Question { key: "contact", kind: Kind::Name, ..LIKE_CITY },
    Question { key: "year", kind: Kind::Number, choices: &[given(&[("ru", "2021")])], ..LIKE_CITY },
    Question { key: "confirm", kind: Kind::Date, ..LIKE_CITY },
    Question {
        key: "colour",
        kind: Kind::Choice,
        choices: &[given(&[("ko", "검정"), ("en", "Black")])],
        free_text: true,
        ..LIKE_CITY
    },
    Question { key: "photos", kind: Kind::Files, optional: true, ..LIKE_CITY },
];

const LIKE_CITY: Question = Question {
    key: "",
    kind: Kind::Name,
    prompt: given(&[("ru", "?")]),
    label: given(&[("ru", "Ещё"), ("en", "More")]),
    icon: "•",
    edit: None,
    optional: false,
    choices: &[],
    free_text: false,
    field: None,
};

fn press(data: &str) -> Input {
    Press::parse(data).map_or(Input::UnknownPress, Input::Press)
}

/// Every kind of answer can be a question of its own: asked, stored, read back, shown and sent.
#[test]
fn a_question_of_every_kind_is_asked_stored_and_sent() {
    let world = World { form: Form::default().with(EXTRAS), ..world(false) };
    let inputs = [
        (Input::Start, "name"),
        (press("answer:name:1"), "name"),
        (press("answer:name:0"), "phone"),
        (text("89991234567"), "budget"),
        (press("answer:budget:7"), "budget"),
        (press("answer:budget:1"), "car_link"),
        (text("нет"), "city"),
        (press("answer:city:2"), "city"),
        (press("answer:trade_in:0"), "city"),
        (press("skip:city"), "city"),
        (press("skip"), "city"),
        (press("choose:city:msk"), "city"),
        (press("done"), "city"),
        (press("keep"), "city"),
        (Input::Skip, "city"),
        (text("Луна"), "city"),
        (text("상트페테르부르크"), "trade_in"),
        (text(&"слово ".repeat(200)), "trade_in"),
        (text("\u{200b}"), "trade_in"),
        (press("skip:car_link"), "trade_in"),
        (press("skip"), "deposit"),
        (press("answer:deposit:0"), "second_phone"),
        (text("89161112233"), "own_car"),
        (text("пропустить"), "contact"),
        (text("Анна"), "year"),
        (text("давно"), "year"),
        (text("2019 или 2020"), "year"),
        (text("2021 год"), "question:confirm"),
        (text("потом"), "question:confirm"),
        (text("25 декабря 2026"), "colour"),
        (text("зелёный металлик"), "photos"),
        (text("вот"), "photos"),
        (Input::Media { caption: None, links: Vec::new(), album: None, file: None }, "photos"),
        (press("done"), "confirm"),
        (press("edit:trade_in"), "trade_in"),
        (text("Лада"), "confirm"),
        (press("edit:colour"), "colour"),
        (press("answer:colour:0"), "confirm"),
        (press("edit:nothing"), "confirm"),
    ];
    let mut conversation = Conversation::idle(None);
    for (input, step) in inputs {
        conversation = turn(conversation, input.clone(), &world).conversation;
        assert_eq!(on_step(&conversation), step, "{input:?}");
        // As another process reads it.
        let draft = conversation.draft.as_ref().expect("a draft");
        let read = stored::read_draft(&stored::draft_json(draft, &world.form, world.words), &world.form, world.words);
        assert_eq!(read.as_ref(), Some(draft), "{input:?}");
        assert_eq!(stored::read_step(step, read.as_ref(), &world.form), conversation.step);
    }
    let outcome = turn(conversation.clone(), Input::Help, &world);
    let wording = Wording { form: world.form.clone(), ..Wording::default() };
    let card = render_reply(&outcome.replies[0], Lang::en(), &wording).text;
    for line in [
        "Budget: up to 2.5m (2 500 000 ₽)",
        "🏙 City: Petersburg",
        "• More: Лада",
        "• More: 500 тыс",
        "• More: +79161112233",
        "• More: not given",
        "• More: 2021 год",
        "• More: 25.12.2026",
        "• More: Black",
    ] {
        assert!(card.contains(line), "{line}: {card}");
    }
    let lead = turn(conversation, text("да"), &world).lead.expect("a lead");
    let more: Vec<String> = lead.more.iter().map(ToString::to_string).collect();
    assert_eq!(
        more,
        [
            "Город: Питер",
            "Ещё: Лада",
            "Ещё: 500 тыс",
            "Ещё: +79161112233",
            "Ещё: Анна",
            "Ещё: 2021 год",
            "Ещё: 25.12.2026",
            "Ещё: 검정"
        ]
    );
    assert_eq!((lead.phone.e164(), lead.name.as_str(), lead.price()), ("+79991234567", "Иван", 2_500_000));
}

/// A form that was open while the product was replaced by one that asks more goes on with the new question.
#[test]
fn a_draft_of_a_version_that_asked_less_is_asked_the_rest() {
    let (card, _) = play(&filled_in());
    let draft = stored::draft_json(&card.draft.expect("a draft"), &Form::default(), Lang::all_words);
    let form = Form::default().with(EXTRAS);
    let draft = stored::read_draft(&draft, &form, Lang::all_words);
    assert_eq!(stored::read_step("confirm", draft.as_ref(), &form), Step::Ask("city"));
}

/// Goes on with a conversation as another process does that asks this form.
fn taken_over(conversation: &Conversation, before: &Form, form: &Form) -> Conversation {
    let stored = conversation.draft.as_ref().map(|draft| stored::draft_json(draft, before, Lang::all_words));
    let draft = stored.and_then(|stored| stored::read_draft(&stored, form, Lang::all_words));
    let step = stored::read_step(&on_step(conversation), draft.as_ref(), form);
    Conversation { step, draft, ..conversation.clone() }
}

/// The dealer shapes another form while buyers are in the middle of this one.
#[test]
fn whoever_is_in_a_form_that_changes_loses_nothing() {
    let whole = Form::default().with(EXTRAS);
    let before = World { form: whole.clone(), ..world(false) };
    let inputs = [filled_in(), vec![text("Москва"), text("Лада"), text("500 тыс")]].concat();
    let at_step = inputs.into_iter().fold(Conversation::idle(None), |at, input| turn(at, input, &before).conversation);
    assert_eq!(on_step(&at_step), "second_phone");

    // Less is asked, in another order; a question is of another kind now, and a new one comes first.
    let question = |key: &str| *whole.question(key).expect("a question");
    let other = Form::new(vec![
        Question { key: "country", kind: Kind::Text, ..LIKE_CITY },
        question("phone"),
        question("name"),
        Question { key: "deposit", kind: Kind::Date, ..LIKE_CITY },
    ]);
    let world = World { form: other.clone(), ..world(false) };
    let taken = taken_over(&at_step, &whole, &other);
    assert_eq!(on_step(&taken), "country");
    // As often as the process dies.
    let taken = (0..3).fold(taken, |taken, _| taken_over(&taken, &other, &other));
    let card = [text("Корея"), text("завтра")].into_iter().fold(taken, |at, input| {
        let after = turn(at, input, &world).conversation;
        taken_over(&after, &other, &other)
    });
    assert_eq!(on_step(&card), "confirm");
    // The form is as it was once more: all that was said is still there.
    let back = taken_over(&card, &other, &whole);
    assert_eq!(on_step(&back), "deposit");
    let lead = turn(card, press("submit"), &world).lead.expect("a lead");
    let more: Vec<String> = lead.more.iter().map(ToString::to_string).collect();
    let kept = ["Бюджет: 2 млн", "Город: Москва", "Ещё: Лада"];
    assert_eq!(more[2..], kept, "{more:?}");
    assert!(more[0] == "Ещё: Корея" && more[1].starts_with("Ещё: "), "{more:?}");
    assert_eq!((lead.budget, lead.asked.budget, lead.name.as_str()), (None, None, "Иван"));
}

/// A draft of an earlier version, which did not keep what was said beside the answers.
#[test]
fn answers_of_earlier_versions_go_into_the_note_when_they_are_not_asked_any_more() {
    let stored = serde_json::json!({
        "id": "01J7ABCDEFGHJKMNPQRSTVWXYZ", "number": "K7M2QXA", "consent_at": null, "name": "Иван",
        "phone": {"e164": "+79991234567", "typed": "8 999 123-45-67", "origin": "typed"},
        "budget": {"typed": "2,5 млн", "price": 2_500_000},
        "car": {"link": {"url": "https://encar.com/1", "typed": "encar.com/1", "encar_id": null}},
        "moon": {"phase": 1}, "wish": null
    });
    let form = Form::new(Form::default().questions()[..2].to_vec());
    let world = World { form: form.clone(), ..world(false) };
    let draft = stored::read_draft(&stored, &form, Lang::all_words).expect("a draft");
    let again = stored::draft_json(&draft, &form, Lang::all_words);
    for kept in ["budget", "car", "moon"] {
        assert_eq!(again[kept], stored[kept], "{kept}");
    }
    let card = Conversation { step: Step::Confirm, draft: Some(draft), ..Conversation::idle(None) };
    let lead = turn(card, press("submit"), &world).lead.expect("a lead");
    let more: Vec<String> = lead.more.iter().map(ToString::to_string).collect();
    assert_eq!(more, ["Бюджет: 2,5 млн", "Автомобиль: https://encar.com/1"]);
}

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

/// A form need not ask for a sum or a car: what is said of them is a word for the manager.
#[test]
fn what_a_short_form_does_not_ask_is_kept_as_a_wish() {
    let form = Form::new(vec![Form::default().questions()[0], Form::default().questions()[1], EXTRAS[0]]);
    let world = World { form, ..world(false) };
    let inputs = [Input::Start, text("Пётр, 89161234567, 3 млн, encar.com/cars/detail/38427498"), text("питер")];
    let card = inputs.into_iter().fold(Conversation::idle(None), |at, input| turn(at, input, &world).conversation);
    assert_eq!(card.step, Step::Confirm);
    let lead = turn(card, press("submit"), &world).lead.expect("a lead");
    let wish = lead.wish.expect("a wish");
    assert!(wish.as_str().contains("3 млн") && wish.as_str().contains("38427498"), "{wish:?}");
    assert_eq!((lead.budget, lead.car_link), (None, None));
}
