use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Result<String, NameError> {
    Name::parse(text).map(|name| name.0)
}

#[test]
fn names() {
    for text in [
        "Иван",
        "Ли",
        "Ё",
        "Я",
        "A",
        "О",
        "иван",
        "ИВАН ПЕТРОВ",
        "Иван 2",
        "Иван-2",
        "Иван III",
        "Иван🚗",
        "🚗 Иван",
        "И.",
        "И. И. Иванов",
        "Я. Ким",
        "Мария-Антуанетта",
        "Абдурахман ибн Хоттаб",
        "Абдурахман ибн Абдулазиз ибн Мухаммад аль-Фарух",
        "Нурсултан Абишевич",
        "Ўткир",
        "Әлия",
        "Олексій",
        "O'Brien-Smith, Jr.",
        "D’Artagnan",
        "José Ñandú",
        "김철수",
        "王小明",
        "山田太郎",
        "שלום",
        "محمد",
        "राम",
        "<b>Иван</b> & Ко",
        "ООО «Ромашка»",
        "ИП Петров",
        "'; DROP TABLE leads;--",
        "{{name}} %s #AAAAAA1",
        "Привет Иванович",
        "Салам Салимов",
        "Ку Чжун Пхё",
        "Добрый Иван",
        "Добрыня",
        "Хайдар",
        "Алло́а",
        "Салават",
        "Приветов",
        "Нужнов Олег",
        "Мне-Ваня",
        "Ford Prefect",
        "Мерседес Ортега",
        "Маздак",
        "Киана",
        "Hidetoshi",
        "Hiroshi",
        "Heyward",
        "Im Yoon-ah",
        "Олег (Казань)",
        "Иван, менеджер",
        "Ivan / Иван",
        "Имярек",
        "Янина",
        "Дана",
        "Нетта",
        "Рио",
        "Лада Петрова",
        "Сид",
        "Калина",
        "Октавия",
        "Добрый Иван Петрович",
        "Хай Нгуен",
        "Иван от Петра",
        "Никола Тесла",
        "Мерседес Соса",
        "Машина Ольга",
        "Нам Ким",
        "Ли Корея",
        "ООО Автомобили Кореи",
        "Kia Motors LLC",
        "Ivan 1985",
        "Агент 007",
        "J. R. R. Tolkien",
        "Тер-Петросян",
        "Айгүл",
        "O‘ktam",
        "ნინო",
    ] {
        assert_eq!(parsed(text), Ok(text.to_owned()), "{text:?}");
    }
}

#[test]
fn cleaned_names() {
    for (text, want) in [
        ("  Иван \n Петров\t", "Иван Петров"),
        ("Иван\r\nПетров", "Иван Петров"),
        ("Иван\u{A0}\u{A0}Петров", "Иван Петров"),
        ("Меня зовут Олег", "Олег"),
        ("меня зовут Олег.", "Олег"),
        ("Привет, меня зовут Олег", "Олег"),
        ("Здравствуйте! Меня зовут Анна Мария!", "Анна Мария"),
        ("Добрый день, я Олег", "Олег"),
        ("Это Олег 🙂", "Олег"),
        ("Имя: Олег", "Олег"),
        ("Я — Олег", "Олег"),
        ("Можно просто Олег", "Олег"),
        ("Здравствуйте, Олег", "Олег"),
        ("Привет! Олег", "Олег"),
        ("Hello, my name is John Smith", "John Smith"),
        ("My name is Kia", "Kia"),
        ("Меня зовут Салам", "Салам"),
        ("I'm John", "John"),
        ("Здравствуйте Анна Петрова", "Анна Петрова"),
        ("hey John", "John"),
        ("Олег, тел. 89501234567", "Олег"),
        ("Олег 89501234567", "Олег"),
        ("Олег, +7 (950) 123-45-67", "Олег"),
        ("8 950 123 45 67 Олег Петров", "Олег Петров"),
        ("Меня зовут Олег, 89501234567", "Олег"),
        ("Олег - 89501234567", "Олег"),
        ("Анна, привет", "Анна"),
        ("Да, Иван", "Иван"),
        ("Спасибо, Иван", "Иван"),
        ("Иван, пожалуйста", "Иван"),
        ("Меня Олег зовут", "Олег"),
        ("Олег меня зовут", "Олег"),
        ("Здравствуйте, меня Олег зовут", "Олег"),
        ("Меня зовут Нам", "Нам"),
        ("привет олег", "олег"),
        ("Привет\nОлег", "Олег"),
        ("Олег\nДобрый день", "Олег"),
        ("你好，我叫李娜", "李娜"),
    ] {
        assert_eq!(parsed(text), Ok(want.to_owned()), "{text:?}");
    }
}

#[test]
fn what_is_no_name_is_asked_again() {
    for text in [
        ".",
        "...",
        "-",
        "—",
        "?",
        "!",
        "👍",
        "🙂",
        "👍🏻👍🏻",
        "👨\u{200D}👩\u{200D}👧",
        "❤️",
        "+",
        "1",
        "123",
        "2000000",
        "٣٤",
        "①",
        "89501234567",
        "+7 950 123-45-67",
        "тел 89501234567",
        "мой номер 8 (950) 123-45-67",
        "https://fem.encar.com/cars/detail/38427498",
        "encar.com/cars/detail/38427498",
        "Kia https://fem.encar.com/cars/detail/38427498",
        "https://t.me/korea_cars",
        "вот https://example.com",
        "/start",
        "/старт 1 /start",
        "Start",
        "да",
        "Нет",
        "не знаю",
        "2 млн",
        "до 2500000",
        "ivan@example.com",
        "@ivan",
        "кто вы?",
        "зачем вам имя?",
        "Позовите менеджера",
        "2,5 млн руб",
        "$25k",
        "50к",
        "до 3 млн",
        "бюджет 2 млн",
        "Привет, хочу заказать Kia K5 2020, меня зовут Олег",
        "Привет, хочу заказать Kia K5…, меня зовут Олег",
        "Здравствуйте! Интересует Hyundai Palisade из Кореи, бюджет до 4 млн. Олег",
        "Добрый день. Нужна машина до 3 миллионов",
        "хочу машину",
        "Хочу Kia K5",
        "ищем кроссовер",
        "Подскажите, сколько стоит доставка?",
        "привет всем",
        "здравствуйте ищем пикап",
        "Здравствуйте, Kia",
        "Здравствуйте, подскажите цену",
        "Kia K5",
        "Киа К5 2021",
        "BMW",
        "Тойота Камри",
        "Mercedes E200, 2020, пробег до 50 тыс",
        "Меня зовут Олег, хочу Kia K5",
        "Олег, хочу Kia",
        "Hi, I want to order a Kia K5, my name is Oleg",
        "Looking for a Hyundai",
        "Hello, I need a car",
        "спасибо",
        "Можно машину из Кореи?",
        "Мне бы автомобиль до двух миллионов",
        "Пропустить",
        "← Назад",
        "хорошо",
        "менеджер",
        "Ладно, давайте",
        "Хорошо, жду",
        "Это я",
        "K5",
        "CX-5",
        "Х5",
        "GLE 350",
        "K5 2020",
        "Sportage",
        "Камри",
        "Санта Фе",
        "Лада Гранта",
        "Tesla Model 3",
        "меня зовут олег хочу машину",
    ] {
        assert_eq!(parsed(text), Err(NameError::NotAName), "{text:?}");
    }
    for text in [
        "Привет",
        "привет!",
        "Привет 👋",
        "Здравствуйте",
        "ЗДРАВСТВУЙТЕ!!!",
        "Здравствуйте.",
        "Здраствуйте",
        "Добрый день",
        "Добрый\nдень",
        "добрый вечер)",
        "Доброе утро ☀️",
        "Доброго времени суток",
        "Hello",
        "hi",
        "Hey!",
        "Good morning",
        "안녕하세요",
        "你好",
        "Салам алейкум",
        "Салам",
    ] {
        assert_eq!(parsed(text), Err(NameError::Greeting), "{text:?}");
    }
    for (text, want) in [
        ("", NameError::Empty),
        ("   ", NameError::Empty),
        ("\n\t\r\n", NameError::Empty),
        ("\u{200B}", NameError::Empty),
        ("\u{FEFF} \u{2060}\u{3164}\u{2800}", NameError::Empty),
        ("Ив\u{0}ан", NameError::Unreadable),
        ("\u{1b}[31mИван", NameError::Unreadable),
        ("Иван\u{7f}", NameError::Unreadable),
        ("Иван\u{9b}", NameError::Unreadable),
        ("\u{202E}navI", NameError::Unreadable),
        ("\u{2066}Иван\u{2069}", NameError::Unreadable),
    ] {
        assert_eq!(parsed(text), Err(want), "{text:?}");
    }
}

#[test]
fn counts_characters_not_bytes() {
    for letter in ["a", "я", "김"] {
        assert!(Name::parse(&letter.repeat(100)).is_ok(), "{letter}");
        assert_eq!(Name::parse(&letter.repeat(101)), Err(NameError::TooLong), "{letter}");
    }
    assert!(Name::parse(&format!("  {}  ", "я".repeat(100))).is_ok());
    assert!(Name::parse(&format!("Я{}", "🚗".repeat(99))).is_ok());
}

#[test]
fn imports() {
    for (text, want) in [
        ("Иван", "Иван"),
        (" Иван\nПетров ", "Иван Петров"),
        ("Ив\u{0}ан", "Иван"),
        ("\u{202E}Иван", "Иван"),
        ("👍", "👍"),
        ("Привет", "Привет"),
        ("", "Без имени"),
        (" \u{0} ", "Без имени"),
        ("\u{200B}", "Без имени"),
    ] {
        assert_eq!(Name::imported(text).as_str(), want, "{text:?}");
    }
    assert_eq!(Name::imported(&"я".repeat(5000)).as_str(), "я".repeat(100));
}

#[test]
fn stored_names_are_trusted() {
    for stored in ["я".repeat(300), "👍".into(), "https://example.com/1".into()] {
        let name: Name = serde_json::from_value(stored.clone().into()).expect("stored name");
        assert_eq!(name.as_str(), stored);
    }
    assert_eq!(serde_json::to_string(&Name::imported("Иван")).ok(), Some("\"Иван\"".into()));
}

proptest! {
    #[test]
    fn any_text_gives_a_right_name_or_an_error(text in any::<String>()) {
        if let Ok(name) = Name::parse(&text) {
            prop_assert!((1..=100).contains(&name.as_str().chars().count()));
            prop_assert!(name.as_str().chars().any(char::is_alphabetic));
            prop_assert!(text::clean(&text).contains(name.as_str()) || text::digits_in(&text) >= 6);
        }
    }

    #[test]
    fn texts_of_such_words_too(text in "((Привет|привет|[,.!] ?|меня зовут|Олег|Kia|хочу|8950|👋|https://a\\.ru/1|-|Я) ){0,12}") {
        if let Ok(name) = Name::parse(&text) {
            prop_assert!(!name.as_str().contains("https") && !name.as_str().contains("хочу"), "{}", name.as_str());
        }
    }

    #[test]
    fn an_imported_name_is_always_short_and_visible(text in any::<String>()) {
        let name = Name::imported(&text);
        prop_assert!((1..=100).contains(&name.as_str().chars().count()) && text::is_visible(name.as_str()));
    }
}
