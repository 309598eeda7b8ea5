//! The page: three phones, amoCRM's board, switches and a timeline in a browser, on loopback only.
//!
//! What is seen is computed anew from the fakes again and again, and whatever has changed of it is sent to every open tab as an
//! event of the server; what people do there comes back as orders. The page keeps nothing itself.
//!
//! - [`server`]: HTTP, and who is let in
//! - [`orders`]: what can be done from the page
//! - [`scene`]: one stage as it is looked at, with who holds the phones
//! - [`phones`], [`board`]: what stands on the screens
//! - [`record`]: what was stored when
//! - [`incident`]: the story, played by itself in the phones with a line of explanation for each step

mod board;
mod incident;
mod orders;
mod phones;
mod record;
mod scene;
mod server;

pub use server::serve;

/// A photo of a car, so that nobody needs one of his own.
pub const CAR: &[u8] = include_bytes!("car.png");

/// A text in both languages of the page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    pub ru: String,
    pub en: String,
}

/// The same in both languages.
pub fn said(ru: impl Into<String>, en: impl Into<String>) -> Said {
    Said { ru: ru.into(), en: en.into() }
}
