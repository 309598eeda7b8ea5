//! An answer that is said with the name of its question: `город: Казань`, `нет, не Москва, а Казань`, `телефон не тот`.

use super::{
    message::{Message, WRONG, choice, is_filler},
    verdict::Found,
};
use crate::{
    form::{
        draft::Answer,
        questions::{Kind, Question},
        words::{begins, plain, words_of},
    },
    lead::{Budget, Day, Quantity, one_line},
};

/// That a sum is not known yet.
const UNKNOWN: &[[&str; 2]] =
    &[["не", "знаю"], ["не", "решил"], ["не", "решила"], ["don't", "know"], ["not", "sure"], ["not", "decided"]];

impl<'a> Message<'a> {
    /// `город: Казань`, `нет, не Москва, а Казань`, `телефон не тот`.
    pub(super) fn labelled(&self) -> Option<Found<'a>> {
        let is_wrong = self.is_wrong();
        let questions = || self.questions();
        let mut named = questions().filter_map(|question| Some((question, self.label_of(question)?)));
        if let (Some((question, (first, behind))), None) = (named.next(), named.next()) {
            let is_first = self.words[..first].iter().all(|word| is_filler(word) || begins(word, &WRONG));
            let is_sure = is_wrong || self.begins_with_no() || self.has_colon();
            if !is_first && !is_wrong || self.is_asked_for_words() && !is_sure {
                return None;
            }
            let value: Vec<&str> = self.words[behind..]
                .iter()
                .skip_while(|word| is_filler(word) || begins(word, &WRONG))
                .map(String::as_str)
                .collect();
            let unknown = self.words[behind..].windows(2).find(|pair| UNKNOWN.iter().any(|unknown| pair == unknown));
            let from = unknown.map(|pair| pair.join(" ")).or_else(|| value.first().map(|word| (*word).to_owned()));
            let answer = is_first.then(|| self.answer(question, from.as_deref(), is_sure)).flatten();
            if let Some(answer) = answer {
                return Some(match self.changes(question, &answer) {
                    true => Found::Answers { answers: vec![(question, answer)], rest: None },
                    false => Found::Same,
                });
            }
            let another = |word: &str| begins(word, &["друг", "different"]) || word == "another";
            let says_nothing = value.iter().all(|word| is_filler(word) || begins(word, &WRONG) || another(word));
            let is_another = |word: &String| another(word);
            let is_refused = is_wrong || is_first && self.words.iter().any(is_another);
            let is_short = says_nothing && is_refused && !self.is_asked_for_words();
            return is_short.then_some(Found::Wrong { key: question.key, why: None });
        }
        // At the card a choice's own words can mean nothing else.
        if self.is_at_card {
            let said: Vec<&str> = self.words.iter().map(String::as_str).skip_while(|word| is_filler(word)).collect();
            let mut chosen = questions().filter_map(|question| {
                let at = choice(question, &said.join(" "), self.world)?;
                Some((question, Answer::Choice(at)))
            });
            if let (Some((question, answer)), None) = (chosen.next(), chosen.next())
                && self.changes(question, &answer)
            {
                return Some(Found::Answers { answers: vec![(question, answer)], rest: None });
            }
        }
        None
    }

    /// `город Москва, год 2022, двигатель гибрид`: each clause is read by itself.
    pub(super) fn listed(&self) -> Option<Found<'a>> {
        let clauses: Vec<&str> =
            self.text.split([',', ';', '\n']).map(str::trim).filter(|clause| !clause.is_empty()).collect();
        if clauses.len() < 2 || self.is_asked_for_words() {
            return None;
        }
        let mut answers: Vec<(&Question, Answer)> = Vec::new();
        let mut rest = Vec::new();
        for clause in clauses {
            let one = Message { text: clause, words: words_of(clause), ..*self };
            match one.labelled() {
                Some(Found::Answers { answers: found, .. }) => answers.extend(found),
                Some(Found::Same) => {}
                _ => rest.push(clause),
            }
        }
        let rest = (!rest.is_empty()).then(|| rest.join(", "));
        (!answers.is_empty()).then_some(Found::Answers { answers, rest })
    }

    fn has_colon(&self) -> bool {
        self.text.contains([':', '—', '–', '=']) || self.text.contains(" - ")
    }

    fn changes(&self, question: &Question, answer: &Answer) -> bool {
        match (self.draft.answers.get(question.key), answer) {
            (Some(Answer::Money(known)), Answer::Money(sum)) => !super::is_same_sum(sum, known),
            (known, answer) => known != Some(answer),
        }
    }

    /// What is said behind a label, from this word on, as the question reads it.
    fn answer(&self, question: &Question, from: Option<&str>, is_sure: bool) -> Option<Answer> {
        let at = self.text.to_lowercase().replace('ё', "е").find(from?)?;
        // `до двух` says more than `двух`.
        let before = self.text.get(..at).unwrap_or_default().to_lowercase();
        let bound = ["до ", "от ", "up to "].into_iter().find(|bound| before.ends_with(bound));
        let at = at - bound.filter(|_| question.kind == Kind::Money).map_or(0, str::len);
        // Other alphabets may change their lengths with the case.
        let value = one_line(self.text.get(at..)?, 200);
        let value = value.trim_end_matches(['.', '!']);
        match question.kind {
            Kind::Choice => match choice(question, &plain(value), self.world) {
                Some(at) => Some(Answer::Choice(at)),
                None => (question.free_text && is_sure).then(|| Answer::Text(value.to_owned())),
            },
            Kind::Number => Quantity::parse(value).map(Answer::Number),
            Kind::Date => Day::parse(value, self.world.today()).ok().map(Answer::Date),
            Kind::Text => is_sure.then(|| Answer::Text(value.to_owned())),
            Kind::Money => {
                let has_digits = value.chars().any(|c| c.is_ascii_digit());
                let is_unknown = words_of(value).windows(2).any(|pair| UNKNOWN.iter().any(|unknown| pair == unknown));
                let is_sum = has_digits || is_unknown;
                // `до двух` is a sum in words, where it stands behind the label.
                let is_sum =
                    is_sum || words_of(value).len() < 5 && Budget::parse(value).is_some_and(|sum| sum.price() > 0);
                Budget::parse(value).filter(|_| is_sum).map(|budget| Answer::Money(budget.without_doubt()))
            }
            Kind::Name | Kind::Phone | Kind::Link | Kind::Files => None,
        }
    }
}
