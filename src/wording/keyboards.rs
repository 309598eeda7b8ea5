//! Buttons. Callback data is a contract: other tools press these.

use crate::{
    form::{Form, Kind, Press, Question},
    notice::Button,
};

use super::{Key, Lang, Markup};

/// A button of the buyer's dialogue.
fn press(text: String, press: &Press) -> Button {
    Button::Press { text, data: press.data() }
}

/// Buttons in one column: `(label id, callback data)`.
pub(super) fn column(lang: Lang, buttons: &[(&str, &str)]) -> Markup {
    let button = |(label, data): &(&str, &str)| Button::Press { text: lang.text(label, &[]), data: (*data).to_owned() };
    Markup::Buttons(buttons.iter().map(|one| vec![button(one)]).collect())
}

/// Accept the privacy policy.
pub(super) fn consent(lang: Lang) -> Markup {
    Markup::Buttons(vec![
        vec![press(lang.text("button-consent", &[]), &Press::ConsentAccept)],
        vec![press(lang.text("button-cancel", &[]), &Press::Cancel)],
    ])
}

/// Under a question: what can be chosen, pass over, leave the answer as it was; or share one's own contact.
pub(super) fn question(question: &Question, editing: bool, lang: Lang) -> Markup {
    let back = || lang.text("button-back", &[]);
    if question.kind == Kind::Phone {
        let share = vec![Key::ShareContact(lang.text("button-share-contact", &[]))];
        let back = editing.then(|| vec![Key::Type(back())]);
        return Markup::Keys([share].into_iter().chain(back).collect());
    }
    let choices = question.choices().iter().map(|choice| {
        let data = Press::Choose { question: question.key.to_owned(), choice: choice.key.to_owned() };
        vec![press(lang.words(&choice.words), &data)]
    });
    let mut rows: Vec<_> = choices.collect();
    if question.optional {
        rows.push(vec![press(lang.text("button-skip", &[]), &Press::Skip(question.key.to_owned()))]);
    }
    if editing {
        rows.push(vec![press(back(), &Press::Back)]);
    }
    // A phone's question may have come before, and its keyboard would stay under the chat.
    if rows.is_empty() { Markup::RemoveKeys } else { Markup::Buttons(rows) }
}

/// Send, change one answer, or throw away.
pub(super) fn card(form: &Form, lang: Lang) -> Markup {
    let edits: Vec<Button> = form
        .questions()
        .iter()
        .map(|question| press(lang.words(&question.edit), &Press::Edit(question.key.to_owned())))
        .collect();
    let mut rows = vec![vec![press(lang.text("button-submit", &[]), &Press::Submit)]];
    rows.extend(edits.chunks(2).map(<[Button]>::to_vec));
    rows.push(vec![press(lang.text("button-cancel", &[]), &Press::Cancel)]);
    Markup::Buttons(rows)
}

/// Begin again.
pub(super) fn restart(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![press(lang.text("button-restart", &[]), &Press::Restart)]])
}
