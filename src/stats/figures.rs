//! What came of requests, counted. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    clock::{Millis, date},
    form::Form,
    store::{LeadFacts, SourceFigures},
};

use super::Period;

/// amoCRM's stage of a deal that was won, in every pipeline.
pub const WON: i64 = 142;

/// After so many minutes of working time a lead waits for too long.
pub const LATE_MINUTES: [i64; 2] = [15, 60];

/// A part of a number of leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// Counts one more, and whether it is of the part.
    fn count(&mut self, is_part: bool) {
        self.of += 1;
        self.part += u64::from(is_part);
    }

    /// Of a hundred so many, rounded; nothing of nothing.
    pub fn percent(self) -> Option<u64> {
        (self.part * 200 + self.of).checked_div(self.of * 2)
    }
}

/// A place on the way through the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The buyer came.
    Came,
    /// The question with this key was asked.
    Question(&'static str),
    /// The card was shown.
    Card,
    /// The request was sent.
    Sent,
}

impl Reached {
    /// As metrics name it: a question's key, `_came`, `_card`, `_sent`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Came => "_came",
            Self::Question(key) => key,
            Self::Card => "_card",
            Self::Sent => "_sent",
        }
    }
}

/// What one manager has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagerFigures {
    /// As colleagues read it; `None` for what nobody has.
    pub name: Option<String>,
    /// Leads given to this manager within the period.
    pub leads: u64,
    /// Half of those that were dealt with were so within this working time.
    pub median: Option<TimeDelta>,
    /// Leads that were won.
    pub won: u64,
}

/// How soon somebody deals with leads, in working time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touch {
    /// Half of those that were dealt with.
    pub median: Option<TimeDelta>,
    /// Nine of ten of them.
    pub ninety: Option<TimeDelta>,
    /// Leads that nobody had dealt with after [`LATE_MINUTES`]; younger ones do not count.
    pub late: [Share; 2],
}

/// What came of the requests of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The days that are counted.
    pub period: Period,
    /// By day.
    pub days: Vec<(NaiveDate, u64)>,
    /// All of them.
    pub leads: u64,
    /// As many days before there were so many.
    pub before: u64,
    /// How many buyers came to each place of the form.
    pub funnel: Vec<(Reached, u64)>,
    /// Where they come from, most requests first.
    pub sources: Vec<SourceFigures>,
    /// `None` where managers are given no leads.
    pub touch: Option<Touch>,
    /// Most leads first.
    pub managers: Vec<ManagerFigures>,
    /// Of the leads whose stage is known; `None` where none is.
    pub won: Option<Share>,
}

/// What is counted.
#[derive(Debug)]
pub struct Counted<'a> {
    /// The days.
    pub period: Period,
    /// The dealer's clock.
    pub zone: Tz,
    /// Until when.
    pub now: Millis,
    /// The leads of those days.
    pub leads: &'a [LeadFacts],
    /// How many there were in as many days before.
    pub before: u64,
    /// Where buyers come from.
    pub sources: Vec<SourceFigures>,
    /// What they are asked.
    pub form: &'a Form,
}

impl Counted<'_> {
    /// Counts. `worked` is how much of the time between two moments is worked; `manager` is the name of amoCRM's user.
    pub fn figures(
        self,
        worked: impl Fn(DateTime<Utc>, DateTime<Utc>) -> TimeDelta,
        manager: impl Fn(i64) -> Option<String>,
    ) -> Figures {
        let Self { period, zone, now, leads, before, mut sources, form } = self;
        let mut days: Vec<(NaiveDate, u64)> =
            (0..period.days).map(|day| (super::period::forth(period.first, day), 0)).collect();
        for lead in leads {
            if let Some(day) = period.day_of(date(lead.sent_at), zone) {
                days[day].1 += 1;
            }
        }
        let (mut touch, mut times, mut won) = (Touch::default(), Vec::new(), Share::default());
        let mut managers: BTreeMap<Option<String>, (ManagerFigures, Vec<TimeDelta>)> = BTreeMap::new();
        for lead in leads {
            if let Some(status) = lead.status_id {
                won.count(status == WON);
            }
            let Some(given_at) = lead.given_at else { continue };
            let waited = worked(date(given_at), date(lead.touched_at.unwrap_or(now)));
            for (late, minutes) in touch.late.iter_mut().zip(LATE_MINUTES) {
                let is_late = waited >= TimeDelta::minutes(minutes);
                if is_late || lead.touched_at.is_some() {
                    late.count(is_late);
                }
            }
            let name = lead.taken_by.clone().or_else(|| lead.assigned.and_then(&manager));
            let (figures, their_times) = managers.entry(name).or_default();
            figures.leads += 1;
            figures.won += u64::from(lead.status_id == Some(WON));
            if lead.touched_at.is_some() {
                times.push(waited);
                their_times.push(waited);
            }
        }
        let mut managers: Vec<ManagerFigures> = managers
            .into_iter()
            .map(|(name, (figures, times))| ManagerFigures { name, median: median(times), ..figures })
            .collect();
        // What nobody has comes last.
        managers.sort_by_key(|one| (one.name.is_none(), std::cmp::Reverse(one.leads)));
        let were_given = leads.iter().any(|lead| lead.given_at.is_some());
        touch.ninety = ninety(times.clone());
        touch.median = median(times);
        let funnel = funnel(&sources, form);
        sources.sort_by_key(|one| std::cmp::Reverse((one.requests, one.came())));
        Figures {
            period,
            days,
            leads: leads.len() as u64,
            before,
            funnel,
            sources,
            touch: were_given.then_some(touch),
            managers,
            won: (won.of > 0).then_some(won),
        }
    }
}

impl Figures {
    /// There is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.leads == 0 && self.sources.iter().all(|source| source.came() == 0)
    }
}

/// Whoever stands at a place has come to all those before it; whoever has sent a request has come to all of them.
fn funnel(sources: &[SourceFigures], form: &Form) -> Vec<(Reached, u64)> {
    let questions = form.questions();
    let places = [Reached::Came]
        .into_iter()
        .chain(questions.iter().map(|question| Reached::Question(question.key)))
        .chain([Reached::Card, Reached::Sent]);
    let mut funnel: Vec<(Reached, u64)> = places.map(|place| (place, 0)).collect();
    for source in sources {
        for (step, count) in &source.left {
            let place = match step.as_str() {
                // They came and have opened no form, or have not consented yet.
                "idle" | "consent" => 0,
                "confirm" => questions.len() + 1,
                // One that is asked no longer: that they have begun is all that can be said.
                key => form.position(key).unwrap_or(1),
            };
            for (_, reached) in &mut funnel[..=place] {
                *reached += count;
            }
        }
        for (_, reached) in &mut funnel {
            *reached += source.requests;
        }
    }
    funnel
}

/// The middle one, or what is between the two in the middle.
fn median(mut times: Vec<TimeDelta>) -> Option<TimeDelta> {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(times[middle]),
        _ => Some((times[middle - 1] + times[middle]) / 2),
    }
}

/// The smallest time that nine of ten did not exceed.
fn ninety(mut times: Vec<TimeDelta>) -> Option<TimeDelta> {
    times.sort_unstable();
    let at = (times.len() * 9).div_ceil(10);
    times.get(at.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn minutes(minutes: i64) -> TimeDelta {
        TimeDelta::minutes(minutes)
    }

    /// Thursday, 2026-11-26, 12:00 in Moscow.
    fn noon() -> Millis {
        "2026-11-26T09:00:00Z".parse::<DateTime<Utc>>().expect("a moment").timestamp_millis()
    }

    fn source(label: &str, requests: u64, left: &[(&str, u64)]) -> SourceFigures {
        let left = left.iter().map(|(step, count)| ((*step).to_owned(), *count)).collect();
        SourceFigures { label: label.to_owned(), requests, left, ..SourceFigures::default() }
    }

    fn figures(leads: &[LeadFacts], sources: Vec<SourceFigures>) -> Figures {
        let period = Period::until_today(7, date(noon()), Tz::Europe__Moscow);
        let form = Form::default();
        let counted = Counted { period, zone: Tz::Europe__Moscow, now: noon(), leads, before: 3, sources, form: &form };
        counted.figures(|from, to| (to - from).max(TimeDelta::zero()), |user| (user == 7).then(|| "Олег".to_owned()))
    }

    /// A lead that came so many minutes ago and was dealt with after so many.
    fn lead(ago: i64, touched_after: Option<i64>) -> LeadFacts {
        let sent_at = noon() - ago * MINUTE;
        let touched_at = touched_after.map(|after| sent_at + after * MINUTE);
        LeadFacts { sent_at, given_at: Some(sent_at), touched_at, ..LeadFacts::default() }
    }

    #[test]
    fn the_middle_and_nine_of_ten() {
        for (times, middle, nine) in [
            (vec![], None, None),
            (vec![5], Some(5), Some(5)),
            (vec![9, 1], Some(5), Some(9)),
            (vec![3, 1, 2], Some(2), Some(3)),
            ((1..=10).rev().collect(), None, Some(9)),
            ((1..=11).collect(), Some(6), Some(10)),
            (vec![1; 20], Some(1), Some(1)),
        ] {
            let times: Vec<TimeDelta> = times.into_iter().map(minutes).collect();
            let half = if times.len() == 10 { Some(TimeDelta::seconds(330)) } else { middle.map(minutes) };
            assert_eq!((median(times.clone()), ninety(times.clone())), (half, nine.map(minutes)), "{times:?}");
        }
    }

    #[test]
    fn a_lead_is_late_when_nobody_has_dealt_with_it_and_a_young_one_does_not_count_yet() {
        let touch = figures(
            &[
                lead(300, Some(5)),
                lead(300, Some(14)),
                lead(300, Some(15)),
                lead(300, Some(90)),
                lead(300, None),
                lead(30, None),
                lead(14, None),
                // Never given to managers.
                LeadFacts { sent_at: noon() - MINUTE, ..LeadFacts::default() },
            ],
            Vec::new(),
        )
        .touch
        .expect("leads were given");
        assert_eq!(touch.late, [Share { part: 4, of: 6 }, Share { part: 2, of: 5 }]);
        assert_eq!((touch.median, touch.ninety), (Some(TimeDelta::seconds(870)), Some(minutes(90))));
        assert_eq!(figures(&[LeadFacts { sent_at: noon(), ..LeadFacts::default() }], Vec::new()).touch, None);
    }

    #[test]
    fn managers_are_those_who_took_leads_else_those_whose_turn_it_was() {
        let of = |taken: Option<&str>, assigned, status_id, after| LeadFacts {
            taken_by: taken.map(str::to_owned),
            assigned,
            status_id,
            ..lead(200, after)
        };
        let figures = figures(
            &[
                of(Some("Анна"), Some(7), Some(142), Some(10)),
                of(Some("Анна"), None, Some(143), Some(20)),
                of(None, Some(7), Some(50), Some(4)),
                of(Some("Олег"), None, None, Some(6)),
                of(Some("Олег"), Some(9), Some(142), None),
                of(None, Some(9), Some(50), None),
                of(None, None, None, None),
                of(None, None, None, None),
                of(None, None, None, None),
            ],
            Vec::new(),
        );
        let manager = |name: Option<&str>, leads, median: Option<i64>, won| ManagerFigures {
            name: name.map(str::to_owned),
            leads,
            median: median.map(minutes),
            won,
        };
        assert_eq!(
            figures.managers,
            [manager(Some("Олег"), 3, Some(5), 1), manager(Some("Анна"), 2, Some(15), 1), manager(None, 4, None, 0)]
        );
        assert_eq!(figures.won, Some(Share { part: 2, of: 5 }));
        assert_eq!(super::tests::figures(&[lead(5, None)], Vec::new()).won, None, "no stage is known");
    }

    #[test]
    fn whoever_stands_at_a_question_has_come_to_all_before_it() {
        let form = Form::default();
        let keys: Vec<&str> = form.questions().iter().map(|question| question.key).collect();
        let (first, second, last) = (keys[0], keys[1], keys[keys.len() - 1]);
        let sources = vec![
            source("none", 2, &[(first, 1), ("consent", 2), ("no_longer_asked", 1)]),
            source("avito", 5, &[("idle", 3), (second, 1), (last, 1), ("confirm", 1)]),
        ];
        let figures = figures(&[lead(1, None)], sources);
        let at = |place| figures.funnel.iter().find(|(found, _)| *found == place).expect("a place").1;
        assert_eq!((at(Reached::Came), at(Reached::Question(first)), at(Reached::Question(second))), (17, 12, 10));
        assert_eq!((at(Reached::Question(last)), at(Reached::Card), at(Reached::Sent)), (9, 8, 7));
        assert_eq!(figures.sources.iter().map(|one| one.label.as_str()).collect::<Vec<_>>(), ["avito", "none"]);
        assert!(!figures.is_empty());
    }

    #[test]
    fn days_have_what_came_on_them() {
        let day = 24 * 60;
        // 13 hours before noon it was yesterday.
        let leads = [lead(0, None), lead(11 * 60, None), lead(13 * 60, None), lead(6 * day, None)];
        let figures = figures(&leads, Vec::new());
        let counts: Vec<u64> = figures.days.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts, figures.leads, figures.before), (vec![1, 0, 0, 0, 0, 1, 2], 4, 3));
        assert!(super::tests::figures(&[], vec![source("avito", 0, &[])]).is_empty());
    }

    #[test]
    fn shares_are_rounded() {
        for (part, of, percent) in
            [(0, 0, None), (0, 3, Some(0)), (1, 3, Some(33)), (2, 3, Some(67)), (1, 8, Some(13)), (4, 4, Some(100))]
        {
            assert_eq!(Share { part, of }.percent(), percent);
        }
    }
}
