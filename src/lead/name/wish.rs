//! Tells a name from what people say instead of it: a greeting, a wish, an answer to some other question.
//!
//! A name that is asked again costs a message, a wish that passes as a name stands in front of the manager: so what reads
//! as a sentence about a car is none, and whatever else has a letter is one.

mod no_names;
mod words;

use no_names::{NO_ANSWERS, NO_NAME_FOLLOWS, OF_ONESELF, RUDE, SAID_OF_ONESELF, VERB_ENDINGS};
pub(in super::super) use words::WISH_WORDS;
use words::{ANOTHER, COMPANY_FORMS, DESIRES, NAMESAKES, QUESTIONS};

use super::{
    cars::{MAKES, MODELS, is_model_code},
    greeting::{greeting_length, is_apart, without_courtesies},
    spelling::{has_name_case, holds, is_letters, longest_beginning, words},
};

/// Whether words say that something is wanted.
pub(in super::super) fn is_desire(text: &str) -> bool {
    holds(text, DESIRES)
}

/// Whether a text asks something.
pub(in super::super) fn asks(text: &str) -> bool {
    holds(text, QUESTIONS)
}

/// Whether a text speaks of one more car, or of buying.
pub(in super::super) fn is_another(text: &str) -> bool {
    holds(text, ANOTHER)
}

/// Whether a text is an answer to something else than the name: `да`, `хорошо`, `это я`.
pub(in super::super) fn is_no_answer(text: &str) -> bool {
    [text, without_courtesies(text)].iter().any(|text| NO_ANSWERS.contains(&words(text).as_str()))
}

/// Whether a text says what its writer is, does or wants rather than what they are called: `я из Омска`, `я подумаю`,
/// `I'm ready`, or is rude.
pub(in super::super) fn is_speech(text: &str) -> bool {
    if holds(text, RUDE) {
        return true;
    }
    // `Я. Ким` is an initial.
    let is_initial = text.starts_with("Я.") || text.starts_with("I.");
    let Some(length) = longest_beginning(text, SAID_OF_ONESELF).filter(|_| !is_initial) else { return false };
    let said = text[length..].trim();
    let words = words(said);
    let first = words.split(' ').next().unwrap_or_default();
    let begins = OF_ONESELF.iter().any(|begin| first.starts_with(begin));
    // Whoever writes it as a name may be called so.
    if has_name_case(said) {
        return begins
            && !words.contains(' ')
            && (first.starts_with("соглас") || first.starts_with("женщин") || first.starts_with("мужчин"));
    }
    let is_verb = first.chars().count() > 4 && VERB_ENDINGS.iter().any(|end| first.ends_with(end));
    begins || NO_NAME_FOLLOWS.contains(&first) || is_verb && said.starts_with(char::is_lowercase)
}

/// Whether a text can be nothing but a name: one to four words of letters, none of them a wish's.
pub(in super::super) fn is_plain_name(text: &str) -> bool {
    is_letters(text) && !is_wish(text)
}

/// Whether a text names what its writer is looking for: a wish's words, a make or a model.
pub(in super::super) fn names_a_wish(text: &str) -> bool {
    holds(text, WISH_WORDS)
        || holds(text, MAKES)
        || longest_beginning(text, MODELS).is_some()
        || is_model_code(&words(text))
}

/// A greeting with more behind it; `Привет Иванович` may be a name, `Привет, Иванович` and `привет всем` greet.
fn greets_in_front(text: &str) -> bool {
    greeting_length(text).is_some_and(|length| {
        let rest = &text[length..];
        is_apart(rest) || !(has_name_case(rest.trim_start()) && is_plain_name(rest.trim_start()))
    })
}

/// Whether a text says what its writer wants rather than what they are called.
pub(in super::super) fn is_wish(text: &str) -> bool {
    let words = words(text);
    let first = words.split(' ').next().unwrap_or_default();
    let has_digit = text.chars().any(|c| c.is_ascii_digit());
    let says_name_inside = words.split(' ').count() > 3
        && ["меня зовут ", "my name is "].into_iter().any(|introduction| words.contains(introduction));
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_sum = text.starts_with(|c: char| c.is_ascii_digit() || "$€₽₩¥~".contains(c)) && letters < 4;
    is_command(text)
        || holds(text, WISH_WORDS) && !is_namesake(text) && !is_company(text)
        || is_no_answer(text)
        || longest_beginning(text, MODELS).is_some()
        || is_model_code(&words)
        || says_name_inside
        || greets_in_front(text)
        || text.contains(['?', '@', '？'])
        || MAKES.contains(&first) && !is_company(text)
        || has_digit && holds(text, MAKES)
        || is_sum
}

/// `Машина Ольга`, `Нам Ким`: names of two or three words, one of which could be of a wish.
fn is_namesake(text: &str) -> bool {
    let words = words(text);
    let words: Vec<&str> = words.split(' ').collect();
    let of_wish: Vec<&&str> = words.iter().filter(|word| WISH_WORDS.contains(word) || MAKES.contains(word)).collect();
    (2..=3).contains(&words.len())
        && is_letters(text)
        && has_name_case(text)
        && matches!(of_wish.as_slice(), [one] if NAMESAKES.contains(one))
}

/// `ООО Автомобили Кореи`, `Kia Motors LLC`.
fn is_company(text: &str) -> bool {
    let words = words(text);
    let has_form = words
        .split(' ')
        .next()
        .into_iter()
        .chain(words.split(' ').next_back())
        .any(|word| COMPANY_FORMS.contains(&word));
    has_form && words.contains(' ') && !text.contains([',', '?'])
}

fn is_command(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}
