//! Whatever else people send: it is answered with what to do, and the form stays where it was.

use serde_json::json;
use testkit::buyer::CARD;
use testkit::world::{Answers, Buyer, PATIENCE, World};

/// What can be sent at any step, and a word of the answer's reason.
enum Rubbish {
    Does(fn(&Buyer), &'static str),
    Types(String),
}

/// Things that are no answer to any question.
fn never_an_answer() -> Vec<Rubbish> {
    use Rubbish::Does;
    vec![
        Does(|buyer| _ = buyer.user.sticker(), "только текст"),
        Does(|buyer| _ = buyer.user.location(), "только текст"),
        Does(
            |buyer| _ = buyer.user.message_with(json!({"dice": {"emoji": "🎲", "value": 3}}), "(кубик)"),
            "только текст",
        ),
        Does(|buyer| _ = buyer.user.message_with(json!({"brand_new": {"a": 1}}), "(неизвестное)"), "только текст"),
        Does(|buyer| _ = buyer.user.command("/nonsense"), "не знаю"),
        Does(|buyer| _ = buyer.user.command("/"), "не знаю"),
        Does(|buyer| _ = buyer.user.command("/start2 x"), "не знаю"),
        Does(|buyer| _ = buyer.user.press_raw("nonsense"), "от прошлого сообщения"),
        Does(|buyer| _ = buyer.user.press_raw(""), "от прошлого сообщения"),
        Does(|buyer| _ = buyer.user.press_raw("submit "), "от прошлого сообщения"),
        Does(|buyer| _ = buyer.user.press_inaccessible(1, "back"), "от прошлого сообщения"),
        Does(|buyer| buyer.user.edit_last("исправлено"), "я не вижу"),
        Does(|buyer| _ = buyer.user.command("/help"), "Я принимаю заявки"),
    ]
}

/// Texts in which there is no name, phone or link.
fn empty_texts() -> Vec<Rubbish> {
    ["   ", "\n\t\n", "\u{200B}\u{FEFF}", "\u{2800}", "\u{0}", "\u{202E}"]
        .map(|text| Rubbish::Types(text.into()))
        .into()
}

async fn send(buyer: &mut Buyer, rubbish: &Rubbish, question: &str) {
    match rubbish {
        Rubbish::Does(act, reason) => {
            act(buyer);
            let told = buyer.hears(reason).await.text;
            if !told.contains(question) {
                // An update that only a newer library could read is answered without the form's context.
                assert!(told.contains("только текст") || told.contains("/start"), "what to do? {told}");
            }
        }
        Rubbish::Types(text) => {
            // `say` trims as phones do; what gets through another client is sent as it is.
            buyer.user.message_with(json!({ "text": text }), &format!("{:.20}", text.escape_debug().to_string()));
            let told = buyer.hears(question).await.text;
            assert!(told.len() > question.len() + 10, "why? {told}");
        }
    }
}

#[tokio::test]
async fn rubbish_at_every_step_is_answered_and_changes_nothing() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let long = || Rubbish::Types("я".repeat(4096));
    let steps: [(&str, &str, Vec<Rubbish>); 5] = [
        ("Как вас зовут", "Иван", vec![long(), Rubbish::Types("я".repeat(101)), Rubbish::Types("Ив\u{0}ан".into())]),
        (
            "номер телефона",
            "89991234567",
            vec![
                long(),
                Rubbish::Types("🙂🙂🙂".into()),
                Rubbish::Types("שלום".into()),
                Rubbish::Types("12".into()),
                Rubbish::Types("+7 999 123".into()),
            ],
        ),
        ("бюджет", "2 млн", vec![long(), Rubbish::Types("9".repeat(201))]),
        (
            "ссылку",
            "нет",
            vec![
                long(),
                Rubbish::Types("🚗".into()),
                Rubbish::Types("да".into()),
                Rubbish::Types("фыва".into()),
                Rubbish::Types(format!("https://example.com/{}", "x".repeat(3000))),
            ],
        ),
        (CARD, "", vec![long(), Rubbish::Types("и что теперь".into()), Rubbish::Types("не знаю".into())]),
    ];
    for (question, answer, more) in &steps {
        for rubbish in never_an_answer().iter().chain(&empty_texts()).chain(more) {
            send(&mut ivan, rubbish, question).await;
        }
        if *question != "номер телефона" {
            ivan.user.share_contact("79990000000");
            ivan.hears(question).await;
        }
        if let Some(next) = steps.iter().skip_while(|step| step.0 != *question).nth(1) {
            ivan.says(answer, next.0).await;
        }
    }
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.name.ends_with(" Заявка: Иван") && lead.price == 2_000_000, "{lead:?}");
    for line in ["Телефон: +79991234567", "Бюджет: 2 млн", "Ссылка: нет"] {
        assert!(lead.notes[0].contains(line), "{}", lead.notes[0]);
    }
    ivan.never_read_of_an_error();
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("no update stays at Telegram");
}

#[tokio::test]
async fn rubbish_before_the_first_start_says_how_to_begin() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    for rubbish in [Rubbish::Types("привет".into()), Rubbish::Types("\u{0}".into())] {
        send(&mut ivan, &rubbish, "/start").await;
    }
    ivan.user.sticker();
    assert!(ivan.hears("только текст").await.text.contains("/start"));
    ivan.user.share_contact("79990000000");
    ivan.hears("/start").await;
    world.delivered(&ivan.leaves_a_request().await).await;
}

#[tokio::test]
async fn unusual_answers_are_taken_as_they_are() {
    let world = World::running().await;
    for (name, on_the_card, in_the_crm) in [
        ("Иван 🙂", "Иван 🙂", "Иван"),
        ("Иван🚗", "Иван🚗", "Иван"),
        ("שלום", "שלום", "שלום"),
        ("김철수", "김철수", "김철수"),
        ("<b>Иван</b> & \"Ко\"", "<b>Иван</b> & \"Ко\"", "<b>Иван</b> & \"Ко\""),
        ("Иван\nПетров", "Иван Петров", "Иван Петров"),
        ("'; DROP TABLE leads;--", "'; DROP TABLE leads;--", "'; DROP TABLE leads;--"),
        ("{{name}} %s #AAAAAA2", "{{name}} %s #AAAAAA2", "{{name}} %s № AAAAAA2"),
    ] {
        let mut buyer = world.buyer("Покупатель");
        let card = buyer.answers(Answers { name, budget: "🤷 от души", car: "нет", ..Answers::default() }).await;
        assert!(card.text.contains(on_the_card), "{}", card.text);
        let number = buyer.submits().await;
        let lead = world.delivered(&number).await;
        assert_eq!(lead.name, format!("#{number} Заявка: {in_the_crm}"));
        assert!(lead.notes[0].contains("Бюджет: от души"), "{}", lead.notes[0]);
    }
    assert_eq!(world.amocrm.leads().len(), 8);
}

#[tokio::test]
async fn the_longest_answers_go_through() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let name = format!("Я{}", "🚗".repeat(99));
    let link = format!("https://example.com/{}", "x".repeat(1900));
    let budget = format!("до 3 млн, {}", "очень ".repeat(30));
    ivan.begins().await;
    ivan.says(&name, "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says(budget.trim(), "ссылку").await;
    ivan.says(&link, CARD).await;
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.notes[0].contains(&link) && lead.notes[0].contains("Имя: Я"), "{}", lead.notes[0]);
}

#[tokio::test]
async fn a_group_is_told_to_write_in_private() {
    let world = World::running().await;
    let ivan = world.telegram.user("Иван");
    let group = world.telegram.group("Автоклуб");
    ivan.command_in(&group, "/start");
    let told = world.telegram.wait_for(group.id, |message| message.text.contains("личных"), PATIENCE).await;
    assert!(told.expect("an answer").text.contains("@avto_zayavka_bot"));
    for text in ["Иван Петров", "89991234567", "1 млн", "нет"] {
        ivan.say_in(&group, text);
    }
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
    assert!(
        world.telegram.chat(group.id).len() <= 2,
        "a group is not flooded: {}",
        world.telegram.transcript(group.id)
    );
    let mut private = world.buyer("Другой");
    world.delivered(&private.leaves_a_request().await).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn updates_that_cannot_be_parsed_hold_nobody_up() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    for update in [
        json!({}),
        json!({"message": {}}),
        json!({"message": {"message_id": "x", "chat": {"id": ivan.user.id, "type": "private"}}}),
        json!({"callback_query": {"id": 5}}),
        json!({"brand_new_kind": {"a": [1, 2, 3]}}),
        json!({"message": null}),
        json!({"poll_answer": {}}),
    ] {
        world.telegram.raw_update(update);
    }
    ivan.says("Иван", "номер телефона").await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("they are confirmed");
    assert_eq!(ivan.has("только текст"), 1, "the private chat is answered: {}", ivan.user.transcript());
    ivan.says("89991234567", "бюджет").await;
    ivan.says("1 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    world.delivered(&ivan.submits().await).await;
}

#[tokio::test]
async fn a_buyer_with_an_english_phone_is_spoken_to_in_english() {
    let world = World::running().await;
    let mut john = Buyer::new(&world.telegram, world.telegram.user("John").with_language(Some("en-GB")));
    john.commands("/start", "name").await;
    john.user.sticker();
    john.hears("name").await;
    assert!(!john.user.transcript().contains("Как вас зовут"));
}

/// A whole conversation, to be read by people.
#[tokio::test]
async fn an_album_is_answered_once() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    for (albums, photos, answer) in [(1, 4, "Добавил 4 фото."), (2, 5, "Добавил 5 фото. Всего файлов: 9.")]
    {
        ivan.user.album(photos, None);
        ivan.hears(answer).await;
        world.telegram.wait_until_confirmed(PATIENCE).await.expect("all are taken");
        world.nothing_owed().await;
        assert_eq!(ivan.has("Добавил"), albums, "{}", ivan.user.transcript());
    }
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    ivan.user.album(3, Some("Kia K5 https://fem.encar.com/cars/detail/38427498"));
    let card = ivan.hears(CARD).await.text;
    assert!(card.contains("Файлы: 10") && card.contains("до 10 файлов"), "{card}");
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all are taken");
    world.nothing_owed().await;
    assert_eq!((ivan.has(CARD), ivan.has("Добавил")), (1, 3), "{}", ivan.user.transcript());
}

#[tokio::test]
async fn a_conversation() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.user.sticker();
    ivan.hears("зовут").await;
    ivan.says("Иван Петров", "номер телефона").await;
    ivan.says("12", "не хватает цифр").await;
    ivan.user.share_contact("79991234567");
    ivan.hears("бюджет").await;
    ivan.says("от 2 до 3 млн", "ссылку").await;
    ivan.commands("/start", "начать заново").await;
    ivan.hears("ссылку").await;
    ivan.says("смотрю Kia K5", "Если есть ссылка, пришлите её").await;
    ivan.hears(CARD).await;
    ivan.says("http://www.encar.com/dc/dc_cardetailview.do?carid=38427498", CARD).await;
    ivan.presses("edit:budget", "бюджет").await;
    ivan.says("$25k", CARD).await;
    ivan.says("всё ли так?", "Осталось нажать «Отправить»").await;
    world.amocrm.goes_down();
    let number = ivan.submits().await;
    ivan.hears("сохранена").await;
    world.amocrm.comes_back();
    ivan.hears("передана").await;
    ivan.commands("/cancel", "Отменять нечего").await;
    world.delivered(&number).await;
    // Buttons go beside the next message, before it or after it.
    let transcript = ivan.user.transcript().replace(&number, "НОМЕР");
    let said: Vec<&str> = transcript.lines().filter(|line| !line.contains("(кнопки убраны: ")).collect();
    insta::assert_snapshot!(said.join("\n"));
}
