//! Questions of the form and answers to them, as buyers read them: asked, on the card, changed.

use crate::{
    form::{Form, Kind, Place, Question, WISH},
    lead::{Change, shorten},
    notice::{Ask, Card, CardAnswer},
};

use super::Lang;

/// A question, where in the form it stands, and the answer that it has already.
pub(super) fn asked(question: &Question, ask: &Ask, lang: Lang, form: &Form) -> String {
    let at = form.position(question.key).unwrap_or(1);
    let progress = [("at", at.into()), ("of", form.questions().len().into())];
    format!("{}\n{}", lang.text("progress", &progress), prompt(question, ask, lang))
}

/// A question, and the answer that it has already.
pub(super) fn prompt(question: &Question, ask: &Ask, lang: Lang) -> String {
    let mut text = lang.words(&question.prompt);
    if let Some(kept) = &ask.kept {
        let kept = shorten(&in_buyers_words(question, kept, lang), 1000);
        text.push_str("\n\n");
        text.push_str(&lang.text("kept-answer", &[("value", kept.into())]));
    }
    text
}

/// An answer that was chosen, as it stands on its button.
fn in_buyers_words(question: &Question, value: &str, lang: Lang) -> String {
    let is_this = |words: &String| words == value;
    let choice = question.choices.iter().find(|choice| Lang::all_words(choice).iter().any(is_this));
    choice.map_or_else(|| value.to_owned(), |choice| lang.words(choice))
}

/// The lines of a card.
pub(super) fn answers(card: &Card, lang: Lang, form: &Form) -> String {
    let lines = form.questions().iter().filter_map(|question| {
        let answer = card_answer(card, question, lang)?;
        Some(format!("{} {}: {answer}", question.icon, lang.words(&question.label)))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// An answer of a form that is not finished; `None` for one that was passed over.
pub(super) fn so_far(answer: &CardAnswer, lang: Lang, form: &Form) -> Option<String> {
    let value = answer.value.as_deref()?;
    if answer.question == WISH {
        return Some(format!("💬 {}: {}", lang.text("label-wish", &[]), shorten(value, 500)));
    }
    let question = form.question(&answer.question)?;
    let words = shorten(&in_buyers_words(question, value, lang), 500);
    Some(format!("{} {}: {words}", question.icon, lang.words(&question.label)))
}

/// An answer on a card; `None` for a question that was not there when the card was made.
fn card_answer(card: &Card, question: &Question, lang: Lang) -> Option<String> {
    let words = |value: &str| in_buyers_words(question, value, lang);
    let skipped = || lang.text("skipped", &[]);
    Some(match question.place() {
        Place::Name => card.name.clone(),
        Place::Phone => card.phone.clone(),
        Place::Budget => {
            card.budget.as_ref().map_or_else(skipped, |budget| understood_budget(&words(budget), card.price, lang))
        }
        Place::CarLink => {
            card.car_link.as_deref().map_or_else(|| lang.text("no-car-link", &[]), |link| shorten(link, 1000))
        }
        Place::More => {
            let answer = card.more.iter().find(|answer| answer.question == question.key)?;
            // The files are counted below.
            if matches!(question.kind, Kind::Files) && answer.value.is_none() && card.files > 0 {
                return None;
            }
            answer.value.as_deref().map_or_else(skipped, |value| shorten(&words(value), 1000))
        }
    })
}

/// The budget as typed, and behind it how it was understood: `2,5 млн (2 500 000 ₽)`.
fn understood_budget(budget: &str, price: i64, lang: Lang) -> String {
    if price <= 0 {
        return budget.to_owned();
    }
    lang.text("budget-understood", &[("budget", budget.into()), ("price", crate::lead::grouped(price).into())])
}

/// An answer that is to be another one.
pub(super) fn changed(change: &Change, lang: Lang, form: &Form) -> String {
    let question = form.question(&change.key);
    let label = match question {
        None if change.key == WISH => lang.text("label-wish", &[]),
        None => change.label.clone(),
        Some(question) => lang.words(&question.label),
    };
    let value = |value: &Option<String>| match value {
        Some(value) => {
            let words = question.map_or_else(|| value.clone(), |question| in_buyers_words(question, value, lang));
            shorten(&words, 500)
        }
        None => lang.text("skipped", &[]),
    };
    let (before, after) = (value(&change.before), value(&change.after));
    lang.text("correction", &[("label", label.into()), ("before", before.into()), ("after", after.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Words;

    #[test]
    fn files_that_are_there_are_not_called_skipped() {
        let docs = Question {
            key: "docs",
            kind: Kind::Files,
            prompt: Words::Text("ask-name"),
            label: Words::Text("label-name"),
            icon: "📎",
            edit: None,
            optional: true,
            choices: &[],
            free_text: false,
            field: None,
        };
        for (files, shown) in [(0, Some(Lang::ru().text("skipped", &[]))), (1, None)] {
            let more = vec![CardAnswer { question: "docs".into(), value: None }];
            let card = Card {
                name: "Иван".into(),
                phone: "+79991234567".into(),
                budget: None,
                price: 0,
                car_link: None,
                wish: None,
                files,
                more,
            };
            assert_eq!(card_answer(&card, &docs, Lang::ru()), shown, "{files}");
        }
    }
}
