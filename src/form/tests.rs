mod anew;
mod consent;
mod forms;
mod mine;
mod talks;

use proptest::prelude::*;

use super::{
    consent::ConsentRule,
    dialogue::{Conversation, World, turn},
    draft::{Answer, Step},
    input::{Input, Press},
    questions::{Form, Kind, Question, Words},
    stored,
    typed::Typed,
};
use crate::{
    lead::{Buyer, LeadSource, Region, SourceCode, Sources},
    notice::{Ask, Say},
    wording::{Lang, Wording, render_reply},
};
use chrono::Utc;

fn world(is_policy_asked: bool) -> World {
    World {
        now: Utc::now(),
        utc_offset: chrono::TimeDelta::hours(3),
        sent_at: None,
        message: None,
        has_buttons: true,
        region: Region::default(),
        consent: if is_policy_asked { ConsentRule::Policy } else { ConsentRule::Nothing },
        buyer: Buyer::default(),
        first_name: Some("Иван".into()),
        last_request: None,
        form: Form::default(),
        sources: Sources::default(),
        words: Lang::all_words,
        request: None,
        keys: Lang::typed_by_key,
    }
}

fn on_step(conversation: &Conversation) -> String {
    stored::step_name(conversation.step).into_owned()
}

fn text(text: &str) -> Input {
    Input::Text { text: text.into(), links: Vec::new() }
}

/// Plays inputs from the beginning; returns the conversation and the last replies.
fn play(inputs: &[Input]) -> (Conversation, Vec<Vec<Say>>) {
    inputs.iter().fold((Conversation::idle(None), Vec::new()), |(conversation, _), input| {
        let outcome = turn(conversation, input.clone(), &world(false));
        (outcome.conversation, outcome.replies)
    })
}

fn filled_in() -> Vec<Input> {
    vec![Input::Start, text("Иван"), text("89991234567"), text("2 млн"), text("нет")]
}

#[test]
fn four_answers_lead_to_the_card_in_the_agreed_order() {
    for (answers, step) in [
        (0, Step::Idle),
        (1, Step::Ask("name")),
        (2, Step::Ask("phone")),
        (3, Step::Ask("budget")),
        (4, Step::Ask("car_link")),
        (5, Step::Confirm),
    ] {
        assert_eq!(play(&filled_in()[..answers]).0.step, step);
    }
}

#[test]
fn every_input_at_every_step_is_answered_and_what_does_not_fit_changes_nothing() {
    let strange = [
        Input::Media { caption: None, links: Vec::new(), file: None, album: None },
        Input::Edited,
        Input::UnknownCommand,
        Input::UnknownPress,
        Input::Help,
        Input::Start,
        Input::Press(Press::ConsentAccept),
        text("\u{0}"),
        text("   "),
    ];
    for answers in 1..=5 {
        let (before, _) = play(&filled_in()[..answers]);
        for input in &strange {
            let outcome = turn(before.clone(), input.clone(), &world(false));
            assert_eq!(outcome.conversation, before, "{input:?} at {:?}", before.step);
            assert!(!outcome.replies.is_empty() && outcome.lead.is_none());
        }
    }
}

#[test]
fn each_answer_can_be_changed_from_the_card_and_left_as_it_was() {
    for (field, answer) in [
        ("name", text("Пётр")),
        ("phone", Input::Contact { phone: "821012345678".into(), own: true }),
        ("budget", text("3 млн")),
        ("car_link", text("encar.com/cars/detail/1")),
    ] {
        let edit = Input::Press(Press::Edit(field.into()));
        let (card, _) = play(&filled_in());
        let (changed, _) = play(&[filled_in(), vec![edit.clone(), answer]].concat());
        assert_eq!(changed.step, Step::Confirm);
        assert_ne!(changed.draft.map(|draft| draft.answers), card.draft.clone().map(|draft| draft.answers));
        let asked = turn(card.clone(), edit, &world(false)).conversation;
        assert_eq!(asked.step, Step::Ask(field));
        assert_eq!(turn(asked, Input::Press(Press::Back), &world(false)).conversation, card);
    }
}

#[test]
fn sending_makes_the_lead_whose_identity_the_draft_had() {
    let (card, _) = play(&filled_in());
    let draft = card.draft.clone().expect("a draft");
    let sent = turn(card, Input::Press(Press::Submit), &world(false));
    let lead = sent.lead.expect("a lead");
    assert_eq!((lead.id, &lead.number), (draft.id, &draft.number));
    assert_eq!(sent.conversation, Conversation::idle(Some(draft.number.clone())));
    let again = turn(sent.conversation, Input::Press(Press::Submit), &world(false));
    assert_eq!(again.replies, [[Say::AlreadySent { number: draft.number }]]);
    assert!(again.lead.is_none());
}

/// Whatever happens to the form: from the first link until the request.
#[test]
fn the_first_links_code_is_kept_until_the_request() {
    let code = |text: &str| SourceCode::parse(text).expect("a code");
    let from = |text: &str| Input::StartFrom(code(text));
    let cancel = Input::Press(Press::Cancel);
    let sent = |inputs: &[Input]| {
        let (conversation, _) = play(inputs);
        let outcome = turn(conversation, Input::Press(Press::Submit), &world(false));
        assert_eq!(outcome.conversation.source, None, "the next link counts anew");
        outcome.lead.expect("a lead").source.map(|source| source.code)
    };
    let form = filled_in();
    let rest = &form[1..];
    for (inputs, want) in [
        (form.clone(), None),
        ([&[from("avito")], rest].concat(), Some("avito")),
        // A second link, before the form and within it.
        ([&[from("avito"), from("vk")], rest].concat(), Some("avito")),
        ([&[from("avito")], &rest[..2], &[from("vk")], &rest[2..]].concat(), Some("avito")),
        // The form is thrown away and another one opened, tomorrow, by a button or by words.
        ([&[from("avito"), cancel.clone(), Input::Start], rest].concat(), Some("avito")),
        ([&[from("avito"), Input::Cancel, from("vk")], rest].concat(), Some("avito")),
        ([&[from("avito"), Input::Press(Press::Restart)], rest].concat(), Some("avito")),
        (
            [&[from("avito"), cancel, Input::Help, text("https://fem.encar.com/cars/detail/38427498")], &rest[..3]]
                .concat(),
            Some("avito"),
        ),
        // Whoever had no code yet gets one while the form is open.
        ([&form[..2], &[from("vk")], &form[2..]].concat(), Some("vk")),
        // Everything of theirs is deleted.
        (
            [
                &[from("avito"), Input::Press(Press::Delete { asked_at: Utc::now().timestamp_millis() }), Input::Start],
                rest,
            ]
            .concat(),
            None,
        ),
        ([&[from("avito"), Input::Delete, Input::Press(Press::KeepData)], rest].concat(), Some("avito")),
    ] {
        assert_eq!(sent(&inputs), want.map(code), "{inputs:?}");
    }
    // What a code stands for is looked up when the request is sent; a form that is open goes on where it was.
    let described = LeadSource { name: Some("Авито".into()), ..LeadSource::unknown(code("avito")) };
    let known = World { sources: [described.clone()].into_iter().collect(), ..world(false) };
    let (card, _) = play(&[&[from("avito")], rest].concat());
    assert_eq!(turn(card.clone(), Input::Press(Press::Submit), &known).lead.expect("a lead").source, Some(described));
    let still = turn(card.clone(), from("vk"), &known);
    assert_eq!((still.conversation.step, still.conversation.draft), (card.step, card.draft));
}

#[test]
fn consent_comes_first_where_it_is_configured() {
    let asked = turn(Conversation::idle(None), Input::Start, &world(true)).conversation;
    assert_eq!(asked.step, Step::Consent);
    let typed = turn(asked.clone(), text("Иван"), &world(true)).conversation;
    assert_eq!(typed.step, Step::Consent);
    let accepted = turn(asked, Input::Press(Press::ConsentAccept), &world(true)).conversation;
    assert_eq!(accepted.step, Step::Ask("name"));
    assert!(accepted.draft.expect("a draft").consent_at.is_some());
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        any::<String>().prop_map(|typed| text(&typed)),
        prop_oneof![
            Just("Иван"),
            Just("+79991234567"),
            Just("2 млн"),
            Just("нет"),
            Just("да"),
            Just("отмена"),
            Just("оставить"),
            Just("← Назад")
        ]
        .prop_map(text),
        Just(Input::Start),
        Just(Input::Cancel),
        Just(Input::Help),
        Just(Input::Edited),
        Just(Input::UnknownPress),
        (any::<Option<String>>(), any::<Vec<String>>()).prop_map(|(caption, links)| {
            let (file, album) = (None, None);
            Input::Media { caption, links, file, album }
        }),
        any::<String>().prop_map(|text| Input::Forwarded { text, links: Vec::new() }),
        (any::<String>(), any::<bool>()).prop_map(|(phone, own)| Input::Contact { phone, own }),
        prop_oneof![
            Just("skip"),
            Just("keep"),
            Just("done"),
            Just("answer:name:0"),
            Just("answer:budget:1"),
            Just("answer:budget:99"),
            Just("submit"),
            Just("back"),
            Just("cancel"),
            Just("restart"),
            Just("consent:accept"),
            Just("edit:name"),
            Just("edit:phone"),
            Just("edit:budget"),
            Just("edit:car_link")
        ]
        .prop_map(|data| Press::parse(data).map_or(Input::UnknownPress, Input::Press)),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_inputs_breaks_the_dialogue(inputs in prop::collection::vec(any_input(), 1..40), consent: bool) {
        let mut conversation = Conversation::idle(None);
        for input in inputs {
            let says_yes = matches!(&input, Input::Text { text, .. } if Typed::parse(text) == Some(Typed::Yes));
            let submits = conversation.step == Step::Confirm && (says_yes || input == Input::Press(Press::Submit));
            let outcome = turn(conversation, input, &world(consent));
            prop_assert_eq!(outcome.lead.is_some(), submits);
            prop_assert_eq!(outcome.replies.is_empty(), submits);
            prop_assert_eq!(outcome.conversation.draft.is_none(), outcome.conversation.step == Step::Idle);
            for reply in &outcome.replies {
                for lang in [Lang::ru(), Lang::en()] {
                    let length = render_reply(reply, lang, &Wording::default()).text.encode_utf16().count();
                    prop_assert!((1..=4096).contains(&length));
                }
            }
            conversation = outcome.conversation;
        }
    }
}

#[test]
fn a_wish_in_place_of_an_answer_is_kept_for_the_manager() {
    let (conversation, replies) =
        play(&[Input::Start, text("Хочу Kia K5"), text("Хочу Kia K5"), text("с люком, нужна машина")]);
    assert_eq!(conversation.step, Step::Ask("name"));
    assert!(
        matches!(&replies[0][..], [Say::Noted { wish: Some(_), .. }, Say::NotAName, Say::Ask(Ask { .. })]),
        "{replies:?}"
    );
    let rest = [text("Иван"), text("89991234567"), text("2 млн"), text("ищу белую Kia"), text("нет")];
    let conversation =
        rest.into_iter().fold(conversation, |before, input| turn(before, input, &world(false)).conversation);
    let sent = turn(conversation, Input::Press(Press::Submit), &world(false)).lead.expect("a lead");
    let wish = sent.wish.expect("a wish");
    assert_eq!(wish.as_str(), "Хочу Kia K5; с люком, нужна машина; ищу белую Kia");
    for other in ["да", "Привет", ".", "89991234567", "хорошо"] {
        let draft = play(&[Input::Start, text(other)]).0.draft.expect("a draft");
        assert_eq!(draft.wish, None, "{other}");
    }
}

#[test]
fn whoever_is_told_of_a_copy_and_insists_is_answered() {
    let now = Utc::now();
    let at_once = World { now, sent_at: Some(now), ..world(false) };
    let inputs = ["Иван", "89991234567", "не знаю", "не знаю", "не знаю"].map(text);
    let start = turn(Conversation::idle(None), Input::Start, &at_once).conversation;
    let steps: Vec<Step> = inputs
        .into_iter()
        .scan(start, |conversation, input| {
            *conversation = turn(conversation.clone(), input, &at_once).conversation;
            Some(conversation.step)
        })
        .collect();
    assert_eq!(
        steps,
        [Step::Ask("phone"), Step::Ask("budget"), Step::Ask("car_link"), Step::Ask("car_link"), Step::Confirm]
    );
}

/// What is said in one breath is taken apart, and is told the manager once.
#[test]
fn a_list_of_answers_at_the_name_is_taken_as_one() {
    for (said, name, steps) in [
        ("Пётр, 89161234567, 3 млн", "Пётр", "car_link"),
        ("Пётр; 8 916 123-45-67; 3 млн", "Пётр", "car_link"),
        ("Пётр\n+7 916 123 45 67\nдо 3 млн", "Пётр", "car_link"),
        ("89161234567, Анна Сергеевна", "Анна Сергеевна", "budget"),
        ("3 млн, Олег", "Олег", "phone"),
        ("Мария, https://fem.encar.com/cars/detail/38427498", "Мария", "phone"),
        ("Пётр, 89161234567, 3 млн, encar.com/cars/detail/38427498", "Пётр", "confirm"),
    ] {
        let (conversation, _) = play(&[Input::Start, text(said)]);
        let draft = conversation.draft.as_ref().expect("a draft");
        assert_eq!(on_step(&conversation), steps, "{said}: {:?}", draft.answers);
        assert!(matches!(&draft.answers["name"], Answer::Name(taken) if taken.as_str() == name), "{said}: {draft:?}");
        assert_eq!(draft.wish, None, "{said}");
    }
    // What is more than a list of answers is kept whole for the manager.
    for said in ["Хочу Kia K5, 89161234567, 3 млн", "Пётр, Анна, 89161234567", "89161234567, 3 млн"] {
        let (conversation, _) = play(&[Input::Start, text(said)]);
        assert_eq!(conversation.step, Step::Ask("name"), "{said}");
    }
}

fn answers(conversation: &Conversation) -> String {
    let draft = conversation.draft.as_ref().expect("a draft");
    let answer = |key: &str| match draft.answers.get(key) {
        None => "?".to_owned(),
        Some(Answer::Name(name)) => name.as_str().to_owned(),
        Some(Answer::Phone(phone)) => phone.e164().to_owned(),
        Some(Answer::Money(budget)) => format!("{} ({})", budget.typed(), budget.price()),
        Some(Answer::Link(link)) => link.as_ref().map_or("-".into(), |link| link.shown().replace('\n', " ")),
        Some(other) => format!("{other:?}"),
    };
    let wish = draft.wish.as_ref().map_or("-", |wish| wish.as_str());
    let all = ["name", "phone", "budget", "car_link"].map(answer).join(" | ");
    format!("{} | {wish}", all)
}

const CAR: &str = "https://fem.encar.com/cars/detail/38427498";

/// Messages to a new form, one after the other, and what it holds then.
#[test]
fn what_is_said_at_any_question_is_kept_for_its_own() {
    for (messages, step, want) in [
        (vec!["Иван Иванов 89161234567 2500000"], "car_link", "Иван Иванов | +79161234567 | 2500000 (2500000) | ? | -"),
        (
            vec!["Меня зовут Олег Петров, 8 (926) 123-45-67, бюджет 2.5 млн, нужна Hyundai Tucson"],
            "car_link",
            "Олег Петров | +79261234567 | бюджет 2.5 млн (2500000) | ? | нужна Hyundai Tucson",
        ),
        (
            vec!["Олег", "Сергей Иванов 89161234567 до 3 млн"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | Сергей Иванов",
        ),
        (
            vec!["89161234567", "Олег 89161234567 до 3 млн"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | -",
        ),
        (vec!["Олег", "Олег 89161234567"], "budget", "Олег | +79161234567 | ? | ? | -"),
        (
            vec!["Олег, хочу Kia", "89161234567 звоните после 18"],
            "budget",
            "Олег | +79161234567 | ? | ? | хочу Kia; звоните после 18",
        ),
        (
            vec!["Олег", "89161234567", "2 млн под ключ"],
            "car_link",
            "Олег | +79161234567 | 2 млн под ключ (2000000) | ? | -",
        ),
        (
            vec!["Олег", "89161234567", "до 3 млн, белая Kia K5"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | белая Kia K5",
        ),
        (
            vec!["Олег", "89161234567", "не знаю https://auto.ru/cars/used/1234567"],
            "confirm",
            "Олег | +79161234567 | не знаю (0) | https://auto.ru/cars/used/1234567 | -",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "Toyota Camry 2021 белая"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | Toyota Camry 2021 белая",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "что-нибудь надёжное"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | что-нибудь надёжное",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "цена?", CAR],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 | цена?",
        ),
        (
            vec![
                "Олег",
                "89161234567",
                "2 млн",
                "https://auto.ru/cars/used/1234567 или https://fem.encar.com/cars/detail/38427498 белую",
            ],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 https://auto.ru/cars/used/1234567 | или, белую",
        ),
        (
            vec!["Олег https://auto.ru/cars/used/1234567", "89161234567 https://auto.ru/cars/used/7654321", "2 млн"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://auto.ru/cars/used/1234567 https://auto.ru/cars/used/7654321 | -",
        ),
        (vec!["Олег", "89161234567", "2 млн", "да"], "car_link", "Олег | +79161234567 | 2 млн (2000000) | ? | -"),
        (vec!["Олег", "89161234567", "2 млн", "asdf"], "car_link", "Олег | +79161234567 | 2 млн (2000000) | ? | -"),
        (
            vec!["Олег", "89161234567", "2 млн", "http://localhost/1"],
            "car_link",
            "Олег | +79161234567 | 2 млн (2000000) | ? | -",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "нет", "ещё хочу люк в машине"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | ещё хочу люк в машине",
        ),
        (vec!["ещё"], "name", "? | ? | ? | ? | -"),
        (vec!["asdf;;"], "name", "? | ? | ? | ? | -"),
        (vec!["да"], "name", "? | ? | ? | ? | -"),
        (vec!["цена?"], "name", "? | ? | ? | ? | цена?"),
        (vec!["хочу машину"], "name", "? | ? | ? | ? | хочу машину"),
        (vec!["Toyota Camry 2021"], "name", "? | ? | ? | ? | Toyota Camry 2021"),
        (vec!["Я. Ким"], "phone", "Я. Ким | ? | ? | ? | -"),
    ] {
        let inputs: Vec<Input> = std::iter::once(Input::Start).chain(messages.iter().map(|said| text(said))).collect();
        let (conversation, _) = play(&inputs);
        assert_eq!((on_step(&conversation).as_str(), answers(&conversation).as_str()), (step, want), "{messages:?}");
    }
}

/// A form opens by whatever answers something of it.
#[test]
fn a_message_before_any_form_opens_one() {
    let media = |caption: &str| {
        let (links, file, album) = (Vec::new(), None, None);
        Input::Media { caption: Some(caption.into()), links, file, album }
    };
    let forwarded = |said: &str| Input::Forwarded { text: said.into(), links: Vec::new() };
    for (input, step, want) in [
        (text(CAR), "name", "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | -"),
        (
            text("Иван, 8 999 123-45-67, до 2 млн, encar.com/cars/detail/38427498"),
            "confirm",
            "Иван | +79991234567 | до 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 | -",
        ),
        (text("89161234567"), "name", "? | +79161234567 | ? | ? | -"),
        (text("до 3 млн"), "name", "? | ? | до 3 млн (3000000) | ? | -"),
        (text("Меня зовут Олег"), "phone", "Олег | ? | ? | ? | -"),
        (text("Хочу Kia K5 2021"), "name", "? | ? | ? | ? | Хочу Kia K5 2021"),
        (
            media(&format!("Kia K5, 2 300 000 ₽, тел. 89031112233 {CAR}")),
            "name",
            "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | Kia K5, 2 300 000 ₽, 89031112233",
        ),
        (
            forwarded(&format!("Kia K5 {CAR} 89031112233")),
            "name",
            "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | Kia K5, 89031112233",
        ),
    ] {
        let outcome = turn(Conversation::idle(None), input.clone(), &world(false));
        let (got, conversation) = (answers(&outcome.conversation), &outcome.conversation);
        assert_eq!((on_step(conversation).as_str(), got.as_str()), (step, want), "{input:?}");
        assert!(outcome.replies[0].iter().any(|say| matches!(say, Say::Noted { .. })), "{input:?}");
        // Nothing of it is told before it may be kept.
        let asked = turn(Conversation::idle(None), input.clone(), &world(true));
        assert_eq!(asked.conversation.step, Step::Consent);
        assert!(!asked.replies.concat().iter().any(|say| matches!(say, Say::Noted { .. })), "{input:?}");
        let accepted = turn(asked.conversation, Input::Press(Press::ConsentAccept), &world(true));
        assert_eq!((on_step(&accepted.conversation).as_str(), answers(&accepted.conversation).as_str()), (step, want));
        assert!(matches!(accepted.replies[0][0], Say::Noted { .. }), "{input:?}");
    }
    for input in
        [text("Привет"), text("спасибо"), text("Когда вы перезвоните?"), text("Иван"), media("красивая"), media("")]
    {
        let outcome = turn(Conversation::idle(None), input.clone(), &world(false));
        assert_eq!(outcome.conversation.step, Step::Idle, "{input:?}");
    }
}
