//! What the tokens are like, for whoever wants to know: the status commands and the alerts.

use chrono::{DateTime, Utc};

use super::error::{AuthProblem, Source, TokenError};
use super::jwt::Claims;
use super::keeper::TokenKeeper;
use super::plan::{Candidate, Step, plan, problem, verdict};
use super::rejections::Reason;

/// What came of an authorization code.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// When the access token ends (UTC), where known.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// The account, where the token tells.
    pub account_id: Option<i64>,
}

/// What kind of access there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// None.
    None,
    /// An access token alone, used until its date.
    LongLived,
    /// An access token that is renewed with a refresh token.
    Pair,
    /// Something that is no token.
    Unreadable,
}

/// The state of the tokens, for a status display.
#[derive(Debug, Clone)]
pub struct TokensInfo {
    /// What kind of access there is.
    pub kind: TokenKind,
    /// Where the tokens in use come from.
    pub source: Option<Source>,
    /// Whether there is an access token to call with, as far as is known.
    pub usable: bool,
    /// When the access token ends (UTC).
    pub access_expires_at: Option<DateTime<Utc>>,
    /// When the access token was issued (UTC): the last renewal, of a pair.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// The account, where the token tells.
    pub account_id: Option<i64>,
    /// What is wrong, also while the access token still works.
    pub problem: Option<AuthProblem>,
    /// Why there is nothing left to try, when there is not: somebody has to authorize the bot again.
    pub dead: Option<TokenError>,
    /// The account's new host, when it was found to have moved.
    pub moved_to: Option<String>,
}

impl TokenKeeper {
    /// The state of the tokens, without asking amoCRM.
    pub async fn info(&self) -> Result<TokensInfo, TokenError> {
        let candidates = self.read().await?;
        let state = self.state();
        let at = self.circumstances(None);
        let steps = plan(&candidates, &state.memory, at);
        let chosen = match steps.first() {
            Some(Step::Use(candidate, _) | Step::Refresh(candidate, _)) => Some(*candidate),
            None => candidates.first(),
        };
        let access = chosen.and_then(|candidate| candidate.access.as_ref());
        // A refresh token left beside a long-lived one is not missed when it is of no use.
        let long_lived = chosen.and_then(Candidate::claims).is_some_and(Claims::is_long_lived);
        let works = long_lived && matches!(steps.first(), Some(Step::Use(..)));
        Ok(TokensInfo {
            kind: match chosen {
                None => TokenKind::None,
                Some(_) if long_lived => TokenKind::LongLived,
                Some(candidate) if candidate.refresh.is_some() => TokenKind::Pair,
                Some(candidate) if candidate.is_unreadable() => TokenKind::Unreadable,
                Some(_) => TokenKind::LongLived,
            },
            source: chosen.map(|candidate| candidate.source),
            usable: matches!(steps.first(), Some(Step::Use(..))),
            access_expires_at: access.and_then(|access| state.memory.expires_at(access)),
            refreshed_at: access.and_then(|access| state.memory.issued_at(access)),
            account_id: chosen.and_then(|candidate| candidate.claims()?.account_id),
            problem: match chosen.filter(|_| !works).and_then(|candidate| problem(candidate, &state.memory, at)) {
                Some(Reason::Problem(problem)) => Some(problem),
                Some(Reason::Moved(_)) => None,
                None => match (steps.is_empty(), verdict(&candidates, &state.memory, at)) {
                    (true, TokenError::NeedsAuthorization { reason, .. }) => Some(reason),
                    _ => None,
                },
            },
            dead: steps.is_empty().then(|| verdict(&candidates, &state.memory, at)),
            moved_to: state.moved_to.clone(),
        })
    }
}
