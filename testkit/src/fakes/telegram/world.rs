//! What the fake Telegram remembers: people, chats, messages, pending updates, and what the bot asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::fault::{Fault, Faults};
use super::files::TelegramFile;
use super::groups::Group;
use super::markup::{Button, ReplyKeyboard};
use super::{BOT_USERNAME, TOKEN};

/// Kinds the bot gets only when it asks for them by name.
const KINDS_ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// How far ahead of the queue an offset may be; beyond it Telegram takes it for a mistake (TDLib, `TQueue::get`).
const OFFSET_LEAD: i64 = 10;

/// A message of the bot as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct BotMessage {
    /// Its id, unique over all chats.
    pub message_id: i32,
    /// Where it is.
    pub chat_id: i64,
    /// In which topic there; none is General.
    pub topic: Option<i32>,
    /// What the buyer reads: formatting taken out, references decoded; the caption of a document.
    pub text: String,
    /// The text as the bot sent it.
    pub source: String,
    /// As the bot sent it.
    pub parse_mode: Option<String>,
    /// Buttons under it, from top to bottom.
    pub buttons: Vec<Vec<Button>>,
    /// The keyboard that came with it.
    pub keyboard: Option<ReplyKeyboard>,
    /// It took the keyboard away.
    pub removed_keyboard: bool,
    /// Name and contents of the file it carries.
    pub document: Option<(String, Vec<u8>)>,
    /// When it was sent.
    pub date: DateTime<Utc>,
    /// Its text or buttons were changed.
    pub edited: bool,
    /// It was deleted.
    pub deleted: bool,
    /// The Message object the bot was given.
    pub raw: Value,
}

impl BotMessage {
    /// Whether it has a button that sends this data.
    pub fn has_button(&self, data: &str) -> bool {
        self.button(data).is_some()
    }

    /// The button that sends this data.
    pub fn button(&self, data: &str) -> Option<&Button> {
        self.buttons.iter().flatten().find(|button| button.data.as_deref() == Some(data))
    }
}

/// One text that a buyer had on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In whose chat.
    pub chat_id: i64,
    /// In which message.
    pub message_id: i32,
    /// What was read.
    pub text: String,
    /// When it appeared.
    pub at: DateTime<Utc>,
}

/// The bot's answer to a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// Which press.
    pub query_id: String,
    /// In whose chat.
    pub chat_id: i64,
    /// What the pressed button sent.
    pub data: String,
    /// What popped up, if anything.
    pub text: Option<String>,
    /// In a window with an OK button.
    pub show_alert: bool,
}

/// One request of the bot.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method as the documentation writes it, `sendMessage`.
    pub method: String,
    /// Its parameters, nested JSON parsed however it came.
    pub params: Value,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The HTTP status it was answered with; none when it was cut off or is still open.
    pub status: Option<u16>,
    /// It was answered or cut off, or the client has gone.
    pub ended: bool,
    /// The fault it met.
    pub fault: Option<Fault>,
}

/// One getUpdates.
#[derive(Clone, Debug)]
pub struct Poll {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// As asked, 0 when left out.
    pub offset: i64,
    /// As asked, in seconds.
    pub timeout: u64,
    /// The update ids it was answered with; none when it ended in an error or is still open.
    pub given: Option<Vec<i64>>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The bot sent a message.
    BotSent(BotMessage),
    /// The bot changed a message.
    BotEdited(BotMessage),
    /// The bot deleted a message.
    BotDeleted(BotMessage),
    /// The bot answered a press.
    CallbackAnswered(CallbackAnswer),
    /// An update waits for the bot.
    UpdateQueued(Value),
    /// The bot confirmed every update below this id.
    Confirmed(i64),
}

/// A pressed button that waits for its answer.
#[derive(Clone)]
pub(super) struct Press {
    pub(super) chat_id: i64,
    pub(super) data: String,
}

pub(super) struct Chat {
    /// The Chat object.
    pub(super) json: Value,
    pub(super) name: String,
    pub(super) private: bool,
    /// The bot may write here: the person wrote first.
    pub(super) open: bool,
    pub(super) blocked: bool,
    pub(super) deactivated: bool,
    pub(super) messages: Vec<BotMessage>,
    /// Messages of people, by id.
    pub(super) theirs: BTreeMap<i32, Value>,
    pub(super) transcript: Vec<String>,
    pub(super) group: Group,
    /// Rings when the bot did something here.
    pub(super) bell: Arc<Notify>,
}

pub(super) struct World {
    next_update_id: i64,
    pub(super) pending: VecDeque<Value>,
    pub(super) confirmed: i64,
    /// `None` stands for all but those on request.
    pub(super) allowed_updates: Option<BTreeSet<String>>,
    pub(super) webhook: Option<String>,
    /// Whose turn it is to wait for updates; a waiting request with another number has lost it.
    pub(super) poll_turn: u64,
    pub(super) waiting_polls: usize,
    pub(super) polls: Vec<Poll>,
    pub(super) previous_poll: Option<(i64, Instant)>,
    pub(super) hold_repeated_polls: bool,
    pub(super) repeat_hold: Duration,
    pub(super) chats: BTreeMap<i64, Chat>,
    next_message_id: i32,
    people: i64,
    groups: i64,
    presses: u64,
    pub(super) callbacks: HashMap<String, Press>,
    pub(super) callback_answers: Vec<CallbackAnswer>,
    /// Commands by scope and language.
    pub(super) commands: BTreeMap<(String, String), Value>,
    /// What setMyName and its like set, by method name without `set`.
    pub(super) profile: HashMap<String, Map<String, Value>>,
    pub(super) calls: Vec<Call>,
    pub(super) ledger: Vec<Seen>,
    pub(super) faults: Faults,
    /// What people have sent, and Telegram keeps.
    pub(super) files: Vec<TelegramFile>,
    /// What an update is on the wire, by the id under which it is confirmed, where that is no JSON of ours.
    pub(super) raw: HashMap<i64, Vec<u8>>,
    /// getMe's result, where it is another one.
    pub(super) me: Option<Value>,
    /// Polls are answered at once, whatever their timeout.
    pub(super) holds_no_polls: bool,
    /// Buttons with `style` or `copy_text` are refused.
    pub(super) knows_no_new_buttons: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            next_update_id: rand::rng().random_range(100_000_000..900_000_000),
            pending: VecDeque::new(),
            confirmed: 0,
            allowed_updates: None,
            webhook: None,
            poll_turn: 0,
            waiting_polls: 0,
            polls: Vec::new(),
            previous_poll: None,
            hold_repeated_polls: true,
            repeat_hold: super::polling::REPEAT_HOLD,
            chats: BTreeMap::new(),
            next_message_id: 1,
            people: 0,
            groups: 0,
            presses: 0,
            callbacks: HashMap::new(),
            callback_answers: Vec::new(),
            commands: BTreeMap::new(),
            profile: HashMap::new(),
            calls: Vec::new(),
            ledger: Vec::new(),
            faults: Faults::default(),
            files: Vec::new(),
            raw: HashMap::new(),
            me: None,
            holds_no_polls: false,
            knows_no_new_buttons: false,
        }
    }

    pub(super) fn queue_bytes(&mut self, id: Option<i64>, bytes: impl FnOnce(i64) -> Vec<u8>) -> i64 {
        let id = id.unwrap_or_else(|| {
            self.next_update_id += 1;
            self.next_update_id - 1
        });
        self.raw.insert(id, bytes(id));
        self.pending.push_back(json!({"update_id": id}));
        id
    }

    /// Fills in the update_id and queues; `None` when allowed_updates leaves the kind out.
    pub(super) fn queue_update(&mut self, kind: &str, body: Value) -> Option<Value> {
        let wanted = match &self.allowed_updates {
            Some(kinds) => kinds.contains(kind),
            None => !KINDS_ON_REQUEST.contains(&kind),
        };
        wanted.then(|| self.queue_raw(json!({ kind: body })))
    }

    pub(super) fn queue_raw(&mut self, mut update: Value) -> Value {
        update["update_id"] = json!(self.next_update_id);
        self.next_update_id += 1;
        self.pending.push_back(update.clone());
        update
    }

    pub(super) fn reset_update_ids(&mut self, to: i64) {
        self.pending.clear();
        self.next_update_id = to;
    }

    /// Applies an offset: forgets what it confirms and gives the id to answer from.
    pub(super) fn confirm(&mut self, offset: i64) -> i64 {
        let head = self.pending.front().map_or(self.next_update_id, update_id);
        let from = match offset {
            ..0 => head.max(self.next_update_id + offset),
            0 => return head,
            _ if offset
                > self
                    .pending
                    .iter()
                    .map(update_id)
                    .fold(self.next_update_id, i64::max)
                    .saturating_add(OFFSET_LEAD) =>
            {
                return head;
            }
            _ => offset,
        };
        self.pending.retain(|update| update_id(update) >= from);
        self.confirmed = from;
        from
    }

    pub(super) fn message_id(&mut self) -> i32 {
        self.next_message_id += 1;
        self.next_message_id - 1
    }

    /// A user id above 2^32, as new accounts have, so that nobody keeps it in 32 bits.
    pub(super) fn person_id(&mut self) -> i64 {
        self.people += 1;
        5_000_000_000 + self.people
    }

    pub(super) fn group_id(&mut self) -> i64 {
        self.groups += 1;
        -1_001_900_000_000 - self.groups
    }

    pub(super) fn small_group_id(&mut self) -> i64 {
        self.groups += 1;
        -599_075_000 - self.groups
    }

    pub(super) fn press(&mut self, press: Press) -> String {
        self.presses += 1;
        let id = format!("{}", 4_382_000_000_000_000_000 + self.presses);
        self.callbacks.insert(id.clone(), press);
        id
    }

    pub(super) fn chat(&mut self, chat_id: i64) -> &mut Chat {
        self.chats.get_mut(&chat_id).expect("every person and group has a chat")
    }
}

impl Chat {
    pub(super) fn id(&self) -> i64 {
        self.json["id"].as_i64().expect("every chat has an id")
    }

    pub(super) fn new(json: Value, name: &str) -> Self {
        let private = json["type"] == "private";
        Self {
            json,
            name: name.to_owned(),
            private,
            open: !private,
            blocked: false,
            deactivated: false,
            messages: Vec::new(),
            theirs: BTreeMap::new(),
            transcript: Vec::new(),
            group: Group::default(),
            bell: Arc::new(Notify::new()),
        }
    }
}

pub(super) fn update_id(update: &Value) -> i64 {
    update["update_id"].as_i64().expect("queued updates have an id")
}

/// The bot's User object, without the fields only getMe gives.
pub(super) fn bot_user() -> Value {
    let id: i64 = TOKEN.split(':').next().and_then(|id| id.parse().ok()).expect("the token begins with a number");
    json!({"id": id, "is_bot": true, "first_name": "Авто-заявка", "username": BOT_USERNAME})
}
