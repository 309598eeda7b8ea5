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

use crate::{lead::ChatRef, store::OutboxMessage, wording::Lang};

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
    under_way: HashMap<ChatRef, UnderWay>,
    found: Started,
}

impl Chats {
    /// The chats to which something is under way.
    pub fn under_way(&self) -> HashSet<ChatRef> {
        self.under_way.keys().copied().collect()
    }

    /// Takes what was handed over. Returns the chat if its sending is to be started, and whether the store is to be
    /// looked into.
    pub fn hand_over(&mut self, fresh: Fresh) -> (Option<ChatRef>, bool) {
        let (mut start, mut look) = (None, false);
        for (message, before) in fresh.messages {
            if self.found.contains(&message.id) {
                continue;
            }
            let (chat, id) = (message.chat, message.id.clone());
            let next = Next { message, lang: Some(fresh.lang) };
            match (self.under_way.get_mut(&chat), before) {
                (Some(under_way), Some(before)) if before == under_way.last => {
                    under_way.queue.push_back(next);
                    under_way.last = id;
                }
                // What was under way has gone from the store with the very commit that brought this.
                (Some(under_way), None) if under_way.queue.is_empty() => {
                    under_way.queue.push_back(next);
                    under_way.last = id;
                }
                (Some(under_way), _) => under_way.more = true,
                (None, None) => {
                    let under_way = UnderWay { queue: VecDeque::from([next]), last: id, more: false };
                    self.under_way.insert(chat, under_way);
                    start = Some(chat);
                }
                (None, Some(_)) => look = true,
            }
        }
        (start, look)
    }

    /// Takes what a look has found; `before` are the chats that were under way when it was begun. Says whether the
    /// chat's sending is to be started; what is passed over is looked at again when the chat is through.
    pub fn found(&mut self, message: OutboxMessage, before: &HashSet<ChatRef>) -> Found {
        let chat = message.chat;
        if let Some(under_way) = self.under_way.get_mut(&chat) {
            under_way.more = true;
            return Found::UnderWay;
        }
        if before.contains(&chat) {
            return Found::LookAgain;
        }
        self.found.remember(&message.id);
        let last = message.id.clone();
        let queue = VecDeque::from([Next { message, lang: None }]);
        self.under_way.insert(chat, UnderWay { queue, last, more: true });
        Found::Start
    }

    /// Whether a message waits behind the one that is being sent to a chat.
    pub fn has_next(&self, chat: ChatRef) -> bool {
        self.under_way.get(&chat).is_some_and(|under_way| !under_way.queue.is_empty())
    }

    /// The next message to a chat; when there is none the chat is through, and the answer is whether there may be more
    /// of it in the store.
    pub fn next(&mut self, chat: ChatRef) -> Result<Next, bool> {
        if let Some(next) = self.under_way.get_mut(&chat).and_then(|under_way| under_way.queue.pop_front()) {
            return Ok(next);
        }
        Err(self.under_way.remove(&chat).is_some_and(|under_way| under_way.more))
    }

    /// The message to a chat has to be sent again later, and those behind it too.
    pub fn later(&mut self, chat: ChatRef) {
        if let Some(under_way) = self.under_way.get_mut(&chat) {
            under_way.queue.clear();
            // Nothing follows it here any more.
            under_way.last.clear();
            under_way.more = true;
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::notice::{AdminNotice, Notice};

    fn chat(id: i64) -> ChatRef {
        ChatRef::telegram(id)
    }

    fn message(chat: ChatRef, id: &str) -> OutboxMessage {
        OutboxMessage { id: id.into(), chat, notice: Notice::Admin(AdminNotice::NoCrm), attempts: 0 }
    }

    fn fresh(chat: ChatRef, ids: &[(&str, Option<&str>)]) -> Fresh {
        let messages = ids.iter().map(|(id, before)| (message(chat, id), before.map(str::to_owned))).collect();
        Fresh { lang: Lang::ru(), messages, pressed: None }
    }

    fn rest(chats: &mut Chats, chat: ChatRef) -> (Vec<String>, bool) {
        let mut ids = Vec::new();
        loop {
            match chats.next(chat) {
                Ok(next) => ids.push(next.message.id),
                Err(more) => return (ids, more),
            }
        }
    }

    #[test]
    fn what_is_handed_over_goes_in_order_without_a_look() {
        let mut chats = Chats::default();
        assert_eq!(chats.hand_over(fresh(chat(1), &[("a", None), ("b", Some("a"))])), (Some(chat(1)), false));
        assert_eq!(chats.next(chat(1)).expect("a message").message.id, "a");
        // While "a" is under way the buyer says more.
        assert!(chats.has_next(chat(1)));
        assert_eq!(chats.hand_over(fresh(chat(1), &[("c", Some("b"))])), (None, false));
        for id in ["b", "c"] {
            assert_eq!(chats.next(chat(1)).expect("a message").message.id, id);
        }
        // "c" was sent, and goes from the store with the commit of "d".
        assert!(!chats.has_next(chat(1)));
        assert_eq!(chats.hand_over(fresh(chat(1), &[("d", None), ("e", Some("d"))])), (None, false));
        assert_eq!(rest(&mut chats, chat(1)), (vec!["d".into(), "e".into()], false));
        assert!(chats.under_way().is_empty());
    }

    #[test]
    fn what_has_older_ones_before_it_is_left_to_a_look() {
        let mut chats = Chats::default();
        assert_eq!(chats.hand_over(fresh(chat(1), &[("b", Some("a"))])), (None, true));
        assert_eq!(chats.hand_over(fresh(chat(1), &[("c", None)])), (Some(chat(1)), false));
        // Another part of the program has enqueued "d" meanwhile.
        assert_eq!(chats.hand_over(fresh(chat(1), &[("e", Some("d"))])), (None, false));
        assert_eq!(rest(&mut chats, chat(1)), (vec!["c".into()], true));
    }

    #[test]
    fn a_look_and_a_hand_over_of_the_same_send_it_once() {
        let mut chats = Chats::default();
        let nobody = HashSet::new();
        assert_eq!(chats.found(message(chat(1), "a"), &nobody), Found::Start);
        assert_eq!(rest(&mut chats, chat(1)), (vec!["a".into()], true));
        assert_eq!(chats.hand_over(fresh(chat(1), &[("a", None)])), (None, false));
        // The second of a turn whose first a look has found.
        assert_eq!(chats.found(message(chat(2), "b"), &nobody), Found::Start);
        assert_eq!(chats.hand_over(fresh(chat(2), &[("b", None), ("c", Some("b"))])), (None, false));
        assert_eq!(rest(&mut chats, chat(2)), (vec!["b".into(), "c".into()], true));
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
        chats.hand_over(fresh(chat(1), &[("a", None)]));
        let before = chats.under_way();
        assert_eq!(chats.found(message(chat(1), "a"), &before), Found::UnderWay);
        assert_eq!(rest(&mut chats, chat(1)), (vec!["a".into()], true));
        assert_eq!(chats.found(message(chat(1), "a"), &before), Found::LookAgain);
        assert!(chats.under_way().is_empty());
    }

    /// Chats and ids in order.
    type Stored = Vec<(ChatRef, String)>;

    /// The store, what is on its way to the sender, and how far the sender is, of chats that go on side by side.
    #[derive(Default)]
    struct Played {
        chats: Chats,
        store: Stored,
        on_its_way: Vec<Fresh>,
        /// What is being sent to each chat that is under way, and whether Telegram has it.
        sending: BTreeMap<ChatRef, Option<(String, bool)>>,
        /// The chats that were under way when a look was begun, and what the store has answered.
        look: Option<(HashSet<ChatRef>, Option<Stored>)>,
        is_look_due: bool,
        sent: Vec<(ChatRef, String)>,
        enqueued: usize,
    }

    impl Played {
        fn enqueues(&mut self, chat: ChatRef, how_many: usize, is_handed_over: bool) {
            let mut before = self.store.iter().rfind(|(of, _)| *of == chat).map(|(_, id)| id.clone());
            let mut messages = Vec::new();
            for _ in 0..how_many {
                self.enqueued += 1;
                let id = format!("{:04}", self.enqueued);
                self.store.push((chat, id.clone()));
                messages.push((message(chat, &id), before.replace(id)));
            }
            match is_handed_over {
                true => self.on_its_way.push(Fresh { lang: Lang::ru(), messages, pressed: None }),
                false => self.is_look_due = true,
            }
        }

        /// A step of the loop that starts what is to be sent; what was handed over waits for the end of a look.
        fn looks(&mut self) {
            match self.look.take() {
                None => {
                    for fresh in std::mem::take(&mut self.on_its_way) {
                        let (start, look) = self.chats.hand_over(fresh);
                        self.sending.extend(start.map(|chat| (chat, None)));
                        self.is_look_due |= look;
                    }
                    if std::mem::take(&mut self.is_look_due) {
                        self.look = Some((self.chats.under_way(), None));
                    }
                }
                Some((before, None)) => {
                    let mut seen = HashSet::new();
                    let first = self.store.iter().filter(|(chat, _)| seen.insert(*chat)).cloned().collect();
                    self.look = Some((before, Some(first)));
                }
                Some((before, Some(found))) => {
                    for (chat, id) in found {
                        match self.chats.found(message(chat, &id), &before) {
                            Found::Start => drop(self.sending.insert(chat, None)),
                            Found::UnderWay => {}
                            Found::LookAgain => self.is_look_due = true,
                        }
                    }
                }
            }
        }

        /// A step of what sends to a chat; `waits` is what has to be sent later.
        fn sends(&mut self, chat: ChatRef, waits: bool) {
            let Some(sending) = self.sending.get_mut(&chat) else { return };
            match sending.take() {
                None => match self.chats.next(chat) {
                    Ok(next) => *sending = Some((next.message.id, false)),
                    Err(more) => {
                        self.is_look_due |= more;
                        self.sending.remove(&chat);
                    }
                },
                Some((_, false)) if waits => {
                    self.chats.later(chat);
                    self.is_look_due = true;
                }
                Some((id, false)) => {
                    self.sent.push((chat, id.clone()));
                    *sending = Some((id, true));
                }
                Some((id, true)) => self.store.retain(|(_, stored)| *stored != id),
            }
        }
    }

    #[test]
    fn however_looks_and_what_is_handed_over_meet_each_message_is_sent_once_and_in_order() {
        for seed in 0..2_000u64 {
            let mut state = seed;
            let mut random = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let mut played = Played::default();
            for _ in 0..60 {
                let chat = chat(1 + random(2) as i64);
                match random(8) {
                    0 => played.enqueues(chat, 1 + random(2) as usize, random(4) > 0),
                    1..4 => played.looks(),
                    _ => played.sends(chat, random(8) == 0),
                }
            }
            for _ in 0..20 * played.enqueued {
                played.looks();
                [1, 2].map(chat).into_iter().for_each(|chat| played.sends(chat, false));
            }
            assert!(played.store.is_empty(), "{seed}: {:?}", played.store);
            for chat in [1, 2].map(chat) {
                let sent: Vec<_> = played.sent.iter().filter(|(of, _)| *of == chat).map(|(_, id)| id).collect();
                assert!(sent.is_sorted_by(|one, next| one < next), "{seed}: {sent:?}");
            }
            assert_eq!(played.sent.len(), played.enqueued, "{seed}");
        }
    }

    #[test]
    fn behind_what_has_to_wait_everything_waits() {
        let mut chats = Chats::default();
        chats.hand_over(fresh(chat(1), &[("a", None), ("b", Some("a"))]));
        assert!(chats.next(chat(1)).is_ok());
        chats.later(chat(1));
        assert_eq!(chats.hand_over(fresh(chat(1), &[("c", Some("b"))])), (None, false));
        assert_eq!(rest(&mut chats, chat(1)), (vec![], true));
    }
}
