//! Every environment variable, read once and validated once; secrets are typed so they cannot be printed.

use secrecy::SecretString;
use url::Url;

/// What is needed to talk to one amoCRM account.
#[derive(Debug, Clone)]
pub struct AmocrmSettings {
    /// Where `/oauth2/access_token` and `/api/v4` live: the account host or `AMOCRM_BASE_URL`.
    pub base_url: Url,
    /// The account host, such as `acme.amocrm.ru`.
    pub account_host: String,
    /// The integration; absent when only a long-lived token is configured.
    pub integration: Option<Integration>,
    /// `AMOCRM_ACCESS_TOKEN`.
    pub access_token: Option<SecretString>,
    /// `AMOCRM_REFRESH_TOKEN`.
    pub refresh_token: Option<SecretString>,
    /// `AMOCRM_PIPELINE_ID`.
    pub pipeline_id: Option<i64>,
    /// `AMOCRM_STATUS_ID`.
    pub status_id: Option<i64>,
    /// `AMOCRM_RESPONSIBLE_USER_ID`.
    pub responsible_user_id: Option<i64>,
    /// `AMOCRM_TAGS`, split at commas.
    pub tags: Vec<String>,
    /// `AMOCRM_BUDGET_FIELD_ID`: a lead field that takes the budget as typed.
    pub budget_field_id: Option<i64>,
    /// `AMOCRM_CAR_LINK_FIELD_ID`: a lead field that takes the link.
    pub car_link_field_id: Option<i64>,
    /// `AMOCRM_CONTACT_LOOKUP`: search for an existing contact before a new one is made.
    pub contact_lookup: bool,
    /// `AMOCRM_REQUESTS_PER_SECOND`, 1 to 7.
    pub requests_per_second: u32,
}

/// The OAuth client of the account's integration.
#[derive(Debug, Clone)]
pub struct Integration {
    /// `AMOCRM_CLIENT_ID`, a UUID.
    pub client_id: String,
    /// `AMOCRM_CLIENT_SECRET`.
    pub client_secret: SecretString,
    /// `AMOCRM_REDIRECT_URL`, byte-equal to the integration's setting.
    pub redirect_url: String,
}
