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
    "меня",
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
    "我叫",
    "我是",
    "저는",
];

/// What stands behind the name a buyer gives, in lower case: `Олег меня зовут`, `Меня Олег зовут`.
const INTRODUCED: &[&str] = &[" меня зовут", " зовут", " меня звать"];

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
];

/// What people say beside their name out of kindness, in lower case.
const COURTESIES: &[&str] = &[
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
const EVERYBODY: &[&str] = &[
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

/// Words of a wish that are also somebody's name, in lower case; beside another name they are one.
const NAMESAKES: &[&str] = &["нам", "мой", "мои", "есть", "машина", "корея"];

/// Models of cars that are nobody's name, in lower case; `Рио`, `Лада` and `Веста` are.
const MODELS: &[&str] = &[
    "mercedes benz",
    "mercedes-benz",
    "мерседес бенц",
    "лада гранта",
    "лада веста",
    "лада калина",
    "лада приора",
    "sportage",
    "спортейдж",
    "спортаж",
    "sorento",
    "соренто",
    "seltos",
    "селтос",
    "cerato",
    "церато",
    "optima",
    "оптима",
    "carnival",
    "карнивал",
    "stinger",
    "стингер",
    "camry",
    "камри",
    "corolla",
    "королла",
    "highlander",
    "хайлендер",
    "land cruiser",
    "ленд крузер",
    "prado",
    "прадо",
    "tucson",
    "туксон",
    "туссан",
    "palisade",
    "палисад",
    "santa fe",
    "санта фе",
    "elantra",
    "элантра",
    "solaris",
    "солярис",
    "creta",
    "крета",
    "staria",
    "starex",
    "старекс",
    "tiguan",
    "тигуан",
    "touareg",
    "туарег",
    "passat",
    "пассат",
    "kodiaq",
    "кодиак",
    "qashqai",
    "кашкай",
    "x-trail",
    "outlander",
    "аутлендер",
    "forester",
    "форестер",
    "tiggo",
    "тигго",
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
    "tesla",
    "тесла",
    "genesis",
    "генезис",
    "дженезис",
    "infiniti",
    "инфинити",
];

/// Whether a text greets and says nothing else.
pub(super) fn is_greeting(text: &str) -> bool {
    let words = words(text);
    GREETINGS.contains(&words.as_str())
        || greeting_length(text).is_some_and(|length| !text[length..].chars().any(char::is_alphanumeric))
}

/// The name behind `Меня зовут …`, `Здравствуйте, …` or both, before `… меня зовут`, or beside `спасибо` and the like,
/// where nothing else stands there.
pub(super) fn introduced(text: &str) -> Option<&str> {
    let essence = without_courtesies(text);
    let greeting = greeting_length(essence).unwrap_or(0);
    let behind_greeting = essence[greeting..].trim_start_matches(is_separator);
    let before = longest_beginning(behind_greeting, INTRODUCTIONS).unwrap_or(0);
    let rest = behind_greeting[before..].trim_matches(is_separator);
    let behind = INTRODUCED.iter().find_map(|words| beginning_of_end(rest, words));
    let name = rest[..behind.unwrap_or(rest.len())].trim_matches(is_separator);
    // `меня` alone introduces nobody.
    let says_so = behind.is_some() || before > 0 && behind_greeting[..before].to_lowercase() != "меня";
    if says_so {
        // Whoever says so is called so, be it Kia, Салам or Нам.
        return (is_letters(name) && (!holds(name, WISH_WORDS) || has_name_case(name))).then_some(name);
    }
    if greeting > 0 {
        let is_one_word = !name.contains(' ') && !EVERYBODY.contains(&name.to_lowercase().as_str());
        let greets = is_apart(&essence[greeting..])
            || !may_be_name(&essence[..greeting]) && has_name_case(name)
            || is_one_word && name.starts_with(char::is_lowercase);
        return (greets && is_plain_name(name)).then_some(name);
    }
    (essence.len() < text.len() && is_plain_name(essence)).then_some(essence)
}

/// Whether a text is an answer to something else than the name: `да`, `хорошо`, `это я`.
pub(super) fn is_no_answer(text: &str) -> bool {
    [text, without_courtesies(text)].iter().any(|text| NO_ANSWERS.contains(&words(text).as_str()))
}

/// Whether a text says nothing but a greeting or `спасибо` and the like.
pub(super) fn is_courtesy(text: &str) -> bool {
    is_greeting(text) || COURTESIES.contains(&words(text).as_str())
}

/// `Анна, привет`, `Да, Анна` without what is said out of kindness.
fn without_courtesies(text: &str) -> &str {
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

/// Where these words begin, in lower case, that a text ends with.
fn beginning_of_end(text: &str, words: &str) -> Option<usize> {
    let (at, _) = text.char_indices().rev().nth(words.chars().count().checked_sub(1)?)?;
    (text[at..].to_lowercase() == words).then_some(at)
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

/// Whether a text names what its writer is looking for: a wish's words, a make or a model.
pub(super) fn names_a_wish(text: &str) -> bool {
    holds(text, WISH_WORDS)
        || holds(text, MAKES)
        || longest_beginning(text, MODELS).is_some()
        || is_model_code(&words(text))
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

/// `k5`, `cx-5`, `gle 350`, `х5`, each also with a year: short codes of models (in lower case) that are nobody's name.
fn is_model_code(words: &str) -> bool {
    let is_year = |word: &str| word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    let code = match words.rsplit_once(' ') {
        Some((code, year)) if is_year(year) => code,
        _ => words,
    };
    let digits = code.trim_start_matches(char::is_alphabetic);
    let letters = &code[..code.len() - digits.len()];
    let is_apart = digits.starts_with([' ', '-']);
    let digits = digits.trim_start_matches([' ', '-']);
    let longest = if letters.is_ascii() { 3 } else { 1 };
    (1..=longest).contains(&letters.chars().count())
        && (letters.is_ascii() || !is_apart)
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
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
        // Chinese and Korean go on without a space.
        let goes_on = phrase.ends_with(|c: char| c >= '\u{3040}');
        same && (goes_on
            || !letters
                .next()
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '\u{300}'..='\u{36F}')))
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
    c == ' ' || ",.!:;)(…-–—，。！、".contains(c) || is_emoji(c)
}

/// Pictures, and what joins and colours them.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}
