//! A lead in the words of managers: its answers line by line, and whole, as it is copied to the admin.

use super::{Lang, wish_line};
use crate::{
    lead::{Asked, Extra, shorten},
    notice::LeadCopy,
};

/// The answers of a lead beside name and phone, each behind a line break, every one at most `limit` characters long.
pub fn answer_lines(
    asked: &Asked,
    budget: Option<&str>,
    car_link: Option<&str>,
    more: &[Extra],
    limit: usize,
    lang: Lang,
) -> String {
    let usual = Asked::default();
    let line = |label: &Option<String>, usual: &Option<String>, id: &str, value: Option<&str>, none: &str| {
        let label = if label == usual { lang.text(id, &[]) } else { label.clone()? };
        let value = value.map_or_else(|| lang.text(none, &[]), |value| shorten(value, limit));
        Some(format!("{label}: {value}"))
    };
    let own = [
        line(&asked.budget, &usual.budget, "label-budget", budget, "skipped"),
        line(&asked.car_link, &usual.car_link, "label-car-link", car_link, "no-car-link"),
    ];
    let more = more.iter().map(|answer| shorten(&answer.to_string(), limit));
    own.into_iter().flatten().chain(more).map(|line| format!("\n{line}")).collect()
}

pub(super) fn copies(leads: &[LeadCopy], lang: Lang) -> String {
    let mut text = lang.text("admin-copies", &[]);
    for lead in leads {
        text.push_str("\n\n");
        text.push_str(&copy(lead, lang));
    }
    text
}

pub(super) fn copy(lead: &LeadCopy, lang: Lang) -> String {
    let (budget, car_link) = (lead.budget.as_deref(), lead.car_link.as_deref());
    let answers = answer_lines(&lead.asked, budget, car_link, &lead.more, 400, lang);
    let wish = wish_line("copy-wish", lead.wish.as_deref(), lang) + &source_line(lead.source.as_deref(), lang);
    let (number, left_open) = (number_of(lead, lang), left_open(lead, lang));
    lang.text(
        "admin-copy",
        &[
            ("number", number.into()),
            ("name", lead.name.as_str().into()),
            ("phone", lead.phone.as_str().into()),
            ("answers", answers.into()),
            ("wish", (wish + &left_open).into()),
        ],
    )
}

/// The number of a lead, and whether its form was left.
pub(super) fn number_of(lead: &LeadCopy, lang: Lang) -> String {
    match lead.left_open {
        None => lead.number.as_str().to_owned(),
        Some(_) => lang.text("copy-unfinished", &[("number", lead.number.as_str().into())]),
    }
}

/// Which answers are missing of a form that was left, on a line of its own.
pub(super) fn left_open(lead: &LeadCopy, lang: Lang) -> String {
    lead.left_open.as_deref().filter(|left| !left.is_empty()).map_or_else(String::new, |left| {
        format!("\n{}", lang.text("copy-left-open", &[("left", shorten(&left.join(", "), 400).into())]))
    })
}

/// By which link a buyer came, on a line of its own; nothing where that is not known.
pub fn source_line(source: Option<&str>, lang: Lang) -> String {
    source.map_or_else(String::new, |source| format!("\n{}", lang.text("label-source", &[("source", source.into())])))
}
