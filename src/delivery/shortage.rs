//! What of the settings amoCRM does not take, remembered so that not every lead has to find it out.
//!
//! It stands in the store, where the status commands and the alerts read it. After a start, and every hour, one lead is
//! sent with all that the settings ask for: a stage that was restored is used again without anybody's doing.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    config::AmocrmSettings,
    crm::amocrm::{Degraded, Lacking, OmittedFields, SentParts},
    lead::UNFINISHED_TAG,
    notice::Shortage,
    store::{LeadRow, Mark, Marks, OpenAlert, OpenAlerts, StoreError},
};

/// Name of the alert that tells the admin of it.
pub const SHORTAGES_ALERT: &str = "shortages";

/// How often a lead is sent with everything again.
const TRY_AGAIN: Duration = Duration::from_secs(3600);

/// A field whose value was refused of so many leads in a row takes nobody's.
const VALUES_OF_A_SHORTAGE: u32 = 2;

/// One shortage since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Short {
    /// What leads go without.
    #[serde(flatten)]
    pub what: Shortage,
    /// Since when.
    pub since: Millis,
    /// The next lead that goes alone tries it.
    #[serde(skip, default = "yes")]
    tries: bool,
}

fn yes() -> bool {
    true
}

/// What is short, as it is in the store.
pub async fn shortages(marks: &Marks) -> Result<Vec<Short>, StoreError> {
    let mark = marks.get(&Mark::Shortages).await?;
    Ok(mark.and_then(|mark| serde_json::from_str(&mark).ok()).unwrap_or_default())
}

/// Whether the settings still ask for what was short.
pub fn is_asked_for(what: &Shortage, settings: &AmocrmSettings) -> bool {
    match what {
        Shortage::Pipeline { id } => settings.pipeline_id == Some(*id),
        Shortage::Status { id } => settings.status_id == Some(*id),
        Shortage::Responsible { id } => settings.responsible_user_id == Some(*id),
        Shortage::BudgetField { id } => settings.budget_field_id == Some(*id),
        Shortage::CarLinkField { id } => settings.car_link_field_id == Some(*id),
        // By its setting where the field's id is not known yet.
        Shortage::AnswerField { id, setting } => {
            settings.answer_fields.iter().any(|field| field.id() == Some(*id) || field.setting() == *setting)
        }
        Shortage::UnknownField { setting, .. } => {
            settings.answer_fields.iter().any(|field| field.setting() == *setting)
        }
        Shortage::Tag { name } => name == UNFINISHED_TAG || settings.tags.contains(name),
        Shortage::SourceTag { name } => settings.sources.all().iter().any(|source| source.tag.as_ref() == Some(name)),
        // Any link may bring any mark; what is said of stages is compared where leads are watched.
        Shortage::UtmField { .. } | Shortage::MappedStatus { .. } => true,
        Shortage::PhoneKind | Shortage::Notes | Shortage::Unexplained => true,
    }
}

#[derive(Debug, Default)]
struct State {
    loaded: bool,
    short: Vec<Short>,
    tried_at: Millis,
    /// How often in a row the value of a field was refused.
    values: HashMap<i64, u32>,
    /// How many leads in a row were taken only with less, for no reason that amoCRM named.
    only_with_less: u32,
    /// What the settings do not ask for any more is forgotten.
    matched: bool,
}

/// The shortages of one process.
#[derive(Debug, Default)]
pub struct Shortages {
    state: Mutex<State>,
}

impl Shortages {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, marks: &Marks) -> Result<(), StoreError> {
        if self.state().loaded {
            return Ok(());
        }
        let short = shortages(marks).await?;
        let mut state = self.state();
        if !state.loaded {
            (state.loaded, state.short, state.tried_at) = (true, short, marks.clock().now());
        }
        Ok(())
    }

    /// Forgets, once, what the settings do not ask for any more: that is neither short nor taken again.
    async fn match_settings(
        &self,
        marks: &Marks,
        alerts: &OpenAlerts,
        settings: &AmocrmSettings,
    ) -> Result<(), StoreError> {
        if self.state().matched {
            return Ok(());
        }
        let asked_for = |what: &Shortage| is_asked_for(what, settings);
        // What the admin was told of goes first: whoever compares the two must not find more there than here.
        if let Some(told) = alerts.get(SHORTAGES_ALERT).await? {
            let all: Vec<Shortage> = serde_json::from_str(&told.body).unwrap_or_default();
            let left: Vec<Shortage> = all.iter().filter(|what| asked_for(what)).cloned().collect();
            if left.is_empty() {
                alerts.close(SHORTAGES_ALERT, &[]).await?;
            } else if left.len() < all.len() {
                let left = OpenAlert { opened_at: told.opened_at, body: crate::store::json(&left) };
                alerts.save(SHORTAGES_ALERT, &left, &[]).await?;
            }
        }
        let changed = {
            let mut state = self.state();
            let before = state.short.len();
            state.short.retain(|short| asked_for(&short.what));
            state.matched = true;
            state.short.len() != before
        };
        if changed { self.save(marks).await } else { Ok(()) }
    }

    /// What leads go without for now. A lead that goes alone tries now and then what was short.
    pub async fn left_out(
        &self,
        marks: &Marks,
        alerts: &OpenAlerts,
        settings: &AmocrmSettings,
        alone: bool,
    ) -> Result<OmittedFields, StoreError> {
        self.load(marks).await?;
        self.match_settings(marks, alerts, settings).await?;
        let clock: Clock = marks.clock();
        let mut state = self.state();
        if alone && clock.now() - state.tried_at > clock.millis(TRY_AGAIN) {
            state.tried_at = clock.now();
            state.short.iter_mut().for_each(|short| short.tries = true);
        }
        let left_out = state.short.iter().filter(|short| !(alone && short.tries)).map(|short| &short.what);
        let left_out = OmittedFields::for_shortages(left_out);
        Ok(if left_out.less { left_out.least(settings) } else { left_out })
    }

    /// Learns from a refusal.
    pub async fn learn(&self, marks: &Marks, degraded: &Degraded) -> Result<(), StoreError> {
        let mut what = degraded.shortages.clone();
        {
            let mut state = self.state();
            for value in &degraded.values {
                let Some(id) = value.refused_field() else { continue };
                let times = state.values.entry(id).or_default();
                *times += 1;
                if *times >= VALUES_OF_A_SHORTAGE {
                    what.push(value.clone());
                }
            }
        }
        self.add(marks, what).await
    }

    /// What the account lacks of the fields that are asked for.
    pub async fn listed(&self, marks: &Marks, lacking: Lacking) -> Result<(), StoreError> {
        self.load(marks).await?;
        let is_of_list =
            |what: &Shortage| matches!(what, Shortage::UnknownField { .. } | Shortage::UtmField { id: None, .. });
        self.remove(marks, |what| is_of_list(what) && !lacking.all.contains(what)).await?;
        self.add(marks, lacking.wanting).await
    }

    /// What the account lacks of the stages of which buyers are told.
    pub async fn stages_listed(&self, marks: &Marks, lacking: Vec<Shortage>) -> Result<(), StoreError> {
        self.load(marks).await?;
        let is_stage = |what: &Shortage| matches!(what, Shortage::MappedStatus { .. });
        self.remove(marks, |what| is_stage(what) && !lacking.contains(what)).await?;
        self.add(marks, lacking).await
    }

    /// These are short.
    pub async fn add(&self, marks: &Marks, what: Vec<Shortage>) -> Result<(), StoreError> {
        self.load(marks).await?;
        let now = marks.clock().now();
        let changed = {
            let mut state = self.state();
            let before = state.short.len();
            for what in what {
                match state.short.iter_mut().find(|short| short.what == what) {
                    Some(short) => short.tries = false,
                    None => {
                        warn!(
                            setting = what.setting(),
                            "amoCRM does not take this of the settings; leads go without it"
                        );
                        state.short.push(Short { what, since: now, tries: false });
                    }
                }
            }
            state.short.len() != before
        };
        if changed { self.save(marks).await } else { Ok(()) }
    }

    /// A lead was taken that was sent with these parts and without those: what it was sent with is no longer short.
    pub async fn taken(
        &self,
        marks: &Marks,
        left_out: &OmittedFields,
        new_contact: bool,
        sent: &SentParts,
    ) -> Result<(), StoreError> {
        let shows = |what: &Shortage| left_out.shows(what, new_contact, sent);
        let unexplained = {
            let mut state = self.state();
            state.values.retain(|id, _| !sent.fields.contains(id));
            state.only_with_less = if left_out.less { state.only_with_less + 1 } else { 0 };
            state.only_with_less >= VALUES_OF_A_SHORTAGE
        };
        if unexplained {
            self.add(marks, vec![Shortage::Unexplained]).await?;
        }
        self.remove(marks, shows).await
    }

    /// No longer short.
    pub async fn remove(&self, marks: &Marks, which: impl Fn(&Shortage) -> bool) -> Result<(), StoreError> {
        let changed = {
            let mut state = self.state();
            let before = state.short.len();
            state.short.retain(|short| {
                let over = which(&short.what);
                if over {
                    info!(setting = short.what.setting(), "amoCRM takes this of the settings again");
                }
                !over
            });
            state.short.len() != before
        };
        if changed { self.save(marks).await } else { Ok(()) }
    }

    async fn save(&self, marks: &Marks) -> Result<(), StoreError> {
        let text = crate::store::json(&self.state().short);
        marks.set(&Mark::Shortages, &text).await
    }
}

/// What a lead goes without.
pub(super) fn omitted_of(row: &LeadRow) -> OmittedFields {
    row.omitted.as_deref().and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default()
}
