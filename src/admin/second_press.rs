//! What cannot be taken back takes two presses, and the second counts only after its first: by the same person, within
//! minutes, once. The first press leaves a mark in the store, so that a restart in between changes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::{Mark, MarkFamily, Marks, StoreError};

/// Whoever asked to be sure has this long to be.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// Signs of a nonce; callback data has 64 bytes for everything.
const NONCE_SIGNS: usize = 10;

/// What was pressed first, and by whom.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    action: String,
    person: i64,
}

/// What a second press is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// It follows its first.
    Counts,
    /// Somebody else pressed first.
    Foreign,
    /// There was no first press, or it was long ago, or it has had its second.
    Over,
}

/// Remembers a first press; the nonce that it returns (10 letters and digits) goes into the second button's data.
pub async fn ask(marks: &Marks, action: &str, person: i64) -> Result<String, StoreError> {
    marks.remove_old(MarkFamily::FirstPresses, since(marks)).await?;
    let nonce: String = rand::random_iter::<u32>().map(letter).take(NONCE_SIGNS).collect();
    let first = First { action: action.to_owned(), person };
    marks.set(&mark(&nonce), &crate::store::json(&first)).await?;
    Ok(nonce)
}

/// What a second press with a nonce is worth. It counts until [`done`], so that an update that comes again is not
/// refused for having come before.
pub async fn second(marks: &Marks, nonce: &str, action: &str, person: i64) -> Result<Second, StoreError> {
    let Some((first, at)) = marks.get_with_time(&mark(nonce)).await? else { return Ok(Second::Over) };
    let first: Option<First> = serde_json::from_str(&first).ok();
    Ok(match first {
        Some(first) if at >= since(marks) && first.action == action => {
            if first.person == person {
                Second::Counts
            } else {
                Second::Foreign
            }
        }
        _ => Second::Over,
    })
}

/// What was to be done is done, or will not be: the nonce is used.
pub async fn done(marks: &Marks, nonce: &str) -> Result<(), StoreError> {
    marks.remove(&mark(nonce)).await
}

fn since(marks: &Marks) -> i64 {
    marks.clock().now() - marks.clock().millis(WITHIN)
}

fn mark(nonce: &str) -> Mark {
    // Whatever is in forged data, a name stays short.
    Mark::FirstPress(nonce.chars().take(NONCE_SIGNS + 1).collect())
}

fn letter(random: u32) -> char {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    char::from(SIGNS[random as usize % SIGNS.len()])
}
