//! All texts of a language as a file of the dealer's: what each is for, and its words as they are.

use std::collections::BTreeMap;

use fluent_syntax::{
    ast::{Comment, Entry, Message},
    parser, serializer,
};
use serde::Serialize;

use super::{i18n::BUILT_IN, overrides::all_given};

/// What each text is for, by its id, or by the beginning of several with a dash at its end.
const ABOUT: &[(&str, &str)] =
    &[("ru", include_str!("../../locales/about/ru.ftl")), ("en", include_str!("../../locales/about/en.ftl"))];

/// Words of the comments themselves.
const VARIABLES: &str = "about-variables";
const LEFT_OUT: &str = "about-left-out";
const HEAD: &str = "about-head";

type Messages = BTreeMap<&'static str, Message<&'static str>>;

fn entries(source: &str) -> Vec<Entry<&str>> {
    parser::parse(source).unwrap_or_else(|(resource, _)| resource).body
}

fn messages(source: &'static str) -> Messages {
    let message = |entry| match entry {
        Entry::Message(message) => Some((message.id.name, message)),
        _ => None,
    };
    entries(source).into_iter().filter_map(message).collect()
}

/// The ids of the texts in a file, in its order.
pub fn text_ids(source: &str) -> Vec<String> {
    let resource = parser::parse_runtime(source).unwrap_or_else(|(resource, _)| resource);
    let id = |entry: Entry<&str>| match entry {
        Entry::Message(message) => Some(message.id.name.to_owned()),
        _ => None,
    };
    resource.body.into_iter().filter_map(id).collect()
}

fn source(of: &'static [(&str, &str)], code: &str) -> Option<&'static str> {
    of.iter().find(|(known, _)| *known == code).map(|(_, source)| *source)
}

/// Every text there is, in this language where there is one, else in the first; a file as the folder `texts` takes it.
///
/// # Errors
/// It is not a language's code.
pub fn texts_of(code: &str) -> Result<String, String> {
    let code = code.to_ascii_lowercase().replace('_', "-");
    if !crate::config::is_language_code(&code) {
        return Err(format!("\"{code}\" is not the code of a language, such as ru, en or kk"));
    }
    let about = messages(source(ABOUT, &code).unwrap_or(ABOUT[0].1));
    let words = |id: &str| about.get(id).and_then(|message| message.value.as_ref()).map(in_one_line);
    let own = source(BUILT_IN, &code).map(messages).unwrap_or_default();
    // Headings stand in the same order in every language that has all texts; everybody else reads English ones.
    let heads = |code: &str| -> Vec<Comment<String>> {
        let entries = source(BUILT_IN, code).map(entries).unwrap_or_default().into_iter();
        let heads = entries.filter_map(|entry| match entry {
            Entry::GroupComment(comment) => Some(owned(&comment)),
            _ => None,
        });
        heads.collect()
    };
    let wanted = heads(BUILT_IN[0].0).len();
    let named = [code.as_str(), "en"].map(heads).into_iter().find(|heads| heads.len() == wanted).unwrap_or_default();
    let mut named = named.into_iter();
    let mut printed = Vec::new();
    let head = words(HEAD).unwrap_or_default().replace("LANG", &code);
    printed.push(Entry::ResourceComment(Comment { content: vec![head] }));
    for entry in entries(BUILT_IN[0].1) {
        match entry {
            Entry::GroupComment(comment) => {
                printed.push(Entry::GroupComment(named.next().unwrap_or_else(|| owned(&comment))));
            }
            Entry::Message(message) => {
                let id = message.id.name;
                let message = own.get(id).cloned().unwrap_or(message);
                let comment = comment_of(id, &words);
                let resource = fluent_syntax::ast::Resource { body: vec![Entry::Message(message)] };
                let text = serializer::serialize(&resource);
                let parsed = parser::parse(text).unwrap_or_else(|(resource, _)| resource);
                printed.extend(parsed.body.into_iter().map(|entry| match entry {
                    Entry::Message(message) => Entry::Message(Message { comment: comment.clone(), ..message }),
                    other => other,
                }));
            }
            _ => {}
        }
    }
    Ok(serializer::serialize(&fluent_syntax::ast::Resource { body: printed }))
}

/// One text of [`texts_of`], for programs.
#[derive(Debug, Serialize)]
pub struct PrintedText {
    /// Its name, by which it is worded differently.
    pub id: String,
    /// What it is for, and its variables; a line each.
    pub about: Vec<String>,
    /// The text itself, in Fluent.
    pub text: String,
}

/// The same as [`texts_of`], one by one.
///
/// # Errors
/// It is not a language's code.
pub fn texts_one_by_one(code: &str) -> Result<Vec<PrintedText>, String> {
    let printed = texts_of(code)?;
    let texts = entries(&printed).into_iter().filter_map(|entry| {
        let Entry::Message(message) = entry else { return None };
        let id = message.id.name.to_owned();
        let about = message.comment.as_ref().map(|comment| owned(comment).content).unwrap_or_default();
        let alone = Entry::Message(Message { comment: None, ..message });
        let text = serializer::serialize(&fluent_syntax::ast::Resource { body: vec![alone] });
        let text = text.trim_start_matches(id.as_str()).trim_start_matches(" =").trim().to_owned();
        Some(PrintedText { id, about, text })
    });
    Ok(texts.collect())
}

fn owned(comment: &Comment<&str>) -> Comment<String> {
    Comment { content: comment.content.iter().map(|line| (*line).to_owned()).collect() }
}

fn in_one_line(pattern: &fluent_syntax::ast::Pattern<&str>) -> String {
    let texts = pattern.elements.iter().filter_map(|element| match element {
        fluent_syntax::ast::PatternElement::TextElement { value } => Some(*value),
        fluent_syntax::ast::PatternElement::Placeable { .. } => None,
    });
    texts.collect::<String>().replace('\n', " ")
}

/// What a text is for, and its variables.
fn comment_of(id: &str, words: &impl Fn(&str) -> Option<String>) -> Option<Comment<String>> {
    let mut content = vec![purpose(id, words)?];
    let given = all_given().get(id).filter(|given| !given.known.is_empty());
    if let Some(given) = given {
        let variable = |name: &&str| match given.needed.contains(name) {
            true => format!("{{ ${name} }}"),
            false => format!("{{ ${name} }} ({})", words(LEFT_OUT).unwrap_or_default()),
        };
        let variables: Vec<String> = given.known.iter().map(variable).collect();
        content.push(format!("{} {}", words(VARIABLES).unwrap_or_default(), variables.join(", ")));
    }
    Some(Comment { content })
}

/// What a text is for: what is said of it, else of the longest beginning of its id.
fn purpose(id: &str, words: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let beginnings = id.char_indices().rev().filter(|(_, char)| *char == '-').map(|(at, _)| &id[..=at]);
    [id].into_iter().chain(beginnings).find_map(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::TextFile,
        wording::{Lang, overrides::check},
    };

    #[test]
    fn every_text_is_printed_with_what_it_is_for_and_can_be_loaded_as_it_is() {
        for code in ["ru", "en", "uz", "kk", "pt-BR"] {
            let printed = texts_of(code).expect("texts");
            let file = TextFile { path: "texts/x.ftl".into(), code: code.to_lowercase(), text: printed.clone() };
            assert_eq!(check(&file), []);
            let leaked: &'static str = Box::leak(printed.into_boxed_str());
            let printed = messages(leaked);
            assert_eq!(printed.len(), all_given().len());
            let told =
                |message: &Message<&str>| message.comment.as_ref().is_some_and(|comment| !comment.content.is_empty());
            let untold: Vec<_> =
                printed.values().filter(|message| !told(message)).map(|message| message.id.name).collect();
            assert_eq!(untold, Vec::<&str>::new(), "{code}: say in locales/about what they are for");
            let Ok(spoken) = Lang::load(&[file], &[]) else { panic!("{code}") };
            assert!(spoken.len() >= 2);
        }
    }

    #[test]
    fn what_is_said_of_texts_is_of_texts_that_are_there() {
        for (code, source) in ABOUT {
            for id in messages(source).keys().filter(|id| !id.starts_with("about-")) {
                let is_of_one =
                    all_given().keys().any(|known| known == id || id.ends_with('-') && known.starts_with(id));
                assert!(is_of_one, "locales/about/{code}.ftl: {id}");
            }
        }
    }

    #[test]
    fn variables_are_told_beside_the_text() {
        let printed = texts_of("en").expect("texts");
        assert!(printed.contains("{ $number }\naccepted = "), "{printed}");
        for (code, head, other) in
            [("en", "## Buttons", "## Кнопки"), ("ru", "## Кнопки", "## Buttons"), ("kk", "## Buttons", "## Кнопки")]
        {
            let printed = texts_of(code).expect("texts");
            assert!(printed.contains(head) && !printed.contains(other), "{code}");
        }
        assert_eq!(text_ids("# x\na = b\nc = d\n    e\n"), ["a", "c"]);
        assert!(texts_of("../../etc").is_err() && texts_of("").is_err());
    }
}
