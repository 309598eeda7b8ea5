//! Every text is worded in every language, with the arguments it needs, and somebody uses it.
//!
//! A new variant of `Say`, `Notice`, `AdminNotice`, `Trouble` or `Shortage` does not compile here until it has an example; the
//! example fails by name until `locales/` has its texts. Calls of `Lang::text` anywhere else are read from the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use regex::Regex;
use strum::IntoEnumIterator;

use super::{i18n::asked, *};
use crate::{
    config::StatusText,
    form::{Form, Question},
    lead::{Change, LeadNumber},
    notice::{
        Addressed, AdminNotice, AdminNoticeDiscriminants as AdminKind, Ask, Card, CardAnswer, CardState,
        ConsentQuestion, Doer, FileCopy, LeadCard, LeadCopy, LeadOutcome, LeadsMeanwhile, MessageCopy, MyProgress,
        MyRequest, MyState, Notice, NoticeDiscriminants as NoticeKind, Offer, PollTrouble, PressOutcome, Say,
        SayDiscriminants as SayKind, Shortage, ShortageDiscriminants as ShortageKind, TalkMark, Trouble,
        TroubleDiscriminants as TroubleKind, Wiped, WithdrawnLead, Worded,
    },
};

const NOW: i64 = 1_757_282_400_000;
const HOUR: i64 = 3_600_000;

fn number() -> LeadNumber {
    LeadNumber::parse("K7M2QXA").expect("a number")
}

fn text() -> String {
    "слова".into()
}

fn says(kind: SayKind) -> Vec<Say> {
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
                let (text, button) = super::consent_words(Lang::ru());
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

fn changes() -> Vec<Change> {
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

fn troubles() -> Vec<Trouble> {
    let trouble = |kind| match kind {
        TroubleKind::TokensExpired => Trouble::TokensExpired,
        TroubleKind::TokensRevoked => Trouble::TokensRevoked,
        TroubleKind::NoTokens => Trouble::NoTokens,
        TroubleKind::WrongClient => Trouble::WrongClient,
        TroubleKind::WrongRedirect => Trouble::WrongRedirect,
        TroubleKind::WrongAccount => Trouble::WrongAccount,
        TroubleKind::IntegrationOff => Trouble::IntegrationOff,
        TroubleKind::Moved => Trouble::Moved { host: text() },
        TroubleKind::NotPaid => Trouble::NotPaid,
        TroubleKind::NoRights => Trouble::NoRights,
        TroubleKind::Blocked => Trouble::Blocked,
        TroubleKind::AccountCannot => Trouble::AccountCannot { words: text() },
        TroubleKind::Refuses => Trouble::Refuses { words: text() },
        TroubleKind::Throttled => Trouble::Throttled,
        TroubleKind::Unreachable => Trouble::Unreachable,
        TroubleKind::WrongAddress => Trouble::WrongAddress,
        TroubleKind::NotConfigured => Trouble::NotConfigured,
    };
    TroubleKind::iter().map(trouble).collect()
}

fn shortages() -> Vec<Shortage> {
    let shortage = |kind| match kind {
        ShortageKind::Pipeline => Shortage::Pipeline { id: 1 },
        ShortageKind::Status => Shortage::Status { id: 1 },
        ShortageKind::Responsible => Shortage::Responsible { id: 1 },
        ShortageKind::BudgetField => Shortage::BudgetField { id: 1 },
        ShortageKind::CarLinkField => Shortage::CarLinkField { id: 1 },
        ShortageKind::AnswerField => Shortage::AnswerField { setting: text(), id: 1 },
        ShortageKind::UnknownField => Shortage::UnknownField { setting: text(), field: text() },
        ShortageKind::UtmField => Shortage::UtmField { code: text(), id: None },
        ShortageKind::SourceTag => Shortage::SourceTag { name: text() },
        ShortageKind::MappedStatus => Shortage::MappedStatus { pipeline_id: Some(1), status_id: 2 },
        ShortageKind::Tag => Shortage::Tag { name: text() },
        ShortageKind::PhoneKind => Shortage::PhoneKind,
        ShortageKind::Notes => Shortage::Notes,
        ShortageKind::Unexplained => Shortage::Unexplained,
    };
    ShortageKind::iter().map(shortage).collect()
}

fn lead_copy(car_link: Option<String>) -> LeadCopy {
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

fn admin_notices(kind: AdminKind) -> Vec<AdminNotice> {
    use AdminNotice as A;
    let copy = lead_copy;
    let each = |notice: &dyn Fn(Trouble) -> A| troubles().into_iter().map(notice).collect::<Vec<_>>();
    match kind {
        AdminKind::OutageOpened => each(&|trouble| A::OutageOpened { trouble, since: NOW, waiting: 3 }),
        AdminKind::OutageChanged => each(&|trouble| A::OutageChanged { trouble, waiting: 0 }),
        AdminKind::OutageGoesOn => [None, Some(NOW)]
            .into_iter()
            .flat_map(|oldest| each(&|trouble| A::OutageGoesOn { trouble, since: NOW, waiting: 1, oldest }))
            .collect(),
        AdminKind::OutageOver => [(0, 3 * HOUR), (2, 50 * HOUR)]
            .map(|(rejected, lasted)| A::OutageOver { lasted, delivered: 5, oldest_waited: 90_000, rejected })
            .into(),
        AdminKind::Rejected => vec![A::Rejected { number: number(), error: text() }],
        AdminKind::Stuck => vec![A::Stuck { number: number(), error: text() }],
        AdminKind::Unreadable => {
            vec![A::Unreadable { leads: vec!["K7M2QXA".into(), text()], chats: vec!["42".into()] }]
        }
        AdminKind::GoesOnWithout => vec![A::GoesOnWithout { shortages: shortages() }],
        AdminKind::TakenAgain => vec![A::TakenAgain { shortages: shortages() }],
        AdminKind::LimitReached => vec![A::LimitReached {
            user_id: 1,
            username: Some(text()),
            per_hour: Some(3),
            per_day: None,
            again_at: NOW,
        }],
        AdminKind::Flood => [false, true].map(|goes_on| A::Flood { leads: 90, people: 1, goes_on }).into(),
        AdminKind::FloodOver => vec![A::FloodOver { lasted: HOUR, leads: 90 }],
        AdminKind::Copies => vec![A::Copies { leads: vec![copy(None), copy(Some(text()))] }],
        AdminKind::NewLead => vec![A::NewLead { lead: copy(Some(text())) }],
        AdminKind::ConsentWithdrawn => {
            let lead = |url| vec![WithdrawnLead { number: "K7M2QXA".into(), url }];
            let all = A::ConsentWithdrawn {
                in_crm: lead(Some("https://example.amocrm.ru/leads/detail/1".into())),
                may_be_in_crm: lead(None),
                given_up: lead(None),
                unreadable: vec![text()],
            };
            let nothing =
                A::ConsentWithdrawn { in_crm: vec![], may_be_in_crm: vec![], given_up: vec![], unreadable: vec![] };
            vec![all, nothing]
        }
        AdminKind::ConsentDocumentMissing => {
            vec![A::ConsentDocumentMissing { address: "https://dealer.ru/consent".into(), detail: text() }]
        }
        AdminKind::Corrected => vec![A::Corrected { number: number(), changes: changes() }],
        AdminKind::TakenBack => vec![A::TakenBack { number: number() }],
        AdminKind::Finished => vec![A::Finished { lead: copy(Some(text())) }],
        AdminKind::AmendmentRefused => vec![A::AmendmentRefused { number: number(), detail: text() }],
        AdminKind::Talk => TalkMark::iter().map(|mark| A::Talk { mark }).collect(),
        AdminKind::NoPlaceForWords => vec![A::NoPlaceForWords { number: number(), text: text() }],
        AdminKind::NoCrm => vec![A::NoCrm],
        AdminKind::FirstAccess => vec![A::FirstAccess],
        AdminKind::EphemeralDisk => vec![A::EphemeralDisk],
        AdminKind::StoreTrouble => vec![A::StoreTrouble { detail: text() }],
        AdminKind::StoreWorks => vec![A::StoreWorks],
        AdminKind::SecondInstance => vec![A::SecondInstance],
        AdminKind::PollsFail => {
            PollTrouble::iter()
                .flat_map(|trouble| [false, true].map(|still| (trouble, still)))
                .flat_map(|(trouble, still)| {
                    [LeadsMeanwhile::Delivered, LeadsMeanwhile::Waiting, LeadsMeanwhile::Saved]
                        .map(|leads| A::PollsFail { trouble, since: NOW, still, leads })
                })
                .collect()
        }
        AdminKind::ToldElsewhere => vec![A::ToldElsewhere { notices: vec![A::NoCrm] }],
        AdminKind::PollsWork => {
            let works = |told_elsewhere| A::PollsWork {
                trouble: PollTrouble::NoAnswer,
                since: NOW,
                until: NOW + 4000,
                told_elsewhere,
            };
            vec![works(vec![]), works(vec![A::NoCrm])]
        }
        AdminKind::BackupUnreadable => vec![A::BackupUnreadable { moved_to: text() }],
        AdminKind::BackupEntriesSkipped => vec![A::BackupEntriesSkipped { skipped: 1, kept_in: text() }],
        AdminKind::BackupImported => vec![A::BackupImported { imported: 2 }],
        AdminKind::UpdateSetAside => vec![A::UpdateSetAside { update_id: 7 }],
        AdminKind::TokenExpiring => {
            [false, true].map(|long_lived| A::TokenExpiring { long_lived, expires_at: NOW }).into()
        }
        AdminKind::RefreshFailing => [None, Some(NOW)]
            .into_iter()
            .flat_map(|works_until| each(&|trouble| A::RefreshFailing { trouble, works_until }))
            .collect(),
        AdminKind::AccessLost => each(&|trouble| A::AccessLost { trouble }),
        AdminKind::GroupMoved => vec![A::GroupMoved { setting: text(), chat_id: -1 }],
        AdminKind::FilesComeHere => vec![A::FilesComeHere { detail: text() }],
        AdminKind::FileLost => vec![A::FileLost { number: number(), name: text() }],
        AdminKind::Untouched => vec![A::Untouched { number: number(), minutes: 60 }],
        AdminKind::UserRefused => {
            [None, Some(text())].map(|name| A::UserRefused { user_id: 7001, name, detail: text() }).to_vec()
        }
        AdminKind::ActionRefused => vec![A::ActionRefused { number: number(), detail: text() }],
        AdminKind::TokensRenewed => vec![A::TokensRenewed { waiting: 21 }],
    }
}

fn file_copy() -> FileCopy {
    FileCopy {
        number: number(),
        name: text(),
        from_chat: 1,
        message_id: 2,
        file_id: text(),
        kind: crate::lead::FileKind::Photo,
    }
}

fn notices(kind: NoticeKind) -> Vec<Notice> {
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
            let copy = |text| MessageCopy { number: number(), from_chat: 5, message_id: 7, text, caption: None };
            vec![Notice::Copy(copy(Some(text()))), Notice::Copy(copy(None))]
        }
        NoticeKind::Addressed => vec![Addressed::plain(Notice::Saved { number: number() }).into()],
    }
}

fn lead_cards() -> Vec<LeadCard> {
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

fn press_outcomes() -> Vec<PressOutcome> {
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

/// Asks for every text that a value of `notice` leads to.
fn render_everything() {
    let url = url::Url::parse("https://dealer.ru/privacy").expect("an address");
    let wordings = [
        Wording::default(),
        Wording {
            privacy_policy_url: Some(url),
            bot_username: "bot".into(),
            crm_url: Some(url::Url::parse("https://acme.amocrm.ru/").expect("an address")),
            can_authorize: true,
            statuses: [StatusText { pipeline_id: None, status_id: 142, text: vec![("ru".into(), text())] }]
                .into_iter()
                .collect(),
            ..Wording::default()
        },
    ];
    for lang in Lang::built_in() {
        crate::stats::tests::say_everything(lang);
        for wording in &wordings {
            for notice in NoticeKind::iter().flat_map(notices) {
                let rendered = render_notice(&notice, lang, wording);
                let length = rendered.text.encode_utf16().count();
                assert!((1..=4096).contains(&length), "{lang:?} {notice:?}: {length} units");
                assert!(!has_leftovers(&rendered.text), "{lang:?} {notice:?}: {}", rendered.text);
                check_markup(rendered.markup.as_ref(), &format!("{lang:?} {notice:?}"));
            }
        }
        for wording in &wordings {
            for card in lead_cards() {
                let rendered = render_lead_card(&card.number, Some(&card), lang, wording);
                assert!(!has_leftovers(&rendered.text), "{lang:?} {card:?}: {}", rendered.text);
                check_markup(rendered.markup.as_ref(), &format!("{lang:?} {card:?}"));
            }
            for outcome in press_outcomes() {
                let text = press_text(&number(), &outcome, lang, wording);
                assert!((1..=200).contains(&text.encode_utf16().count()) && !has_leftovers(&text), "{lang:?}: {text}");
            }
        }
        for shortage in shortages() {
            shortage_text(&shortage, lang);
            short_name(&shortage, lang);
        }
        for trouble in troubles() {
            for can_authorize in [false, true] {
                advice_text(&trouble, can_authorize, lang);
            }
        }
        for millis in [0, 61_000, HOUR, 30 * HOUR] {
            duration(millis, lang);
        }
        backup_caption(3, lang);
        file_caption(&file_copy(), lang);
        deleted_text(&["#K7M2QXA".into()], &["#K7M2QXB".into(), "#K7M2QXC".into()], lang);
        // Words of the form that stand on no message yet: what a choice is called, and a question that was passed over.
        for question in Form::default().questions() {
            question.choices.iter().for_each(|choice| drop(lang.words(choice)));
        }
        lang.text("skipped", &[]);
    }
}

/// Whether a placeable of Fluent's shows in a text.
fn has_leftovers(text: &str) -> bool {
    text.contains("{$") || text.contains("{ ") || text.contains("{-")
}

/// What Telegram takes: a label on every button, and 1 to 64 bytes of callback data.
fn check_markup(markup: Option<&Markup>, of: &str) {
    match markup {
        Some(Markup::Buttons(rows)) => {
            assert!(rows.iter().all(|row| !row.is_empty()) && !rows.is_empty(), "{of}: an empty row");
            for button in rows.iter().flatten() {
                let (Button::Press { text, data, .. }
                | Button::Open { text, url: data }
                | Button::Copy { text, copy: data }) = button;
                assert!(!text.is_empty() && (1..=64).contains(&data.len()), "{of}: {button:?}");
            }
        }
        Some(Markup::Keys(rows)) => {
            for Key::Type(label) | Key::ShareContact(label) in rows.iter().flatten() {
                assert!(!label.is_empty(), "{of}");
            }
        }
        Some(Markup::RemoveKeys) | None => {}
    }
}

/// The texts of one language: what stands behind each id, and the arguments it names.
fn messages(lang: Lang) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$([a-z_]+)").expect("a pattern"));
    let mut messages = BTreeMap::<_, BTreeSet<_>>::new();
    let mut id = "";
    for line in lang.source().lines() {
        if let Some((name, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            id = name;
            assert!(messages.insert(id, BTreeSet::new()).is_none(), "{lang:?}: {id} stands twice");
        } else if line.starts_with('#') {
            id = "";
        }
        let names = VARIABLE.captures_iter(line).filter_map(|found| found.get(1)).map(|name| name.as_str());
        messages.entry(id).or_default().extend(names);
    }
    messages.remove("");
    messages
}

/// A call of `Lang::text` in the source: its id, and its arguments where they are written out.
struct Call {
    place: String,
    id: String,
    args: Option<BTreeSet<String>>,
}

/// The source of the product without its tests.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the source") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// The calls that name their id.
fn calls() -> Vec<Call> {
    static START: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\b(?:lang|first|second|ru\(\)|en\(\)|default\(\))\s*\.text\(\s*"([a-z0-9-]+)",\s*"#)
            .expect("a pattern")
    });
    let mut calls = Vec::new();
    for (path, source) in all_sources() {
        for found in START.captures_iter(&source) {
            let whole = found.get(0).expect("a match");
            let (before, behind) = (&source[..whole.start()], &source[whole.end()..]);
            let list = match behind.strip_prefix("&[") {
                Some(list) => Some(list),
                // The arguments have a name of their own, given shortly before.
                None if behind.starts_with("&args") => {
                    before.rfind("let args = [").map(|at| &source[at + "let args = [".len()..])
                }
                None => None,
            };
            calls.push(Call {
                place: format!("{path}:{}", before.lines().count()),
                id: found[1].to_owned(),
                args: list.map(names_of),
            });
        }
    }
    calls
}

/// The names in `("name", value), ("other", value)]`, not those of a call within a value.
fn names_of(args: &str) -> BTreeSet<String> {
    let (mut depth, mut names, mut before) = (0, BTreeSet::new(), ' ');
    let mut rest = args.chars();
    while let Some(char) = rest.next() {
        match char {
            '"' => {
                let mut word = String::new();
                while let Some(char) = rest.next().filter(|char| *char != '"') {
                    word.push(char);
                    if char == '\\' {
                        word.extend(rest.next());
                    }
                }
                if depth == 1 && before == '(' {
                    names.insert(word);
                }
            }
            '(' | '[' | '{' => depth += 1,
            ']' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if !char.is_whitespace() {
            before = char;
        }
    }
    names
}

/// The ids that buyers are told of: what the dialogue says, and what becomes of a request.
fn buyers_ids() -> BTreeSet<String> {
    let before = asked::ids();
    assert!(before.is_empty(), "asked for before");
    let url = url::Url::parse("https://dealer.ru/privacy").expect("an address");
    let wording = Wording { privacy_policy_url: Some(url), bot_username: "bot".into(), ..Wording::default() };
    for wording in [wording, Wording::default()] {
        for say in SayKind::iter().flat_map(says) {
            render_reply(&[say], Lang::ru(), &wording);
        }
    }
    for kind in [NoticeKind::Accepted, NoticeKind::Saved, NoticeKind::Delivered] {
        notices(kind).iter().for_each(|notice| drop(render_notice(notice, Lang::ru(), &Wording::default())));
    }
    for question in Form::default().questions() {
        Lang::ru().words(&question.label);
    }
    for command in ["command-start", "command-my", "command-cancel", "command-language", "command-help"] {
        Lang::ru().text(command, &[]);
    }
    for millis in [0, 61_000, HOUR, 30 * HOUR] {
        duration(millis, Lang::ru());
    }
    asked::ids()
}

/// Russian has every text; English, which the admin may read too, as many; every other language those that buyers see.
#[test]
fn all_languages_say_the_same_things_with_the_same_arguments() {
    let russian = messages(Lang::ru());
    assert!(russian.len() > 150, "{}", russian.len());
    let buyers = buyers_ids();
    assert!((60..russian.len() / 2).contains(&buyers.len()), "{}", buyers.len());
    for lang in Lang::built_in() {
        let problems = FluentResource::try_new(lang.source().to_owned()).err().map(|(_, errors)| errors);
        assert_eq!(problems, None, "{lang:?}");
        let texts = messages(lang);
        let is_whole = [Lang::ru(), Lang::en()].contains(&lang);
        for (id, arguments) in &russian {
            if is_whole || buyers.contains(*id) || texts.contains_key(id) {
                assert_eq!(texts.get(id), Some(arguments), "{lang:?}: {id}");
            }
        }
        assert_eq!(texts.keys().find(|id| !russian.contains_key(*id)), None, "{lang:?} has a text more");
    }
}

#[test]
fn no_buyer_reads_of_an_error() {
    for lang in Lang::built_in() {
        for id in buyers_ids_in(lang) {
            let text = lang.source().lines().skip_while(|line| !line.starts_with(&format!("{id} ="))).enumerate();
            let text: String = text
                .take_while(|(at, line)| *at == 0 || line.starts_with(' ') || line.is_empty())
                .map(|(_, line)| line.to_lowercase() + "\n")
                .collect();
            for word in ["ошиб", "error", "fail", "неверн", "некоррект", "invalid", "xato", "notoʻgʻri"]
            {
                let (_, said) = text.split_once('=').unwrap_or_default();
                assert!(!said.contains(word), "{lang:?}: {id}: {word}");
            }
        }
    }
}

fn buyers_ids_in(lang: Lang) -> Vec<&'static str> {
    static BUYERS: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| std::thread::spawn(buyers_ids).join().expect("the ids"));
    messages(lang).into_keys().filter(|id| BUYERS.contains(*id)).collect()
}

#[test]
fn the_welcome_counts_the_questions_there_are() {
    let welcome = |lang: Lang, count: i64| lang.text("welcome", &[("count", count.into())]);
    for (count, ru, en) in [
        (1, "один короткий вопрос,", "One quick question "),
        (2, "два коротких вопроса,", "Two quick questions "),
        (4, "четыре коротких вопроса,", "Four quick questions "),
        (5, "пять коротких вопросов,", "Five quick questions "),
        (12, "12 коротких вопросов,", "12 quick questions "),
        (21, "21 короткий вопрос,", "21 quick questions "),
        (23, "23 коротких вопроса,", "23 quick questions "),
    ] {
        assert!(welcome(Lang::ru(), count).contains(ru), "{}", welcome(Lang::ru(), count));
        assert!(welcome(Lang::en(), count).contains(en), "{}", welcome(Lang::en(), count));
        for lang in Lang::built_in() {
            let text = welcome(lang, count);
            assert!(!text.contains('{') && text.chars().next().is_some_and(char::is_uppercase), "{lang:?}: {text}");
        }
    }
}

/// What refers to a text, a term or a function that is not there fails here, whoever uses it.
#[test]
fn every_text_is_complete_once_its_arguments_are_given() {
    for lang in Lang::built_in() {
        let mut bundle = FluentBundle::new_concurrent(vec![unic_langid::LanguageIdentifier::default()]);
        bundle.add_resource_overriding(FluentResource::try_new(lang.source().to_owned()).expect("a resource"));
        for (id, names) in messages(lang) {
            let args: FluentArgs<'_> = names.into_iter().map(|name| (name, FluentValue::from(2))).collect();
            let pattern = bundle.get_message(id).and_then(|message| message.value()).expect(id);
            let mut errors = Vec::new();
            assert!(!bundle.format_pattern(pattern, Some(&args), &mut errors).is_empty(), "{lang:?}: {id}");
            assert!(errors.is_empty(), "{lang:?}: {id}: {errors:?}");
        }
    }
}

#[test]
fn every_value_is_worded_in_every_language() {
    render_everything();
    assert!(asked::problems().is_empty(), "{:#?}", asked::problems());
}

#[test]
fn every_call_names_a_text_and_gives_its_arguments_and_every_text_is_used() {
    render_everything();
    let rendered = asked::ids();
    let texts = messages(Lang::ru());
    let mut problems = Vec::new();
    let mut checked = BTreeSet::new();
    for call in calls() {
        match (texts.get(call.id.as_str()), &call.args) {
            (None, _) => problems.push(format!("{}: {} is not worded", call.place, call.id)),
            (Some(needed), Some(given)) => {
                let given: BTreeSet<&str> = given.iter().map(String::as_str).collect();
                if *needed != given {
                    problems.push(format!("{}: {} needs {needed:?} and is given {given:?}", call.place, call.id));
                }
                checked.insert(call.id);
            }
            (Some(_), None) => {}
        }
    }
    let sources = all_sources();
    for (id, needed) in &texts {
        let is_checked = rendered.contains(*id) || checked.contains(*id);
        // Ids that are chosen first and asked for later are given a lead's number at most.
        if !is_checked && needed.iter().any(|name| *name != "number") {
            problems.push(format!("{id} has arguments, and no call with them is seen by any test"));
        }
        let name = format!("\"{}\"", id.strip_prefix("command-").or(id.strip_prefix("admin-help-")).unwrap_or(id));
        if !is_checked && !sources.iter().any(|(_, source)| source.contains(&name)) {
            problems.push(format!("{id} is used by nobody"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn arguments_are_read_from_a_call() {
    let args = r#"("a", "x)".into()), ("b", lang.text("c", &[("d", e(1))]).into())], f)"#;
    assert_eq!(names_of(args), ["a", "b"].map(str::to_owned).into());
    assert_eq!(names_of("])"), BTreeSet::new());
}

#[test]
fn long_texts_are_clipped_to_what_telegram_takes() {
    for text in ["я".repeat(5000), "😀".repeat(3000), "a".repeat(4096)] {
        let clipped = clip(text.clone());
        assert!(clipped.encode_utf16().count() <= 4096);
        assert_eq!(clipped == text, text.encode_utf16().count() <= 4096);
    }
}
