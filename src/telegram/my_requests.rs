//! What a buyer is shown of the own requests.

use crate::{
    lead::{CarLink, Lead, one_line},
    notice::{MyRequest, MyState},
    store::{Dialogues, LeadRow, LeadState, StoreError},
};

/// So many are shown.
const SHOWN: usize = 10;

/// So much of a link, or of the words about a car: ten of them fit into one message.
const LONGEST_CAR: usize = 120;

/// The last requests of a person, the newest first; not those of whom everything was forgotten.
pub(super) async fn my_requests(dialogues: &Dialogues, user_id: i64) -> Result<Vec<MyRequest>, StoreError> {
    Ok(dialogues.requests_of(user_id, SHOWN).await?.iter().map(my_request).collect())
}

fn my_request(row: &LeadRow) -> MyRequest {
    let state = match row.state() {
        LeadState::Waiting | LeadState::Rejected => MyState::OnItsWay,
        // What the admin has taken out of the bot's hands was brought to a manager by hand.
        LeadState::Delivered | LeadState::Discarded => MyState::WithTheManager,
    };
    MyRequest {
        number: row.lead.number.clone(),
        sent_at: row.lead.submitted_at.timestamp_millis(),
        car: car(&row.lead),
        state,
    }
}

/// The first link, else the words.
fn car(lead: &Lead) -> Option<String> {
    let link = lead.car_link.as_ref().map(CarLink::url);
    let words = || lead.wish.as_ref().map(|wish| wish.as_str());
    link.or_else(words).map(|car| one_line(car, LONGEST_CAR)).filter(|car| !car.is_empty())
}
