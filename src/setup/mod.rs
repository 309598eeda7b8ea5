//! Setting the bot up: what is written, made and looked for, and in which words. Pure: whoever asks people and servers is the
//! command (`commands/setup`).
//!
//! `env_file` and `dealer_file` are the two files with some of them changed, `assignments` reads the first as systemd does,
//! `answers` and `typed` read what people type, `codes` learns a chat, `fields` plans what amoCRM's leads are to have, `needs`
//! names what is missing where nobody can be asked, `words` says it all.

pub mod answers;
pub mod assignments;
pub mod codes;
pub mod dealer_file;
pub mod env_file;
pub mod fields;
pub mod needs;
pub mod typed;
pub mod words;
