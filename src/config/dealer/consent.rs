//! `[consent]`: the document that buyers consent to, read and looked at.

use std::{path::Path, sync::Arc};

use url::Url;

use super::document::{Table, Value, is_language};

/// More is a book; Telegram takes files of up to 50 MB.
pub const LARGEST_DOCUMENT: u64 = 5 * 1024 * 1024;

const LONGEST_VERSION: usize = 60;
const LONGEST_PLACE: usize = 1000;

/// `[consent]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// A changed version asks again.
    pub version: String,
    /// The document by language code, the first for every language that is not among them; never empty.
    pub documents: Vec<(String, Place)>,
    /// The privacy policy, which is apart from it.
    pub policy_url: Option<Url>,
}

/// Where a document stands.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A file beside `dealer.toml`.
    File {
        /// Its name as the settings have it.
        name: String,
        /// What is in it.
        content: Arc<[u8]>,
    },
    /// A page or a file on the web: https.
    Page(Url),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { name, content } => write!(formatter, "{name} ({} bytes)", content.len()),
            Self::Page(url) => write!(formatter, "{url}"),
        }
    }
}

/// Reads the section; `spoken` are the languages that buyers are spoken to in, the first one first.
pub fn consent(table: Table<'_>, spoken: &[String], folder: &Path) -> Option<Consent> {
    let version = table.need("version", "Such as version = \"2026-12\"").and_then(|value| {
        let version = value.text(LONGEST_VERSION)?;
        if version.contains('\n') {
            value.wrong("is more than one line", "Such as \"2026-12\"");
            return None;
        }
        Some(version)
    });
    let documents = table
        .need("document", "Such as document = { ru = \"consent-ru.md\" }")
        .and_then(|value| documents(&value, spoken, folder));
    let policy_url = table.get("policy_url").and_then(|value| open_page(&value, &value.text(LONGEST_PLACE)?));
    table.end();
    version.zip(documents).map(|(version, documents)| Consent { version, documents, policy_url })
}

fn documents(value: &Value<'_>, spoken: &[String], folder: &Path) -> Option<Vec<(String, Place)>> {
    let first = spoken.first().map_or("ru", String::as_str);
    if value.is_text() {
        // One for all languages.
        return Some(vec![(first.to_owned(), place(value, folder)?)]);
    }
    let all = value.table()?.all();
    if all.is_empty() {
        value.wrong("names no document", "Such as { ru = \"consent-ru.md\" }");
        return None;
    }
    let mut documents = Vec::new();
    for (code, value) in &all {
        if !is_language(code) {
            value.wrong("is under no code of a language", "Such as ru, en, ko, pt-br");
        } else if let Some(place) = place(value, folder) {
            documents.push((code.to_lowercase(), place));
        }
    }
    if documents.len() < all.len() {
        return None;
    }
    // Stable: whatever is not the first language keeps its place.
    documents.sort_by_key(|(code, _)| code != first);
    let used = documents[0].0.clone();
    for lang in spoken.iter().filter(|lang| documents.iter().all(|(code, _)| code != *lang)) {
        value.odd(
            format!("has none in {lang}, which buyers are spoken to in: they are shown the one in {used}"),
            format!("Add {lang} = \"…\", or take {lang} out of languages"),
        );
    }
    for (code, _) in documents.iter().filter(|(code, _)| !spoken.contains(code) && *code != used) {
        value.odd(
            format!("has one in {code}, which buyers are not spoken to in"),
            "Add it to languages, or leave it out",
        );
    }
    Some(documents)
}

fn place(value: &Value<'_>, folder: &Path) -> Option<Place> {
    let named = value.text(LONGEST_PLACE)?;
    if named.contains("://") {
        return open_page(value, &named).map(Place::Page);
    }
    match content(&folder.join(&named)) {
        Ok(content) => Some(Place::File { name: named, content: content.into() }),
        Err((problem, remedy)) => {
            value.wrong(format!("names {named:?}, which {problem}"), remedy);
            None
        }
    }
}

/// An https address without a password in it.
fn open_page(value: &Value<'_>, address: &str) -> Option<Url> {
    let url = Url::parse(address).ok().filter(Url::has_host);
    match url {
        Some(url) if url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => Some(url),
        Some(url) if url.scheme() == "http" => {
            value.wrong("is an http address, which anybody on the way can change", "Write https://");
            None
        }
        _ => {
            value.wrong("is no https address that everybody may see", "Such as \"https://example.com/privacy\"");
            None
        }
    }
}

/// What is in a file, or what is wrong with it and what to do.
fn content(path: &Path) -> Result<Vec<u8>, (String, &'static str)> {
    const PUT_IT_THERE: &str = "Put the file beside dealer.toml, or correct its name";
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(("is neither a file beside dealer.toml nor an https address".into(), PUT_IT_THERE));
        }
        Err(error) => return Err((format!("cannot be read ({error})"), "Let the bot's user read it")),
    };
    if !about.is_file() {
        return Err(("is no file".into(), PUT_IT_THERE));
    }
    if about.len() > LARGEST_DOCUMENT {
        let megabytes = LARGEST_DOCUMENT / 1024 / 1024;
        return Err((format!("is larger than {megabytes} MB"), "Buyers open it on a phone: make it smaller"));
    }
    let content =
        std::fs::read(path).map_err(|error| (format!("cannot be read ({error})"), "Let the bot's user read it"))?;
    let is_empty = match std::str::from_utf8(&content) {
        Ok(text) => !crate::lead::is_visible(text.trim_start_matches('\u{feff}')),
        Err(_) => content.is_empty(),
    };
    if is_empty {
        return Err(("is empty".into(), "Write what buyers consent to into it"));
    }
    Ok(content)
}
