//! The form: its steps, and what has been answered of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::lead::{Budget, CarLink, LeadNumber, Name, Phone, Wish};

/// Where a chat's dialogue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// No form is open.
    Idle,
    /// The privacy policy is to be accepted.
    Consent,
    /// The name is asked.
    Name,
    /// The phone is asked.
    Phone,
    /// The budget is asked.
    Budget,
    /// The link to a car is asked.
    CarLink,
    /// The card is shown, to be sent or changed.
    Confirm,
}

/// One of the four answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Name.
    Name,
    /// Phone.
    Phone,
    /// Budget.
    Budget,
    /// Link to a car.
    CarLink,
}

impl Field {
    /// The step that asks for it.
    pub fn step(self) -> Step {
        match self {
            Self::Name => Step::Name,
            Self::Phone => Step::Phone,
            Self::Budget => Step::Budget,
            Self::CarLink => Step::CarLink,
        }
    }
}

/// What has been answered so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The lead's identity, made when the draft was opened.
    pub id: Ulid,
    /// The lead's number, made when the draft was opened; shown only once the lead is stored.
    pub number: LeadNumber,
    /// When the privacy policy was accepted.
    #[serde(default)]
    pub consent_at: Option<DateTime<Utc>>,
    /// Name.
    #[serde(default)]
    pub name: Option<Name>,
    /// Phone.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// Budget.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The answer about the car.
    #[serde(default)]
    pub car: Option<CarAnswer>,
    /// What was said of the car beside the answers.
    #[serde(default)]
    pub wish: Option<Wish>,
}

/// The answer about the car: a link, or that there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CarAnswer {
    /// The link.
    #[serde(default)]
    pub link: Option<CarLink>,
}

impl Draft {
    /// A new, empty draft with a new identity.
    pub fn open() -> Self {
        Self {
            id: Ulid::new(),
            number: LeadNumber::random(),
            consent_at: None,
            name: None,
            phone: None,
            budget: None,
            car: None,
            wish: None,
        }
    }

    /// The first step that is not answered, or the card.
    pub(super) fn next_step(&self, consent_needed: bool) -> Step {
        if consent_needed && self.consent_at.is_none() {
            Step::Consent
        } else if self.name.is_none() {
            Step::Name
        } else if self.phone.is_none() {
            Step::Phone
        } else if self.budget.is_none() {
            Step::Budget
        } else if self.car.is_none() {
            Step::CarLink
        } else {
            Step::Confirm
        }
    }

    /// Where a form goes on whose step is not known: at the first answer that is missing.
    pub fn resume_at(&self) -> Step {
        self.next_step(false)
    }

    /// All four answers, or nothing.
    pub(super) fn complete(&self) -> Option<(&Name, &Phone, &Budget, &CarAnswer)> {
        Some((self.name.as_ref()?, self.phone.as_ref()?, self.budget.as_ref()?, self.car.as_ref()?))
    }
}
