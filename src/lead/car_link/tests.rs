use super::*;
use proptest::prelude::*;

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
        assert_eq!(link.as_ref().and_then(CarLink::encar_id), Some("38427498"), "{text}");
    }
}

#[test]
fn other_addresses_as_they_are() {
    for (text, want) in [
        ("https://example.com/car/1", "https://example.com/car/1"),
        ("http://example.com/Car?a=1&b=2#c", "http://example.com/Car?a=1&b=2#c"),
        ("https://example.com", "https://example.com/"),
        ("www.example.com/x", "https://www.example.com/x"),
        ("www.example.com", "https://www.example.com/"),
        ("auto.ru/cars/used/1", "https://auto.ru/cars/used/1"),
        ("смотрел на encar.com, нравится", "https://encar.com/"),
        ("https://www.encar.com/dc/dc_carsearchlist.do", "https://www.encar.com/dc/dc_carsearchlist.do"),
        ("https://fem.encar.com/cars/detail/abc", "https://fem.encar.com/cars/detail/abc"),
        ("https://www.encar.com/x?carid=", "https://www.encar.com/x?carid="),
        ("https://notencar.com/cars/detail/38427498", "https://notencar.com/cars/detail/38427498"),
        ("notencar.com/cars/detail/38427498", "https://notencar.com/cars/detail/38427498"),
        ("https://encar.com.evil.ru/cars/detail/38427498", "https://encar.com.evil.ru/cars/detail/38427498"),
        ("http://encar.com@evil.ru/cars/detail/38427498", "http://evil.ru/cars/detail/38427498"),
        ("http://encar.com:x@evil.ru/", "http://evil.ru/"),
        (
            "https://evil.ru/?u=https://fem.encar.com/cars/detail/1",
            "https://evil.ru/?u=https://fem.encar.com/cars/detail/1",
        ),
        ("https://en.wikipedia.org/wiki/Kia_(car)", "https://en.wikipedia.org/wiki/Kia_(car)"),
        ("(https://en.wikipedia.org/wiki/Kia_(car))", "https://en.wikipedia.org/wiki/Kia_(car)"),
        ("https://example.com/a,b", "https://example.com/a,b"),
        ("https://example.com/a, и ещё", "https://example.com/a"),
        ("https://example.com/a?!...", "https://example.com/a"),
        ("https://авто.рф/х", "https://xn--80ae0bp.xn--p1ai/%D1%85"),
        ("https://xn--80ae0bp.xn--p1ai/x", "https://xn--80ae0bp.xn--p1ai/x"),
        ("http://8.8.8.8:8080/x", "http://8.8.8.8:8080/x"),
        ("http://[2606:4700::1111]/x", "http://[2606:4700::1111]/x"),
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
fn words_glued_to_an_address_end_it() {
    for text in [
        "https://fem.encar.com/cars/detail/38427498👍",
        "https://fem.encar.com/cars/detail/38427498вот эта",
        "https://fem.encar.com/cars/detail/38427498—вот",
        "https://fem.encar.com/cars/detail/38427498–вот",
        "https://fem.encar.com/cars/detail/38427498，价格",
        "https://fem.encar.com/cars/detail/38427498https://fem.encar.com/cars/detail/38427499",
        "https://fem.encar.com/cars/detail/38427498http",
        "https://fem.encar.com/cars/detail/38427498look",
        "https://fem.encar.com/cars/detail/38427498-вот",
        "https://fem.encar.com/cars/detail/38427498_вот",
        "https://fem.encar.com/cars/detail/38427498/вот",
        "https://fem.encar.com/cars/detail/38427498?вот",
        "https://fem.encar.com/cars/detail/38427498(вот эта)",
        "https://fem.encar.com/cars/detail/38427498(this one)",
        "https://fem.encar.com/cars/detail/38427498)вот",
        "https://fem.encar.com/cars/detail/38427498'вот'",
        "https://fem.encar.com/cars/detail/38427498»вот",
        "https://fem.encar.com/cars/detail/38427498>вот",
        "https://fem.encar.com/cars/detail/38427498、下一个",
        "https://fem.encar.com/cars/detail/38427498。",
        "https://fem.encar.com/cars/detail/38427498！点击",
        "https://fem.encar.com/cars/detail/38427498点击查看",
        "https://fem.encar.com/cars/detail/38427498이 차",
        "https://fem.encar.com/cars/detail/38427498…",
        "https://fem.encar.com/cars/detail/38427498→",
        "https://fem.encar.com/cars/detail/38427498✅🚗вот",
        "https://fem.encar.com/cars/detail/38427498\u{200B}вот",
        "https://fem.encar.com/cars/detail/38427498\u{FE0F}",
        "https://fem.encar.com/cars/detail/38427498.Вот эта",
        "https://fem.encar.com/cars/detail/38427498,вот эта",
        "https://fem.encar.com/cars/detail/38427498;вот",
        "https://fem.encar.com/cars/detail/38427498!!!вот",
        "https://fem.encar.com/cars/detail/38427498\\n\\nвот",
        "https://fem.encar.com/cars/detail/38427498®",
        "http://www.encar.com/dc/dc_cardetailview.do?carid=38427498вот",
        "http://www.encar.com/dc/dc_cardetailview.do?carid=38427498👍",
        "http://www.encar.com/dc/dc_cardetailview.do?carid=38427498&вот",
        "🚗https://fem.encar.com/cars/detail/38427498🚗",
        "вотhttps://fem.encar.com/cars/detail/38427498вот",
        "вотfem.encar.com/cars/detail/38427498вот",
        "价格fem.encar.com/cars/detail/38427498点击",
        "fem.encar.com/cars/detail/38427498👍",
        "Киа:fem.encar.com/cars/detail/38427498—вот",
        "→fem.encar.com/cars/detail/38427498",
        "https://fem.encar.com/cars/de\u{AD}tail/38427498",
    ] {
        let link = CarLink::parse(text).ok().flatten();
        assert_eq!(link.as_ref().map(CarLink::url), Some(ENCAR), "{text}");
    }
    for (text, want) in [
        (
            "我在汽车之家发现一辆好车https://m.che168.com/dealer/1/2.html，点击查看",
            "https://m.che168.com/dealer/1/2.html",
        ),
        ("https://m.che168.com/dealer/1/2.html点击", "https://m.che168.com/dealer/1/2.html"),
        ("https://m.che168.com/dealer/1/2.html/点击", "https://m.che168.com/dealer/1/2.html/"),
        ("https://www.che168.com点击", "https://www.che168.com/"),
        ("https://auto.ru/cars/used/sale/kia/k5/1119-abcмашина", "https://auto.ru/cars/used/sale/kia/k5/1119-abc"),
        ("https://auto.ru/cars/used/1/👍👍", "https://auto.ru/cars/used/1/"),
        ("https://www.avito.ru/moskva/kia_k5_123456789—цена", "https://www.avito.ru/moskva/kia_k5_123456789"),
        ("https://example.com/1вот", "https://example.com/1"),
        ("https://example.com/car-1-вот", "https://example.com/car-1-%D0%B2%D0%BE%D1%82"),
        ("https://example.com/1.htmlвот", "https://example.com/1.html"),
        ("https://example.com/1.html.Вот эта", "https://example.com/1.html"),
        ("https://example.com/1,вот", "https://example.com/1"),
        ("https://example.com/1?вот эта?", "https://example.com/1"),
        ("https://example.com/1(вот эта)", "https://example.com/1"),
        ("https://example.com/1[фото]", "https://example.com/1"),
        ("https://example.com/12345678-вот", "https://example.com/12345678"),
        ("https://example.com/?id=5вот", "https://example.com/?id=5"),
        ("https://example.comвот", "https://example.com/"),
        ("https://example.com,вот", "https://example.com/"),
        ("https://example.com:вот", "https://example.com/"),
        ("https://example.com👍", "https://example.com/"),
        ("https://example.com:8080/1вот", "https://example.com:8080/1"),
        ("https://example.com/1https://example.com/2", "https://example.com/1"),
        ("https://example.com/1,https://example.com/2", "https://example.com/1"),
        ("https://example.com/1)https://example.com/2", "https://example.com/1"),
        ("https://example.com/1www.example.com/2", "https://example.com/1"),
        ("HTTPS://EXAMPLE.COM/1HTTP://EXAMPLE.COM/2", "https://example.com/1"),
        ("[https://example.com/1](https://example.com/1)", "https://example.com/1"),
        (
            "https://web.archive.org/web/2020/https://example.com/1",
            "https://web.archive.org/web/2020/https://example.com/1",
        ),
        ("https://example.com...вот", "https://example.com/"),
        ("https://example.com.Вот эта", "https://example.com/"),
        ("https://example.com-вот", "https://example.com/"),
        ("www.example.comвот", "https://www.example.com/"),
        ("вотwww.example.com/1вот", "https://www.example.com/1"),
        ("encar.comвот", "https://encar.com/"),
        ("https://https://example.com/1", "https://example.com/1"),
        ("htps://example.com/1", "https://example.com/1"),
        ("hhttps://example.com/1", "https://example.com/1"),
        ("https://yandex.ru/search/?text=к%20к", "https://yandex.ru/search/?text=%D0%BA%20%D0%BA"),
        ("https://t.me/share/url?url=https://example.com/1", "https://example.com/1"),
        ("https://vk.com/away.php?to=https%3A%2F%2Fauto.ru%2Fcars%2F1вот", "https://auto.ru/cars/1"),
        ("https://kia.рф/1", "https://kia.xn--p1ai/1"),
        ("https://авто.рф/1👍", "https://xn--80ae0bp.xn--p1ai/1"),
        ("https://авто.рфlook", "https://xn--80ae0bp.xn--p1ai/"),
        ("авто.рф/cars/1", "https://xn--80ae0bp.xn--p1ai/cars/1"),
        ("https://ru.wikipedia.org/wiki/Камри", "https://ru.wikipedia.org/wiki/%D0%9A%D0%B0%D0%BC%D1%80%D0%B8"),
        ("https://ru.wikipedia.org/wiki/Камри👍", "https://ru.wikipedia.org/wiki/%D0%9A%D0%B0%D0%BC%D1%80%D0%B8"),
        ("https://ru.wikipedia.org/wiki/Камри点击", "https://ru.wikipedia.org/wiki/%D0%9A%D0%B0%D0%BC%D1%80%D0%B8"),
        ("https://a.ru/wiki/К_(а)", "https://a.ru/wiki/%D0%9A_(%D0%B0)"),
        ("https://a.ru/Toyota_Камри", "https://a.ru/Toyota_%D0%9A%D0%B0%D0%BC%D1%80%D0%B8"),
        ("https://a.ru/?q=камри&p=1", "https://a.ru/?q=%D0%BA%D0%B0%D0%BC%D1%80%D0%B8&p=1"),
        ("https://a.ru/?марка=камри", "https://a.ru/?%D0%BC%D0%B0%D1%80%D0%BA%D0%B0=%D0%BA%D0%B0%D0%BC%D1%80%D0%B8"),
        ("https://a.ru/%D0%9A%D0%B0", "https://a.ru/%D0%9A%D0%B0"),
        ("https://de.example/Käse", "https://de.example/K%C3%A4se"),
        ("https://ko.wikipedia.org/wiki/기아", "https://ko.wikipedia.org/wiki/%EA%B8%B0%EC%95%84"),
        ("https://a.ru/К5-2020", "https://a.ru/%D0%9A5-2020"),
    ] {
        assert_eq!(url(text), Ok(Some(want.to_owned())), "{text}");
    }
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
