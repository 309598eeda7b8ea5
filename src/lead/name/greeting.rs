//! Greetings, and what people say beside their answers out of kindness.

use super::spelling::{is_separator, longest_beginning, words};

/// Greetings that are no names, in lower case.
pub(in super::super) const GREETINGS: &[&str] = &[
    "ассалам алейкум",
    "ассаламу алейкум",
    "ас-саляму алейкум",
    "салам алейкум",
    "салам",
    "салом",
    "саламатсызбы",
    "сәлем",
    "сәлеметсіз бе",
    "ассалому алайкум",
    "привет",
    "приветик",
    "приветствую",
    "всем привет",
    "прив",
    "здравствуйте",
    "здравствуй",
    "здраствуйте",
    "здрасте",
    "здрасьте",
    "здрасти",
    "здарова",
    "здорово",
    "добрый день",
    "добрый вечер",
    "доброе утро",
    "доброй ночи",
    "доброго дня",
    "доброго вечера",
    "доброго утра",
    "доброго времени суток",
    "доброго времени",
    "добрый",
    "день добрый",
    "вечер добрый",
    "утро доброе",
    "хай",
    "хеллоу",
    "хелло",
    "ку",
    "алло",
    "алё",
    "hello",
    "hello there",
    "hi",
    "hi there",
    "hey",
    "good morning",
    "good afternoon",
    "good evening",
    "good day",
    "greetings",
    "privet",
    "zdravstvuyte",
    "salam",
    "안녕하세요",
    "안녕",
    "你好",
    "您好",
    "こんにちは",
    "вітаю",
    "добрий день",
];

/// What people say beside their name out of kindness, in lower case.
pub(in super::super) const COURTESIES: &[&str] = &[
    "да",
    "ок",
    "окей",
    "хорошо",
    "ладно",
    "конечно",
    "спасибо",
    "заранее спасибо",
    "большое спасибо",
    "пожалуйста",
    "очень приятно",
    "приятно познакомиться",
    "будем знакомы",
    "thanks",
    "thank you",
    "please",
    "nice to meet you",
    "ok",
    "yes",
];

/// Who is greeted without being named, in lower case.
pub(in super::super) const EVERYBODY: &[&str] = &[
    "всем",
    "вам",
    "тебе",
    "ребята",
    "друзья",
    "бот",
    "коллеги",
    "народ",
    "господа",
    "девушка",
    "мужики",
    "уважаемые",
    "there",
    "all",
    "everyone",
    "guys",
    "bot",
    "вечерок",
    "денек",
    "денёк",
    "утречко",
];

/// Whether a text greets and says nothing else.
pub(in super::super) fn is_greeting(text: &str) -> bool {
    let words = words(text);
    GREETINGS.contains(&words.as_str())
        || greeting_length(text).is_some_and(|length| !text[length..].chars().any(char::is_alphanumeric))
}

/// Whether a text says nothing but a greeting or `спасибо` and the like.
pub(in super::super) fn is_courtesy(text: &str) -> bool {
    is_greeting(text) || COURTESIES.contains(&words(text).as_str())
}

/// `Анна, привет`, `Да, Анна` without what is said out of kindness.
pub(in super::super) fn without_courtesies(text: &str) -> &str {
    const ENDS: [char; 4] = [',', '.', '!', ';'];
    let says_something = |text: &str| !words(text).is_empty();
    let mut rest = text;
    loop {
        let in_front = rest.split_once(ENDS).filter(|(first, _)| COURTESIES.contains(&words(first).as_str()));
        let at_the_end = rest.trim_end_matches(is_separator).rsplit_once(ENDS).filter(|(_, last)| is_courtesy(last));
        rest = match (in_front, at_the_end) {
            (Some((_, behind)), _) if says_something(behind) => behind.trim_start(),
            (_, Some((before, _))) if says_something(before) => before.trim_end(),
            _ => return rest,
        };
    }
}

/// Greetings that are names or parts of them somewhere, or look like it: `Салам Салимов`, `Ку Чжун Пхё`.
pub(in super::super) fn may_be_name(greeting: &str) -> bool {
    ["салам", "салом", "ку", "хай", "привет", "прив", "добрый", "hi", "salam"]
        .contains(&greeting.to_lowercase().as_str())
}

/// Whether something stands between a greeting and what is behind it.
pub(in super::super) fn is_apart(behind_greeting: &str) -> bool {
    !behind_greeting.starts_with(' ')
}

/// The length of the greeting a text begins with, in bytes.
pub(in super::super) fn greeting_length(text: &str) -> Option<usize> {
    longest_beginning(text, GREETINGS)
}
