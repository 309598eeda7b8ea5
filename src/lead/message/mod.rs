//! What a message says, whatever it was asked for: a name, a phone, a sum, links, and words about the car.
//!
//! People answer several questions at once, in any order, with commas, line breaks or nothing but blanks between. Links are
//! found first, then what is plainly money, then phones, then bare sums, then a name in what is left; each is taken out before
//! the next is looked for, so that no digit counts twice. What is none of these are the words, and none of them are lost.

mod given;
mod money;
mod people;
mod phones;
mod reading;
mod said;
#[cfg(test)]
mod tests;

pub use said::{Said, Taken};
