//! What came of requests: how many came, from where, how far buyers came in the form, how soon managers dealt with them, and
//! how many were won; as a picture, in words, for metrics. Nothing of buyers is in it.

mod figures;
mod period;
mod picture;
mod weekly;
mod words;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::{
    clock::date,
    config::{Dealer, Manager},
    form::Form,
    lead::Sources,
    store::{Leads, StoreError},
    telegram::client::Attachment,
    wording::Lang,
    working_time::WorkingTime,
};

pub use figures::{Counted, Figures, LATE_MINUTES, ManagerFigures, Reached, Share, Touch};
pub use period::{MOST_DAYS, Period, USUAL_DAYS, read_days};
pub use picture::{PictureError, WIDTH};
pub use weekly::WeeklyStats;

/// Counts what came of requests.
#[derive(Debug, Clone)]
pub struct Stats {
    leads: Leads,
    form: Form,
    sources: Sources,
    managers: Vec<Manager>,
    zone: Tz,
    working_time: WorkingTime,
}

/// Figures as they are told in a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldFigures {
    /// All of them in words.
    pub text: String,
    /// The picture with the words that fit under it; `None` where it could not be drawn.
    pub picture: Option<(Attachment, String)>,
}

impl Stats {
    /// Of these requests, with the dealer's clock, hours, questions, sources and managers.
    pub fn new(leads: Leads, dealer: &Dealer) -> Self {
        Self {
            leads,
            form: dealer.form.clone(),
            sources: dealer.sources.clone(),
            managers: dealer.managers.clone(),
            zone: dealer.time_zone,
            working_time: WorkingTime::of_dealer(dealer),
        }
    }

    /// The last days, of which today is one.
    pub fn until_today(&self, days: u32) -> Period {
        Period::until_today(days, date(self.leads.clock().now()), self.zone)
    }

    /// What came of the requests of a period.
    pub async fn figures(&self, period: Period) -> Result<Figures, StoreError> {
        let span = period.span(self.zone);
        let leads = self.leads.facts(span.clone()).await?;
        let before = self.leads.sent_within(period.before().span(self.zone)).await?;
        let sources = self.leads.source_figures(&self.sources, span).await?;
        let counted = Counted {
            period,
            zone: self.zone,
            now: self.leads.clock().now(),
            leads: &leads,
            before,
            sources,
            form: &self.form,
        };
        let worked = |from, to| self.working_time.between(from, to).max(TimeDelta::zero());
        let named = |user| {
            let manager = self.managers.iter().find(|manager| manager.crm_user_id == Some(user))?;
            Some(manager.name.clone())
        };
        Ok(counted.figures(worked, named))
    }

    /// Figures as they are told. Drawing takes a moment, so that is done beside everything else.
    pub async fn tell(&self, figures: Figures, lang: Lang) -> ToldFigures {
        let form = self.form.clone();
        let told = tokio::task::spawn_blocking(move || {
            let told = words::Told { figures: &figures, form: &form, lang };
            let picture = picture::draw(told).inspect_err(|error| tracing::warn!(%error, "figures are told in words"));
            let picture = picture.map(|bytes| (Attachment::picture("stats.png", bytes), told.caption()));
            ToldFigures { text: told.text(), picture: picture.ok() }
        });
        told.await.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
