//! Forms that a dealer has shaped in `dealer.toml`: asked, stored over kills, delivered into the fields that they name, and
//! changed while buyers are in them.

use testkit::{
    buyer::CARD,
    fakes::amocrm::account::{Entity, Field, LINK_FIELD, SELECT_FIELD, TEXT_FIELD},
    world::World,
};

const NAME_AND_PHONE: &str = "[[question]]\nkey = \"name\"\n[[question]]\nkey = \"phone\"\n";

/// Every kind of question; Korean words, optional questions, quick answers, fields of every type.
const TWELVE: &str = r#"
[[question]]
key = "city"
kind = "choice"
ask = { ko = "어느 도시에 계세요?" }
label = { ko = "도시" }
choices = [{ ko = "서울" }, { ko = "부산" }]
crm_field = "CITY"
[[question]]
key = "name"
[[question]]
key = "phone"
[[question]]
key = "budget"
kind = "money"
crm_field = "TG_BUDGET"
[[question]]
key = "year"
kind = "number"
ask = { ru = "Год выпуска не старше?" }
label = { ru = "Год" }
choices = [{ ru = "2021" }, { ru = "2023" }]
crm_field = 9101
[[question]]
key = "until"
kind = "date"
ask = { ru = "К какому дню?" }
label = { ru = "К дню" }
crm_field = "UNTIL"
[[question]]
key = "trade_in"
kind = "choice"
ask = { ru = "Сдаёте свой автомобиль?" }
label = { ru = "Трейд-ин" }
choices = [{ ru = "Да", en = "Yes" }, { ru = "Нет", en = "No" }]
crm_field = "TRADE_IN"
[[question]]
key = "colour"
kind = "choice"
ask = { ru = "Какой цвет?" }
label = { ru = "Цвет" }
choices = [{ ru = "Белый" }, { ru = "Чёрный" }]
free_text = true
crm_field = "NOT_THERE"
[[question]]
key = "wishes"
kind = "text"
ask = { ru = "Пожелания к комплектации?" }
label = { ru = "Комплектация" }
crm_field = 9005
[[question]]
key = "car_link"
kind = "link"
crm_field = "TG_CAR_LINK"
[[question]]
key = "own_car"
kind = "link"
ask = { ru = "Ссылка на ваш автомобиль?" }
label = { ru = "Свой автомобиль" }
optional = true
[[question]]
key = "photos"
kind = "files"
ask = { ru = "Фото?" }
label = { ru = "Фото" }
optional = true
"#;

#[tokio::test]
async fn twelve_questions_of_every_kind_reach_the_note_and_their_fields() {
    let mut world = World::new().await;
    world.write("dealer.toml", TWELVE);
    let leads = |id, kind, code| Field::new(id, Entity::Leads, kind, "Поле", Some(code));
    world.amocrm.account(|account| {
        account.fields.push(leads(9100, "select", "CITY").choices(91_001, &["서울", "부산"]));
        account.fields.push(leads(9101, "numeric", "YEAR"));
        account.fields.push(leads(9102, "date", "UNTIL"));
        account.fields.push(leads(9103, "checkbox", "TRADE_IN"));
    });
    world.start();
    let mut ivan = world.buyer("Иван");
    let asked = ivan.commands("/start", "Вопрос 1 из 12").await;
    assert!(asked.text.contains("어느 도시에 계세요?") && asked.has_button("answer:city:1"), "{asked:?}");
    ivan.presses("answer:city:1", "Как вас зовут").await;
    world.kill().await;
    world.start();
    ivan.presses("answer:name:0", "номер телефона").await;
    ivan.says("8 (999) 123-45-67", "Вопрос 4 из 12").await;
    ivan.presses("answer:budget:0", "Вопрос 5 из 12").await;
    // Back, with what was answered, which one press keeps.
    let back = ivan.presses("back", "Вопрос 4 из 12").await;
    assert!(back.text.contains("до 1,5 млн") && back.has_button("keep"), "{back:?}");
    world.kill().await;
    world.start();
    ivan.presses("keep", "Год выпуска").await;
    ivan.says("давно", "одно число").await;
    ivan.says("от 2019 года", "К какому дню").await;
    ivan.says("потом", "Не понял дату").await;
    let trade_in = ivan.says("25 декабря 2026", "Сдаёте").await;
    let colour = ivan.presses("answer:trade_in:0", "Какой цвет").await;
    // A second tap, and a button of an earlier message: the form stays where it is.
    ivan.user.press_on(trade_in.message_id, "answer:trade_in:0").expect("the button is there");
    ivan.user.press_on(back.message_id, "keep").expect("the button is there");
    ivan.hears("Это кнопка от прошлого сообщения").await;
    assert_eq!(ivan.has("Это кнопка от прошлого сообщения"), 1, "{}", ivan.user.transcript());
    assert!(colour.has_button("answer:colour:1"));
    ivan.says("зелёный металлик", "Пожелания к комплектации").await;
    ivan.says("с люком и подогревом", "encar.com").await;
    ivan.says("encar.com/cars/detail/38427498", "на ваш автомобиль").await;
    ivan.presses("skip", "Фото?").await;
    let card = ivan.presses("done", CARD).await;
    for line in ["도시: 부산", "Год: от 2019 года", "К дню: 25.12.2026", "Цвет: зелёный металлик", "Фото: не указано"]
    {
        assert!(card.text.contains(line), "{line}: {}", card.text);
    }
    world.kill().await;
    world.start();
    ivan.user.say("Отправить");
    let number = testkit::world::number_in(&ivan.hears("принята").await.text);
    let lead = world.delivered(&number).await;
    for (field, value) in [
        (9100, "부산"),
        (9001, "1500000"),
        (9101, "2019"),
        (9103, "true"),
        (9005, "с люком и подогревом"),
        (LINK_FIELD, "https://fem.encar.com/cars/detail/38427498"),
    ] {
        assert_eq!(lead.field(field).as_deref(), Some(value), "{field}: {lead:?}");
    }
    assert!(lead.field(9102).is_some_and(|date| date.contains("2026-12-25")), "{lead:?}");
    let note = &lead.notes[0];
    for line in [
        "도시: 부산",
        "Бюджет: до 1,5 млн",
        "Трейд-ин: Да",
        "Цвет: зелёный металлик",
        "Комплектация: с люком и подогревом",
    ] {
        assert!(note.lines().any(|said| said == line), "{line} is not in\n{note}");
    }
    // The field that is not there keeps nobody back, and is told once.
    world.admin_reads("colour.crm_field = NOT_THERE").await;
    assert_eq!(world.admin_has("не попадают"), 0);
    assert_eq!(world.amocrm.contract_violations(), Vec::<String>::new());
}

#[tokio::test]
async fn one_question_beside_name_and_phone_is_a_whole_form() {
    let mut world = World::new().await;
    let question = "[[question]]\nkey = \"status\"\nkind = \"text\"\nask = { ko = \"무엇을 찾으세요?\" }\nlabel = { ko = \"희망\" }\n";
    let field = format!("crm_field = {TEXT_FIELD}\n");
    world.write("dealer.toml", &format!("{NAME_AND_PHONE}{question}{field}"));
    world.start();
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    ivan.commands("/start", "Вопрос 1 из 3").await;
    ivan.says("Иван Петров", "номер телефона").await;
    ivan.says("89991234567", "무엇을 찾으세요?").await;
    let card = ivan.says("소나타", "희망: 소나타").await;
    assert!(!card.text.contains("Бюджет") && !card.text.contains("Автомобиль"), "{}", card.text);
    let number = ivan.submits().await;
    world.backup_holds(1).await;
    let entry = world.backup().remove(0);
    // Other things stand under the question's key.
    for (key, value) in [("answer_status", "소나타"), ("status", "pending"), ("budget", ""), ("car_link", "нет")]
    {
        assert_eq!(entry[key], value, "{key}: {entry}");
    }
    world.admin_reads("희망: 소나타").await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("소나타") && !shown.contains("budget:"), "{shown}");
    // The field goes just before the lead comes: it is made without.
    world.amocrm.account(|account| account.fields.retain(|field| field.id != TEXT_FIELD));
    world.amocrm.comes_back();
    let lead = world.delivered(&number).await;
    let note = &lead.notes[0];
    assert!(note.contains("희망: 소나타") && !note.contains("Бюджет") && !note.contains("Ссылка"), "{note}");
    assert_eq!((lead.price, lead.field(TEXT_FIELD)), (0, None));
    world.backup_holds(0).await;
    world.run(&["forget", &ivan.user.id.to_string(), "--yes"]).await.ended_with(0);
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("forgotten") && !shown.contains("소나타"), "{shown}");
}

#[tokio::test]
async fn a_form_that_changes_under_its_buyers_loses_nobody() {
    let mut world = World::new().await;
    let city = "[[question]]\nkey = \"city\"\nkind = \"choice\"\nask = \"Город?\"\nlabel = \"Город\"\nchoices = [\"Москва\", \"Тула\"]\n";
    let year =
        |kind: &str| format!("[[question]]\nkey = \"year\"\nkind = \"{kind}\"\nask = \"Год?\"\nlabel = \"Год\"\n");
    world.write("dealer.toml", &format!("{city}{NAME_AND_PHONE}{}[[question]]\nkey = \"budget\"\n", year("text")));
    world.start();
    let mut ivan = world.buyer("Иван");
    let first = ivan.commands("/start", "Город?").await;
    ivan.presses("answer:city:0", "Как вас зовут").await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "Год?").await;
    ivan.says("свежий", "Какой у вас бюджет").await;
    world.kill().await;
    // The city and the budget are not asked any more, the year is another kind, and the country is new.
    let country = "[[question]]\nkey = \"country\"\nkind = \"text\"\nask = \"Из какой страны?\"\nlabel = \"Страна\"\n";
    world.write("dealer.toml", &format!("{NAME_AND_PHONE}{country}{}", year("number")));
    world.start();
    ivan.user.press_on(first.message_id, "answer:city:1").expect("the button is there");
    ivan.hears("Это кнопка от прошлого сообщения").await;
    ivan.commands("/start", "Из какой страны?").await;
    ivan.says("Корея", "Год?").await;
    let card = ivan.says("2021", CARD).await;
    assert!(card.text.contains("Страна: Корея") && !card.text.contains("Москва"), "{}", card.text);
    let lead = world.delivered(&ivan.submits().await).await;
    for line in ["Город: Москва", "Страна: Корея", "Год: 2021"] {
        assert!(lead.notes[0].lines().any(|said| said == line), "{line} is not in\n{}", lead.notes[0]);
    }
}

#[tokio::test]
async fn a_value_that_its_field_refuses_is_left_to_the_note() {
    let mut world = World::new().await;
    let question = "[[question]]\nkey = \"state\"\nkind = \"choice\"\nask = \"Какой?\"\nlabel = \"Состояние\"\nchoices = [\"Новый\", \"После аварии\"]\n";
    world.write("dealer.toml", &format!("{NAME_AND_PHONE}{question}crm_field = {SELECT_FIELD}\n"));
    world.start();
    for (name, choice, field) in [("Иван", 0, Some("Новый")), ("Анна", 1, None)] {
        let mut buyer = world.buyer(name);
        buyer.commands("/start", "зовут").await;
        buyer.says(name, "номер телефона").await;
        buyer.says("89991234567", "Какой?").await;
        buyer.presses(&format!("answer:state:{choice}"), CARD).await;
        let lead = world.delivered(&buyer.submits().await).await;
        assert_eq!(lead.field(SELECT_FIELD).as_deref(), field, "{lead:?}");
        assert!(lead.notes[0].contains("Состояние: "), "{}", lead.notes[0]);
    }
    world.admin_reads("После аварии").await;
    assert_eq!((world.admin_has("После аварии"), world.admin_has("не попадают")), (1, 0));
}

#[tokio::test]
async fn wrong_settings_are_told_with_their_lines_and_nothing_starts() {
    let mut world = World::new().await;
    let checked = world.run(&["check-settings"]).await.ended_with(0).said();
    assert!(checked.contains("the built-in form") && checked.contains("car_link (link, optional)"), "{checked}");
    world.keeps_secrets(&checked);
    let token = world.env.remove("BOT_TOKEN").expect("set");
    let checked = world.run(&["check-settings"]).await.ended_with(0);
    assert!(checked.stderr.starts_with("BOT_TOKEN: is missing") && checked.stdout.contains("the built-in ones"));
    assert!(checked.stdout.starts_with("The bot cannot start without BOT_TOKEN"), "{}", checked.stdout);
    let links = world.run(&["links", "avito", "--bot", "@cars_bot"]).await.ended_with(0).said();
    assert!(links.contains("https://t.me/cars_bot?start=avito"), "{links}");
    world.set("BOT_TOKEN", token);

    world.write("dealer.toml", "time_zone = \"Europe/Moskow\"\n[[question]]\nkey = \"name\"\nkind = \"nmae\"\n");
    world.set("PHONE_REGION", "Russia");
    world.write("texts/ru.ftl", "no-such-text = Да\n");
    for command in ["check-settings", "run"] {
        let told = world.run(&[command]).await.ended_with(78).said();
        for words in [
            "line 1, column 13",
            "Europe/Moscow",
            "line 4, column 8",
            "Did you mean name?",
            "phone",
            "PHONE_REGION",
            "no-such-text",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        world.keeps_secrets(&told);
    }
    world.unset("PHONE_REGION");
    world.write("texts/ru.ftl", "ask-name = Имя?\n");
    world.write("form.toml", &format!("{NAME_AND_PHONE}[unfinished]\ndeliver_after = \"1h\"\n"));
    world.set("SETTINGS_FILE", world.path("form.toml").display().to_string());
    let told = world.run(&["check-settings"]).await.ended_with(0).said();
    assert!(
        !told.contains("not used by this version")
            && told.contains("Questions:   2")
            && told.contains("ru.ftl: 1 of its own: ask-name"),
        "{told}"
    );
    world.set("SETTINGS_FILE", world.path("nowhere.toml").display().to_string());
    let told = world.run(&["check-settings"]).await.ended_with(78).said();
    assert!(told.contains("SETTINGS_FILE") && told.contains("nowhere.toml"), "{told}");
}
