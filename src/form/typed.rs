//! Words that people type in place of pressing a button, whatever is asked.

/// What they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// To the question before.
    Back,
    /// Throw the form away.
    Cancel,
    /// The card is right, send it.
    Yes,
    /// Pass over.
    Skip,
    /// Leave the answer as it was.
    Keep,
    /// That was all.
    Done,
}

const WORDS: [(Typed, &[&str]); 6] = [
    (
        Typed::Back,
        &["назад", "вернуться", "вернись", "вернуться назад", "шаг назад", "back", "go back", "step back", "previous"],
    ),
    (
        Typed::Cancel,
        &[
            "отмена",
            "отменить",
            "отмени",
            "отменить заявку",
            "отмена заявки",
            "отменить всё",
            "отменить все",
            "cancel",
            "cancel it",
            "cancel request",
            "cancel the request",
        ],
    ),
    (
        Typed::Yes,
        &[
            "да",
            "ага",
            "верно",
            "всё верно",
            "все верно",
            "да всё верно",
            "да все верно",
            "правильно",
            "всё правильно",
            "все правильно",
            "отправить",
            "отправить заявку",
            "отправь",
            "отправляй",
            "отправляйте",
            "отправляем",
            "отправьте",
            "да отправить",
            "да отправляйте",
            "да отправляй",
            "yes",
            "yep",
            "yeah",
            "send",
            "send it",
            "submit",
            "yes send",
            "yes send it",
            "correct",
            "all correct",
        ],
    ),
    (Typed::Skip, &["пропустить", "пропусти", "пропускаю", "skip", "skip it"]),
    (Typed::Keep, &["оставить", "оставь", "оставить как есть", "оставить прежний", "keep", "keep it", "leave it"]),
    (Typed::Done, &["готово", "всё", "все", "это всё", "это все", "done", "that is all", "that's all", "ready"]),
];

impl Typed {
    /// What a whole message stands for, whatever its case and the signs around its words.
    pub fn parse(text: &str) -> Option<Self> {
        // Whatever is longer says more than that.
        if text.len() > 80 {
            return None;
        }
        let apart: String = text
            .to_lowercase()
            .chars()
            .map(|sign| if sign.is_alphanumeric() || sign == '\'' { sign } else { ' ' })
            .collect();
        let said = apart.split_whitespace().collect::<Vec<_>>().join(" ");
        WORDS.iter().find(|(_, words)| words.contains(&said.as_str())).map(|(typed, _)| *typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_is_known_and_a_part_of_one_is_not() {
        for (text, typed) in [
            ("назад", Some(Typed::Back)),
            ("← Назад", Some(Typed::Back)),
            ("НАЗАД!", Some(Typed::Back)),
            ("Back", Some(Typed::Back)),
            ("Отмена.", Some(Typed::Cancel)),
            ("Отменить", Some(Typed::Cancel)),
            ("cancel", Some(Typed::Cancel)),
            ("Да", Some(Typed::Yes)),
            ("да, всё верно", Some(Typed::Yes)),
            ("✅ Отправить", Some(Typed::Yes)),
            ("Send it!", Some(Typed::Yes)),
            ("Пропустить", Some(Typed::Skip)),
            ("Оставить", Some(Typed::Keep)),
            ("Готово", Some(Typed::Done)),
            ("нет", None),
            ("", None),
            ("…", None),
            ("машина из Кореи назад не поедет", None),
            ("Отменный автомобиль", None),
            ("Даша", None),
        ] {
            assert_eq!(Typed::parse(text), typed, "{text}");
        }
    }
}
