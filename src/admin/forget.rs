//! `/forget`: a person's data is wiped by a second press, which counts only after its first.

use std::fmt::Write as _;

use tracing::info;

use crate::{
    backup::BackupError,
    notice::AdminPress,
    privacy::Meant,
    store::{Forgetting, Person, StoreError, Whom},
    telegram::context::HandlerError,
    wording::{Lang, admin_button},
};

use super::{
    AdminContext, Reply,
    second_press::{self, Second},
};

/// Requests that are named one by one.
const NAMED: usize = 30;

impl AdminContext {
    /// Says what is known of somebody and asks whether to wipe it.
    pub(super) async fn ask_forget(&self, who: &str, admin: i64, lang: Lang) -> Result<Reply, HandlerError> {
        let plain = |id: &str| Ok(Reply::plain(lang.text(id, &[])));
        if who.trim().is_empty() {
            return plain("admin-forget-how");
        }
        match self.privacy.find(who).await.map_err(store_error)? {
            Meant::NotUnderstood => plain("admin-forget-how"),
            Meant::Ambiguous => plain("admin-forget-ambiguous"),
            Meant::Nobody => plain("admin-forget-nobody"),
            Meant::One(whom, person) => {
                let waiting = person.undelivered().count();
                let whom = named(&whom);
                let nonce = second_press::ask(&self.marks, &forgetting(&whom, waiting > 0), admin).await?;
                let args = [
                    ("leads", person.leads.len().into()),
                    ("numbers", numbers(&person).into()),
                    ("accounts", person.users.len().into()),
                ];
                let mut text = lang.text("admin-forget-ask", &args);
                let keep = admin_button(lang, &AdminPress::Keep { nonce: nonce.clone() });
                let press = |also_waiting| AdminPress::Forget { whom, nonce, also_waiting };
                let sure = if waiting > 0 {
                    text.push_str("\n\n");
                    let left = person.undelivered().map(|lead| format!("#{}", lead.number)).take(NAMED);
                    let left = left.collect::<Vec<_>>().join(", ");
                    text.push_str(&lang.text("admin-forget-waiting", &[("numbers", left.into())]));
                    admin_button(lang, &press(true))
                } else {
                    admin_button(lang, &press(false))
                };
                Ok(Reply::with_buttons(text, vec![vec![sure], vec![keep]]))
            }
        }
    }

    /// The second press.
    pub(super) async fn forget(
        &self,
        whom: &str,
        nonce: &str,
        also_waiting: bool,
        admin: i64,
        lang: Lang,
    ) -> Result<Reply, HandlerError> {
        match second_press::second(&self.marks, nonce, &forgetting(whom, also_waiting), admin).await? {
            Second::Counts => {}
            Second::Foreign => return Ok(Reply::plain(lang.text("admin-press-foreign", &[]))),
            Second::Over => return Ok(Reply::plain(lang.text("admin-forget-again", &[]))),
        }
        let whom = match whom.strip_prefix('u').map(str::parse) {
            Some(Ok(id)) => Whom::User(id),
            _ => Whom::Phone(whom.to_owned()),
        };
        info!("the admin asks to forget a person");
        let done = self.privacy.forget(&whom, also_waiting).await.map_err(store_error)?;
        // Of a request that is under way the same button may be pressed again.
        if !matches!(done.forgetting, Forgetting::Busy(_)) {
            second_press::done(&self.marks, nonce).await?;
        }
        Ok(Reply::plain(match &done.forgetting {
            Forgetting::Unknown => lang.text("admin-forget-nobody", &[]),
            Forgetting::Busy(number) => lang.text("admin-lead-busy", &[("number", number.as_str().into())]),
            Forgetting::Undecided(_) => lang.text("admin-forget-changed", &[]),
            Forgetting::Done(person) => {
                let mut text = lang.text("admin-forget-done", &[("leads", person.leads.len().into())]);
                let in_crm = self.in_crm(person);
                if !in_crm.is_empty() {
                    text.push_str("\n\n");
                    text.push_str(&lang.text("admin-forget-in-crm", &[("list", in_crm.into())]));
                }
                if !done.unreadable.is_empty() {
                    text.push_str("\n\n");
                    let names = done.unreadable.join(", ");
                    text.push_str(&lang.text("admin-forget-unreadable", &[("names", names.into())]));
                }
                text
            }
        }))
    }

    /// One line for each request that amoCRM has, or may have.
    fn in_crm(&self, person: &Person) -> String {
        let base = self.crm.as_ref().map(|crm| &crm.settings().base_url);
        let mut list = String::new();
        for lead in person.leads.iter().filter(|lead| lead.crm_lead_id.is_some() || lead.uncertain).take(NAMED) {
            let url = lead.crm_lead_id.and_then(|id| base?.join(&format!("leads/detail/{id}")).ok());
            let _ = match url {
                Some(url) => writeln!(list, "#{} {url}", lead.number),
                None => writeln!(list, "#{}", lead.number),
            };
        }
        list.trim_end().to_owned()
    }
}

/// In callback data: `u123456789` or a phone, which begins with a plus.
fn named(whom: &Whom) -> String {
    match whom {
        Whom::User(id) => format!("u{id}"),
        Whom::Phone(phone) => phone.clone(),
    }
}

/// What the first and the second press are about.
fn forgetting(whom: &str, also_waiting: bool) -> String {
    format!("forget {whom} {also_waiting}")
}

fn numbers(person: &Person) -> String {
    match person.leads.len() {
        0 => "—".to_owned(),
        _ => person.leads.iter().take(NAMED).map(|lead| format!("#{}", lead.number)).collect::<Vec<_>>().join(", "),
    }
}

/// A folder that cannot be written is a store that cannot be used: the press comes again.
fn store_error(error: BackupError) -> HandlerError {
    match error {
        BackupError::Store(error) => error.into(),
        BackupError::File(error) => StoreError::Unavailable(sqlx::Error::Io(error)).into(),
    }
}
