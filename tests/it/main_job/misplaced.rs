//! What people say in another place than where it is asked: it is kept for its question, and passes for no other answer.

use serde_json::json;
use testkit::buyer::CARD;
use testkit::world::{Answers, PATIENCE, World};

const CAR: &str = "https://fem.encar.com/cars/detail/38427498";

#[tokio::test]
async fn what_is_no_name_is_asked_again_and_what_stood_beside_it_is_kept() {
    let world = World::running().await;
    let mut oleg = world.buyer("Олег");
    oleg.begins().await;
    for text in [".", "👍", "12345", "Kia K5", "Хочу машину из Кореи"] {
        let told = oleg.says(text, "Как вас зовут").await.text;
        assert!(told.contains("как к вам обращаться"), "{text}: {told}");
    }
    assert!(oleg.says("Здравствуйте!", "Как вас зовут").await.text.starts_with("Здравствуйте!"));
    let wish = format!("Привет, хочу заказать Kia K5 {CAR}вот такую, бюджет до 2,5 млн, тел. +9501234567");
    let told = oleg.says(&wish, "Как вас зовут").await.text;
    for noted in ["+79501234567", "сумму: до 2,5 млн", CAR, "хочу заказать Kia K5"] {
        assert!(told.contains(noted), "{noted}: {told}");
    }
    let card = oleg.says("меня зовут Олег", CARD).await.text;
    for line in ["Имя: Олег", "Телефон: +79501234567", "до 2,5 млн", CAR] {
        assert!(card.contains(line), "{line}: {card}");
    }
    oleg.presses("edit:budget", "бюджет").await;
    oleg.says("3 млн", CARD).await;
    let lead = world.delivered(&oleg.submits().await).await;
    assert!(lead.name.contains("Олег") && !lead.name.contains("Kia") && lead.price == 3_000_000, "{lead:?}");
    assert!(lead.notes[0].contains(CAR) && lead.notes[0].contains("хочу заказать Kia K5"), "{}", lead.notes[0]);
    oleg.never_read_of_an_error();
}

#[tokio::test]
async fn all_said_in_one_message_before_any_form_is_filled_in() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let other = "https://auto.ru/cars/used/sale/1119";
    ivan.user.say(&format!("Зоя Ким +79161234567 бюджет 2,5 млн руб {CAR} {other} белую"));
    let card = ivan.hears(CARD).await.text;
    for line in
        ["Имя: Зоя Ким", "Телефон: +79161234567", "Бюджет: 2,5 млн руб (2 500 000 ₽)", CAR, other, "Пожелания: белую"]
    {
        assert!(card.contains(line), "{line}: {card}");
    }
    let lead = world.delivered(&ivan.submits().await).await;
    assert_eq!(lead.price, 2_500_000);
    for line in ["Бюджет: 2,5 млн руб", CAR, other, "Пожелания: белую"] {
        assert!(lead.notes[0].contains(line), "{line}: {}", lead.notes[0]);
    }
}

#[tokio::test]
async fn words_about_the_car_answer_the_question_about_its_link() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89501234567 Toyota Camry 2021", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    let told = ivan.says("белая, без люка", "Записал, передам менеджеру").await.text;
    assert!(told.contains("Если есть ссылка"), "{told}");
    let told = ivan.hears(CARD).await.text;
    for line in ["Автомобиль: обсудим с менеджером", "Пожелания: Toyota Camry 2021; белая, без люка"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    let card = ivan.says(CAR, CARD).await.text;
    assert!(card.contains(CAR), "{card}");
    let lead = world.delivered(&ivan.submits().await).await;
    assert!(lead.notes[0].contains("Toyota Camry 2021; белая, без люка"), "{}", lead.notes[0]);
}

#[tokio::test]
async fn an_answer_is_not_taken_for_the_next_question() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.says("Иван", "номер телефона").await;
    let told = ivan.says("Иван", "номер телефона").await.text;
    assert!(told.contains("уже пришло"), "{told}");
    ivan.says("8 950 123-45-67", "бюджет").await;
    ivan.says("8 950 123-45-67", "бюджет").await;
    for phone in ["+79501234567", "89501234567", "мой номер 9501234567", "89161234567"] {
        let told = ivan.says(phone, "бюджет").await.text;
        assert!(told.contains("а не сумма") && told.contains("+79501234567"), "{told}");
    }
    let told = ivan.says(CAR, "бюджет").await.text;
    assert!(told.contains("а не сумма") && told.contains(CAR), "{told}");
    let card = ivan.says("2 млн", CARD).await.text;
    assert!(card.contains(CAR), "{card}");
    let lead = world.delivered(&ivan.submits().await).await;
    assert_eq!(lead.price, 2_000_000, "{lead:?}");
}

#[tokio::test]
async fn a_message_sent_again_much_later_is_an_answer() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let says_at = |ivan: &testkit::world::Buyer, text: &str, date: i64| {
        ivan.user.message_with(json!({"text": text, "date": date}), text);
    };
    let now = chrono::Utc::now().timestamp();
    ivan.begins().await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89501234567", "бюджет").await;
    says_at(&ivan, "не знаю", now + 100);
    ivan.hears("ссылку").await;
    says_at(&ivan, "не знаю", now + 103);
    ivan.hears("уже пришло").await;
    says_at(&ivan, "не знаю", now + 120);
    ivan.hears(CARD).await;
}

#[tokio::test]
async fn links_behind_words_count_in_texts_captions_and_albums() {
    let world = World::running().await;
    let hidden = |offset: usize| {
        json!([
            {"type": "text_link", "offset": 0, "length": 2, "url": "https://t.me/korea_cars"},
            {"type": "text_link", "offset": offset, "length": 3, "url": CAR},
        ])
    };
    let words = "🚗 наш канал и вот";
    let photo = json!([{"file_id": "AgACAgIAAxkBAAIB", "file_unique_id": "AQADx", "width": 90, "height": 90}]);
    let buttons = json!({"inline_keyboard": [
        [{"text": "Канал", "url": "https://t.me/korea_cars"}, {"text": "Машина", "url": CAR}]
    ]});
    for fields in [
        json!({"text": words, "entities": hidden(15)}),
        json!({"photo": photo, "caption": words, "caption_entities": hidden(15)}),
        json!({"photo": photo, "caption": words, "caption_entities": hidden(15), "media_group_id": "77"}),
        json!({"photo": photo, "caption": "Kia K5", "reply_markup": buttons}),
        json!({"text": "Kia K5", "reply_markup": buttons}),
        json!({"text": "Kia K5", "link_preview_options": {"url": CAR}}),
    ] {
        let mut ivan = world.buyer("Иван");
        ivan.begins().await;
        ivan.says("Иван", "номер телефона").await;
        ivan.says("89501234567", "бюджет").await;
        ivan.says("2 млн", "ссылку").await;
        ivan.user.message_with(fields.clone(), "(сообщение со скрытыми ссылками)");
        let card = ivan.hears(CARD).await.text;
        assert!(card.contains(CAR), "{fields}: {card}");
        if fields.get("media_group_id").is_some() {
            ivan.user.message_with(fields, "(второе фото)");
            world.telegram.wait_until_confirmed(PATIENCE).await.expect("all are taken");
            assert_eq!((ivan.has(CARD), ivan.has("только текст")), (1, 0), "{}", ivan.user.transcript());
        }
    }
}

#[tokio::test]
async fn a_forwarded_advertisement_is_kept_until_its_question() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.user.photo_with_caption(&format!("Kia K5, 2020 {CAR}👍"));
    let told = ivan.hears("Как вас зовут").await.text;
    assert!(told.contains(CAR), "{told}");
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89501234567", "бюджет").await;
    let card = ivan.says("2 млн", CARD).await.text;
    assert!(card.contains(CAR), "{card}");
}

#[tokio::test]
async fn the_senders_own_contact_is_always_taken() {
    let world = World::running().await;
    for (shared, taken) in
        [("88801234567", "+88801234567"), ("+99966212345", "+99966212345"), ("79501234567", "+79501234567")]
    {
        let mut ivan = world.buyer("Иван");
        ivan.begins().await;
        ivan.says("Иван", "номер телефона").await;
        ivan.user.share_contact_of(shared, ivan.user.id + 1);
        if shared != "79501234567" {
            ivan.hears("номер телефона").await;
            ivan.user.share_contact(shared);
        }
        ivan.hears("бюджет").await;
        ivan.says("2 млн", "ссылку").await;
        let card = ivan.says("нет", CARD).await.text;
        assert!(card.contains(taken), "{card}");
    }
    let mut ivan = world.buyer("Иван");
    let card = ivan.answers(Answers { phone: "+9611234567", ..Answers::default() }).await.text;
    assert!(card.contains("+79611234567"), "{card}");
}
