//! Words what waits in the outbox.

use fluent_bundle::FluentValue;

use crate::{
    lead::LeadNumber,
    notice::{FileCopy, Notice, Worded},
};

use super::{
    Lang, Markup, Rendered, Wording, clip, keyboards, lead_card::render_lead_card, render_admin, render_reply,
};

/// Words a message of the outbox.
pub fn render_notice(notice: &Notice, lang: Lang, wording: &Wording) -> Rendered {
    let numbered =
        |id: &str, number: &LeadNumber| Rendered::plain(lang.text(id, &[("number", number.as_str().into())]));
    match notice {
        Notice::Accepted { number } => {
            Rendered { markup: Some(keyboards::copy_number(number, lang)), ..numbered("accepted", number) }
        }
        Notice::Saved { number } => numbered("saved", number),
        Notice::Delivered { number } => numbered("delivered", number),
        Notice::StatusReached { number, text, .. } => {
            let arguments = [("number", number.as_str().into()), ("text", lang.given(text).into())];
            Rendered::plain(clip(lang.text("status-reached", &arguments)))
        }
        Notice::Reply(parts) => render_reply(parts, lang, wording),
        Notice::Admin(notice) => render_admin(notice, lang, wording),
        Notice::Worded(worded) => render_worded(worded),
        // Whoever sends it knows the lead.
        Notice::LeadCard { number } => render_lead_card(number, None, lang, wording),
        Notice::Untouched { number, minutes } => Rendered::plain(
            lang.text("lead-untouched", &[("number", number.as_str().into()), ("minutes", (*minutes).into())]),
        ),
        // It is done, not said.
        Notice::TopicEnd(_) => Rendered::plain(String::new()),
        Notice::Addressed(addressed) => render_notice(&addressed.notice, lang, wording),
        // What is copied has words of its own.
        Notice::Copy(copy) => {
            let words = copy
                .text
                .clone()
                .unwrap_or_else(|| lang.text("talk-copy-gone", &[("number", copy.number.as_str().into())]));
            Rendered::plain(clip(words))
        }
        Notice::File(copy) => Rendered::plain(lang.text("admin-file-refused", &file_arguments(copy))),
    }
}

/// What is said under a buyer's file.
pub fn file_caption(copy: &FileCopy, lang: Lang) -> String {
    lang.text("admin-file", &file_arguments(copy))
}

fn file_arguments(copy: &FileCopy) -> [(&'static str, FluentValue<'_>); 2] {
    [("number", copy.number.as_str().into()), ("name", copy.name.as_str().into())]
}

/// A message that was worded when it was asked for.
pub fn render_worded(worded: &Worded) -> Rendered {
    let markup = (!worded.buttons.is_empty()).then(|| Markup::Buttons(worded.buttons.clone()));
    Rendered { text: clip(worded.text.clone()), markup }
}
