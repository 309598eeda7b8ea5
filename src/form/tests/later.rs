//! What is said after a request, and what begins another one.

use chrono::{TimeDelta, Utc};

use super::*;
use crate::{
    form::{ConsentRule, Correcting, Draft, Form},
    lead::{Buyer, FileKind, Sources},
    wording::Lang,
};

fn world() -> World {
    World {
        now: Utc::now(),
        utc_offset: TimeDelta::hours(3),
        sent_at: None,
        message: Some(50),
        has_buttons: true,
        region: Region::default(),
        consent: ConsentRule::Nothing,
        buyer: Buyer::default(),
        first_name: None,
        last_request: None,
        form: Form::default(),
        sources: Sources::default(),
        words: Lang::all_words,
        request: None,
        keys: Lang::typed_by_key,
    }
}

fn number() -> LeadNumber {
    LeadNumber::parse("K7M2QXA").expect("a number")
}

fn request() -> OpenRequest {
    OpenRequest {
        lead_id: Ulid::nil(),
        number: number(),
        name: "Иван".into(),
        waits: false,
        is_on_its_way: false,
        is_taken_back: false,
        files: Some(1),
        kept_today: 0,
        quiet: 3_600_000,
        known: None,
    }
}

fn text(text: &str) -> Input {
    Input::Text { text: text.into(), links: Vec::new() }
}

fn media(kind: Option<FileKind>, caption: Option<&str>) -> Input {
    let file = |kind| BuyerFile {
        file_id: "f".into(),
        unique_id: "u".into(),
        kind,
        name: None,
        mime: None,
        size: None,
        message_id: 50,
    };
    Input::Media { caption: caption.map(Into::into), links: Vec::new(), file: kind.map(file), album: None }
}

fn idle() -> Conversation {
    Conversation::idle(Some(number()))
}

fn passed(input: &Input) -> Option<PassedOn> {
    pass_on(&idle(), input, &Beside::default(), &request(), &world())
}

#[test]
fn a_file_is_kept_with_the_request_while_an_answer_of_it_is_corrected() {
    let file = || {
        serde_json::from_value(serde_json::json!({"file_id": "a", "unique_id": "b", "kind": "photo", "message_id": 7}))
            .ok()
    };
    let (photo, words) = (
        Input::Media { caption: None, links: Vec::new(), file: file(), album: None },
        Input::Text { text: "белая".into(), links: Vec::new() },
    );
    assert!(matches!(photo, Input::Media { file: Some(_), .. }));
    let number = LeadNumber::parse("K7M2QXA").expect("a number");
    let correcting = Conversation {
        correcting: Some(Correcting { number, key: "phone".into(), given: None }),
        ..Conversation::idle(None)
    };
    let open = Conversation { step: Step::Ask("phone"), draft: Some(Draft::open()), ..Conversation::idle(None) };
    for (conversation, input, outside) in [
        (&correcting, &photo, true),
        (&correcting, &words, false),
        (&Conversation::idle(None), &words, true),
        (&open, &photo, false),
    ] {
        assert_eq!(is_outside(conversation, input), outside, "{conversation:?} {input:?}");
    }
}

#[test]
fn of_a_request_that_was_taken_back_it_is_told_that_it_was() {
    let request = OpenRequest { is_taken_back: true, ..request() };
    let passed = |said: &str| pass_on(&idle(), &text(said), &Beside::default(), &request, &world());
    for said in ["где моя заявка?", "какой статус заявки", "what is the status of my request?"]
    {
        let passed = passed(said).expect("it is passed on");
        let state = MyState::TakenBack;
        assert_eq!(passed.outcome.replies, [[Say::RequestIsFixed { number: number(), state }]], "{said}");
    }
    let thanks = passed("спасибо, пока не надо").expect("it is passed on");
    assert!(thanks.speech.is_some());
    for said in ["8 999 123-45-67", "2 млн", "хочу купить машину", "Иван, 8 999 123-45-67, 2 млн"]
    {
        assert_eq!(passed(said), None, "{said} begins another");
    }
}

#[test]
fn whoever_wants_something_corrected_is_answered_each_time() {
    let told = Conversation { told: Some(Told { at: Utc::now(), full: false }), ..idle() };
    let awaited = Conversation { correcting: Some(Correcting::awaited(number(), false)), ..told.clone() };
    for (conversation, said, answers) in [
        (&told, "и ещё белую", 0),
        (&told, "мой второй номер 8 912 000-11-22", 0),
        (&told, "неправильный телефон, верный 8 912 000-11-22", 1),
        (&awaited, "8 912 000-11-22", 1),
        (&awaited, "3 млн", 1),
        (&awaited, "сейчас скину", 0),
    ] {
        let passed = pass_on(conversation, &text(said), &Beside::default(), &request(), &world());
        let passed = passed.unwrap_or_else(|| panic!("{said}"));
        assert_eq!(passed.outcome.replies.len(), answers, "{said}");
        assert!(passed.speech.is_some(), "{said}");
    }
}

#[test]
fn what_is_said_after_a_request_belongs_to_it_and_what_begins_another_does_not() {
    for said in [
        "а сколько стоит доставка?",
        "перезвоните после 18",
        "Здравствуйте",
        "спасибо!",
        "ок",
        "👍",
        "мой второй номер 8 912 345-67-89",
        "позвоните жене, Анна 8 912 345-67-89",
        "бюджет могу поднять до 3 млн",
        "меня зовут Пётр, я ошибся",
        "а Kia K5 ещё в наличии?",
        "хочу узнать, когда придёт машина?",
        "можно белую",
        "меня интересует доставка автомобиля",
        "Нужно знать когда придёт моя Kia",
        "мне надо приехать за машиной",
        "хочу белую машину",
        "надо узнать про документы на авто",
        "отмена",
        "отменить заявку",
        "да",
        "2021 года не старше",
        "Can you call me tomorrow?",
        "Narxi qancha?",
    ] {
        let passed = passed(&text(said)).unwrap_or_else(|| panic!("{said}"));
        assert_eq!(passed.speech, Some(Speech::Said(said.into())), "{said}");
        assert_eq!(passed.outcome.replies, [[Say::PassedOn { number: number(), waits: false }]], "{said}");
        assert_eq!(passed.outcome.conversation.step, Step::Idle);
    }
    for said in [
        "https://fem.encar.com/cars/detail/38427498",
        "новая заявка",
        "Хочу оставить ещё одну заявку",
        "вот ещё https://www.drom.ru/1 посмотрите",
        "Хочу ещё одну машину",
        "нужна Toyota Camry 2020",
        "хочу купить машину жене",
        "Ищу другую машину",
        "I want another car",
        "Иван, 8 999 123-45-67, 2 млн",
    ] {
        assert_eq!(passed(&text(said)), None, "{said}");
    }
    let forwarded = |text: &str, link: Option<&str>| Input::Forwarded {
        text: text.into(),
        links: link.map(str::to_owned).into_iter().collect(),
    };
    let post = passed(&forwarded("Куплю Камри, 8 912 345-67-89, 2 млн", None)).expect("it is kept");
    assert_eq!(post.speech, Some(Speech::Said("(переслано) Куплю Камри, 8 912 345-67-89, 2 млн".into())));
    assert_eq!(passed(&forwarded("Kia K5", Some("https://fem.encar.com/cars/detail/38427498"))), None);
    assert_eq!(passed(&media(Some(FileKind::Photo), Some("https://fem.encar.com/cars/detail/38427498"))), None);
    for other in [
        Input::Start,
        Input::Help,
        Input::Skip,
        Input::My(Vec::new()),
        Input::Delete,
        Input::UnknownCommand,
        Input::UnknownPress,
        Input::Press(crate::form::Press::Start),
    ] {
        assert_eq!(passed(&other), None, "{other:?}");
    }
}

#[test]
fn what_is_shown_is_named_and_kept_with_the_request() {
    for (input, shown, words, is_kept) in [
        (media(Some(FileKind::Photo), None), None, "Фото (K7M2QXA-2.jpg)", true),
        (media(Some(FileKind::Photo), Some("хочу такую")), None, "Фото (K7M2QXA-2.jpg): хочу такую", true),
        (media(Some(FileKind::Voice), None), None, "Голосовое сообщение (K7M2QXA-2.ogg)", true),
        (media(None, None), Some("Стикер 👍"), "Стикер 👍", false),
        (media(None, None), Some("Место на карте: x"), "Место на карте: x", false),
        (
            Input::Contact { phone: "+7912".into(), own: false },
            Some("Контакт: Анна, +7912"),
            "Контакт: Анна, +7912",
            false,
        ),
        (Input::Contact { phone: "+7912".into(), own: true }, None, "Контакт: +7912", false),
    ] {
        let beside = Beside { shown: shown.map(str::to_owned), edited: None };
        let passed = pass_on(&idle(), &input, &beside, &request(), &world()).expect("it is kept");
        assert_eq!(passed.speech, Some(Speech::Said(words.into())));
        assert_eq!(passed.file.is_some(), is_kept, "{words}");
    }
    for files in [None, Some(MOST_FILES)] {
        let request = OpenRequest { files, ..request() };
        let input = media(Some(FileKind::Video), Some("вот"));
        let passed = pass_on(&idle(), &input, &Beside::default(), &request, &world()).expect("it is kept");
        assert_eq!((passed.speech, passed.file), (Some(Speech::Said("Видео: вот".into())), None));
    }
    let link = Input::Text { text: "вот тут".into(), links: vec!["tg://user?id=5".into()] };
    assert_eq!(passed(&link).and_then(|passed| passed.speech), Some(Speech::Said("вот тут tg://user?id=5".into())));
}

#[test]
fn the_buyer_is_told_once_an_hour_and_a_question_about_the_request_is_answered_each_time() {
    let now = Utc::now();
    let at = |minutes| World { now: now + TimeDelta::minutes(minutes), ..world() };
    let say = |conversation: &Conversation, words: &str, minutes| {
        let passed =
            pass_on(conversation, &text(words), &Beside::default(), &request(), &at(minutes)).expect("it is kept");
        assert!(passed.speech.is_some());
        (passed.outcome.conversation, passed.outcome.replies.into_iter().flatten().next())
    };
    let told = Some(Say::PassedOn { number: number(), waits: false });
    let (conversation, first) = say(&idle(), "раз", 0);
    assert_eq!(first, told);
    let (conversation, second) = say(&conversation, "два", 59);
    assert_eq!(second, None);
    let (conversation, asked) = say(&conversation, "Где моя заявка?", 59);
    assert_eq!(asked, Some(Say::AlreadySent { number: number() }));
    assert_eq!(say(&conversation, "три", 80).1, None);
    assert_eq!(say(&conversation, "три", 120).1, told);
    // By a clock that was ahead.
    assert_eq!(say(&conversation, "три", -10).1, told);

    let waits = OpenRequest { waits: true, is_on_its_way: true, ..request() };
    for (words, answer) in [
        ("раз", Say::PassedOn { number: number(), waits: true }),
        ("статус?", Say::SentNotThereYet { number: number() }),
        ("Is my request received?", Say::SentNotThereYet { number: number() }),
        ("ну что там с моей заявкой", Say::PassedOn { number: number(), waits: true }),
        ("что с заявкой", Say::SentNotThereYet { number: number() }),
    ] {
        let passed = pass_on(&idle(), &text(words), &Beside::default(), &waits, &world()).expect("it is kept");
        assert_eq!(passed.outcome.replies, [[answer]], "{words}");
    }
}

#[test]
fn too_much_is_said_so_once_and_not_kept() {
    let full = OpenRequest { kept_today: MOST_A_DAY, ..request() };
    let (conversation, _) = {
        let passed = passed(&text("раз")).expect("it is kept");
        (passed.outcome.conversation, ())
    };
    let passed = pass_on(&conversation, &text("ещё"), &Beside::default(), &full, &world()).expect("it is answered");
    assert_eq!((passed.speech, passed.file), (None, None));
    assert_eq!(passed.outcome.replies, [[Say::TooMuchSaid { number: number() }]]);
    let again = pass_on(&passed.outcome.conversation, &text("ещё"), &Beside::default(), &full, &world());
    assert!(again.expect("it is passed over").outcome.replies.is_empty());
}

#[test]
fn an_edit_is_kept_as_one_unless_it_changes_no_words() {
    let edited = |now: Input| Beside { shown: None, edited: Some(now) };
    let known = |before: &Input| OpenRequest { known: Some(fingerprint_of(before)), ..request() };
    let before = text("после 18");
    let kept = pass_on(&idle(), &Input::Edited, &edited(text("после 19")), &known(&before), &world()).expect("kept");
    assert_eq!(kept.speech, Some(Speech::Corrected("после 19".into())));
    let photo = media(Some(FileKind::Photo), None);
    for (before, now) in
        [(before.clone(), before.clone()), (photo.clone(), photo.clone()), (text("x"), media(None, None))]
    {
        let same = pass_on(&idle(), &Input::Edited, &edited(now), &known(&before), &world()).expect("passed over");
        assert_eq!((same.speech, same.outcome.replies), (None, vec![]));
    }
    // A caption is added; the file is not kept twice.
    let captioned = media(Some(FileKind::Photo), Some("царапина"));
    let kept = pass_on(&idle(), &Input::Edited, &edited(captioned), &known(&photo), &world()).expect("kept");
    assert_eq!((kept.speech, kept.file), (Some(Speech::Corrected("царапина".into())), None));
    // Whatever form is open meanwhile, whose answer it is not.
    let open = Conversation { step: Step::Ask("name"), draft: Some(Draft::open()), ..idle() };
    let kept = pass_on(&open, &Input::Edited, &edited(text("после 19")), &known(&before), &world()).expect("kept");
    assert_eq!(kept.speech, Some(Speech::Corrected("после 19".into())));
    assert!(kept.outcome.replies.is_empty() && kept.outcome.conversation.step == Step::Ask("name"));
    assert_eq!(pass_on(&open, &Input::Edited, &edited(text("Пётр")), &request(), &world()), None);
}

#[test]
fn what_is_said_to_a_form_or_a_correction_is_theirs() {
    let open = Conversation { step: Step::Ask("name"), draft: Some(Draft::open()), ..idle() };
    let correcting = Correcting { number: number(), key: "phone".into(), given: None };
    let correcting = Conversation { correcting: Some(correcting), ..idle() };
    for conversation in [open, correcting] {
        assert_eq!(pass_on(&conversation, &text("Иван"), &Beside::default(), &request(), &world()), None);
    }
}
