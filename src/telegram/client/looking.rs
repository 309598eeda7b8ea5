//! What a command asks beside the bot: updates that wait, without taking any, and the webhook.

use std::time::Duration;

use serde_json::{Value, json};
use teloxide::RequestError;

use super::{
    super::{answer, api, reading, routes::Kind},
    Telegram,
};

impl Telegram {
    /// The oldest updates that wait, at most 100, held for so long where there are none. None is confirmed: that takes an offset
    /// above it. Asks for the kinds that the bot asks for, since Telegram remembers them.
    pub async fn waiting_updates(&self, held: Duration) -> Result<Vec<Value>, RequestError> {
        self.look(json!({"timeout": held.as_secs(), "limit": 100, "allowed_updates": reading::KINDS}), held).await
    }

    /// Confirms every update below this offset.
    pub async fn confirm_updates(&self, offset: i64) -> Result<(), RequestError> {
        let parameters = json!({"timeout": 0, "limit": 1, "offset": offset, "allowed_updates": reading::KINDS});
        self.look(parameters, Duration::ZERO).await.map(drop)
    }

    async fn look(&self, parameters: Value, held: Duration) -> Result<Vec<Value>, RequestError> {
        let (attempt, answer) = self.poll(&parameters, held).await;
        // The way was left meanwhile; the next look takes another one.
        let Some(answer) = answer else { return Ok(Vec::new()) };
        let list = answer.as_deref().map_err(Clone::clone).and_then(api::updates);
        self.ended(attempt, list.as_ref().err());
        Ok(list?.elements.iter().filter_map(|element| answer::value(element)).collect())
    }

    /// The address that Telegram sends updates to; `None` where the bot has to ask for them.
    pub async fn webhook(&self) -> Result<Option<String>, RequestError> {
        let info = self.tell("getWebhookInfo", json!({})).await?;
        Ok(info["url"].as_str().filter(|url| !url.is_empty()).map(str::to_owned))
    }

    /// Has Telegram keep updates for whoever asks for them; those that wait stay.
    pub async fn delete_webhook(&self) -> Result<(), RequestError> {
        self.tell("deleteWebhook", json!({"drop_pending_updates": false})).await.map(drop)
    }

    async fn tell(&self, method: &str, parameters: Value) -> Result<Value, RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let asked = tokio::time::timeout(self.reply_timeout, way.send.command_raw(method, &parameters)).await;
        let late = |_| Err(RequestError::Io(std::sync::Arc::new(std::io::Error::other("no answer in time"))));
        let result = asked.unwrap_or_else(late);
        self.ended(attempt, result.as_ref().err());
        result
    }
}
