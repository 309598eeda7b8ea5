//! Whether refusals are about leads or about all of them. No I/O.

use ulid::Ulid;

/// So many leads in a row that amoCRM refuses in the same way are an outage, not so many bad leads.
const LEADS_OF_AN_OUTAGE: usize = 3;

/// Leads that were refused in a row, all in the same way, since one was last taken.
#[derive(Debug, Default)]
pub struct Run {
    words: String,
    leads: Vec<Ulid>,
    /// It has come to be an outage.
    is_outage: bool,
}

impl Run {
    /// A lead was refused in these words; tells whether by now it is an outage.
    pub fn refused(&mut self, lead: Ulid, words: &str) -> bool {
        // During an outage amoCRM may change its words: whoever is refused then is refused with the others.
        if !self.is_outage && self.words != words {
            *self = Self { words: words.to_owned(), ..Self::default() };
        }
        if !self.leads.contains(&lead) {
            self.leads.push(lead);
        }
        self.is_outage |= self.leads.len() >= LEADS_OF_AN_OUTAGE;
        self.is_outage
    }

    /// Whether it has come to be an outage.
    pub fn is_outage(&self) -> bool {
        self.is_outage
    }

    /// The leads of it.
    pub fn leads(&self) -> &[Ulid] {
        &self.leads
    }

    /// A lead was taken: whatever was refused before was about those leads, or is over.
    pub fn taken(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_leads_in_a_row_are_an_outage_and_a_lead_that_is_taken_ends_it() {
        let leads: Vec<Ulid> = (0..5).map(|_| Ulid::new()).collect();
        let mut run = Run::default();
        assert!(!run.refused(leads[0], "no"));
        assert!(!run.refused(leads[0], "no"), "the same lead again");
        assert!(!run.refused(leads[1], "no"));
        assert!(!run.refused(leads[2], "never"), "in other words");
        assert!(!run.refused(leads[3], "never"));
        assert!(run.refused(leads[4], "never"));
        assert!(run.refused(leads[0], "other words"), "it goes on");
        assert_eq!(run.leads(), [leads[2], leads[3], leads[4], leads[0]]);
        run.taken();
        assert!(!run.is_outage() && !run.refused(leads[0], "never"));
    }
}
