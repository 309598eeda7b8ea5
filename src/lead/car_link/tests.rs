mod addresses;

use super::*;
use proptest::prelude::*;

const ENCAR: &str = "https://fem.encar.com/cars/detail/38427498";

fn url(text: &str) -> Result<Option<String>, CarLinkError> {
    CarLink::parse(text).map(|link| link.map(|link| link.url))
}

#[test]
fn the_cars_address_of_several() {
    let link = |text: &str, hidden: &[&str]| {
        let hidden: Vec<String> = hidden.iter().map(|hidden| (*hidden).to_owned()).collect();
        CarLink::find(text, &hidden).map(|link| link.map(|link| link.url))
    };
    for (text, hidden, want) in [
        ("смотрел на encar.com, вот https://fem.encar.com/cars/detail/38427498", &[][..], ENCAR),
        ("https://t.me/korea_cars https://fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("t.me/korea_cars/12 fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("https://www.example.com/kia/12345678 https://fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("tg://resolve?domain=x https://fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("mailto:a@example.com fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("a@encar.com https://fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("https://wa.me/79501234567 https://fem.encar.com/cars/detail/38427498", &[], ENCAR),
        ("https://example.com https://example.com/cars/1", &[], "https://example.com/cars/1"),
        ("https://example.com/cars/1 https://example.com/cars/2", &[], "https://example.com/cars/1"),
        ("https://t.me/cars https://example.com", &[], "https://example.com/"),
        ("https://t.me/cars", &[], "https://t.me/cars"),
        ("https://t.me/cars https://t.me/cars/77", &[], "https://t.me/cars/77"),
        ("https://www.instagram.com/cars https://auto.ru/cars/1", &[], "https://auto.ru/cars/1"),
        ("https://example.com/news https://m.che168.com/dealer/1/2.html", &[], "https://m.che168.com/dealer/1/2.html"),
        ("https://example.com/contacts https://example.com/lot/38427498", &[], "https://example.com/lot/38427498"),
        (
            "https://www.encar.com/ https://www.kbchachacha.com/public/car/detail.kbc?carSeq=1",
            &[],
            "https://www.kbchachacha.com/public/car/detail.kbc?carSeq=1",
        ),
        ("вот эта", &["https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("Kia K5. Наш канал", &["https://t.me/cars", "https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("Kia K5. Наш канал", &["tg://user?id=1", "https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("", &["https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("нет, вот", &["https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("https://encar.com", &["https://fem.encar.com/cars/detail/38427498"], ENCAR),
        ("https://t.me/cars/5 вот", &["https://auto.ru/cars/used/1"], "https://auto.ru/cars/used/1"),
        ("https://example.com/1", &["https://example.com/2"], "https://example.com/1"),
        ("https://fem.encar.com/cars/detail/38427498", &["https://fem.encar.com/cars/detail/1"], ENCAR),
    ] {
        assert_eq!(link(text, hidden), Ok(Some(want.to_owned())), "{text} {hidden:?}");
    }
    for (text, hidden) in [("вот", &["tg://user?id=1"][..]), ("напишите", &["mailto:a@example.com"]), ("", &[])]
    {
        assert_eq!(link(text, hidden), Err(CarLinkError::NoLink), "{text} {hidden:?}");
    }
    assert_eq!(link("нет", &[]), Ok(None));
}

#[test]
fn all_of_several_addresses_are_kept() {
    let link = |text: &str, hidden: &[&str]| {
        let hidden: Vec<String> = hidden.iter().map(|hidden| (*hidden).to_owned()).collect();
        CarLink::find(text, &hidden).ok().flatten().expect("a link")
    };
    for (text, hidden, others) in [
        (ENCAR, &[][..], &[][..]),
        ("https://example.com/1 https://example.com/2, https://example.com/1", &[], &["https://example.com/2"]),
        (
            "https://t.me/cars/5 http://www.encar.com/dc/dc_cardetailview.do?carid=38427498",
            &[ENCAR, "https://auto.ru/cars/1"],
            &["https://t.me/cars/5", "https://auto.ru/cars/1"],
        ),
        ("https://t.me/share/url?url=https://example.com/1", &[], &[]),
        ("https://youtu.be/dQw4w9WgXcQ http://127.0.0.1/1", &[], &[]),
    ] {
        assert_eq!(link(text, hidden).others(), others, "{text} {hidden:?}");
    }
    let both = link("https://example.com/1", &[]).and(link(&format!("{ENCAR} https://example.com/1"), &[]));
    assert_eq!((both.url(), both.encar_id()), (ENCAR, Some("38427498")));
    assert_eq!(both.others(), ["https://example.com/1"]);
    assert_eq!(both.clone().and(both.clone()), both);
    let stored = serde_json::to_value(&both).expect("JSON");
    assert_eq!(serde_json::from_value::<CarLink>(stored).ok(), Some(both));
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
        "http://127.0.0.1:8080/x",
        "http://2130706433/x",
        "http://0.0.0.0/x",
        "http://10.1.2.3/cars/1",
        "http://172.16.0.1/cars/1",
        "http://192.168.1.1/cars/1",
        "http://169.254.169.254/latest",
        "http://100.64.0.1/x",
        "http://[::1]/x",
        "http://[::]/x",
        "http://[fe80::1]/x",
        "http://[fd00::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://localhost:3000/x",
        "http://localhost./x",
        "https://cars.localhost/1",
        "https://nas.local/cars/1",
        "https://crm.internal/cars/1",
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
    assert_eq!(url(&format!("https://example.com/{}", "я".repeat(1000))), Err(CarLinkError::TooLong));
    assert_eq!(url(&format!("https://encar.com/x?carid=38427498&y={}", "a".repeat(3000))), Ok(Some(ENCAR.to_owned())));
    let late = format!("{} {ENCAR}", "я".repeat(4000));
    assert_eq!(url(&late), Ok(Some(ENCAR.to_owned())));
    for piece in ["a.", ")", "http://", "https://a/", "[", "encar.com/", "://", "@"] {
        let text: String = piece.chars().cycle().take(4096).collect();
        let _ = url(&text);
    }
}

#[test]
fn typed_is_the_whole_answer() {
    let link = CarLink::parse(" вот \u{0}эта:\nhttps://example.com/1 , да? ");
    assert_eq!(link.ok().flatten().map(|link| link.typed), Some("вот эта: https://example.com/1 , да?".to_owned()));
}

#[test]
fn imports() {
    for (text, want) in [
        ("http://www.encar.com/dc/dc_cardetailview.do?carid=38427498", Some(ENCAR)),
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
