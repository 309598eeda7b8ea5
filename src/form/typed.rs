//! Words that people type in place of pressing a button, whatever is asked.

use std::sync::LazyLock;

use super::words::{Meaning, words_of};

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
    /// Perhaps the whole form is not wanted any more: it is asked.
    Halt,
    /// The same where nothing is asked that this could be the answer to.
    Unwilling,
    /// The card is not right.
    No,
    /// From the first question on.
    Anew,
    /// A further request: the button under the number of one that was sent.
    Another,
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
        let whole = WORDS.iter().find(|(_, words)| words.contains(&said.as_str())).map(|(typed, _)| *typed);
        whole.or_else(|| Self::made_of(text))
    }

    /// What is said in words of one's own: nothing but what means it, and what adds nothing to that.
    fn made_of(text: &str) -> Option<Self> {
        // Whoever asks has not decided.
        if text.contains(['?', '？']) {
            return None;
        }
        let words = words_of(text);
        MEANINGS.iter().find(|(_, meaning)| meaning.makes_up(&words)).map(|(typed, _)| *typed)
    }

    /// Whether it cancels, where that is asked.
    pub(super) fn cancels(self) -> bool {
        matches!(self, Self::Yes | Self::Halt | Self::Unwilling | Self::Cancel)
    }

    /// Whether it goes on with the form there.
    pub(super) fn goes_on(self) -> bool {
        matches!(self, Self::No | Self::Keep | Self::Back)
    }

    /// Whether a button says it in other words, so that a choice of the open question comes before it.
    pub(super) fn is_guessed(self) -> bool {
        matches!(self, Self::Halt | Self::Unwilling | Self::No | Self::Anew | Self::Another)
    }
}

/// What means something, one phrase after the other with commas between, and the words that may stand beside it.
static MEANINGS: LazyLock<[(Typed, Meaning); 6]> = LazyLock::new(|| {
    [
        (
            Typed::Halt,
            Meaning::of(
                "стоп, стой, хватит, отбой, отмена, отменить, отмени, отмените, отменяй, отменяйте, отменяю, отменяем, удалите, \
         удали, удалить, сотрите, отзовите, отозвать, отзываю, отзови, передумал, передумала, передумали, раздумал, \
         раздумала, не отправляйте, не отправляй, не отправлять, не отправь, не отправьте, не надо отправлять, \
         не нужно отправлять, не хочу отправлять, не буду отправлять, не надо заявку, не нужна заявка, заявка не нужна, \
         заявку не надо, не буду оставлять, не хочу оставлять, не хочу заявку, забудьте, забудь, прекратите, прекрати, \
         больше не надо, больше не нужно, уже не надо, уже не нужно, не актуально, неактуально, уже купил, уже купила, \
         stop, quit, cancel, abort, delete, withdraw, do not send, don't send, dont send, changed my mind, never mind, \
         nevermind, forget it, no longer needed, don't need it anymore, bekor, bekor qiling, bekor qilish, to'xta, \
         to'xtang, yubormang, yuborma, fikrimdan qaytdim",
                "нет я мы уже пожалуйста заявку заявка заявки анкету мою моя мне эту это все ничего больше ой спасибо извините \
         простите лучше пока тогда давайте хочу прошу вам и сейчас да ну всю no please my the request application form \
         it i i've have this that sorry thanks thank you to want just iltimos ariza arizani arizamni so yo'q",
            ),
        ),
        (
            Typed::Unwilling,
            Meaning::of(
                "не надо, не нужно, не нужна, не нужен, не хочу, не буду, не стоит, don't want, dont want, do not want, no need, \
         kerak emas, xohlamayman",
                "нет я мне ничего пока уже это спасибо no i it thanks thank you yo'q",
            ),
        ),
        (
            Typed::Anew,
            Meaning::of(
                "начать заново, заново, начать сначала, начать с начала, начнем заново, начнем сначала, сначала, с начала, с нуля, \
         start over, start again, restart, begin again, from scratch, start from the beginning, qaytadan, boshidan",
                "хочу можно давайте лучше все я пожалуйста нужно надо заявку анкету заполнить i want to let's please",
            ),
        ),
        (
            Typed::Another,
            Meaning::of(
                "новая заявка, новую заявку, еще заявка, еще заявку, еще одна заявка, еще одну заявку, другую заявку, вторую заявку, \
         new request, another request, one more request, yangi ariza, yana ariza, yana bir ariza",
                "хочу можно давайте я мне пожалуйста нужно надо нужна оставить оформить создать подать сделать заполнить i want to \
         need would like make leave send a let's please kerak",
            ),
        ),
        (
            Typed::No,
            Meaning::of(
                "нет, неа, неверно, не верно, неправильно, не правильно, не так, не то, не совсем, ошибка, ошибки, ошибся, \
         ошиблась, изменить, измени, измените, исправить, исправь, исправьте, поменять, поменяйте, редактировать, no, \
         nope, wrong, incorrect, not correct, not right, mistake, edit, change, yo'q, yoq, noto'g'ri, notogri, xato",
                "я все это нужно надо хочу можно есть тут там здесь заявку заявка заявке данные ответ ответы кое что то в и мне \
         пожалуйста a the is it this there i want need to something please request my an",
            ),
        ),
        (
            Typed::Yes,
            Meaning::of(
                "да, ага, верно, правильно, отправить, отправь, отправляй, отправляйте, отправляем, отправьте, отправлять, \
         согласен, согласна, согласны, подтверждаю, норм, нормально, ок, окей, все так, все хорошо, все отлично, yes, yep, \
         yeah, send, submit, correct, agree, agreed, confirm, confirmed, all right, looks good, all good, go ahead, ok, okay, \
         yuboring, to'g'ri, roziman, tasdiqlayman",
                "я мы все так точно можно можете пожалуйста спасибо давайте заявку хорошо отлично супер конечно именно ну и it is i \
         that's this the all please request now thanks ha hammasi",
            ),
        ),
    ]
});

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
            ("я согласен", Some(Typed::Yes)),
            ("Верно, отправляйте!", Some(Typed::Yes)),
            ("норм", Some(Typed::Yes)),
            ("ок, всё верно, спасибо", Some(Typed::Yes)),
            ("I agree", Some(Typed::Yes)),
            ("looks good, send it please", Some(Typed::Yes)),
            ("стоп", Some(Typed::Halt)),
            ("хватит!", Some(Typed::Halt)),
            ("отмените", Some(Typed::Halt)),
            ("Удалите заявку, пожалуйста", Some(Typed::Halt)),
            ("отзовите мою заявку", Some(Typed::Halt)),
            ("я передумал", Some(Typed::Halt)),
            ("нет, передумала", Some(Typed::Halt)),
            ("не отправляйте", Some(Typed::Halt)),
            ("нет, не отправлять", Some(Typed::Halt)),
            ("no, do not send", Some(Typed::Halt)),
            ("Don’t send it", Some(Typed::Halt)),
            ("I changed my mind, sorry", Some(Typed::Halt)),
            ("bekor qiling", Some(Typed::Halt)),
            ("не надо", Some(Typed::Unwilling)),
            ("я не хочу", Some(Typed::Unwilling)),
            ("нет", Some(Typed::No)),
            ("неверно", Some(Typed::No)),
            ("нет, не так", Some(Typed::No)),
            ("хочу исправить", Some(Typed::No)),
            ("no, that is wrong", None),
            ("No, it is wrong", Some(Typed::No)),
            ("начать заново", Some(Typed::Anew)),
            ("start over please", Some(Typed::Anew)),
            ("Новая заявка", Some(Typed::Another)),
            ("хочу оставить ещё одну заявку", Some(Typed::Another)),
            ("another request please", Some(Typed::Another)),
            ("новая заявка уже у менеджера?", None),
            ("оставить заявку", None),
            ("удалите пожелания", None),
            ("отмените люк", None),
            ("не хочу белую", None),
            ("передумал, бюджет 3 млн", None),
            ("отправите завтра?", None),
            ("согласен на торг", None),
            ("хочу изменить бюджет", None),
            ("стоп-сигналы целые", None),
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
