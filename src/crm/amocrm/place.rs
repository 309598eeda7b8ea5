//! A place in amoCRM at which a note can stand.

/// What a note stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A lead, by its id.
    Lead(i64),
    /// A contact.
    Contact(i64),
}

impl Place {
    /// `leads/7`, as it is stored and stands in addresses.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("leads", id) => Some(Self::Lead(id.parse().ok()?)),
            ("contacts", id) => Some(Self::Contact(id.parse().ok()?)),
            _ => None,
        }
    }

    pub(super) fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Lead(id) => ("leads", id),
            Self::Contact(id) => ("contacts", id),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (entity, id) = self.parts();
        write!(formatter, "{entity}/{id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_stored_as_it_is_addressed() {
        for (text, place) in [("leads/7", Place::Lead(7)), ("contacts/8", Place::Contact(8))] {
            assert_eq!(place.to_string(), text);
            assert_eq!(Place::parse(text), Some(place));
        }
        for strange in ["", "leads", "leads/x", "companies/7"] {
            assert_eq!(Place::parse(strange), None);
        }
    }
}
