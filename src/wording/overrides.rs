//! A dealer's texts, read against those of `locales/` before anybody is told anything: every one of them is known, has
//! what it must tell, and fits where it is shown; so that none of them can break the product.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser::{self, ErrorKind},
};

use super::i18n::{BUILT_IN, Lang, parsed};
use crate::{
    called::Called,
    config::{TextFile, TextProblem},
};

/// Telegram takes 4,096 UTF-16 units, and a message holds up to two texts, such as a hint and the question.
const LONGEST_TEXT: usize = 2000;
/// What a phone shows of a button.
const LONGEST_BUTTON: usize = 64;
/// `BotCommand.description` (core.telegram.org/bots/api).
const LONGEST_COMMAND: usize = 256;
/// Names of questions stand on buttons and before answers.
const LONGEST_LABEL: usize = 64;

impl Lang {
    /// What is spoken with a dealer's texts: the languages named in `order` (without any: those by default), and each that
    /// has a file. They last as long as the process.
    ///
    /// # Errors
    /// All that is wrong with the texts.
    pub fn load(files: &[TextFile], order: &[String]) -> Result<Vec<Self>, Vec<TextProblem>> {
        let (spoken, without_words) = Self::composed(files, order);
        let built_in = || BUILT_IN.iter().map(|(code, _)| *code);
        let unknown = without_words.iter().map(|code| no_such_language(code, built_in()));
        let problems = files.iter().flat_map(check).chain(unknown).chain(same_buttons(&spoken, files));
        let problems: Vec<TextProblem> = problems.collect();
        if problems.is_empty() { Ok(spoken) } else { Err(problems) }
    }
}

/// What a text of `locales/` is given and must tell.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Its variables.
    pub known: BTreeSet<&'static str>,
    /// Those that every language tells whatever their values are.
    pub needed: BTreeSet<&'static str>,
}

/// Every text there is.
pub(super) fn all_given() -> &'static BTreeMap<&'static str, Given> {
    static GIVEN: LazyLock<BTreeMap<&'static str, Given>> = LazyLock::new(|| {
        let mut all = BTreeMap::<_, Given>::new();
        for at in 0..BUILT_IN.len() {
            for entry in parsed(at).entries() {
                let Entry::Message(message) = entry else { continue };
                let Some(pattern) = &message.value else { continue };
                let (mut found, mut always) = (Found::default(), BTreeSet::new());
                found.pattern(pattern, 0, &mut |name| {
                    always.insert(name);
                });
                let known = found.variables.iter().copied().collect();
                let given = all.entry(message.id.name).or_insert_with(|| Given { known, needed: always.clone() });
                given.needed.retain(|name| always.contains(name));
            }
        }
        all
    });
    &GIVEN
}

/// What a pattern mentions.
#[derive(Debug, Default)]
struct Found<'a> {
    variables: Vec<&'a str>,
    messages: Vec<&'a str>,
    terms: Vec<&'a str>,
    functions: Vec<&'a str>,
    attributes: Vec<&'a str>,
}

impl<'a> Found<'a> {
    /// `always` is told of each variable that shows whatever is chosen.
    fn pattern(&mut self, pattern: &Pattern<&'a str>, depth: usize, always: &mut impl FnMut(&'a str)) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression, depth, always);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&'a str>, depth: usize, always: &mut impl FnMut(&'a str)) {
        match expression {
            Expression::Inline(inline) => self.inline(inline, depth, always),
            Expression::Select { selector, variants } => {
                self.inline(selector, depth + 1, always);
                variants.iter().for_each(|variant| self.pattern(&variant.value, depth + 1, always));
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&'a str>, depth: usize, always: &mut impl FnMut(&'a str)) {
        match inline {
            InlineExpression::VariableReference { id } => {
                self.variables.push(id.name);
                if depth == 0 {
                    always(id.name);
                }
            }
            InlineExpression::MessageReference { id, attribute } => {
                self.messages.push(id.name);
                self.attributes.extend(attribute.iter().map(|attribute| attribute.name));
            }
            InlineExpression::TermReference { id, attribute, .. } => {
                self.terms.push(id.name);
                self.attributes.extend(attribute.iter().map(|attribute| attribute.name));
            }
            InlineExpression::FunctionReference { id, .. } => self.functions.push(id.name),
            InlineExpression::Placeable { expression } => self.expression(expression, depth, always),
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        }
    }
}

/// The fewest visible and the most characters (UTF-16 units) of a text, besides what its variables hold.
fn extent(pattern: &Pattern<&str>) -> (usize, usize) {
    let literal = |text: &str| (text.trim().encode_utf16().count(), text.encode_utf16().count());
    let add = |sum: (usize, usize), part: (usize, usize)| (sum.0 + part.0, sum.1 + part.1);
    fn inline(inner: &InlineExpression<&str>, literal: &impl Fn(&str) -> (usize, usize)) -> (usize, usize) {
        match inner {
            InlineExpression::StringLiteral { value } | InlineExpression::NumberLiteral { value } => literal(value),
            InlineExpression::Placeable { expression } => match &**expression {
                Expression::Inline(inner) => inline(inner, literal),
                Expression::Select { variants, .. } => {
                    of_variants(variants.iter().map(|variant| extent(&variant.value)))
                }
            },
            _ => (1, 1),
        }
    }
    fn of_variants(extents: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
        let widest = |sum: (usize, usize), one: (usize, usize)| (sum.0.min(one.0), sum.1.max(one.1));
        extents.reduce(widest).unwrap_or_default()
    }
    let parts = pattern.elements.iter().map(|element| match element {
        PatternElement::TextElement { value } => literal(value),
        PatternElement::Placeable { expression: Expression::Inline(inner) } => inline(inner, &literal),
        PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
            of_variants(variants.iter().map(|variant| extent(&variant.value)))
        }
    });
    parts.fold((0, 0), add)
}

fn has_line_break(pattern: &Pattern<&str>) -> bool {
    pattern.elements.iter().any(|element| match element {
        PatternElement::TextElement { value } => value.contains('\n'),
        PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
            variants.iter().any(|variant| has_line_break(&variant.value))
        }
        PatternElement::Placeable { .. } => false,
    })
}

/// The most characters of a text, and whether it stands in one line.
fn room_for(id: &str) -> (usize, bool) {
    match id.split('-').next() {
        Some("button" | "choice" | "language") => (LONGEST_BUTTON, true),
        Some("command") => (LONGEST_COMMAND, true),
        Some("label") => (LONGEST_LABEL, true),
        _ => (LONGEST_TEXT, false),
    }
}

/// A language in whose words nothing is there.
pub(super) fn no_such_language<'c>(code: &str, built_in: impl Iterator<Item = &'c str>) -> TextProblem {
    let built_in = built_in.collect::<Vec<_>>().join(", ");
    let problem = format!("there are no texts in \"{code}\": give them in texts/{code}.ftl, or take one of {built_in}");
    TextProblem { path: "languages".into(), at: None, problem }
}

/// Buttons that a dealer has called alike: a key of the keyboard types its label, and people tell buttons apart by theirs.
pub(super) fn same_buttons(spoken: &[Lang], files: &[TextFile]) -> Vec<TextProblem> {
    // Those of `locales/` differ.
    if files.is_empty() {
        return Vec::new();
    }
    let labels: Vec<(Lang, &str, String)> = spoken
        .iter()
        .flat_map(|lang| {
            let plain = all_given().iter().filter(|(id, given)| id.starts_with("button-") && given.known.is_empty());
            // What another language says in this one's place differs there.
            let plain = plain.filter(|(id, _)| lang.has(id));
            plain.map(|(id, _)| (*lang, *id, lang.text(id, &[]).trim().to_lowercase()))
        })
        .collect();
    let mut problems = Vec::new();
    for (index, (lang, id, label)) in labels.iter().enumerate() {
        for (other_lang, other, _) in labels[..index].iter().filter(|(_, other, text)| other != id && text == label) {
            // It is told where the dealer has written it.
            let written = |lang: &Lang, id: &str| {
                let file = files.iter().find(|file| file.code == lang.code())?;
                Some((file, place_of(file, id)?))
            };
            let Some((file, at)) = written(lang, id).or_else(|| written(other_lang, other)) else { continue };
            let problem =
                format!("{id} ({lang:?}) and {other} ({other_lang:?}) are called the same, and buttons have to differ");
            problems.push(TextProblem { path: file.path.clone(), at: Some(at), problem });
        }
    }
    problems
}

/// Line and column of a text in a file.
fn place_of(file: &TextFile, id: &str) -> Option<(usize, usize)> {
    let is_of = |line: &str| line.strip_prefix(id).is_some_and(|rest| rest.trim_start().starts_with('='));
    file.text.lines().position(is_of).map(|line| (line + 1, 1))
}

/// What is wrong with one file, in the order in which it stands there.
pub(super) fn check(file: &TextFile) -> Vec<TextProblem> {
    let mut check = Check { file, problems: Vec::new(), seen: BTreeMap::new() };
    let resource = match parser::parse_runtime(file.text.as_str()) {
        Ok(resource) => resource,
        Err((resource, errors)) => {
            for error in errors {
                check.at(error.pos.start, syntax(&error.kind));
            }
            resource
        }
    };
    let terms: BTreeSet<&str> = resource
        .body
        .iter()
        .filter_map(|entry| match entry {
            Entry::Term(term) => Some(term.id.name),
            _ => None,
        })
        .collect();
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                check.seen_once(message.id.name, message.id.name);
                check.message(message.id.name, message.value.as_ref(), &terms);
                for attribute in &message.attributes {
                    check.on(
                        attribute.id.name,
                        format!(".{} is shown nowhere: texts have no attributes", attribute.id.name),
                    );
                }
            }
            Entry::Term(term) => {
                check.seen_once(term.id.name, &format!("-{}", term.id.name));
                let found = check.references(&term.value, &terms);
                for name in found.variables {
                    check.on_signed(
                        name,
                        format!("-{} is given no variables, ${name} is not known in it", term.id.name),
                    );
                }
            }
            _ => {}
        }
    }
    check.problems.sort_by_key(|problem| problem.at);
    check.problems
}

struct Check<'a> {
    file: &'a TextFile,
    problems: Vec<TextProblem>,
    /// Names and the bytes at which they stand.
    seen: BTreeMap<String, usize>,
}

impl<'a> Check<'a> {
    /// A problem at a byte of the file.
    fn at(&mut self, byte: usize, problem: String) {
        let at = Some(self.place(byte));
        self.problems.push(TextProblem { path: self.file.path.clone(), at, problem });
    }

    /// A problem of a part of the file's text.
    fn on(&mut self, part: &'a str, problem: String) {
        self.at(self.offset(part), problem);
    }

    /// A problem of a name that stands behind a sign, `$` or `-`.
    fn on_signed(&mut self, name: &'a str, problem: String) {
        self.at(self.offset(name).saturating_sub(1), problem);
    }

    fn offset(&self, part: &'a str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.file.text.as_ptr() as usize)
    }

    /// Line and column, from 1.
    fn place(&self, byte: usize) -> (usize, usize) {
        let before = &self.file.text[..self.file.text.floor_char_boundary(byte)];
        let line = before.matches('\n').count() + 1;
        let from = before.rfind('\n').map_or(0, |at| at + 1);
        let column = self.file.text.get(from..byte).map_or(0, |text| text.chars().count()) + 1;
        (line, column)
    }

    fn seen_once(&mut self, part: &'a str, name: &str) {
        if let Some(&first) = self.seen.get(name) {
            let (line, _) = self.place(first);
            self.on(part, format!("{name} stands here a second time; the first is in line {line}"));
        } else {
            self.seen.insert(name.to_owned(), self.offset(part));
        }
    }

    fn message(&mut self, id: &'a str, pattern: Option<&Pattern<&'a str>>, terms: &BTreeSet<&str>) {
        let Some(given) = all_given().get(id) else {
            let meant = nearest(id, all_given().keys().copied());
            let meant = meant.map_or_else(String::new, |meant| format!(" Did you mean {meant}?"));
            let name = Called::now().name();
            self.on(id, format!("there is no text {id}.{meant} `{name} texts {}` prints all", self.file.code));
            return;
        };
        let Some(pattern) = pattern else {
            self.on(id, format!("{id} has no text"));
            return;
        };
        let found = self.references(pattern, terms);
        for name in &found.variables {
            if !given.known.contains(name) {
                let known: Vec<String> = given.known.iter().map(|name| format!("${name}")).collect();
                let known = if known.is_empty() { "no variables".into() } else { known.join(", ") };
                self.on_signed(name, format!("{id} does not know ${name}; it has {known}"));
            }
        }
        for name in &given.needed {
            if !found.variables.contains(name) {
                self.on(id, format!("{id} has to tell {{ ${name} }}"));
            }
        }
        let (fewest, most) = extent(pattern);
        let (longest, in_one_line) = room_for(id);
        if fewest == 0 {
            self.on(id, format!("{id} may turn out empty, and nothing empty can be shown"));
        }
        if most > longest {
            self.on(id, format!("{id} is too long: {most} characters, {longest} fit"));
        }
        if in_one_line && has_line_break(pattern) {
            self.on(id, format!("{id} has to stand in one line"));
        }
    }

    /// What a pattern mentions; what of that is not there is told.
    fn references(&mut self, pattern: &Pattern<&'a str>, terms: &BTreeSet<&str>) -> Found<'a> {
        let mut found = Found::default();
        found.pattern(pattern, 0, &mut |_| {});
        for name in &found.messages {
            self.on(name, format!("{name} is another text; only variables ({{ ${name} }}) and terms can stand in one"));
        }
        for name in found.terms.iter().filter(|name| !terms.contains(*name)) {
            self.on_signed(name, format!("there is no term -{name} in this file"));
        }
        for name in &found.functions {
            self.on(name, format!("{name} is a function, and there are none here"));
        }
        for name in &found.attributes {
            self.on(name, format!(".{name} cannot be used: texts have no attributes"));
        }
        found
    }
}

fn syntax(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::ExpectedToken('=') => {
            "this is not read: \"=\" is expected here (where a text goes on, its next lines begin with blanks)".into()
        }
        ErrorKind::ExpectedToken(token) => format!("this is not read: \"{token}\" is expected here"),
        ErrorKind::ExpectedMessageField { entry_id } => format!("{entry_id} has no text"),
        ErrorKind::MissingDefaultVariant => "one of the variants needs a * before it, for all other values".into(),
        other => format!("this is not read: {other}"),
    }
}

/// The known name that was probably meant.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    known
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
