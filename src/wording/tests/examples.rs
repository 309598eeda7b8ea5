//! An example of every value that people are told.

use strum::IntoEnumIterator;

use crate::{
    form::{Form, Question},
    lead::{Change, ChatRef, LeadNumber},
    notice::{
        Addressed, AdminNotice, AdminNoticeDiscriminants as AdminKind, Ask, Card, CardAnswer, CardState,
        ConsentQuestion, CopyTrouble, Doer, FileCopy, LeadCard, LeadCopy, LeadOutcome, LeadsMeanwhile, MessageCopy,
        MyProgress, MyRequest, MyState, Notice, NoticeDiscriminants as NoticeKind, Offer, PageTrouble, PollTrouble,
        PressOutcome, Say, SayDiscriminants as SayKind, Shortage, ShortageDiscriminants as ShortageKind, TalkMark,
        Trouble, TroubleDiscriminants as TroubleKind, Wiped, WithdrawnLead, Worded,
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

pub(super) fn troubles() -> Vec<Trouble> {
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

pub(super) fn shortages() -> Vec<Shortage> {
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

pub(super) fn admin_notices(kind: AdminKind) -> Vec<AdminNotice> {
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
            let of_before = (None, text());
            let now = PageTrouble::iter().map(|trouble| (Some(trouble), String::new()));
            let missing = |(trouble, detail)| A::ConsentDocumentMissing { address: text(), trouble, detail };
            now.chain([of_before]).map(missing).collect()
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
        AdminKind::CopiesFail => CopyTrouble::iter()
            .flat_map(|trouble| [None, Some(NOW)].map(|newest_at| A::CopiesFail { trouble, detail: text(), newest_at }))
            .collect(),
        AdminKind::CopiesWork => vec![A::CopiesWork],
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
        AdminKind::GroupMoved => vec![A::GroupMoved { setting: text(), chat: ChatRef::telegram(-1) }],
        AdminKind::FilesComeHere => vec![A::FilesComeHere { detail: text() }],
        AdminKind::ManagersChatClosed => vec![A::ManagersChatClosed { detail: text() }],
        AdminKind::ManagersChatWorks => vec![A::ManagersChatWorks { lasted: 4_000_000 }],
        AdminKind::TopicsForbidden => vec![A::TopicsForbidden { detail: text() }],
        AdminKind::FileLost => vec![A::FileLost { number: number(), name: text() }],
        AdminKind::Untouched => vec![A::Untouched { number: number(), minutes: 60 }],
        AdminKind::UserRefused => {
            [None, Some(text())].map(|name| A::UserRefused { user_id: 7001, name, detail: text() }).to_vec()
        }
        AdminKind::ActionRefused => vec![A::ActionRefused { number: number(), detail: text() }],
        AdminKind::TokensRenewed => vec![A::TokensRenewed { waiting: 21 }],
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
