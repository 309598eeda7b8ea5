//! Tells the admin when what buyers write does not arrive, whatever the reason, again at growing intervals, and when it
//! is over.
//!
//! Telegram may be what is broken, so each message goes both ways open to it: it is owed to the admin's chat, and what
//! Telegram does not take the [relay](super::relay) brings by the second way. When it is over, what has become outdated
//! is taken back, and one summary says what was. The state is kept in the store as far as that works, and goes on
//! without.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    delivery::Health,
    notice::{AdminNotice, LeadsMeanwhile, Notice, PollTrouble, Recipient, Recipients},
    store::{Mark, Marks, NewMessage, OpenAlert, OpenAlerts, Outbox, StoreError},
    telegram::listener::{IntakeCounters, PollsFailing, QUIET_CONFLICT},
};

use super::{LOOK, PastTheStore, SecondWay, outage::next_reminder, outside, relay};

/// Name of the alert in the store.
pub const POLLS: &str = "polls";

/// What lasts no longer is not worth a message; a second instance has had its quiet minute.
const TOLERATED: Duration = Duration::from_secs(3 * 60);

/// It is over when it has been over for so long.
const OVER: Duration = Duration::from_secs(20);

/// However fast time runs, a busy machine is slow.
const SHORTEST: Duration = Duration::from_secs(2);

/// Since when polls fail, for who asks before the admin is told; see [`POLLS`] for after that. A process that ended may
/// have left it.
pub async fn polls_failing_since(marks: &Marks) -> Result<Option<Millis>, StoreError> {
    Ok(marks.get(&Mark::PollsFail).await?.and_then(|since| since.parse().ok()))
}

/// What is to be noted where `there` is noted now: nothing of what lasts a moment only.
fn failing_since(there: Option<Millis>, failing: Option<PollsFailing>, now: Millis) -> Option<Millis> {
    let failing = failing?;
    there.or_else(|| Some(failing.since).filter(|since| now - since >= SHORTEST.as_millis() as Millis))
}

/// What the admin knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    since: Millis,
    trouble: PollTrouble,
    /// Troubles told since the last reminder: it may go to and fro between two.
    told: Vec<PollTrouble>,
    reminders: u32,
    next_reminder_at: Millis,
    works_since: Option<Millis>,
}

/// What there is to do.
#[derive(Debug, PartialEq)]
enum Step {
    Nothing,
    /// Only what is known has changed.
    Keep(Known),
    /// The admin is told, and whether that is so for the first time.
    Tell {
        known: Known,
        still: bool,
    },
    Over {
        known: Known,
        until: Millis,
    },
}

/// Compares what is with what the admin knows.
fn step(known: Option<&Known>, failing: Option<PollsFailing>, now: Millis, clock: Clock) -> Step {
    match (known, failing) {
        (None, None) => Step::Nothing,
        (None, Some(failing)) => {
            let tolerated = match failing.trouble {
                PollTrouble::SecondInstance => QUIET_CONFLICT,
                _ => TOLERATED,
            };
            if now - failing.since < clock.millis(tolerated).max(SHORTEST.as_millis() as Millis) {
                return Step::Nothing;
            }
            let PollsFailing { since, trouble, .. } = failing;
            let known = Known {
                since,
                trouble,
                told: vec![trouble],
                reminders: 0,
                next_reminder_at: next_reminder(since, now, 0, clock).max(now + clock.millis(TOLERATED)),
                works_since: None,
            };
            Step::Tell { known, still: false }
        }
        (Some(known), Some(failing)) => {
            let due = now >= known.next_reminder_at;
            let changed = !known.told.contains(&failing.trouble);
            let PollsFailing { trouble, .. } = failing;
            if !due && !changed {
                let same = known.works_since.is_none() && known.trouble == trouble;
                return match same {
                    true => Step::Nothing,
                    false => Step::Keep(Known { trouble, works_since: None, ..known.clone() }),
                };
            }
            let reminders = known.reminders + u32::from(due);
            let mut told = if due { Vec::new() } else { known.told.clone() };
            told.push(trouble);
            let next_reminder_at =
                if due { next_reminder(known.since, now, reminders, clock) } else { known.next_reminder_at };
            let since = known.since;
            let known = Known { since, trouble, told, reminders, next_reminder_at, works_since: None };
            Step::Tell { known, still: true }
        }
        (Some(known), None) => match known.works_since {
            None => Step::Keep(Known { works_since: Some(now), ..known.clone() }),
            Some(until) if now - until >= clock.millis(OVER) => Step::Over { known: known.clone(), until },
            Some(_) => Step::Nothing,
        },
    }
}

/// Watches over the polls.
#[derive(Debug)]
pub struct PollWatch {
    /// Whether it is told already.
    pub open_alerts: OpenAlerts,
    /// Where `status` reads since when polls fail.
    pub marks: Marks,
    /// Where alerts are told.
    pub outbox: Outbox,
    /// Its clock.
    pub clock: Clock,
    /// How polls go.
    pub intake: Arc<IntakeCounters>,
    /// Who is told.
    pub recipients: Recipients,
    /// For a store that does not work.
    pub past_the_store: PastTheStore,
    /// Tells the end to whoever was told the beginning there.
    pub second_way: SecondWay,
    /// The way to amoCRM, where one is set up.
    pub health: Option<watch::Receiver<Health>>,
}

impl PollWatch {
    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.clock;
        let mut known = None;
        let mut is_read = false;
        let mut noted = None;
        while !stop.is_cancelled() {
            if !is_read && let Ok(open) = self.open_alerts.get(POLLS).await {
                is_read = true;
                // What this process knows already is younger.
                known = known.or_else(|| serde_json::from_str(&open?.body).ok());
            }
            self.intake.told_failing.store(known.is_some(), Ordering::Relaxed);
            let failing = self.intake.failing();
            match step(known.as_ref(), failing, clock.now(), clock) {
                Step::Nothing => {}
                Step::Keep(next) => {
                    // Without the store this is known until the process ends.
                    let _ = self.save(&next, None).await;
                    known = Some(next);
                }
                Step::Tell { known: next, still } => {
                    let (trouble, since, leads) = (next.trouble, next.since, self.leads());
                    let notice = AdminNotice::PollsFail { trouble, since, still, leads };
                    warn!(trouble = next.trouble.label(), "what buyers write does not arrive");
                    if self.save(&next, Some(notice.clone())).await.is_err() {
                        self.past_the_store.tell(notice);
                    }
                    known = Some(next);
                }
                Step::Over { known: old, until } => match self.over(&old, until).await {
                    Ok(()) => known = None,
                    Err(error) => warn!(%error, "the end of an alert waits for the store"),
                },
            }
            // After the alert, which a store that hangs must not hold up. Before the first answer of Telegram what an earlier
            // process has noted still holds.
            if failing.is_some() || self.intake.polls() > 0 {
                let _ = self.note(&mut noted, failing).await;
            }
            tokio::select! {
                () = tokio::time::sleep(clock.period(LOOK)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Leaves a mark for `status`; `noted` is what stands there, `None` before it was read. What the store does not take now
    /// is tried at the next look.
    async fn note(&self, noted: &mut Option<Option<Millis>>, failing: Option<PollsFailing>) -> Result<(), StoreError> {
        let there = match *noted {
            Some(there) => there,
            None => polls_failing_since(&self.marks).await?,
        };
        let since = failing_since(there, failing, self.clock.now());
        match since {
            _ if since == there => {}
            Some(since) => self.marks.set(&Mark::PollsFail, &since.to_string()).await?,
            None => self.marks.remove(&Mark::PollsFail).await?,
        }
        *noted = Some(since);
        Ok(())
    }

    /// What becomes of leads that were taken.
    fn leads(&self) -> LeadsMeanwhile {
        match &self.health {
            Some(health) if health.borrow().trouble.is_some() => LeadsMeanwhile::Waiting,
            Some(_) => LeadsMeanwhile::Delivered,
            None => LeadsMeanwhile::Saved,
        }
    }

    async fn save(&self, known: &Known, notice: Option<AdminNotice>) -> Result<(), StoreError> {
        let alert = OpenAlert { opened_at: known.since, body: crate::store::json(known) };
        let messages: Vec<NewMessage> = notice.and_then(|notice| self.message(notice)).into_iter().collect();
        self.open_alerts.save(POLLS, &alert, &messages).await
    }

    fn message(&self, notice: AdminNotice) -> Option<NewMessage> {
        NewMessage::to_dealer(&self.recipients, notice, self.clock.now())
    }

    /// Takes back what is outdated and tells in one message what was, in one commit.
    async fn over(&self, known: &Known, until: Millis) -> Result<(), StoreError> {
        let (mut outdated, mut told_elsewhere) = (Vec::new(), Vec::new());
        if let Some(chat) = self.recipients.chat(Recipient::Operator) {
            for waiting in self.outbox.of_chat(chat, relay::MOST_WAITING).await? {
                match waiting.notice {
                    Notice::Admin(AdminNotice::PollsFail { .. }) => outdated.push(waiting.id),
                    Notice::Admin(AdminNotice::ToldElsewhere { notices }) => {
                        outdated.push(waiting.id);
                        told_elsewhere.extend(notices);
                    }
                    _ => {}
                }
            }
        }
        let Known { since, trouble, .. } = *known;
        info!(trouble = trouble.label(), seconds = (until - since) / 1000, "what buyers write arrives again");
        let is_known_elsewhere = !told_elsewhere.is_empty();
        let notice = AdminNotice::PollsWork { trouble, since, until, told_elsewhere };
        let messages: Vec<NewMessage> = self.message(notice.clone()).into_iter().collect();
        self.outbox.replace(Some(POLLS), &outdated, &messages).await?;
        if is_known_elsewhere && let Some(text) = outside::text(&notice, Default::default()) {
            let second_way = self.second_way.clone();
            tokio::spawn(async move { second_way.tell(&text).await });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn failing(since: Millis, trouble: PollTrouble) -> Option<PollsFailing> {
        Some(PollsFailing { since, trouble, unreachable: false })
    }

    #[test]
    fn it_is_told_after_minutes_whatever_the_reason() {
        let clock = Clock::default();
        for trouble in PollTrouble::ALL {
            let after = if trouble == PollTrouble::SecondInstance { MINUTE } else { 3 * MINUTE };
            assert_eq!(step(None, failing(1000, trouble), 999 + after, clock), Step::Nothing);
            let Step::Tell { known, still } = step(None, failing(1000, trouble), 1000 + after, clock) else {
                panic!("{trouble:?} is not told")
            };
            assert_eq!((known.trouble, known.since, still), (trouble, 1000, false));
        }
        assert_eq!(step(None, None, MINUTE, clock), Step::Nothing);
    }

    #[test]
    fn what_lasts_is_noted_within_seconds_and_until_it_is_over() {
        let failing = failing(1000, PollTrouble::NoConnection);
        assert_eq!(failing_since(None, failing, 2999), None);
        assert_eq!(failing_since(None, failing, 3000), Some(1000));
        assert_eq!(failing_since(Some(7), failing, 1001), Some(7), "an earlier process has seen the beginning");
        assert_eq!(failing_since(Some(7), None, 9000), None);
    }

    #[test]
    fn it_is_told_again_at_growing_intervals_and_when_the_reason_changes() {
        let clock = Clock::default();
        let (mut known, mut told, mut now) = (None, Vec::new(), 0);
        while now < 24 * 60 * MINUTE {
            // To and fro between two every minute, from the second hour on.
            let trouble = match now / MINUTE {
                minute if minute > 120 && minute % 2 == 0 => PollTrouble::NoAnswer,
                _ => PollTrouble::NoConnection,
            };
            match step(known.as_ref(), failing(0, trouble), now, clock) {
                Step::Tell { known: next, .. } => {
                    told.push(now / MINUTE);
                    known = Some(next);
                }
                Step::Keep(next) => known = Some(next),
                Step::Nothing => {}
                Step::Over { .. } => panic!("it is not over"),
            }
            now += 10_000;
        }
        assert_eq!(&told[..4], [3, 15, 60, 122], "{told:?}");
        assert!(told.len() <= 12, "{told:?}");
    }

    #[test]
    fn it_is_over_when_it_stays_over() {
        let clock = Clock::default();
        let Step::Tell { known, .. } = step(None, failing(0, PollTrouble::NoAnswer), 3 * MINUTE, clock) else {
            panic!()
        };
        let Step::Keep(known) = step(Some(&known), None, 4 * MINUTE, clock) else { panic!() };
        assert_eq!(step(Some(&known), None, 4 * MINUTE + 19_999, clock), Step::Nothing);
        let Step::Keep(again) = step(Some(&known), failing(5 * MINUTE, PollTrouble::NoAnswer), 5 * MINUTE, clock)
        else {
            panic!()
        };
        assert_eq!(again.works_since, None);
        let over = step(Some(&known), None, 4 * MINUTE + 20_000, clock);
        assert_eq!(over, Step::Over { known: known.clone(), until: 4 * MINUTE });
    }
}
