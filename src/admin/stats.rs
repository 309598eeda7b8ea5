//! `/stats`: what came of requests, as a picture with the figures in words; `off` and `on` for those of every Monday.

use crate::{
    stats::{MOST_DAYS, read_days},
    store::Mark,
    telegram::context::HandlerError,
    wording::Lang,
};

use super::{AdminContext, Reply};

impl AdminContext {
    /// Tells the figures of the days that are asked for, or switches those of every Monday.
    pub(super) async fn stats(&self, words: &str, lang: Lang) -> Result<Reply, HandlerError> {
        match words.trim().to_lowercase().as_str() {
            "on" | "вкл" | "да" => return self.set_weekly_stats(true, lang).await,
            "off" | "выкл" | "нет" => return self.set_weekly_stats(false, lang).await,
            _ => {}
        }
        let Some(days) = read_days(words) else {
            return Ok(Reply::plain(lang.text("admin-stats-how", &[("most", MOST_DAYS.to_string().into())])));
        };
        let figures = self.stats.figures(self.stats.until_today(days)).await?;
        if figures.is_empty() {
            return Ok(Reply::plain(lang.text("admin-stats-nothing", &[])));
        }
        let told = self.stats.tell(figures, lang).await;
        Ok(match told.picture {
            Some((picture, caption)) => Reply::attached(picture, caption, told.text),
            None => Reply::plain(told.text),
        })
    }

    async fn set_weekly_stats(&self, on: bool, lang: Lang) -> Result<Reply, HandlerError> {
        self.marks.set(&Mark::WeeklyStats, if on { "on" } else { "off" }).await?;
        Ok(Reply::plain(lang.text("admin-stats-weekly", &[("on", if on { "yes" } else { "no" }.into())])))
    }
}
