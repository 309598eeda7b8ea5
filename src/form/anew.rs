//! What is said against an answer that was given before: it changes that answer, whatever is asked meanwhile.
//!
//! `нет, бюджет 3 млн`, `мой номер другой: 8 912 …`, `город: Казань` and a phone by itself leave no doubt. A sum among words about
//! a car may be its price and a second number somebody else's, so these stay words for the manager.

mod message;

use self::message::{Message, WRONG, begins, is_filler};
use super::{
    correcting::WISH,
    dialogue::{Conversation, World, asked},
    draft::{Answer, Draft, Step},
    questions::{Kind, NAME, Question},
    said::{managers, value},
    words::{plain, words_of},
};
use crate::{
    lead::{Budget, Change, Day, Name, Phone, Quantity, Said, Taken, one_line},
    notice::Say,
};

/// What a message says against earlier answers.
pub(super) enum Anew {
    /// These answers are others now; what else it says is in the words.
    Changed {
        /// What changes.
        changes: Vec<Change>,
        /// The form with them.
        conversation: Box<Conversation>,
        /// The rest of the message, where it says more than that.
        rest: Option<String>,
    },
    /// The answer to this question is wrong, and the message does not say what is right, or not so that it can be taken.
    Wrong {
        /// The question.
        key: &'static str,
        /// What is said of it.
        why: Option<Say>,
    },
    /// It says once more what is there.
    Same,
}

/// That a sum is not known yet.
const UNKNOWN: &[[&str; 2]] =
    &[["не", "знаю"], ["не", "решил"], ["не", "решила"], ["don't", "know"], ["not", "sure"], ["not", "decided"]];

/// Beginnings of words by which another number beside the buyer's is told.
const OF_OTHERS: &str = "втор запасн доп еще также тоже резерв жен муж супруг сын доч брат сестр мам пап отец отц матер продав владел \
    хозя салон second also backup wife husband seller owner dealer extra additional spare son daughter friend \
    ikkinchi";

/// Beginnings of words by which a sum is not the budget.
const NO_BUDGET: &str = "стоит стоил цен продаж продае просят доплат торг скидк налог пошлин утиль доставк price cost asking \
    sell discount tax delivery narx";

/// Currencies that are told by themselves, by how they begin.
const CURRENCIES: &str = "руб доллар долар бакс евро юан вон иен йен тенге сум дирхам rub roub usd dollar buck eur yuan cny krw won kzt \
    aed dirham";

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

enum Found<'a> {
    Answers { answers: Vec<(&'a Question, Answer)>, rest: Option<String> },
    Wrong { key: &'static str, why: Option<Say> },
    Same,
}

/// Beginnings of words that take something out of the form.
const REMOVE: &str = "убер убрат удал сотр стер remov delet clear erase drop olib o'chir";

/// How the words for the manager are called, by how that begins.
const WISHES: &str = "пожелан wish istak";

/// `уберите ссылку`, `удалите пожелания`: an answer that need not be there goes, and any other is asked again.
fn removed(conversation: &Conversation, message: &Message) -> Option<Anew> {
    let (draft, world) = (conversation.draft.as_ref()?, message.world);
    let is_removed = message.words.first().is_some_and(|word| begins(word, REMOVE) || is_filler(word))
        && message.words.iter().any(|word| begins(word, REMOVE));
    if !is_removed || message.is_asked_for_words() {
        return None;
    }
    let is_said =
        |word: &String| begins(word, REMOVE) || begins(word, WISHES) || is_filler(word) || message.is_of_a_label(word);
    if !message.words.iter().all(is_said) {
        return None;
    }
    let mut changed = conversation.clone();
    let to = changed.draft.as_mut()?;
    let change = if message.words.iter().any(|word| begins(word, WISHES)) {
        let before = to.wish.take()?.as_str().to_owned();
        Change { key: WISH.into(), label: "Пожелания".into(), before: Some(before), after: None }
    } else {
        let mut named = message.questions().filter(|question| message.names(question));
        let (question, None) = (named.next()?, named.next()) else { return None };
        if !question.optional {
            return Some(Anew::Wrong { key: question.key, why: None });
        }
        let before = value(question, draft.answers.get(question.key)?, world)?;
        to.answers.insert(question.key, Answer::skipped(question));
        let label = managers(&question.label, world.words);
        Change { key: question.key.into(), label, before: Some(before), after: None }
    };
    Some(Anew::Changed { changes: vec![change], conversation: Box::new(changed), rest: None })
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
                        || begins(word, WRONG)
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
        let is_own = self.names(question) && !self.words.iter().any(|word| begins(word, OF_OTHERS));
        let says_more = self
            .words
            .iter()
            .any(|word| !is_filler(word) && !begins(word, WRONG) && !word.chars().all(|sign| sign.is_ascii_digit()));
        let is_short = is_it && is_own && !says_more && (7..=14).contains(&digits) && !self.is_asked_for_words();
        is_short.then_some(Found::Wrong { key: question.key, why: Some(Say::PhoneInvalid) })
    }

    /// `город Москва, год 2022, двигатель гибрид`: each clause is read by itself.
    fn listed(&self) -> Option<Found<'a>> {
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
        let is_currency = |word: &&String| begins(word, CURRENCIES);
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

    /// `город: Казань`, `нет, не Москва, а Казань`, `телефон не тот`.
    fn labelled(&self) -> Option<Found<'a>> {
        let is_wrong = self.is_wrong();
        let questions = || self.questions();
        let mut named = questions().filter_map(|question| Some((question, self.label_of(question)?)));
        if let (Some((question, (first, behind))), None) = (named.next(), named.next()) {
            let is_first = self.words[..first].iter().all(|word| is_filler(word) || begins(word, WRONG));
            let is_sure = is_wrong || self.begins_with_no() || self.has_colon();
            if !is_first && !is_wrong || self.is_asked_for_words() && !is_sure {
                return None;
            }
            let value: Vec<&str> = self.words[behind..]
                .iter()
                .skip_while(|word| is_filler(word) || begins(word, WRONG))
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
            let another = |word: &str| begins(word, "друг different") || word == "another";
            let says_nothing = value.iter().all(|word| is_filler(word) || begins(word, WRONG) || another(word));
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

    fn has_colon(&self) -> bool {
        self.text.contains([':', '—', '–', '=']) || self.text.contains(" - ")
    }

    fn changes(&self, question: &Question, answer: &Answer) -> bool {
        match (self.draft.answers.get(question.key), answer) {
            (Some(Answer::Money(known)), Answer::Money(sum)) => !is_same_sum(sum, known),
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
            let is_of_others = message.words.iter().any(|word| begins(word, OF_OTHERS));
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
            let is_no_budget = message.words.iter().any(|word| begins(word, NO_BUDGET));
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
            && !words_of(name.as_str()).iter().any(|word| is_filler(word) || begins(word, WRONG))
            && !message.is_asked_for_words()
        {
            answers.push((question, Answer::Name(name.clone())));
            taken.name = true;
        }
        if answers.is_empty() {
            return None;
        }
        // A word alone can be read as a name, too: `actually`.
        let says_more = |part: &&str| !words_of(part).iter().all(|word| is_filler(word) || begins(word, WRONG));
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

/// The place of a choice, by what is typed of it.
fn choice(question: &Question, said: &str, world: &World) -> Option<usize> {
    let is_said = |words: &String| plain(words) == said;
    let choices = question.choices.iter().filter(|_| question.kind == Kind::Choice && !said.is_empty());
    choices.enumerate().find(|(_, choice)| (world.words)(choice).iter().any(is_said)).map(|(at, _)| at)
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
