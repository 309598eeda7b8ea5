//! The languages, and the texts of `locales/`.

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};

use crate::form::Words;

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
        Self::ALL.into_iter().any(|lang| lang.text("button-back", &[]) == text.trim())
    }

    /// All there are.
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    /// Its texts as they stand in `locales/`.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Ru => include_str!("../../locales/ru.ftl"),
            Self::En => include_str!("../../locales/en.ftl"),
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static BUNDLES: OnceLock<[FluentBundle<FluentResource>; 2]> = OnceLock::new();
        let bundles = BUNDLES.get_or_init(|| [bundle("ru", Self::Ru.source()), bundle("en", Self::En.source())]);
        match self {
            Self::Ru => &bundles[0],
            Self::En => &bundles[1],
        }
    }

    /// Words of the form.
    pub fn words(self, words: &Words) -> String {
        match (*words, self) {
            (Words::Text(id), _) => self.text(id, &[]),
            (Words::Given { ru, .. }, Self::Ru) => ru.to_owned(),
            (Words::Given { en, .. }, Self::En) => en.to_owned(),
        }
    }

    /// Words of the form in every language, first in Russian, as managers read them.
    pub fn all_words(words: &Words) -> Vec<String> {
        Self::ALL.into_iter().map(|lang| lang.words(words)).collect()
    }

    /// The text of a message; one that is missing shows its name, an argument that is missing its own, which tests rule
    /// out (`wording::tests`).
    pub fn text(self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let bundle = self.bundle();
        let mut errors = Vec::new();
        let text = match bundle.get_message(id).and_then(|message| message.value()) {
            Some(pattern) => {
                let args: FluentArgs<'_> = args.iter().cloned().collect();
                bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
            }
            None => id.to_owned(),
        };
        #[cfg(test)]
        asked::remember(self, id, bundle.has_message(id), &errors);
        debug_assert!(cfg!(test) || errors.is_empty() && bundle.has_message(id), "{self:?} {id}: {errors:?}");
        text
    }
}

/// What was asked for in a test.
#[cfg(test)]
pub(super) mod asked {
    use std::{cell::RefCell, collections::BTreeSet};

    use fluent_bundle::FluentError;

    use super::Lang;

    thread_local! {
        static IDS: RefCell<BTreeSet<String>> = RefCell::default();
        static PROBLEMS: RefCell<BTreeSet<String>> = RefCell::default();
    }

    pub(super) fn remember(lang: Lang, id: &str, is_known: bool, errors: &[FluentError]) {
        IDS.with_borrow_mut(|ids| ids.insert(id.to_owned()));
        if !is_known {
            PROBLEMS.with_borrow_mut(|problems| problems.insert(format!("{lang:?}: {id} is missing")));
        }
        for error in errors {
            PROBLEMS.with_borrow_mut(|problems| problems.insert(format!("{lang:?}: {id}: {error}")));
        }
    }

    /// The ids that this test has asked for.
    pub(in crate::wording) fn ids() -> BTreeSet<String> {
        IDS.with_borrow(Clone::clone)
    }

    /// What went wrong with them.
    pub(in crate::wording) fn problems() -> BTreeSet<String> {
        PROBLEMS.with_borrow(Clone::clone)
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

#[cfg(test)]
mod tests {
    use super::*;

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
