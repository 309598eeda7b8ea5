//! Access to one account: which token to call with, how it is refreshed, and where it is kept.

mod code;
mod error;
mod jwt;
mod keeper;
mod moving;
mod oauth;
mod plan;
mod proactive;
mod refresh;
mod rejections;
mod status;
mod storage;

pub use code::{CodeError, PastedCode, parse_code};
pub use error::{AuthProblem, Source, TokenError};
pub use keeper::{AccessToken, TokenKeeper};
pub use moving::move_tokens;
pub use proactive::Upkeep;
pub use status::{TokenInfo, TokenKind, TokensInfo};
pub use storage::{Fingerprint, Previous, Stored, TokenPair, TokenStorage, TokenStorageLock};
