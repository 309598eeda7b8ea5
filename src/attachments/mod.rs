//! Buyers' files on their way from Telegram to the lead in amoCRM.
//!
//! Promise: every file of a delivered lead is attached to it exactly once, or sent to the managers' chat where amoCRM does
//! not take it, or named to the managers where nobody has it any more; and no lead, and no note, waits for a file.
//!
//! - A file's way begins when its lead is delivered: *looked for → into the drive → attached*, by the one protocol of every
//!   write (`delivery::write`). One file is under way at a time, by a worker of its own; while amoCRM takes no
//!   leads it takes no files either.
//! - *Killed, or the answer lost, while a file is attached*: its name begins with a key of its own, by which it is looked
//!   for among the lead's attachments before anything is sent; after an answer that was lost as often as a note is.
//! - *Killed, or the answer lost, while its content is uploaded*: the drive is searched for a file of this name and size. One
//!   that the search does not show yet is uploaded again; what nobody attaches is seen by nobody.
//! - *No right to files, or no drive*: told once, remembered in the store and tried again after an hour, or when the bot is
//!   authorized again; meanwhile files go to the managers' chat. The note under the lead names them in any case.
//! - *amoCRM refuses one file, or breaks on it again and again while the account answers*: that file goes to the chat.
//! - *The lead was merged or deleted*: the file follows it, or is not needed.

mod elsewhere;
mod pass;
mod steps;
mod walk;
mod worker;

pub use pass::{FileCounters, FilePass};
pub use worker::FileWorker;
