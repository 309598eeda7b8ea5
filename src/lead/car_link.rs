use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A link to a car; encar links in one canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarLink {
    url: String,
    typed: String,
    #[serde(default)]
    encar_id: Option<String>,
}

/// Why a text holds no link; each variant is something the buyer can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CarLinkError {
    /// There is no http(s) address in it.
    #[error("there is no link in it")]
    NoLink,
    /// Longer than 2,000 characters.
    #[error("the link is longer than 2000 characters")]
    TooLong,
}

impl CarLink {
    /// Finds the first http(s) address anywhere in the text, `encar.com/…` without a scheme too.
    ///
    /// `Ok(None)` when the buyer has none (`нет`, `skip`, `-`, …).
    pub fn parse(text: &str) -> Result<Option<Self>, CarLinkError> {
        todo!("{text}")
    }

    /// Takes a link from a backup file as it stands; `None` for `нет` and the like.
    pub fn imported(text: &str) -> Option<Self> {
        todo!("{text}")
    }

    /// The address, canonical for encar (`https://fem.encar.com/cars/detail/{id}`).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The whole answer as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// encar's id of the car.
    pub fn encar_id(&self) -> Option<&str> {
        self.encar_id.as_deref()
    }
}
