//! Tells a name from what people say instead of it: a greeting, a wish, an answer to some other question.
//!
//! A name that is asked again costs a message, a wish that passes as a name stands in front of the manager: so what reads
//! as a sentence about a car is none, and whatever else has a letter is one.

/// Greetings that are no names, in lower case.
const GREETINGS: &[&str] = &[
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

/// What stands in front of the name a buyer gives, in lower case.
const INTRODUCTIONS: &[&str] = &[
    "меня зовут",
    "меня звать",
    "зовут меня",
    "зовут",
    "мое имя",
    "моё имя",
    "имя",
    "зовите меня",
    "можно просто",
    "обращайтесь",
    "это",
    "я",
    "my name is",
    "my name's",
    "i am",
    "i'm",
    "call me",
    "name",
    "this is",
];

/// Words that no name has in it and no wish goes without, in lower case.
const WISH_WORDS: &[&str] = &[
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
];

/// Makes of cars as buyers write them, in lower case; with a model behind them they are no name.
const MAKES: &[&str] = &[
    "kia",
    "киа",
    "кия",
    "hyundai",
    "хендай",
    "хундай",
    "хёндэ",
    "хендэ",
    "хюндай",
    "toyota",
    "тойота",
    "тойоту",
    "bmw",
    "бмв",
    "мерс",
    "audi",
    "ауди",
    "volkswagen",
    "фольксваген",
    "honda",
    "хонда",
    "хонду",
    "nissan",
    "ниссан",
    "mazda",
    "мазда",
    "мазду",
    "lexus",
    "лексус",
    "porsche",
    "порше",
    "geely",
    "джили",
    "haval",
    "хавал",
    "chery",
    "чери",
    "zeekr",
    "зикр",
    "lixiang",
    "лисян",
    "ssangyong",
    "санг",
    "chevrolet",
    "шевроле",
    "subaru",
    "субару",
    "mitsubishi",
    "митсубиси",
    "volvo",
    "вольво",
    "skoda",
    "шкода",
    "шкоду",
    "byd",
    "exeed",
    "changan",
    "чанган",
    "voyah",
    "infiniti",
    "инфинити",
];

/// Whether a text greets and says nothing else.
pub(super) fn is_greeting(text: &str) -> bool {
    let words = words(text);
    GREETINGS.contains(&words.as_str())
        || greeting_length(text).is_some_and(|length| !text[length..].chars().any(char::is_alphanumeric))
}

/// The name behind `Меня зовут …`, `Здравствуйте, …` or both, where nothing else stands there.
pub(super) fn introduced(text: &str) -> Option<&str> {
    let greeting = greeting_length(text).unwrap_or(0);
    let behind_greeting = text[greeting..].trim_start_matches(is_separator);
    let introduction = longest_beginning(behind_greeting, INTRODUCTIONS).unwrap_or(0);
    let name = behind_greeting[introduction..].trim_matches(is_separator);
    match (introduction, greeting) {
        // Whoever says so is called so, be it Kia or Салам.
        (1.., _) => (is_letters(name) && !holds(name, WISH_WORDS)).then_some(name),
        (0, 1..) => {
            let greets = is_apart(&text[greeting..]) || !may_be_name(&text[..greeting]) && has_name_case(name);
            (greets && is_plain_name(name)).then_some(name)
        }
        (0, 0) => None,
    }
}

/// Whether a text can be nothing but a name: one to four words of letters, none of them a wish's.
pub(super) fn is_plain_name(text: &str) -> bool {
    is_letters(text) && !is_wish(text)
}

fn is_letters(text: &str) -> bool {
    let is_word = |word: &str| {
        word.chars().any(char::is_alphabetic)
            && word.chars().all(|c| c.is_alphabetic() || "-'’.\u{301}".contains(c) || is_emoji(c))
    };
    text.split(' ').count() <= 4 && text.split(' ').all(is_word)
}

/// Whether a text says what its writer wants rather than what they are called.
pub(super) fn is_wish(text: &str) -> bool {
    let words = words(text);
    let first = words.split(' ').next().unwrap_or_default();
    let has_digit = text.chars().any(|c| c.is_ascii_digit());
    let says_name_inside = words.split(' ').count() > 3
        && ["меня зовут ", "my name is "].into_iter().any(|introduction| words.contains(introduction));
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_sum = text.starts_with(|c: char| c.is_ascii_digit() || "$€₽₩¥~".contains(c)) && letters < 4;
    is_command(text)
        || holds(text, WISH_WORDS)
        || NO_ANSWERS.contains(&words.as_str())
        || says_name_inside
        || greets_in_front(text)
        || text.contains(['?', '@', '？'])
        || MAKES.contains(&first)
        || has_digit && holds(text, MAKES)
        || is_sum
}

fn is_command(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

/// A greeting with more behind it; `Привет Иванович` may be a name, `Привет, Иванович` and `привет всем` greet.
fn greets_in_front(text: &str) -> bool {
    greeting_length(text).is_some_and(|length| {
        let rest = &text[length..];
        is_apart(rest) || !(has_name_case(rest.trim_start()) && is_plain_name(rest.trim_start()))
    })
}

/// Greetings that are names or parts of them somewhere, or look like it: `Салам Салимов`, `Ку Чжун Пхё`.
fn may_be_name(greeting: &str) -> bool {
    ["салам", "салом", "ку", "хай", "привет", "прив", "добрый", "hi", "salam"]
        .contains(&greeting.to_lowercase().as_str())
}

/// Whether something stands between a greeting and what is behind it.
fn is_apart(behind_greeting: &str) -> bool {
    !behind_greeting.starts_with(' ')
}

fn holds(text: &str, known: &[&str]) -> bool {
    words(text).split(' ').any(|word| known.contains(&word))
}

/// `Привет Иванович`: each word begins as a name does, in upper case or in a script without cases.
fn has_name_case(text: &str) -> bool {
    text.split(' ').all(|word| word.chars().next().is_some_and(|c| !c.is_lowercase() && c.is_alphabetic()))
}

/// The length of the greeting a text begins with, in bytes.
fn greeting_length(text: &str) -> Option<usize> {
    longest_beginning(text, GREETINGS)
}

/// The length of the longest of these phrases that a text begins with as whole words, in bytes.
fn longest_beginning(text: &str, phrases: &[&str]) -> Option<usize> {
    let begins = |phrase: &&&str| {
        let mut letters = text.chars();
        let same =
            phrase.chars().all(|c| letters.next().is_some_and(|typed| typed.to_lowercase().eq(c.to_lowercase())));
        same && !letters
            .next()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '\u{300}'..='\u{36F}'))
    };
    let longest = phrases.iter().filter(begins).map(|phrase| phrase.chars().count()).max()?;
    Some(text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at))
}

/// The words of a text in lower case, one space between them.
fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !"-'←".contains(c)).map(|word| word.trim_matches('-'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn is_separator(c: char) -> bool {
    c == ' ' || ",.!:;)(…-–—".contains(c) || is_emoji(c)
}

/// Pictures, and what joins and colours them.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}
