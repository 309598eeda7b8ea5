use proptest::prelude::*;

use super::{
    dialogue::{Conversation, World, turn},
    draft::Step,
    input::{Input, Press},
    questions::Form,
};
use crate::{
    lead::{Buyer, Region},
    notice::{Ask, Say},
    wording::{Lang, Wording, render_reply},
};
use chrono::Utc;

fn world(consent_needed: bool) -> World {
    World {
        now: Utc::now(),
        sent_at: None,
        region: Region::default(),
        consent_needed,
        buyer: Buyer::default(),
        form: Form::default(),
        words: Lang::all_words,
        is_back: Lang::is_back_label,
    }
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
        Input::Media { caption: None, links: Vec::new() },
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
        prop_oneof![Just("Иван"), Just("+79991234567"), Just("2 млн"), Just("нет"), Just("← Назад")].prop_map(text),
        Just(Input::Start),
        Just(Input::Cancel),
        Just(Input::Help),
        Just(Input::Edited),
        Just(Input::UnknownPress),
        (any::<Option<String>>(), any::<Vec<String>>()).prop_map(|(caption, links)| Input::Media { caption, links }),
        (any::<String>(), any::<bool>()).prop_map(|(phone, own)| Input::Contact { phone, own }),
        prop_oneof![
            Just("skip"),
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
            let submits = conversation.step == Step::Confirm && input == Input::Press(Press::Submit);
            let outcome = turn(conversation, input, &world(consent));
            prop_assert_eq!(outcome.lead.is_some(), submits);
            prop_assert_eq!(outcome.replies.is_empty(), submits);
            prop_assert_eq!(outcome.conversation.draft.is_none(), outcome.conversation.step == Step::Idle);
            for reply in &outcome.replies {
                for lang in [Lang::Ru, Lang::En] {
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
