//! What is wrong and what to do about it, in a dealer's words.

use super::Lang;
use crate::{
    lead::shorten,
    notice::{AdminPress, PageTrouble, Shortage, Trouble, stage_name},
};

/// The buttons that do something about it.
pub fn outage_buttons(trouble: &Trouble, can_authorize: bool) -> &'static [AdminPress] {
    const AUTHORIZE: &[AdminPress] = &[AdminPress::Auth, AdminPress::Leads, AdminPress::Status];
    const RETRY: &[AdminPress] = &[AdminPress::Retry, AdminPress::Leads, AdminPress::Status];
    match trouble {
        Trouble::TokensExpired
        | Trouble::TokensRevoked
        | Trouble::NoTokens
        | Trouble::IntegrationOff
        | Trouble::NoRights
        | Trouble::WrongAccount
            if can_authorize =>
        {
            AUTHORIZE
        }
        _ => RETRY,
    }
}

/// Why a page cannot be read, in words.
pub fn page_trouble_text(trouble: PageTrouble, lang: Lang) -> String {
    let (status, most) = match trouble {
        PageTrouble::Refused { status } => (status.to_string(), String::new()),
        PageTrouble::TooLarge { most } => (String::new(), most.to_string()),
        _ => Default::default(),
    };
    lang.text(
        "document-trouble",
        &[("trouble", trouble.label().into()), ("status", status.into()), ("most", most.into())],
    )
}

/// What is wrong, in words.
pub fn trouble_text(trouble: &Trouble, lang: Lang) -> String {
    let id = match trouble {
        Trouble::TokensExpired => "trouble-tokens-expired",
        Trouble::TokensRevoked => "trouble-tokens-revoked",
        Trouble::NoTokens => "trouble-no-tokens",
        Trouble::WrongClient => "trouble-wrong-client",
        Trouble::WrongRedirect => "trouble-wrong-redirect",
        Trouble::WrongAccount => "trouble-wrong-account",
        Trouble::IntegrationOff => "trouble-integration-off",
        Trouble::Moved { host } => return lang.text("trouble-moved", &[("host", host.as_str().into())]),
        Trouble::NotPaid => "trouble-not-paid",
        Trouble::NoRights => "trouble-no-rights",
        Trouble::Blocked => "trouble-blocked",
        Trouble::AccountCannot { words } => {
            return lang.text("trouble-account-cannot", &[("words", shorten(words, 300).into())]);
        }
        Trouble::Refuses { words } => return lang.text("trouble-refuses", &[("words", shorten(words, 300).into())]),
        Trouble::Throttled => "trouble-throttled",
        Trouble::Unreachable => "trouble-unreachable",
        Trouble::WrongAddress => "trouble-wrong-address",
        Trouble::NotConfigured => "trouble-not-configured",
    };
    lang.text(id, &[])
}

/// What the admin can do about it, in words; without an integration access comes as a long-lived token.
pub fn advice_text(trouble: &Trouble, can_authorize: bool, lang: Lang) -> String {
    let id = match trouble {
        Trouble::TokensExpired | Trouble::TokensRevoked | Trouble::NoTokens | Trouble::WrongAccount
            if !can_authorize =>
        {
            "advice-long-lived"
        }
        Trouble::TokensExpired | Trouble::TokensRevoked | Trouble::NoTokens | Trouble::WrongAccount => {
            "advice-authorize"
        }
        Trouble::WrongClient => "advice-wrong-client",
        Trouble::WrongRedirect => "advice-wrong-redirect",
        Trouble::IntegrationOff => "advice-integration-on",
        Trouble::Moved { .. } => "advice-moved",
        Trouble::NotPaid => "advice-pay",
        Trouble::NoRights => "advice-rights",
        Trouble::Blocked => "advice-blocked",
        Trouble::AccountCannot { .. } => "advice-account",
        Trouble::Refuses { .. } => "advice-refuses",
        Trouble::Throttled | Trouble::Unreachable => "advice-wait",
        Trouble::WrongAddress | Trouble::NotConfigured => "advice-operator",
    };
    lang.text(id, &[])
}

/// What amoCRM does not take of the settings: its id in the texts, and what tells which one it is.
fn shortage_name(shortage: &Shortage) -> (&'static str, String) {
    match shortage {
        Shortage::Pipeline { id } => ("pipeline", id.to_string()),
        Shortage::Status { id } => ("status", id.to_string()),
        Shortage::Responsible { id } => ("responsible", id.to_string()),
        Shortage::BudgetField { id } => ("budget-field", id.to_string()),
        Shortage::CarLinkField { id } => ("car-link-field", id.to_string()),
        Shortage::AnswerField { setting, id } => ("answer-field", format!("{setting}={id}")),
        Shortage::UnknownField { .. } => ("unknown-field", shortage.setting()),
        Shortage::UtmField { code, id: None } => ("utm-field", code.clone()),
        Shortage::UtmField { code, id: Some(id) } => ("utm-field", format!("{code} ({id})")),
        Shortage::SourceTag { name } => ("source-tag", name.clone()),
        Shortage::Tag { name } => ("tag", name.clone()),
        Shortage::MappedStatus { pipeline_id, status_id } => ("mapped-status", stage_name(*pipeline_id, *status_id)),
        Shortage::PhoneKind => ("phone-kind", String::new()),
        Shortage::Notes => ("notes", String::new()),
        Shortage::Unexplained => ("unexplained", String::new()),
    }
}

/// What amoCRM does not take of the settings, and what is done instead.
pub fn shortage_text(shortage: &Shortage, lang: Lang) -> String {
    let (name, which) = shortage_name(shortage);
    lang.text(&format!("shortage-{name}"), &[("which", shorten(&which, 100).into())])
}

/// What amoCRM does not take of the settings, in two or three words.
pub fn short_name(shortage: &Shortage, lang: Lang) -> String {
    let (name, which) = shortage_name(shortage);
    lang.text(&format!("shortage-name-{name}"), &[("which", shorten(&which, 100).into())])
}
