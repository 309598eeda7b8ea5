//! The languages, and the texts of `locales/`.

use std::{
    fmt,
    sync::{LazyLock, OnceLock},
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    config::TextFile,
    form::{Typed, Words},
};

/// The languages that the program brings along, a line each: code and texts. The first has every text.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("ru", include_str!("../../locales/ru.ftl")),
    ("en", include_str!("../../locales/en.ftl")),
    ("uz", include_str!("../../locales/uz.ftl")),
];

/// So many of the first of [`BUILT_IN`] are spoken where nobody says which.
const SPOKEN_BY_DEFAULT: usize = 2;

/// What this process speaks; set once, before anything is said.
static SPOKEN: OnceLock<Vec<Lang>> = OnceLock::new();

/// A language the bot speaks.
#[derive(Clone, Copy)]
pub struct Lang(&'static Language);

/// A language and its texts.
struct Language {
    code: &'static str,
    /// What stands in several of them is taken from the last.
    sources: Vec<Source>,
    /// Made when something is said in it: most processes do not speak every language, and many say nothing at all.
    bundle: OnceLock<FluentBundle<&'static FluentResource>>,
    /// Where a text is looked for that this language does not have, in this order.
    fallback: OnceLock<Vec<Lang>>,
}

/// Where texts of a language stand.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// In `locales/`: the place in [`BUILT_IN`].
    BuiltIn(usize),
    /// In a dealer's file.
    Own(&'static str),
}

impl Source {
    fn parsed(self) -> &'static FluentResource {
        match self {
            Self::BuiltIn(at) => parsed(at),
            Self::Own(text) => Box::leak(Box::new(parse(text))),
        }
    }
}

fn parse(text: &str) -> FluentResource {
    FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource)
}

/// What is in `locales/` at this place of [`BUILT_IN`]; each file is parsed once in a process.
pub(super) fn parsed(at: usize) -> &'static FluentResource {
    static PARSED: [OnceLock<FluentResource>; BUILT_IN.len()] = [const { OnceLock::new() }; BUILT_IN.len()];
    PARSED[at].get_or_init(|| parse(BUILT_IN[at].1))
}

impl Language {
    fn new(code: &'static str, sources: Vec<Source>) -> Self {
        Self { code, sources, bundle: OnceLock::new(), fallback: OnceLock::new() }
    }

    fn bundle(&self) -> &FluentBundle<&'static FluentResource> {
        self.bundle.get_or_init(|| {
            let langid = self.code.parse::<unic_langid::LanguageIdentifier>().unwrap_or_default();
            let mut bundle = FluentBundle::new_concurrent(vec![langid]);
            // Isolation marks would stand around numbers and links that people copy.
            bundle.set_use_isolating(false);
            for source in &self.sources {
                bundle.add_resource_overriding(source.parsed());
            }
            bundle
        })
    }
}

/// What is in `locales/`.
fn built_in() -> &'static [Language] {
    static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
        let language = |(at, (code, _)): (usize, &(&'static str, _))| Language::new(code, vec![Source::BuiltIn(at)]);
        BUILT_IN.iter().enumerate().map(language).collect()
    });
    &LANGUAGES
}

impl Lang {
    /// Russian as it is in `locales/`.
    pub fn ru() -> Self {
        Self(&built_in()[0])
    }

    /// English as it is in `locales/`.
    pub fn en() -> Self {
        Self(&built_in()[1])
    }

    /// Those that the program brings along.
    pub fn built_in() -> impl Iterator<Item = Self> {
        built_in().iter().map(Self)
    }

    /// Those that are spoken here; the first is for everybody whose language is not among them, for managers and notes.
    pub fn all() -> &'static [Self] {
        static BY_DEFAULT: LazyLock<Vec<Lang>> = LazyLock::new(|| Lang::built_in().take(SPOKEN_BY_DEFAULT).collect());
        SPOKEN.get().unwrap_or(&BY_DEFAULT)
    }

    /// The languages named in `order` (without any: those by default), and each that has a file; and of those the codes that
    /// nobody has words for. They last as long as the process.
    pub(super) fn composed(files: &[TextFile], order: &[String]) -> (Vec<Self>, Vec<String>) {
        let by_default = BUILT_IN.iter().take(SPOKEN_BY_DEFAULT).map(|(code, _)| (*code).to_owned());
        let named: Vec<String> = if order.is_empty() { by_default.collect() } else { order.to_vec() };
        let (mut spoken, mut without_words) = (Vec::<Self>::new(), Vec::new());
        for code in named.iter().chain(files.iter().map(|file| &file.code)) {
            if spoken.iter().any(|lang| lang.code() == *code) {
                continue;
            }
            let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
            let built_in = BUILT_IN.iter().position(|(known, _)| known == code).map(Source::BuiltIn);
            let own = files.iter().filter(|file| file.code == *code).map(|file| Source::Own(leak(&file.text)));
            let sources: Vec<Source> = built_in.into_iter().chain(own).collect();
            if sources.is_empty() {
                without_words.push(code.clone());
            }
            spoken.push(Self(Box::leak(Box::new(Language::new(leak(code), sources)))));
        }
        for lang in &spoken {
            let others = spoken.iter().copied().filter(|other| other != lang);
            let _ = lang.0.fallback.set(others.chain([Self::ru()]).collect());
        }
        (spoken, without_words)
    }

    /// Speaks these from now on; what was set first stays.
    pub fn speak(languages: Vec<Self>) {
        let _ = SPOKEN.set(languages);
    }

    /// Its IETF tag in small letters: `ru`, `pt-br`.
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// From Telegram's `language_code` (IETF tag).
    pub fn from_code(code: Option<&str>) -> Self {
        let code = code.unwrap_or_default();
        let primary = code.split('-').next().unwrap_or_default();
        Self::spoken(code).or_else(|| Self::spoken(primary)).unwrap_or_default()
    }

    /// The language with exactly this tag, if it is spoken here.
    pub fn spoken(code: &str) -> Option<Self> {
        Self::all().iter().copied().find(|lang| lang.code().eq_ignore_ascii_case(code))
    }

    /// The language that people call so: by its tag, its own name, or its name in one of the others (`english`, `по-английски`).
    pub fn named(name: &str) -> Option<Self> {
        /// By how its names begin.
        const NAMES: &[(&str, &[&str])] = &[
            ("ru", &["рус", "russ", "rus"]),
            ("en", &["англ", "eng", "ingl"]),
            ("uz", &["узб", "uzb", "oʻzb", "ozb", "o'zb"]),
            ("kk", &["каз", "қаз", "kaz", "qaz"]),
            ("ko", &["коре", "kor", "한국"]),
            ("zh", &["кит", "chin", "中"]),
        ];
        let name = name.trim().trim_matches(['.', '!', '"', '«', '»']).to_lowercase();
        let name = name.strip_prefix("по-").unwrap_or(&name);
        let own = |lang: &Self| lang.text("language-name", &[]).to_lowercase() == name;
        let known = || NAMES.iter().find(|(_, begin)| begin.iter().any(|begin| name.starts_with(begin)));
        Self::spoken(&name.replace('_', "-"))
            .or_else(|| Self::all().iter().copied().find(own))
            .or_else(|| known().and_then(|(code, _)| Self::spoken(code)))
    }

    /// What a key of the phone's keyboard stands for that types this, in any language; or a button, typed as it is called.
    pub fn typed_by_key(text: &str) -> Option<Typed> {
        const KEYS: [(&str, Typed); 6] = [
            ("button-another", Typed::Another),
            ("button-back", Typed::Back),
            ("button-cancel", Typed::Cancel),
            ("button-do-not-correct", Typed::Cancel),
            ("button-keep-answer", Typed::Keep),
            ("button-skip", Typed::Skip),
        ];
        let typed = text.trim();
        let is_of = |id: &str| Self::all().iter().any(|lang| lang.text(id, &[]).trim() == typed);
        KEYS.into_iter().find(|(id, _)| is_of(id)).map(|(_, typed)| typed)
    }

    /// Its texts as they stand in `locales/`.
    #[cfg(test)]
    pub(super) fn source(self) -> &'static str {
        BUILT_IN.iter().find(|(code, _)| *code == self.code()).map_or("", |(_, source)| source)
    }

    /// Words of the form.
    pub fn words(self, words: &Words) -> String {
        match *words {
            Words::Text(id) => self.text(id, &[]),
            Words::Given(given) => {
                let own = given.iter().find(|(code, _)| code.eq_ignore_ascii_case(self.code())).or(given.first());
                own.map_or_else(String::new, |(_, words)| (*words).to_owned())
            }
        }
    }

    /// Words that stand in the settings by language code; the first is for every language that is not among them.
    pub fn given(self, words: &[(String, String)]) -> String {
        let own = words.iter().find(|(code, _)| code.eq_ignore_ascii_case(self.code())).or(words.first());
        own.map_or_else(String::new, |(_, words)| words.clone())
    }

    /// Words of the form in every language, also in such as the bot does not speak; first as managers read them.
    pub fn all_words(words: &Words) -> Vec<String> {
        let given: &[(&str, &str)] = match *words {
            Words::Text(_) => &[],
            Words::Given(given) => given,
        };
        let own = Self::all().iter().map(|lang| lang.words(words));
        own.chain(given.iter().map(|(_, words)| (*words).to_owned())).collect()
    }

    /// Whether it has a text of its own; another language helps out otherwise.
    pub(super) fn has(self, id: &str) -> bool {
        self.0.bundle().get_message(id).is_some_and(|message| message.value().is_some())
    }

    /// What it calls itself; its code where it does not say.
    pub fn own_name(self) -> String {
        if self.has("language-name") { self.text("language-name", &[]) } else { self.code().to_owned() }
    }

    fn fallback(self) -> &'static [Self] {
        self.0.fallback.get_or_init(|| vec![Self::ru()])
    }

    /// The text of a message, of the next language where this one lacks it; one that is missing everywhere shows its
    /// name, an argument that is missing its own, which tests rule out (`wording::tests`).
    pub fn text(self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let speaker = [self].iter().chain(self.fallback()).copied().find(|lang| lang.has(id)).unwrap_or(self);
        let bundle = speaker.0.bundle();
        let mut errors = Vec::new();
        let text = match bundle.get_message(id).and_then(|message| message.value()) {
            Some(pattern) => {
                let args: FluentArgs<'_> = args.iter().cloned().collect();
                bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
            }
            None => id.to_owned(),
        };
        #[cfg(test)]
        asked::remember(self, id, speaker.has(id), &errors);
        debug_assert!(cfg!(test) || errors.is_empty() && speaker.has(id), "{self:?} {id}: {errors:?}");
        text
    }
}

impl Default for Lang {
    /// The language for everybody whose own is not known.
    fn default() -> Self {
        Self::all().first().copied().unwrap_or_else(Self::ru)
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialEq for Lang {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Eq for Lang {}

impl Serialize for Lang {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Lang {
    /// # Errors
    /// It is not spoken here (any more).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::spoken(&code).ok_or_else(|| serde::de::Error::custom("a language that is not spoken here"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_the_phones_if_it_is_spoken_and_else_the_first() {
        for (code, lang) in [
            (None, Lang::ru()),
            (Some("ru"), Lang::ru()),
            (Some("kk"), Lang::ru()),
            (Some("en"), Lang::en()),
            (Some("en-GB"), Lang::en()),
            (Some("EN"), Lang::en()),
            (Some("enm"), Lang::ru()),
            (Some(""), Lang::ru()),
        ] {
            assert_eq!(Lang::from_code(code), lang, "{code:?}");
        }
    }

    #[test]
    fn languages_are_stored_by_their_code() {
        assert_eq!(serde_json::to_string(&[Lang::ru(), Lang::en()]).expect("json"), r#"["ru","en"]"#);
        assert_eq!(serde_json::from_str::<Lang>(r#""en""#).expect("a language"), Lang::en());
        assert!(serde_json::from_str::<Lang>(r#""xx""#).is_err());
    }
}
