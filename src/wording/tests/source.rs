//! What the source and `locales/` say of texts: which there are, who asks for them, and with which arguments.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use regex::Regex;

use crate::wording::Lang;

/// The texts of one language: what stands behind each id, and the arguments it names.
pub(super) fn messages(lang: Lang) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$([a-z_]+)").expect("a pattern"));
    let mut messages = BTreeMap::<_, BTreeSet<_>>::new();
    let mut id = "";
    for line in lang.source().lines() {
        if let Some((name, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            id = name;
            assert!(messages.insert(id, BTreeSet::new()).is_none(), "{lang:?}: {id} stands twice");
        } else if line.starts_with('#') {
            id = "";
        }
        let names = VARIABLE.captures_iter(line).filter_map(|found| found.get(1)).map(|name| name.as_str());
        messages.entry(id).or_default().extend(names);
    }
    messages.remove("");
    messages
}

/// A call of `Lang::text` in the source: its id, and its arguments where they are written out.
pub(super) struct Call {
    pub(super) place: String,
    pub(super) id: String,
    pub(super) args: Option<BTreeSet<String>>,
}

/// The source of the product without its tests.
pub(super) fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the source") {
        let path = entry.expect("a file").path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

pub(super) fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// The calls that name their id.
pub(super) fn calls() -> Vec<Call> {
    static START: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\b(?:lang|first|second|ru\(\)|en\(\)|default\(\))\s*\.text\(\s*"([a-z0-9-]+)",\s*"#)
            .expect("a pattern")
    });
    let mut calls = Vec::new();
    for (path, source) in all_sources() {
        for found in START.captures_iter(&source) {
            let whole = found.get(0).expect("a match");
            let (before, behind) = (&source[..whole.start()], &source[whole.end()..]);
            let list = match behind.strip_prefix("&[") {
                Some(list) => Some(list),
                // The arguments have a name of their own, given shortly before.
                None if behind.starts_with("&args") => {
                    before.rfind("let args = [").map(|at| &source[at + "let args = [".len()..])
                }
                None => None,
            };
            calls.push(Call {
                place: format!("{path}:{}", before.lines().count()),
                id: found[1].to_owned(),
                args: list.map(names_of),
            });
        }
    }
    calls
}

/// The names in `("name", value), ("other", value)]`, not those of a call within a value.
pub(super) fn names_of(args: &str) -> BTreeSet<String> {
    let (mut depth, mut names, mut before) = (0, BTreeSet::new(), ' ');
    let mut rest = args.chars();
    while let Some(char) = rest.next() {
        match char {
            '"' => {
                let mut word = String::new();
                while let Some(char) = rest.next().filter(|char| *char != '"') {
                    word.push(char);
                    if char == '\\' {
                        word.extend(rest.next());
                    }
                }
                if depth == 1 && before == '(' {
                    names.insert(word);
                }
            }
            '(' | '[' | '{' => depth += 1,
            ']' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if !char.is_whitespace() {
            before = char;
        }
    }
    names
}

#[test]
fn arguments_are_read_from_a_call() {
    let args = r#"("a", "x)".into()), ("b", lang.text("c", &[("d", e(1))]).into())], f)"#;
    assert_eq!(names_of(args), ["a", "b"].map(str::to_owned).into());
    assert_eq!(names_of("])"), BTreeSet::new());
}
