//! A message, and what it may be about.

use std::{collections::HashSet, sync::LazyLock};

use super::super::{
    conversation::World,
    draft::{Answer, Draft, Step},
    questions::{Kind, Place, Question},
    words::{begins, listed, plain, words_of},
};
use crate::lead::{Said, Taken};

/// Words that take an earlier answer back, by how they begin, in lower case.
pub(super) static WRONG: LazyLock<Vec<&str>> = LazyLock::new(|| {
    listed(
        "неправильн неверн ошиб опечат исправ поменя помен измен замен перепута вместо вернее точнее actually wrong \
    mistake typo change instead correct update rather incorrect xato notogri",
    )
});

/// Two words that do so together.
const WRONG_PAIRS: &[[&str; 2]] = &[
    ["не", "тот"],
    ["не", "та"],
    ["не", "то"],
    ["не", "те"],
    ["не", "так"],
    ["не", "такой"],
    ["не", "верно"],
    ["не", "правильно"],
    ["вообще", "то"],
    ["самом", "деле"],
    ["not", "right"],
    ["i", "meant"],
    ["i", "mean"],
];

/// Words that add nothing to a changed answer.
static FILLERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "нет ой извините простите подождите стоп а и но же вот это у меня мой моя мое мои наш не тот та то те так такой \
    верно другой другая другое другие новый новая новое все таки будет был была было пусть давайте теперь стал \
    стало лучше готов готова могу можно можем хочу увеличьте увеличим увеличить уменьшите уменьшить поднимем \
    поднять поднимите поставьте запишите напишите укажите звоните позвоните пишите на по до за с в правильный \
    правильно правильная верный номер номеру номера телефон телефона телефону тел бюджет бюджета имя имени name \
    бюджетом сумма сумму сейчас еще чем какой указал указала написал написала пожалуйста плиз чтобы да ну этот раз \
    передумал передумала вообще самом деле мне меня зовут звать кажется наверное точно звоню цифра цифре цифры no sorry oops wait my the is it its it's s to number phone budget new different another \
    other should be please make let's lets let set now up i i'm m can could spend want meant mean not but right a \
    of on call me at use that this yes well have yoq yo q raqam raqamim byudjet byudjetim telefon"
    .split_whitespace()
    .collect()
});

/// A message, and what it may be about.
pub(super) struct Message<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<String>,
    pub(super) is_at_card: bool,
    pub(super) open: Option<&'a Question>,
    pub(super) draft: &'a Draft,
    pub(super) world: &'a World,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        text: &'a str,
        step: Step,
        open: Option<&'a Question>,
        draft: &'a Draft,
        world: &'a World,
    ) -> Self {
        Self { text, words: words_of(text), is_at_card: step == Step::Confirm, open, draft, world }
    }

    /// The question of a kind that was answered, and is not the open one's.
    pub(super) fn answered(&self, kind: Kind) -> Option<(&'a Question, &'a Answer)> {
        if self.open.is_some_and(|open| open.kind == kind) {
            return None;
        }
        let mut questions = self.world.form.questions().iter().filter(|question| question.kind == kind);
        questions.find_map(|question| Some((question, self.draft.answers.get(question.key)?)))
    }

    /// Words can be anything there.
    pub(super) fn is_asked_for_words(&self) -> bool {
        self.open.is_some_and(Question::takes_any_words)
    }

    pub(super) fn answers_open(&self) -> bool {
        self.open.is_some_and(|open| choice(open, &self.words.join(" "), self.world).is_some())
    }

    pub(super) fn is_wrong(&self) -> bool {
        let pairs = self.words.windows(2).any(|pair| WRONG_PAIRS.iter().any(|wrong| pair == wrong));
        pairs || self.words.iter().any(|word| begins(word, &WRONG))
    }

    pub(super) fn begins_with_no(&self) -> bool {
        let takes_back = ["нет", "ой", "no", "oops", "yoq", "стоп", "sorry", "извините", "простите"];
        self.words.len() > 1 && self.words.first().is_some_and(|word| takes_back.contains(&word.as_str()))
    }

    /// Whether the message names a question that has been answered, by its label or as everybody calls it.
    pub(super) fn names(&self, question: &Question) -> bool {
        self.label_of(question).is_some()
    }

    /// Where the words stand by which it does, as the first and the one behind the last.
    pub(super) fn label_of(&self, question: &Question) -> Option<(usize, usize)> {
        let usual: &[&str] = match (question.kind, question.place()) {
            (Kind::Phone, _) => &["телефон", "номер", "phone", "number", "raqam"],
            (Kind::Money, Place::Budget) => &["бюджет", "budget", "byudjet"],
            (Kind::Name, _) => &["имя", "имени", "name", "ism"],
            (Kind::Link, _) => &["ссылка", "ссылку", "link", "havola"],
            _ => &[],
        };
        let labels = (self.world.words)(&question.label);
        // `모델 (модель)` is called by either.
        let parts = labels.iter().flat_map(|label| label.split(['(', ')', '/']));
        let labels = labels.iter().map(String::as_str).chain(parts);
        let short = self.short_label(question);
        let labels = labels.map(words_of).chain(short).chain(usual.iter().map(|word| vec![(*word).to_owned()]));
        labels.filter(|label| !label.is_empty()).find_map(|label| {
            let is_it = |words: &[String]| words.iter().zip(&label).all(|(word, label)| alike(word, label));
            self.words.windows(label.len()).position(is_it).map(|at| (at, at + label.len()))
        })
    }

    /// The first word of a longer label, `год` of `Год выпуска`, where no other question is called so.
    fn short_label(&self, question: &Question) -> Option<Vec<String>> {
        let all = |question: &Question| (self.world.words)(&question.label);
        let is_another = |other: &&Question| other.key != question.key;
        all(question).iter().find_map(|label| {
            let words = words_of(label);
            let first =
                words.first().filter(|first| words.len() > 1 && first.chars().count() > 2 && !is_filler(first))?;
            let mut others = self.world.form.questions().iter().filter(is_another).flat_map(all);
            let is_own = !others.any(|other| words_of(&other).iter().any(|word| alike(word, first)));
            is_own.then(|| vec![first.clone()])
        })
    }

    /// The questions that were answered, but for the open one.
    pub(super) fn questions(&self) -> impl Iterator<Item = &'a Question> {
        let (draft, open) = (self.draft, self.open);
        let answered = move |question: &&Question| {
            draft.answers.contains_key(question.key) && open.is_none_or(|open| open.key != question.key)
        };
        self.world.form.questions().iter().filter(answered)
    }

    pub(super) fn is_of_a_label(&self, word: &str) -> bool {
        let is_in = |question: &'a Question| {
            let one = Message { words: vec![word.to_owned()], ..*self };
            one.names(question)
                || (self.world.words)(&question.label)
                    .iter()
                    .any(|label| words_of(label).iter().any(|of| alike(word, of)))
        };
        self.questions().any(is_in)
    }
}

impl Message<'_> {
    /// Whether it says what somebody is called by more than `я`, behind which anything may stand.
    pub(super) fn introduces(&self) -> bool {
        const CALLED: &[&str] = &["зовут", "звать", "зовите", "имя", "фио", "name", "ismim"];
        let is_call_me = |pair: &[String]| pair[0] == "call" && pair[1] == "me";
        self.words.iter().any(|word| CALLED.contains(&word.as_str())) || self.words.windows(2).any(is_call_me)
    }

    /// Whether an answer is all that is said, or is called by its name.
    pub(super) fn is_sure(&self, said: &Said, taken: Taken, is_named: bool) -> bool {
        let beside = said.beside(taken);
        let is_alone =
            beside.iter().all(|part| words_of(part).iter().all(|word| is_filler(word) || begins(word, &WRONG)));
        is_alone && !self.text.contains('?') && said.link().is_none() || is_named
    }
}

pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(word) || begins(word, &["номер", "телефон", "бюджет"])
}

/// `бюджет` and `бюджета`, `город` and `городе`.
fn alike(word: &str, label: &str) -> bool {
    let (long, short) =
        (word.chars().count().max(label.chars().count()), word.chars().count().min(label.chars().count()));
    let same = word.chars().zip(label.chars()).take_while(|(one, other)| one == other).count();
    word == label || short >= 4 && long - short <= 2 && same + 1 >= short
}

/// The place of a choice, by what is typed of it.
pub(super) fn choice(question: &Question, said: &str, world: &World) -> Option<usize> {
    let is_said = |words: &String| plain(words) == said;
    let choices = question.choices.iter().filter(|_| question.kind == Kind::Choice && !said.is_empty());
    choices.enumerate().find(|(_, choice)| (world.words)(choice).iter().any(is_said)).map(|(at, _)| at)
}
