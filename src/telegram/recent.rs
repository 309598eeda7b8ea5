//! What was known last of chats, so that the next of a chat needs no look into the store.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::lead::ChatRef;

/// So many chats of two kinds, young and old, are remembered. They are made older at the next look after this time.
const REMEMBERED: usize = 500;
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// What is remembered of the chats that were heard of last.
#[derive(Debug)]
pub(super) struct Recent<V> {
    // In boxes: a table has room for about twice as many as are in it.
    young: HashMap<ChatRef, Box<V>>,
    old: HashMap<ChatRef, Box<V>>,
    since: Instant,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), since: Instant::now() }
    }
}

impl<V> Recent<V> {
    fn age(&mut self) {
        if self.young.len() >= REMEMBERED || self.since.elapsed() >= REMEMBERED_FOR {
            self.old = std::mem::take(&mut self.young);
            self.since = Instant::now();
        }
    }

    /// What is remembered of a chat.
    pub fn get(&mut self, chat: ChatRef) -> Option<&mut V> {
        self.age();
        match self.young.get_mut(&chat) {
            Some(value) => Some(value),
            None => self.old.get_mut(&chat).map(Box::as_mut),
        }
    }

    /// Forgets a chat.
    pub fn remove(&mut self, chat: ChatRef) -> Option<V> {
        let old = self.old.remove(&chat);
        self.young.remove(&chat).or(old).map(|value| *value)
    }

    /// Remembers this of a chat, and nothing that was remembered before.
    pub fn insert(&mut self, chat: ChatRef, value: V) {
        self.age();
        self.old.remove(&chat);
        self.young.insert(chat, Box::new(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_chats_are_remembered_and_no_more_than_two_kinds_of_them() {
        let mut recent = Recent::default();
        let many = 2 * REMEMBERED as i64;
        for chat in 0..=many {
            recent.insert(ChatRef::telegram(chat), chat);
        }
        assert_eq!(recent.get(ChatRef::telegram(0)), None, "the first are forgotten");
        assert_eq!(recent.get(ChatRef::telegram(many)).copied(), Some(many));
        assert_eq!(recent.get(ChatRef::telegram(many - 1)).copied(), Some(many - 1), "of the old kind");
        recent.insert(ChatRef::telegram(many - 1), 7);
        assert_eq!(recent.remove(ChatRef::telegram(many - 1)), Some(7));
        assert_eq!(recent.get(ChatRef::telegram(many - 1)), None, "what was remembered before is gone too");
    }
}
