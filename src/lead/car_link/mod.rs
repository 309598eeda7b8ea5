mod address;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text;
use address::{encar_id, first_address};

/// The longest address taken, in characters.
const MAX_URL_CHARS: usize = 2000;

/// Telegram's own limit for a message, in characters.
const MAX_TYPED_CHARS: usize = 4096;

/// A link to a car; encar links in one canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarLink {
    url: String,
    typed: String,
    #[serde(default)]
    encar_id: Option<String>,
}

/// Why a text holds no link; each variant is something the buyer can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CarLinkError {
    /// There is no http(s) address in it.
    #[error("there is no link in it")]
    NoLink,
    /// Longer than 2,000 characters.
    #[error("the link is longer than 2000 characters")]
    TooLong,
}

impl CarLink {
    /// Finds the first http(s) address anywhere in the text, `encar.com/…` without a scheme too.
    ///
    /// `Ok(None)` when the buyer has none (`нет`, `skip`, `-`, …). A login in the address (`https://a@b.example`) is
    /// dropped, so that it cannot pass for the host.
    pub fn parse(text: &str) -> Result<Option<Self>, CarLinkError> {
        let typed = text::clean_to(text, MAX_TYPED_CHARS);
        let Some(address) = first_address(&typed) else {
            return match declines(&typed) {
                true => Ok(None),
                false => Err(CarLinkError::NoLink),
            };
        };
        let encar_id = encar_id(&address);
        let url = match &encar_id {
            Some(id) => format!("https://fem.encar.com/cars/detail/{id}"),
            None => String::from(address),
        };
        if url.chars().count() > MAX_URL_CHARS {
            return Err(CarLinkError::TooLong);
        }
        Ok(Some(Self {
            url,
            typed,
            encar_id,
        }))
    }

    /// Takes a link from a backup file as it stands; `None` for `нет` and the like.
    ///
    /// A text without a right address is kept as the address, cleaned and cut to 2,000 characters.
    pub fn imported(text: &str) -> Option<Self> {
        match Self::parse(text) {
            Ok(link) => link,
            Err(_) => text::is_visible(text).then(|| Self {
                url: text::clean_to(text, MAX_URL_CHARS),
                typed: text::clean_to(text, MAX_TYPED_CHARS),
                encar_id: None,
            }),
        }
    }

    /// The address, canonical for encar (`https://fem.encar.com/cars/detail/{id}`).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The whole answer as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// encar's id of the car.
    pub fn encar_id(&self) -> Option<&str> {
        self.encar_id.as_deref()
    }
}

/// Whether the answer says that there is no link: a few words, or nothing but a dash.
fn declines(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "без",
        "без ссылки",
        "еще не выбрал",
        "еще не выбрала",
        "еще не выбрали",
        "еще нет",
        "не выбрал",
        "не выбрала",
        "не выбрали",
        "не знаю",
        "не имею",
        "не надо",
        "не нужно",
        "неа",
        "нет",
        "нет пока",
        "нет ссылки",
        "нету",
        "нету ссылки",
        "нет спасибо",
        "ничего",
        "отсутствует",
        "позже",
        "пока не выбрал",
        "пока не выбрала",
        "пока не знаю",
        "пока нет",
        "пока нет ссылки",
        "пока нету",
        "пропуск",
        "пропускаю",
        "пропустить",
        "скип",
        "ссылки нет",
        "ссылки нету",
        "ссылки пока нет",
        "у меня нет",
        "no",
        "no link",
        "no thanks",
        "none",
        "nope",
        "not yet",
        "n a",
        "na",
        "null",
        "skip",
        "later",
        "없음",
        "없어요",
        "아니요",
    ];
    let mut words = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ё' => words.push('е'),
            c if c.is_alphanumeric() => words.push(c),
            _ if words.ends_with(' ') => {}
            _ => words.push(' '),
        }
    }
    let words = words.trim();
    if words.is_empty() {
        return text.chars().any(|c| is_dash(c) || c == '.' || c == '❌')
            && text
                .chars()
                .all(|c| is_dash(c) || " .❌".contains(c) || text::is_invisible(c));
    }
    WORDS.contains(&words)
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '－')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    const ENCAR: &str = "https://fem.encar.com/cars/detail/38427498";

    fn url(text: &str) -> Result<Option<String>, CarLinkError> {
        CarLink::parse(text).map(|link| link.map(|link| link.url))
    }

    #[test]
    fn encar_in_one_form() {
        for text in [
            "http://www.encar.com/dc/dc_cardetailview.do?pageid=dc_carsearch&listAdvType=normal&carid=38427498&view_type=hs_ad",
            "https://fem.encar.com/cars/detail/38427498?pageid=dc_carsearch&listAdvType=pick",
            "https://fem.encar.com/cars/detail/38427498",
            "https://fem.encar.com/cars/detail/38427498/",
            "https://fem.encar.com/cars/report/inspect/38427498",
            "https://fem.encar.com/cars/report/accident/38427498?x=1",
            "http://m.encar.com/ca/detailView.do?carId=38427498",
            "https://m.encar.com/dc/dc_cardetailview.do?carid=38427498&wtClick=x",
            "https://car.encar.com/detail/car?carid=38427498",
            "https://www.encar.com/fc/fc_cardetailview.do?carid=38427498",
            "https://www.encar.com/fc/fc_cardetailview.do?CARID=38427498#top",
            "https://www.encar.com/dc/dc_cardetailview.do?a=1&amp;carid=38427498",
            "encar.com/dc/dc_cardetailview.do?carid=38427498",
            "www.encar.com/dc/dc_cardetailview.do?carid=38427498",
            "fem.encar.com/cars/detail/38427498",
            "m.encar.com/ca/detailView.do?carId=38427498",
            "HTTPS://FEM.ENCAR.COM/cars/detail/38427498",
            "FEM.Encar.com/cars/detail/38427498",
            "https://encar.com./cars/detail/38427498",
            "https://user:pass@fem.encar.com/cars/detail/38427498",
            "Вот: https://fem.encar.com/cars/detail/38427498.",
            "ссылка:https://fem.encar.com/cars/detail/38427498",
            "ссылка:encar.com/cars/detail/38427498",
            "(https://fem.encar.com/cars/detail/38427498)",
            "(encar.com/cars/detail/38427498),",
            "<https://fem.encar.com/cars/detail/38427498>",
            "«https://fem.encar.com/cars/detail/38427498»",
            "\"fem.encar.com/cars/detail/38427498\"!",
            "[машина](https://fem.encar.com/cars/detail/38427498)",
            "нет, вот\nhttps://fem.encar.com/cars/detail/38427498\nспасибо",
            "https://fem.encar.com/cars/detail/38427498 https://example.com/2",
            "\u{200B}https://fem.encar.com/cars/detail/38427498\u{200B}",
        ] {
            let link = CarLink::parse(text).ok().flatten();
            assert_eq!(link.as_ref().map(CarLink::url), Some(ENCAR), "{text}");
            assert_eq!(
                link.as_ref().and_then(CarLink::encar_id),
                Some("38427498"),
                "{text}"
            );
        }
    }

    #[test]
    fn other_addresses_as_they_are() {
        for (text, want) in [
            ("https://example.com/car/1", "https://example.com/car/1"),
            (
                "http://example.com/Car?a=1&b=2#c",
                "http://example.com/Car?a=1&b=2#c",
            ),
            ("https://example.com", "https://example.com/"),
            ("www.example.com/x", "https://www.example.com/x"),
            ("www.example.com", "https://www.example.com/"),
            ("auto.ru/cars/used/1", "https://auto.ru/cars/used/1"),
            ("смотрел на encar.com, нравится", "https://encar.com/"),
            (
                "https://www.encar.com/dc/dc_carsearchlist.do",
                "https://www.encar.com/dc/dc_carsearchlist.do",
            ),
            (
                "https://fem.encar.com/cars/detail/abc",
                "https://fem.encar.com/cars/detail/abc",
            ),
            (
                "https://www.encar.com/x?carid=",
                "https://www.encar.com/x?carid=",
            ),
            (
                "https://notencar.com/cars/detail/38427498",
                "https://notencar.com/cars/detail/38427498",
            ),
            (
                "notencar.com/cars/detail/38427498",
                "https://notencar.com/cars/detail/38427498",
            ),
            (
                "https://encar.com.evil.ru/cars/detail/38427498",
                "https://encar.com.evil.ru/cars/detail/38427498",
            ),
            (
                "http://encar.com@evil.ru/cars/detail/38427498",
                "http://evil.ru/cars/detail/38427498",
            ),
            ("http://encar.com:x@evil.ru/", "http://evil.ru/"),
            (
                "https://evil.ru/?u=https://fem.encar.com/cars/detail/1",
                "https://evil.ru/?u=https://fem.encar.com/cars/detail/1",
            ),
            (
                "https://en.wikipedia.org/wiki/Kia_(car)",
                "https://en.wikipedia.org/wiki/Kia_(car)",
            ),
            (
                "(https://en.wikipedia.org/wiki/Kia_(car))",
                "https://en.wikipedia.org/wiki/Kia_(car)",
            ),
            ("https://example.com/a,b", "https://example.com/a,b"),
            ("https://example.com/a, и ещё", "https://example.com/a"),
            ("https://example.com/a?!...", "https://example.com/a"),
            ("https://авто.рф/х", "https://xn--80ae0bp.xn--p1ai/%D1%85"),
            (
                "https://xn--80ae0bp.xn--p1ai/x",
                "https://xn--80ae0bp.xn--p1ai/x",
            ),
            ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
            ("http://[::1]/x", "http://[::1]/x"),
            ("http://localhost:3000/x", "http://localhost:3000/x"),
            ("http://foo https://example.com/2", "https://example.com/2"),
            ("http:// https://example.com/2", "https://example.com/2"),
            ("https://exa\u{0}mple.com/x", "https://example.com/x"),
        ] {
            let want_link = Ok(Some(want.to_owned()));
            assert_eq!(url(text), want_link, "{text}");
            let link = CarLink::parse(text).ok().flatten();
            assert_eq!(link.and_then(|l| l.encar_id), None, "{text}");
        }
    }

    #[test]
    fn no_link_on_purpose() {
        for text in [
            "нет",
            "Нет.",
            "НЕТ!!!",
            " нет ",
            "no",
            "No.",
            "skip",
            "/skip",
            "Пропустить",
            "⏭ Пропустить",
            "-",
            "—",
            "–",
            "--",
            "---",
            ".",
            "...",
            "❌",
            "нету",
            "не знаю",
            "Без ссылки",
            "пока нет",
            "нет ссылки",
            "Ещё не выбрал",
            "нет, спасибо",
            "n/a",
            "N/A",
            "none",
            "нет 🙂",
            "нет\u{200B}",
        ] {
            assert_eq!(url(text), Ok(None), "{text:?}");
            assert_eq!(CarLink::imported(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_link_by_mistake() {
        for text in [
            "",
            "   ",
            "\u{200B}",
            "\u{0}",
            "привет",
            "хочу BMW X5",
            "?",
            "🙂",
            "ivan@example.com",
            "ivan@example.com/x",
            "encar",
            "encar.com@evil",
            "ftp://example.com/x",
            "javascript:alert(1)",
            "http://",
            "https://",
            "http:///x",
            "http://foo/x",
            "http://foo",
            "https://?x",
            "https://exa mple",
            "file:///etc/passwd",
            "5.5/10",
            "тыс.руб/мес",
            "2.5 млн",
            "и т.д./т.п.",
            "tg://resolve?domain=x",
            "git+https://example.com/x",
            "https://[::1",
            "https://example.com:99999/x",
            "http://.com",
            "нет машины",
        ] {
            assert_eq!(url(text), Err(CarLinkError::NoLink), "{text:?}");
        }
    }

    #[test]
    fn long_answers() {
        let path = |length: usize| format!("https://example.com/{}", "a".repeat(length));
        assert!(matches!(url(&path(1980)), Ok(Some(link)) if link.len() == 2000));
        assert_eq!(url(&path(1981)), Err(CarLinkError::TooLong));
        assert_eq!(
            url(&format!("https://example.com/{}", "я".repeat(1000))),
            Err(CarLinkError::TooLong)
        );
        assert_eq!(
            url(&format!(
                "https://encar.com/x?carid=38427498&y={}",
                "a".repeat(3000)
            )),
            Ok(Some(ENCAR.to_owned()))
        );
        let late = format!("{} {ENCAR}", "я".repeat(4000));
        assert_eq!(url(&late), Ok(Some(ENCAR.to_owned())));
        for piece in [
            "a.",
            ")",
            "http://",
            "https://a/",
            "[",
            "encar.com/",
            "://",
            "@",
        ] {
            let text: String = piece.chars().cycle().take(4096).collect();
            let _ = url(&text);
        }
    }

    #[test]
    fn typed_is_the_whole_answer() {
        let link = CarLink::parse(" вот \u{0}эта:\nhttps://example.com/1 , да? ");
        assert_eq!(
            link.ok().flatten().map(|link| link.typed),
            Some("вот эта: https://example.com/1 , да?".to_owned())
        );
    }

    #[test]
    fn imports() {
        for (text, want) in [
            (
                "http://www.encar.com/dc/dc_cardetailview.do?carid=38427498",
                Some(ENCAR),
            ),
            ("https://example.com/1", Some("https://example.com/1")),
            ("BMW X5\n2020", Some("BMW X5 2020")),
            ("http://foo", Some("http://foo")),
            ("нет", None),
            ("", None),
            (" \u{0}\u{200B}", None),
        ] {
            let link = CarLink::imported(text);
            assert_eq!(link.as_ref().map(CarLink::url), want, "{text:?}");
        }
        let long = CarLink::imported(&format!("https://example.com/{}", "a".repeat(5000)));
        assert_eq!(long.map(|link| link.url.len()), Some(2000));
    }

    #[test]
    fn stored_links_are_trusted() {
        let json = r#"{"url":"not a link","typed":"x"}"#;
        let link: CarLink = serde_json::from_str(json).expect("stored link");
        assert_eq!((link.url(), link.encar_id()), ("not a link", None));
    }

    proptest! {
        #[test]
        fn any_text_gives_an_http_address_or_not(text in any::<String>()) {
            check(&text)?;
        }

        #[test]
        fn texts_like_addresses_too(
            text in "(http://|https://|www\\.|encar\\.com|@|:|/|\\?carid=|\\.|-|[a-z0-9]|я|🙂| |\\)|\\]|\\[|%|#){0,30}"
        ) {
            check(&text)?;
        }
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        if let Ok(Some(link)) = CarLink::parse(text) {
            let url = Url::parse(link.url()).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert!(matches!(url.scheme(), "http" | "https"));
            prop_assert!(url.username().is_empty() && url.password().is_none());
            prop_assert!(link.url().len() <= MAX_URL_CHARS);
            prop_assert!(CarLink::imported(text).is_some());
        }
        let _ = CarLink::imported(text);
        Ok(())
    }
}
