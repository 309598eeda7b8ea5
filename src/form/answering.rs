//! Answers, each taken at the question it was given to.

mod car;
mod money;
mod name;

use self::{car::take_car, money::take_amount, name::take_name};
use super::{
    anew::{Anew, said_anew, stays_as_it_was},
    asking::{asked, go_on, offered, stay},
    conversation::{Conversation, Outcome, World},
    draft::{Answer, Step},
    no_answer::{means_nothing, says_nothing},
    noted::Noted,
    opening::{held, opened},
    questions::{Kind, Question},
    refusing::{asks_why_phone, choice_typed, day_typed, number_typed},
    said::managers,
    taking::{in_words, not_taken, note, skip, take, take_noting},
};
use crate::{
    lead::{Budget, Phone, PhoneError, Quantity, Said, Taken, Wish, one_line},
    notice::Say,
};

/// What came where an answer is expected.
pub(super) enum Reply {
    Text {
        text: String,
        links: Vec<String>,
        /// What somebody else has written: its name, phone and sum are not the buyer's.
        forwarded: bool,
    },
    Contact {
        phone: String,
        own: bool,
    },
}

pub(super) fn answered(conversation: Conversation, reply: Reply, world: &World) -> Outcome {
    let said = match &reply {
        Reply::Text { text, links, forwarded } => {
            let said = Said::read(text, links, world.region);
            if *forwarded { said.of_somebody_else() } else { said }
        }
        Reply::Contact { .. } => Said::default(),
    };
    if let Reply::Text { text, forwarded: false, .. } = &reply
        && let Some(anew) = said_anew(&conversation, text, &said, world)
    {
        return take_anew(conversation, anew, world);
    }
    let Some(question) = asked(&conversation, world).copied() else {
        return match conversation.step {
            Step::Idle => opened(conversation, &said, world),
            Step::Consent => held(conversation, &said, vec![Say::ConsentFirst], world),
            Step::Confirm => at_card(conversation, &said, world),
            Step::Ask(_) => go_on(conversation, world, Vec::new()),
        };
    };
    match (question.kind, reply) {
        (Kind::Phone, Reply::Text { text, .. }) => {
            if let Some(phone) = same_phone(&conversation, &text, world) {
                return take_phone(conversation, &question, Ok(phone), Noted::default(), world);
            }
            let phone = said.phone().cloned();
            if phone.is_none()
                && let Some(wish) = asks_why_phone(&text)
            {
                let noted = Noted::beside(&conversation, &said, Taken::default(), Some(&question), world);
                return note(conversation, noted.with_wish(wish), vec![Say::WhyPhone], world);
            }
            let taken = Taken { phone: phone.is_some(), ..Taken::default() };
            let noted = Noted::beside(&conversation, &said, taken, Some(&question), world);
            // Where nothing else is said, the note has the answer as it was typed.
            let is_more = said.link().is_some() || said.words(taken).is_some();
            let parsed = match phone.filter(|_| is_more) {
                Some(phone) => Ok(phone),
                None => Phone::parse(&text, world.region),
            };
            take_phone(conversation, &question, parsed, noted, world)
        }
        (Kind::Phone, Reply::Contact { phone, own }) => {
            let parsed = Phone::shared(&phone, own, world.region);
            take_phone(conversation, &question, parsed, Noted::default(), world)
        }
        (_, Reply::Contact { .. }) => stay(conversation, vec![Say::ContactNotNow], world),
        (Kind::Name, Reply::Text { text, .. }) => take_name(conversation, &question, &text, &said, world),
        (Kind::Money, Reply::Text { text, .. }) => take_amount(conversation, &question, &text, &said, world),
        (Kind::Link, Reply::Text { text, links, .. }) => take_car(conversation, &question, &text, &links, &said, world),
        (Kind::Text, Reply::Text { text, .. }) => match in_words(&text) {
            // `-` is what people write who have nothing to say.
            Ok(_) if text.chars().all(|c| c.is_whitespace() || c.is_ascii_punctuation() || "…—–".contains(c)) => {
                pass(conversation, &question, world)
            }
            Ok(answer) => take(conversation, &question, answer, Vec::new(), world),
            Err(why) => stay(conversation, vec![*why], world),
        },
        (Kind::Number, Reply::Text { text, .. }) => number_typed(conversation, &question, (&text, &said), world),
        (Kind::Choice, Reply::Text { text, .. }) => choice_typed(conversation, &question, (&text, &said), world),
        (Kind::Date, Reply::Text { text, .. }) => day_typed(conversation, &question, (&text, &said), world),
        (Kind::Files, Reply::Text { text, .. }) => {
            not_taken(conversation, &question, (&text, &said), Say::FilesNotYet, world)
        }
    }
}

/// Answers that were given before are others now; what else was said is taken as if it stood alone.
fn take_anew(mut conversation: Conversation, anew: Anew, world: &World) -> Outcome {
    let (changes, changed, rest) = match anew {
        // It is asked once more, and leads back to where the form was.
        Anew::Wrong { key, why } => {
            conversation.changing |= conversation.step == Step::Confirm;
            conversation.step = Step::Ask(key);
            return stay(conversation, why.into_iter().collect(), world);
        }
        Anew::Same => return stay(conversation, Vec::new(), world),
        Anew::Changed { changes, conversation, rest } => (changes, *conversation, rest),
    };
    let (step, draft) = (changed.step, changed.draft.clone());
    if step == Step::Consent {
        return held(changed, &Said::default(), world.consent.held().into_iter().collect(), world);
    }
    let is_changed = |key: &str| changes.iter().any(|change| change.key == key);
    let rest = rest.filter(|rest| {
        let said = Said::read(rest, &[], world.region);
        // What is said of an answer that was just changed was said by that.
        !matches!(said_anew(&changed, rest, &said, world), Some(Anew::Wrong { key, .. }) if is_changed(key))
    });
    let told = Say::AnswersChanged { changes };
    let Some(rest) = rest else { return stay(changed, vec![told], world) };
    let words = Said::read(&rest, &[], world.region).words(Taken::default()).filter(is_for_the_manager);
    let mut outcome = answered(changed.clone(), Reply::Text { text: rest, links: Vec::new(), forwarded: false }, world);
    let is_taken = outcome.conversation.step != step || outcome.conversation.draft != draft;
    if !is_taken {
        let noted = Noted::default().with_wish(words);
        let mut outcome = note(changed, noted, Vec::new(), world);
        if let Some(first) = outcome.replies.first_mut() {
            first.insert(0, told);
        }
        return outcome;
    }
    match outcome.replies.last_mut() {
        Some(last) => last.insert(0, told),
        None => outcome.replies.push(vec![told]),
    }
    outcome
}

/// The phone that is offered, where its key was pressed or the text asks for it.
fn same_phone(conversation: &Conversation, text: &str, world: &World) -> Option<Phone> {
    const WORDS: [&str; 7] =
        ["тот же номер", "тот же", "тот же самый", "прежний", "прежний номер", "same number", "the same number"];
    let Some((_, Answer::Phone(phone))) = offered(conversation, world) else { return None };
    let plain = one_line(text, 200).to_lowercase();
    let is_same = plain.ends_with(&Phone::masked(phone.e164())) || WORDS.contains(&plain.trim_end_matches(['.', '!']));
    is_same.then_some(phone)
}

/// What is still said when all is answered: a link, words about the car.
fn at_card(conversation: Conversation, said: &Said, world: &World) -> Outcome {
    let noted = Noted::beside(&conversation, said, Taken::default(), None, world);
    if noted.is_empty() {
        // Nothing else is asked, so whatever says something is for the manager.
        let noted = noted.with_wish(said.words(Taken::default()).filter(is_for_the_manager));
        return note(conversation, noted, vec![Say::UseButtons], world);
    }
    let stays = stays_as_it_was(&conversation, said, world);
    note(conversation, noted, stays.into_iter().collect(), world)
}

/// Whether words that answer nothing say something to a person.
fn is_for_the_manager(words: &Wish) -> bool {
    words.says_something() && !says_nothing(words.as_str()) && !means_nothing(words.as_str())
}

/// What stands under a photo, or behind it: words and links of an advertisement.
pub(super) fn captioned(conversation: Conversation, caption: &str, links: &[String], world: &World) -> Outcome {
    let said = Said::read(caption, links, world.region).of_somebody_else();
    if asked(&conversation, world).is_some_and(|question| question.kind == Kind::Files) && caption.is_empty() {
        return stay(conversation, vec![Say::FilesNotYet], world);
    }
    let is_for_manager = said.link().is_some() || said.words(Taken::default()).is_some_and(|words| words.names_a_car());
    if !is_for_manager {
        return stay(conversation, vec![Say::OnlyText], world);
    }
    match asked(&conversation, world).copied() {
        Some(question) if question.kind == Kind::Link => {
            take_car(conversation, &question, caption, links, &said, world)
        }
        Some(question) => {
            let noted = Noted::beside(&conversation, &said, Taken::default(), Some(&question), world);
            note(conversation, noted, Vec::new(), world)
        }
        None => match conversation.step {
            Step::Idle => opened(conversation, &said, world),
            Step::Consent => held(conversation, &said, Vec::new(), world),
            _ => at_card(conversation, &said, world),
        },
    }
}

pub(super) fn take_phone(
    conversation: Conversation,
    question: &Question,
    parsed: Result<Phone, PhoneError>,
    noted: Noted,
    world: &World,
) -> Outcome {
    match parsed {
        Ok(phone) => {
            let taken = vec![Say::PhoneTaken { phone: phone.e164().to_owned() }];
            let mut outcome = take_noting(conversation, question, Answer::Phone(phone), noted, world);
            outcome.replies.insert(0, taken);
            outcome
        }
        Err(PhoneError::NoNumber) => note(conversation, noted, vec![Say::NoPhoneFound], world),
        Err(PhoneError::Invalid) => note(conversation, noted, vec![Say::PhoneInvalid], world),
    }
}

/// Passes over a question that need not be answered; files are also passed over by "that was all".
pub(super) fn pass(conversation: Conversation, question: &Question, world: &World) -> Outcome {
    let has_files =
        question.kind == Kind::Files && conversation.draft.as_ref().is_some_and(|draft| !draft.files.is_empty());
    match (question.optional || has_files, question.kind) {
        (true, _) => skip(conversation, question, world),
        (false, Kind::Files) => stay(conversation, vec![Say::FilesNeeded], world),
        (false, _) => stay(conversation, vec![Say::CannotSkip], world),
    }
}

/// Takes what was pressed: a choice, or words as if they had been typed; a button of another form may offer what is not
/// there any more.
pub(super) fn take_choice(conversation: Conversation, question: &Question, at: usize, world: &World) -> Outcome {
    let answer = question.choices.get(at).and_then(|choice| match question.kind {
        Kind::Choice => Some(Answer::Choice(at)),
        Kind::Money => Budget::parse(&managers(choice, world.words)).map(Answer::Money),
        Kind::Number => Quantity::parse(&managers(choice, world.words)).map(Answer::Number),
        Kind::Text => Some(Answer::Text(managers(choice, world.words))),
        Kind::Name | Kind::Phone | Kind::Link | Kind::Date | Kind::Files => None,
    });
    match answer {
        Some(answer) => take(conversation, question, answer, Vec::new(), world),
        None => stay(conversation, vec![Say::OldButton], world),
    }
}
