//! Words that people type in place of pressing a button, whatever is asked.

/// What they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// To the question before.
    Back,
    /// Throw the form away.
    Cancel,
    /// The card is right, send it.
    Yes,
    /// Pass over.
    Skip,
    /// Leave the answer as it was.
    Keep,
    /// That was all.
    Done,
}

const WORDS: [(Typed, &[&str]); 6] = [
    (
        Typed::Back,
        &["назад", "вернуться", "вернись", "вернуться назад", "шаг назад", "back", "go back", "step back", "previous"],
    ),
    (
        Typed::Cancel,
        &[
            "отмена",
            "отменить",
            "отмени",
            "отменить заявку",
            "отмена заявки",
            "отменить всё",
            "отменить все",
            "cancel",
            "cancel it",
            "cancel request",
            "cancel the request",
        ],
    ),
    (
        Typed::Yes,
        &[
            "да",
            "ага",
            "верно",
            "всё верно",
            "все верно",
            "да всё верно",
            "да все верно",
            "правильно",
            "всё правильно",
            "все правильно",
            "отправить",
            "отправить заявку",
            "отправь",
            "отправляй",
            "отправляйте",
            "отправляем",
            "отправьте",
            "да отправить",
            "да отправляйте",
            "да отправляй",
            "yes",
            "yep",
            "yeah",
            "send",
            "send it",
            "submit",
            "yes send",
            "yes send it",
            "correct",
            "all correct",
        ],
    ),
    (Typed::Skip, &["пропустить", "пропусти", "пропускаю", "skip", "skip it"]),
    (Typed::Keep, &["оставить", "оставь", "оставить как есть", "оставить прежний", "keep", "keep it", "leave it"]),
    (Typed::Done, &["готово", "всё", "все", "это всё", "это все", "done", "that is all", "that's all", "ready"]),
];

impl Typed {
    /// What a whole message stands for, whatever its case and the signs around its words.
    pub fn parse(text: &str) -> Option<Self> {
        // Whatever is longer says more than that.
        if text.len() > 80 {
            return None;
        }
        let apart: String = text
            .to_lowercase()
            .chars()
            .map(|sign| if sign.is_alphanumeric() || sign == '\'' { sign } else { ' ' })
            .collect();
        let said = apart.split_whitespace().collect::<Vec<_>>().join(" ");
        WORDS.iter().find(|(_, words)| words.contains(&said.as_str())).map(|(typed, _)| *typed)
    }
}

/// A text in lower case, its words with a blank between them.
fn plain(text: &str) -> String {
    let sign = |sign: char| if sign.is_alphanumeric() || sign == '\'' { sign } else { ' ' };
    let apart: String = text.to_lowercase().replace('ё', "е").replace(['’', 'ʻ', '‘'], "'").chars().map(sign).collect();
    apart.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whole messages that say there is no answer.
const NOTHING: &[&str] = &[
    "",
    "нет",
    "не",
    "неа",
    "не знаю",
    "незнаю",
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
    "не решил",
    "не решила",
    "пока не знаю",
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
    "i don't know",
    "don't know",
    "dont know",
    "not sure",
    "any",
    "anything",
    "doesn't matter",
    "whatever",
    "skip",
    "next",
    "yo'q",
    "yoq",
    "bilmayman",
    "kerak emas",
    "farqi yo'q",
];

/// Whether a whole message says that there is no answer.
pub(super) fn means_nothing(text: &str) -> bool {
    NOTHING.contains(&plain(text).as_str())
}

/// Whether a whole message says that the answer is not known yet, which is one where money is asked.
pub(super) fn says_unknown(text: &str) -> bool {
    [
        "не знаю",
        "незнаю",
        "не решил",
        "не решила",
        "пока не знаю",
        "i don't know",
        "don't know",
        "not sure",
        "bilmayman",
    ]
    .contains(&plain(text).as_str())
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
    EMPTY.contains(&plain(text).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_is_known_and_a_part_of_one_is_not() {
        for (text, typed) in [
            ("назад", Some(Typed::Back)),
            ("← Назад", Some(Typed::Back)),
            ("НАЗАД!", Some(Typed::Back)),
            ("Back", Some(Typed::Back)),
            ("Отмена.", Some(Typed::Cancel)),
            ("Отменить", Some(Typed::Cancel)),
            ("cancel", Some(Typed::Cancel)),
            ("Да", Some(Typed::Yes)),
            ("да, всё верно", Some(Typed::Yes)),
            ("✅ Отправить", Some(Typed::Yes)),
            ("Send it!", Some(Typed::Yes)),
            ("Пропустить", Some(Typed::Skip)),
            ("Оставить", Some(Typed::Keep)),
            ("Готово", Some(Typed::Done)),
            ("нет", None),
            ("", None),
            ("…", None),
            ("машина из Кореи назад не поедет", None),
            ("Отменный автомобиль", None),
            ("Даша", None),
        ] {
            assert_eq!(Typed::parse(text), typed, "{text}");
        }
    }
}
