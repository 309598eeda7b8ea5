//! Tells a name from what people say instead of it: a greeting, a wish, an answer to some other question.
//!
//! A name that is asked again costs a message, a wish that passes as a name stands in front of the manager: so what reads
//! as a sentence about a car is none, and whatever else has a letter is one.

use super::{
    cars::{MAKES, MODELS, is_model_code},
    greeting::{greets_in_front, without_courtesies},
    spelling::{has_name_case, holds, is_letters, longest_beginning, words},
};

/// Words that no name has in it and no wish goes without, in lower case.
pub(in super::super) const WISH_WORDS: &[&str] = &[
    "хочу",
    "хотим",
    "хотел",
    "хотела",
    "хотели",
    "хотелось",
    "хотелос",
    "желаю",
    "ищу",
    "ищем",
    "нужен",
    "нужна",
    "нужно",
    "нужны",
    "надо",
    "требуется",
    "интересует",
    "интересуют",
    "интересно",
    "интересуюсь",
    "рассматриваю",
    "рассматриваем",
    "присматриваю",
    "планирую",
    "планируем",
    "куплю",
    "купим",
    "купить",
    "покупка",
    "приобрести",
    "заказать",
    "закажу",
    "заказываю",
    "заказ",
    "привезти",
    "привезите",
    "привезёте",
    "привезете",
    "пригнать",
    "подобрать",
    "подберите",
    "подбор",
    "подскажите",
    "расскажите",
    "посчитайте",
    "рассчитайте",
    "рассчитать",
    "посчитать",
    "расчет",
    "расчёт",
    "сколько",
    "почём",
    "почем",
    "можно",
    "можете",
    "могу",
    "есть",
    "цена",
    "стоит",
    "стоимость",
    "наличии",
    "наличие",
    "бюджет",
    "бюджетом",
    "мне",
    "мой",
    "моя",
    "мои",
    "нам",
    "бы",
    "для",
    "автомобиль",
    "автомобиля",
    "автомобили",
    "машина",
    "машину",
    "машины",
    "машинка",
    "машинку",
    "тачку",
    "тачка",
    "кроссовер",
    "седан",
    "внедорожник",
    "минивэн",
    "пикап",
    "электромобиль",
    "гибрид",
    "пробег",
    "пробегом",
    "корея",
    "кореи",
    "японии",
    "китая",
    "руб",
    "рублей",
    "рубля",
    "млн",
    "миллион",
    "миллиона",
    "миллионов",
    "тыс",
    "тысяч",
    "доставка",
    "доставкой",
    "растаможка",
    "растаможкой",
    "номер",
    "телефон",
    "тел",
    "перезвоните",
    "позвоните",
    "звоните",
    "напишите",
    "ссылка",
    "спасибо",
    "жду",
    "позовите",
    "менеджера",
    "оператора",
    "консультация",
    "пожалуйста",
    "want",
    "wanna",
    "looking",
    "need",
    "buy",
    "order",
    "price",
    "budget",
    "interested",
    "please",
    "phone",
];

/// Answers that are no names by themselves, in lower case.
const NO_ANSWERS: &[&str] = &[
    "да",
    "нет",
    "не знаю",
    "не скажу",
    "ок",
    "окей",
    "ага",
    "угу",
    "старт",
    "start",
    "начать",
    "заявка",
    "тест",
    "test",
    "пропустить",
    "skip",
    "далее",
    "дальше",
    "назад",
    "имя",
    "name",
    "меню",
    "menu",
    "аноним",
    "yes",
    "cancel",
    "отмена",
    "отменить",
    "help",
    "помощь",
    "← назад",
    "← back",
    "хорошо",
    "ладно",
    "конечно",
    "давай",
    "давайте",
    "поехали",
    "понятно",
    "ясно",
    "пойдет",
    "пойдёт",
    "отлично",
    "супер",
    "готов",
    "готово",
    "начнем",
    "начнём",
    "ok",
    "okay",
    "no",
    "это я",
    "менеджер",
    "клиент",
    "покупатель",
    "гость",
    "никто",
    "неважно",
    "не важно",
    "без имени",
    "секрет",
    "что",
    "зачем",
    "почему",
    "как",
    "кто",
    "кто это",
    "авто",
    "еще",
    "ещё",
    "ещё раз",
    "тоже",
    "уже",
    "сейчас",
    "потом",
    "позже",
    "пока",
    "пока нет",
    "пока не знаю",
    "скоро",
    "завтра",
    "сегодня",
    "вот",
    "здесь",
    "всё",
    "все",
    "ничего",
    "это",
    "где",
    "когда",
    "куда",
    "откуда",
    "какой",
    "какая",
    "какие",
    "чей",
    "зачем это",
    "хм",
    "хмм",
    "ммм",
    "эээ",
    "ой",
    "ах",
    "ух",
    "ого",
    "вау",
    "блин",
    "лол",
    "кек",
    "ура",
    "точно",
    "верно",
    "правильно",
    "вперед",
    "вперёд",
    "продолжить",
    "продолжай",
    "продолжаем",
    "любой",
    "любая",
    "любую",
    "мужчина",
    "женщина",
    "человек",
    "сам",
    "сама",
    "срочно",
    "быстро",
    "недорого",
    "дорого",
    "дешево",
    "дёшево",
    "more",
    "what",
    "why",
    "who",
    "when",
    "where",
    "how",
    "later",
    "now",
    "nothing",
    "nobody",
    "anonymous",
    "hm",
    "hmm",
    "wow",
    "lol",
    "sure",
    "next",
    "back",
    "again",
    "car",
    "стоп",
    "стой",
    "хватит",
    "отбой",
    "отмените",
    "передумал",
    "передумала",
    "подумаю",
    "согласен",
    "согласна",
    "stop",
    "quit",
    "agree",
];

/// Words that say that something is wanted, in lower case.
const DESIRES: &[&str] = &[
    "хочу",
    "хотим",
    "хотел",
    "хотела",
    "хотели",
    "хотелось",
    "желаю",
    "ищу",
    "ищем",
    "нужен",
    "нужна",
    "нужно",
    "нужны",
    "надо",
    "требуется",
    "интересует",
    "интересуют",
    "интересуюсь",
    "рассматриваю",
    "рассматриваем",
    "присматриваю",
    "куплю",
    "купим",
    "купить",
    "приобрести",
    "заказать",
    "закажу",
    "привезти",
    "привезите",
    "привезёте",
    "привезете",
    "пригнать",
    "подобрать",
    "подберите",
    "want",
    "wanna",
    "looking",
    "need",
    "buy",
    "order",
    "interested",
];

/// Whether words say that something is wanted.
pub(in super::super) fn is_desire(text: &str) -> bool {
    holds(text, DESIRES)
}

/// Words of a question, also where it has no mark, in lower case.
const QUESTIONS: &[&str] = &[
    "когда",
    "где",
    "куда",
    "сколько",
    "как",
    "какой",
    "какая",
    "какие",
    "почему",
    "зачем",
    "ли",
    "узнать",
    "знать",
    "уточнить",
    "спросить",
    "понять",
    "доставка",
    "доставку",
    "доставки",
    "доставке",
    "документы",
    "документов",
    "when",
    "where",
    "how",
    "what",
    "know",
    "ask",
    "delivery",
    "documents",
    "qachon",
    "qayerda",
    "qancha",
];

/// Words that say that a car is one more, or is to be bought, in lower case.
const ANOTHER: &[&str] = &[
    "ещё",
    "еще",
    "другую",
    "другая",
    "другой",
    "другое",
    "вторую",
    "вторая",
    "второй",
    "новую",
    "новая",
    "купить",
    "куплю",
    "купим",
    "приобрести",
    "заказать",
    "закажу",
    "ищу",
    "ищем",
    "подобрать",
    "подберите",
    "another",
    "second",
    "more",
    "buy",
    "order",
    "yana",
    "boshqa",
];

/// Whether a text asks something.
pub(in super::super) fn asks(text: &str) -> bool {
    holds(text, QUESTIONS)
}

/// Whether a text speaks of one more car, or of buying.
pub(in super::super) fn is_another(text: &str) -> bool {
    holds(text, ANOTHER)
}

/// Words of a wish that are also somebody's name, in lower case; beside another name they are one.
const NAMESAKES: &[&str] = &["нам", "мой", "мои", "есть", "машина", "корея"];

/// Whether a text is an answer to something else than the name: `да`, `хорошо`, `это я`.
pub(in super::super) fn is_no_answer(text: &str) -> bool {
    [text, without_courtesies(text)].iter().any(|text| NO_ANSWERS.contains(&words(text).as_str()))
}

/// Words of the rude, in lower case.
const RUDE: &[&str] = &[
    "нафиг",
    "нахрен",
    "нахер",
    "нахуй",
    "хуй",
    "хер",
    "пошел",
    "пошёл",
    "отстань",
    "отстаньте",
    "отвали",
    "отвалите",
    "отвяжись",
    "заткнись",
    "fuck",
    "fuckoff",
    "shit",
];

/// Whether a text says what its writer is, does or wants rather than what they are called: `я из Омска`, `я подумаю`,
/// `I'm ready`, or is rude.
pub(in super::super) fn is_speech(text: &str) -> bool {
    const SAID_OF_ONESELF: &[&str] = &["я", "это", "i am", "i'm", "i’m", "im", "this is"];
    const BEGINNINGS: &[&str] = &[
        "соглас",
        "готов",
        "уверен",
        "занят",
        "женщин",
        "мужчин",
        "пенсионер",
        "водител",
        "новичок",
        "физлиц",
        "юрлиц",
        "покупател",
        "клиент",
        "частник",
        "частное",
        "подума",
        "перезвон",
        "передума",
        "женат",
        "замуж",
        "студент",
        "interested",
        "looking",
        "waiting",
        "driving",
        "working",
    ];
    const FIRST: &[&str] = &[
        "из",
        "с",
        "со",
        "в",
        "во",
        "на",
        "не",
        "ни",
        "за",
        "к",
        "у",
        "по",
        "для",
        "от",
        "до",
        "тут",
        "здесь",
        "уже",
        "тоже",
        "ещё",
        "еще",
        "только",
        "просто",
        "пока",
        "сам",
        "сама",
        "сейчас",
        "вас",
        "вам",
        "вы",
        "бы",
        "же",
        "все",
        "всё",
        "так",
        "против",
        "рад",
        "рада",
        "живу",
        "жду",
        "буду",
        "могу",
        "хочу",
        "беру",
        "звоню",
        "from",
        "in",
        "at",
        "on",
        "not",
        "a",
        "an",
        "the",
        "here",
        "just",
        "still",
        "also",
        "so",
        "very",
        "sure",
        "ready",
        "fine",
        "busy",
        "ok",
        "okay",
        "good",
        "happy",
    ];
    // `подумаю`, `перезвоню`, `интересуюсь`
    const ENDS: &[&str] = &["аю", "яю", "ую", "ею", "ню", "ию", "юсь", "усь", "лся", "лась"];
    if holds(text, RUDE) {
        return true;
    }
    // `Я. Ким` is an initial.
    let is_initial = text.starts_with("Я.") || text.starts_with("I.");
    let Some(length) = longest_beginning(text, SAID_OF_ONESELF).filter(|_| !is_initial) else { return false };
    let said = text[length..].trim();
    let words = words(said);
    let first = words.split(' ').next().unwrap_or_default();
    let begins = BEGINNINGS.iter().any(|begin| first.starts_with(begin));
    // Whoever writes it as a name may be called so.
    if has_name_case(said) {
        return begins
            && !words.contains(' ')
            && (first.starts_with("соглас") || first.starts_with("женщин") || first.starts_with("мужчин"));
    }
    let is_verb = first.chars().count() > 4 && ENDS.iter().any(|end| first.ends_with(end));
    begins || FIRST.contains(&first) || is_verb && said.starts_with(char::is_lowercase)
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
    const FORMS: &[&str] =
        &["ооо", "оао", "ао", "зао", "пао", "ип", "тоо", "чп", "гк", "llc", "ltd", "inc", "gmbh", "co"];
    let words = words(text);
    let has_form =
        words.split(' ').next().into_iter().chain(words.split(' ').next_back()).any(|word| FORMS.contains(&word));
    has_form && words.contains(' ') && !text.contains([',', '?'])
}

fn is_command(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}
