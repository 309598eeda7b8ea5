//! What `setup` says, in Russian and English.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};

/// The languages of `setup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Russian
    Ru,
    /// English
    En,
}

impl Language {
    /// By the machine's language settings, in the order in which they count: `LC_ALL`, `LC_MESSAGES`, `LANG`. `None` where they
    /// tell of neither language, as `C.UTF-8` of a bare server.
    pub fn of_machine(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let named = names.iter().find_map(|name| lookup(name).filter(|value| !value.is_empty()))?;
        match named.split(['_', '.', '-', '@']).next()?.to_lowercase().as_str() {
            "ru" => Some(Self::Ru),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Ru => ("ru", include_str!("../../locales/setup/ru.ftl")),
            Self::En => ("en", include_str!("../../locales/setup/en.ftl")),
        }
    }
}

/// The texts in one language.
pub struct Words {
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// Those of a language.
    pub fn new(language: Language) -> Self {
        let (code, source) = language.source();
        let mut bundle = FluentBundle::new(vec![code.parse().unwrap_or_default()]);
        bundle.set_use_isolating(false);
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
        Self { bundle }
    }

    /// A text; its name where there is none, which tests rule out.
    pub fn text(&self, id: &str, args: &[(&str, &str)]) -> String {
        let Some(pattern) = self.bundle.get_message(id).and_then(|message| message.value()) else {
            return id.to_owned();
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, FluentValue::from(*value))).collect();
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use regex::Regex;
    use strum::IntoEnumIterator;

    use super::*;
    use crate::setup::needs::Section;

    /// Each text's name with the arguments in it.
    fn texts(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let (_, source) = language.source();
        FluentResource::try_new(source.to_owned()).unwrap_or_else(|(_, errors)| panic!("{errors:?}"));
        let argument = Regex::new(r"\{ \$([a-z]+) \}").expect("a pattern");
        let mut texts = BTreeMap::<String, BTreeSet<String>>::new();
        let mut name = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some((new, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                name = new.to_owned();
                assert!(texts.insert(name.clone(), BTreeSet::new()).is_none(), "{name} stands twice");
            }
            let arguments = argument.captures_iter(line).map(|found| found[1].to_owned());
            texts.entry(name.clone()).or_default().extend(arguments);
        }
        texts
    }

    #[test]
    fn both_languages_say_the_same() {
        assert_eq!(texts(Language::Ru), texts(Language::En));
        for language in [Language::Ru, Language::En] {
            let words = Words::new(language);
            for (name, arguments) in texts(language) {
                let args: Vec<(&str, &str)> = arguments.iter().map(|name| (name.as_str(), "ARGUMENT")).collect();
                let text = words.text(&name, &args);
                assert!(text != name && !text.contains('{') && !text.contains('$'), "{name}: {text}");
            }
        }
    }

    #[test]
    fn what_is_said_is_there_and_what_is_there_is_said() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/setup");
        let quoted = Regex::new(r#""([a-z]+(?:-[a-z]+)*)""#).expect("a pattern");
        let said =
            Regex::new(r#"\b(?:text|say|warn|failed|line|optional|hidden|yes|choose|several|waiting)\(\s*"([a-z-]+)""#);
        let said = said.expect("a pattern");
        let known = texts(Language::Ru);
        let mut mentioned = BTreeSet::new();
        for file in std::fs::read_dir(folder).expect("the command's folder") {
            let source = std::fs::read_to_string(file.expect("a file").path()).expect("its text");
            for found in said.captures_iter(&source) {
                assert!(known.contains_key(&found[1]), "{} is said and is nowhere", &found[1]);
            }
            mentioned.extend(quoted.captures_iter(&source).map(|found| found[1].to_owned()));
        }
        for section in Section::iter() {
            let name = clap::ValueEnum::to_possible_value(&section).expect("a name").get_name().to_owned();
            mentioned.extend([format!("menu-{name}"), format!("section-{name}")]);
            assert!(known.contains_key(&format!("menu-{name}")), "{name}");
            assert!(section == Section::Test || known.contains_key(&format!("section-{name}")), "{name}");
        }
        let unsaid: Vec<_> = known.keys().filter(|name| !mentioned.contains(*name)).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }

    #[test]
    fn the_machine_tells_the_language() {
        let of = |pairs: &[(&str, &str)]| {
            let value = |name: &str| Some(pairs.iter().find(|(known, _)| *known == name)?.1.to_owned());
            Language::of_machine(value)
        };
        for (pairs, language) in [
            (vec![], None),
            (vec![("LANG", "ru_RU.UTF-8")], Some(Language::Ru)),
            (vec![("LANG", "ru")], Some(Language::Ru)),
            (vec![("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C.UTF-8")], None),
            (vec![("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "ru_RU")], Some(Language::Ru)),
            (vec![("LANG", "ru_RU.UTF-8"), ("LC_ALL", "")], Some(Language::Ru)),
            (vec![("LANG", "en_GB")], Some(Language::En)),
            (vec![("LANG", "POSIX")], None),
            (vec![("LANG", "rum")], None),
        ] {
            assert_eq!(of(&pairs), language, "{pairs:?}");
        }
    }
}
