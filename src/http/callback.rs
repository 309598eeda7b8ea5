//! What comes back from amoCRM by way of the admin's browser.

use tracing::{info, warn};

use crate::{
    admin::authorization::AuthorizationError,
    crm::amocrm::{CodeError, parse_code},
    notice::AdminNotice,
};

use super::{
    Site,
    page::{Outcome, Page},
};

/// Takes the code of a redirect and tells what came of it.
pub async fn answer(site: &Site, query: &str) -> Page {
    let outcome = take(site, query).await;
    Page { outcome, bot_username: site.bot_username.get().cloned() }
}

async fn take(site: &Site, query: &str) -> Outcome {
    let pasted = match parse_code(&format!("?{query}")) {
        Ok(pasted) => pasted,
        Err(CodeError::Denied) => return Outcome::Denied,
        Err(CodeError::Empty | CodeError::NoCode | CodeError::NotACode) => return Outcome::NoCode,
    };
    let Some(authorization) = &site.authorization else { return Outcome::Refused(AuthorizationError::NotConfigured) };
    match authorization.take(&pasted.code, pasted.state.as_deref(), true, pasted.referer.as_deref()).await {
        Ok(authorized) => {
            site.admin.send(AdminNotice::TokensRenewed { waiting: authorized.waiting });
            Outcome::Done(authorized)
        }
        Err(AuthorizationError::AlreadyDone) => Outcome::Already,
        Err(error) => {
            match &error {
                AuthorizationError::Store(_) | AuthorizationError::Tokens(_) => {
                    warn!(%error, "the page could not authorize");
                }
                _ => info!(%error, "the page did not authorize"),
            }
            Outcome::Refused(error)
        }
    }
}
