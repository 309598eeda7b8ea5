//! What a test reads: messages, waiting for them, conversations as plain text, and the log of requests.

use std::time::Duration;

use serde_json::Value;

use super::FakeTelegram;
use super::world::{BotMessage, Call, CallbackAnswer, Poll, Seen};

/// Under what stands after `Бот: `.
const INDENT: &str = "     ";

/// A line of the conversation: who, and what, with further lines under the first.
pub(super) fn spoken(who: &str, what: &str) -> String {
    format!("{who}: {}", what.replace('\n', &format!("\n{INDENT}")))
}

pub(super) fn sent(message: &BotMessage) -> String {
    shown("Бот", message)
}

fn shown(who: &str, message: &BotMessage) -> String {
    let mut lines = Vec::new();
    if let Some((name, _)) = &message.document {
        lines.push(format!("(файл {name})"));
    }
    if !message.text.is_empty() {
        lines.push(message.text.clone());
    }
    lines.extend(button_lines(message));
    if let Some(keyboard) = &message.keyboard {
        for row in &keyboard.rows {
            let keys: Vec<String> = row
                .iter()
                .map(|key| match (key.request_contact, key.request_location) {
                    (true, _) => format!("⌨[{} (номер телефона)]", key.text),
                    (_, true) => format!("⌨[{} (место)]", key.text),
                    _ => format!("⌨[{}]", key.text),
                })
                .collect();
            lines.push(keys.join(" "));
        }
    }
    if message.removed_keyboard {
        lines.push("⌨ убрана".to_owned());
    }
    spoken(who, &lines.join("\n"))
}

fn button_lines(message: &BotMessage) -> Vec<String> {
    let rows = message.buttons.iter().map(|row| {
        let row: Vec<String> = row
            .iter()
            .map(|button| match &button.url {
                Some(url) => format!("[{} → {url}]", button.text),
                None => format!("[{}]", button.text),
            })
            .collect();
        row.join(" ")
    });
    rows.collect()
}

fn beginning(message: &BotMessage) -> String {
    let line = message.text.lines().next().unwrap_or_default();
    format!("«{line}»")
}

pub(super) fn edited(before: &BotMessage, message: &BotMessage) -> String {
    if before.text != message.text {
        return shown("Бот (правка)", message);
    }
    match button_lines(message).join(&format!("\n{INDENT}")) {
        lines if lines.is_empty() => format!("{INDENT}(кнопки убраны: {})", beginning(message)),
        lines => format!("{INDENT}(кнопки теперь другие: {})\n{INDENT}{lines}", beginning(message)),
    }
}

pub(super) fn deleted(message: &BotMessage) -> String {
    format!("{INDENT}(бот удалил: {})", beginning(message))
}

pub(super) fn popped_up(answer: &CallbackAnswer) -> Option<String> {
    let text = answer.text.as_deref()?;
    Some(spoken(if answer.show_alert { "Бот (окно)" } else { "Бот (всплывает)" }, text))
}

impl FakeTelegram {
    /// Messages of the bot in a chat as they stand now, oldest first, deleted ones too.
    pub fn chat(&self, chat_id: i64) -> Vec<BotMessage> {
        self.shared.world().chats.get(&chat_id).map(|chat| chat.messages.clone()).unwrap_or_default()
    }

    /// What people have written in a chat, as Message objects, oldest first; without what was deleted.
    pub fn theirs(&self, chat_id: i64) -> Vec<Value> {
        let world = self.shared.world();
        world.chats.get(&chat_id).map(|chat| chat.theirs.values().cloned().collect()).unwrap_or_default()
    }

    /// The id of the newest message of the bot in a chat, 0 when there is none.
    pub fn last_message_id(&self, chat_id: i64) -> i32 {
        let world = self.shared.world();
        world.chats.get(&chat_id).and_then(|chat| chat.messages.last()).map_or(0, |message| message.message_id)
    }

    /// The newest message of the bot that fits and is not deleted, as soon as there is one; otherwise what happened
    /// in the chat instead.
    pub async fn wait_for(
        &self,
        chat_id: i64,
        fits: impl Fn(&BotMessage) -> bool,
        timeout: Duration,
    ) -> Result<BotMessage, String> {
        self.wait_for_new(chat_id, 0, fits, timeout).await
    }

    /// Like `wait_for`, of messages that came after the message with that id.
    pub async fn wait_for_new(
        &self,
        chat_id: i64,
        after_message_id: i32,
        fits: impl Fn(&BotMessage) -> bool,
        timeout: Duration,
    ) -> Result<BotMessage, String> {
        let bell = self.shared.world().chats.get(&chat_id).map(|chat| chat.bell.clone());
        let bell = bell.ok_or_else(|| format!("there is no chat {chat_id}"))?;
        let found = self.wait(&bell, timeout, |telegram| {
            let world = telegram.shared.world();
            let messages = world.chats.get(&chat_id)?.messages.iter().rev();
            let mut new = messages.take_while(|message| message.message_id > after_message_id);
            new.find(|message| !message.deleted && fits(message)).cloned()
        });
        found.await.ok_or_else(|| {
            let transcript = self.transcript(chat_id);
            format!("nothing that fits came within {timeout:?}; the conversation so far:\n{transcript}")
        })
    }

    /// The conversation as plain text, in the order it happened, one line or more for each thing.
    pub fn transcript(&self, chat_id: i64) -> String {
        let world = self.shared.world();
        let mut text = String::new();
        for line in world.chats.get(&chat_id).map(|chat| chat.transcript.as_slice()).unwrap_or_default() {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Every answer to a press, oldest first.
    pub fn callback_answers(&self) -> Vec<CallbackAnswer> {
        self.shared.world().callback_answers.clone()
    }

    /// Requests of a method in any letter case, oldest first; all requests for an empty name.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let world = self.shared.world();
        let asked = |call: &&Call| method.is_empty() || call.method.eq_ignore_ascii_case(method);
        world.calls.iter().filter(asked).cloned().collect()
    }

    /// The newest request of a method that fits, as soon as there is one.
    pub async fn wait_for_call(
        &self,
        method: &str,
        fits: impl Fn(&Call) -> bool,
        timeout: Duration,
    ) -> Result<Call, String> {
        let call = self
            .wait(&self.shared.calls_changed, timeout, |telegram| telegram.calls(method).into_iter().rev().find(&fits));
        call.await.ok_or_else(|| {
            let count = self.calls(method).len();
            format!("no request of {method} that fits came within {timeout:?}, {count} others did")
        })
    }

    /// Every getUpdates, oldest first.
    pub fn polls(&self) -> Vec<Poll> {
        self.shared.world().polls.clone()
    }

    /// The offset of the newest getUpdates.
    pub fn last_offset(&self) -> Option<i64> {
        self.shared.world().polls.last().map(|poll| poll.offset)
    }

    /// Every update below this id was confirmed and is forgotten.
    pub fn confirmed(&self) -> i64 {
        self.shared.world().confirmed
    }

    /// Updates that are not confirmed yet, oldest first.
    pub fn pending(&self) -> Vec<Value> {
        self.shared.world().pending.iter().cloned().collect()
    }

    /// Waits until a getUpdates waits for updates.
    pub async fn wait_for_poll(&self, timeout: Duration) -> Result<(), String> {
        let waiting = self.wait(&self.shared.queue_changed, timeout, |telegram| {
            (telegram.shared.world().waiting_polls > 0).then_some(())
        });
        waiting.await.ok_or_else(|| format!("nobody asked for updates within {timeout:?}"))
    }

    /// Waits until no getUpdates waits for updates: the bot stopped, or is busy.
    pub async fn wait_for_no_poll(&self, timeout: Duration) -> Result<(), String> {
        let none = self.wait(&self.shared.queue_changed, timeout, |telegram| {
            (telegram.shared.world().waiting_polls == 0).then_some(())
        });
        none.await.ok_or_else(|| format!("somebody still asks for updates after {timeout:?}"))
    }

    /// Waits until the bot has confirmed every update.
    pub async fn wait_until_confirmed(&self, timeout: Duration) -> Result<(), String> {
        let confirmed = self.wait(&self.shared.queue_changed, timeout, |telegram| {
            telegram.shared.world().pending.is_empty().then_some(())
        });
        confirmed
            .await
            .ok_or_else(|| format!("{} updates are still unconfirmed after {timeout:?}", self.pending().len()))
    }

    /// Every text the buyers had on the screen, in order: new messages, and edits that changed the text.
    pub fn ledger(&self) -> Vec<Seen> {
        self.shared.world().ledger.clone()
    }

    /// The commands set for a scope (`default`, `all_private_chats`, `chat 42`) and a language (empty for all).
    pub fn commands(&self, scope: &str, language: &str) -> Vec<(String, String)> {
        let world = self.shared.world();
        let commands = world.commands.get(&(scope.to_owned(), language.to_owned()));
        let commands = commands.and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |command: &Value, field: &str| command[field].as_str().unwrap_or_default().to_owned();
        commands.iter().map(|command| (text(command, "command"), text(command, "description"))).collect()
    }
}
