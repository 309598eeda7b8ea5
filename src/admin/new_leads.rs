//! `/new_leads`: whether the admin is told of each new lead. Off until it is switched on; kept in the store.

use crate::{
    notice::AdminPress,
    store::Mark,
    telegram::context::HandlerError,
    wording::{Lang, admin_button},
};

use super::{AdminContext, Reply};

impl AdminContext {
    /// Switches it, or says how it stands.
    pub(super) async fn new_leads(&self, words: &str, lang: Lang) -> Result<Reply, HandlerError> {
        match words.trim().to_lowercase().as_str() {
            "" => self.tell_new_leads(self.marks.tell_new_leads().await?, lang),
            "on" | "вкл" | "да" => self.set_new_leads(true, lang).await,
            "off" | "выкл" | "нет" => self.set_new_leads(false, lang).await,
            _ => Ok(Reply::plain(lang.text("admin-new-leads-how", &[]))),
        }
    }

    pub(super) async fn set_new_leads(&self, on: bool, lang: Lang) -> Result<Reply, HandlerError> {
        self.marks.set(&Mark::NewLeads, if on { "on" } else { "off" }).await?;
        self.tell_new_leads(on, lang)
    }

    fn tell_new_leads(&self, on: bool, lang: Lang) -> Result<Reply, HandlerError> {
        let text = lang.text("admin-new-leads", &[("on", if on { "yes" } else { "no" }.into())]);
        Ok(Reply::with_buttons(text, vec![vec![admin_button(lang, &AdminPress::NewLeads(!on))]]))
    }
}
