//! Whole messages that answer nothing: that there is no answer, that it is not known, thanks, a yes or a greeting.

use std::sync::LazyLock;

use super::words::{Meaning, plain, words_of};

/// Whole messages that say there is no answer, beside [`UNKNOWN`].
const NOTHING: &[&str] = &[
    "",
    "нет",
    "не",
    "неа",
    "не надо",
    "не нужно",
    "не нужен",
    "не нужна",
    "не хочу",
    "не важно",
    "неважно",
    "без разницы",
    "все равно",
    "любой",
    "любая",
    "любое",
    "любые",
    "пока нет",
    "нету",
    "ничего",
    "никак",
    "прочерк",
    "пропустить",
    "пропуск",
    "дальше",
    "далее",
    "no",
    "nope",
    "none",
    "nothing",
    "n a",
    "na",
    "idk",
    "dont know",
    "any",
    "anything",
    "doesn't matter",
    "whatever",
    "skip",
    "next",
    "yo'q",
    "yoq",
    "kerak emas",
    "farqi yo'q",
];

/// Whether a whole message says that there is no answer.
pub(super) fn means_nothing(text: &str) -> bool {
    let said = plain(text);
    [NOTHING, UNKNOWN].iter().any(|list| list.contains(&said.as_str()))
}

/// Whole messages that say that the answer is not known yet.
const UNKNOWN: &[&str] = &[
    "не знаю",
    "незнаю",
    "не решил",
    "не решила",
    "пока не знаю",
    "i don't know",
    "don't know",
    "not sure",
    "bilmayman",
];

/// Whether a whole message says that the answer is not known yet, which is one where money is asked.
pub(super) fn says_unknown(text: &str) -> bool {
    UNKNOWN.contains(&plain(text).as_str())
}

/// Whole messages that answer no question in words: a yes, a greeting, thanks.
const EMPTY: &[&str] = &[
    "да",
    "ага",
    "угу",
    "ок",
    "окей",
    "хорошо",
    "ладно",
    "понятно",
    "ясно",
    "спасибо",
    "привет",
    "здравствуйте",
    "здрасте",
    "добрый день",
    "добрый вечер",
    "доброе утро",
    "готово",
    "вот",
    "это",
    "что",
    "как",
    "скоро",
    "сейчас",
    "позже",
    "потом",
    "срочно",
    "давно",
    "yes",
    "yep",
    "yeah",
    "ok",
    "okay",
    "fine",
    "sure",
    "thanks",
    "thank you",
    "hi",
    "hello",
    "hey",
    "good morning",
    "good evening",
    "done",
    "soon",
    "later",
    "now",
    "asap",
    "what",
    "ha",
    "rahmat",
    "salom",
    "assalomu alaykum",
];

/// Whether a whole message says nothing of what was asked.
pub(super) fn says_nothing(text: &str) -> bool {
    let said = plain(text);
    EMPTY.contains(&said.as_str()) || is_courteous(text)
}

/// `спасибо, жду`: thanks, a yes and the like alone.
pub(super) fn is_courteous(text: &str) -> bool {
    static COURTESY: LazyLock<Meaning> = LazyLock::new(|| {
        Meaning::of(
            "спасибо, благодарю, жду, понял, поняла, хорошо, ладно, ясно, ок, ok, thanks, thank you, waiting, rahmat, \
             отлично, супер, great, perfect",
            "да я мы все вам большое огромное заранее звонка ответа буду очень будем i will am be very much so for your \
             call so a lot katta",
        )
    });
    COURTESY.makes_up(&words_of(text))
}

/// Whether a whole message says that there is no link.
pub(super) fn says_no_link(text: &str) -> bool {
    static NO_LINK: LazyLock<Meaning> = LazyLock::new(|| {
        Meaning::of(
            "ссылки нет, нет ссылки, без ссылки, нету ссылки, ссылки нету, ссылку потом, ссылку позже, \
             ссылки пока нет, пока нет ссылки, нет пока ссылки, ссылки у меня нет, no link, no links, without a link, \
             don't have a link, don't have any link, do not have a link, have no link, dont have a link, havola yo'q, \
             link yo'q, havolam yo'q",
            "но а и пришлю скину у меня пока еще yet but i right now",
        )
    });
    NO_LINK.makes_up(&words_of(text))
}

/// Whether a whole message puts off an answer, or says that there is none to a question about a link.
pub(super) fn has_none(text: &str) -> bool {
    static NONE: LazyLock<Meaning> = LazyLock::new(|| {
        Meaning::of(
            "потом, позже, попозже, скину потом, пришлю потом, скину позже, пришлю позже, не имею, \
             don't have one, don't have any, do not have one, dont have one, haven't got one, have none, later, keyinroq",
            "я у меня пока еще yet i now right sorry",
        )
    });
    says_no_link(text) || NONE.makes_up(&words_of(text))
}

/// Whether something is asked, which is for the manager wherever it is asked.
pub(super) fn is_question(text: &str) -> bool {
    const ASKING: &[&str] =
        &["сколько", "почем", "почём", "зачем", "почему", "why", "how much", "what is", "qancha", "nega", "nima uchun"];
    let lower = text.to_lowercase();
    let words = || lower.split(|sign: char| !sign.is_alphabetic()).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let asks = || {
        let said = words().join(" ");
        let said = said.strip_prefix("а ").unwrap_or(&said);
        ASKING.iter().any(|asking| said == *asking || said.starts_with(&format!("{asking} ")))
    };
    words().iter().any(|word| word.len() > 2) && (lower.contains('?') || asks())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_a_link_by_none_is_told_from_words_about_a_car() {
        for text in [
            "потом",
            "скину потом",
            "ссылки нет",
            "нет ссылки",
            "I don't have one",
            "I don’t have a link yet",
            "ссылки пока нет",
        ] {
            assert!(has_none(text), "{text}");
        }
        for text in ["потом белую", "нет", "ссылка", "I don't have one preference", "без окрасов"]
        {
            assert!(!has_none(text), "{text}");
        }
        for text in ["спасибо, жду", "хорошо, буду ждать звонка", "Thank you so much", "Спасибо большое!", "жду звонка"]
        {
            assert_eq!(says_nothing(text), text != "хорошо, буду ждать звонка", "{text}");
        }
        assert!(!says_nothing("жду белую Kia") && !says_nothing("хорошая машина"));
    }
}
