//! What the tokens are like, for whoever wants to know: the status commands and the alerts.

use chrono::{DateTime, Utc};

use super::candidates::{Candidate, Candidates};
use super::error::{AuthProblem, Source, TokenError};
use super::jwt::Claims;
use super::keeper::TokenKeeper;
use super::plan::Plan;
use super::rejections::{Reason, Rejections};
use super::token::Now;

/// What kind of access there is; named in small letters and `_` for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TokenKind {
    /// There is no token.
    None,
    /// An access token alone, used until its date.
    LongLived,
    /// An access token that is refreshed with a refresh token.
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
    /// When the access token was issued (UTC): the last refresh, of a pair.
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
        let candidates = self.inventory.read().await?;
        let (known, now) = (self.inventory.known(), self.inventory.now());
        let info = TokensInfo::of(&candidates, &known.rejections, now);
        Ok(TokensInfo { moved_to: self.refresher.address.moved_to(), ..info })
    }
}

impl TokensInfo {
    fn of(candidates: &Candidates, rejections: &Rejections, now: Now) -> Self {
        let plan = Plan::decide(candidates, rejections, now);
        let chosen = plan.candidate().or(candidates.newest());
        let access = chosen.and_then(|candidate| candidate.access.as_ref());
        let usable = matches!(plan, Plan::Use(..));
        // A refresh token left beside a long-lived one is not missed when it is of no use.
        let long_lived = chosen.and_then(Candidate::claims).is_some_and(Claims::is_long_lived);
        let ailing = chosen.filter(|_| !(long_lived && usable));
        Self {
            kind: match chosen {
                None => TokenKind::None,
                Some(_) if long_lived => TokenKind::LongLived,
                Some(candidate) if candidate.refresh.is_some() => TokenKind::Pair,
                Some(candidate) if candidate.is_unreadable() => TokenKind::Unreadable,
                Some(_) => TokenKind::LongLived,
            },
            source: chosen.map(|candidate| candidate.source),
            usable,
            access_expires_at: access.and_then(|access| rejections.expires_at(access)),
            refreshed_at: access.and_then(|access| rejections.issued_at(access)),
            account_id: chosen.and_then(|candidate| candidate.claims()?.account_id),
            problem: match ailing.and_then(|candidate| candidates.problem(candidate, rejections, now)) {
                Some(Reason::Problem(problem)) => Some(problem),
                Some(Reason::Moved(_)) => None,
                None => match &plan {
                    Plan::GiveUp(TokenError::NeedsAuthorization { reason, .. }) => Some(reason.clone()),
                    _ => None,
                },
            },
            dead: match plan {
                Plan::GiveUp(error) => Some(error),
                Plan::Use(..) | Plan::Refresh(..) => None,
            },
            moved_to: None,
        }
    }
}
