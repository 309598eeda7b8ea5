//! A strict stand-in for the Telegram Bot API, with buyers who write to the bot and faults to switch on.
//!
//! Promise: whatever the bot could not do to the real Telegram, it cannot do here; and whatever the real Telegram
//! may do to the bot (redeliver, cut, hang, throttle, answer HTML, run two pollers against each other) can be asked
//! for here. The behaviour follows core.telegram.org/bots/api and, where the page is silent, the sources of
//! tdlib/telegram-bot-api (`Client.cpp`); where both are silent the stricter reading is taken and said so.
//!
//! The world is one mutex; nothing is awaited under it. `server` speaks HTTP and owns the network,
//! `polling` is getUpdates, `messages` and `methods` are the other methods, `params` is what a request brings, `markup`
//! and `text` are what Telegram checks in a message, `buyer` is the people, `reading` is for the test, `world` remembers.

// Each test binary uses a part.
#![allow(dead_code, unused_imports)]

mod buyer;
mod fault;
mod files;
mod groups;
mod markup;
mod members;
mod messages;
mod methods;
mod params;
mod polling;
mod reading;
mod server;
mod text;
mod world;

pub use buyer::FakeUser;
pub use fault::{Fault, On, Times};
pub use markup::{Button, Key, ReplyKeyboard};
pub use members::FakeGroup;
pub use world::{BotMessage, Call, CallbackAnswer, Event, Poll, Seen};

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, broadcast};

use world::World;

/// The bot's token: a number, a colon and 35 characters, as @BotFather gives them.
pub const TOKEN: &str = "123456:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo4";

/// The username getMe gives.
pub const BOT_USERNAME: &str = "avto_zayavka_bot";

/// How many events a slow subscriber may lag behind before it misses some.
const EVENT_BUFFER: usize = 8192;

/// A running fake Telegram; clones are handles to the same one.
#[derive(Clone)]
pub struct FakeTelegram {
    shared: Arc<Shared>,
    network: Arc<tokio::sync::Mutex<server::Network>>,
}

/// What the HTTP side and the handles have in common.
struct Shared {
    addr: SocketAddr,
    world: Mutex<World>,
    /// Rings when the queue of updates or the order of pollers changed.
    queue_changed: Notify,
    /// Rings when a request arrived or was answered.
    calls_changed: Notify,
    events: broadcast::Sender<Event>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        // A panicking test must not turn every later assertion into a poison error.
        self.world.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn tell(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    /// Queues an update for the bot unless allowed_updates leaves its kind out; returns its update_id.
    fn queue(&self, world: &mut World, kind: &str, body: Value) -> Option<i64> {
        let update = world.queue_update(kind, body)?;
        self.queue_changed.notify_waiters();
        let id = update["update_id"].as_i64();
        self.tell(Event::UpdateQueued(update));
        id
    }
}

impl FakeTelegram {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on the given port of 127.0.0.1, or on a free one for zero; panics if it stays taken.
    pub async fn start_on(port: u16) -> Self {
        let listener = super::listen(port).await;
        let shared = Arc::new(Shared {
            addr: listener.local_addr().expect("a bound socket has an address"),
            world: Mutex::new(World::new()),
            queue_changed: Notify::new(),
            calls_changed: Notify::new(),
            events: broadcast::channel(EVENT_BUFFER).0,
        });
        let network = server::Network::open(listener, shared.clone());
        Self { shared, network: Arc::new(tokio::sync::Mutex::new(network)) }
    }

    /// The value for TELEGRAM_API_URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.addr)
    }

    /// The value for BOT_TOKEN.
    pub fn token(&self) -> String {
        TOKEN.to_owned()
    }

    /// The network goes down: the port refuses, every open connection is closed; what people write meanwhile waits.
    pub async fn stop(&self) {
        super::stopped().insert(self.shared.addr.port());
        self.network.lock().await.close().await;
    }

    /// The network is back on the same port, with everything remembered.
    pub async fn restart(&self) {
        let mut network = self.network.lock().await;
        let port = self.shared.addr.port();
        super::stopped().insert(port);
        network.close().await;
        let listener = super::listen(port).await;
        super::stopped().remove(&port);
        *network = server::Network::open(listener, self.shared.clone());
    }

    /// From now on the requests that `on` matches meet this fault; of several matching faults the oldest acts.
    pub fn fault(&self, on: On, fault: Fault, times: Times) {
        self.shared.world().faults.add(on, fault, times);
    }

    /// Ends all faults; requests that hang are handled and answered now.
    pub fn clear_faults(&self) {
        self.shared.world().faults.clear();
    }

    /// Queues an update as given under a fresh update_id, whatever allowed_updates says; for kinds and shapes that
    /// no library knows. Returns the update_id.
    pub fn raw_update(&self, update: Value) -> i64 {
        let mut world = self.shared.world();
        let update = world.queue_raw(update);
        self.shared.queue_changed.notify_waiters();
        let id = update["update_id"].as_i64().expect("queue_raw fills it in");
        self.shared.tell(Event::UpdateQueued(update));
        id
    }

    /// Queues what is an update on the wire alone, made from the update_id under which it is confirmed.
    pub fn raw_bytes(&self, bytes: impl FnOnce(i64) -> Vec<u8>) -> i64 {
        let id = self.shared.world().queue_bytes(None, bytes);
        self.shared.queue_changed.notify_waiters();
        id
    }

    /// The same under an update_id as Telegram has none.
    pub fn raw_bytes_as(&self, id: i64, bytes: Vec<u8>) {
        self.shared.world().queue_bytes(Some(id), |_| bytes);
        self.shared.queue_changed.notify_waiters();
    }

    /// Somebody has a webhook set for the bot.
    pub fn has_webhook(&self, url: &str) {
        self.shared.world().webhook = Some(url.to_owned());
        self.shared.queue_changed.notify_waiters();
    }

    /// What getMe tells from now on.
    pub fn tells_of_itself(&self, me: Value) {
        self.shared.world().me = Some(me);
    }

    /// From now on polls are answered at once, as some proxies and servers of one's own do.
    pub fn holds_no_polls(&self) {
        self.shared.world().holds_no_polls = true;
    }

    /// From now on buttons with what came after Bot API 7.10 (`style`, `copy_text`) are refused, as an older server may.
    pub fn knows_no_new_buttons(&self) {
        self.shared.world().knows_no_new_buttons = true;
    }

    /// As after a quiet week: nothing is pending, and the next update_id is `to`, possibly lower than before.
    pub fn reset_update_ids(&self, to: i64) {
        self.shared.world().reset_update_ids(to);
    }

    /// Every callback query pressed so far becomes too old to answer.
    pub fn expire_callbacks(&self) {
        self.shared.world().callbacks.clear();
    }

    /// Whether a getUpdates that repeats the previous offset within 3 s is held for 3 s when nothing is pending, as
    /// the real server does (`Client.cpp`, process_get_updates_query); on by default.
    pub fn hold_repeated_polls(&self, hold: bool) {
        self.shared.world().hold_repeated_polls = hold;
    }

    /// How long those 3 s are.
    pub fn repeat_hold(&self, hold: std::time::Duration) {
        self.shared.world().repeat_hold = hold;
    }

    /// Everything that happens from now on, in order.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Waits for `ready` to give something, trying again whenever `bell` rings.
    async fn wait<T>(&self, bell: &Notify, timeout: Duration, mut ready: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let mut rung = std::pin::pin!(bell.notified());
            rung.as_mut().enable();
            if let Some(found) = ready(self) {
                return Some(found);
            }
            tokio::time::timeout_at(deadline, rung).await.ok()?;
        }
    }
}
