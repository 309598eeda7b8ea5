//! Sending what waits, now or as a file.

use std::time::Duration;

use tracing::{info, warn};

use crate::{
    backup,
    notice::{Notice, Worded},
    store::NewMessage,
    telegram::{client::Attachment, context::HandlerError},
    wording::{Lang, admin_button, advice_text, backup_caption, outage_buttons, trouble_text, waiting_text},
};

use super::{AdminContext, Reply};

/// One attempt takes no longer: a refresh of the tokens and a call. Real time, as amoCRM's answers take.
const RETRY_FAILS_WITHIN: Duration = Duration::from_secs(60);

impl AdminContext {
    pub(super) async fn retry(&self, lang: Lang, topic: Option<i32>) -> Result<Reply, HandlerError> {
        let trouble = self.trouble();
        let failures = self.health.borrow().failures;
        self.leads.retry_now(None).await?;
        // With those that were rejected until now.
        let waiting = self.leads.waiting().await?.0;
        info!(waiting, "the admin asks to send what waits now");
        if waiting == 0 && trouble.is_none() {
            return Ok(Reply::plain(lang.text("admin-retry-none", &[])));
        }
        if self.crm.is_some() && trouble.is_some() {
            self.tell_when_it_fails(failures, lang, topic);
        }
        Ok(Reply::plain(lang.text("admin-retry-done", &[("waiting", waiting_text(waiting, lang).into())])))
    }

    /// Comes back with what still stands in the way after `failures` failures. Of a success the end of the outage tells.
    fn tell_when_it_fails(&self, failures: u64, lang: Lang, topic: Option<i32>) {
        let (outbox, mut health, chat) = (self.outbox.clone(), self.health.clone(), self.chat);
        let can_authorize = self.crm.as_ref().is_some_and(|crm| crm.settings().integration.is_some());
        tokio::spawn(async move {
            let tried = health.wait_for(|health| health.trouble.is_none() || health.failures > failures);
            let Ok(Ok(now)) =
                tokio::time::timeout(RETRY_FAILS_WITHIN, tried).await.map(|tried| tried.map(|health| health.clone()))
            else {
                return;
            };
            let (Some((trouble, _)), Some(chat)) = (now.trouble, chat) else { return };
            let advice = advice_text(&trouble, can_authorize, lang);
            let args = [("trouble", trouble_text(&trouble, lang).into()), ("advice", advice.into())];
            let buttons = outage_buttons(&trouble, can_authorize);
            let buttons = buttons.iter().map(|press| vec![admin_button(lang, press)]).collect();
            let notice = Notice::Worded(Worded { text: lang.text("admin-retry-failed", &args), buttons, topic });
            if let Err(error) = outbox.enqueue(&NewMessage { chat, notice, due_at: outbox.clock().now() }).await {
                warn!(%error, "the admin could not be told that a retry failed");
            }
        });
    }

    /// The file of undelivered leads, as a document.
    pub(super) async fn backup(&self, lang: Lang) -> Result<Reply, HandlerError> {
        let rows = self.leads.undelivered(i64::from(i32::MAX)).await?;
        if rows.is_empty() {
            return Ok(Reply::plain(lang.text("admin-backup-empty", &[])));
        }
        let file = Attachment::document(backup::FILE, backup::to_json(&rows));
        Ok(Reply::attached(file, backup_caption(rows.len(), lang), lang.text("admin-backup-failed", &[])))
    }
}
