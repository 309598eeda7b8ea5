//! What the admin is told of single leads, with buttons for each.

use crate::{
    lead::{LeadNumber, shorten},
    notice::{AdminPress, WithdrawnLead},
};

use super::{Lang, Markup, Rendered, admin_button, clip};

/// More buttons would not fit a phone.
const MOST_BUTTONS: usize = 12;

/// About one lead by its number, with what can be done about it.
pub(super) fn about_a_lead(id: &str, number: &LeadNumber, error: &str, lang: Lang) -> Rendered {
    let number = number.as_str();
    let text = lang.text(id, &[("number", number.into()), ("error", shorten(error, 500).into())]);
    let row = [AdminPress::ShowLead(number.to_owned()), AdminPress::RetryLead(number.to_owned())]
        .map(|press| admin_button(lang, &press));
    Rendered { text: clip(text), markup: Some(Markup::Buttons(vec![row.into()])) }
}

/// What is in the store and cannot be read; each lead has a button of its own, as far as they fit.
pub(super) fn unreadable(leads: &[String], chats: &[String], lang: Lang) -> Rendered {
    let list = |words: &[String], before: &str| {
        words.iter().map(|word| format!("{before}{word}")).collect::<Vec<_>>().join(", ")
    };
    let mut text = Vec::new();
    if !leads.is_empty() {
        let list = shorten(&list(leads, "#"), 2000);
        text.push(lang.text("admin-unreadable-leads", &[("count", leads.len().into()), ("list", list.into())]));
    }
    if !chats.is_empty() {
        text.push(lang.text("admin-unreadable-messages", &[("list", shorten(&list(chats, ""), 500).into())]));
    }
    let show = |name: &String| admin_button(lang, &AdminPress::ShowLead(name.clone()));
    let pressable: Vec<_> = leads.iter().filter(|name| is_pressable(name)).take(MOST_BUTTONS).collect();
    let buttons = pressable.chunks(3).map(|row| row.iter().copied().map(show).collect()).collect();
    let markup = (!pressable.is_empty()).then_some(Markup::Buttons(buttons));
    Rendered { text: clip(text.join("\n\n")), markup }
}

/// Whether a lead's name can stand in a button: a number or an id, and not what happens to stand in their place.
pub fn is_pressable(name: &str) -> bool {
    (1..=26).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What the admin has to do where somebody has withdrawn their consent.
pub(super) fn withdrawn(
    in_crm: &[WithdrawnLead],
    may_be_in_crm: &[WithdrawnLead],
    given_up: &[WithdrawnLead],
    unreadable: &[String],
    lang: Lang,
) -> String {
    let line = |lead: &WithdrawnLead| match &lead.url {
        Some(url) => format!("#{} {url}", lead.number),
        None => format!("#{}", lead.number),
    };
    let lists = [
        ("admin-withdrawn-in-crm", in_crm),
        ("admin-withdrawn-may-be-in-crm", may_be_in_crm),
        ("admin-withdrawn-given-up", given_up),
    ];
    let mut parts = vec![lang.text("admin-withdrawn", &[])];
    for (id, leads) in lists.into_iter().filter(|(_, leads)| !leads.is_empty()) {
        let list = leads.iter().map(line).collect::<Vec<_>>().join("\n");
        parts.push(lang.text(id, &[("list", list.into())]));
    }
    if !unreadable.is_empty() {
        parts.push(lang.text("admin-forget-unreadable", &[("names", unreadable.join(", ").into())]));
    }
    parts.join("\n\n")
}
