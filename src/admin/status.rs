use crate::{
    amocrm::TokenKind,
    bot::{
        admin_texts::{age, moment, trouble_text},
        handlers::HandlerError,
        messages::Lang,
    },
    notice::Trouble,
};

use super::{AdminDesk, Answer, button, when};

const DAY: i64 = 24 * 3600 * 1000;

impl AdminDesk {
    /// Whether everything works, in one message.
    pub(super) async fn status(&self, lang: Lang) -> Result<Answer, HandlerError> {
        let totals = self.store.totals(self.store.clock().now() - DAY).await?;
        let trouble = match &self.crm {
            Some(_) => self.health.borrow().trouble.clone().map(|(trouble, _)| trouble),
            None => Some(Trouble::NotConfigured),
        };
        let health = match (&trouble, totals.waiting) {
            (Some(_), _) => "bad",
            (None, 0) => "good",
            (None, _) => "warning",
        };
        let oldest = totals
            .oldest_waiting_at
            .map_or_else(String::new, |at| lang.text("admin-status-oldest", &[("age", age(at, lang).into())]));
        let text = lang.text(
            "admin-status",
            &[
                ("health", health.into()),
                ("trouble", trouble.as_ref().map_or_else(String::new, |t| trouble_text(t, lang)).into()),
                ("waiting", totals.waiting.into()),
                ("oldest", oldest.into()),
                ("rejected", totals.rejected.into()),
                ("delivered", totals.delivered_since.into()),
                ("last", when(totals.last_delivery_at, lang).into()),
                ("tokens", self.tokens(lang).await.into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
            ],
        );
        let mut buttons = Vec::new();
        if totals.waiting + totals.rejected > 0 {
            buttons
                .push(vec![button(lang, "button-retry", None, "retry"), button(lang, "button-leads", None, "leads")]);
        }
        if self.crm.as_ref().is_some_and(|crm| crm.settings().integration.is_some()) {
            buttons.push(vec![button(lang, "button-auth", None, "auth")]);
        }
        Ok(Answer { text, buttons })
    }

    async fn tokens(&self, lang: Lang) -> String {
        let none = || lang.text("tokens-none", &[]);
        let Some(crm) = &self.crm else { return none() };
        let Ok(info) = crm.tokens().info().await else { return none() };
        let until = info.access_expires_at.map(moment);
        match (info.kind, until) {
            (TokenKind::None | TokenKind::Unreadable, _) => none(),
            (_, None) => lang.text("tokens-unknown", &[]),
            (TokenKind::Pair, Some(until)) => lang.text("tokens-pair", &[("date", until.into())]),
            (TokenKind::LongLived, Some(until)) => lang.text("tokens-long-lived", &[("date", until.into())]),
        }
    }
}
