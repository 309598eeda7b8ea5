//! What is said in one breath, at another question or before any form is taken apart: each part goes to its own question.

use super::*;

#[test]
fn a_wish_in_place_of_an_answer_is_kept_for_the_manager() {
    let (conversation, replies) =
        play(&[Input::Start, text("Хочу Kia K5"), text("Хочу Kia K5"), text("с люком, нужна машина")]);
    assert_eq!(conversation.step, Step::Ask("name"));
    assert!(
        matches!(&replies[0][..], [Say::Noted { wish: Some(_), .. }, Say::NotAName, Say::Ask(Ask { .. })]),
        "{replies:?}"
    );
    let rest = [text("Иван"), text("89991234567"), text("2 млн"), text("ищу белую Kia"), text("нет")];
    let conversation =
        rest.into_iter().fold(conversation, |before, input| turn(before, input, &world(false)).conversation);
    let sent = turn(conversation, Input::Press(Press::Submit), &world(false)).lead.expect("a lead");
    let wish = sent.wish.expect("a wish");
    assert_eq!(wish.as_str(), "Хочу Kia K5; с люком, нужна машина; ищу белую Kia");
    for other in ["да", "Привет", ".", "89991234567", "хорошо"] {
        let draft = play(&[Input::Start, text(other)]).0.draft.expect("a draft");
        assert_eq!(draft.wish, None, "{other}");
    }
}

/// What is said in one breath is taken apart, and is told the manager once.
#[test]
fn a_list_of_answers_at_the_name_is_taken_as_one() {
    for (said, name, steps) in [
        ("Пётр, 89161234567, 3 млн", "Пётр", "car_link"),
        ("Пётр; 8 916 123-45-67; 3 млн", "Пётр", "car_link"),
        ("Пётр\n+7 916 123 45 67\nдо 3 млн", "Пётр", "car_link"),
        ("89161234567, Анна Сергеевна", "Анна Сергеевна", "budget"),
        ("3 млн, Олег", "Олег", "phone"),
        ("Мария, https://fem.encar.com/cars/detail/38427498", "Мария", "phone"),
        ("Пётр, 89161234567, 3 млн, encar.com/cars/detail/38427498", "Пётр", "confirm"),
    ] {
        let (conversation, _) = play(&[Input::Start, text(said)]);
        let draft = conversation.draft.as_ref().expect("a draft");
        assert_eq!(on_step(&conversation), steps, "{said}: {:?}", draft.answers);
        assert!(matches!(&draft.answers["name"], Answer::Name(taken) if taken.as_str() == name), "{said}: {draft:?}");
        assert_eq!(draft.wish, None, "{said}");
    }
    // What is more than a list of answers is kept whole for the manager.
    for said in ["Хочу Kia K5, 89161234567, 3 млн", "Пётр, Анна, 89161234567", "89161234567, 3 млн"] {
        let (conversation, _) = play(&[Input::Start, text(said)]);
        assert_eq!(conversation.step, Step::Ask("name"), "{said}");
    }
}

fn answers(conversation: &Conversation) -> String {
    let draft = conversation.draft.as_ref().expect("a draft");
    let answer = |key: &str| match draft.answers.get(key) {
        None => "?".to_owned(),
        Some(Answer::Name(name)) => name.as_str().to_owned(),
        Some(Answer::Phone(phone)) => phone.e164().to_owned(),
        Some(Answer::Money(budget)) => format!("{} ({})", budget.typed(), budget.price()),
        Some(Answer::Link(link)) => link.as_ref().map_or("-".into(), |link| link.shown().replace('\n', " ")),
        Some(other) => format!("{other:?}"),
    };
    let wish = draft.wish.as_ref().map_or("-", |wish| wish.as_str());
    let all = ["name", "phone", "budget", "car_link"].map(answer).join(" | ");
    format!("{} | {wish}", all)
}

const CAR: &str = "https://fem.encar.com/cars/detail/38427498";

/// Messages to a new form, one after the other, and what it holds then.
#[test]
fn what_is_said_at_any_question_is_kept_for_its_own() {
    for (messages, step, want) in [
        (vec!["Иван Иванов 89161234567 2500000"], "car_link", "Иван Иванов | +79161234567 | 2500000 (2500000) | ? | -"),
        (
            vec!["Меня зовут Олег Петров, 8 (926) 123-45-67, бюджет 2.5 млн, нужна Hyundai Tucson"],
            "car_link",
            "Олег Петров | +79261234567 | бюджет 2.5 млн (2500000) | ? | нужна Hyundai Tucson",
        ),
        (
            vec!["Олег", "Сергей Иванов 89161234567 до 3 млн"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | Сергей Иванов",
        ),
        (
            vec!["89161234567", "Олег 89161234567 до 3 млн"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | -",
        ),
        (vec!["Олег", "Олег 89161234567"], "budget", "Олег | +79161234567 | ? | ? | -"),
        (
            vec!["Олег, хочу Kia", "89161234567 звоните после 18"],
            "budget",
            "Олег | +79161234567 | ? | ? | хочу Kia; звоните после 18",
        ),
        (
            vec!["Олег", "89161234567", "2 млн под ключ"],
            "car_link",
            "Олег | +79161234567 | 2 млн под ключ (2000000) | ? | -",
        ),
        (
            vec!["Олег", "89161234567", "до 3 млн, белая Kia K5"],
            "car_link",
            "Олег | +79161234567 | до 3 млн (3000000) | ? | белая Kia K5",
        ),
        (
            vec!["Олег", "89161234567", "не знаю https://auto.ru/cars/used/1234567"],
            "confirm",
            "Олег | +79161234567 | не знаю (0) | https://auto.ru/cars/used/1234567 | -",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "Toyota Camry 2021 белая"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | Toyota Camry 2021 белая",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "что-нибудь надёжное"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | что-нибудь надёжное",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "цена?", CAR],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 | цена?",
        ),
        (
            vec![
                "Олег",
                "89161234567",
                "2 млн",
                "https://auto.ru/cars/used/1234567 или https://fem.encar.com/cars/detail/38427498 белую",
            ],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 https://auto.ru/cars/used/1234567 | или, белую",
        ),
        (
            vec!["Олег https://auto.ru/cars/used/1234567", "89161234567 https://auto.ru/cars/used/7654321", "2 млн"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | https://auto.ru/cars/used/1234567 https://auto.ru/cars/used/7654321 | -",
        ),
        (vec!["Олег", "89161234567", "2 млн", "да"], "car_link", "Олег | +79161234567 | 2 млн (2000000) | ? | -"),
        (vec!["Олег", "89161234567", "2 млн", "asdf"], "car_link", "Олег | +79161234567 | 2 млн (2000000) | ? | -"),
        (
            vec!["Олег", "89161234567", "2 млн", "http://localhost/1"],
            "car_link",
            "Олег | +79161234567 | 2 млн (2000000) | ? | -",
        ),
        (
            vec!["Олег", "89161234567", "2 млн", "нет", "ещё хочу люк в машине"],
            "confirm",
            "Олег | +79161234567 | 2 млн (2000000) | - | ещё хочу люк в машине",
        ),
        (vec!["ещё"], "name", "? | ? | ? | ? | -"),
        (vec!["asdf;;"], "name", "? | ? | ? | ? | -"),
        (vec!["да"], "name", "? | ? | ? | ? | -"),
        (vec!["цена?"], "name", "? | ? | ? | ? | цена?"),
        (vec!["хочу машину"], "name", "? | ? | ? | ? | хочу машину"),
        (vec!["Toyota Camry 2021"], "name", "? | ? | ? | ? | Toyota Camry 2021"),
        (vec!["Я. Ким"], "phone", "Я. Ким | ? | ? | ? | -"),
    ] {
        let inputs: Vec<Input> = std::iter::once(Input::Start).chain(messages.iter().map(|said| text(said))).collect();
        let (conversation, _) = play(&inputs);
        assert_eq!((on_step(&conversation).as_str(), answers(&conversation).as_str()), (step, want), "{messages:?}");
    }
}

/// A form opens by whatever answers something of it.
#[test]
fn a_message_before_any_form_opens_one() {
    let media = |caption: &str| {
        let (links, file, album) = (Vec::new(), None, None);
        Input::Media { caption: Some(caption.into()), links, file, album }
    };
    let forwarded = |said: &str| Input::Forwarded { text: said.into(), links: Vec::new() };
    for (input, step, want) in [
        (text(CAR), "name", "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | -"),
        (
            text("Иван, 8 999 123-45-67, до 2 млн, encar.com/cars/detail/38427498"),
            "confirm",
            "Иван | +79991234567 | до 2 млн (2000000) | https://fem.encar.com/cars/detail/38427498 | -",
        ),
        (text("89161234567"), "name", "? | +79161234567 | ? | ? | -"),
        (text("до 3 млн"), "name", "? | ? | до 3 млн (3000000) | ? | -"),
        (text("Меня зовут Олег"), "phone", "Олег | ? | ? | ? | -"),
        (text("Хочу Kia K5 2021"), "name", "? | ? | ? | ? | Хочу Kia K5 2021"),
        (
            media(&format!("Kia K5, 2 300 000 ₽, тел. 89031112233 {CAR}")),
            "name",
            "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | Kia K5, 2 300 000 ₽, 89031112233",
        ),
        (
            forwarded(&format!("Kia K5 {CAR} 89031112233")),
            "name",
            "? | ? | ? | https://fem.encar.com/cars/detail/38427498 | Kia K5, 89031112233",
        ),
    ] {
        let outcome = turn(Conversation::idle(None), input.clone(), &world(false));
        let (got, conversation) = (answers(&outcome.conversation), &outcome.conversation);
        assert_eq!((on_step(conversation).as_str(), got.as_str()), (step, want), "{input:?}");
        assert!(outcome.replies[0].iter().any(|say| matches!(say, Say::Noted { .. })), "{input:?}");
        // Nothing of it is told before it may be kept.
        let asked = turn(Conversation::idle(None), input.clone(), &world(true));
        assert_eq!(asked.conversation.step, Step::Consent);
        assert!(!asked.replies.concat().iter().any(|say| matches!(say, Say::Noted { .. })), "{input:?}");
        let accepted = turn(asked.conversation, Input::Press(Press::ConsentAccept), &world(true));
        assert_eq!((on_step(&accepted.conversation).as_str(), answers(&accepted.conversation).as_str()), (step, want));
        assert!(matches!(accepted.replies[0][0], Say::Noted { .. }), "{input:?}");
    }
    for input in
        [text("Привет"), text("спасибо"), text("Когда вы перезвоните?"), text("Иван"), media("красивая"), media("")]
    {
        let outcome = turn(Conversation::idle(None), input.clone(), &world(false));
        assert_eq!(outcome.conversation.step, Step::Idle, "{input:?}");
    }
}
