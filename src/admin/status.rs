use std::time::Duration;

use crate::{
    alerts::CopiesKept,
    crm::amocrm::{TokenKind, TokensInfo},
    delivery::{shortages, trouble_of},
    notice::{AdminPress, Trouble},
    telegram::context::HandlerError,
    wording::{Lang, admin_button, age, moment, short_name, trouble_text},
};

use super::{AdminContext, Reply};

const DAY: i64 = 24 * 3600 * 1000;

/// The time that amoCRM is given to answer before the admin is told that it does not.
const ASK_CRM: Duration = Duration::from_secs(5);

impl AdminContext {
    /// What delivery last ran into.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match &self.crm {
            Some(_) => self.health.borrow().trouble.clone().map(|(trouble, _)| trouble),
            None => Some(Trouble::NotConfigured),
        }
    }

    /// What is wrong now. amoCRM is asked: without leads nobody has tried, and "everything works" has to be true.
    async fn trouble_now(&self) -> Option<Trouble> {
        let known = self.trouble();
        let Some(crm) = &self.crm else { return known };
        // Asking would only prolong these two.
        if matches!(known, Some(Trouble::Blocked | Trouble::Throttled)) {
            return known;
        }
        let limit = self.leads.clock().scaled(ASK_CRM).max(Duration::from_secs(2));
        match tokio::time::timeout(limit, crm.account()).await {
            Ok(Ok(_)) => known,
            Ok(Err(error)) => Some(trouble_of(&error)),
            Err(_) => Some(Trouble::Unreachable),
        }
    }

    /// Whether everything works, in one message.
    pub(super) async fn status(&self, lang: Lang) -> Result<Reply, HandlerError> {
        let trouble = self.trouble_now().await;
        let totals = self.leads.totals(self.leads.clock().now() - DAY).await?;
        let health = match (&trouble, totals.rejected, totals.waiting) {
            (Some(_), ..) => "bad",
            (None, 0, _) if totals.unreadable > 0 => "unreadable",
            (None, 0, 0) => "good",
            (None, 0, _) => "waiting",
            (None, ..) => "rejected",
        };
        let oldest = totals
            .oldest_waiting_at
            .map_or_else(String::new, |at| lang.text("admin-status-oldest", &[("age", age(at, lang).into())]));
        let short = shortages(&self.marks).await?;
        let without = if short.is_empty() {
            String::new()
        } else {
            let list = short.iter().map(|short| short_name(&short.what, lang)).collect::<Vec<_>>().join(", ");
            lang.text("admin-status-without", &[("list", list.into())])
        };
        let unreadable = match totals.unreadable {
            0 => String::new(),
            count => lang.text("admin-status-unreadable", &[("count", count.into())]),
        };
        let crm = trouble.as_ref().map_or_else(|| lang.text("crm-works", &[]), |trouble| trouble_text(trouble, lang));
        let text = lang.text(
            "admin-status",
            &[
                ("health", health.into()),
                ("crm", crm.into()),
                ("waiting", totals.waiting.into()),
                ("oldest", oldest.into()),
                ("rejected", totals.rejected.into()),
                ("delivered", totals.delivered_since.into()),
                ("last", when(totals.last_delivery_at, lang).into()),
                ("unreadable", unreadable.into()),
                ("without", without.into()),
                ("copies", self.copies(lang).await?.into()),
                ("tokens", self.tokens(lang).await.into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
            ],
        );
        let mut buttons = Vec::new();
        if totals.waiting + totals.rejected + totals.unreadable > 0 {
            buttons.push(vec![admin_button(lang, &AdminPress::Retry), admin_button(lang, &AdminPress::Leads)]);
        }
        if self.crm.as_ref().is_some_and(|crm| crm.settings().integration.is_some()) {
            buttons.push(vec![admin_button(lang, &AdminPress::Auth)]);
        }
        Ok(Reply::with_buttons(text, buttons))
    }

    /// How copies of the store go; nothing where none has been made by a command so far.
    async fn copies(&self, lang: Lang) -> Result<String, HandlerError> {
        let Some(kept) = CopiesKept::read(&self.marks).await? else { return Ok(String::new()) };
        let newest = || when(kept.newest_at, lang).into();
        Ok(match kept.failing(self.leads.clock()) {
            None => lang.text("admin-status-copies", &[("when", newest())]),
            Some(failing) => {
                let trouble = lang.text("copies-trouble", &[("trouble", failing.trouble.label().into())]);
                lang.text("admin-status-copies-fail", &[("trouble", trouble.into()), ("when", newest())])
            }
        })
    }

    async fn tokens(&self, lang: Lang) -> String {
        let info = match &self.crm {
            Some(crm) => crm.tokens().info().await.ok(),
            None => None,
        };
        info.map_or_else(|| lang.text("tokens-none", &[]), |info| tokens_text(&info, lang))
    }
}

/// The kind of access and until when, or that there is none.
fn tokens_text(info: &TokensInfo, lang: Lang) -> String {
    let until = info.access_expires_at.map(|at| moment(at, lang));
    match (info.kind, until) {
        (TokenKind::None | TokenKind::Unreadable, _) => lang.text("tokens-none", &[]),
        // What amoCRM has refused is no access, whatever date stands in it.
        _ if !info.usable && (info.problem.is_some() || info.moved_to.is_some()) => lang.text("tokens-none", &[]),
        _ if !info.usable => lang.text("tokens-due", &[]),
        (_, None) => lang.text("tokens-unknown", &[]),
        (TokenKind::Pair, Some(until)) => lang.text("tokens-pair", &[("date", until.into())]),
        (TokenKind::LongLived, Some(until)) => lang.text("tokens-long-lived", &[("date", until.into())]),
    }
}

pub(super) fn when(at: Option<i64>, lang: Lang) -> String {
    match at {
        Some(at) => {
            let age = age(at, lang);
            lang.text("admin-ago", &[("age", age.into())])
        }
        None => lang.text("admin-never", &[]),
    }
}
