//! Words that answer nothing.

use super::{
    anew::{ANSWERS, CITY, after, of_kind},
    *,
};
use crate::lead::{BuyerFile, FileKind};

#[test]
fn words_that_answer_nothing_are_refused_and_pass_over_what_is_optional() {
    let question = |kind: Kind, optional: bool| Question {
        free_text: false,
        choices: if kind == Kind::Choice { CITY.choices } else { &[] },
        ..of_kind(kind, &[("ru", "Ещё")], "more", optional)
    };
    let nothing = ["пропустить", "skip", "не знаю", "-", "n/a", "yoʻq"];
    for (kind, refused) in [
        (Kind::Text, &["пропустить", "Skip!", "-", "…"][..]),
        (Kind::Number, &["давно", "пропустить", "89991234567", "https://auto.ru/cars/1234567", "👍"]),
        (Kind::Choice, &["Луна", "пропустить", "да"]),
        (Kind::Date, &["скоро", "31.02", "29.02.2027", "пропустить", "10:00", "2 млн"]),
        (
            Kind::Money,
            &["через неделю", "завтра", "31.02", "пропустить", "да", "привет", "ok", "👍", "хочу Kia K5", "soon"],
        ),
        (Kind::Files, &["готово", "Done", "пропустить", "вот"]),
    ] {
        for said in refused {
            let world = World { form: Form::default().with(&[question(kind, false)]), ..world(false) };
            let (step, draft, replies) = after(4, said, &world);
            assert_eq!(step, "more", "{kind:?}: {said}: {draft:?}");
            assert!(replies.concat().len() > 1, "{kind:?}: {said} is told why: {replies:?}");
        }
        for said in nothing {
            let world = World { form: Form::default().with(&[question(kind, true)]), ..world(false) };
            let (step, draft, _) = after(4, said, &world);
            let is_words = kind == Kind::Text && ["не знаю", "n/a", "yoʻq"].contains(&said)
                || kind == Kind::Money && said == "не знаю";
            assert_eq!(step, "confirm", "{kind:?}: {said}");
            assert_eq!(draft.answers["more"] == Answer::Skipped, !is_words, "{kind:?}: {said}: {draft:?}");
        }
    }
    // A file makes an end of it.
    let world = World { form: Form::default().with(&[question(Kind::Files, false)]), ..world(false) };
    let form = ANSWERS[..4].iter().map(|said| text(said));
    let photo = BuyerFile {
        file_id: "a".into(),
        unique_id: "a".into(),
        kind: FileKind::Photo,
        name: None,
        mime: None,
        size: None,
        message_id: 1,
    };
    let media = Input::Media { caption: None, links: Vec::new(), file: Some(photo), album: None };
    for done in [text("готово"), Input::Press(Press::Done)] {
        let inputs = [Input::Start].into_iter().chain(form.clone()).chain([done.clone(), media.clone(), done]);
        let steps: Vec<String> = inputs
            .scan(Conversation::idle(None), |conversation, input| {
                *conversation = turn(conversation.clone(), input, &world).conversation;
                Some(on_step(conversation))
            })
            .collect();
        assert_eq!(steps[5..], ["more", "more", "confirm"]);
    }
}
