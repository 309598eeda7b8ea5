//! What a message says beside, or instead of, the answer it was sent as.

use super::{Budget, CarLink, Phone, Region, car_link, text};

/// Words around a phone that say no more than that it is one, in lower case.
const PHONE_WORDS: &[&str] = &[
    "тел",
    "телефон",
    "телефона",
    "телефону",
    "моб",
    "мобильный",
    "сот",
    "сотовый",
    "номер",
    "мой",
    "мои",
    "вот",
    "это",
    "ватсап",
    "вотсап",
    "вацап",
    "вайбер",
    "телеграм",
    "телеграмм",
    "звоните",
    "по",
    "и",
    "phone",
    "tel",
    "mobile",
    "mob",
    "number",
    "my",
    "is",
    "whatsapp",
    "viber",
    "telegram",
    "wa",
];

/// Signs that a number is a sum of money, in lower case.
const MONEY_SIGNS: &[&str] = &[
    "млн",
    "миллион",
    "лям",
    "тыс",
    "руб",
    "бюджет",
    "доллар",
    "евро",
    "юан",
    "вон",
    "mln",
    "million",
    "budget",
    "usd",
    "eur",
    "rub",
    "₽",
    "$",
    "€",
    "₩",
    "¥",
];

/// Signs that a number is not what the buyer wants to spend, in lower case.
const OTHER_NUMBERS: &[&str] = &["пробег", "км", "год", "л.с", "двигател", "объем", "объём", "mileage", "km", "year"];

impl Phone {
    /// The number, if a text is nothing but a phone (`тел. 8 950 123-45-67`).
    pub fn alone(text: &str, region: Region) -> Option<Self> {
        let words_of_text = text.to_lowercase();
        let says_more = words_of_text
            .split(|c: char| !c.is_alphabetic())
            .any(|word| word.chars().count() > 1 && !PHONE_WORDS.contains(&word));
        // Shorter ones are easily a sum; nobody has ten digits of money. One or two numbers are alike.
        let is_long = (10..=30).contains(&text::digits_in(text));
        (is_long && !says_more).then(|| Self::parse(text, region).ok()).flatten()
    }

    /// A number among other words; digits of addresses never count.
    pub fn mentioned(text: &str, region: Region) -> Option<Self> {
        (text::digits_in(text) >= 10).then(|| Self::parse(text, region).ok()).flatten()
    }
}

impl CarLink {
    /// The car's address, if a text is nothing but addresses.
    pub fn alone(text: &str) -> Option<Self> {
        let link = Self::parse(text).ok().flatten()?;
        text.split_whitespace().all(car_link::holds_address).then_some(link)
    }
}

impl Budget {
    /// A sum among other words that is plainly money, as the part of the text that says it.
    pub fn mentioned(text: &str) -> Option<Self> {
        clauses(text).into_iter().find_map(|clause| {
            let lower = clause.to_lowercase();
            let holds = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
            let has_digit = clause.chars().any(|c| text::ascii_digit(c).is_some());
            let is_money = holds(MONEY_SIGNS) && !holds(OTHER_NUMBERS) && !car_link::holds_address(clause);
            // Ten digits and more are a phone.
            let may_be_sum = text::digits_in(clause) < 10;
            let budget = (is_money && may_be_sum).then(|| Self::parse(clause)).flatten()?;
            (has_digit || budget.price() > 0).then_some(budget)
        })
    }
}

/// The parts of a text between its commas, full stops and line breaks; a comma within a number is no end.
fn clauses(text: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let mut rest = text;
    while let Some(at) = end_of_clause(rest) {
        clauses.push(rest[..at].trim());
        rest = rest[at..].trim_start_matches([',', ';', '.', '!', '?', '\n', ' ']);
    }
    clauses.push(rest.trim());
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

fn end_of_clause(text: &str) -> Option<usize> {
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '\n' || ",;.!?".contains(c) && text[at + 1..].starts_with(char::is_whitespace);
        (ends && at > 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_alone() {
        let region = Region::default();
        for text in [
            "89501234567",
            "+79501234567",
            "9501234567",
            "8 (950) 123-45-67",
            "тел. 8 950 123-45-67",
            "мой номер: +7 950 123 45 67!",
            "WhatsApp +79501234567",
            "📞 8 950 123 45 67",
        ] {
            assert_eq!(Phone::alone(text, region).as_ref().map(Phone::e164), Some("+79501234567"), "{text}");
        }
        for text in [
            "2000000",
            "2 000 000 - 3 000 000",
            "2,5 млн",
            "2 млн, 89501234567",
            "два миллиона, телефон 89501234567",
            "не знаю",
            "https://example.com/89501234567",
            "10000000000",
        ] {
            assert_eq!(Phone::alone(text, region), None, "{text}");
        }
    }

    #[test]
    fn a_link_alone() {
        for (text, want) in [
            ("https://fem.encar.com/cars/detail/38427498", true),
            (" https://fem.encar.com/cars/detail/38427498 https://example.com/1 ", true),
            ("encar.com/cars/detail/38427498", true),
            ("https://fem.encar.com/cars/detail/38427498 2,5 млн", false),
            ("2,5 млн", false),
            ("нет", false),
            ("", false),
        ] {
            assert_eq!(CarLink::alone(text).is_some(), want, "{text}");
        }
    }

    #[test]
    fn a_budget_among_other_words() {
        for (text, want) in [
            ("Привет, хочу Kia K5, бюджет до 2,5 млн, меня зовут Олег", Some("бюджет до 2,5 млн")),
            ("Хочу Kia K5 2020. До 3 млн руб. Олег", Some("До 3 млн руб")),
            ("Здравствуйте\nнужна машина за $25000\n89501234567", Some("нужна машина за $25000")),
            ("Нужна машина за $25000", Some("Нужна машина за $25000")),
            ("бюджет два миллиона", Some("бюджет два миллиона")),
            ("2 млн", Some("2 млн")),
            ("Kia K5, пробег до 20 тыс км", None),
            ("Kia K5 2020", None),
            ("хочу машину", None),
            ("бюджет потом", None),
            ("89501234567", None),
            ("https://example.com/?budget=1000000", None),
        ] {
            assert_eq!(Budget::mentioned(text).as_ref().map(Budget::typed), want, "{text}");
        }
    }
}
