//! What a buyer says after a request was sent, outside of any form: it belongs to that request, and reaches a person.
//!
//! Everything that is written, said or shown does, but for what begins a new request: words that ask for one, a link (also
//! in a forwarded post, or under a photo), a wish for a car, a phone with a sum. A bare phone, name, sum or make is about
//! the request that is there.
//! The buyer is told so once an hour; what is asked about the request itself is answered besides.

use std::time::Duration;

use ulid::Ulid;

use crate::{
    clock::Millis,
    lead::{BuyerFile, LeadNumber, Region, Said, Speech, Taken, shown_file, shown_file_of},
    notice::{MyState, Say},
};

use super::{
    conversation::{Conversation, Outcome, Told, World},
    draft::Step,
    input::Input,
    opening::answers,
    own_request::asks_to_correct,
    typed::Typed,
    words::words_cut_at_apostrophes,
};

/// The buyer is told once in so long what becomes of it.
pub const QUIET: Duration = Duration::from_secs(60 * 60);

/// More messages to one request within a day are not kept.
const MOST_A_DAY: usize = 200;

/// More files of one request are not kept: those of its form are among them.
const MOST_FILES: usize = 100;

/// Longer texts say more than where the request is asked to be.
const LONGEST_QUESTION: usize = 120;

/// A request that was sent within the last 30 days, and that nobody has taken back or given up.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRequest {
    /// Our id of its lead.
    pub lead_id: Ulid,
    /// Its number.
    pub number: LeadNumber,
    /// The contact's name.
    pub name: String,
    /// It is not with the managers yet, or nothing gets to them just now.
    pub waits: bool,
    /// It is on its way itself.
    pub is_on_its_way: bool,
    /// Its buyer has taken it back: what answers a form begins another one.
    pub is_taken_back: bool,
    /// How many files it has; `None` where no more can be added to it.
    pub files: Option<usize>,
    /// How many messages were kept within the last day.
    pub kept_today: usize,
    /// How long the buyer is told nothing more once told.
    pub quiet: Millis,
    /// The message that is edited was kept with it, with words of this fingerprint.
    pub known: Option<String>,
}

/// What comes with a message beside the dialogue's input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// What is shown in it that is no file: a sticker, a place, a contact.
    pub shown: Option<String>,
    /// The message as it is now that it was edited.
    pub edited: Option<Input>,
}

/// What something that is said after a request leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct PassedOn {
    /// The conversation, and what is answered.
    pub outcome: Outcome,
    /// What is kept; `None` where that is too much, or nothing new.
    pub speech: Option<Speech>,
    /// The file that is kept with the request, at its next position.
    pub file: Option<BuyerFile>,
}

/// Takes what is said after a request; `None` for what the dialogue answers.
pub fn pass_on(
    conversation: &Conversation,
    input: &Input,
    beside: &Beside,
    request: &OpenRequest,
    world: &World,
) -> Option<PassedOn> {
    let is_edit = *input == Input::Edited;
    // Whatever is asked now, a message that was kept is kept as it is meant.
    if !is_outside(conversation, input) && request.known.is_none() {
        return None;
    }
    let said = if is_edit { beside.edited.as_ref()? } else { input };
    if !is_edit && (begins_another(said, world) || request.is_taken_back && opens_a_form(said, world.region)) {
        return None;
    }
    let mut conversation = conversation.clone();
    if !is_edit {
        conversation.see(input, world);
    }
    let quiet = |conversation| {
        let outcome = Outcome { conversation, replies: Vec::new(), lead: None };
        Some(PassedOn { outcome, speech: None, file: None })
    };
    let (words, file) = match is_edit {
        // A file stays the one it was; of a place that moves every move is an edit.
        true => match words_of(said) {
            Some(words) if request.known.as_deref() != Some(fingerprint(&words).as_str()) => (words, None),
            _ => return quiet(conversation),
        },
        false => said_or_shown(said, beside, request)?,
    };
    let question = asks_where_it_is(said).then(|| match (request.is_taken_back, request.is_on_its_way) {
        (true, _) => Say::RequestIsFixed { number: request.number.clone(), state: MyState::TakenBack },
        (false, true) => Say::SentNotThereYet { number: request.number.clone() },
        (false, false) => Say::AlreadySent { number: request.number.clone() },
    });
    // Whoever wants something corrected is told each time what becomes of it.
    let is_awaited = conversation.correcting.is_some();
    let is_correction = matches!(said, Input::Text { text, .. }
        if asks_to_correct(text, world.region).is_some()
            || is_awaited && Said::read(text, &[], world.region).answers_something());
    let full = request.kept_today >= MOST_A_DAY;
    let is_told = conversation.told.as_ref().is_some_and(|told| {
        let ago = (world.now - told.at).num_milliseconds();
        told.full == full && !is_correction && (0..request.quiet).contains(&ago)
    });
    let number = request.number.clone();
    let says = match (question, full, is_told) {
        (Some(answer), false, _) => Some(answer),
        (_, _, true) => None,
        (_, true, _) => Some(Say::TooMuchSaid { number }),
        _ => Some(Say::PassedOn { number, waits: request.waits }),
    };
    let is_idle = conversation.step == Step::Idle;
    if says.is_some() && is_idle {
        conversation.told = Some(Told { at: world.now, full });
    }
    let replies = says.filter(|_| is_idle).map(|say| vec![say]).into_iter().collect();
    let speech = match is_edit {
        true => Speech::Corrected(words),
        false => Speech::Said(words),
    };
    Some(PassedOn {
        outcome: Outcome { conversation, replies, lead: None },
        speech: (!full).then_some(speech),
        file: file.filter(|_| !full),
    })
}

/// Whether a message begins a request of its own.
fn begins_another(input: &Input, world: &World) -> bool {
    let region = world.region;
    match input {
        Input::Text { text, links } => {
            let said = Said::read(text, links, region);
            let wants = said.words(Taken::default()).is_some_and(|words| words.wants_another_car());
            let asks = || world.typed(text) == Some(Typed::Another);
            said.link().is_some() || said.phone().is_some() && said.money().is_some() || wants || asks()
        }
        Input::Forwarded { text, links } => Said::read(text, links, region).link().is_some(),
        Input::Media { .. } => input.has_link(),
        _ => false,
    }
}

/// Whether a message would open a form where no request is there.
fn opens_a_form(input: &Input, region: Region) -> bool {
    match input {
        Input::Text { text, links } => answers(&Said::read(text, links, region)),
        Input::Contact { .. } => true,
        _ => false,
    }
}

/// Whether something is said outside of any form: also a file while an answer of a request is corrected, which it cannot be.
pub fn is_outside(conversation: &Conversation, input: &Input) -> bool {
    let is_file = matches!(input, Input::Media { file: Some(_), .. });
    conversation.is_at_rest() || conversation.step == Step::Idle && is_file
}

/// Whether a message is one that people write, say or show.
pub fn is_said(input: &Input) -> bool {
    matches!(input, Input::Text { .. } | Input::Forwarded { .. } | Input::Contact { .. } | Input::Media { .. })
}

/// What a message says, with its file; `None` for what is no message.
fn said_or_shown(input: &Input, beside: &Beside, request: &OpenRequest) -> Option<(String, Option<BuyerFile>)> {
    if !is_said(input) {
        return None;
    }
    let Input::Media { caption, links, file: Some(file), .. } = input else {
        let words = words_of(input).filter(|_| beside.shown.is_none() || matches!(input, Input::Media { .. }));
        let parts = beside.shown.iter().cloned().chain(words);
        return Some((parts.collect::<Vec<_>>().join(": "), None));
    };
    let caption = with_links(caption.as_deref().unwrap_or_default(), links);
    let caption = Some(caption.as_str());
    Some(match request.files.filter(|files| *files < MOST_FILES) {
        Some(files) => (shown_file_of(&request.number, file, files + 1, caption), Some(file.clone())),
        None => (shown_file(file.kind, None, caption), None),
    })
}

/// The words of a message alone.
fn words_of(input: &Input) -> Option<String> {
    match input {
        Input::Text { text, links } => Some(with_links(text, links)),
        Input::Forwarded { text, links } => Some(format!("(переслано) {}", with_links(text, links))),
        Input::Contact { phone, .. } => Some(format!("Контакт: {phone}")),
        Input::Media { caption, links, .. } => {
            Some(with_links(caption.as_deref().unwrap_or_default(), links)).filter(|words| !words.is_empty())
        }
        _ => None,
    }
}

/// Words with the addresses behind them.
fn with_links(text: &str, links: &[String]) -> String {
    let hidden = links.iter().filter(|link| !text.contains(link.trim_end_matches('/')));
    let parts = [text.trim().to_owned()].into_iter().chain(hidden.cloned());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// By which the words of a message are compared.
pub fn fingerprint_of(input: &Input) -> String {
    fingerprint(&words_of(input).unwrap_or_default())
}

fn fingerprint(words: &str) -> String {
    use sha2::{Digest, Sha256};
    format!("{:.16x}", Sha256::digest(words.trim()))
}

/// Whether it is asked where the request is: `где моя заявка?`, `какой статус?`, `is my request there?`.
fn asks_where_it_is(input: &Input) -> bool {
    const WHERE: &[&str] =
        &["где", "статус", "дошла", "дошло", "получили", "пришла", "where", "status", "received", "qayerda", "holati"];
    const WHAT: &[&str] =
        &["заявка", "заявки", "заявку", "заявке", "заявкой", "request", "application", "arizam", "ariza"];
    let Input::Text { text, .. } = input else { return false };
    if text.chars().count() > LONGEST_QUESTION {
        return false;
    }
    let lower = text.to_lowercase();
    let words = words_cut_at_apostrophes(text);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let about =
        lower.contains("что с заявкой") || lower.contains("что с моей заявкой") || lower.contains("как там заявка");
    about || has(WHERE) && has(WHAT) || words.len() <= 3 && has(&["статус", "status", "holati"])
}

#[cfg(test)]
#[path = "tests/later.rs"]
mod tests;
