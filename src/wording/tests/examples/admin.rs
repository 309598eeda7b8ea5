//! An example of every value that the admin is told.

use strum::IntoEnumIterator;

use super::{HOUR, NOW, changes, lead_copy, number, text};
use crate::{
    lead::ChatRef,
    notice::{
        AdminNotice, AdminNoticeDiscriminants as AdminKind, CopyTrouble, LeadsMeanwhile, PageTrouble, PollTrouble,
        Shortage, ShortageDiscriminants as ShortageKind, TalkMark, Trouble, TroubleDiscriminants as TroubleKind,
        WithdrawnLead,
    },
};

pub(in crate::wording::tests) fn troubles() -> Vec<Trouble> {
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

pub(in crate::wording::tests) fn shortages() -> Vec<Shortage> {
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
