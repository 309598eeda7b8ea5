//! Buttons. Callback data is a contract: other tools press these.

use crate::notice::Button;

use super::{Key, Lang, Markup};

/// A button whose label stands in `locales/`.
pub(super) fn button(lang: Lang, label: &str, data: &str) -> Button {
    Button::Press { text: lang.text(label, &[]), data: data.to_owned() }
}

/// Buttons in one column: `(label id, callback data)`.
pub(super) fn column(lang: Lang, buttons: &[(&str, &str)]) -> Markup {
    Markup::Buttons(buttons.iter().map(|(label, data)| vec![button(lang, label, data)]).collect())
}

/// Accept the privacy policy.
pub(super) fn consent(lang: Lang) -> Markup {
    column(lang, &[("button-consent", "consent:accept"), ("button-cancel", "cancel")])
}

/// Share one's own contact; typed numbers are taken as well.
pub(super) fn share_contact(lang: Lang, editing: bool) -> Markup {
    let mut rows = vec![vec![Key::ShareContact(lang.text("button-share-contact", &[]))]];
    if editing {
        rows.push(vec![Key::Type(lang.text("button-back", &[]))]);
    }
    Markup::Keys(rows)
}

/// No link to a car.
pub(super) fn car_link(lang: Lang, editing: bool) -> Markup {
    let buttons = [("button-skip", "skip"), ("button-back", "back")];
    column(lang, if editing { &buttons } else { &buttons[..1] })
}

/// Leave an answer as it was.
pub(super) fn back(lang: Lang) -> Markup {
    column(lang, &[("button-back", "back")])
}

/// Send, change one answer, or throw away.
pub(super) fn card(lang: Lang) -> Markup {
    let row = |buttons: &[(&str, &str)]| buttons.iter().map(|(label, data)| button(lang, label, data)).collect();
    Markup::Buttons(vec![
        row(&[("button-submit", "submit")]),
        row(&[("button-edit-name", "edit:name"), ("button-edit-phone", "edit:phone")]),
        row(&[("button-edit-budget", "edit:budget"), ("button-edit-car-link", "edit:car_link")]),
        row(&[("button-cancel", "cancel")]),
    ])
}

/// Begin anew.
pub(super) fn restart(lang: Lang) -> Markup {
    column(lang, &[("button-restart", "restart")])
}
