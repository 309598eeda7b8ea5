//! Which leads may be created in one request.

use std::collections::HashSet;

use crate::store::LeadRow;

/// At most so many leads in one create. amoCRM takes 50 in `leads/complex`, but all of them have to be looked up for two
/// minutes when its answer is lost.
const CREATE_BATCH: usize = 10;

/// Chunks that may go in one request: unbatched leads alone, and never two leads of one phone together, so that the second
/// finds the contact which the first has made. Where it is not known that amoCRM takes leads, the first one goes alone.
/// With `singly` all do.
pub(super) fn create_chunks(leads: Vec<LeadRow>, takes_leads: bool, singly: bool) -> Vec<Vec<LeadRow>> {
    let mut chunks: Vec<Vec<LeadRow>> = Vec::new();
    let mut phones: Vec<HashSet<String>> = Vec::new();
    let mut alone = Vec::new();
    // The first chunk that may still have room: earlier ones are full, which keeps this linear for a large backlog.
    let mut open = 0;
    for (at, row) in leads.into_iter().enumerate() {
        if singly || row.unbatched || (at == 0 && !takes_leads) {
            alone.push(vec![row]);
            continue;
        }
        let phone = row.lead.phone.e164().to_owned();
        while open < chunks.len() && chunks[open].len() >= CREATE_BATCH {
            open += 1;
        }
        match (open..chunks.len()).find(|&at| chunks[at].len() < CREATE_BATCH && !phones[at].contains(&phone)) {
            Some(at) => {
                phones[at].insert(phone);
                chunks[at].push(row);
            }
            None => {
                phones.push(HashSet::from([phone]));
                chunks.push(vec![row]);
            }
        }
    }
    if takes_leads {
        chunks.extend(alone);
        return chunks;
    }
    alone.extend(chunks);
    alone
}
