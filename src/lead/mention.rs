//! What a message says beside, or instead of, the answer it was sent as.

use super::{CarLink, Phone, Region, car_link, text};

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
}

impl CarLink {
    /// The car's address, if a text is nothing but addresses.
    pub fn alone(text: &str) -> Option<Self> {
        let link = Self::parse(text).ok().flatten()?;
        text.split_whitespace().all(car_link::holds_address).then_some(link)
    }
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
}
