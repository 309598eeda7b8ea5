//! The one way to the admin: a handle that every part holds, and who is meant.
//!
//! What is sent is stored and told by `alerts`. What concerns the store itself cannot wait there, so it has words of its own
//! here and is told past the store: once when it begins, once when it is over, however often it is said.

use tokio::sync::mpsc;

use crate::lead::ChatRef;

use super::AdminNotice;

/// Whom a notice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Whoever keeps the bot running.
    Operator,
    /// Those who call the buyers.
    Managers,
}

/// The chat of each recipient, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recipients {
    operator: Option<ChatRef>,
    managers: Option<ChatRef>,
}

impl Recipients {
    /// Both are in the admin's chat, if at all, unless the managers have one of their own.
    pub fn new(admin: Option<ChatRef>, managers: Option<ChatRef>) -> Self {
        Self { operator: admin, managers: managers.or(admin) }
    }

    /// The same with the operator in another chat, where there was none.
    pub fn with_operator_at_least_in(self, chat: ChatRef) -> Self {
        Self { operator: self.operator.or(Some(chat)), ..self }
    }

    /// The chat of one of them.
    pub fn chat(&self, recipient: Recipient) -> Option<ChatRef> {
        match recipient {
            Recipient::Operator => self.operator,
            Recipient::Managers => self.managers,
        }
    }
}

impl AdminNotice {
    /// Whom it is for: buyers are the managers' matter, all else is the operator's. Requests are the managers' by their cards;
    /// copies of them are for whoever has asked for copies.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::LimitReached { .. }
            | Self::FileLost { .. }
            | Self::Corrected { .. }
            | Self::TakenBack { .. }
            | Self::NoPlaceForWords { .. }
            | Self::Finished { .. }
            | Self::Talk { .. }
            | Self::ConsentWithdrawn { .. } => Recipient::Managers,
            _ => Recipient::Operator,
        }
    }
}

/// What comes out at the other end of an [`AdminLine`].
#[derive(Debug, Clone, PartialEq)]
pub enum ToAdmin {
    /// To be stored and told.
    Notice(Box<AdminNotice>),
    /// The store does not take what it is given; says what it said.
    StoreFailed(String),
    /// The store works again.
    StoreRecovered,
}

/// The way to the admin; clones lead to the same end. Nobody waits for it, and where nobody listens nothing happens.
#[derive(Debug, Clone)]
pub struct AdminLine(mpsc::UnboundedSender<ToAdmin>);

impl AdminLine {
    /// A line and its other end.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<ToAdmin>) {
        let (line, end) = mpsc::unbounded_channel();
        (Self(line), end)
    }

    /// Tells the admin something.
    pub fn send(&self, notice: AdminNotice) {
        let _ = self.0.send(ToAdmin::Notice(Box::new(notice)));
    }

    /// The store has failed, again or for the first time.
    pub fn store_failed(&self, detail: String) {
        let _ = self.0.send(ToAdmin::StoreFailed(detail));
    }

    /// The store works again.
    pub fn store_recovered(&self) {
        let _ = self.0.send(ToAdmin::StoreRecovered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_without_a_chat_of_their_own_are_in_the_admins_and_the_operator_is_told_even_without_one() {
        let chat = ChatRef::telegram;
        for (admin, own, operator, managers) in [
            (Some(7), None, Some(7), Some(7)),
            (None, None, Some(0), None),
            (Some(7), Some(-9), Some(7), Some(-9)),
            (None, Some(-9), Some(0), Some(-9)),
        ] {
            let recipients = Recipients::new(admin.map(chat), own.map(chat)).with_operator_at_least_in(chat(0));
            assert_eq!(recipients.chat(Recipient::Operator), operator.map(chat));
            assert_eq!(recipients.chat(Recipient::Managers), managers.map(chat));
        }
        assert_eq!(AdminNotice::Copies { leads: Vec::new() }.recipient(), Recipient::Operator);
        let number = crate::lead::LeadNumber::random();
        assert_eq!(AdminNotice::TakenBack { number }.recipient(), Recipient::Managers);
        assert_eq!(AdminNotice::NoCrm.recipient(), Recipient::Operator);
    }
}
