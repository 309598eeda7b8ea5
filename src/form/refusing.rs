//! What answers nothing that is asked: asked for once more, and the second time kept for the manager, so that no question of
//! the dealer's is a dead end.

use super::{
    asking::stay,
    conversation::{Conversation, Outcome, World},
    draft::Answer,
    no_answer::{is_question, means_nothing, says_nothing},
    noted::Noted,
    questions::{LONGEST_TEXT, Question},
    said::managers,
    taking::{in_words, not_taken, take, take_noting},
    words::words_cut_at_apostrophes as words_of,
};
use crate::{
    lead::{Day, DayError, Phone, Quantity, Said, Taken, Wish, one_line},
    notice::Say,
};

/// So many words name a choice and say something beside it.
const MOST_WORDS: usize = 6;

/// Words that turn what stands beside them.
const TURNING: &[&str] = &[
    "не",
    "нет",
    "ни",
    "кроме",
    "без",
    "или",
    "либо",
    "not",
    "no",
    "or",
    "except",
    "without",
    "yoki",
    "emas",
    "boshqa",
];

/// Words that say nothing beside a choice.
const FILLING: &[&str] = &[
    "давайте",
    "давай",
    "пусть",
    "будет",
    "пожалуйста",
    "хочу",
    "нужен",
    "нужна",
    "нужно",
    "лучше",
    "только",
    "мне",
    "я",
    "в",
    "на",
    "из",
    "ну",
    "да",
    "вариант",
    "please",
    "the",
    "a",
    "i",
    "want",
    "only",
    "just",
    "in",
    "it",
    "s",
];

/// Endings of Russian words, the longer ones first.
const ENDINGS: &[&str] = &[
    "овый", "овая", "овое", "овые", "ного", "ному", "ный", "ная", "ное", "ные", "ной", "ную", "ого", "ому", "ыми",
    "ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ую", "юю", "ом", "ем", "а", "у", "е", "ы", "и", "о", "ь",
    "я",
];

/// A choice that was typed: as it stands on its button, with other endings, or among a few other words.
pub(super) fn choice_typed(
    conversation: Conversation,
    question: &Question,
    (text, said): (&str, &Said),
    world: &World,
) -> Outcome {
    if let Some(at) = exactly(question, text, world) {
        return take(conversation, question, Answer::Choice(at), Vec::new(), world);
    }
    if question.free_text {
        return match in_words(text) {
            Ok(answer) => take(conversation, question, answer, Vec::new(), world),
            Err(why) => stay(conversation, vec![*why], world),
        };
    }
    match named(question, text, said, world) {
        Some((at, beside)) => {
            let noted = Noted::default().with_wish(beside);
            take_noting(conversation, question, Answer::Choice(at), noted, world)
        }
        None => refused(conversation, question, (text, said), Say::ChooseOne, world),
    }
}

/// A day that was typed; one that is over is asked about once.
pub(super) fn day_typed(
    mut conversation: Conversation,
    question: &Question,
    (text, said): (&str, &Said),
    world: &World,
) -> Outcome {
    let today = world.today();
    match Day::parse(text, today) {
        Ok(day) if day.date() < today => {
            let is_over = |text: &String| Day::parse(text, today).is_ok_and(|before| before.date() < today);
            let is_asked_about =
                conversation.draft.as_ref().and_then(|draft| draft.refused.get(question.key)).is_some_and(is_over);
            if is_asked_about {
                return take(conversation, question, Answer::Date(day), Vec::new(), world);
            }
            if let Some(draft) = &mut conversation.draft {
                draft.refused.insert(question.key.to_owned(), one_line(text, LONGEST_TEXT));
            }
            stay(conversation, vec![Say::DayIsOver { day: day.date().format("%d.%m.%Y").to_string() }], world)
        }
        Ok(day) => {
            let told = day.is_guessed().then(|| vec![Say::DayTaken { day: day.to_string() }]);
            take(conversation, question, Answer::Date(day), told.into_iter().collect(), world)
        }
        Err(DayError::NotADay) => refused(conversation, question, (text, said), Say::NotADay, world),
        Err(DayError::NotInTheCalendar) => {
            let typed = one_line(text, 60);
            not_taken(conversation, question, (text, said), Say::NoSuchDay { typed }, world)
        }
    }
}

/// A number that was typed.
pub(super) fn number_typed(
    conversation: Conversation,
    question: &Question,
    (text, said): (&str, &Said),
    world: &World,
) -> Outcome {
    let is_else = said.link().is_some() || Phone::alone(text, world.region).is_some();
    match Quantity::parse(text).filter(|_| !is_else) {
        Some(number) => take(conversation, question, Answer::Number(number), Vec::new(), world),
        None => refused(conversation, question, (text, said), Say::NotANumber, world),
    }
}

/// What is no answer. The second time the words are kept for the manager under the question's name, and it is passed over:
/// whoever has no answer that fits does not stay there for ever.
fn refused(
    mut conversation: Conversation,
    question: &Question,
    (text, said): (&str, &Said),
    why: Say,
    world: &World,
) -> Outcome {
    let noted = Noted::beside(&conversation, said, Taken::default(), Some(question), world);
    let is_of_something_else = !(noted.is_empty() || noted.is_wish_alone())
        || said.link().is_some()
        || Phone::alone(text, world.region).is_some();
    let has_words = text.chars().any(char::is_alphanumeric);
    let says_no_more = question.optional && means_nothing(text);
    if is_of_something_else || !has_words || says_no_more || says_nothing(text) || is_question(text) {
        return not_taken(conversation, question, (text, said), why, world);
    }
    let Some(draft) = &mut conversation.draft else {
        return not_taken(conversation, question, (text, said), why, world);
    };
    let words = one_line(text, LONGEST_TEXT);
    let before = draft.refused.insert(question.key.to_owned(), words.clone());
    // An answer that is there already stays until a better one comes.
    let kept = before.filter(|_| !draft.answers.contains_key(question.key)).and_then(|before| {
        let said = if before.to_lowercase() == words.to_lowercase() { words } else { format!("{before}; {words}") };
        Wish::said(&format!("{}: {said}", managers(&question.label, world.words)))
    });
    match kept {
        Some(wish) => {
            let told = Noted::default().with_wish(Some(wish)).keep(&mut conversation, &world.form);
            let told = told.map(|say| vec![say]).into_iter().collect();
            take(conversation, question, Answer::skipped(question), told, world)
        }
        None => not_taken(conversation, question, (text, said), why, world),
    }
}

/// Whether the phone's question is answered by "why?", "must I?", "rather not", or by a wish to be written to; the last is for
/// the manager.
pub(super) fn asks_why_phone(text: &str) -> Option<Option<Wish>> {
    const WHY: &[&str] = &[
        "зачем",
        "почему",
        "для чего",
        "обязательно",
        "не хочу",
        "не буду",
        "не дам",
        "не хотел",
        "без номера",
        "без телефона",
        "why",
        "what for",
        "do i have to",
        "must i",
        "required",
        "necessary",
        "don't want",
        "do not want",
        "rather not",
        "won't give",
        "nega",
        "nima uchun",
        "shartmi",
        "majburiymi",
    ];
    const WRITE: &[&str] = &[
        "пишите",
        "напишите",
        "напиши",
        "пиши",
        "написать",
        "писать",
        "переписк",
        "write",
        "text me",
        "message me",
        "yozing",
    ];
    const LONGEST: usize = 200;
    if text.len() > LONGEST || text.chars().filter(char::is_ascii_digit).count() > 3 {
        return None;
    }
    let lower = text.to_lowercase().replace('’', "'");
    let has = |list: &[&str]| list.iter().any(|words| lower.contains(words));
    match (has(WRITE), has(WHY)) {
        (true, _) => Some(Wish::said(text)),
        (false, true) => Some(None),
        (false, false) => None,
    }
}

/// Whoever types what a button says means it, in whatever language and case, and whatever signs stand around it.
pub(super) fn exactly(question: &Question, text: &str, world: &World) -> Option<usize> {
    let line = |text: &str| one_line(text, 200).to_lowercase();
    let (typed, words) = (line(text), words_of(text));
    let is_it = |choice: &String| line(choice) == typed;
    let says_it = |choice: &String| !words.is_empty() && !text.contains('?') && words_of(choice) == words;
    let mut choices = question.choices.iter();
    let at = choices.position(|choice| (world.words)(choice).iter().any(is_it));
    at.or_else(|| question.choices.iter().position(|choice| (world.words)(choice).iter().any(says_it)))
}

/// The only choice that a short text names, and the text as a wish where it says more than that.
fn named(question: &Question, text: &str, said: &Said, world: &World) -> Option<(usize, Option<Wish>)> {
    let typed = words_of(text);
    let turns = |word: &String| TURNING.contains(&word.as_str());
    if typed.len() > MOST_WORDS || typed.iter().any(turns) || is_question(text) || said.answers_something() {
        return None;
    }
    let is_named = |choice: &String| {
        let choice = words_of(choice);
        !choice.is_empty() && choice.iter().all(|word| typed.iter().any(|typed| is_same(word, typed)))
    };
    let found = question.choices.iter().enumerate().filter(|(_, choice)| (world.words)(choice).iter().any(is_named));
    let found: Vec<_> = found.collect();
    let [(at, choice)] = found.as_slice() else { return None };
    let of_choice: Vec<String> = (world.words)(choice).iter().flat_map(|words| words_of(words)).collect();
    let is_more =
        |word: &&String| !FILLING.contains(&word.as_str()) && !of_choice.iter().any(|choice| is_same(choice, word));
    let beside = typed.iter().find(is_more).and_then(|_| Wish::said(text));
    Some((*at, beside))
}

/// Whether a typed word is one of a choice, with its own ending or another: `дизель` and `дизельный`, `белый` and `белая`.
fn is_same(choice: &str, typed: &str) -> bool {
    if choice == typed {
        return true;
    }
    let is_word = |word: &str| word.chars().count() > 3 && word.chars().all(char::is_alphabetic);
    if !is_word(choice) || !is_word(typed) {
        return false;
    }
    let (choice, typed) = (stem(choice), stem(typed));
    choice == typed || choice.chars().count() > 4 && typed.starts_with(choice)
}

/// A word without its endings: at least three of its characters.
fn stem(word: &str) -> &str {
    let shorter = |ending: &&str| word.strip_suffix(*ending).filter(|rest| rest.chars().count() > 2);
    match ENDINGS.iter().find_map(shorter) {
        Some(rest) => stem(rest),
        None => word,
    }
}

#[cfg(test)]
#[path = "tests/refusing.rs"]
mod tests;
