//! Which messages of a chat are behind it: a button on one of them is an old one, or a finger that came down twice.

use serde::{Deserialize, Serialize};

use super::input::Press;
use crate::lead::LeadNumber;

/// So many requests are remembered by the messages of their forms.
const REQUESTS: usize = 5;

/// Telegram numbers the messages of a private chat, of both sides, in the order in which they were sent. Nothing documented
/// promises that, so it counts only in a chat where a button stood on a later message than the last that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Passed {
    /// Up to this one they belong to another form.
    opened: i32,
    /// Up to this one they were sent before the last answer.
    answered: i32,
    /// Up to this one they ask what is not asked any more.
    moved: i32,
    /// The last message that was written.
    written: i32,
    /// Messages of both sides are numbered in one row here.
    in_one_row: bool,
    /// The last requests that were sent, each with the first and the last message of its form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sent: Vec<(i32, i32, LeadNumber)>,
    /// The last button that was taken, where nothing was written since: the message that it is on, and its data.
    pressed: Option<(i32, String)>,
    /// The last that was said is whether the form is to be cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) cancel_asked: bool,
}

/// What a message or a button has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moved {
    /// Something else is asked now.
    On,
    /// Something was answered.
    Answered,
    /// A form was opened, sent or thrown away.
    ToAnotherForm,
}

impl Passed {
    /// What was written in this message, or the button on it, has led to something.
    pub(super) fn after(&self, message: i32, press: Option<&Press>, moved: Moved) -> Self {
        let up_to = |before: i32, least: Moved| if moved >= least { before.max(message) } else { before };
        Self {
            opened: up_to(self.opened, Moved::ToAnotherForm),
            answered: up_to(self.answered, Moved::Answered),
            moved: up_to(self.moved, Moved::On),
            written: self.written,
            in_one_row: self.in_one_row,
            sent: self.sent.clone(),
            pressed: press.map(|press| (message, press.data())),
            cancel_asked: self.cancel_asked,
        }
    }

    /// A form was sent as this request, by this message or the button on it; to be told before [`Self::after`].
    pub(super) fn sent_as(mut self, number: &LeadNumber, message: i32) -> Self {
        self.sent.push((self.opened + 1, message, number.clone()));
        if self.sent.len() > REQUESTS {
            self.sent.remove(0);
        }
        self
    }

    /// The request as which the form was sent that this message belongs to.
    pub(super) fn request_of(&self, message: i32) -> Option<&LeadNumber> {
        let is_its = |(first, last, _): &&(i32, i32, LeadNumber)| (*first..=*last).contains(&message);
        self.sent.iter().rev().find(is_its).map(|(.., number)| number).filter(|_| self.in_one_row)
    }

    /// What is known of the numbers after a message that was written, or a button on a message of ours.
    pub(super) fn seen(self, message: i32, is_button: bool) -> Self {
        match is_button {
            true => Self { in_one_row: self.in_one_row || (self.written > 0 && message > self.written), ..self },
            false => Self { written: self.written.max(message), ..self },
        }
    }

    /// A button that is about no form was taken.
    pub(super) fn pressed(self, message: Option<i32>, press: &Press) -> Self {
        Self { pressed: message.map(|message| (message, press.data())), ..self }
    }

    /// Whether something of ours stands between the last message that was written and this one.
    pub fn is_after_ours(&self, message: i32) -> bool {
        self.written > 0 && message > self.written.saturating_add(1)
    }

    /// Whether this button on this message is the last thing that was taken.
    pub(super) fn is_doubled_by(&self, message: i32, press: &Press) -> bool {
        self.pressed.as_ref().is_some_and(|(on, data)| *on == message && *data == press.data())
    }

    /// Whether a button on this message comes too late to mean what is asked now; `changing` is where one answer is
    /// being changed, so that "back" means the card.
    pub(super) fn is_too_late(&self, message: i32, press: &Press, changing: bool) -> bool {
        let up_to = match press {
            // They say by themselves what they are about.
            Press::Language(_) | Press::Start | Press::ConsentDocument | Press::Mine(_) => return false,
            // The form is the same.
            Press::Cancel | Press::Skip(Some(_)) | Press::Answer { .. } | Press::Edit(_) => self.opened,
            // The card says what is sent.
            Press::Submit | Press::DropFiles | Press::DropWish => self.answered,
            Press::Back if changing => self.answered,
            _ => self.moved,
        };
        self.in_one_row && message <= up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_press_is_told_from_a_late_one() {
        let at = Passed::default().seen(1, false).after(1, None, Moved::ToAnotherForm);
        let at = at.seen(10, true).after(10, Some(&Press::Skip(None)), Moved::Answered);
        assert!(at.is_doubled_by(10, &Press::Skip(None)));
        assert!(!at.is_doubled_by(10, &Press::Back) && !at.is_doubled_by(9, &Press::Skip(None)));
        assert!(at.is_too_late(10, &Press::Back, false) && !at.is_too_late(11, &Press::Back, false));
        // Whatever was written came between.
        let at = at.after(12, None, Moved::Answered);
        assert!(!at.is_doubled_by(10, &Press::Skip(None)) && at.is_too_late(10, &Press::Skip(None), false));
        assert!(!at.is_too_late(2, &Press::Cancel, false) && at.is_too_late(1, &Press::Cancel, false));
        // A card that nothing was changed on since is as good as a new one.
        let at = at.after(14, Some(&Press::Edit("name".into())), Moved::On);
        assert!(!at.is_too_late(14, &Press::Back, true) && at.is_too_late(14, &Press::Back, false));
        let at = at.after(14, Some(&Press::Back), Moved::On);
        assert!(!at.is_too_late(14, &Press::Submit, false) && at.is_too_late(12, &Press::Submit, false));
    }

    #[test]
    fn a_message_of_a_form_that_was_sent_is_known_by_its_request() {
        let number = |text: &str| LeadNumber::parse(text).expect("a number");
        let (one, two) = (number("K7M2QXA"), number("B3C4D5E"));
        let at = Passed::default().seen(1, false).after(1, None, Moved::ToAnotherForm).seen(9, true);
        let at = at.sent_as(&one, 9).after(9, Some(&Press::Submit), Moved::ToAnotherForm);
        let at = at.after(12, None, Moved::ToAnotherForm).sent_as(&two, 20).after(20, None, Moved::ToAnotherForm);
        for (message, request) in
            [(1, None), (2, Some(&one)), (9, Some(&one)), (10, None), (13, Some(&two)), (21, None)]
        {
            assert_eq!(at.request_of(message), request, "{message}");
        }
        let many = (0..20).fold(at, |at, _| at.sent_as(&one, 30));
        assert_eq!(many.sent.len(), REQUESTS);
    }

    #[test]
    fn where_each_side_has_numbers_of_its_own_no_button_is_late() {
        let at = Passed::default().seen(7001, false).after(7001, None, Moved::ToAnotherForm);
        let at = at.seen(3, true).after(3, Some(&Press::Skip(None)), Moved::Answered);
        assert!(!at.is_too_late(4, &Press::Submit, false) && at.is_doubled_by(3, &Press::Skip(None)));
    }
}
