//! The figures in words: for those who do not see the picture, and on it.

use chrono::{Datelike, NaiveDate, TimeDelta};

use crate::{
    form::Form,
    lead::{LeadSource, shorten},
    store::SourceFigures,
    wording::{Lang, duration},
};

use super::{
    Period,
    figures::{Figures, Reached, Share},
};

/// A caption of Telegram's may have so many UTF-16 units.
const LONGEST_CAPTION: usize = 1024;

/// Names are no longer than this.
const LONGEST_NAME: usize = 40;

/// So many rows of each table are told at most …
const MOST_ROWS: usize = 12;
/// … and so many at least, however long they are.
const LEAST_ROWS: usize = 2;

/// Figures as one person reads them.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What is told.
    pub figures: &'a Figures,
    /// What buyers are asked.
    pub form: &'a Form,
    /// In which language.
    pub lang: Lang,
}

impl Told<'_> {
    fn say(&self, id: &str, args: &[(&str, String)]) -> String {
        let args: Vec<_> = args.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        self.lang.text(&format!("admin-stats-{id}"), &args)
    }

    /// A word or two that stand for themselves.
    pub fn word(&self, id: &str) -> String {
        self.say(id, &[])
    }

    /// `Заявки: 20.11 – 26.11.2026`.
    pub fn title(&self) -> String {
        self.say("title", &[("days", days(self.figures.period))])
    }

    /// How many there were before.
    pub fn before(&self) -> String {
        let period = days(self.figures.period.before());
        self.say("before", &[("count", self.figures.before.to_string()), ("days", period)])
    }

    /// Where a source's buyers come from.
    pub fn source(&self, source: &SourceFigures) -> String {
        let name = match (&source.name, source.label.as_str()) {
            (Some(name), _) => name.clone(),
            (None, LeadSource::OTHER) => self.word("source-other"),
            (None, LeadSource::NONE) => self.word("source-none"),
            (None, label) => label.to_owned(),
        };
        shorten(&name, LONGEST_NAME)
    }

    /// A place on the way through the form.
    pub fn place(&self, place: Reached) -> String {
        let name = match place {
            Reached::Came => self.word("came"),
            Reached::Card => self.word("card"),
            Reached::Sent => self.word("sent"),
            Reached::Question(key) => {
                self.form.question(key).map_or_else(|| key.to_owned(), |question| self.lang.words(&question.label))
            }
        };
        shorten(&name, LONGEST_NAME)
    }

    /// A manager's name, or what stands for nobody's.
    pub fn manager(&self, name: Option<&str>) -> String {
        name.map_or_else(|| self.word("nobody"), |name| shorten(name, LONGEST_NAME))
    }

    /// So many rows are not told.
    pub fn more(&self, rows: usize) -> String {
        self.say("more", &[("count", rows.to_string())])
    }

    /// A length of time; a dash for none.
    pub fn time(&self, time: Option<TimeDelta>) -> String {
        time.map_or_else(|| "–".to_owned(), |time| duration(time.num_milliseconds(), self.lang))
    }

    /// All figures as a text, with so many rows of each table at most.
    fn text_with(&self, rows: usize) -> String {
        let figures = self.figures;
        let mut lines = vec![format!("📊 {}", self.title()), String::new()];
        lines.push(self.say("total", &[("count", figures.leads.to_string())]));
        if figures.before > 0 {
            lines.push(self.before());
        }
        if figures.leads > 0 && figures.days.len() > 1 {
            let size = if figures.days.len() <= 10 {
                1
            } else if figures.days.len() <= 91 {
                7
            } else {
                30
            };
            let bars = bars(figures, size);
            let list = bars.iter().map(|(day, count)| format!("{}: {count}", short(*day))).collect::<Vec<_>>();
            lines.push(format!("{} {}", self.word(&format!("by-{size}")), list.join(", ")));
        }
        lines.push(String::new());
        match &figures.touch {
            None => lines.push(self.word("no-touch")),
            Some(touch) => {
                let times = [("median", self.time(touch.median)), ("ninety", self.time(touch.ninety))];
                lines.push(self.say("touch-line", &times));
                let late = [("fifteen", told(touch.late[0])), ("sixty", told(touch.late[1]))];
                lines.push(self.say("late-line", &late));
            }
        }
        match figures.won {
            None => lines.push(self.word("no-won")),
            Some(share) => lines.push(self.say("won-line", &[("share", told(share))])),
        }
        let funnel = figures.funnel.iter().map(|(place, count)| format!("• {}: {count}", self.place(*place)));
        self.table(&mut lines, "funnel", funnel.collect(), rows.max(MOST_ROWS / 2));
        let sources = figures.sources.iter().map(|source| {
            let args = [
                ("source", self.source(source)),
                ("came", source.came().to_string()),
                ("leads", source.requests.to_string()),
            ];
            format!("• {}", self.say("source-line", &args))
        });
        self.table(&mut lines, "sources", sources.collect(), rows);
        let managers = figures.managers.iter().map(|one| {
            let args = [
                ("manager", self.manager(one.name.as_deref())),
                ("leads", one.leads.to_string()),
                ("median", self.time(one.median)),
                ("won", one.won.to_string()),
            ];
            let id = if one.name.is_some() { "manager-line" } else { "nobody-line" };
            format!("• {}", self.say(id, &args))
        });
        self.table(&mut lines, "managers", managers.collect(), rows);
        lines.join("\n")
    }

    fn table(&self, lines: &mut Vec<String>, title: &str, rows: Vec<String>, most: usize) {
        if rows.is_empty() {
            return;
        }
        lines.extend([String::new(), self.word(title)]);
        let left = rows.len().saturating_sub(most);
        // The way through a form ends with what matters most.
        let keep_last = title == "funnel" && left > 0;
        let shown = most.min(rows.len()) - usize::from(keep_last);
        lines.extend(rows[..shown].iter().cloned());
        if left > 0 {
            lines.push(self.more(left));
        }
        lines.extend(rows.last().filter(|_| keep_last).cloned());
    }

    /// All figures as a text.
    pub fn text(&self) -> String {
        self.text_with(MOST_ROWS)
    }

    /// The same under the picture: as many rows as fit there.
    pub fn caption(&self) -> String {
        let fits = |text: &String| text.encode_utf16().count() <= LONGEST_CAPTION;
        let texts = (LEAST_ROWS..=MOST_ROWS).rev().map(|rows| self.text_with(rows));
        texts.into_iter().find(fits).unwrap_or_else(|| shorten_to(&self.text_with(LEAST_ROWS), LONGEST_CAPTION))
    }
}

/// A text of at most so many UTF-16 units, in whole lines.
fn shorten_to(text: &str, most: usize) -> String {
    let mut short = String::new();
    for line in text.split_inclusive('\n') {
        if short.encode_utf16().count() + line.encode_utf16().count() >= most {
            return short + "…";
        }
        short.push_str(line);
    }
    short
}

/// `8 % (3 / 40)`.
pub fn told(share: Share) -> String {
    percent(share).map_or_else(|| "–".to_owned(), |percent| format!("{percent} ({} / {})", share.part, share.of))
}

/// `8 %`.
pub fn percent(share: Share) -> Option<String> {
    share.percent().map(|percent| format!("{percent}\u{a0}%"))
}

/// Days in heaps of a size, by the first of each; what does not fill one is the last.
pub fn bars(figures: &Figures, size: usize) -> Vec<(NaiveDate, u64)> {
    figures.days.chunks(size).map(|days| (days[0].0, days.iter().map(|(_, count)| count).sum())).collect()
}

/// `26.11`.
pub fn short(day: NaiveDate) -> String {
    day.format("%d.%m").to_string()
}

/// `20.11 – 26.11.2026`.
pub fn days(period: Period) -> String {
    let (first, last) = (period.first, period.last());
    let first_told = match first.year() == last.year() {
        _ if first == last => return last.format("%d.%m.%Y").to_string(),
        true => short(first),
        false => first.format("%d.%m.%Y").to_string(),
    };
    format!("{first_told} – {}", last.format("%d.%m.%Y"))
}
