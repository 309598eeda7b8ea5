//! A TOML document that is read key by key: what is wrong is told with its line and column, all of it at once, and so is what
//! nobody has asked for.

use std::{cell::RefCell, collections::BTreeSet, ops::Range, time::Duration};

use toml::de::{DeTable, DeValue};

use crate::config::ConfigProblem;

/// A name this much alike to a known one is a slip of the fingers; 0 to 1.
const ALIKE: f64 = 0.6;

/// Keys that stand outside of every section: further down they belong to the section above them.
const OF_TOP: &[&str] = &["languages", "time_zone"];

/// A document, and what is wrong with it.
pub struct Document<'t> {
    /// As it is told.
    name: &'t str,
    text: &'t str,
    problems: RefCell<Vec<(usize, ConfigProblem)>>,
    odd: RefCell<Vec<(usize, ConfigProblem)>>,
}

impl<'t> Document<'t> {
    pub fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, text, problems: RefCell::default(), odd: RefCell::default() }
    }

    /// Tells what is wrong at a place.
    pub fn wrong(&self, at: usize, problem: impl Into<String>, remedy: impl Into<String>) {
        self.problems.borrow_mut().push((at, self.problem(at, problem, remedy)));
    }

    /// Tells what can stay and was hardly meant.
    pub fn odd(&self, at: usize, problem: impl Into<String>, remedy: impl Into<String>) {
        self.odd.borrow_mut().push((at, self.problem(at, problem, remedy)));
    }

    fn problem(&self, at: usize, problem: impl Into<String>, remedy: impl Into<String>) -> ConfigProblem {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = format!("{}, line {line}, column {column}", self.name);
        let remedy: String = remedy.into();
        ConfigProblem::new(place, problem, remedy)
    }

    /// All that is wrong, and all that is odd, each from top to bottom.
    pub fn told(self) -> (Vec<ConfigProblem>, Vec<ConfigProblem>) {
        let in_order = |problems: RefCell<Vec<(usize, ConfigProblem)>>| {
            let mut problems = problems.into_inner();
            problems.sort_by_key(|(at, _)| *at);
            problems.into_iter().map(|(_, problem)| problem).collect()
        };
        (in_order(self.problems), in_order(self.odd))
    }
}

/// "Did you mean …?", where one of them is near; otherwise all of them.
pub fn meant(said: &str, known: &[&str]) -> String {
    let alike = |name: &&&str| strsim::normalized_damerau_levenshtein(&said.to_lowercase(), name);
    let begun = known.iter().find(|name| name.len() > 2 && said.to_lowercase().starts_with(**name));
    let nearest = known.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    if let Some(name) = begun {
        return format!("Did you mean {name}?");
    }
    match nearest.filter(|name| alike(name) >= ALIKE) {
        Some(name) => format!("Did you mean {name}?"),
        None => format!("There are: {}", known.join(", ")),
    }
}

/// A table, of which keys are asked for by name.
pub struct Table<'a> {
    document: &'a Document<'a>,
    /// How it is called where one of its keys is wrong.
    name: String,
    entries: &'a DeTable<'a>,
    at: usize,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Table<'a> {
    pub fn new(document: &'a Document<'a>, name: &str, entries: &'a DeTable<'a>, at: usize) -> Self {
        Self { document, name: name.to_owned(), entries, at, known: RefCell::default() }
    }

    /// The value of a key, which is a known one by that.
    pub fn get(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().insert(key);
        #[cfg(test)]
        tests::ASKED_FOR.with_borrow_mut(|asked| asked.insert(key));
        let (_, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}: {key}", self.name) };
        Some(Value { document: self.document, name, value: value.get_ref(), span: value.span() })
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &'static str, remedy: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.wrong(format!("{key} is missing"), remedy);
        }
        value
    }

    /// Something is wrong with the whole table.
    pub fn wrong(&self, problem: impl std::fmt::Display, remedy: &str) {
        let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        self.document.wrong(self.at, format!("{name}{problem}"), remedy);
    }

    /// Every key with its value, whatever they are called.
    pub fn all(&self) -> Vec<(&'a str, Value<'a>)> {
        let value = |value: &'a toml::Spanned<DeValue<'a>>, key: &str| Value {
            document: self.document,
            name: format!("{}: {key}", self.name),
            value: value.get_ref(),
            span: value.span(),
        };
        self.entries.iter().map(|(key, found)| (key.get_ref().as_ref(), value(found, key.get_ref()))).collect()
    }

    /// Tells the keys that nobody has asked for.
    pub fn end(self) {
        let known: Vec<&str> = self.known.borrow().iter().copied().collect();
        for (key, _) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let place = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
                let is_of_top = !self.name.is_empty() && OF_TOP.contains(&name);
                let remedy = match is_of_top {
                    true => format!("{name} belongs to the top of the file, above the first line in [brackets]"),
                    false => meant(name, &known),
                };
                self.document.wrong(key.span().start, format!("{place}{name} is no key"), remedy);
            }
        }
    }
}

/// A value, and where it stands.
pub struct Value<'a> {
    document: &'a Document<'a>,
    name: String,
    value: &'a DeValue<'a>,
    span: Range<usize>,
}

impl<'a> Value<'a> {
    /// Tells what is wrong with it.
    pub fn wrong(&self, problem: impl std::fmt::Display, remedy: impl Into<String>) {
        self.document.wrong(self.span.start, format!("{} {problem}", self.name), remedy);
    }

    /// Tells what of it can stay and was hardly meant.
    pub fn odd(&self, problem: impl std::fmt::Display, remedy: impl Into<String>) {
        self.document.odd(self.span.start, format!("{} {problem}", self.name), remedy);
    }

    fn is_no(&self, what: &str, such_as: &str) {
        self.wrong(format!("is {} and not {what}", kind(self.value)), format!("Such as {such_as}"));
    }

    /// Words without blanks around them; at least one, and at most so many characters.
    pub fn text(&self, longest: usize) -> Option<String> {
        let Some(text) = self.value.as_str() else {
            // What was meant is there already, but for the quotes.
            let meant = match self.value {
                DeValue::Integer(number) => number.as_str().to_owned(),
                DeValue::Float(number) => number.as_str().to_owned(),
                DeValue::Datetime(day) => day.to_string(),
                _ => "Москва".to_owned(),
            };
            self.is_no("a text in quotes", &format!("\"{meant}\""));
            return None;
        };
        self.checked(text, longest)
    }

    fn checked(&self, text: &str, longest: usize) -> Option<String> {
        let text = text.trim();
        if !crate::lead::is_visible(text) {
            self.wrong("is empty", "Write something, or leave it out");
        } else if text.chars().count() > longest {
            self.wrong(format!("is longer than {longest} characters"), "Put it shorter");
        } else if text.chars().any(|sign| sign.is_control() && sign != '\n') {
            self.wrong("has a control character in it", "Type it in once more");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    pub fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.is_no("true or false", "true (without quotes)");
        }
        flag
    }

    /// A whole number above 0.
    pub fn id(&self) -> Option<i64> {
        let number =
            self.value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        match number {
            Some(id) if id > 0 => Some(id),
            Some(_) => {
                self.wrong("is not above 0", "Ids are whole numbers above 0");
                None
            }
            None => {
                self.is_no("a whole number", "101 (without quotes)");
                None
            }
        }
    }

    /// One of these words.
    pub fn one_of<T: std::str::FromStr>(&self, known: &[&str]) -> Option<T> {
        let text = self.text(100)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong(format!("is {text:?}, which is none of what it may be"), meant(&text, known));
        }
        value
    }

    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub fn list(&self) -> Vec<Value<'a>> {
        let Some(list) = self.value.as_array() else {
            self.is_no("a list", "[ … ]");
            return Vec::new();
        };
        let value = |value: &'a toml::Spanned<DeValue<'a>>| Value {
            document: self.document,
            name: self.name.clone(),
            value: value.get_ref(),
            span: value.span(),
        };
        list.iter().map(value).collect()
    }

    pub fn table(&self) -> Option<Table<'a>> {
        let Some(entries) = self.value.as_table() else {
            self.is_no("a table", "{ ru = \"…\" }");
            return None;
        };
        Some(Table::new(self.document, &self.name, entries, self.span.start))
    }

    /// As a code or an id.
    pub fn text_or_id(&self) -> Option<Result<String, i64>> {
        match self.value.as_str() {
            Some(_) => self.text(255).map(Ok),
            None => self.id().map(Err),
        }
    }

    /// `15m`, `2h`, `30d`; `None` inside for `off`.
    pub fn duration(&self) -> Option<Option<Duration>> {
        const SUCH: &str = "A number and m, h or d, such as \"15m\", \"2h\" or \"30d\"; or \"off\"";
        let Some(text) = self.value.as_str().map(str::trim) else {
            self.wrong(format!("is {} and not a time in quotes", kind(self.value)), SUCH);
            return None;
        };
        if text.eq_ignore_ascii_case("off") {
            return Some(None);
        }
        let digits = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic()).trim_end();
        let seconds = match text[digits.len()..].trim() {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(24 * 3600),
            _ => None,
        };
        let number = digits.parse::<u64>().ok().filter(|number| (1..=100_000).contains(number));
        match number.zip(seconds) {
            Some((number, seconds)) if !digits.starts_with('+') => Some(Some(Duration::from_secs(number * seconds))),
            _ => {
                self.wrong(format!("is {text:?}, which is no time"), SUCH);
                None
            }
        }
    }

    /// Words by language: `{ ru = "…", en = "…" }`, or one text for all. Those in `first` come first, then as they are
    /// written; one at least.
    pub fn words(&self, longest: usize, first: &str) -> Option<Vec<(String, String)>> {
        if let Some(text) = self.value.as_str() {
            return Some(vec![(first.to_owned(), self.checked(text, longest)?)]);
        }
        let Some(table) = self.value.as_table().and_then(|_| self.table()) else {
            self.is_no("words by language", "{ ru = \"Город\", en = \"City\" }");
            return None;
        };
        let mut words = Vec::new();
        let mut is_good = true;
        for (code, value) in table.all() {
            if !is_language(code) {
                value.wrong("is under no code of a language", "Such as ru, en, ko, pt-br");
                is_good = false;
            }
            match value.text(longest) {
                Some(text) => words.push((code.to_lowercase(), text)),
                None => is_good = false,
            }
        }
        if words.is_empty() && is_good {
            self.wrong("has no words in it", "Such as { ru = \"Город\" }");
            return None;
        }
        // Stable: whatever is not the first language keeps its place.
        words.sort_by_key(|(code, _)| code != first);
        is_good.then_some(words)
    }
}

/// An IETF tag, as far as it matters here.
pub fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The keys that this test has asked for.
#[cfg(test)]
pub fn asked_for() -> BTreeSet<&'static str> {
    tests::ASKED_FOR.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        pub(super) static ASKED_FOR: RefCell<BTreeSet<&'static str>> = RefCell::default();
    }
}
