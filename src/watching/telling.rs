//! Of what buyers are told now. Pure.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crate::{clock::Millis, store::OwedStatus};

/// A buyer is told of a stage at most once in this time.
pub const APART: Duration = Duration::from_secs(10 * 60);

/// What is to be told of all that is owed, the longest owed first: one for each buyer, and nobody who was `told` of something
/// within `apart`.
pub fn next_to_tell<'a>(
    owed: &'a [OwedStatus],
    told: &HashMap<i64, Millis>,
    now: Millis,
    apart: Millis,
) -> Vec<&'a OwedStatus> {
    let mut buyers = HashSet::new();
    // A clock that was set back must not silence anybody.
    let was_just_told = |user_id| told.get(&user_id).is_some_and(|at| (*at..at + apart).contains(&now));
    owed.iter().filter(|owed| !was_just_told(owed.user_id) && buyers.insert(owed.user_id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{ChatRef, LeadNumber};

    #[test]
    fn one_message_for_each_buyer_and_none_so_soon_after_the_last() {
        let owed = |lead_id: &str, user_id, owed_at| OwedStatus {
            lead_id: lead_id.into(),
            number: LeadNumber::parse("K7M2QXA").expect("a number"),
            user_id,
            chat: Some(ChatRef::telegram(user_id)),
            unfinished: false,
            key: "*:142".into(),
            owed_at,
        };
        let all = [owed("a", 1, 10), owed("b", 2, 20), owed("c", 1, 30), owed("d", 3, 40)];
        let to_tell = |told: &[(i64, Millis)], now| {
            let told = told.iter().copied().collect();
            let told = next_to_tell(&all, &told, now, 100);
            told.iter().map(|owed| owed.lead_id.clone()).collect::<String>()
        };
        assert_eq!(to_tell(&[], 1000), "abd");
        assert_eq!(to_tell(&[(1, 950)], 1000), "bd");
        assert_eq!(to_tell(&[(1, 900), (2, 901)], 1000), "ad");
        // Told in a future that a wrong clock has made.
        assert_eq!(to_tell(&[(1, 5000)], 1000), "abd");
    }
}
