//! What can be done from the page.

use std::{io, sync::Arc};

use serde::Deserialize;
use serde_json::json;

use super::{
    incident, said,
    scene::{Phone, Scene},
};
use crate::faults::Fault;

/// One thing that somebody does, as the page sends it.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Writes, perhaps in answer to a message of the group.
    Say { phone: Phone, text: String, reply: Option<i32> },
    /// Presses a button under a message.
    Press { phone: Phone, message: i32, data: String },
    /// Presses a button that opens an address.
    Open { url: String },
    /// Shares the person's own number.
    Contact { phone: Phone },
    /// Takes another buyer's phone; a new one's where there is no such buyer.
    Buyer { id: Option<i64>, name: Option<String>, language: Option<String> },
    /// Writes in the group as this manager.
    Manager { id: i64 },
    /// Moves a lead to a stage, in amoCRM.
    Move { lead: u64, stage: u64 },
    /// Something goes wrong, or no more.
    Fault { fault: Fault, on: bool },
    /// kill -9.
    Kill,
    /// Stops the daemon politely if it runs, and starts it.
    Restart,
    /// kill -9, an empty disk, and a start.
    Wipe,
    /// The story plays by itself; `fast` without time to read.
    Play { fast: bool },
    /// The story's next step.
    Next,
    /// Whether the story waits for [`Order::Next`].
    Auto { on: bool },
}

/// Why something was not done, for the person.
pub type Refusal = String;

impl Scene {
    /// Does it.
    pub async fn obeys(self: &Arc<Self>, order: Order) -> Result<(), Refusal> {
        let stage = &self.stage;
        let failed = |error: io::Error| error.to_string();
        match order {
            Order::Say { text, .. } if text.trim().is_empty() => {}
            Order::Say { phone: Phone::Managers, text, reply } => {
                let manager = self.holder(Phone::Managers);
                match reply {
                    Some(to) => drop(manager.replies_in(&stage.group, to, json!({ "text": text.trim() }), text.trim())),
                    None => drop(manager.say_in(&stage.group, text.trim())),
                }
            }
            Order::Say { phone, text, .. } => drop(self.holder(phone).say(text.trim())),
            Order::Press { phone, message, data } => {
                let holder = self.holder(phone);
                let chat = if phone == Phone::Managers { stage.group.id } else { holder.id };
                let shown = stage.telegram.chat(chat);
                let shown = shown.iter().find(|one| one.message_id == message && !one.deleted && one.has_button(&data));
                let shown = shown.ok_or("Этой кнопки уже нет · This button is gone")?;
                holder.press_in(shown, &data);
            }
            Order::Open { url } => {
                let heading = stage.allows_access(&url).await;
                let heading = heading.ok_or("Страница бота не открылась · The bot's page did not open")?;
                self.allowed(&heading);
            }
            Order::Contact { phone } => {
                let holder = self.holder(phone);
                holder.share_contact(&crate::stage::phone(&holder));
            }
            Order::Buyer { id: Some(id), .. } => self.shows_buyer(id),
            Order::Buyer { name, language, .. } => {
                let name: String = name.unwrap_or_default().trim().chars().take(64).collect();
                let name = if name.is_empty() { "Покупатель".to_owned() } else { name };
                let buyer = stage.buyer(&name, if language.as_deref() == Some("en") { "en" } else { "ru" });
                self.shows_buyer(buyer.id);
                buyer.say("/start");
            }
            Order::Manager { id } => {
                let at = stage.managers.iter().position(|manager| manager.id == id);
                self.shows_manager(at.unwrap_or_default());
            }
            Order::Move { lead, stage: to } => {
                let there = stage.amocrm.leads().iter().any(|one| one.id == lead);
                if !there || !stage.stages().iter().any(|(id, _)| *id == to) {
                    return Err("Такой сделки или этапа нет · There is no such lead or stage".into());
                }
                stage.moves(lead, to, self.manager());
            }
            Order::Fault { fault, on } => stage.sets(fault, on).await.map_err(failed)?,
            Order::Kill => {
                self.record.notes(said("kill -9", "kill -9"), true);
                stage.kill().await;
            }
            Order::Restart => {
                stage.terminate().await.map_err(failed)?;
                stage.start().await.map_err(failed)?;
            }
            Order::Wipe => {
                self.record.notes(said("kill -9, диск стёрт", "kill -9, the disk is wiped"), true);
                stage.wipe().await.map_err(failed)?;
                stage.start().await.map_err(failed)?;
            }
            Order::Play { fast } => incident::begins(self, fast),
            Order::Next => self.next.notify_one(),
            Order::Auto { on } => {
                self.play().auto = on;
                if on {
                    self.next.notify_one();
                }
            }
        }
        Ok(())
    }

    /// Notes that access was allowed, and what the daemon's page said to it.
    pub fn allowed(&self, heading: &str) {
        let line = said(
            format!("В amoCRM нажато «Разрешить», страница бота: {heading}"),
            format!("\"Allow\" was pressed in amoCRM, the bot's page says: {heading}"),
        );
        self.record.notes(line, false);
    }

    /// Sends a file: a picture as a photo, anything else as a document.
    pub fn sends(&self, phone: Phone, reply: Option<i32>, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let holder = self.holder(phone);
        let name = name.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("file");
        match (phone, super::server::picture(bytes)) {
            (_, _) if bytes.is_empty() => return Err("Файл пуст · The file is empty".into()),
            (Phone::Managers, Some(_)) => drop(holder.sends_photo_in(&self.stage.group, reply, bytes)),
            (Phone::Managers, None) => return Err("Здесь только фотографии · Only pictures here".into()),
            (_, Some(_)) => drop(holder.sends_photo(bytes)),
            (_, None) => drop(holder.sends_document(name, "application/octet-stream", bytes)),
        }
        Ok(())
    }
}
