//! The consent step of the dealer's own document, played.

use super::*;
use crate::{
    form::{Asking, Draft, GivenConsent},
    lead::ConsentProof,
    notice::{ConsentQuestion, ShownButton},
};

/// The document in a version; its words name it.
fn question(version: &str, lang: &str) -> ConsentQuestion {
    ConsentQuestion {
        version: version.into(),
        document: format!("consent-{lang}.md"),
        document_lang: lang.into(),
        sha256: Some(version.repeat(4)),
        read_at: Some(1),
        shown_in: 2,
        policy: None,
        lang: lang.into(),
        text: format!("Согласны с {version} ({lang})?"),
        button: "✅".into(),
        buttons: Vec::new(),
        message: None,
    }
}

fn asked(question: ConsentQuestion, given: Option<&str>, pressed_text: Option<&str>) -> World {
    let given = given.map(|version| GivenConsent {
        at: chrono::DateTime::UNIX_EPOCH,
        proof: ConsentProof { version: version.into(), id: "earlier".into() },
    });
    let asking = Asking { question, given, pressed_text: pressed_text.map(str::to_owned) };
    World { consent: ConsentRule::Document(Box::new(asking)), ..world(false) }
}

fn version(version: &str) -> World {
    asked(question(version, "ru"), None, None)
}

fn press(data: &str) -> Input {
    Press::parse(data).map_or(Input::UnknownPress, Input::Press)
}

/// As the store brings it back for the next turn: what is not stored is gone.
fn stored_and_read(mut conversation: Conversation) -> Conversation {
    if let Some(draft) = &conversation.draft {
        let json = stored::draft_json(draft, &Form::default(), Lang::all_words);
        conversation.draft = stored::read_draft(&json, &Form::default(), Lang::all_words);
    }
    conversation
}

fn go(conversation: Conversation, input: Input, world: &World) -> (Conversation, Vec<Say>) {
    let outcome = turn(conversation, input, world);
    (stored_and_read(outcome.conversation), outcome.replies.concat())
}

fn played(inputs: &[Input], world: &World) -> Conversation {
    inputs.iter().fold(Conversation::idle(None), |conversation, input| go(conversation, input.clone(), world).0)
}

fn draft(conversation: &Conversation) -> &Draft {
    conversation.draft.as_ref().expect("a draft")
}

/// Everything but the press itself: the form stays where it is, or goes, and nothing is taken for a consent.
#[test]
fn nothing_but_the_press_is_a_consent() {
    let world = version("1");
    let whole = "Иван, 8 999 123-45-67, до 2 млн, https://fem.encar.com/cars/detail/38427498";
    let kept = |said: Say| (Step::Consent, vec![said, Say::ConsentTo(Box::new(question("1", "ru")))]);
    let no = || (Step::Idle, vec![Say::ConsentDeclined]);
    for (input, (step, said)) in [
        (text("Привет"), kept(Say::ConsentFirst)),
        (text(whole), kept(Say::HeldTillConsent)),
        (text("8 999 123-45-67"), kept(Say::HeldTillConsent)),
        (text("да"), kept(Say::ConsentFirst)),
        (text("Согласен"), kept(Say::ConsentFirst)),
        (text("хорошо"), kept(Say::ConsentFirst)),
        (text("Agree"), kept(Say::ConsentFirst)),
        (text("а что это"), kept(Say::ConsentFirst)),
        (text("Иван"), kept(Say::HeldTillConsent)),
        (text("иван"), kept(Say::HeldTillConsent)),
        (text("Жаргал Доржиев"), kept(Say::HeldTillConsent)),
        (Input::Contact { phone: "79991234567".into(), own: true }, kept(Say::ConsentFirst)),
        (press("submit"), kept(Say::OldButton)),
        (press("back"), kept(Say::OldButton)),
        (press("edit:name"), kept(Say::OldButton)),
        (press("answer:budget:0"), kept(Say::OldButton)),
        (press("skip"), kept(Say::OldButton)),
        (text("нет"), no()),
        (text("Нет, не согласна!"), no()),
        (text("I don't agree"), no()),
        (text("отмена"), no()),
        (press("cancel"), no()),
        (Input::Cancel, no()),
    ] {
        let before = played(&[Input::Start], &world);
        let (after, replies) = go(before, input.clone(), &world);
        assert_eq!((after.step, replies), (step, said), "{input:?}");
        assert!(after.draft.is_none_or(|draft| draft.consent_at.is_none() && draft.consent.is_none()), "{input:?}");
    }
}

/// What was said before is held, told after the press, and only the rest is asked.
#[test]
fn what_is_said_before_the_press_need_not_be_said_again_and_is_not_told_before_it() {
    let world = version("1");
    let whole = text("Иван, 8 999 123-45-67, до 2 млн, https://fem.encar.com/cars/detail/38427498");
    for before in [vec![whole.clone()], vec![Input::Start, whole.clone()]] {
        let held = played(&before, &world);
        assert_eq!(held.step, Step::Consent);
        assert!(!draft(&held).has_consent_before_phone(true));
        let outcome = turn(held, press("consent:accept"), &world);
        assert_eq!(outcome.conversation.step, Step::Confirm);
        let said = outcome.replies.concat();
        assert!(matches!(&said[..], [Say::Noted { name: Some(_), phone: Some(_), .. }, Say::Card(_)]), "{said:?}");
        let draft = outcome.conversation.draft.expect("a draft");
        assert_eq!(draft.pressed_consent, Some(question("1", "ru")));
        assert!(draft.consent_at.is_some() && !draft.has_consent_before_phone(true) && draft.shown_consents.is_empty());
        assert!(draft.has_consent_before_phone(false));
    }
    let accepted = played(&[Input::Start, press("consent:accept"), text("Иван"), text("89991234567")], &world);
    assert!(draft(&accepted).has_consent_before_phone(true));
    assert!(!draft(&played(&[Input::Start], &world)).has_consent_before_phone(true));
    // The phone was given once more, after the press.
    let held = played(&[whole, press("consent:accept"), press("edit:phone"), text("89990000000")], &world);
    assert!(draft(&held).has_consent_before_phone(true));
}

#[test]
fn a_consent_is_asked_once_in_each_version() {
    for (given, step, first) in [
        (None, Step::Consent, None),
        (Some("1"), Step::Consent, Some(Say::ConsentChanged)),
        (Some("2"), Step::Ask("name"), None),
    ] {
        let world = asked(question("2", "ru"), given, None);
        let (asked, said) = go(Conversation::idle(None), Input::Start, &world);
        assert_eq!(asked.step, step, "{given:?}");
        let begins = [Say::Welcome].into_iter().chain(first).collect::<Vec<_>>();
        assert_eq!(said[..said.len() - 1], begins, "{given:?}");
        let consent = draft(&asked).consent.as_ref().map(|proof| proof.id.as_str());
        assert_eq!(consent, given.filter(|given| *given == "2").map(|_| "earlier"));
    }
    // Each request refers to the proof.
    let world = asked(question("2", "ru"), Some("2"), None);
    let sent = turn(played(&filled_in(), &world), Input::Press(Press::Submit), &world).lead.expect("a lead");
    assert_eq!(sent.consent, Some(ConsentProof { version: "2".into(), id: "earlier".into() }));
    assert_eq!(sent.consent_at, Some(chrono::DateTime::UNIX_EPOCH));
}

/// At every step of a form that was begun under another version, or before there was any.
#[test]
fn a_version_that_changes_under_a_form_is_asked_before_it_goes_on_and_loses_nothing() {
    let answers = filled_in();
    let ways = [(version("1"), vec![press("consent:accept")]), (world(true), vec![press("consent:accept")])];
    for (before, accepts) in ways.into_iter().chain([(world(false), vec![])]) {
        for until in 1..=answers.len() {
            let begun = [&answers[..1], &accepts, &answers[1..until]].concat();
            let begun = played(&begun, &before);
            let now = version("2");
            // What is said next is taken, and then it is asked; at the card nothing is sent.
            let next = answers.get(until).cloned().unwrap_or(press("submit"));
            let outcome = turn(begun, next, &now);
            assert!(outcome.lead.is_none());
            let (asked, said) = (stored_and_read(outcome.conversation), outcome.replies.concat());
            assert_eq!(asked.step, Step::Consent, "{until}");
            assert!(matches!(said.last(), Some(Say::ConsentTo(question)) if question.version == "2"), "{said:?}");
            let had_version = before.consent != ConsentRule::Nothing && before.consent != ConsentRule::Policy;
            assert_eq!(said.contains(&Say::ConsentChanged), had_version, "{said:?}");
            assert_eq!(draft(&asked).answers.len(), until.min(4), "{until}");
            let (accepted, _) = go(asked, press("consent:accept"), &now);
            let rest = answers.get(until + 1..).unwrap_or_default();
            let card = rest.iter().fold(accepted, |conversation, input| go(conversation, input.clone(), &now).0);
            let lead = turn(card, press("submit"), &now).lead.expect("a lead");
            assert_eq!(lead.consent.expect("a proof").version, "2");
            assert_eq!((lead.name.as_str(), lead.phone.e164()), ("Иван", "+79991234567"));
        }
    }
}

/// The button of an earlier question does not consent to another version, and proves what stood above it.
#[test]
fn a_press_counts_for_what_its_message_says() {
    let shown = played(&[Input::Start], &version("1"));
    // The settings change, and the old button is pressed.
    for pressed_text in [None, Some("Здравствуйте!\n\nСогласны с 1 (ru)?")] {
        let now = asked(question("2", "ru"), None, pressed_text);
        let (asked_again, said) = go(shown.clone(), press("consent:accept"), &now);
        assert_eq!(said, [Say::ConsentChanged, Say::ConsentTo(Box::new(question("2", "ru")))]);
        assert_eq!(draft(&asked_again).consent, None);
        // Once more on the old message, as far as Telegram tells which one it is.
        let (still, _) = go(asked_again.clone(), press("consent:accept"), &now);
        assert_eq!(draft(&still).consent.is_some(), pressed_text.is_none());
        let now = asked(question("2", "ru"), None, Some("Согласны с 2 (ru)?"));
        assert!(draft(&go(still, press("consent:accept"), &now).0).consent.is_some());
    }
    // In two languages: the one that was pressed is proved.
    let english = asked(question("1", "en"), None, None);
    let (both, _) = go(shown, Input::Press(Press::Language("en".into())), &english);
    for (text, lang) in [(Some("Согласны с 1 (ru)?"), "ru"), (Some("Согласны с 1 (en)?"), "en"), (None, "en")]
    {
        let outcome = turn(both.clone(), press("consent:accept"), &asked(question("1", "en"), None, text));
        let pressed = outcome.conversation.draft.and_then(|draft| draft.pressed_consent).expect("a consent");
        assert_eq!(pressed.lang, lang, "{text:?}");
    }
}

#[test]
fn the_document_is_shown_whenever_it_is_asked_for_and_the_form_stays() {
    let world = version("1");
    let part = |part| Say::ConsentDocument { lang: "ru".into(), part };
    for inputs in [vec![], vec![Input::Start], [vec![Input::Start, press("consent:accept")], filled_in()].concat()] {
        let before = played(&inputs, &world);
        let (after, said) = go(before.clone(), press("consent:document"), &world);
        assert_eq!(said[..2], [part(0), part(1)]);
        assert_eq!(after.step, before.step);
        assert_eq!(said.len(), if before.step == Step::Idle { 2 } else { 3 }, "{said:?}");
    }
    let outcome = turn(Conversation::idle(None), press("consent:document"), &super::world(true));
    assert_eq!(outcome.replies.concat(), [Say::OldButton, Say::HowToBegin]);
}

#[test]
fn a_form_that_stands_before_a_consent_nobody_asks_for_any_more_goes_on() {
    for before in [version("1"), world(true)] {
        let (after, said) = go(played(&[Input::Start], &before), text("Иван"), &world(false));
        assert_eq!(after.step, Step::Ask("phone"), "{said:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_lead_is_sent_without_a_consent_to_the_version_in_force(
        inputs in prop::collection::vec((any_input(), 1..4_u8), 1..40)
    ) {
        let mut conversation = Conversation::idle(None);
        for (input, at) in inputs {
            let now = at.to_string();
            let presses = input == Input::Press(Press::ConsentAccept);
            let outcome = turn(conversation, input, &version(&now));
            if let Some(lead) = outcome.lead {
                prop_assert_eq!(lead.consent.map(|proof| proof.version), Some(now.clone()));
            }
            let pressed = outcome.conversation.draft.as_ref().and_then(|draft| draft.pressed_consent.clone());
            if let Some(pressed) = pressed {
                prop_assert!(presses && pressed.version == now);
            }
            conversation = stored_and_read(outcome.conversation);
        }
    }
}

/// Whatever is said before the press, nothing is asked and nothing of it is told.
#[test]
fn what_is_said_against_what_is_held_is_held() {
    let world = version("1");
    let mut at = played(&[Input::Start, text("Иван, 8 999 123-45-67, 2 млн")], &world);
    for said in
        ["телефон не тот", "мой номер другой: 8 912 123-45-67", "нет, бюджет 3 млн", "изменить имя", "меня зовут Пётр"]
    {
        let (after, replies) = go(at, text(said), &world);
        assert_eq!(after.step, Step::Consent, "{said}");
        let is_quiet = |say: &Say| matches!(say, Say::ConsentTo(_) | Say::HeldTillConsent | Say::ConsentFirst);
        assert!(replies.iter().all(is_quiet), "{said}: {replies:?}");
        at = after;
    }
    let (_, told) = go(at, press("consent:accept"), &world);
    let Some(Say::Noted { name, phone, budget, .. }) = told.first() else { panic!("{told:?}") };
    let told = [name, phone, budget].map(|told| told.clone().unwrap_or_default());
    assert_eq!(told, ["Пётр", "+79121234567", "бюджет 3 млн"].map(|told| told.replace("бюджет ", "")));
}

/// What was shown is the whole message and its buttons, whether Telegram tells it back or not.
#[test]
fn a_proof_is_of_all_that_was_shown() {
    let with_buttons = || {
        let button = |label: &str, url: Option<&str>| ShownButton { label: label.into(), url: url.map(Into::into) };
        let buttons = vec![button("✅", None), button("📄 Текст", Some("https://dealer.example/c"))];
        ConsentQuestion { buttons, ..question("1", "ru") }
    };
    let words = with_buttons().text;
    let told = format!("Ваше сообщение получил.\n\n{words}");
    for (pressed, noted, want) in [
        (Some(told.as_str()), None, told.as_str()),
        (Some(told.as_str()), Some("другое"), told.as_str()),
        (None, Some(told.as_str()), told.as_str()),
        (Some("совсем другое"), Some(told.as_str()), told.as_str()),
        (None, None, words.as_str()),
    ] {
        let world = asked(with_buttons(), None, pressed);
        let mut open = played(&[Input::Start], &world);
        if let (Some(draft), Some(noted)) = (&mut open.draft, noted) {
            draft.note_message(&with_buttons(), noted);
        }
        let accepted = turn(stored_and_read(open), press("consent:accept"), &world).conversation;
        let proved = accepted.draft.and_then(|draft| draft.pressed_consent).expect("a consent");
        assert_eq!(proved.shown_text(), want, "{pressed:?} {noted:?}");
        assert_eq!(proved.shown_buttons(), ["[✅]", "[📄 Текст](https://dealer.example/c)"]);
    }
}

#[test]
fn who_has_begun_without_is_told_why_it_is_asked_now() {
    let without = super::world(false);
    let inputs = [Input::Start, text("Иван"), text("89991234567"), text("2 млн"), text("нет")];
    for until in 1..inputs.len() {
        let before = played(&inputs[..until], &without);
        for now in [version("1"), super::world(true)] {
            let (after, said) = go(before.clone(), inputs[until].clone(), &now);
            assert_eq!(after.step, Step::Consent, "{until}");
            assert!(said.contains(&Say::ConsentBeforeGoingOn), "{until}: {said:?}");
        }
    }
    // Whoever is asked from the beginning is told nothing of it.
    let (_, said) = go(Conversation::idle(None), Input::Start, &version("1"));
    assert!(!said.contains(&Say::ConsentBeforeGoingOn));
}
