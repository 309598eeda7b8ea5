//! The dealer's document that buyers consent to: how it is asked, what it is proved by, and what of it stands on the web.
//!
//! Promise: the hash in a proof is of bytes that were read, with the time when. Files are read with the settings. Pages are
//! fetched at the start and once an hour; one that cannot be fetched three times in a row has no hash until it can, and
//! the admin is told once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::{
    clock::{Clock, Millis},
    config::{self, LARGEST_DOCUMENT},
    net::{self, NetError},
    notice::{AdminNotice, ConsentQuestion, PageTrouble, Recipients},
    store::{Mark, Marks, NewMessage},
    wording::{Lang, ShownDocument, consent_buttons, consent_words},
};

/// How often a page is fetched.
const AGAIN: Duration = Duration::from_secs(3600);

/// Pauses after a page could not be fetched: doubled up to [`AGAIN`].
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// So many failures in a row are no accident.
const FAILURES: u32 = 3;

/// The dealer's document in all its languages; clones share it.
#[derive(Debug, Clone)]
pub struct ConsentDocuments {
    version: String,
    policy: Option<String>,
    documents: Arc<[Document]>,
}

#[derive(Debug)]
struct Document {
    lang: String,
    place: Place,
    read: Mutex<Option<Read>>,
}

#[derive(Debug)]
enum Place {
    File(ShownDocument),
    Page(Url),
}

/// What was read of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    /// In hex.
    sha256: String,
    at: Millis,
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

impl ConsentDocuments {
    /// As the settings have it; `policy` is linked to where the section itself names none.
    pub fn new(consent: &config::Consent, policy: Option<&Url>, now: Millis) -> Self {
        let document = |(lang, place): &(String, config::Place)| match place {
            config::Place::File { name, content } => Document {
                lang: lang.clone(),
                read: Mutex::new(Some(Read { sha256: sha256(content), at: now })),
                place: Place::File(ShownDocument::new(lang, name, content.clone())),
            },
            config::Place::Page(url) => {
                Document { lang: lang.clone(), read: Mutex::new(None), place: Place::Page(url.clone()) }
            }
        };
        Self {
            version: consent.version.clone(),
            policy: consent.policy_url.as_ref().or(policy).map(ToString::to_string),
            documents: consent.documents.iter().map(document).collect(),
        }
    }

    /// The version in force.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Those that are shown in the chat.
    pub fn shown(&self) -> Vec<ShownDocument> {
        let shown = |document: &Document| match &document.place {
            Place::File(shown) => Some(shown.clone()),
            Place::Page(_) => None,
        };
        self.documents.iter().filter_map(shown).collect()
    }

    /// What somebody is asked who reads this language.
    pub fn question(&self, lang: Lang) -> ConsentQuestion {
        let primary = lang.code().split('-').next().unwrap_or_default();
        let of = |code: &str| self.documents.iter().find(|document| document.lang.eq_ignore_ascii_case(code));
        let document = of(lang.code()).or_else(|| of(primary)).unwrap_or(&self.documents[0]);
        let (name, shown_in) = match &document.place {
            Place::File(shown) => (shown.name.clone(), shown.messages()),
            Place::Page(url) => (url.to_string(), 0),
        };
        let read = document.read();
        let (text, button) = consent_words(lang);
        let question = ConsentQuestion {
            version: self.version.clone(),
            document: name,
            document_lang: document.lang.clone(),
            sha256: read.as_ref().map(|read| read.sha256.clone()),
            read_at: read.map(|read| read.at),
            shown_in,
            policy: self.policy.clone(),
            lang: lang.code().to_owned(),
            text,
            button,
            buttons: Vec::new(),
            message: None,
        };
        ConsentQuestion { buttons: consent_buttons(&question, lang), ..question }
    }

    /// Keeps the hashes of pages until stopped; tells the admin of what cannot be fetched.
    pub async fn keep(self, marks: Marks, clock: Clock, recipients: Recipients, stop: CancellationToken) {
        let pages = self.documents.iter().filter_map(|document| match &document.place {
            Place::Page(url) => Some(document.keep(url, &marks, clock, recipients)),
            Place::File(_) => None,
        });
        tokio::select! {
            _ = join_all(pages) => {}
            () = stop.cancelled() => {}
        }
    }
}

impl Document {
    fn read(&self) -> Option<Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, read: Option<Read>) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// For ever.
    async fn keep(&self, url: &Url, marks: &Marks, clock: Clock, recipients: Recipients) {
        let mark = Mark::ConsentDocument(sha256(url.as_str().as_bytes()));
        let (mut failures, mut pause) = (0, FIRST_PAUSE);
        loop {
            match fetch(url).await {
                Ok(bytes) => {
                    self.set(Some(Read { sha256: sha256(&bytes), at: clock.now() }));
                    (failures, pause) = (0, FIRST_PAUSE);
                    if let Err(error) = marks.remove(&mark).await {
                        info!(%error, "that the document of consent is there again is noted later");
                    }
                    clock.sleep(AGAIN).await;
                }
                Err(trouble) => {
                    failures += 1;
                    warn!(document = %url, ?trouble, failures, "the document that buyers consent to cannot be fetched");
                    if failures >= FAILURES {
                        self.set(None);
                        let notice = AdminNotice::ConsentDocumentMissing {
                            address: url.to_string(),
                            trouble: Some(trouble),
                            detail: String::new(),
                        };
                        let message = NewMessage::to_dealer(&recipients, notice, clock.now());
                        if let Err(error) = marks.set_once(&mark, "", message.as_ref()).await {
                            info!(%error, "the admin is told of the document of consent later");
                        }
                    }
                    clock.sleep(pause).await;
                    pause = (pause * 2).min(AGAIN);
                }
            }
        }
    }
}

/// The bytes at an address, or why there are none.
pub async fn fetch(url: &Url) -> Result<Vec<u8>, PageTrouble> {
    let client = net::client().build().map_err(|_| PageTrouble::NoConnection)?;
    let response = net::send(client.get(url.clone())).await.map_err(|error| trouble(&error))?;
    match response.status().as_u16() {
        200..300 => {}
        404 | 410 => return Err(PageTrouble::Gone),
        407 => return Err(PageTrouble::Proxy),
        status => return Err(PageTrouble::Refused { status }),
    }
    let largest = usize::try_from(LARGEST_DOCUMENT).unwrap_or(usize::MAX);
    match net::read_capped(response, largest).await {
        Ok(bytes) if bytes.is_empty() => Err(PageTrouble::Empty),
        read => read.map_err(|error| trouble(&error)),
    }
}

fn trouble(error: &NetError) -> PageTrouble {
    match error {
        NetError::Failed(error) if error.is_connect() => PageTrouble::NoConnection,
        NetError::Failed(_) => PageTrouble::NoAnswer,
        NetError::Redirect { .. } => PageTrouble::Moved,
        NetError::ProxyRefuses => PageTrouble::Proxy,
        NetError::TooLarge(_) => PageTrouble::TooLarge { most: LARGEST_DOCUMENT / 1024 / 1024 },
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};

    use super::*;

    /// SHA-256 of `abc`: the first example of FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn documents(places: Vec<(&str, config::Place)>) -> ConsentDocuments {
        let documents = places.into_iter().map(|(lang, place)| (lang.to_owned(), place)).collect();
        let consent = config::Consent { version: "2026-12".into(), documents, policy_url: None };
        ConsentDocuments::new(&consent, Url::parse("https://dealer.ru/policy").ok().as_ref(), 7)
    }

    fn file(name: &str) -> config::Place {
        config::Place::File { name: name.into(), content: b"abc".as_slice().into() }
    }

    #[test]
    fn everybody_is_asked_in_their_language_with_the_document_in_theirs_or_the_first() {
        let page = config::Place::Page(Url::parse("https://dealer.ru/consent").expect("an address"));
        let ours = documents(vec![("ru", file("consent.pdf")), ("en", page)]);
        let russian = ours.question(Lang::ru());
        assert_eq!((russian.sha256.as_deref(), russian.read_at), (Some(ABC), Some(7)));
        assert_eq!((russian.document.as_str(), russian.shown_in, russian.page()), ("consent.pdf", 1, None));
        assert_eq!(russian.policy.as_deref(), Some("https://dealer.ru/policy"));
        let english = ours.question(Lang::en());
        assert_eq!((english.sha256.as_deref(), english.page()), (None, Some("https://dealer.ru/consent")));
        assert!(english.lang == "en" && english.text != russian.text && english.button.contains("consent"));
        let one = documents(vec![("uz", file("consent.md"))]);
        let other = one.question(Lang::en());
        assert_eq!((other.lang.as_str(), other.document_lang.as_str()), ("en", "uz"));
        assert_eq!(one.shown()[0].parts[..], ["abc"]);
    }

    #[tokio::test]
    async fn a_page_is_what_it_answers_whole_and_at_once() {
        let large = usize::try_from(LARGEST_DOCUMENT).expect("a size") + 1;
        let app = Router::new()
            .route("/consent", get(|| async { "abc" }))
            .route("/moved", get(|| async { (StatusCode::FOUND, [("location", "/consent")]) }))
            .route("/closed", get(|| async { StatusCode::FORBIDDEN }))
            .route("/empty", get(|| async { "" }))
            .route("/large", get(move || async move { "x".repeat(large) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        let fetched = async |path: &str| {
            let url = Url::parse(&format!("http://{addr}{path}")).expect("an address");
            fetch(&url).await.map(|bytes| sha256(&bytes))
        };
        assert_eq!(fetched("/consent").await.as_deref(), Ok(ABC));
        let faults = [
            ("/gone", PageTrouble::Gone),
            ("/moved", PageTrouble::Moved),
            ("/closed", PageTrouble::Refused { status: 403 }),
            ("/empty", PageTrouble::Empty),
            ("/large", PageTrouble::TooLarge { most: 5 }),
        ];
        for (path, why) in faults {
            assert_eq!(fetched(path).await, Err(why), "{path}");
        }
        let nobody = Url::parse("http://127.0.0.1:1/consent").expect("an address");
        assert_eq!(fetch(&nobody).await, Err(PageTrouble::NoConnection));
    }
}
