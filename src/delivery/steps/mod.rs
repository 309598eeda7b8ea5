//! What is written into amoCRM for a lead, one module for each step: how it is sent, how it is looked up, how many go in
//! one request.
//!
//! A further step before a lead is delivered (a task, a change of the stage, a link) is:
//! - a variant of [`Step`](crate::store::Step) where it comes in the order; its rows in `lead_steps` need no migration, and
//!   claims, copies, forgetting and the marks of what may have been sent work for it as they are;
//! - a module here with a [`StepWrite`](super::write::StepWrite): what is sent, what is recorded when it is done, what to do
//!   where amoCRM refuses it. The protocol around it is [`super::write`];
//! - how it is looked up where it may be there, which its module does before it writes (as [`note`] does), and its call in
//!   [`DeliveryPass::finish`](super::pass::DeliveryPass), which does the steps after the lead itself;
//! - its four fault points in `fault::POINTS`, each with a death in the kill tests.
//!
//! What comes after that, such as a buyer's files, has a queue of its own and uses the same protocol: see `attachments`.

pub(super) mod contact;
pub(super) mod lead;
pub(super) mod lead_lookup;
pub(super) mod note;
pub(super) mod repeat;
