mod anew;
mod buttons;
mod card;
mod consent;
mod forms;
mod mine;
mod nothing;
mod taken_apart;
mod talks;

use proptest::prelude::*;

use super::{
    consent_rule::ConsentRule,
    conversation::{Conversation, World},
    dialogue::turn,
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
