//! What is said against an answer that was given before: it changes that answer, whatever is asked meanwhile.
//!
//! `нет, бюджет 3 млн`, `мой номер другой: 8 912 …`, `город: Казань` and a phone by itself leave no doubt. A sum among words about
//! a car may be its price and a second number somebody else's, so these stay words for the manager.

mod labelled;
mod message;
mod removed;
mod verdict;

use std::sync::LazyLock;

use self::{
    message::{Message, WRONG, is_filler},
    removed::removed,
    verdict::Found,
};
use super::{
    asking::asked,
    conversation::{Conversation, World},
    draft::{Answer, Draft, Step},
    questions::{Kind, NAME},
    said::{managers, value},
    words::{begins, listed, words_of},
};
use crate::{
    lead::{Budget, Change, Name, Phone, Said, Taken},
    notice::Say,
};
pub(super) use verdict::Anew;

/// Beginnings of words by which another number beside the buyer's is told.
static OF_OTHERS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    listed(
        "втор запасн доп еще также тоже резерв жен муж супруг сын доч брат сестр мам пап отец отц матер продав владел \
    хозя салон second also backup wife husband seller owner dealer extra additional spare son daughter friend \
    ikkinchi",
    )
});

/// Beginnings of words by which a sum is not the budget.
static NO_BUDGET: LazyLock<Vec<&str>> = LazyLock::new(|| {
    listed(
        "стоит стоил цен продаж продае просят доплат торг скидк налог пошлин утиль доставк price cost asking \
    sell discount tax delivery narx",
    )
});

/// Currencies that are told by themselves, by how they begin.
static CURRENCIES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    listed(
        "руб доллар долар бакс евро юан вон иен йен тенге сум дирхам rub roub usd dollar buck eur yuan cny krw won kzt \
    aed dirham",
    )
});

/// What a text says against the answers of an open form; nothing where it may mean anything else.
pub(super) fn said_anew(conversation: &Conversation, text: &str, said: &Said, world: &World) -> Option<Anew> {
    let draft = conversation.draft.as_ref()?;
    let open = asked(conversation, world);
    // What is typed where one of several is asked, and is one of them, is that.
    let message = Message::new(text, conversation.step, open, draft, world);
    if message.answers_open() {
        return None;
    }
    let tail = after_but(text);
    let reread = tail.map(|tail| Said::read(tail, &[], world.region));
    if conversation.step != Step::Consent
        && let Some(anew) = removed(conversation, &message)
    {
        return Some(anew);
    }
    let found = message.renamed().filter(|_| !said.answers_something());
    let found = found
        .or_else(|| Found::in_parts(&message, reread.as_ref().filter(|said| said.answers_something()).unwrap_or(said)));
    let found = found
        .or_else(|| message.currency())
        .or_else(|| message.unreadable_phone(said))
        .or_else(|| message.labelled())
        .or_else(|| message.listed())
        .or_else(|| message.repeated(said))?;
    match found {
        // Before consent is given nothing is asked, and nothing that is held is shown.
        Found::Wrong { .. } | Found::Same if conversation.step == Step::Consent => None,
        Found::Wrong { key, why } => Some(Anew::Wrong { key, why }),
        Found::Same => Some(Anew::Same),
        Found::Answers { answers, rest } => {
            let mut conversation = conversation.clone();
            let draft = conversation.draft.as_mut()?;
            let mut changes = Vec::new();
            for (question, answer) in answers {
                let before = draft.answers.get(question.key).and_then(|answer| value(question, answer, world));
                changes.push(Change {
                    key: question.key.to_owned(),
                    label: managers(&question.label, world.words),
                    before,
                    after: value(question, &answer, world),
                });
                draft.answers.insert(question.key, answer);
            }
            Some(Anew::Changed { changes, conversation: Box::new(conversation), rest })
        }
    }
}

impl<'a> Message<'a> {
    /// `имя не то, я Пётр`, `меня зовут не Иван`: a name that is denied is asked, or is the one that is said instead.
    fn renamed(&self) -> Option<Found<'a>> {
        let (question, Answer::Name(known)) = self.answered(Kind::Name).filter(|(question, _)| question.key == NAME)?
        else {
            return None;
        };
        if self.is_asked_for_words() || self.words.len() > 7 {
            return None;
        }
        let known = words_of(known.as_str());
        let is_called =
            self.words.iter().any(|word| ["зовут", "звать", "имя", "name", "called", "ismim"].contains(&word.as_str()));
        let is_not = |pair: &[String]| ["не", "not"].contains(&pair[0].as_str()) && known.contains(&pair[1]);
        let is_denied = self.words.windows(2).any(is_not);
        let is_wrong = is_denied || self.is_wrong() && is_called;
        // `звать меня Пётр` says no more than a name.
        if !is_wrong && !is_called {
            return None;
        }
        const BESIDE: &str = "я зовут звать зовите меня мое имя имени не а это i am i'm called name isn't ismim";
        let other: Vec<&str> = self
            .text
            .split(|sign: char| !(sign.is_alphabetic() || "-'’".contains(sign)))
            .filter(|word| !word.is_empty())
            .filter(|typed| {
                let words = words_of(typed);
                !words.iter().all(|word| {
                    is_filler(word)
                        || begins(word, &WRONG)
                        || BESIDE.split(' ').any(|beside| beside == word)
                        || known.contains(word)
                })
            })
            .collect();
        if other.is_empty() {
            return is_wrong.then_some(Found::Wrong { key: question.key, why: None });
        }
        let is_name = |word: &&str| {
            word.chars().next().is_some_and(char::is_uppercase)
                || Said::read(word, &[], self.world.region).is_given_name()
        };
        let name = Some(other.join(" ")).filter(|_| other.len() < 4 && other.iter().all(is_name));
        let name = Name::parse(&format!("Меня зовут {}", name?)).ok()?;
        Some(Found::Answers { answers: vec![(question, Answer::Name(name))], rest: None })
    }

    /// `мой телефон 8 912 345 67 8`: digits are missing.
    fn unreadable_phone(&self, said: &Said) -> Option<Found<'a>> {
        let (question, _) = self.answered(Kind::Phone)?;
        let digits = self.text.chars().filter(char::is_ascii_digit).count();
        let is_it = said.phones().next().is_none() && said.sums().next().is_none() && said.link().is_none();
        let is_own = self.names(question) && !self.words.iter().any(|word| begins(word, &OF_OTHERS));
        let says_more = self
            .words
            .iter()
            .any(|word| !is_filler(word) && !begins(word, &WRONG) && !word.chars().all(|sign| sign.is_ascii_digit()));
        let is_short = is_it && is_own && !says_more && (7..=14).contains(&digits) && !self.is_asked_for_words();
        is_short.then_some(Found::Wrong { key: question.key, why: Some(Say::PhoneInvalid) })
    }

    /// What is there already, once more and nothing else.
    fn repeated(&self, said: &Said) -> Option<Found<'a>> {
        let (question, Answer::Money(known)) = self.answered(Kind::Money)? else { return None };
        let is_same = |sum: &Budget| is_same_sum(sum, known);
        let is_alone = self.is_sure(said, Taken { money: true, ..Taken::default() }, false);
        let is_it = said.sums().next().is_some() && said.sums().all(is_same) && is_alone && self.names(question);
        (is_it && !self.is_asked_for_words()).then_some(Found::Same)
    }

    /// `долларов`, said of a sum in doubt.
    fn currency(&self) -> Option<Found<'a>> {
        let (question, answer) = self.answered(Kind::Money)?;
        let Answer::Money(budget) = answer else { return None };
        let is_currency = |word: &&String| begins(word, &CURRENCIES);
        let currency = self.words.iter().find(is_currency)?;
        let says_more = self.words.iter().any(|word| {
            !is_currency(&word)
                && !is_filler(word)
                && !["тысяч", "тысячи", "тыс", "k", "к", "thousand"].contains(&word.as_str())
        });
        if says_more || !budget.is_in_doubt() || self.is_asked_for_words() {
            return None;
        }
        let answer = Budget::parse(&format!("{} {currency}", budget.shown()))?;
        Some(Found::Answers { answers: vec![(question, Answer::Money(answer))], rest: None })
    }
}

impl<'a> Found<'a> {
    /// Phones, sums and a name that are not those of the form.
    fn in_parts(message: &Message<'a>, said: &Said) -> Option<Self> {
        let mut answers = Vec::new();
        let mut taken = Taken::default();
        let is_wrong = message.is_wrong() || message.begins_with_no();
        if let Some((question, Answer::Phone(known))) = message.answered(Kind::Phone) {
            let mut others = said.phones().filter(|phone| phone.e164() != known.e164());
            let only = others.next().filter(|one| others.all(|other| other.e164() == one.e164()));
            let is_sure = message.is_sure(said, Taken { phone: true, ..Taken::default() }, message.names(question));
            // By itself it is told there that it is no sum.
            let is_money_asked = message.open.is_some_and(|open| open.kind == Kind::Money);
            let is_sure = is_sure && (message.names(question) || !is_money_asked);
            let is_of_others = message.words.iter().any(|word| begins(word, &OF_OTHERS));
            if let Some(phone) = only.filter(|_| is_wrong || is_sure && !is_of_others && !message.is_asked_for_words())
            {
                answers.push((question, Answer::Phone(phone.clone())));
                taken.phone = true;
            }
        }
        if let Some((question, Answer::Money(known))) = message.answered(Kind::Money) {
            let is_same = |sum: &Budget| is_same_sum(sum, known);
            let mut others = said.sums().filter(|sum| !is_same(sum));
            let only = others.next().filter(|_| others.next().is_none());
            let names = message.names(question);
            let is_sure = message.is_sure(said, Taken { money: true, ..Taken::default() }, names);
            let is_no_budget = message.words.iter().any(|word| begins(word, &NO_BUDGET));
            // A number is asked there.
            let is_asked = message.open.is_some_and(|open| open.kind == Kind::Number) || message.is_asked_for_words();
            let fits = if is_asked { is_wrong || is_sure && names } else { is_wrong && !is_no_budget || is_sure };
            if let Some(sum) = only.filter(|_| fits && (names || !is_no_budget)) {
                answers.push((question, Answer::Money(sum.clone().without_doubt())));
                taken.money = true;
            }
        }
        let name_question = message.answered(Kind::Name).filter(|(question, _)| question.key == NAME);
        if let (Some((question, Answer::Name(known))), Some(name)) = (name_question, said.name())
            && (said.is_introduction() || is_wrong && message.names(question))
            && (message.introduces() || said.is_given_name())
            && name != known
            && !words_of(name.as_str()).iter().any(|word| is_filler(word) || begins(word, &WRONG))
            && !message.is_asked_for_words()
        {
            answers.push((question, Answer::Name(name.clone())));
            taken.name = true;
        }
        if answers.is_empty() {
            return None;
        }
        // A word alone can be read as a name, too: `actually`.
        let says_more = |part: &&str| !words_of(part).iter().all(|word| is_filler(word) || begins(word, &WRONG));
        let rest = said.beside(taken).into_iter().filter(says_more).map(str::to_owned);
        let rest: Vec<String> = rest.chain(said.link().map(|link| link.typed().to_owned())).collect();
        Some(Self::Answers { answers, rest: (!rest.is_empty()).then(|| rest.join(", ")) })
    }
}

/// What stands behind `а` in `не 2 млн, а 3 млн`.
fn after_but(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    let not = ["не ", "not "].iter().filter_map(|not| lower.find(not)).min()?;
    let but = [", а ", " а ", ", but ", " but "].iter().filter_map(|but| Some((lower.find(but)?, but.len()))).min()?;
    (not < but.0).then(|| text.get(but.0 + but.1..))?
}

/// Whether two sums are the same, however they are written.
fn is_same_sum(one: &Budget, other: &Budget) -> bool {
    match one.price() {
        0 => one.shown() == other.shown(),
        price => price == other.price(),
    }
}

/// What is said of a second phone or a sum that leaves an answer as it was.
pub(super) fn stays_as_it_was(conversation: &Conversation, said: &Said, world: &World) -> Option<Say> {
    let draft = conversation.draft.as_ref()?;
    let open = asked(conversation, world);
    let money =
        said.sums().next().filter(|_| open.is_none_or(|open| !matches!(open.kind, Kind::Money | Kind::Number)))?;
    draft.answers.values().find_map(|answer| match answer {
        Answer::Money(known)
            if known.shown() != money.shown() && (known.price() == 0 || known.price() != money.price()) =>
        {
            // `бюджет за 3 млн` says nobody.
            let other = money.shown().trim_start_matches("за ").trim_start_matches("for ").to_owned();
            Some(Say::BudgetStays { budget: known.shown().to_owned(), other })
        }
        _ => None,
    })
}

/// Whether a message holds a phone that is none of the form's, or a sum.
pub(super) fn says_other(draft: &Draft, said: &Said) -> bool {
    let is_known = |phone: &Phone| {
        draft.answers.values().any(|answer| matches!(answer, Answer::Phone(known) if known.e164() == phone.e164()))
    };
    said.phones().any(|phone| !is_known(phone)) || said.sums().next().is_some()
}
