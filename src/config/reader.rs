//! Reads single values: what is there, whole and of the right kind, or one line that says what is wrong with it.

use std::borrow::Cow;

use secrecy::SecretString;
use url::Url;

use super::{ConfigProblem, SETTINGS, plaintext::PlaintextHosts};

/// Marks that people or their tools put around a value.
const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('`', '`'), ('«', '»'), ('“', '”')];

/// Reads settings one by one and remembers what is wrong with them.
pub struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    not_text: &'a [&'static str],
    pub(super) problems: Vec<ConfigProblem>,
    pub(super) warnings: Vec<ConfigProblem>,
    /// Whom something may be sent to that is not encrypted.
    pub(super) plaintext: PlaintextHosts,
    /// `dealer.toml`, once it is read.
    pub(super) dealer: Option<super::Dealer>,
}

impl<'a> Reader<'a> {
    /// A reader of the variables that `lookup` knows; `not_text` have values that are not UTF-8.
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>, not_text: &'a [&'static str]) -> Self {
        let (problems, warnings, plaintext) = (Vec::new(), Vec::new(), PlaintextHosts::default());
        let mut reader = Self { lookup, not_text, problems, warnings, plaintext, dealer: None };
        if let Some(text) = reader.text("ALLOW_PLAINTEXT") {
            reader.plaintext = PlaintextHosts::parse(&text).unwrap_or_else(|| {
                reader.wrong(
                    "ALLOW_PLAINTEXT",
                    "is not a list of hosts",
                    "Names or addresses alone, with commas between them, such as telegram.example.org,203.0.113.7",
                );
                PlaintextHosts::default()
            });
        }
        reader
    }

    /// The value without blanks around it; `None` when there is none, or none that could be used.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(SETTINGS.contains(&name), "{name} is not among the names of all settings");
        if self.not_text.contains(&name) {
            self.wrong(name, "is not UTF-8 text", "Type it in once more");
            return None;
        }
        let text = (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())?;
        if QUOTES.iter().any(|(open, close)| text.len() > 1 && text.starts_with(*open) && text.ends_with(*close)) {
            self.wrong(name, "is in quotes, which are taken for a part of it here", "Leave the quotes out");
            return None;
        }
        if text.chars().any(char::is_control) {
            self.wrong(name, "has a line break in it", "Copy it once more, in one line");
            return None;
        }
        Some(text)
    }

    /// Tells one problem of a variable; the first that is found is what has to be fixed first.
    pub(super) fn wrong(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) {
        if self.problems.iter().all(|known| known.variable != variable) {
            self.problems.push(ConfigProblem::new(variable, problem, remedy));
        }
    }

    /// A value that is copied from elsewhere and has no blanks in it.
    pub(super) fn copied(&mut self, name: &'static str, remedy: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if let Some(problem) = not_copied_well(&text) {
            self.wrong(name, problem, remedy);
        }
        Some(text)
    }

    pub(super) fn secret(&mut self, name: &'static str, remedy: &'static str) -> Option<SecretString> {
        self.copied(name, remedy).map(SecretString::from)
    }

    pub(super) fn number(&mut self, name: &'static str, remedy: &'static str) -> Option<i64> {
        let text = self.text(name)?;
        // A plus sign would parse, and means something else: a phone number.
        match text.parse::<i64>() {
            Ok(number) if !text.starts_with('+') => Some(number),
            _ => {
                self.wrong(name, not_a_number(&text), remedy);
                None
            }
        }
    }

    pub(super) fn id(&mut self, name: &'static str, remedy: &'static str) -> Option<i64> {
        let id = self.number(name, remedy)?;
        if id <= 0 {
            self.wrong(name, "is not a positive number", remedy);
        }
        Some(id)
    }

    /// Parts with commas between them, without blanks around each; empty ones do not count, but one there must be.
    pub(super) fn list(&mut self, name: &'static str, remedy: &'static str) -> Vec<String> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let parts: Vec<String> =
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if parts.is_empty() {
            self.wrong(name, "is a list of nothing", remedy);
        }
        parts
    }

    /// An http(s) address, whatever its host.
    pub(super) fn web_address(&mut self, name: &'static str, remedy: &'static str) -> Option<Url> {
        let text = self.text(name)?;
        self.web_address_in(name, &text, remedy)
    }

    fn web_address_in(&mut self, name: &'static str, text: &str, remedy: &'static str) -> Option<Url> {
        if text.contains(char::is_whitespace) {
            self.wrong(name, "has a blank in it", remedy);
            return None;
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                self.wrong(name, "is not an http(s) address", remedy);
                None
            }
        }
    }

    /// An http(s) address that this program sends something to, which must not be readable on the way.
    pub(super) fn own_address(&mut self, name: &'static str, remedy: &'static str) -> Option<Url> {
        let text = self.text(name)?;
        self.own_address_in(name, &text, remedy)
    }

    /// The same, of a text that was read already.
    pub(super) fn own_address_in(&mut self, name: &'static str, text: &str, remedy: &'static str) -> Option<Url> {
        let url = self.web_address_in(name, text, remedy)?;
        self.no_password(name, &url);
        self.encrypted(name, &url);
        Some(url)
    }

    /// A user and a password in an address would be shown, or sent beside a token.
    pub(super) fn no_password(&mut self, name: &'static str, url: &Url) {
        if !url.username().is_empty() || url.password().is_some() {
            self.wrong(name, "holds a user or a password", "Give the address without what is before the @");
        }
    }

    fn encrypted(&mut self, name: &'static str, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !self.plaintext.may_be_read(host) {
            self.wrong(
                name,
                format!("sends everything to {host} in plain text over public networks"),
                format!("Use https://, or allow it on purpose with ALLOW_PLAINTEXT={host}"),
            );
        }
    }

    /// `on` or `off`; on where nothing is said.
    pub(super) fn switch(&mut self, name: &'static str) -> bool {
        match self.text(name).map(|text| text.to_lowercase()).as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.wrong(name, "is neither on nor off", "Leave it out for on");
                true
            }
        }
    }
}

/// What is wrong with a value that is copied from elsewhere, be it a token, a key or an id.
pub(super) fn not_copied_well(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    if lower.starts_with("bearer ") {
        return Some("begins with the word Bearer, which is not a part of it");
    }
    if is_placeholder(&lower) {
        return Some("is still the placeholder of an example");
    }
    if text.contains(char::is_whitespace) {
        return Some("has a blank in it");
    }
    if text.contains(['"', '\'', '`', '«', '»', '“', '”', '<', '>']) {
        return Some("has quotes or brackets in it");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("has letters or signs in it that are not Latin");
    }
    None
}

/// What is in examples where a value belongs, in lower case.
fn is_placeholder(lower: &str) -> bool {
    // What is real may be long, and then any short word may turn up in it by chance.
    let short = lower.chars().count() < 100;
    let whole = ["none", "null", "undefined", "todo", "fixme", "-", "нет"];
    let within = ["your_", "your-", "your ", "changeme", "change_me", "change-me", "placeholder", "xxxx", "…", "..."];
    let ends = ["_here", "-here", " here", "_сюда"];
    let framed = lower.starts_with(['<', '{', '[', '$', '%']);
    let one_char = lower.len() > 2 && lower.chars().all(|char| lower.starts_with(char));
    whole.contains(&lower)
        || one_char
        || (short
            && (framed
                || within.iter().any(|word| lower.contains(word))
                || ends.iter().any(|end| lower.ends_with(end))))
}

fn not_a_number(text: &str) -> &'static str {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let phone = text.chars().all(|char| char.is_ascii_digit() || "+-() ".contains(char));
    if text.starts_with('@') || text.contains("t.me/") {
        "is a name and not a number"
    } else if phone && (10..=15).contains(&digits) && !text.starts_with('-') {
        "looks like a phone number"
    } else if text.starts_with(['−', '–', '—', '‐', '‑']) {
        "begins with a dash that is no minus; type the minus of the keyboard"
    } else if text.len() > 15 && text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
        "is larger than any id"
    } else {
        "is not a whole number"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_badly_is_told() {
        for (text, word) in [
            ("your-token-here", "placeholder"),
            ("YOUR_CLIENT_ID", "placeholder"),
            ("<token>", "placeholder"),
            ("changeme", "placeholder"),
            ("xxxxxxxx", "placeholder"),
            ("********", "placeholder"),
            ("123456:AA…", "placeholder"),
            ("${TOKEN}", "placeholder"),
            ("insert key here", "placeholder"),
            ("todo", "placeholder"),
            ("abc def", "blank"),
            ("abc\u{a0}def", "blank"),
            ("Bearer abcdef", "Bearer"),
            ("abc\"def", "quotes"),
            ("«abcdef", "quotes"),
            ("abсdef", "not Latin"),
            ("abc\u{200b}def", "not Latin"),
        ] {
            assert!(not_copied_well(text).is_some_and(|problem| problem.contains(word)), "{text}");
        }
        for text in [
            "def50200aabb",
            "eyJ0eXAiOiJKV1QifQ.eyJhdWQ-here_.x-_",
            "0a1b2c3d-1111-2222-3333-0123456789ab",
            "id",
            "a+b/c=",
        ] {
            assert_eq!(not_copied_well(text), None, "{text}");
        }
        // A real one is long, and holds any short word by chance.
        assert_eq!(not_copied_well(&format!("{}xxxx_here", "a1".repeat(200))), None);
    }

    #[test]
    fn what_is_no_number_is_told_by_its_looks() {
        for (text, problem) in [
            ("+79991234567", "looks like a phone number"),
            ("8 (999) 123-45-67", "looks like a phone number"),
            ("@admin", "is a name and not a number"),
            ("https://t.me/admin", "is a name and not a number"),
            ("12.5", "is not a whole number"),
            ("1e9", "is not a whole number"),
            ("+5", "is not a whole number"),
            ("−100123", "begins with a dash that is no minus; type the minus of the keyboard"),
            ("–100123", "begins with a dash that is no minus; type the minus of the keyboard"),
            ("99999999999999999999", "is larger than any id"),
            ("-99999999999999999999", "is larger than any id"),
        ] {
            assert_eq!(not_a_number(text), problem, "{text}");
        }
    }
}
