//! Forms that a dealer may shape, played.

use super::*;

const fn given(words: &'static [(&'static str, &'static str)]) -> Words {
    Words::Given(words)
}

pub(super) const EXTRAS: &[Question] = &[
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

pub(super) fn press(data: &str) -> Input {
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
