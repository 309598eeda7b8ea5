//! What a buyer is shown of the own requests, and what can be done about them.

use crate::{
    clock::Millis,
    form::{Input, LastRequest, OPEN_FOR, OwnRequest, Press},
    lead::{Lead, LeadNumber, one_line},
    notice::{MyProgress, MyRequest, MyState},
    store::{Amended, Dialogues, LeadRow, LeadState, StoreError, Watched},
};

/// So many are shown.
const SHOWN: usize = 10;

/// So much of a link, or of the words about a car: ten of them fit into one message.
const LONGEST_CAR: usize = 120;

/// The last requests of a person, the newest first; not those of whom everything was forgotten.
pub(super) async fn my_requests(dialogues: &Dialogues, user_id: i64) -> Result<Vec<MyRequest>, StoreError> {
    let now = dialogues.clock().now();
    let own = own_requests(dialogues, user_id).await?;
    let ids: Vec<_> = own.iter().map(|request| request.lead.id).collect();
    let watched = dialogues.watched(&ids).await?;
    Ok(own.iter().map(|request| my_request(request, watched.get(&request.lead.id), now)).collect())
}

/// The last request of a person, where its answers are still known.
pub(super) async fn last_request(dialogues: &Dialogues, user_id: i64) -> Result<Option<LastRequest>, StoreError> {
    // Nearly always the last one is theirs to know of.
    let mut last = own_rows(dialogues, user_id, 1).await?;
    if last.is_empty() {
        last = own_rows(dialogues, user_id, SHOWN).await?;
    }
    let Some((row, amended)) = last.into_iter().next().filter(|(row, _)| row.expired_at.is_none()) else {
        return Ok(None);
    };
    let OwnRequest { lead, state, .. } = own_request(amended, row, 0);
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
    let open_for = dialogues.clock().millis(OPEN_FOR);
    let rows = own_rows(dialogues, user_id, SHOWN).await?;
    Ok(rows.into_iter().map(|(row, amended)| own_request(amended, row, open_for)).collect())
}

/// The last so many requests of a person, without those that they have left unfinished: whoever has left a form has sent nothing.
async fn own_rows(dialogues: &Dialogues, user_id: i64, limit: usize) -> Result<Vec<(LeadRow, Amended)>, StoreError> {
    let requests = dialogues.requests_of(user_id, limit).await?;
    let is_sent = |(row, amended): &(LeadRow, Amended)| !amended.lead.as_ref().unwrap_or(&row.lead).is_unfinished();
    Ok(requests.into_iter().filter(is_sent).collect())
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

fn my_request(request: &OwnRequest, watched: Option<&Watched>, now: Millis) -> MyRequest {
    let lead = &request.lead;
    MyRequest {
        number: lead.number.clone(),
        sent_at: lead.submitted_at.timestamp_millis(),
        car: car(lead),
        state: request.state,
        progress: watched.and_then(progress),
        open: request.is_open(now),
    }
}

/// What has become of it in amoCRM.
fn progress(watched: &Watched) -> Option<MyProgress> {
    if watched.gone {
        return Some(MyProgress::Gone);
    }
    let reached = watched.shown.clone().map(MyProgress::Reached);
    match watched.at {
        Some(at) if at.is_closed() => {
            // What is told of an earlier stage holds no longer.
            let told_of_the_end =
                watched.shown.as_ref().is_some_and(|key| key.ends_with(&format!(":{}", at.status_id)));
            let end = if at.is_won() { MyProgress::Won } else { MyProgress::Lost };
            if told_of_the_end { reached } else { Some(end) }
        }
        _ => reached,
    }
}

/// The first link, else the words, else what else was answered; empty where the form asks for none of that.
fn car(lead: &Lead) -> Option<String> {
    let link = lead.car_link.as_ref().map(|link| link.url().to_owned());
    let words = || lead.wish.as_ref().map(|wish| wish.as_str().to_owned());
    let answers = || {
        let answers = lead.more.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (!answers.is_empty()).then_some(answers)
    };
    let is_asked = lead.asked.car_link.is_some();
    let car = link.or_else(words).or_else(answers).map(|car| one_line(&car, LONGEST_CAR));
    car.filter(|car| !car.is_empty()).or_else(|| (!is_asked).then(String::new))
}
