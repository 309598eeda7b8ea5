use super::super::payload::tests::{lead, settings};
use super::*;
use crate::lead::SourceCode;
use serde_json::{from_value, json};

fn number(text: &str) -> LeadNumber {
    LeadNumber::parse(text).expect("a number")
}

#[test]
fn holds_every_answer_as_typed() {
    let notes = notes(&lead(), &settings(), &OmittedFields::default());
    assert_eq!(
        notes.join("\n---\n"),
        "#K7M2QXA
Имя: Иван Петров
Телефон: +79991234567
Телефон, как введён: 8 (999) 123-45-67
Бюджет: 2,5 млн
Ссылка: https://fem.encar.com/cars/detail/38000001
Ссылка, как прислана: вот http://www.encar.com/dc/dc_cardetailview.do?carid=38000001
Encar ID: 38000001
Telegram: Ivan P, @ivan, id 42
Источник: Telegram-бот
Отправлена: 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)"
    );
}

#[test]
fn says_where_the_buyer_came_from() {
    let described = super::super::payload::tests::source();
    let unknown = LeadSource::unknown(SourceCode::parse("drom__spring").expect("a code"));
    for (source, lines) in [
        (None, vec!["Источник: Telegram-бот"]),
        (
            Some(described),
            vec![
                "Источник: Telegram-бот, Авито (код ссылки avito)",
                "UTM-метки: utm_source=avito, utm_medium=cpc , utm_campaign=, utm_term=encar",
            ],
        ),
        (
            Some(unknown),
            vec![
                "Источник: Telegram-бот, ссылка с кодом drom__spring",
                "UTM-метки: utm_source=drom, utm_campaign=spring",
            ],
        ),
    ] {
        let note = notes(&Lead { source, ..lead() }, &settings(), &OmittedFields::default()).join("");
        let told: Vec<&str> =
            note.lines().filter(|line| line.starts_with("Источник") || line.starts_with("UTM")).collect();
        assert_eq!(told, lines);
    }
}

#[test]
fn says_what_amocrm_did_not_take_and_whose_number_it_is() {
    let mut lead = lead();
    lead.phone = from_value(json!({"e164": "12", "typed": "12", "origin": "foreign_contact"})).expect("a phone");
    lead.car_link = None;
    lead.consent_at = Some(lead.submitted_at);
    let left_out =
        OmittedFields { fields: [501, 502].into(), phone: true, stage: true, tags: true, ..OmittedFields::default() };
    let note = notes(&lead, &settings(), &left_out).join("");
    for line in [
        "Телефон: 12",
        "Внимание: это контакт другого человека, не самого покупателя",
        "Ссылка: нет",
        "Согласие на обработку данных: 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)",
        "amoCRM не принял поле «Бюджет» (501): 2,5 млн",
        "amoCRM не принял поле «Телефон»: 12",
        "amoCRM не принял поле «Воронка»: 101",
        "amoCRM не принял поле «Этап»: 202",
        "amoCRM не принял поле «Теги»: telegram_bot, encar",
    ] {
        assert!(note.lines().any(|found| found == line), "{line} is not in\n{note}");
    }
    assert!(!note.contains("как введён") && !note.contains("(502)"));
    lead.consent = from_value(json!({"version": "2026-12", "id": "00ff"})).ok();
    let note = notes(&lead, &settings(), &left_out).join("");
    let line = "Согласие на обработку данных: версия 2026-12, 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)";
    assert!(note.lines().any(|found| found == line) && !note.contains("00ff"), "{note}");
}

#[test]
fn a_long_text_becomes_several_notes_that_can_all_be_found() {
    let text = format!("{}\n{}\n{}", "а".repeat(70), "б".repeat(250), "в".repeat(10));
    let parts = split(&number("K7M2QXA"), &text, 100);
    assert!(parts.len() > 3);
    let mut whole = String::new();
    for (at, part) in parts.iter().enumerate() {
        assert!(part.chars().count() <= 100, "{part}");
        let (heading, rest) = part.split_once('\n').expect("a heading");
        assert_eq!(heading, format!("#K7M2QXA ({}/{})", at + 1, parts.len()));
        whole.push_str(rest);
    }
    assert_eq!(whole.replace('\n', ""), text.replace('\n', ""));
}

#[test]
fn nothing_typed_stands_there_as_a_key_or_is_lost_on_the_way() {
    let lead = Lead {
        name: from_value(json!("🚗")).expect("a name"),
        budget: from_value(json!({"typed": "🤷", "price": 0})).ok(),
        car_link: from_value(json!({"url": "https://a.b/c#N7HR3T9", "typed": "a.b/c 🚗 #N7HR3T9"})).ok(),
        buyer: from_value(json!({"user_id": 1, "username": "x", "full_name": "#N7HR3T9 🙂 a\u{0}b\u{7}c"}))
            .expect("a buyer"),
        ..lead()
    };
    let note = notes(&lead, &settings(), &OmittedFields::default()).remove(0);
    for line in [
        "#K7M2QXA",
        "Имя: Без имени",
        "Бюджет: (только эмодзи)",
        "Ссылка: https://a.b/c#%4E7HR3T9",
        "Ссылка, как прислана: a.b/c № N7HR3T9",
        "Telegram: № N7HR3T9 abc, @x, id 1",
    ] {
        assert!(note.lines().any(|found| found == line), "{line} is not in\n{note}");
    }
    assert_eq!(note.matches('#').count(), 2, "{note}");
}

#[test]
fn a_note_is_known_by_its_heading_and_by_what_stands_under_it() {
    let key = number("K7M2QXA");
    let lead = Lead {
        name: from_value(json!("<b>Иван</b> & \"Ко\"")).expect("a name"),
        budget: from_value(json!({"typed": "до 3 млн 🤷, см. #N7HR3T9", "price": 0})).ok(),
        ..lead()
    };
    let ours = notes(&lead, &settings(), &OmittedFields::default()).remove(0);
    let under = ours.strip_prefix("#K7M2QXA\n").expect("a heading");
    let escaped = ours.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let older = |name: &str| {
        format!("Заявка #K7M2QXA\nИмя: {name}\n{}", under.split_once('\n').expect("lines").1).replace('№', "#")
    };
    for there in [
        ours.clone(),
        escaped.clone(),
        format!("{escaped}\n"),
        escaped.replace('&', "&amp;"),
        ours.replace('\n', " "),
        ours.replace('\n', "\r\n"),
        ours.chars().take(120).collect(),
        format!("{}\nБюджет: иначе", ours.lines().take(3).collect::<Vec<_>>().join("\n")),
        older("<b>Иван</b> & \"Ко\""),
        older("&lt;b&gt;Иван&lt;/b&gt; &amp; &quot;Ко&quot;"),
        older(""),
    ] {
        assert!(is_same(&there, &ours, &key), "{there}");
        assert!(belongs_to(&there, &key), "{there}");
    }
    for there in [
        String::new(),
        "#K7M2QXA".into(),
        "#K7M2QXA перезвонить в пять".into(),
        "#K7M2QXA\nперезвонить в пять".into(),
        "#K7M2QXA Сообщение покупателя: Имя: Иван".into(),
        "Заявка #K7M2QXA".into(),
        "Заявка #K7M2QXA: клиент просил перезвонить".into(),
        format!("См. #K7M2QXA\n{under}"),
        format!("> {ours}"),
        format!("#N7HR3T9\n{under}"),
        format!("#K7M2QXAB\n{under}"),
        format!("#N7HR3T9\nИмя: #K7M2QXA\n{under}"),
        format!("#K7M2QXA (1/2)\n{under}"),
        under.to_owned(),
    ] {
        assert!(!is_same(&there, &ours, &key), "{there}");
    }
    let long = Lead { budget: from_value(json!({"typed": "слово ".repeat(4000), "price": 0})).ok(), ..lead };
    let parts = notes(&long, &settings(), &OmittedFields::default());
    assert!(parts.len() > 1);
    for (i, there) in parts.iter().enumerate() {
        for (j, ours) in parts.iter().enumerate() {
            assert_eq!(is_same(there, ours, &key), i == j, "{i} {j}");
            assert_eq!(is_same(&format!("Заявка {there}"), ours, &key), i == j, "{i} {j}");
        }
    }
    assert!(!is_same(&format!("#K7M2QXA (2/{})\nдругое", parts.len()), &parts[1], &key));
}
