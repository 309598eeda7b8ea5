//! What one input about a request that was sent leads to, where it is simply answered.

use crate::{
    form::{
        asking::stay,
        conversation::{Conversation, Outcome, OwnRequest, World},
        corrected::Amending,
        draft::Step,
        questions::Kind,
    },
    notice::Say,
};

/// What one input about a request that was sent leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Amended {
    /// What it leads to.
    pub outcome: Outcome,
    /// What it says of the request.
    pub amending: Option<Amending>,
}

pub(super) fn reply(conversation: Conversation, replies: Vec<Vec<Say>>) -> Amended {
    Amended { outcome: Outcome { conversation, replies, lead: None }, amending: None }
}

/// The conversation stays where it was; `say` comes before the question that is still open.
pub(super) fn stays(conversation: Conversation, say: Say, world: &World) -> Amended {
    Amended { outcome: stay(conversation, vec![say], world), amending: None }
}

/// One thing is said; behind it an open form goes on.
pub(super) fn stay_quietly(conversation: Conversation, say: Say, world: &World) -> Amended {
    match conversation.step {
        Step::Idle => reply(conversation, vec![vec![say]]),
        _ => stays(conversation, say, world),
    }
}

/// Nothing is changed. A phone's question leaves keys under the chat, which go.
pub(super) fn left_as_it_was(mut conversation: Conversation, request: &OwnRequest, world: &World) -> Amended {
    let key = conversation.correcting.take().map(|correcting| correcting.key);
    let was_phone = key.and_then(|key| world.form.question(&key)).is_some_and(|question| question.kind == Kind::Phone);
    let say = Say::RequestAsItWas { number: request.lead.number.clone() };
    match (conversation.step, was_phone) {
        (Step::Idle, true) => reply(conversation, vec![vec![Say::LeftAsItWas], vec![say]]),
        (_, true) => {
            let mut answer = stays(conversation, say, world);
            answer.outcome.replies.insert(0, vec![Say::LeftAsItWas]);
            answer
        }
        _ => stay_quietly(conversation, say, world),
    }
}
