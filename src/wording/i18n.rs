//! The languages, and the texts of `locales/`.

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};

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
