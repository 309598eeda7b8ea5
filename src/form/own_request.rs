//! Words that ask to correct or to take back a request that was sent: they lead to the buttons that do it.

use super::words::words_cut_at_apostrophes;
use crate::lead::{Region, Said};

/// Words that say nothing of what is wanted.
const FILLING: &[&str] = &[
    "пожалуйста",
    "прошу",
    "хочу",
    "хотел",
    "хотела",
    "бы",
    "нужно",
    "надо",
    "можно",
    "можете",
    "могу",
    "ли",
    "как",
    "я",
    "мне",
    "вы",
    "мой",
    "моя",
    "мою",
    "мои",
    "мое",
    "моей",
    "моем",
    "свой",
    "свою",
    "свои",
    "своей",
    "в",
    "на",
    "к",
    "эту",
    "этот",
    "эта",
    "ее",
    "последнюю",
    "отправленную",
    "только",
    "что",
    "здравствуйте",
    "добрый",
    "день",
    "вечер",
    "утро",
    "привет",
    "извините",
    "простите",
    "а",
    "и",
    "у",
    "меня",
    "please",
    "i",
    "i'd",
    "d",
    "would",
    "like",
    "want",
    "need",
    "to",
    "can",
    "could",
    "you",
    "how",
    "do",
    "my",
    "the",
    "a",
    "in",
    "of",
    "this",
    "that",
    "last",
    "me",
    "hello",
    "hi",
    "sorry",
    "it",
    "is",
    "m",
];

const REQUEST: &[&str] = &[
    "заявку",
    "заявки",
    "заявка",
    "заявке",
    "заказ",
    "заказа",
    "запрос",
    "анкету",
    "анкете",
    "request",
    "order",
    "application",
];

const ANSWER: &[&str] = &[
    "телефон",
    "телефона",
    "телефоне",
    "номер",
    "номера",
    "номере",
    "имя",
    "имени",
    "бюджет",
    "бюджета",
    "бюджете",
    "сумму",
    "ссылку",
    "ссылке",
    "ссылка",
    "пожелания",
    "пожеланиях",
    "ответ",
    "ответы",
    "ответе",
    "данные",
    "данных",
    "phone",
    "number",
    "name",
    "budget",
    "link",
    "wishes",
    "answer",
    "answers",
    "details",
];

const CORRECT: &[&str] = &[
    "исправить",
    "исправьте",
    "исправь",
    "изменить",
    "измените",
    "измени",
    "поменять",
    "поменяйте",
    "поменяй",
    "сменить",
    "смените",
    "поправить",
    "поправьте",
    "поправь",
    "обновить",
    "обновите",
    "скорректировать",
    "скорректируйте",
    "заменить",
    "замените",
    "редактировать",
    "отредактировать",
    "отредактируйте",
    "change",
    "correct",
    "edit",
    "fix",
    "update",
    "modify",
    "amend",
    "replace",
];

const TAKE_BACK: &[&str] = &[
    "отозвать",
    "отзовите",
    "отзови",
    "отзываю",
    "отменить",
    "отмените",
    "отмени",
    "отменяю",
    "отмена",
    "аннулировать",
    "аннулируйте",
    "снять",
    "снимите",
    "убрать",
    "уберите",
    "удалить",
    "удалите",
    "cancel",
    "withdraw",
    "revoke",
    "delete",
    "remove",
    "retract",
];

const WRONG: &[&str] = &[
    "ошибся",
    "ошиблась",
    "ошибка",
    "ошибку",
    "опечатка",
    "опечатку",
    "неправильный",
    "неправильно",
    "неправильная",
    "неверный",
    "неверно",
    "неверная",
    "неправильное",
    "неверное",
    "wrong",
    "incorrect",
    "mistake",
    "typo",
];

/// Each is a wish by itself: one word of each of its lists.
const WISHES: &[&[&[&str]]] =
    &[&[TAKE_BACK, REQUEST], &[CORRECT, REQUEST], &[CORRECT, ANSWER], &[WRONG, ANSWER], &[WRONG, REQUEST]];

/// Said beside a wish, and of no weight there.
const BESIDE_WRONG: &[&str] = &[
    "указал",
    "указала",
    "написал",
    "написала",
    "дал",
    "дала",
    "ввел",
    "ввела",
    "сделал",
    "сделала",
    "there",
    "made",
    "gave",
    "wrote",
    "entered",
];

/// Whether a text asks for nothing else than that: "отзовите заявку", "хочу исправить телефон", "withdraw my request". Whatever
/// says more is for the manager.
pub fn asks_for_own_requests(text: &str) -> bool {
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        return false;
    }
    let words = words_cut_at_apostrophes(text);
    WISHES.iter().any(|lists| {
        let named = lists.iter().all(|list| words.iter().any(|word| list.contains(&word.as_str())));
        let known = |word: &String| {
            let beside = [REQUEST, ANSWER, FILLING, BESIDE_WRONG];
            beside.iter().chain(*lists).any(|list| list.contains(&word.as_str()))
        };
        named && words.iter().all(known)
    })
}

/// What a text wants of a request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// It is about the name.
    pub name: bool,
}

/// Whether a text asks to correct an answer, with the new one or without: "хочу изменить телефон", "неправильный телефон,
/// верный 8 912 000-11-22".
pub fn asks_to_correct(text: &str, region: Region) -> Option<Correction> {
    const NAMES: &[&str] = &["имя", "имени", "name"];
    const PHONES: &[&str] = &["телефон", "телефона", "телефоне", "номер", "номера", "номере", "phone", "number"];
    const SUMS: &[&str] = &["бюджет", "бюджета", "бюджете", "сумму", "budget"];
    let words = words_cut_at_apostrophes(text);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if !(has(CORRECT) || has(WRONG)) {
        return None;
    }
    if asks_for_own_requests(text) {
        return Some(Correction { name: has(NAMES) });
    }
    let said = Said::read(text, &[], region);
    let is_said = match (said.phone(), said.money()) {
        (Some(_), None) => has(PHONES),
        (None, Some(_)) => has(SUMS),
        _ => false,
    };
    (is_said && said.link().is_none() && !text.contains('?')).then_some(Correction { name: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_told_from_what_is_said_besides() {
        let asked = |name| Some(Correction { name });
        let whole = asked(false);
        for (text, wanted) in [
            ("хочу изменить телефон", asked(false)),
            ("поменяйте имя в заявке", asked(true)),
            ("неправильный телефон, верный 8 912 000-11-22", whole),
            ("я ошибся в номере, правильно 8 912 000-11-22", whole),
            ("измените бюджет на 3 млн", whole),
            ("change my budget to 3 million", whole),
            ("отзовите заявку", None),
            ("8 912 000-11-22", None),
            ("мой второй номер 8 912 000-11-22", None),
            ("бюджет могу поднять до 3 млн", None),
            ("можно изменить бюджет на 3 млн?", None),
            ("хочу поменять машину, есть 2 млн", None),
            ("спасибо", None),
        ] {
            assert_eq!(asks_to_correct(text, Region::default()), wanted, "{text}");
        }
    }

    #[test]
    fn a_wish_about_a_request_is_told_from_words_for_the_manager() {
        for text in [
            "отзовите заявку",
            "Отзовите, пожалуйста, мою заявку!",
            "хочу отменить заявку",
            "Отменить заявку",
            "отмените заказ",
            "Прошу аннулировать заявку",
            "удалите заявку",
            "можно отозвать мою заявку?",
            "хочу исправить телефон",
            "Исправьте номер телефона в заявке",
            "измените бюджет",
            "как изменить бюджет?",
            "Здравствуйте, можно поменять имя в заявке?",
            "поменяйте номер",
            "хочу изменить заявку",
            "я ошибся в номере",
            "ошиблась в телефоне",
            "неправильный номер указала",
            "опечатка в имени",
            "withdraw my request",
            "I want to cancel my request",
            "please cancel the order",
            "I'd like to change my phone number",
            "can I edit my request?",
            "wrong phone number",
            "I made a mistake in my phone number",
            "update my budget please",
        ] {
            assert!(asks_for_own_requests(text), "{text}");
        }
        for text in [
            "",
            "заявка",
            "телефон",
            "отмена",
            "исправить",
            "8 999 123-45-67",
            "измените бюджет на 3 млн",
            "мой номер 8 999 123-45-67, исправьте",
            "Toyota Camry, белая",
            "хочу поменять машину",
            "нужно поменять номера на автомобиле Camry",
            "не отменяйте заявку",
            "не надо отзывать заявку",
            "бюджет можно увеличить",
            "удалите мои данные",
            "отзываю согласие",
            "когда позвоните по заявке?",
            "do not cancel my request",
            "change of plans, I want a Kia",
            "ошибся моделью, нужна Camry",
            "замените масло",
        ] {
            assert!(!asks_for_own_requests(text), "{text}");
        }
    }
}
