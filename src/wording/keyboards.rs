//! Buttons. Callback data is a contract: other tools press these.

use crate::{
    form::{Form, Kind, Press, Question},
    notice::{AdminPress, Button},
};

use super::{Key, Lang, Markup};

/// A button of the buyer's dialogue.
fn press(text: String, press: &Press) -> Button {
    Button::Press { text, data: press.data() }
}

/// A button of the admin's chat.
pub fn admin_button(lang: Lang, press: &AdminPress) -> Button {
    let text = match press {
        AdminPress::Status => lang.text("button-status", &[]),
        AdminPress::Leads => lang.text("button-leads", &[]),
        AdminPress::Retry => lang.text("button-retry", &[]),
        AdminPress::Auth => lang.text("button-auth", &[]),
        AdminPress::ShowLead(number) => lang.text("button-lead-show", &[("number", number.as_str().into())]),
        AdminPress::RetryLead(_) => lang.text("button-lead-retry", &[]),
        AdminPress::AskDiscard(_) => lang.text("button-lead-discard", &[]),
        AdminPress::Discard { number, .. } => {
            lang.text("button-lead-discard-sure", &[("number", number.as_str().into())])
        }
        AdminPress::Forget { also_waiting: false, .. } => lang.text("button-forget", &[]),
        AdminPress::Forget { also_waiting: true, .. } => lang.text("button-forget-all", &[]),
        AdminPress::Keep { .. } => lang.text("button-keep", &[]),
        AdminPress::NewLeads(true) => lang.text("button-new-leads-on", &[]),
        AdminPress::NewLeads(false) => lang.text("button-new-leads-off", &[]),
    };
    Button::Press { text, data: press.data() }
}

/// Under the admin's help: the admin is a buyer, too, if they wish.
pub fn fill_in_button(lang: Lang) -> Button {
    press(lang.text("button-fill-in", &[]), &Press::Start)
}

/// The admin's buttons in one column.
pub(super) fn admin_column(lang: Lang, presses: &[AdminPress]) -> Markup {
    Markup::Buttons(presses.iter().map(|press| vec![admin_button(lang, press)]).collect())
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
pub(super) fn card(form: &Form, has_files: bool, lang: Lang) -> Markup {
    let edits: Vec<Button> = form
        .questions()
        .iter()
        .map(|question| press(lang.words(&question.edit), &Press::Edit(question.key.to_owned())))
        .collect();
    let mut rows = vec![vec![press(lang.text("button-submit", &[]), &Press::Submit)]];
    rows.extend(edits.chunks(2).map(<[Button]>::to_vec));
    if has_files {
        rows.push(vec![press(lang.text("button-drop-files", &[]), &Press::DropFiles)]);
    }
    rows.push(vec![press(lang.text("button-cancel", &[]), &Press::Cancel)]);
    Markup::Buttons(rows)
}

/// Every language by its own name, in one column.
pub(super) fn languages() -> Markup {
    let name = |lang: &Lang| vec![press(lang.own_name(), &Press::Language(lang.code().to_owned()))];
    Markup::Buttons(Lang::all().iter().map(name).collect())
}

/// Begin again.
pub(super) fn restart(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![press(lang.text("button-restart", &[]), &Press::Restart)]])
}
