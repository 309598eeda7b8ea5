//! Words what waits in the outbox.

use crate::{
    lead::LeadNumber,
    notice::{Notice, Worded},
};

use super::{Lang, Markup, Rendered, Wording, clip, render_admin, render_reply};

/// Words a message of the outbox.
pub fn render_notice(notice: &Notice, lang: Lang, wording: &Wording) -> Rendered {
    let numbered =
        |id: &str, number: &LeadNumber| Rendered::plain(lang.text(id, &[("number", number.as_str().into())]));
    match notice {
        Notice::Accepted { number } => numbered("accepted", number),
        Notice::Saved { number } => numbered("saved", number),
        Notice::Delivered { number } => numbered("delivered", number),
        Notice::Reply(parts) => render_reply(parts, lang, wording),
        Notice::Admin(notice) => render_admin(notice, lang, wording),
        Notice::Worded(worded) => render_worded(worded),
    }
}

/// A message that was worded when it was asked for.
pub fn render_worded(worded: &Worded) -> Rendered {
    let markup = (!worded.buttons.is_empty()).then(|| Markup::Buttons(worded.buttons.clone()));
    Rendered { text: clip(worded.text.clone()), markup }
}
