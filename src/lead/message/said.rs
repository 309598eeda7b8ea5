//! The parts of a message, and what it says as a whole.

use super::{
    super::{Budget, CarLink, Name, Phone, Wish},
    given,
};

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    pub(super) parts: Vec<Part>,
    pub(super) link: Option<CarLink>,
    pub(super) is_introduction: bool,
    /// The buyer's phone, where there are others, too.
    pub(super) own_phone: Option<Phone>,
}

/// A stretch of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) says: Says,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Says {
    Name(Name),
    Phone(Phone),
    Money(Budget),
    Words,
}

/// Which of the answers in a message are taken; the others stay among its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// The name.
    pub name: bool,
    /// The first phone.
    pub phone: bool,
    /// The first sum.
    pub money: bool,
}

impl Said {
    /// The buyer's name.
    pub fn name(&self) -> Option<&Name> {
        self.parts.iter().find_map(|part| match &part.says {
            Says::Name(name) => Some(name),
            _ => None,
        })
    }

    /// The buyer's phone: of several the one that is called so, else the first.
    pub fn phone(&self) -> Option<&Phone> {
        self.own_phone.as_ref().or_else(|| self.phones().next())
    }

    /// The first sum of money.
    pub fn money(&self) -> Option<&Budget> {
        self.parts.iter().find_map(|part| match &part.says {
            Says::Money(budget) => Some(budget),
            _ => None,
        })
    }

    /// All phones.
    pub fn phones(&self) -> impl Iterator<Item = &Phone> {
        self.parts.iter().filter_map(|part| match &part.says {
            Says::Phone(phone) => Some(phone),
            _ => None,
        })
    }

    /// All sums of money.
    pub fn sums(&self) -> impl Iterator<Item = &Budget> {
        self.parts.iter().filter_map(|part| match &part.says {
            Says::Money(budget) => Some(budget),
            _ => None,
        })
    }

    /// What stands beside all answers of the kinds that are `taken`: each stretch of words, and answers of other kinds.
    pub fn beside(&self, taken: Taken) -> Vec<&str> {
        let is_beside = |part: &&Part| match part.says {
            Says::Name(_) => !taken.name,
            Says::Phone(_) => !taken.phone,
            Says::Money(_) => !taken.money,
            Says::Words => true,
        };
        self.parts.iter().filter(is_beside).map(|part| part.text.as_str()).collect()
    }

    /// The links.
    pub fn link(&self) -> Option<&CarLink> {
        self.link.as_ref()
    }

    /// Whether it holds an answer to some question.
    pub fn answers_something(&self) -> bool {
        self.phone().is_some() || self.money().is_some() || self.link.is_some()
    }

    /// Whether the name is one that people are given, in whatever case.
    pub fn is_given_name(&self) -> bool {
        self.name().is_some_and(|name| name.as_str().split(' ').any(|word| given::is_given_name(&word.to_lowercase())))
    }

    /// Whether it asks for a car.
    pub fn asks_for_a_car(&self) -> bool {
        self.words(Taken::default()).is_some_and(|words| words.asks_for_a_car())
    }

    /// Whether its writer says what they are called.
    pub fn is_introduction(&self) -> bool {
        self.is_introduction
    }

    /// The same, written by somebody else: whose name, phone and price stand in it is not the buyer.
    pub fn of_somebody_else(self) -> Self {
        let words = |part: Part| Part { says: Says::Words, ..part };
        Self { parts: self.parts.into_iter().map(words).collect(), link: self.link, ..Self::default() }
    }

    /// All that is said beside the links and what is taken of it.
    pub fn words(&self, taken: Taken) -> Option<Wish> {
        let mut left = taken;
        let words: Vec<&str> = self
            .parts
            .iter()
            .filter(|part| {
                let is_taken = match &part.says {
                    Says::Name(_) => std::mem::take(&mut left.name),
                    Says::Phone(phone) => {
                        self.phone().is_some_and(|own| own == phone) && std::mem::take(&mut left.phone)
                    }
                    Says::Money(_) => std::mem::take(&mut left.money),
                    Says::Words => false,
                };
                !is_taken
            })
            .map(|part| part.text.as_str())
            .collect();
        Wish::of(&words.join(", "))
    }
}
