mod address;
mod site;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::text;
use address::{addresses, found};
use site::{Rank, encar_id};

/// The longest address taken, in characters.
const MAX_URL_CHARS: usize = 2000;

/// How many other addresses are kept.
const MAX_OTHERS: usize = 50;

/// Telegram's own limit for a message, in characters.
const MAX_TYPED_CHARS: usize = 4096;

/// A link to a car, with the other links that came with it; encar links in one canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarLink {
    url: String,
    typed: String,
    #[serde(default)]
    encar_id: Option<String>,
    /// Other addresses the buyer has sent, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
}

/// Why a text holds no link; each variant is something the buyer can fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CarLinkError {
    /// There is no http(s) address in it.
    #[error("there is no link in it")]
    NoLink,
    /// Longer than 2,000 characters.
    #[error("the link is longer than 2000 characters")]
    TooLong,
}

impl CarLink {
    /// Finds the car's address in a text, see [`CarLink::find`].
    pub fn parse(text: &str) -> Result<Option<Self>, CarLinkError> {
        Self::find(text, &[])
    }

    /// Finds the car's http(s) address anywhere in a text (`encar.com/…` without a scheme too) or among the addresses
    /// that the message holds without showing them.
    ///
    /// Of several the likeliest is taken, and the others are kept beside it: a car's page over any page, a page over a bare host or a channel, what is shown
    /// over what is not. `Ok(None)` when the buyer has none (`нет`, `skip`, `-`, …). A login in the address
    /// (`https://a@b.example`) is dropped, so that it cannot pass for the host.
    pub fn find(text: &str, hidden: &[String]) -> Result<Option<Self>, CarLinkError> {
        let typed = text::clean_to(text, MAX_TYPED_CHARS);
        let mut found = addresses(&typed);
        found.extend(hidden.iter().flat_map(|hidden| addresses(hidden)));
        if found.is_empty() {
            return match declines(&typed) {
                true => Ok(None),
                false => Err(CarLinkError::NoLink),
            };
        }
        Self::of(found, typed).map(Some).ok_or(CarLinkError::TooLong)
    }

    /// The car's address among those of a message, which stand in `typed` or behind it; `None` where all are too long.
    fn of(found: Vec<Url>, typed: String) -> Option<Self> {
        let mut links: Vec<(String, Option<String>, Rank)> = Vec::new();
        for link in found.into_iter().map(Self::canonical).filter(|link| link.0.len() <= MAX_URL_CHARS) {
            if !links.iter().any(|known| known.0 == link.0) {
                links.push(link);
            }
        }
        // Of equals `max_by_key` takes the last.
        let (car, _) = links.iter().enumerate().rev().max_by_key(|(_, link)| link.2)?;
        let (url, encar_id, _) = links.remove(car);
        let others = links.into_iter().map(|link| link.0).take(MAX_OTHERS).collect();
        let typed = if typed.is_empty() { url.clone() } else { typed };
        Some(Self { url, typed, encar_id, others })
    }

    /// Both links with all that came with them; the likelier car first.
    pub fn and(self, later: Self) -> Self {
        let typed = match self.typed.contains(&later.typed) {
            true => self.typed.clone(),
            false => text::clean_to(&format!("{} {}", self.typed, later.typed), MAX_TYPED_CHARS),
        };
        let urls = self.all().chain(later.all()).filter_map(|url| Url::parse(url).ok()).collect();
        Self::of(urls, typed).unwrap_or(self)
    }

    /// The address as it is kept, encar's id of the car, and how likely it is the car's.
    fn canonical(address: Url) -> (String, Option<String>, Rank) {
        let (encar_id, rank) = (encar_id(&address), Rank::of(&address));
        let url = match &encar_id {
            Some(id) => format!("https://fem.encar.com/cars/detail/{id}"),
            None => String::from(address),
        };
        (url, encar_id, rank)
    }

    /// Takes a link from a backup file as it stands; `None` for `нет` and the like.
    ///
    /// A text without a right address is kept as the address, cleaned and cut to 2,000 characters.
    pub fn imported(text: &str) -> Option<Self> {
        match Self::parse(text) {
            Ok(link) => link,
            Err(_) => text::is_visible(text).then(|| Self {
                url: text::clean_to(text, MAX_URL_CHARS),
                typed: text::clean_to(text, MAX_TYPED_CHARS),
                encar_id: None,
                others: Vec::new(),
            }),
        }
    }

    /// The address, canonical for encar (`https://fem.encar.com/cars/detail/{id}`).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The whole answer as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The other addresses that the buyer has sent, in order.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// All of them, the car's first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.url.as_str()).chain(self.others.iter().map(String::as_str))
    }

    /// All of them, each on a line.
    pub fn shown(&self) -> String {
        self.all().collect::<Vec<_>>().join("\n")
    }

    /// encar's id of the car.
    pub fn encar_id(&self) -> Option<&str> {
        self.encar_id.as_deref()
    }
}

/// The addresses that stand in a text (without soft hyphens) and behind it as one link, and where those in it stand, in bytes.
pub(super) fn in_text(text: &str, hidden: &[String]) -> (Option<CarLink>, Vec<Range<usize>>) {
    let found = found(text);
    let mut spans: Vec<Range<usize>> = found.iter().map(|found| found.span.clone()).collect();
    spans.dedup();
    let typed: Vec<&str> = spans.iter().map(|span| &text[span.clone()]).collect();
    let typed = text::clean_to(&typed.join(" "), MAX_TYPED_CHARS);
    let hidden = hidden.iter().flat_map(|hidden| addresses(hidden));
    let urls: Vec<Url> = found.into_iter().map(|found| found.url).chain(hidden).collect();
    (CarLink::of(urls, typed), spans)
}

/// Whether a text has an address in it.
pub(super) fn holds_address(text: &str) -> bool {
    !addresses(text).is_empty()
}

/// Whether the answer says that there is no link: a few words, or nothing but a dash.
fn declines(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "без",
        "без ссылки",
        "еще не выбрал",
        "еще не выбрала",
        "еще не выбрали",
        "еще нет",
        "не выбрал",
        "не выбрала",
        "не выбрали",
        "не знаю",
        "не имею",
        "не надо",
        "не нужно",
        "неа",
        "нет",
        "нет пока",
        "нет ссылки",
        "нету",
        "нету ссылки",
        "нет спасибо",
        "ничего",
        "отсутствует",
        "позже",
        "пока не выбрал",
        "пока не выбрала",
        "пока не знаю",
        "пока нет",
        "пока нет ссылки",
        "пока нету",
        "пропуск",
        "пропускаю",
        "пропустить",
        "скип",
        "ссылки нет",
        "ссылки нету",
        "ссылки пока нет",
        "у меня нет",
        "no",
        "no link",
        "no thanks",
        "none",
        "nope",
        "not yet",
        "n a",
        "na",
        "null",
        "skip",
        "later",
        "없음",
        "없어요",
        "아니요",
    ];
    let mut words = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ё' => words.push('е'),
            c if c.is_alphanumeric() => words.push(c),
            _ if words.ends_with(' ') => {}
            _ => words.push(' '),
        }
    }
    let words = words.trim();
    if words.is_empty() {
        return text.chars().any(|c| is_dash(c) || c == '.' || c == '❌')
            && text.chars().all(|c| is_dash(c) || " .❌".contains(c) || text::is_invisible(c));
    }
    WORDS.contains(&words)
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '－')
}

#[cfg(test)]
mod tests;
