//! Everything the bot says, built as values and worded in `locales/`; handlers hold no prose.

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};
use teloxide::types::{KeyboardRemove, ReplyMarkup};

use crate::{
    clock::{Millis, date},
    lead::LeadNumber,
};

use super::{admin_texts, keyboards};

/// A language the bot speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Russian, for everybody whose language is not known to be English.
    #[default]
    Ru,
    /// English.
    En,
}

impl Lang {
    /// From Telegram's `language_code` (IETF tag).
    pub fn from_code(code: Option<&str>) -> Self {
        match code {
            Some(code) if code == "en" || code.starts_with("en-") => Self::En,
            _ => Self::Ru,
        }
    }

    /// Whether a text is what the "back" button of the phone's keyboard types, in any language.
    pub fn is_back_label(text: &str) -> bool {
        [Self::Ru, Self::En].into_iter().any(|lang| lang.text("button-back", &[]) == text.trim())
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static BUNDLES: OnceLock<[FluentBundle<FluentResource>; 2]> = OnceLock::new();
        let bundles = BUNDLES.get_or_init(|| {
            [bundle("ru", include_str!("../../locales/ru.ftl")), bundle("en", include_str!("../../locales/en.ftl"))]
        });
        match self {
            Self::Ru => &bundles[0],
            Self::En => &bundles[1],
        }
    }

    /// The text of a message; a message that is missing shows its name, which a test rules out.
    pub fn text(self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let bundle = self.bundle();
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            return id.to_owned();
        };
        let args: FluentArgs<'_> = args.iter().cloned().collect();
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

fn bundle(locale: &str, source: &str) -> FluentBundle<FluentResource> {
    let langid = locale.parse::<unic_langid::LanguageIdentifier>().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![langid]);
    // Isolation marks would stand around numbers and links that people copy.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The answers a card shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name.
    pub name: String,
    /// Phone, E.164.
    pub phone: String,
    /// Budget as typed.
    pub budget: String,
    /// Roubles the budget was understood as, 0 when there is no one amount; absent in what 0.1.0 stored.
    #[serde(default)]
    pub price: i64,
    /// Link to a car, if any.
    pub car_link: Option<String>,
}

impl Card {
    /// The budget as typed, and behind it how it was understood: `2,5 млн (2 500 000 ₽)`.
    fn understood_budget(&self, lang: Lang) -> String {
        if self.price <= 0 {
            return self.budget.clone();
        }
        lang.text(
            "budget-understood",
            &[("budget", self.budget.as_str().into()), ("price", grouped(self.price).into())],
        )
    }
}

/// One part of an answer to a buyer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// Greeting of a new form.
    Welcome,
    /// A form is open already; offers to begin anew.
    Resume,
    /// How to open a form.
    HowToBegin,
    /// Asks to accept the privacy policy.
    AskConsent,
    /// Text came where the policy has to be accepted.
    ConsentFirst,
    /// Asks for the name.
    AskName {
        /// One answer of a complete form is being changed.
        editing: bool,
    },
    /// Asks for the phone.
    AskPhone {
        /// One answer of a complete form is being changed.
        editing: bool,
    },
    /// Asks for the budget.
    AskBudget {
        /// One answer of a complete form is being changed.
        editing: bool,
    },
    /// Asks for the link to a car.
    AskCarLink {
        /// One answer of a complete form is being changed.
        editing: bool,
    },
    /// The card to be sent or changed.
    Card(Card),
    /// The phone was changed.
    PhoneTaken {
        /// E.164.
        phone: String,
    },
    /// The phone was left as it was.
    LeftAsItWas,
    /// Name longer than 100 characters.
    NameTooLong,
    /// Nothing to read in the name.
    NameUnreadable,
    /// A greeting where the name is asked.
    NameGreeting,
    /// An address, a phone, a wish, 👍 where the name is asked.
    NotAName,
    /// What stood beside an answer and is kept for its question.
    Noted {
        /// E.164.
        phone: Option<String>,
        /// Budget as typed.
        budget: Option<String>,
        /// Link to a car.
        car_link: Option<String>,
        /// Words about the car, for the manager.
        #[serde(default)]
        wish: Option<String>,
    },
    /// A message that came twice.
    Repeated,
    /// A phone where the budget is asked.
    PhoneIsNoBudget {
        /// The form's phone, E.164.
        phone: String,
    },
    /// A link where the budget is asked.
    LinkIsNoBudget,
    /// No digits.
    NoPhoneFound,
    /// Not a complete number.
    PhoneInvalid,
    /// Nothing to read, or too long.
    BudgetUnreadable,
    /// No link in the text.
    NoLinkFound,
    /// Link longer than 2,000 characters.
    LinkTooLong,
    /// A contact came where none was asked for.
    ContactNotNow,
    /// Text came where the card's buttons are to be pressed.
    UseButtons,
    /// A button that no longer fits.
    OldButton,
    /// An edited message.
    EditedMessage,
    /// Sticker, photo, voice, …
    OnlyText,
    /// A command that is not ours.
    UnknownCommand,
    /// The form was thrown away.
    Cancelled,
    /// There is no form.
    NothingToCancel,
    /// Send was pressed twice.
    AlreadySent {
        /// The request's number.
        number: LeadNumber,
    },
    /// The person has sent too many requests; the form is kept.
    SentTooMany {
        /// From when on the next is taken.
        again_at: Millis,
        /// How long that was from when it was said.
        wait: Millis,
    },
    /// What the bot does.
    Help,
    /// In a group: write in private.
    Group,
    /// The message could not be handled again and again.
    SetAside,
}

/// A message as Telegram takes it: plain text.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// 1 to 4096 characters.
    pub text: String,
    /// Buttons.
    pub markup: Option<ReplyMarkup>,
}

impl Rendered {
    /// A text without buttons.
    pub fn plain(text: String) -> Self {
        Self { text, markup: None }
    }
}

/// What the wording must know of the settings.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    /// Address of the privacy policy.
    pub privacy_policy_url: Option<url::Url>,
    /// `@username` of the bot without the `@`.
    pub bot_username: String,
    /// Whether access to amoCRM can be renewed from the admin's chat: there is an integration.
    pub can_authorize: bool,
}

/// Words one message of one or more parts; the last part decides on the buttons.
pub fn render(parts: &[Say], lang: Lang, wording: &Wording) -> Rendered {
    let text = parts.iter().map(|say| say.text(lang, wording)).collect::<Vec<_>>().join("\n\n");
    Rendered { text: clip(text), markup: parts.last().and_then(|say| say.markup(lang)) }
}

/// Telegram takes at most 4096 UTF-16 units.
pub fn clip(text: String) -> String {
    const LIMIT: usize = 4096;
    if text.encode_utf16().count() <= LIMIT {
        return text;
    }
    let mut units = 0;
    let mut clipped: String = text
        .chars()
        .take_while(|character| {
            units += character.len_utf16();
            units < LIMIT
        })
        .collect();
    clipped.push('…');
    clipped
}

impl Say {
    fn text(&self, lang: Lang, wording: &Wording) -> String {
        let simple = |id: &str| lang.text(id, &[]);
        match self {
            Self::Welcome => simple("welcome"),
            Self::Resume => simple("resume"),
            Self::HowToBegin => simple("how-to-begin"),
            Self::AskConsent => {
                let url = wording.privacy_policy_url.as_ref().map_or("", |url| url.as_str());
                lang.text("ask-consent", &[("url", url.into())])
            }
            Self::ConsentFirst => simple("consent-first"),
            Self::AskName { .. } => simple("ask-name"),
            Self::AskPhone { .. } => simple("ask-phone"),
            Self::AskBudget { .. } => simple("ask-budget"),
            Self::AskCarLink { .. } => simple("ask-car-link"),
            Self::Card(card) => {
                let car = card.car_link.clone().map_or_else(|| simple("no-car-link"), |link| shorten(&link, 1000));
                lang.text(
                    "card",
                    &[
                        ("name", card.name.as_str().into()),
                        ("phone", card.phone.as_str().into()),
                        ("budget", card.understood_budget(lang).into()),
                        ("car", car.into()),
                    ],
                )
            }
            Self::PhoneTaken { phone } => lang.text("phone-taken", &[("phone", phone.as_str().into())]),
            Self::LeftAsItWas => simple("left-as-it-was"),
            Self::NameTooLong => simple("name-too-long"),
            Self::NameUnreadable => simple("name-unreadable"),
            Self::NameGreeting => simple("name-greeting"),
            Self::NotAName => simple("not-a-name"),
            Self::Noted { phone, budget, car_link, wish } => {
                let line = |id: &str, value: &Option<String>| {
                    value.as_ref().map(|value| lang.text(id, &[("value", shorten(value, 1000).into())]))
                };
                let lines = [
                    line("noted-phone", phone),
                    line("noted-budget", budget),
                    line("noted-car-link", car_link),
                    line("noted-wish", wish),
                    // A wish stands on no card.
                    [phone, budget, car_link]
                        .iter()
                        .any(|noted| noted.is_some())
                        .then(|| simple("noted-can-be-changed")),
                ];
                lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
            }
            Self::Repeated => simple("repeated"),
            Self::PhoneIsNoBudget { phone } => lang.text("phone-is-no-budget", &[("phone", phone.as_str().into())]),
            Self::LinkIsNoBudget => simple("link-is-no-budget"),
            Self::NoPhoneFound => simple("no-phone-found"),
            Self::PhoneInvalid => simple("phone-invalid"),
            Self::BudgetUnreadable => simple("budget-unreadable"),
            Self::NoLinkFound => simple("no-link-found"),
            Self::LinkTooLong => simple("link-too-long"),
            Self::ContactNotNow => simple("contact-not-now"),
            Self::UseButtons => simple("use-buttons"),
            Self::OldButton => simple("old-button"),
            Self::EditedMessage => simple("edited-message"),
            Self::OnlyText => simple("only-text"),
            Self::UnknownCommand => simple("unknown-command"),
            Self::Cancelled => simple("cancelled"),
            Self::NothingToCancel => simple("nothing-to-cancel"),
            Self::AlreadySent { number } => lang.text("already-sent", &[("number", number.as_str().into())]),
            Self::SentTooMany { again_at, wait } => {
                // Whole minutes, and none too early.
                let up = |millis: &Millis| (millis + 59_999) / 60_000 * 60_000;
                let at = admin_texts::moment(date(up(again_at)), lang);
                let wait = admin_texts::duration(up(wait), lang);
                lang.text("sent-too-many", &[("at", at.into()), ("wait", wait.into())])
            }
            Self::Help => simple("help"),
            Self::Group if wording.bot_username.is_empty() => simple("group-unnamed"),
            Self::Group => lang.text("group", &[("bot", wording.bot_username.as_str().into())]),
            Self::SetAside => simple("set-aside"),
        }
    }

    fn markup(&self, lang: Lang) -> Option<ReplyMarkup> {
        match self {
            Self::AskConsent => Some(keyboards::consent(lang)),
            Self::AskName { editing: true } | Self::AskBudget { editing: true } => Some(keyboards::back(lang)),
            Self::AskPhone { editing } => Some(keyboards::share_contact(lang, *editing)),
            Self::AskCarLink { editing } => Some(keyboards::car_link(lang, *editing)),
            Self::Card(_) => Some(keyboards::card(lang)),
            Self::Resume => Some(keyboards::restart(lang)),
            // These come after the phone's question, whose keyboard would stay under the chat.
            Self::AskName { editing: false }
            | Self::AskBudget { editing: false }
            | Self::PhoneTaken { .. }
            | Self::LeftAsItWas
            | Self::Cancelled => Some(ReplyMarkup::KeyboardRemove(KeyboardRemove::new())),
            _ => None,
        }
    }
}

/// A whole number with a space between its thousands: `2 500 000`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut spaced = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

/// A text cut to `limit` characters.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(source: &str) -> Vec<&str> {
        source
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" =").map(|(id, _)| id))
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        let ru = ids(include_str!("../../locales/ru.ftl"));
        let en = ids(include_str!("../../locales/en.ftl"));
        assert!(ru.len() > 40, "{}", ru.len());
        assert_eq!(ru, en);
        for (lang, source) in
            [("ru", include_str!("../../locales/ru.ftl")), ("en", include_str!("../../locales/en.ftl"))]
        {
            assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{lang}.ftl has errors");
        }
    }

    #[test]
    fn every_id_the_code_asks_for_is_worded() {
        let ru = ids(include_str!("../../locales/ru.ftl"));
        for source in [
            include_str!("messages.rs"),
            include_str!("keyboards.rs"),
            include_str!("admin_texts.rs"),
            include_str!("../http/page.rs"),
        ] {
            let code = source.split("mod tests").next().unwrap_or_default();
            let asked =
                ["text(\"", "simple(\"", "again(\"", "line(\""].into_iter().flat_map(|call| code.match_indices(call));
            for (at, _) in asked {
                let id = code[at..].split('"').nth(1).unwrap_or_default();
                assert!(ru.contains(&id), "{id} is not worded");
            }
        }
    }

    #[test]
    fn long_texts_are_clipped_to_what_telegram_takes() {
        for text in ["я".repeat(5000), "😀".repeat(3000), "a".repeat(4096)] {
            let clipped = clip(text.clone());
            assert!(clipped.encode_utf16().count() <= 4096);
            assert_eq!(clipped == text, text.encode_utf16().count() <= 4096);
        }
    }

    #[test]
    fn a_card_shows_how_the_budget_was_understood() {
        for (budget, price, want) in [
            ("2", 2_000_000, "2 (2 000 000 ₽)"),
            ("500", 500, "500 (500 ₽)"),
            ("2,5 млн", 2_500_000, "2,5 млн (2 500 000 ₽)"),
            ("300к", 300_000, "300к (300 000 ₽)"),
            ("$25k", 0, "$25k"),
            ("не знаю", 0, "не знаю"),
        ] {
            let card = Card {
                name: "Иван".into(),
                phone: "+79991234567".into(),
                budget: budget.into(),
                price,
                car_link: None,
            };
            for (lang, label) in [(Lang::Ru, "Бюджет"), (Lang::En, "Budget")] {
                let text = render(&[Say::Card(card.clone())], lang, &Wording::default()).text;
                assert!(text.contains(&format!("{label}: {want}\n")), "{text}");
            }
        }
    }

    /// The first edition stored its answers without a price.
    #[test]
    fn a_stored_card_without_a_price_shows_what_was_typed() {
        let json = r#"{"card":{"name":"Иван","phone":"+79991234567","budget":"2 млн","car_link":null}}"#;
        let card: Say = serde_json::from_str(json).expect("a stored card");
        assert!(render(&[card], Lang::Ru, &Wording::default()).text.contains("Бюджет: 2 млн\n"));
    }

    #[test]
    fn a_language_is_russian_unless_it_is_english() {
        for (code, lang) in [
            (None, Lang::Ru),
            (Some("ru"), Lang::Ru),
            (Some("kk"), Lang::Ru),
            (Some("en"), Lang::En),
            (Some("en-GB"), Lang::En),
            (Some("enm"), Lang::Ru),
        ] {
            assert_eq!(Lang::from_code(code), lang, "{code:?}");
        }
    }
}
