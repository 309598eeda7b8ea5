//! The CRM: tokens, one rate limit, transport, classified errors, lead <-> JSON.
//!
//! From the bottom up: `limit` spaces the calls, `transport` makes one call and tells whether it may have arrived,
//! `classify` turns an answer into a decision, `hal` reads lists and pages, `address` knows where the account is, `tokens`
//! which token to call with, `refusal` reads what a 400 is about, `text` is what amoCRM does to texts, `key` is how a lead's
//! number stands in them, `payload` and `note` turn a lead into amoCRM's words, `omitted` tells which of them to leave out,
//! `lookup` finds what is already there, `merges` what has become of it, `statuses` where leads stand, `deeds` what people have
//! done about them, `drive` is where amoCRM keeps files, `account` what an account is made of, and [`Crm`] is what the rest of the
//! house calls.

mod account;
mod address;
mod amend;
mod api;
mod classify;
mod deals;
mod deeds;
mod degrade;
mod drive;
mod error;
mod hal;
mod key;
mod lead_fields;
mod limit;
mod lookup;
mod merges;
mod new_fields;
mod note;
mod omitted;
mod payload;
mod phones;
mod place;
mod preview;
mod reader;
mod refusal;
mod search;
mod statuses;
mod tasks;
mod text;
mod tokens;
mod transport;

pub use account::{Account, Pipeline};
pub use amend::{LeadThere, Update};
pub use api::{CreatedLead, Crm, MAX_BATCH, MOST_NOTES, NewNote};
pub use deals::{Deal, Taking, chosen};
pub use deeds::ClosedTask;
pub use degrade::Degraded;
pub use drive::{Drive, NewFile};
pub use error::{CrmError, RejectedField};
pub use key::{is_title_of, lead_name};
pub use lead_fields::Lacking;
pub use lookup::LookedUp;
pub use merges::Whereabouts;
pub use new_fields::{CrmUser, LeadField, NewField};
pub use note::withdrawal_note;
pub use omitted::{OmittedFields, SentParts};
pub use payload::NewLead;
pub use place::Place;
pub use preview::{Preview, preview};
pub use reader::Reader;
pub use search::{FoundLead, Wanted};
pub use statuses::{Changes, MOST_BY_IDS, Move, SeenLead};
pub use tasks::NewTask;
pub use tokens::{
    AccessToken, AuthProblem, Authorization, CodeError, Fingerprint, PastedCode, Previous, Proactive, Source, Stored,
    TokenError, TokenInfo, TokenKeeper, TokenKind, TokenPair, TokenPolicy, TokenStorage, TokenStorageLock, TokensInfo,
    move_tokens, parse_code,
};
pub use transport::{HttpLimits, Transport};
