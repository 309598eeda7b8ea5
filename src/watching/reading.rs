//! What a row of amoCRM means for a lead that is watched. Pure.

use crate::{
    clock::Millis,
    config::StatusTexts,
    crm::amocrm::SeenLead,
    lead::{CrmStatus, StageOrder},
    store::{Watched, WatchedLead},
};

/// How far this machine's clock and amoCRM's may differ, in seconds.
const CLOCK_MARGIN: i64 = 600;

/// What was seen of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It stands where it stood, or the row is older than what is known.
    Same,
    /// It was seen for the first time, and nobody knows where it stood before: remembered, and nobody is told.
    Remembered,
    /// It has gone on.
    Forward,
    /// It has gone back, or was opened again: nobody is told.
    Back,
    /// Its stage was removed; where it stands is not known until somebody moves it.
    Nowhere,
    /// It is in the trash.
    Gone,
}

/// What is needed to understand a row.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The pipelines' stages.
    pub order: &'a StageOrder,
    /// What buyers are told of which.
    pub texts: &'a StatusTexts,
    /// Where new leads begin.
    pub start: Option<CrmStatus>,
    /// When it was read.
    pub now: Millis,
}

/// What a row means for a lead, and what is known of it then.
pub fn read(lead: &WatchedLead, seen: &SeenLead, context: Context<'_>) -> (Meaning, Watched) {
    let known = &lead.known;
    let meaning = meaning(lead, seen, context);
    let mut next = Watched { gone: matches!(meaning, Meaning::Gone), ..known.clone() };
    match meaning {
        Meaning::Same | Meaning::Nowhere => return (meaning, next),
        Meaning::Gone => {
            next.owed = None;
            return (meaning, next);
        }
        Meaning::Remembered | Meaning::Forward | Meaning::Back => {}
    }
    let Some(at) = seen.at else { return (meaning, next) };
    next.at = Some(at);
    next.updated_at = seen.updated_at.or(known.updated_at);
    if !at.is_closed() {
        next.reached.insert(at.pipeline_id, at.status_id);
    }
    let text = context.texts.of(at);
    match (meaning, text) {
        (Meaning::Forward, Some(text)) => {
            let key = text.key();
            let last = known.told.last().and_then(|key| context.texts.by_key(key));
            next.shown = Some(key.clone());
            if known.told.contains(&key) {
                // What was owed of a stage in between is no news any more.
                next.owed = None;
            } else if last.is_some_and(|last| last.text == text.text) {
                // The buyer has just read these words.
                next.owed = None;
                next.told.push(key);
            } else if known.owed.as_ref().is_none_or(|(owed, _)| *owed != key) {
                next.owed = Some((key, context.now));
            }
        }
        (Meaning::Forward, None) if at.is_lost() => next.owed = None,
        (Meaning::Forward, None) => {}
        (_, text) => {
            next.owed = None;
            next.shown = text.map(|text| text.key());
        }
    }
    (meaning, next)
}

fn meaning(lead: &WatchedLead, seen: &SeenLead, context: Context<'_>) -> Meaning {
    let known = &lead.known;
    if seen.is_deleted {
        return Meaning::Gone;
    }
    let Some(at) = seen.at else { return Meaning::Nowhere };
    // Lists may lag behind each other.
    if seen.updated_at.zip(known.updated_at).is_some_and(|(seen, known)| seen < known) {
        return Meaning::Same;
    }
    match known.at {
        None => first(lead, seen, at, context),
        Some(before) if before == at => Meaning::Same,
        Some(_) if at.is_closed() => Meaning::Forward,
        Some(before) if before.is_won() && before.pipeline_id == at.pipeline_id => Meaning::Back,
        Some(before) => {
            let reached = known.reached.get(&at.pipeline_id);
            let reached = reached.map(|status_id| CrmStatus { pipeline_id: at.pipeline_id, status_id: *status_id });
            match reached {
                // Opened again where it was closed.
                Some(reached) if reached == at => Meaning::Back,
                Some(reached) if context.order.is_after(at, reached) == Some(false) => Meaning::Back,
                None if before.is_closed() && before.pipeline_id == at.pipeline_id => Meaning::Back,
                _ => Meaning::Forward,
            }
        }
    }
}

/// The first time that a lead is seen. Where it was made since leads are watched it began where all of them begin; one that
/// is older than the request was there before, and ours was merged into it.
fn first(lead: &WatchedLead, seen: &SeenLead, at: CrmStatus, context: Context<'_>) -> Meaning {
    let is_ours = is_made_for(seen, lead.submitted_at);
    match context.start {
        Some(start) if lead.fresh && is_ours => {
            if context.order.has_left(start, at) {
                Meaning::Forward
            } else {
                Meaning::Remembered
            }
        }
        _ => Meaning::Remembered,
    }
}

/// Whether a lead in amoCRM was made for a request of then, and is not an older one that took it.
pub fn is_made_for(seen: &SeenLead, submitted_at: Millis) -> bool {
    seen.created_at.is_none_or(|created| created >= submitted_at / 1000 - CLOCK_MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::StatusText, lead::LeadNumber};

    /// The stages 20, 30, 40 of pipeline 1 (the main one) and 25 of pipeline 2; both have 142 and 143.
    fn order() -> StageOrder {
        let stages = [(1, 10, 10), (1, 20, 20), (1, 30, 30), (1, 40, 40), (2, 25, 10)];
        let closed = [1, 2].into_iter().flat_map(|pipeline| [(pipeline, 142, 10_000), (pipeline, 143, 11_000)]);
        let stages = stages.into_iter().chain(closed);
        StageOrder::new(stages.map(|(pipeline, stage, sort)| (at(pipeline, stage), sort, stage == 10)), Some(1))
    }

    fn at(pipeline_id: i64, status_id: i64) -> CrmStatus {
        CrmStatus { pipeline_id, status_id }
    }

    /// Of 30 and 40 in pipeline 1, of 25 in pipeline 2 in the words of 40, and of 142 in any.
    fn texts() -> StatusTexts {
        let text = |pipeline_id, status_id, words: &str| StatusText {
            pipeline_id,
            status_id,
            text: vec![("ru".into(), words.into())],
        };
        [
            text(Some(1), 30, "тридцать"),
            text(Some(1), 40, "сорок"),
            text(Some(2), 25, "сорок"),
            text(None, 142, "куплен"),
        ]
        .into_iter()
        .collect()
    }

    fn lead(fresh: bool) -> WatchedLead {
        WatchedLead {
            lead_id: "01".into(),
            number: LeadNumber::parse("K7M2QXA").expect("a number"),
            submitted_at: 1_000_000,
            crm_lead_id: 5,
            fresh,
            known: Watched::default(),
        }
    }

    fn seen(place: Option<CrmStatus>, updated_at: i64) -> SeenLead {
        SeenLead { lead_id: 5, at: place, created_at: Some(1_000), updated_at: Some(updated_at), is_deleted: false }
    }

    /// What is owed when a lead was seen at these stages one after the other, each owed one told at once if `told`.
    fn walks(fresh: bool, stages: &[(i64, i64)], told: bool) -> (Meaning, Vec<String>, Watched) {
        let (order, texts) = (order(), texts());
        let context = Context { order: &order, texts: &texts, start: order.start(None, None), now: 7 };
        let (mut lead, mut owed, mut last) = (lead(fresh), Vec::new(), Meaning::Same);
        for (second, (pipeline, stage)) in (1..).zip(stages) {
            let place = (*stage != 0).then(|| at(*pipeline, *stage));
            let row = SeenLead { is_deleted: *stage == -1, ..seen(place, second) };
            (last, lead.known) = read(&lead, &row, context);
            if told && let Some((key, _)) = lead.known.owed.take() {
                lead.known.told.push(key.clone());
                owed.push(key);
            }
        }
        owed.extend(lead.known.owed.as_ref().map(|(key, _)| key.clone()));
        (last, owed, lead.known)
    }

    #[test]
    fn what_a_row_means_and_of_what_its_buyer_hears() {
        use Meaning::*;
        let (first, second, third) = ((1, 20), (1, 30), (1, 40));
        for (stages, meaning, told) in [
            (&[first][..], Remembered, &[][..]),
            (&[first, first], Same, &[]),
            (&[first, second], Forward, &["1:30"]),
            (&[first, second, third], Forward, &["1:30", "1:40"]),
            (&[first, third], Forward, &["1:40"]),
            // Back and forth: silent back, and each is told once.
            (&[first, second, first], Back, &["1:30"]),
            (&[first, second, first, second], Forward, &["1:30"]),
            (&[first, third, second], Back, &["1:40"]),
            (&[first, third, first, second], Forward, &["1:40", "1:30"]),
            // Closed: won is told, lost is not; open again is silent where it was left.
            (&[first, second, (1, 142)], Forward, &["1:30", "*:142"]),
            (&[first, second, (1, 143)], Forward, &["1:30"]),
            (&[first, second, (1, 143), second], Back, &["1:30"]),
            (&[first, second, (1, 143), third], Forward, &["1:30", "1:40"]),
            (&[first, second, (1, 143), (1, 142)], Forward, &["1:30", "*:142"]),
            (&[first, (1, 142), third], Back, &["*:142"]),
            (&[first, (1, 142), third, (1, 142)], Forward, &["*:142"]),
            // Into another pipeline, and won there: the same words are not told twice.
            (&[first, (2, 25)], Forward, &["2:25"]),
            (&[first, third, (2, 25)], Forward, &["1:40"]),
            (&[first, (2, 25), first], Back, &["2:25"]),
            (&[first, (2, 25), second], Forward, &["2:25", "1:30"]),
            (&[first, (1, 142), (2, 142)], Forward, &["*:142"]),
            // A stage that was removed says nothing until somebody moves the lead.
            (&[first, (1, 0)], Nowhere, &[]),
            (&[first, second, (1, 0), third], Forward, &["1:30", "1:40"]),
            (&[first, second, (1, 0), first], Back, &["1:30"]),
            // A stage that is not in the list may be a new one.
            (&[first, (1, 99)], Forward, &[]),
            // The trash, and out of it again.
            (&[first, (1, -1)], Gone, &[]),
            (&[first, (1, -1), second], Forward, &["1:30"]),
            // It has gone on before it was first seen.
            (&[second], Forward, &["1:30"]),
            (&[(1, 142)], Forward, &["*:142"]),
            (&[(1, 10)], Remembered, &[]),
            (&[(2, 25)], Forward, &["2:25"]),
        ] {
            let (last, heard, _) = walks(true, stages, true);
            assert_eq!((last, heard), (meaning, told.iter().map(|key| (*key).to_owned()).collect()), "{stages:?}");
        }
    }

    #[test]
    fn only_the_newest_is_owed_and_what_is_taken_back_is_not() {
        for (stages, owed) in [
            (&[(1, 20), (1, 30)][..], Some("1:30")),
            (&[(1, 20), (1, 30), (1, 40)], Some("1:40")),
            (&[(1, 20), (1, 30), (1, 20)], None),
            (&[(1, 20), (1, 30), (1, 143)], None),
            (&[(1, 20), (1, 30), (1, 142)], Some("*:142")),
            (&[(1, 20), (1, 30), (1, 99)], Some("1:30")),
            (&[(1, 20), (1, 30), (1, -1)], None),
            (&[(1, 20), (1, 30), (1, 0)], Some("1:30")),
        ] {
            let (_, heard, known) = walks(true, stages, false);
            assert_eq!((heard.first().map(String::as_str), known.told.len()), (owed, 0), "{stages:?}");
        }
    }

    #[test]
    fn what_holds_is_shown_as_long_as_it_holds() {
        for (stages, shown) in [
            (&[(1, 20)][..], None),
            (&[(1, 20), (1, 30)], Some("1:30")),
            (&[(1, 20), (1, 30), (1, 99)], Some("1:30")),
            (&[(1, 20), (1, 30), (1, 20)], None),
            (&[(1, 20), (1, 40), (1, 30)], Some("1:30")),
            (&[(1, 20), (1, 142)], Some("*:142")),
        ] {
            assert_eq!(walks(true, stages, true).2.shown.as_deref(), shown, "{stages:?}");
        }
        // Also of a lead of which nobody is told.
        assert_eq!(walks(false, &[(1, 30)], true).2.shown.as_deref(), Some("1:30"));
    }

    #[test]
    fn what_was_there_before_it_was_watched_is_only_remembered() {
        let (order, texts) = (order(), texts());
        let context = Context { order: &order, texts: &texts, start: order.start(None, None), now: 7 };
        for stage in [20, 30, 142, 143] {
            let (meaning, known) = read(&lead(false), &seen(Some(at(1, stage)), 1), context);
            assert_eq!((meaning, known.owed), (Meaning::Remembered, None), "{stage}");
        }
        let (meaning, heard, _) = walks(false, &[(1, 30), (1, 40)], true);
        assert_eq!((meaning, heard), (Meaning::Forward, vec!["1:40".to_owned()]));
        // Closed when it was first seen, and opened again.
        assert_eq!(walks(false, &[(1, 143), (1, 30)], true).1, Vec::<String>::new());
        // Older than the request: ours was merged into it.
        let older = SeenLead { created_at: Some(1), ..seen(Some(at(1, 142)), 1) };
        assert_eq!(read(&lead(true), &older, context).0, Meaning::Remembered);
        // Where new leads begin is not known.
        let nowhere = Context { start: None, ..context };
        assert_eq!(read(&lead(true), &seen(Some(at(1, 142)), 1), nowhere).0, Meaning::Remembered);
    }

    #[test]
    fn a_row_that_is_older_than_what_is_known_says_nothing() {
        let (order, texts) = (order(), texts());
        let context = Context { order: &order, texts: &texts, start: order.start(None, None), now: 7 };
        let mut lead = lead(true);
        lead.known = read(&lead, &seen(Some(at(1, 20)), 100), context).1;
        for (updated_at, meaning) in [(99, Meaning::Same), (100, Meaning::Forward), (101, Meaning::Forward)] {
            assert_eq!(read(&lead, &seen(Some(at(1, 30)), updated_at), context).0, meaning, "{updated_at}");
        }
        let untimed = SeenLead { updated_at: None, ..seen(Some(at(1, 30)), 0) };
        assert_eq!(read(&lead, &untimed, context).0, Meaning::Forward);
    }
}
