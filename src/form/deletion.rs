//! A buyer wants everything of theirs deleted: asked for at any moment, done by a second press.

use crate::{clock::Millis, notice::Say};

use super::{
    asking::stay,
    conversation::{Conversation, Outcome, World},
    input::{Input, Press},
};

/// The second press counts within an hour of the first: an old button must not delete what came long after it.
const SURE_WITHIN: Millis = 60 * 60 * 1000;

/// Words that say nothing of what is wanted.
const FILLING: &[&str] = &[
    "пожалуйста",
    "прошу",
    "хочу",
    "требую",
    "нужно",
    "мне",
    "вас",
    "все",
    "всю",
    "мои",
    "мою",
    "моё",
    "мое",
    "свои",
    "персональные",
    "личные",
    "please",
    "i",
    "want",
    "you",
    "to",
    "all",
    "my",
    "personal",
    "the",
    "of",
    "и",
    "из",
    "бота",
    "базы",
    "from",
    "database",
    "bot",
    "здравствуйте",
    "добрый",
    "день",
    "hello",
    "hi",
    "can",
    "could",
    "можете",
    "можно",
    "ли",
    "обо",
    "о",
    "about",
    "me",
    "own",
];

/// Each group is a wish by itself: one word of each of its lists.
const WISHES: &[&[&[&str]]] = &[
    &[
        &[
            "удалите",
            "удали",
            "удалить",
            "удаляйте",
            "сотрите",
            "сотри",
            "стереть",
            "уничтожьте",
            "уничтожить",
            "delete",
            "remove",
            "erase",
            "wipe",
        ],
        &["данные", "информацию", "сведения", "data", "information", "info", "details"],
    ],
    &[&["отзываю", "отозвать", "отзовите", "withdraw", "revoke", "withdrawing", "revoking"], &["согласие", "consent"]],
    &[&["забудьте", "забудь", "forget"], &["меня", "me"]],
    &[&["удалите", "удали", "удалить", "сотрите", "сотри", "delete", "remove", "erase"], &["меня", "me"]],
];

/// Whether a text asks for nothing else than that: "удалите, пожалуйста, мои данные", "I withdraw my consent".
pub fn asks_for_deletion(text: &str) -> bool {
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        return false;
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // What follows a withdrawn consent is what it was given to.
    let object = ["на", "обработку", "обработки", "персональных", "личных", "данных", "processing", "data", "for"];
    WISHES.iter().any(|lists| {
        let named = lists.iter().all(|list| words.iter().any(|word| list.contains(word)));
        let is_consent = lists[1].contains(&"consent");
        let known = |word: &&str| {
            lists.iter().any(|list| list.contains(word))
                || FILLING.contains(word)
                || (is_consent && object.contains(word))
        };
        named && words.iter().all(known)
    })
}

impl Press {
    /// When the question was asked which this press answers with "delete", if it counts at `now`.
    pub fn deletes(&self, now: Millis) -> Option<Millis> {
        match self {
            Self::Delete { asked_at } if (0..=SURE_WITHIN).contains(&(now - asked_at)) => Some(*asked_at),
            _ => None,
        }
    }
}

/// The answer to what is about deletion; everything else is the form's.
pub(super) fn answer(conversation: &Conversation, input: &Input, world: &World) -> Option<Outcome> {
    let now = world.now.timestamp_millis();
    let ask = || {
        let replies = vec![vec![Say::AskDelete { asked_at: now }]];
        Outcome { conversation: conversation.clone(), replies, lead: None }
    };
    match input {
        Input::Delete => Some(ask()),
        Input::Press(Press::KeepData) => Some(stay(conversation.clone(), vec![Say::NothingDeleted], world)),
        Input::Press(press @ Press::Delete { .. }) => Some(match press.deletes(now) {
            Some(_) => {
                let conversation = Conversation::idle(None);
                Outcome { conversation, replies: vec![vec![Say::Deleting]], lead: None }
            }
            None => ask(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_be_deleted_is_told_from_an_answer() {
        for text in [
            "удалите мои данные",
            "Удалите мои данные!",
            "УДАЛИТЬ ДАННЫЕ",
            "Прошу удалить все мои персональные данные.",
            "Здравствуйте, удалите пожалуйста мои личные данные",
            "удали информацию обо мне",
            "Сотрите мои данные",
            "отзываю согласие",
            "Отзываю своё согласие".replace("своё ", "мое ").as_str(),
            "Отзываю согласие на обработку персональных данных",
            "Хочу отозвать согласие",
            "забудьте меня",
            "delete my data",
            "Please delete all my personal data",
            "I withdraw my consent",
            "I want to withdraw my consent for data processing",
            "forget me",
            "remove my information",
            "удалите меня",
        ] {
            assert!(asks_for_deletion(text), "{text}");
        }
        for text in [
            "",
            "данные",
            "удалите",
            "Иван",
            "удалите ссылку",
            "согласие",
            "даю согласие",
            "Camry, данные пришлите",
            "удалите бюджет и пришлите данные авто",
            "забудьте про бюджет",
            "delete",
            "my data",
            "2 млн",
            "+79991234567",
            "Не удаляйте мои данные",
            "не удаляйте данные",
            "do not delete my data",
            "какие данные удалить",
        ] {
            assert!(!asks_for_deletion(text), "{text}");
        }
    }

    #[test]
    fn the_second_press_counts_for_an_hour() {
        let press = Press::Delete { asked_at: 1_000_000 };
        assert_eq!(press.deletes(1_000_000), Some(1_000_000));
        assert_eq!(press.deletes(1_000_000 + SURE_WITHIN), Some(1_000_000));
        assert_eq!((press.deletes(999_999), press.deletes(1_000_001 + SURE_WITHIN)), (None, None));
        assert_eq!(Press::KeepData.deletes(5), None);
    }
}
