//! What a buyer is shown of the own requests, and what can be done about them.

use crate::{
    clock::Millis,
    form::{Input, LastRequest, OPEN_FOR, OwnRequest, Press},
    lead::{CarLink, Lead, LeadNumber, one_line},
    notice::{MyRequest, MyState},
    store::{Amended, Dialogues, LeadRow, LeadState, StoreError},
};

/// So many are shown.
const SHOWN: usize = 10;

/// So much of a link, or of the words about a car: ten of them fit into one message.
const LONGEST_CAR: usize = 120;

/// The last requests of a person, the newest first; not those of whom everything was forgotten.
pub(super) async fn my_requests(dialogues: &Dialogues, user_id: i64) -> Result<Vec<MyRequest>, StoreError> {
    let now = dialogues.clock().now();
    Ok(own_requests(dialogues, user_id).await?.iter().map(|request| my_request(request, now)).collect())
}

/// The last request of a person, where its answers are still known.
pub(super) async fn last_request(dialogues: &Dialogues, user_id: i64) -> Result<Option<LastRequest>, StoreError> {
    let last = dialogues.requests_of(user_id, 1).await?.pop();
    let Some(row) = last.filter(|row| row.expired_at.is_none()) else { return Ok(None) };
    let mut amended = dialogues.amended(&[row.lead.id]).await?;
    let OwnRequest { lead, state, .. } = own_request(amended.remove(&row.lead.id).unwrap_or_default(), row, 0);
    Ok(Some(LastRequest { number: lead.number, sent_at: lead.submitted_at, name: lead.name, phone: lead.phone, state }))
}

/// The request that an input is about: the one on the pressed button, or the one of which an answer is being corrected.
pub(super) async fn request_of(
    dialogues: &Dialogues,
    user_id: i64,
    input: &Input,
    correcting: Option<&LeadNumber>,
) -> Result<Option<OwnRequest>, StoreError> {
    let number = match input {
        Input::Press(Press::Mine(press)) => Some(press.number()),
        _ => correcting,
    };
    let Some(number) = number else { return Ok(None) };
    Ok(own_requests(dialogues, user_id).await?.into_iter().find(|request| request.lead.number == *number))
}

pub(super) async fn own_requests(dialogues: &Dialogues, user_id: i64) -> Result<Vec<OwnRequest>, StoreError> {
    let rows = dialogues.requests_of(user_id, SHOWN).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.lead.id).collect();
    let mut amended = dialogues.amended(&ids).await?;
    let open_for = dialogues.clock().millis(OPEN_FOR);
    let own = rows.into_iter().map(|row| own_request(amended.remove(&row.lead.id).unwrap_or_default(), row, open_for));
    Ok(own.collect())
}

fn own_request(amended: Amended, row: LeadRow, open_for: Millis) -> OwnRequest {
    let state = match row.state() {
        _ if amended.taken_back => MyState::TakenBack,
        LeadState::Waiting | LeadState::Rejected => MyState::OnItsWay,
        LeadState::Delivered => MyState::WithTheManager,
        LeadState::Discarded => MyState::Closed,
    };
    // What was said of it is wiped with it. Files that came since stand in the lead itself.
    let takes_files = row.expired_at.is_none();
    let amended_lead = amended.lead.filter(|_| row.expired_at.is_none());
    let lead = match amended_lead {
        Some(lead) => Lead { files: row.lead.files, ..lead },
        None => row.lead,
    };
    OwnRequest { lead, state, corrections: amended.corrections, open_for, takes_files }
}

fn my_request(request: &OwnRequest, now: Millis) -> MyRequest {
    let lead = &request.lead;
    MyRequest {
        number: lead.number.clone(),
        sent_at: lead.submitted_at.timestamp_millis(),
        car: car(lead),
        state: request.state,
        open: request.is_open(now),
    }
}

/// The first link, else the words.
fn car(lead: &Lead) -> Option<String> {
    let link = lead.car_link.as_ref().map(CarLink::url);
    let words = || lead.wish.as_ref().map(|wish| wish.as_str());
    link.or_else(words).map(|car| one_line(car, LONGEST_CAR)).filter(|car| !car.is_empty())
}
