//! Buttons. Callback data is a contract: other tools press these.

use crate::{
    clock::Millis,
    form::{Form, Kind, MyPress, Press, Question, WISH},
    lead::{LeadNumber, Phone, shorten},
    notice::{AdminPress, Ask, Button, Card, CardAnswer, ConsentQuestion, MyRequest, Offer, ShownButton, Style},
};

use super::{Key, Lang, Markup};

/// A button of the buyer's dialogue.
fn press(text: String, press: &Press) -> Button {
    let style = match press {
        Press::Submit | Press::Mine(MyPress::Save(_)) => Some(Style::Success),
        Press::Cancel
        | Press::Delete { .. }
        | Press::DropFiles
        | Press::DropWish
        | Press::Mine(MyPress::TakeBackSure(..)) => Some(Style::Danger),
        _ => None,
    };
    Button::Press { text, data: press.data(), style }
}

/// Copies the number of a request.
pub(super) fn copy_number(number: &LeadNumber, lang: Lang) -> Markup {
    let text = lang.text("button-copy-number", &[]);
    Markup::Buttons(vec![vec![Button::Copy { text, copy: number.as_str().to_owned() }]])
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
    let style = match press {
        AdminPress::AskDiscard(_) | AdminPress::Discard { .. } | AdminPress::Forget { .. } => Some(Style::Danger),
        _ => None,
    };
    Button::Press { text, data: press.data(), style }
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

/// Consent to the dealer's document, read it, read the policy, or throw the form away.
pub(super) fn consent_to(question: &ConsentQuestion, lang: Lang) -> Markup {
    let open = |id: &str, url: &str| Button::Open { text: lang.text(id, &[]), url: url.to_owned() };
    let document = match question.page() {
        Some(url) => open("button-consent-document", url),
        None => press(lang.text("button-consent-document", &[]), &Press::ConsentDocument),
    };
    let policy = question.policy.as_ref().map(|url| vec![open("button-policy", url)]);
    let mut rows = vec![
        vec![Button::Press { text: question.button.clone(), data: Press::ConsentAccept.data(), style: None }],
        vec![document],
    ];
    rows.extend(policy);
    rows.push(vec![press(lang.text("button-cancel", &[]), &Press::Cancel)]);
    Markup::Buttons(rows)
}

/// The buttons of that question, as they stand under it.
pub fn consent_buttons(question: &ConsentQuestion, lang: Lang) -> Vec<ShownButton> {
    let Markup::Buttons(rows) = consent_to(question, lang) else { return Vec::new() };
    let shown = |button: Button| match button {
        Button::Open { text, url } => ShownButton { label: text, url: Some(url) },
        Button::Press { text, .. } | Button::Copy { text, .. } => ShownButton { label: text, url: None },
    };
    rows.into_iter().flatten().map(shown).collect()
}

/// Labels up to so long stand two in a row.
const SHORT_LABEL: usize = 18;

/// A longer label would be cut on a phone.
const LONG_LABEL: usize = 60;

/// Under a question: what can be chosen or is offered, keep, pass over, back, cancel; under a phone's, keys that do the same,
/// and one that shares one's own contact.
/// There is no way back from the first.
pub(super) fn question(question: &Question, ask: &Ask, is_first: bool, lang: Lang) -> Markup {
    let ways = if is_first && !ask.editing { Ways::Cancel } else { Ways::BackAndCancel };
    asked(question, ask, ways, lang)
}

/// What leads away from a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    BackAndCancel,
    Cancel,
    /// Leaves a request that was sent as it is.
    DoNotCorrect,
}

/// Under a question of which the answer is corrected in a request that was sent: the same, and "leave it" in place of the ways
/// through a form.
pub(super) fn correction(question: &Question, ask: &Ask, lang: Lang) -> Markup {
    asked(question, ask, Ways::DoNotCorrect, lang)
}

/// Leaves a request as it is.
pub(super) fn correction_alone(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![do_not_correct(lang)]])
}

fn do_not_correct(lang: Lang) -> Button {
    Button::Press { text: lang.text("button-do-not-correct", &[]), data: Press::Cancel.data(), style: None }
}

fn asked(question: &Question, ask: &Ask, ways: Ways, lang: Lang) -> Markup {
    let label = |id: &str| lang.text(id, &[]);
    let is_kept = ask.kept.is_some() && ways != Ways::DoNotCorrect;
    if question.kind == Kind::Phone {
        let key = |id: &str| Key::Type(label(id));
        let same = ask.offered.iter().map(|offer| vec![Key::Type(offer_label(question, offer, lang))]);
        let mut rows: Vec<Vec<Key>> = same.collect();
        rows.push(vec![Key::ShareContact(label("button-share-contact"))]);
        let others = [is_kept.then(|| key("button-keep-answer")), question.optional.then(|| key("button-skip"))];
        rows.extend(others.into_iter().flatten().map(|key| vec![key]));
        rows.push(match ways {
            Ways::DoNotCorrect => vec![key("button-do-not-correct")],
            Ways::Cancel => vec![key("button-cancel")],
            Ways::BackAndCancel => vec![key("button-back"), key("button-cancel")],
        });
        return Markup::Keys(rows);
    }
    let answers = question.choices.iter().map(|choice| lang.words(choice));
    let offered = ask.offered.iter().filter(|_| question.choices.is_empty());
    let offered = offered.map(|offer| offer_label(question, offer, lang));
    let labels: Vec<String> = answers.chain(offered).map(|label| shorten(&label, LONG_LABEL)).collect();
    let in_a_row = if labels.iter().all(|label| label.chars().count() <= SHORT_LABEL) { 2 } else { 1 };
    let answer = |(choice, label)| press(label, &Press::Answer { question: question.key.to_owned(), choice });
    let answers: Vec<Button> = labels.into_iter().enumerate().map(answer).collect();
    let mut rows: Vec<Vec<Button>> = answers.chunks(in_a_row).map(<[Button]>::to_vec).collect();
    let others = [
        (question.kind == Kind::Files, "button-done", Press::Done),
        (is_kept, "button-keep-answer", Press::Keep),
        (question.optional, "button-skip", Press::Skip(None)),
    ];
    let others = others.into_iter().filter(|(is_there, ..)| *is_there);
    rows.extend(others.map(|(_, id, data)| vec![press(label(id), &data)]));
    let cancel = press(label("button-cancel"), &Press::Cancel);
    rows.push(match ways {
        Ways::DoNotCorrect => vec![do_not_correct(lang)],
        Ways::Cancel => vec![cancel],
        Ways::BackAndCancel => vec![press(label("button-back"), &Press::Back), cancel],
    });
    Markup::Buttons(rows)
}

/// What an answer is called that is offered.
fn offer_label(question: &Question, offer: &Offer, lang: Lang) -> String {
    let (id, value) = match (offer, question.kind) {
        (Offer::Profile(value), _) => return value.clone(),
        (Offer::Before { before }, Kind::Phone) => ("button-same-phone", Phone::masked(before)),
        (Offer::Before { before }, _) => ("button-same-name", before.clone()),
    };
    lang.text(id, &[("value", value.into())])
}

/// What the card's button is called that changes the answer to a question.
fn edit_label(question: &Question, lang: Lang) -> String {
    match &question.edit {
        Some(words) => lang.words(words),
        None => {
            let label = shorten(&lang.words(&question.label), LONG_LABEL);
            lang.text("button-edit", &[("label", label.into())])
        }
    }
}

/// Send, change one answer, or throw away.
pub(super) fn card(form: &Form, shown: &Card, lang: Lang) -> Markup {
    let edits: Vec<Button> = form
        .questions()
        .iter()
        .map(|question| press(edit_label(question, lang), &Press::Edit(question.key.to_owned())))
        .collect();
    let mut rows = vec![vec![press(lang.text("button-submit", &[]), &Press::Submit)]];
    rows.extend(edits.chunks(2).map(<[Button]>::to_vec));
    let wish = shown.wish.as_ref().map(|_| ("button-drop-wish", Press::DropWish));
    let files = (shown.files > 0).then_some(("button-drop-files", Press::DropFiles));
    rows.extend(wish.into_iter().chain(files).map(|(id, drop)| vec![press(lang.text(id, &[]), &drop)]));
    let (back, cancel) = (lang.text("button-back", &[]), lang.text("button-cancel", &[]));
    rows.push(vec![press(back, &Press::Back), press(cancel, &Press::Cancel)]);
    Markup::Buttons(rows)
}

/// Every language by its own name, in one column.
pub(super) fn languages() -> Markup {
    let name = |lang: &Lang| vec![press(lang.own_name(), &Press::Language(lang.code().to_owned()))];
    Markup::Buttons(Lang::all().iter().map(name).collect())
}

/// Delete everything, or nothing.
pub(super) fn deletion(asked_at: Millis, lang: Lang) -> Markup {
    Markup::Buttons(vec![
        vec![press(lang.text("button-delete", &[]), &Press::Delete { asked_at })],
        vec![press(lang.text("button-keep", &[]), &Press::KeepData)],
    ])
}

/// What can be done about requests that were sent; nothing once none of them is open.
pub(super) fn my_requests(requests: &[MyRequest], lang: Lang) -> Option<Markup> {
    let row = |request: &MyRequest| {
        let number = request.number.clone();
        let label = |id: &str| lang.text(id, &[("number", number.as_str().into())]);
        vec![
            press(label("button-correct"), &Press::Mine(MyPress::Correct(number.clone()))),
            press(label("button-take-back"), &Press::Mine(MyPress::TakeBack(number.clone()))),
        ]
    };
    let rows: Vec<Vec<Button>> = requests.iter().filter(|request| request.open).map(row).collect();
    (!rows.is_empty()).then_some(Markup::Buttons(rows))
}

/// Which answer is to be corrected.
pub(super) fn corrections(number: &LeadNumber, answers: &[CardAnswer], form: &Form, lang: Lang) -> Markup {
    let questions = answers.iter().filter_map(|answer| form.question(&answer.question));
    let button = |question: &Question| {
        let key = question.key.to_owned();
        press(edit_label(question, lang), &Press::Mine(MyPress::Change(number.clone(), key)))
    };
    let wish = answers.iter().filter(|answer| answer.question == WISH).map(|_| {
        let label = lang.text("button-edit", &[("label", lang.text("label-wish", &[]).into())]);
        press(label, &Press::Mine(MyPress::Change(number.clone(), WISH.to_owned())))
    });
    let buttons: Vec<Button> = questions.map(button).chain(wish).collect();
    let mut rows: Vec<Vec<Button>> = buttons.chunks(2).map(<[Button]>::to_vec).collect();
    rows.push(vec![press(lang.text("button-leave-as-is", &[]), &Press::Mine(MyPress::Keep(number.clone())))]);
    Markup::Buttons(rows)
}

/// The new answer is right, or all stays as it was.
pub(super) fn confirm_correction(number: &LeadNumber, lang: Lang) -> Markup {
    Markup::Buttons(vec![
        vec![press(lang.text("button-save-correction", &[]), &Press::Mine(MyPress::Save(number.clone())))],
        vec![press(lang.text("button-leave-as-is", &[]), &Press::Mine(MyPress::Keep(number.clone())))],
    ])
}

/// Take a request back, or not.
pub(super) fn take_back(number: &LeadNumber, asked_at: Millis, lang: Lang) -> Markup {
    let sure = Press::Mine(MyPress::TakeBackSure(number.clone(), asked_at));
    Markup::Buttons(vec![
        vec![press(lang.text("button-take-back-sure", &[("number", number.as_str().into())]), &sure)],
        vec![press(lang.text("button-do-not-take-back", &[]), &Press::Mine(MyPress::Keep(number.clone())))],
    ])
}

/// Go on with the open form, or throw it away.
pub(super) fn go_on(lang: Lang) -> Markup {
    Markup::Buttons(vec![
        vec![press(lang.text("button-go-on", &[]), &Press::Start)],
        vec![press(lang.text("button-cancel", &[]), &Press::Cancel)],
    ])
}

/// Begin a request, where none was sent yet.
pub(super) fn begin(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![fill_in_button(lang)]])
}

/// Begin a request beside the one that was sent.
pub(super) fn another(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![press(lang.text("button-another", &[]), &Press::Start)]])
}

/// Begin again.
pub(super) fn restart(lang: Lang) -> Markup {
    Markup::Buttons(vec![vec![press(lang.text("button-restart", &[]), &Press::Restart)]])
}
