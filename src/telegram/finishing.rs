//! What the end of a form means for the request that it was sent as while it was unfinished.

use chrono::{DateTime, Utc};
use ulid::Ulid;

use crate::{
    form::{Amending, Conversation, Outcome, finished, given_up},
    lead::LeadNumber,
    store::{Dialogues, StoreError},
};

/// The buyer has sent such a form, so that its request is brought up to date instead of sent a second time, or has thrown it away.
pub(super) async fn end_of_unfinished(
    dialogues: &Dialogues,
    before: &Conversation,
    outcome: &mut Outcome,
    at: DateTime<Utc>,
) -> Result<Option<Amending>, StoreError> {
    let is_open = |id: Ulid| outcome.conversation.draft.as_ref().is_some_and(|draft| draft.id == id);
    let Some(form) = before.draft.as_ref().filter(|draft| draft.sent_unfinished && !is_open(draft.id)) else {
        return Ok(None);
    };
    let known = dialogues.sent_unfinished(form.id).await?;
    Ok(match (outcome.lead.take(), known) {
        (Some(lead), Some(known)) => Some(finished(&known, lead)),
        (None, Some(known)) => Some(given_up(known, at)),
        // Nothing is left that it could be the same as.
        (Some(mut lead), None) => {
            (lead.id, lead.number) = (Ulid::new(), LeadNumber::random());
            outcome.conversation.last_number = Some(lead.number.clone());
            outcome.lead = Some(lead);
            None
        }
        (None, None) => None,
    })
}
