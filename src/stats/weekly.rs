//! What came of a week, told to the admin on Monday morning by itself.
//!
//! That it was told is a mark, left when Telegram has taken the picture; a kill between the two tells it again. What
//! Telegram does not take is tried until Wednesday is over; where it takes no picture the words wait in the outbox.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::date,
    lead::ChatRef,
    notice::{Notice, Worded},
    store::{Mark, MarkFamily, Marks, NewMessage, StoreError},
    telegram::client::{Attachment, SendError, Telegram},
    wording::Lang,
};

use super::{
    Period, Stats, ToldFigures,
    period::{moment, monday},
};

/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(60);

/// So long after a failure it is tried again.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// It is told from this hour of Monday on, by the dealer's clock …
const FROM_HOUR: u32 = 9;
/// … for 63 hours, until Wednesday is over: later nobody waits for it.
const FOR_HOURS: i64 = 63;

/// How long marks of weeks that were told are kept.
const MARKS_KEPT: Duration = Duration::from_secs(60 * 24 * 3600);

/// Tells the admin every Monday.
#[derive(Debug)]
pub struct WeeklyStats {
    /// What is counted.
    pub stats: Stats,
    /// Which weeks were told.
    pub marks: Marks,
    /// Who is told.
    pub chat: ChatRef,
}

/// What is to be told now.
#[derive(Debug)]
pub struct DueStats {
    mark: Mark,
    told: ToldFigures,
}

impl DueStats {
    /// The picture and what stands under it.
    pub fn picture(&self) -> Option<(Attachment, String)> {
        self.told.picture.clone()
    }
}

impl WeeklyStats {
    /// Runs until stopped.
    pub async fn run(self, telegram: Telegram, stop: CancellationToken) {
        let clock = self.marks.clock();
        while !stop.is_cancelled() {
            let pause = match self.look(&telegram).await {
                Ok(true) => LOOK,
                Ok(false) => PAUSE,
                Err(error) => {
                    warn!(%error, "what came of the week is told later");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(clock.period(pause)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Tells it where it is time; `false` where it could not be told.
    async fn look(&self, telegram: &Telegram) -> Result<bool, StoreError> {
        let Some(due) = self.due().await? else { return Ok(true) };
        let sent = match due.picture() {
            Some((picture, caption)) => telegram.send_file(self.chat, picture, caption).await,
            None => Err(SendError::Refused("there is no picture".into())),
        };
        self.sent(due, sent).await
    }

    /// What came of the last week, where it is time to tell it and it was not told.
    pub async fn due(&self) -> Result<Option<DueStats>, StoreError> {
        let (marks, zone) = (&self.marks, self.stats.zone);
        let now = date(marks.clock().now());
        let this_monday = monday(now.with_timezone(&zone).date_naive());
        let from = moment(this_monday, NaiveTime::from_hms_opt(FROM_HOUR, 0, 0).unwrap_or_default(), zone);
        if now < from || now >= from + TimeDelta::hours(FOR_HOURS) {
            return Ok(None);
        }
        let days = this_monday.signed_duration_since(NaiveDate::default()).num_days();
        let mark = Mark::StatsTold(days);
        if marks.get(&mark).await?.is_some() || marks.get(&Mark::WeeklyStats).await?.as_deref() == Some("off") {
            return Ok(None);
        }
        let figures = self.stats.figures(Period::last_week(now, zone)).await?;
        if figures.is_empty() {
            marks.set_once(&mark, "nothing", None).await?;
            return Ok(None);
        }
        Ok(Some(DueStats { mark, told: self.stats.tell(figures, Lang::default()).await }))
    }

    /// Records what became of it; `false` where it is to be tried again.
    pub async fn sent(&self, due: DueStats, sent: Result<(), SendError>) -> Result<bool, StoreError> {
        let marks = &self.marks;
        let now = marks.clock().now();
        let in_words = match sent {
            Ok(()) => None,
            Err(error @ (SendError::Later { .. } | SendError::NoTopic(_) | SendError::ChatClosed(_))) => {
                warn!(%error, "what came of the week is told later");
                return Ok(false);
            }
            Err(error @ SendError::Refused(_)) => {
                warn!(%error, "what came of the week is told in words");
                let worded = Worded { text: due.told.text, buttons: Vec::new(), topic: None };
                Some(NewMessage { chat: self.chat, notice: Notice::Worded(worded), due_at: now })
            }
        };
        marks.set_once(&due.mark, "told", in_words.as_ref()).await?;
        info!("the admin was told what came of the week");
        let kept = now - i64::try_from(MARKS_KEPT.as_millis()).unwrap_or(i64::MAX);
        marks.remove_old(MarkFamily::StatsTold, kept).await?;
        Ok(true)
    }
}
