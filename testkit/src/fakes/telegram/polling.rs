//! getUpdates: long polling, confirmation by offset, and two pollers in each other's way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Value, json};

use super::Shared;
use super::params::{Answer, Params, refusal};
use super::world::{Event, Poll, World, update_id};

/// The longest a request waits, whatever it asks for (`Client.h`, LONG_POLL_MAX_TIMEOUT).
const MAX_TIMEOUT_SECONDS: i64 = 50;

/// How soon a repeated offset is taken for a busy loop, and how long such a request is held.
pub(super) const REPEAT_HOLD: Duration = Duration::from_secs(3);

/// A request that waits; gone with the connection.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.world().waiting_polls -= 1;
        self.0.queue_changed.notify_waiters();
    }
}

pub(super) async fn get_updates(shared: &Arc<Shared>, params: &Params) -> Answer {
    let (poll, turn, offset, limit, deadline);
    {
        let mut world = shared.world();
        if world.webhook.is_some() {
            return Err(refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; \
                 use deleteWebhook to delete the webhook first",
            ));
        }
        let asked_offset = params.int("offset").unwrap_or(0);
        limit = params.int("limit").unwrap_or(100).clamp(1, 100) as usize;
        let asked = params.int("timeout").unwrap_or(0).clamp(0, MAX_TIMEOUT_SECONDS) as u64;
        if let Some(kinds) = params.get("allowed_updates").and_then(Value::as_array) {
            let kinds = kinds.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
            world.allowed_updates = Some(kinds).filter(|kinds: &std::collections::BTreeSet<_>| !kinds.is_empty());
        }
        let mut timeout = if world.holds_no_polls { Duration::ZERO } else { Duration::from_secs(asked) };
        let now = Instant::now();
        let hold = world.repeat_hold;
        let repeated = world.previous_poll.is_some_and(|(previous, at)| previous == asked_offset && now < at + hold);
        if repeated && world.hold_repeated_polls && !world.holds_no_polls {
            timeout = timeout.max(hold);
        }
        world.previous_poll = Some((asked_offset, now));
        poll = world.polls.len();
        world.polls.push(Poll { at: Utc::now(), offset: asked_offset, timeout: asked, given: None });
        let before = world.confirmed;
        let from = world.confirm(asked_offset);
        // Counted from the end once; later updates do not move it.
        offset = if asked_offset < 0 { from } else { asked_offset };
        if world.confirmed != before {
            shared.tell(Event::Confirmed(world.confirmed));
            shared.queue_changed.notify_waiters();
        }
        if let Some(updates) = give(&mut world, poll, from, limit) {
            return Ok(updates);
        }
        if timeout.is_zero() {
            world.polls[poll].given = Some(Vec::new());
            return Ok(json!([]));
        }
        // Only a request that has to wait ends the one that waits already (`Client.cpp`, do_get_updates).
        world.poll_turn += 1;
        turn = world.poll_turn;
        world.waiting_polls += 1;
        deadline = tokio::time::Instant::now() + timeout;
    }
    let _waiting = Waiting(shared);
    shared.queue_changed.notify_waiters();
    loop {
        let mut changed = std::pin::pin!(shared.queue_changed.notified());
        changed.as_mut().enable();
        {
            let mut world = shared.world();
            if world.webhook.is_some() {
                return Err(refusal(409, "Conflict: terminated by setWebhook request"));
            }
            if world.poll_turn != turn {
                return Err(refusal(
                    409,
                    "Conflict: terminated by other getUpdates request; \
                     make sure that only one bot instance is running",
                ));
            }
            let from = world.confirm(offset);
            if let Some(updates) = give(&mut world, poll, from, limit) {
                return Ok(updates);
            }
        }
        if tokio::time::timeout_at(deadline, changed).await.is_err() {
            shared.world().polls[poll].given = Some(Vec::new());
            return Ok(json!([]));
        }
    }
}

fn give(world: &mut World, poll: usize, from: i64, limit: usize) -> Option<Value> {
    let updates: Vec<Value> =
        world.pending.iter().filter(|update| update_id(update) >= from).take(limit).cloned().collect();
    if updates.is_empty() {
        return None;
    }
    world.polls[poll].given = Some(updates.iter().map(update_id).collect());
    Some(Value::Array(updates))
}

/// The answer's body, in which some updates are on the wire what they are.
pub(super) fn body(world: &World, updates: &[Value]) -> Vec<u8> {
    let mut body = br#"{"ok":true,"result":["#.to_vec();
    for (at, update) in updates.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        match world.raw.get(&update_id(update)) {
            Some(raw) => body.extend_from_slice(raw),
            None => body.extend_from_slice(update.to_string().as_bytes()),
        }
    }
    body.extend_from_slice(b"]}");
    body
}
