//! `/metrics`: the figures of all rooms in Prometheus' text format, gathered again for every scrape.
//!
//! Counters count since the start of the process. A value that is not known is left out rather than shown as 0; without
//! a store that answers only `store_up` tells of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};
use tokio::sync::watch;

use crate::{
    attachments::FileCounters,
    clock::Millis,
    crm::amocrm::{TokenKeeper, TokenKind},
    delivery::{Counters, Health},
    notice::Trouble,
    stats::{Figures, LATE_MINUTES, Stats, USUAL_DAYS},
    store::{Store, StoreError, Totals, WatchCounts},
    telegram::{client::SendCounters, listener::IntakeCounters, outbox::OutboxCounters},
    vitals::Vitals,
    watching::{WatchCounters, watch_log},
};

/// Every name begins so.
const NAMESPACE: &str = "amocrm_lead_bot";

/// A store that takes longer is left out of the scrape.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the figures come from.
#[derive(Debug)]
pub struct Sources {
    /// The store.
    pub store: Store,
    /// What came of requests.
    pub stats: Stats,
    /// Polling and the store.
    pub vitals: Arc<Vitals>,
    /// The listener.
    pub intake: Arc<IntakeCounters>,
    /// Messages sent to Telegram.
    pub sends: Arc<SendCounters>,
    /// Messages that were owed.
    pub outbox: Arc<OutboxCounters>,
    /// The delivery worker.
    pub delivery: Arc<Counters>,
    /// Buyers' files.
    pub files: Arc<FileCounters>,
    /// Leads that are watched.
    pub watching: Arc<WatchCounters>,
    /// The way to amoCRM.
    pub health: watch::Receiver<Health>,
    /// The tokens, where there are amoCRM settings.
    pub tokens: Option<TokenKeeper>,
    /// When the process started.
    pub started_at: Millis,
}

/// What the store tells.
struct Stored {
    totals: Totals,
    files_waiting: i64,
    words_waiting: i64,
    messages_owed: i64,
    dead_letters: i64,
    watches: WatchCounts,
    statuses_asked_at: Option<Millis>,
    figures: Figures,
}

impl Sources {
    /// The whole page.
    pub async fn render(&self) -> Result<String, prometheus::Error> {
        let stored = match tokio::time::timeout(STORE_TIMEOUT, self.stored()).await {
            Ok(Ok(stored)) => Some(stored),
            Ok(Err(_)) | Err(_) => None,
        };
        let healthy = self.vitals.check().await.is_ok();
        let tokens = match &self.tokens {
            Some(keeper) => keeper.info().await.ok(),
            None => None,
        };
        let page = Page { registry: Registry::new_custom(Some(NAMESPACE.into()), None)? };

        page.gauge_with(
            "build_info",
            "Always 1; the version is in the label.",
            "version",
            &[(env!("CARGO_PKG_VERSION"), 1.0)],
        )?;
        page.moment("start_time_seconds", "When the process started.", Some(self.started_at))?;
        page.gauge("healthy", "1 when polling and the store are fine (the same as /healthz).", flag(healthy))?;
        page.gauge("store_up", "1 when the store takes writes.", flag(self.vitals.store_works().await))?;
        let at_work = self.store.connections_at_work() as f64;
        page.gauge("store_connections_at_work", "Connections to the store doing something now.", at_work)?;

        if let Some(stored) = stored {
            let Stored { totals, files_waiting, words_waiting, messages_owed, dead_letters, watches, .. } = &stored;
            let oldest = totals.oldest_waiting_at.map_or(0, |at| (self.store.clock().now() - at).max(0));
            page.gauge("leads_waiting", "Leads that amoCRM does not have yet.", totals.waiting as f64)?;
            page.gauge("leads_rejected", "Leads amoCRM refuses; a person has to look.", totals.rejected as f64)?;
            page.gauge(
                "leads_unreadable",
                "Leads damaged in the store; a person has to look.",
                totals.unreadable as f64,
            )?;
            page.gauge("leads_ambiguous", "Waiting leads amoCRM may or may not have.", totals.uncertain as f64)?;
            page.gauge(
                "oldest_waiting_age_seconds",
                "Age of the oldest waiting lead, 0 without one.",
                seconds(oldest),
            )?;
            page.moment("last_delivery_timestamp_seconds", "When a lead was delivered last.", totals.last_delivery_at)?;
            page.gauge("files_waiting", "Buyers' files on their way to their leads.", *files_waiting as f64)?;
            let help = "What buyers have said after a request and amoCRM does not have yet.";
            page.gauge("later_messages_waiting", help, *words_waiting as f64)?;
            page.gauge("messages_owed", "Messages Telegram has not taken yet.", *messages_owed as f64)?;
            let help = "Delivered leads whose stage in amoCRM is asked about.";
            page.gauge("leads_watched", help, watches.watched as f64)?;
            let help = "Stages of which buyers are still to be told: by day, one in ten minutes.";
            page.gauge("status_messages_owed", help, watches.owed as f64)?;
            let help = "When amoCRM was last asked where leads stand.";
            page.moment("statuses_asked_timestamp_seconds", help, stored.statuses_asked_at)?;
            page.gauge("updates_set_aside", "Updates kept for a person to look at.", *dead_letters as f64)?;
            page.stats(&stored.figures)?;
        }

        let counters = &self.delivery;
        page.counter("leads_delivered_total", "Leads delivered.", &counters.delivered)?;
        page.counter("leads_rejected_total", "Leads amoCRM refused.", &counters.rejected)?;
        page.counter("creates_ambiguous_total", "Creates whose result was not known.", &counters.uncertain)?;
        page.counter("lookups_total", "Look-ups of leads amoCRM may have.", &counters.lookups)?;
        page.counter("creates_found_total", "Ambiguous creates that had worked.", &counters.found)?;
        page.counter("creates_repeated_total", "Creates repeated after clean look-ups.", &counters.repeated)?;
        let failures = counters.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        page.counter_with(
            "delivery_failures_total",
            "Attempts that amoCRM ended, by trouble.",
            "trouble",
            &Trouble::LABELS.map(|label| (label, failures.get(label).copied().unwrap_or(0))),
        )?;

        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.counter_with(
            "files_total",
            "Buyers' files, by what became of them.",
            "result",
            &[
                ("attached", load(&self.files.attached)),
                ("copied", load(&self.files.copied)),
                ("lost", load(&self.files.lost)),
            ],
        )?;
        page.counter("file_failures_total", "Attempts with a file that were in vain.", &self.files.failures)?;

        page.counter_with(
            "status_changes_total",
            "Leads that were seen at another stage in amoCRM, by direction.",
            "direction",
            &[("forward", load(&self.watching.forward)), ("back", load(&self.watching.back))],
        )?;
        page.counter("status_messages_total", "Buyers who were told of a stage.", &self.watching.told)?;
        let help = "Attempts to learn where leads stand that amoCRM ended.";
        page.counter("status_failures_total", help, &self.watching.failures)?;

        let health = self.health.borrow().clone();
        let trouble = health.trouble.as_ref().map(|(trouble, _)| trouble.label());
        page.gauge_with(
            "breaker_open",
            "1 for the trouble that keeps leads from amoCRM, 0 for all others.",
            "trouble",
            &Trouble::LABELS.map(|label| (label, flag(trouble == Some(label)))),
        )?;
        page.moment(
            "outage_start_timestamp_seconds",
            "Since when leads do not get through.",
            health.trouble.map(|(_, since)| since),
        )?;
        page.moment(
            "last_crm_success_timestamp_seconds",
            "When amoCRM did what it was asked last.",
            health.last_success,
        )?;

        if let Some(tokens) = tokens {
            let kind = match tokens.kind {
                TokenKind::Pair => "pair",
                TokenKind::LongLived => "long_lived",
                TokenKind::None => "none",
                TokenKind::Unreadable => "unreadable",
            };
            page.gauge("token_usable", "1 when there is an access token to call with.", flag(tokens.usable))?;
            page.gauge("token_problem", "1 when the tokens need a person.", flag(tokens.problem.is_some()))?;
            if let Some(end) = tokens.access_expires_at {
                let help = "When the access token ends; a pair renews itself before.";
                page.gauge_with("token_expiry_timestamp_seconds", help, "kind", &[(kind, end.timestamp() as f64)])?;
            }
        }

        let forms = self.intake.forms();
        let of = |figures: &BTreeMap<&'static str, u64>| {
            figures.iter().map(|(step, count)| (*step, *count)).collect::<Vec<_>>()
        };
        let help = "Forms that came to a question of the form, to the card (_card), and that were sent (_sent).";
        page.counter_with("forms_reached_total", help, "step", &of(&forms.reached))?;
        let help = "Forms that were thrown away, by the question they had come to.";
        page.counter_with("forms_cancelled_total", help, "step", &of(&forms.cancelled))?;
        let help = "The same by the source that the buyer came from (none without a link, other for a code that dealer.toml does not \
                    describe), with those that were thrown away (_cancelled).";
        page.counter_by_source("forms_by_source_total", help, &forms.by_source)?;
        page.moment("last_poll_timestamp_seconds", "When Telegram answered a poll last.", self.intake.last_poll())?;
        page.count("polls_total", "Polls Telegram answered.", self.intake.polls())?;
        page.count("updates_total", "Updates received.", self.intake.updates())?;
        page.count("updates_unparsable_total", "Updates that could not be read at all.", self.intake.unparsable())?;
        let help = "Updates of which something beside the words could not be read.";
        page.count("updates_read_in_part_total", help, self.intake.read_in_part())?;
        let help = "Updates of kinds that the bot has not asked for.";
        page.count("updates_not_asked_for_total", help, self.intake.not_asked_for())?;
        page.counter_with(
            "telegram_sends_total",
            "Messages and files sent to Telegram, by result.",
            "result",
            &[
                ("taken", load(&self.sends.taken)),
                ("closed", load(&self.sends.closed)),
                ("refused", load(&self.sends.refused)),
                ("later", load(&self.sends.later)),
            ],
        )?;
        page.counter_with(
            "owed_messages_total",
            "Messages that were kept to be sent, by what became of them.",
            "result",
            &[
                ("sent", load(&self.outbox.sent)),
                ("put_off", load(&self.outbox.deferred)),
                ("given_up", load(&self.outbox.given_up)),
            ],
        )?;
        TextEncoder::new().encode_to_string(&page.registry.gather())
    }

    async fn stored(&self) -> Result<Stored, StoreError> {
        Ok(Stored {
            totals: self.store.leads().totals(self.store.clock().now()).await?,
            files_waiting: self.store.files().waiting().await?,
            words_waiting: self.store.late_notes().messages().await?.waiting,
            messages_owed: self.store.outbox().count().await?,
            dead_letters: self.store.dialogues().dead_letters().await?,
            watches: self.store.watches().counts().await?,
            statuses_asked_at: watch_log(&self.store.marks()).await?.and_then(|log| log.asked_at),
            figures: self.stats.figures(self.stats.until_today(USUAL_DAYS)).await?,
        })
    }
}

fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1000.0
}

/// One scrape.
struct Page {
    registry: Registry,
}

impl Page {
    fn gauge(&self, name: &str, help: &str, value: f64) -> Result<(), prometheus::Error> {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        self.registry.register(Box::new(gauge))
    }

    /// What `/stats` tells of the last seven days by the dealer's clock, today among them.
    fn stats(&self, figures: &Figures) -> Result<(), prometheus::Error> {
        self.gauge("stats_leads", "Requests of the last 7 days.", figures.leads as f64)?;
        let reached: Vec<_> = figures.funnel.iter().map(|(place, count)| (place.label(), *count as f64)).collect();
        let help = "Buyers of the last 7 days who came to a question of the form, to the card (_card) and to its end (_sent); _came \
                    are all.";
        self.gauge_with("stats_reached", help, "step", &reached)?;
        let sources = figures.sources.iter();
        let requests: Vec<_> = sources.clone().map(|one| (one.label.as_str(), one.requests as f64)).collect();
        self.gauge_with("stats_source_leads", "Requests of the last 7 days by source.", "source", &requests)?;
        let came: Vec<_> = sources.map(|one| (one.label.as_str(), one.came() as f64)).collect();
        self.gauge_with("stats_source_came", "Buyers of the last 7 days by source.", "source", &came)?;
        if let Some(touch) = &figures.touch {
            let times = [("0.5", touch.median), ("0.9", touch.ninety)];
            let times: Vec<_> =
                times.iter().filter_map(|(of, time)| Some((*of, seconds((*time)?.num_milliseconds())))).collect();
            let help = "Working time from a request of the last 7 days until somebody dealt with it.";
            self.gauge_with("stats_first_touch_seconds", help, "quantile", &times)?;
            let late = LATE_MINUTES.map(|minutes| minutes.to_string());
            let late: Vec<_> = late
                .iter()
                .zip(&touch.late)
                .filter(|(_, share)| share.of > 0)
                .map(|(minutes, share)| (minutes.as_str(), share.part as f64 / share.of as f64))
                .collect();
            let help =
                "Part of the requests of the last 7 days that nobody had dealt with after so many working minutes.";
            self.gauge_with("stats_untouched_ratio", help, "minutes", &late)?;
        }
        let managers = figures.managers.iter().map(|one| (one.name.as_deref().unwrap_or_default(), one));
        let leads: Vec<_> = managers.clone().map(|(name, one)| (name, one.leads as f64)).collect();
        let help = "Requests of the last 7 days by who has taken them; without a name those that nobody has.";
        self.gauge_with("stats_manager_leads", help, "manager", &leads)?;
        let won: Vec<_> = managers.clone().map(|(name, one)| (name, one.won as f64)).collect();
        self.gauge_with("stats_manager_won", "Requests of the last 7 days that were won.", "manager", &won)?;
        let halves: Vec<_> =
            managers.filter_map(|(name, one)| Some((name, seconds(one.median?.num_milliseconds())))).collect();
        let help = "Working time within which a manager's half of the requests of the last 7 days was dealt with.";
        self.gauge_with("stats_manager_first_touch_seconds", help, "manager", &halves)?;
        if let Some(won) = figures.won {
            let help = "Part of the requests of the last 7 days at the stage 142, of those whose stage is known.";
            self.gauge("stats_won_ratio", help, won.part as f64 / won.of.max(1) as f64)?;
        }
        Ok(())
    }

    /// A point in time as Unix seconds, left out when there is none.
    fn moment(&self, name: &str, help: &str, at: Option<Millis>) -> Result<(), prometheus::Error> {
        at.map_or(Ok(()), |at| self.gauge(name, help, seconds(at)))
    }

    fn gauge_with(&self, name: &str, help: &str, label: &str, values: &[(&str, f64)]) -> Result<(), prometheus::Error> {
        let gauges = GaugeVec::new(Opts::new(name, help), &[label])?;
        for (of, value) in values {
            gauges.with_label_values(&[*of]).set(*value);
        }
        self.registry.register(Box::new(gauges))
    }

    fn counter(&self, name: &str, help: &str, value: &AtomicU64) -> Result<(), prometheus::Error> {
        self.count(name, help, value.load(Ordering::Relaxed))
    }

    fn count(&self, name: &str, help: &str, value: u64) -> Result<(), prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        self.registry.register(Box::new(counter))
    }

    fn counter_by_source(
        &self,
        name: &str,
        help: &str,
        values: &BTreeMap<(String, &'static str), u64>,
    ) -> Result<(), prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), &["source", "step"])?;
        for ((source, step), count) in values {
            counters.with_label_values(&[source.as_str(), *step]).inc_by(*count);
        }
        self.registry.register(Box::new(counters))
    }

    fn counter_with(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> Result<(), prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
        for (of, value) in values {
            counters.with_label_values(&[*of]).inc_by(*value);
        }
        self.registry.register(Box::new(counters))
    }
}
