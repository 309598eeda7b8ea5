//! An example of every value that people are told.

pub(super) mod admin;

use strum::IntoEnumIterator;

use self::admin::admin_notices;
use crate::{
    form::{Form, Question},
    lead::{Change, ChatRef, LeadNumber},
    notice::{
        Addressed, AdminNoticeDiscriminants as AdminKind, Ask, Card, CardAnswer, CardState, ConsentQuestion, Doer,
        FileCopy, LeadCard, LeadCopy, LeadOutcome, MessageCopy, MyProgress, MyRequest, MyState, Notice,
        NoticeDiscriminants as NoticeKind, Offer, PressOutcome, Say, SayDiscriminants as SayKind, Wiped, Worded,
    },
    wording::{Lang, consent_words},
};

pub(super) const NOW: i64 = 1_757_282_400_000;

pub(super) const HOUR: i64 = 3_600_000;

pub(super) fn number() -> LeadNumber {
    LeadNumber::parse("K7M2QXA").expect("a number")
}

pub(super) fn text() -> String {
    "слова".into()
}

pub(super) fn says(kind: SayKind) -> Vec<Say> {
    let form = Form::default();
    let ask = |question: &Question| {
        [None, Some(text())].map(|kept| {
            Say::Ask(Ask {
                question: question.key.to_owned(),
                editing: kept.is_some(),
                offered: kept.clone().map(|before| Offer::Before { before }),
                kept,
            })
        })
    };
    let card = |price, car_link: Option<String>| {
        let answer = |question: &Question| CardAnswer { question: question.key.to_owned(), value: None };
        Say::Card(Card {
            name: text(),
            phone: "+79991234567".into(),
            budget: Some("2 млн".into()),
            price,
            wish: car_link.clone(),
            files: usize::from(car_link.is_some()),
            car_link,
            more: form.questions().iter().map(answer).collect(),
        })
    };
    let one = match kind {
        SayKind::Ask => return form.questions().iter().flat_map(ask).collect(),
        SayKind::AnswerUnreadable => Say::AnswerUnreadable,
        SayKind::AnswerTooLong => Say::AnswerTooLong { longest: 100 },
        SayKind::ChooseOne => Say::ChooseOne,
        SayKind::Card => return vec![card(0, None), card(2_000_000, Some("https://encar.com/1".into()))],
        SayKind::Noted => {
            let nothing =
                Say::Noted { name: None, phone: None, budget: None, sum_of: None, car_link: None, wish: Some(text()) };
            let all = Say::Noted {
                name: Some(text()),
                phone: Some(text()),
                budget: Some(text()),
                sum_of: None,
                car_link: Some(text()),
                wish: Some(text()),
            };
            return vec![nothing, all];
        }
        SayKind::Welcome => Say::Welcome,
        SayKind::Resume => Say::Resume,
        SayKind::HowToBegin => Say::HowToBegin,
        SayKind::AskConsent => Say::AskConsent,
        SayKind::ConsentFirst => Say::ConsentFirst,
        SayKind::HeldTillConsent => Say::HeldTillConsent,
        SayKind::ConsentTo => {
            let question = |shown_in, document: &str, policy| {
                let (text, button) = consent_words(Lang::ru());
                let (version, lang) = ("2026-12".to_owned(), "ru".to_owned());
                let (document, document_lang) = (document.to_owned(), lang.clone());
                let (sha256, read_at) = (None, None);
                Say::ConsentTo(Box::new(ConsentQuestion {
                    version,
                    document,
                    document_lang,
                    sha256,
                    read_at,
                    shown_in,
                    policy,
                    lang,
                    text,
                    button,
                    buttons: Vec::new(),
                    message: None,
                }))
            };
            let policy = Some("https://dealer.ru/policy".to_owned());
            return vec![question(2, "consent.md", None), question(0, "https://dealer.ru/consent", policy)];
        }
        SayKind::ConsentChanged => Say::ConsentChanged,
        SayKind::ConsentBeforeGoingOn => Say::ConsentBeforeGoingOn,
        SayKind::ConsentDeclined => Say::ConsentDeclined,
        SayKind::ConsentDocument => Say::ConsentDocument { lang: "ru".into(), part: 0 },
        SayKind::PhoneTaken => Say::PhoneTaken { phone: text() },
        SayKind::LeftAsItWas => Say::LeftAsItWas,
        SayKind::GoesOn => Say::GoesOn,
        SayKind::FirstQuestion => Say::FirstQuestion,
        SayKind::NotANumber => Say::NotANumber,
        SayKind::NotADay => Say::NotADay,
        SayKind::NoSuchDay => Say::NoSuchDay { typed: text() },
        SayKind::DayIsOver => Say::DayIsOver { day: text() },
        SayKind::DayTaken => Say::DayTaken { day: text() },
        SayKind::WhyPhone => Say::WhyPhone,
        SayKind::FilesNotYet => Say::FilesNotYet,
        SayKind::FilesNeeded => Say::FilesNeeded,
        SayKind::CannotSkip => Say::CannotSkip,
        SayKind::NotASum => Say::NotASum,
        SayKind::BudgetInDoubt => Say::BudgetInDoubt { budget: text() },
        SayKind::AnswersChanged => Say::AnswersChanged { changes: changes() },
        SayKind::BudgetStays => Say::BudgetStays { budget: text(), other: text() },
        SayKind::NameTooLong => Say::NameTooLong,
        SayKind::NameUnreadable => Say::NameUnreadable,
        SayKind::NameGreeting => Say::NameGreeting,
        SayKind::NotAName => Say::NotAName,
        SayKind::Repeated => Say::Repeated,
        SayKind::PhoneIsNoBudget => Say::PhoneIsNoBudget { phone: text() },
        SayKind::LinkIsNoBudget => Say::LinkIsNoBudget,
        SayKind::NoPhoneFound => Say::NoPhoneFound,
        SayKind::PhoneInvalid => Say::PhoneInvalid,
        SayKind::BudgetUnreadable => Say::BudgetUnreadable,
        SayKind::NoLinkFound => Say::NoLinkFound,
        SayKind::WishTaken => Say::WishTaken,
        SayKind::LinkTooLong => Say::LinkTooLong,
        SayKind::ContactNotNow => Say::ContactNotNow,
        SayKind::UseButtons => Say::UseButtons,
        SayKind::OldButton => Say::OldButton,
        SayKind::ButtonOfSent => Say::ButtonOfSent { number: number() },
        SayKind::EditedMessage => Say::EditedMessage,
        SayKind::EditedElsewhere => Say::EditedElsewhere,
        SayKind::OnlyText => Say::OnlyText,
        SayKind::ChooseLanguage => Say::ChooseLanguage,
        SayKind::LanguageChosen => Say::LanguageChosen,
        SayKind::FilesKept => {
            let kept = |total, only_photos| Say::FilesKept { added: 2, total, only_photos };
            return vec![kept(2, true), kept(5, true), kept(2, false), kept(5, false)];
        }
        SayKind::TooManyFiles => Say::TooManyFiles { most: 10 },
        SayKind::FileTooLarge => Say::FileTooLarge { megabytes: 20 },
        SayKind::FilesDropped => Say::FilesDropped,
        SayKind::AskDelete => Say::AskDelete { asked_at: NOW },
        SayKind::Deleting => Say::Deleting,
        SayKind::NothingDeleted => Say::NothingDeleted,
        SayKind::UnknownCommand => Say::UnknownCommand,
        SayKind::AskCorrection => Say::AskCorrection {
            ask: Ask { question: "phone".into(), editing: true, kept: Some(text()), offered: None },
        },
        SayKind::OpenForm => Say::OpenForm { answers: Vec::new() },
        SayKind::AskWish => Say::AskWish { kept: Some(text()) },
        SayKind::ChooseByButton => Say::ChooseByButton,
        SayKind::NewPhone => Say::NewPhone { phone: text() },
        SayKind::CancelledLate => Say::CancelledLate,
        SayKind::AskCancel => Say::AskCancel,
        SayKind::WhatToCorrect => Say::WhatToCorrect,
        SayKind::Cancelled => Say::Cancelled,
        SayKind::NothingToCancel => Say::NothingToCancel,
        SayKind::AlreadySent => Say::AlreadySent { number: number() },
        SayKind::SentNotThereYet => Say::SentNotThereYet { number: number() },
        SayKind::SentTooMany => Say::SentTooMany { again_at: NOW, wait: HOUR },
        SayKind::MyRequests => {
            let request = |car| {
                move |(state, progress)| MyRequest {
                    number: number(),
                    sent_at: NOW,
                    car,
                    state,
                    progress,
                    open: state == MyState::OnItsWay,
                }
            };
            let reached = ["*:142", "*:143"].map(|key| MyProgress::Reached(key.into()));
            let progress = reached.into_iter().chain([MyProgress::Won, MyProgress::Lost, MyProgress::Gone]);
            let progress: Vec<_> = progress.map(|progress| (MyState::WithTheManager, Some(progress))).collect();
            let requests = |car: Option<String>| Say::MyRequests {
                requests: MyState::iter()
                    .map(|state| (state, None))
                    .chain(progress.clone())
                    .map(|of| request(car.clone())(of))
                    .collect(),
            };
            return vec![requests(None), requests(Some(text()))];
        }
        SayKind::Unfinished => {
            let answer = |question: &Question| CardAnswer { question: question.key.to_owned(), value: Some(text()) };
            let answers = form.questions().iter().map(answer).collect();
            return vec![Say::Unfinished { answers: vec![] }, Say::Unfinished { answers }];
        }
        SayKind::NoRequests => Say::NoRequests,
        SayKind::ChooseCorrection => {
            let answer = |question: &Question| CardAnswer { question: question.key.to_owned(), value: Some(text()) };
            let answers = form.questions().iter().map(answer).collect();
            Say::ChooseCorrection { number: number(), answers }
        }
        SayKind::Correcting => Say::Correcting { number: number() },
        SayKind::ConfirmCorrection => Say::ConfirmCorrection { number: number(), changes: changes() },
        SayKind::Corrected => Say::Corrected { number: number() },
        SayKind::AskTakeBack => Say::AskTakeBack { number: number(), asked_at: NOW },
        SayKind::TakenBack => Say::TakenBack { number: number() },
        SayKind::RequestAsItWas => Say::RequestAsItWas { number: number() },
        SayKind::RequestIsFixed => {
            return MyState::iter().map(|state| Say::RequestIsFixed { number: number(), state }).collect();
        }
        SayKind::ManyMessages => Say::ManyMessages,
        SayKind::PassedOn => return [false, true].map(|waits| Say::PassedOn { number: number(), waits }).into(),
        SayKind::TooMuchSaid => Say::TooMuchSaid { number: number() },
        SayKind::Help => Say::Help,
        SayKind::Group => Say::Group,
        SayKind::SetAside => Say::SetAside,
    };
    vec![one]
}

pub(super) fn changes() -> Vec<Change> {
    let change = |key: &str, before: Option<String>, after: Option<String>| Change {
        key: key.into(),
        label: text(),
        before,
        after,
    };
    vec![
        change("phone", Some(text()), Some(text())),
        change("colour", None, Some(text())),
        change("budget", Some(text()), None),
    ]
}

pub(super) fn lead_copy(car_link: Option<String>) -> LeadCopy {
    LeadCopy {
        number: number(),
        name: text(),
        phone: text(),
        budget: Some(text()),
        asked: Default::default(),
        wish: car_link.clone(),
        source: car_link.clone(),
        left_open: car_link.clone().map(|label| vec![label]),
        car_link,
        more: vec![],
    }
}

pub(super) fn file_copy() -> FileCopy {
    FileCopy {
        number: number(),
        name: text(),
        from_chat: ChatRef::telegram(1),
        message_id: 2,
        file_id: text(),
        kind: crate::lead::FileKind::Photo,
    }
}

pub(super) fn notices(kind: NoticeKind) -> Vec<Notice> {
    match kind {
        NoticeKind::Accepted => vec![Notice::Accepted { number: number() }],
        NoticeKind::Saved => vec![Notice::Saved { number: number() }],
        NoticeKind::Delivered => vec![Notice::Delivered { number: number() }],
        NoticeKind::StatusReached => {
            vec![Notice::StatusReached { number: number(), key: "*:142".into(), text: vec![("ru".into(), text())] }]
        }
        NoticeKind::Reply => SayKind::iter().flat_map(says).map(|say| Notice::Reply(vec![say])).collect(),
        NoticeKind::Admin => AdminKind::iter().flat_map(admin_notices).map(Notice::Admin).collect(),
        NoticeKind::File => vec![Notice::File(file_copy())],
        NoticeKind::LeadCard => vec![Notice::LeadCard { number: number() }],
        NoticeKind::Untouched => vec![Notice::Untouched { number: number(), minutes: 15 }],
        NoticeKind::Worded => vec![Notice::Worded(Worded { text: text(), buttons: vec![], topic: None })],
        NoticeKind::Copy => {
            let copy = |text| MessageCopy {
                number: number(),
                from_chat: ChatRef::telegram(5),
                message_id: 7,
                text,
                caption: None,
            };
            vec![Notice::Copy(copy(Some(text()))), Notice::Copy(copy(None))]
        }
        // Nothing is said of it.
        NoticeKind::TopicEnd => vec![],
        NoticeKind::Addressed => vec![Addressed::plain(Notice::Saved { number: number() }).into()],
    }
}

pub(super) fn lead_cards() -> Vec<LeadCard> {
    let doer = || Doer { name: text(), at: NOW };
    let card = LeadCard {
        number: number(),
        lead: Ok(lead_copy(Some(text()))),
        files: 3,
        taken_back: true,
        state: CardState::OnItsWay,
        taken: Some(doer()),
        outcome: None,
    };
    let states =
        [CardState::OnItsWay, CardState::NoCrm, CardState::GivenUp, CardState::InCrm(None), CardState::InCrm(Some(7))];
    let outcomes = [LeadOutcome::Reached, LeadOutcome::NoAnswer, LeadOutcome::Junk];
    let wiped = [Wiped::Asked, Wiped::Old];
    let states = states.map(|state| LeadCard { state, taken: None, ..card.clone() });
    let outcomes = outcomes.map(|outcome| LeadCard { outcome: Some((outcome, doer())), ..card.clone() });
    let wiped = wiped.map(|why| LeadCard { lead: Err(why), ..card.clone() });
    states.into_iter().chain(outcomes).chain(wiped).collect()
}

pub(super) fn press_outcomes() -> Vec<PressOutcome> {
    use PressOutcome as O;
    vec![
        O::Unknown,
        O::Over,
        O::Taken,
        O::Yours,
        O::Others(Doer { name: text().repeat(100), at: NOW }),
        O::Said { taken: false },
        O::Said { taken: true },
        O::SaidAlready,
        O::Ask,
    ]
}
