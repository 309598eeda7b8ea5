//! What is under way to each chat: the rule by which every message is sent once by this process, in order, without I/O.
//!
//! Messages come two ways: handed over right after their commit, or found by a look into the store. Races and what
//! answers each:
//! - A look finds what is handed over a moment later: what a look has started is remembered, and passed over then.
//! - What is handed over has an older message before it that is not under way here (it waits for its time, or another
//!   process has enqueued it): it is left to a look, which takes the oldest of each chat.
//! - A look was begun before a chat's message was sent and is answered after: chats that were under way when it was
//!   begun are passed over, and looked at again.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use crate::{store::OutboxMessage, wording::Lang};

use super::handover::Fresh;

/// So many messages that looks have started are remembered: what is handed over comes within moments.
const REMEMBERED: usize = 4096;

/// A message to be sent.
#[derive(Debug, PartialEq)]
pub(super) struct Next {
    pub message: OutboxMessage,
    /// The buyer's language, where it is known.
    pub lang: Option<Lang>,
}

#[derive(Debug)]
struct UnderWay {
    queue: VecDeque<Next>,
    /// The last message that is in the queue or was.
    last: String,
    /// There may be more in the store.
    more: bool,
}

/// The last ids of messages that looks have started.
#[derive(Debug, Default)]
struct Started {
    ids: HashSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Started {
    fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    fn remember(&mut self, id: &str) {
        let id: Arc<str> = id.into();
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Chats {
    under_way: HashMap<i64, UnderWay>,
    found: Started,
}

impl Chats {
    /// The chats to which something is under way.
    pub fn under_way(&self) -> HashSet<i64> {
        self.under_way.keys().copied().collect()
    }

    /// Takes what was handed over. Returns the chat if its sending is to be started, and whether the store is to be
    /// looked into.
    pub fn hand_over(&mut self, fresh: Fresh) -> (Option<i64>, bool) {
        let (mut start, mut look) = (None, false);
        for (message, before) in fresh.messages {
            if self.found.contains(&message.id) {
                continue;
            }
            let (chat_id, id) = (message.chat_id, message.id.clone());
            let next = Next { message, lang: Some(fresh.lang) };
            match (self.under_way.get_mut(&chat_id), before) {
                (Some(chat), Some(before)) if before == chat.last => {
                    chat.queue.push_back(next);
                    chat.last = id;
                }
                // What was under way has gone from the store with the very commit that brought this.
                (Some(chat), None) if chat.queue.is_empty() => {
                    chat.queue.push_back(next);
                    chat.last = id;
                }
                (Some(chat), _) => chat.more = true,
                (None, None) => {
                    let chat = UnderWay { queue: VecDeque::from([next]), last: id, more: false };
                    self.under_way.insert(chat_id, chat);
                    start = Some(chat_id);
                }
                (None, Some(_)) => look = true,
            }
        }
        (start, look)
    }

    /// Takes what a look has found; `before` are the chats that were under way when it was begun. Says whether the
    /// chat's sending is to be started; what is passed over is looked at again when the chat is through.
    pub fn found(&mut self, message: OutboxMessage, before: &HashSet<i64>) -> Found {
        let chat_id = message.chat_id;
        if let Some(chat) = self.under_way.get_mut(&chat_id) {
            chat.more = true;
            return Found::UnderWay;
        }
        if before.contains(&chat_id) {
            return Found::LookAgain;
        }
        self.found.remember(&message.id);
        let last = message.id.clone();
        let queue = VecDeque::from([Next { message, lang: None }]);
        self.under_way.insert(chat_id, UnderWay { queue, last, more: true });
        Found::Start
    }

    /// Whether a message waits behind the one that is being sent to a chat.
    pub fn has_next(&self, chat_id: i64) -> bool {
        self.under_way.get(&chat_id).is_some_and(|chat| !chat.queue.is_empty())
    }

    /// The next message to a chat; when there is none the chat is through, and the answer is whether there may be more
    /// of it in the store.
    pub fn next(&mut self, chat_id: i64) -> Result<Next, bool> {
        if let Some(next) = self.under_way.get_mut(&chat_id).and_then(|chat| chat.queue.pop_front()) {
            return Ok(next);
        }
        Err(self.under_way.remove(&chat_id).is_some_and(|chat| chat.more))
    }

    /// The message to a chat has to be sent again later, and those behind it too.
    pub fn later(&mut self, chat_id: i64) {
        if let Some(chat) = self.under_way.get_mut(&chat_id) {
            chat.queue.clear();
            // Nothing follows it here any more.
            chat.last.clear();
            chat.more = true;
        }
    }
}

/// What a message that a look has found leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Start,
    UnderWay,
    LookAgain,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{AdminNotice, Notice};

    fn message(chat_id: i64, id: &str) -> OutboxMessage {
        OutboxMessage { id: id.into(), chat_id, notice: Notice::Admin(AdminNotice::NoCrm), attempts: 0 }
    }

    fn fresh(chat_id: i64, ids: &[(&str, Option<&str>)]) -> Fresh {
        let messages = ids.iter().map(|(id, before)| (message(chat_id, id), before.map(str::to_owned))).collect();
        Fresh { lang: Lang::ru(), messages, pressed: None }
    }

    fn rest(chats: &mut Chats, chat_id: i64) -> (Vec<String>, bool) {
        let mut ids = Vec::new();
        loop {
            match chats.next(chat_id) {
                Ok(next) => ids.push(next.message.id),
                Err(more) => return (ids, more),
            }
        }
    }

    #[test]
    fn what_is_handed_over_goes_in_order_without_a_look() {
        let mut chats = Chats::default();
        assert_eq!(chats.hand_over(fresh(1, &[("a", None), ("b", Some("a"))])), (Some(1), false));
        assert_eq!(chats.next(1).expect("a message").message.id, "a");
        // While "a" is under way the buyer says more.
        assert!(chats.has_next(1));
        assert_eq!(chats.hand_over(fresh(1, &[("c", Some("b"))])), (None, false));
        for id in ["b", "c"] {
            assert_eq!(chats.next(1).expect("a message").message.id, id);
        }
        // "c" was sent, and goes from the store with the commit of "d".
        assert!(!chats.has_next(1));
        assert_eq!(chats.hand_over(fresh(1, &[("d", None), ("e", Some("d"))])), (None, false));
        assert_eq!(rest(&mut chats, 1), (vec!["d".into(), "e".into()], false));
        assert!(chats.under_way().is_empty());
    }

    #[test]
    fn what_has_older_ones_before_it_is_left_to_a_look() {
        let mut chats = Chats::default();
        assert_eq!(chats.hand_over(fresh(1, &[("b", Some("a"))])), (None, true));
        assert_eq!(chats.hand_over(fresh(1, &[("c", None)])), (Some(1), false));
        // Another part of the program has enqueued "d" meanwhile.
        assert_eq!(chats.hand_over(fresh(1, &[("e", Some("d"))])), (None, false));
        assert_eq!(rest(&mut chats, 1), (vec!["c".into()], true));
    }

    #[test]
    fn a_look_and_a_hand_over_of_the_same_send_it_once() {
        let mut chats = Chats::default();
        let nobody = HashSet::new();
        assert_eq!(chats.found(message(1, "a"), &nobody), Found::Start);
        assert_eq!(rest(&mut chats, 1), (vec!["a".into()], true));
        assert_eq!(chats.hand_over(fresh(1, &[("a", None)])), (None, false));
        // The second of a turn whose first a look has found.
        assert_eq!(chats.found(message(2, "b"), &nobody), Found::Start);
        assert_eq!(chats.hand_over(fresh(2, &[("b", None), ("c", Some("b"))])), (None, false));
        assert_eq!(rest(&mut chats, 2), (vec!["b".into(), "c".into()], true));
    }

    #[test]
    fn no_more_is_remembered_than_may_still_be_handed_over() {
        let (mut started, few) = (Started::default(), 3);
        // One that a look finds again, since it had to wait, counts once.
        for id in (0..REMEMBERED + few).flat_map(|n| [n, n]) {
            started.remember(&id.to_string());
        }
        assert_eq!((started.ids.len(), started.oldest_first.len()), (REMEMBERED, REMEMBERED));
        let known = |n: usize| started.contains(&n.to_string());
        assert_eq!([few - 1, few, REMEMBERED + few - 1, REMEMBERED + few].map(known), [false, true, true, false]);
    }

    #[test]
    fn a_look_that_is_older_than_a_sending_starts_nothing() {
        let mut chats = Chats::default();
        chats.hand_over(fresh(1, &[("a", None)]));
        let before = chats.under_way();
        assert_eq!(chats.found(message(1, "a"), &before), Found::UnderWay);
        assert_eq!(rest(&mut chats, 1), (vec!["a".into()], true));
        assert_eq!(chats.found(message(1, "a"), &before), Found::LookAgain);
        assert!(chats.under_way().is_empty());
    }

    #[test]
    fn behind_what_has_to_wait_everything_waits() {
        let mut chats = Chats::default();
        chats.hand_over(fresh(1, &[("a", None), ("b", Some("a"))]));
        assert!(chats.next(1).is_ok());
        chats.later(1);
        assert_eq!(chats.hand_over(fresh(1, &[("c", Some("b"))])), (None, false));
        assert_eq!(rest(&mut chats, 1), (vec![], true));
    }
}
