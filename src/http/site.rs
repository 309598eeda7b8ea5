//! What the server shows and works with, as values.

use std::sync::{Arc, OnceLock};

use crate::{admin::authorization::Authorization, notice::AdminLine, vitals::Vitals};

use super::{metrics::Sources, webhook::Webhook};

/// What the server shows and works with.
#[derive(Debug)]
pub struct Site {
    /// For the page; absent without amoCRM settings.
    pub authorization: Option<Authorization>,
    /// The path of the integration's redirect address.
    pub redirect_path: Option<String>,
    /// For `/amocrm/…`; absent where there is no secret.
    pub webhook: Option<Webhook>,
    /// For `/healthz`.
    pub vitals: Arc<Vitals>,
    /// For `/metrics`.
    pub metrics: Sources,
    /// Where the admin hears of new tokens.
    pub admin: AdminLine,
    /// `@username` of the bot without the `@`, once it is known: the way back from the page.
    pub bot_username: Arc<OnceLock<String>>,
}
