//! A lead's way from the store to amoCRM: recorded steps, look-ups, backoff, one breaker.
//!
//! Promise: a lead in the store gets into amoCRM exactly once, however often the process dies, however amoCRM fails.
//! The steps are contact → lead → note → told, and each result is committed before the next step starts.
//!
//! `worker` is the loop, `pass` claims leads and walks them through their `steps`, each a module; whatever a step writes it
//! writes by the one protocol in `write`. `outcome` says what an answer means, `isolation` and `run` whether a failure is
//! about one lead or about all, `shortage` what leads go without, `breaker` and `backoff` when the next try is.
//!
//! The races and the answers to them:
//! - *Killed while a create is under way*, or a create whose answer is lost: the row of its step was committed before the
//!   first byte, so whoever comes next knows. It looks the lead's number up at growing distances and repeats the create only
//!   after two or three clean look-ups that did not find it. A look-up that failed says nothing.
//! - *Two processes on one store*: a lead is claimed under a lease; a create is allowed only by a commit that checks
//!   the lease. A process that slept past its lease finds its permission gone, and whatever it says then of a failure
//!   or of a look-up that found nothing is not recorded: it would wipe out what the new holder has under way.
//! - *Killed while a note is under way*: as with a create; it is looked for under its lead at the same distances.
//! - *A batch of which amoCRM refuses one lead*: whether the others were stored is not documented. All are looked up
//!   and then sent one by one.
//! - *amoCRM, or a wall in front of it, breaks on one lead only*: it must not pass for an outage again and again. Up to
//!   sixty leads go one by one; more go in tens. After a failure the account is read, which a blocked
//!   server is not shown: where that works the next lead is tried, and only three in a row are an outage. What has failed
//!   comes after what has not, is tried alone, more plainly and at growing distances, and the breaker stays closed.
//! - *An outage*: a probe reads before it writes, so that it makes no lead after lead uncertain; and where amoCRM has not
//!   taken a lead just now one lead goes ahead of every batch, so that where nothing can be written one is uncertain and
//!   not ten. What was uncertain because of an outage goes in batches again once it was looked for and is not there. Where
//!   amoCRM breaks on the look-up itself, which it may do on one lead for ever, every second probe writes all the same, until
//!   ten leads are uncertain: else that one lead would keep all others back.
//! - *A backlog*: amoCRM takes seven requests a second and searches for one phone at a time, so the contacts of many leads
//!   are found in the list of all contacts, where that is short, and notes go together.
//! - *amoCRM refuses lead after lead*: three in a row in the same words are an outage. None of them is condemned; all go
//!   on when it is over.
//! - *amoCRM can be read but not written*: a look-up does not close the breaker, only a write does.
//!
//! What remains, and is counted as `repeated`: amoCRM stores a create later than the last look-up, or hides it from
//! all three ways of looking for two minutes.

mod amendments;
mod backoff;
mod batches;
mod breaker;
mod counters;
mod drain;
mod isolation;
mod late_notes;
mod lead_actions;
mod learned;
mod one_by_one;
mod outcome;
mod pass;
mod run;
mod shortage;
mod steps;
mod worker;
pub(crate) mod write;

pub use amendments::AmendmentWriter;
pub use backoff::{BLOCKED_PAUSE, exponential, lead_pause, lookup_delay, lookups_needed};
pub use breaker::{Breaker, Pause};
pub use counters::Counters;
pub use drain::{DrainReport, drain};
pub use late_notes::LateNoteWriter;
pub use lead_actions::ActionWriter;
pub use learned::Learned;
pub use one_by_one::{OneByOne, one_by_one};
pub use outcome::{WriteOutcome, trouble_of, trouble_of_tokens};
pub use pass::{Attaching, DeliveryPass, Progress, Stop};
pub use shortage::{SHORTAGES_ALERT, Short, is_asked_for, shortages};
pub use worker::{Health, Worker};
