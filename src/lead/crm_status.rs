//! Where a lead stands in amoCRM's pipelines.

use std::collections::HashMap;

/// A stage of a pipeline, as amoCRM names it by two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrmStatus {
    /// The pipeline.
    pub pipeline_id: i64,
    /// The stage in it.
    pub status_id: i64,
}

impl CrmStatus {
    /// The stage of leads that were won; the same id in every pipeline (amocrm.ru/developers, «Воронки и этапы»).
    pub const WON: i64 = 142;
    /// The stage of those that were lost.
    pub const LOST: i64 = 143;

    /// Whether leads are over that stand there.
    pub fn is_closed(self) -> bool {
        self.is_won() || self.is_lost()
    }

    /// Whether it ended well.
    pub fn is_won(self) -> bool {
        self.status_id == Self::WON
    }

    /// Whether it came to nothing.
    pub fn is_lost(self) -> bool {
        self.status_id == Self::LOST
    }
}

/// The stages of all pipelines in the order in which leads pass them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageOrder {
    places: HashMap<CrmStatus, i64>,
    firsts: HashMap<i64, CrmStatus>,
    main: Option<i64>,
}

impl StageOrder {
    /// From the stages with their `sort` in amoCRM; `unsorted` is the one of leads that nobody has taken yet. `main` is the
    /// pipeline of leads that name none.
    pub fn new(stages: impl IntoIterator<Item = (CrmStatus, i64, bool)>, main: Option<i64>) -> Self {
        let mut order = Self { main, ..Self::default() };
        for (at, sort, unsorted) in stages {
            order.places.insert(at, sort);
            let is_first = |order: &Self| {
                order
                    .firsts
                    .get(&at.pipeline_id)
                    .and_then(|first| order.places.get(first))
                    .is_none_or(|first| sort < *first)
            };
            if !unsorted && !at.is_closed() && is_first(&order) {
                order.firsts.insert(at.pipeline_id, at);
            }
        }
        order
    }

    /// Whether there is such a stage, in this pipeline or, without one, in any.
    pub fn has(&self, pipeline_id: Option<i64>, status_id: i64) -> bool {
        self.places.keys().any(|at| at.status_id == status_id && pipeline_id.is_none_or(|id| id == at.pipeline_id))
    }

    /// Whether there is such a pipeline.
    pub fn has_pipeline(&self, pipeline_id: i64) -> bool {
        self.places.keys().any(|at| at.pipeline_id == pipeline_id)
    }

    /// The stage with which a pipeline begins.
    pub fn first_of(&self, pipeline_id: i64) -> Option<CrmStatus> {
        self.firsts.get(&pipeline_id).copied()
    }

    /// Where leads begin that are made with these settings: what is not there (any more) is as if it were not set.
    pub fn start(&self, pipeline_id: Option<i64>, status_id: Option<i64>) -> Option<CrmStatus> {
        let pipeline_id = pipeline_id.filter(|id| self.has_pipeline(*id)).or(self.main)?;
        let set = status_id.map(|status_id| CrmStatus { pipeline_id, status_id });
        set.filter(|at| self.places.contains_key(at)).or_else(|| self.first_of(pipeline_id))
    }

    /// Whether a lead that began at a stage has left it, wherever to, but for the stages before it.
    pub fn has_left(&self, start: CrmStatus, at: CrmStatus) -> bool {
        at != start && self.is_after(at, start) != Some(false)
    }

    /// Whether one stage comes after another of the same pipeline; `None` where that is not known.
    pub fn is_after(&self, at: CrmStatus, before: CrmStatus) -> Option<bool> {
        if at.pipeline_id != before.pipeline_id {
            return None;
        }
        Some(self.places.get(&at)? > self.places.get(&before)?)
    }
}
