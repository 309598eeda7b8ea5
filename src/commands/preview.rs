//! Plays the form in the terminal: the dialogue and the texts of the bot, and no network at all.

use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};

use chrono::Utc;
use chrono_tz::Tz;

use crate::{
    config::{AmocrmSettings, Environment, StatusTexts},
    consent::ConsentDocuments,
    crm::amocrm::{Preview, preview},
    form::{Asking, ConsentRule, Conversation, Form, GivenConsent, Input, Press, World, turn},
    lead::{Buyer, ChatRef, Lead, Region, Sources},
    notice::{Button, Notice, Say},
    telegram::input::command_with,
    wording::{Key, Lang, Markup, Rendered, Wording, render_notice, render_reply},
};

use super::{
    CommandError,
    output::{flush, out, outln},
    settings,
};

/// Who plays the buyer.
const USER_ID: i64 = 1;
const PHONE: &str = "+79991234567";

/// What can be chosen by its number.
enum Choice {
    Press(Press),
    Types(String),
    SharesContact,
    Opens,
}

/// What the form is played with.
pub struct Scene {
    /// What is asked.
    form: Form,
    /// What the codes of links stand for.
    sources: Sources,
    /// The dealer's clock.
    time_zone: Tz,
    /// Spelling of phone numbers without a country code.
    region: Region,
    /// Asked to be accepted first.
    privacy_policy_url: Option<url::Url>,
    /// Asked to be consented to in its place.
    consent: Option<ConsentDocuments>,
    /// Where the lead would go.
    amocrm: AmocrmSettings,
}

/// Plays until the input ends.
pub fn run(scene: &Scene, lang: Option<&str>) -> Result<ExitCode, CommandError> {
    let mut lang = match lang {
        None => Lang::default(),
        Some(code) => Lang::spoken(code).ok_or_else(|| {
            let spoken: Vec<_> = Lang::all().iter().map(|lang| lang.code()).collect();
            CommandError::Failed(format!("\"{code}\" is not spoken here; there are {}", spoken.join(", ")))
        })?,
    };
    let wording = scene.wording();
    let is_shown = io::stdin().is_terminal();
    outln!("The form as buyers see it. Type a number in brackets to press that button, anything else to say it");
    outln!("(a number that is meant as an answer: \"2\" in quotes); the end of input (Ctrl-D) ends it.");
    outln!(
        "Nothing is sent and nothing is kept: /my, corrections, withdrawing and deletion can be tried with a running bot only."
    );
    let mut conversation = Conversation::idle(None);
    let mut given = None;
    let mut choices = Vec::new();
    let mut said = "/start".to_owned();
    let mut lines = io::stdin().lock().lines();
    outln!("\n> {said}");
    loop {
        let input = read(&said, &choices);
        if let Input::Press(Press::Language(code)) = &input {
            lang = Lang::spoken(code).unwrap_or(lang);
        }
        let outcome = turn(conversation, input, &scene.world(&wording, lang, given.clone()));
        conversation = outcome.conversation;
        if let Some(draft) = &mut conversation.draft {
            draft.pressed_consent = None;
            let consent = draft.consent_at.zip(draft.consent.clone());
            given = consent.map(|(at, proof)| GivenConsent { at, proof }).or(given);
        }
        for reply in &outcome.replies {
            show(&render_reply(reply, lang, &wording), &mut choices);
            if let [Say::ConsentDocument { lang, .. }] = &reply[..]
                && let Some(document) = wording.consent_document(lang).filter(|document| document.parts.is_empty())
            {
                outln!("  (the file {}, {} bytes)", document.name, document.content.len());
            }
        }
        if let Some(lead) = &outcome.lead {
            let accepted = Notice::Accepted { number: lead.number.clone() };
            show(&render_notice(&accepted, lang, &wording), &mut choices);
            scene.show_lead(lead);
        }
        out!("\n> ");
        flush();
        said = match lines.find(|line| !matches!(line, Ok(line) if line.trim().is_empty())) {
            Some(Ok(line)) => line.trim().to_owned(),
            Some(Err(error)) => return Err(CommandError::Failed(format!("the input cannot be read: {error}"))),
            None => break,
        };
        if !is_shown {
            outln!("{said}");
        }
    }
    outln!();
    Ok(ExitCode::SUCCESS)
}

/// What a line means: one of the choices, a command, or words.
fn read(said: &str, choices: &[Choice]) -> Input {
    let words = |text: &str| Input::Text { text: text.to_owned(), links: Vec::new() };
    if let Some(command) = said.strip_prefix('/') {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (name, behind) = words.split_first().map_or(("", [].as_slice()), |(name, behind)| (*name, behind));
        return command_with(name, behind).unwrap_or(Input::UnknownCommand);
    }
    if let Some(text) = said.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return words(text);
    }
    let number = said.trim_start_matches('[').trim_end_matches(']').parse::<usize>().ok();
    match number.and_then(|number| choices.get(number.checked_sub(1)?)) {
        Some(Choice::Press(press)) => Input::Press(press.clone()),
        Some(Choice::Types(text)) => words(text),
        Some(Choice::SharesContact) => Input::Contact { phone: PHONE.to_owned(), own: true },
        Some(Choice::Opens) | None => words(said),
    }
}

/// Prints a message; its buttons can be pressed from now on, and those of the message before no longer.
fn show(message: &Rendered, choices: &mut Vec<Choice>) {
    outln!();
    message.text.lines().for_each(|line| outln!("  {line}"));
    let mut labels = Vec::new();
    let mut rows = Vec::new();
    match &message.markup {
        Some(Markup::Buttons(buttons)) => {
            for row in buttons {
                rows.push(row.len());
                for button in row {
                    labels.push(match button {
                        Button::Press { text, data, .. } => match Press::parse(data) {
                            Some(press) => (text.clone(), Choice::Press(press)),
                            None => (text.clone(), Choice::Opens),
                        },
                        Button::Open { text, url } => (format!("{text}: {url}"), Choice::Opens),
                        Button::Copy { text, .. } => (text.clone(), Choice::Opens),
                    });
                }
            }
        }
        Some(Markup::Keys(keys)) => {
            for row in keys {
                rows.push(row.len());
                for key in row {
                    labels.push(match key {
                        Key::Type(text) => (text.clone(), Choice::Types(text.clone())),
                        Key::ShareContact(text) => (format!("{text} ({PHONE})"), Choice::SharesContact),
                    });
                }
            }
        }
        Some(Markup::RemoveKeys) | None => {}
    }
    choices.clear();
    let mut labels = labels.into_iter();
    for row in rows {
        let in_row: Vec<String> = labels
            .by_ref()
            .take(row)
            .map(|(label, choice)| {
                choices.push(choice);
                format!("[{}] {label}", choices.len())
            })
            .collect();
        outln!("  {}", in_row.join("   "));
    }
}

impl Scene {
    /// Reads it from the settings; what is there for Telegram and amoCRM alone may be missing.
    ///
    /// # Errors
    /// What is wrong with the rest.
    pub fn read(settings: &Environment<'_>) -> Result<Self, CommandError> {
        let ((region, privacy_policy_url, amocrm, dealer), _) = settings
            .read(|reader| (reader.phone_region(), reader.privacy_policy_url(), reader.amocrm(), reader.dealer()))
            .map_err(CommandError::Config)?;
        let amocrm = match amocrm {
            Some(amocrm) => amocrm,
            None => {
                let anywhere = Environment::of(|name| match name {
                    "AMOCRM_SUBDOMAIN" => Some("example".to_owned()),
                    name => std::env::var(name).ok(),
                });
                settings::account(anywhere.read(|reader| reader.amocrm()).map_err(CommandError::Config)?.0)?
            }
        };
        let consent = dealer.consent.as_ref();
        let consent = consent
            .map(|consent| ConsentDocuments::new(consent, privacy_policy_url.as_ref(), Utc::now().timestamp_millis()));
        let (form, sources, time_zone) = (dealer.form, dealer.sources, dealer.time_zone);
        Ok(Self { form, sources, time_zone, region, privacy_policy_url, consent, amocrm })
    }

    fn wording(&self) -> Wording {
        Wording {
            privacy_policy_url: self.privacy_policy_url.clone(),
            consent_documents: self.consent.iter().flat_map(ConsentDocuments::shown).collect(),
            form: self.form.clone(),
            sources: self.sources.clone(),
            statuses: StatusTexts::default(),
            time_zone: self.time_zone,
            bot_username: "bot".to_owned(),
            ..Wording::default()
        }
    }

    fn world(&self, wording: &Wording, lang: Lang, given: Option<GivenConsent>) -> World {
        let now = Utc::now();
        let consent = match &self.consent {
            Some(documents) => {
                let asking = Asking { question: documents.question(lang), given, pressed_text: None };
                ConsentRule::Document(Box::new(asking))
            }
            None if self.privacy_policy_url.is_some() => ConsentRule::Policy,
            None => ConsentRule::Nothing,
        };
        World {
            now,
            utc_offset: wording.utc_offset(now),
            sent_at: None,
            message: None,
            has_buttons: true,
            region: self.region,
            consent,
            buyer: Buyer::new(USER_ID, Some(ChatRef::telegram(USER_ID)), None, None),
            first_name: None,
            last_request: None,
            form: wording.form.clone(),
            sources: wording.sources.clone(),
            words: Lang::all_words,
            request: None,
            keys: Lang::typed_by_key,
        }
    }

    /// What amoCRM would get.
    fn show_lead(&self, lead: &Lead) {
        let Preview { title, price, contact, fields, notes } = preview(lead, &self.amocrm);
        outln!("\n  --- The lead in amoCRM ---");
        outln!("  Title:   {title}");
        outln!("  Price:   {price}");
        outln!("  Contact: {contact}");
        for (field, value) in fields {
            outln!("  Field {field}: {value}");
        }
        for note in notes {
            outln!("  Note:");
            note.lines().for_each(|line| outln!("    {line}"));
        }
    }
}
