//! Why amoCRM takes no leads, why Telegram brings no updates, why a page cannot be read, and why no copy of the store is
//! made: in the admin's terms.

use serde::{Deserialize, Serialize};

/// Why amoCRM does not take leads, in the admin's terms; each has its own advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Trouble {
    /// The tokens ran out.
    TokensExpired,
    /// The tokens were revoked (or the refresh token was used twice).
    TokensRevoked,
    /// There are no usable tokens.
    NoTokens,
    /// Wrong client id or secret.
    WrongClient,
    /// The redirect address differs from the integration's.
    WrongRedirect,
    /// The tokens belong to another account.
    WrongAccount,
    /// The integration is switched off or deleted.
    IntegrationOff,
    /// The account moved to another address.
    Moved {
        /// The new address.
        host: String,
    },
    /// The account is not paid for.
    NotPaid,
    /// The user behind the tokens lacks rights.
    NoRights,
    /// The address of the bot's server or the account is blocked after too many requests.
    Blocked,
    /// The account cannot take leads: no right to add them, or the subscription is over.
    AccountCannot {
        /// amoCRM's words.
        words: String,
    },
    /// amoCRM refuses every lead, whatever is in it.
    Refuses {
        /// amoCRM's words.
        words: String,
    },
    /// Too many requests for a while.
    Throttled,
    /// No answer, or a fault of amoCRM's servers.
    Unreachable,
    /// The account's address is wrong.
    WrongAddress,
    /// No amoCRM settings.
    NotConfigured,
}

/// What becomes of leads that were taken while Telegram does not work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadsMeanwhile {
    /// They get into amoCRM.
    Delivered,
    /// amoCRM does not take them either.
    Waiting,
    /// They are saved; more is not known.
    #[default]
    Saved,
}

impl LeadsMeanwhile {
    /// Its name in the texts.
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Saved => "saved",
        }
    }
}

impl Trouble {
    /// Every label there is.
    pub const LABELS: [&str; 17] = [
        "tokens_expired",
        "tokens_revoked",
        "no_tokens",
        "wrong_client",
        "wrong_redirect",
        "wrong_account",
        "integration_off",
        "moved",
        "not_paid",
        "no_rights",
        "blocked",
        "account_cannot",
        "refuses",
        "throttled",
        "unreachable",
        "wrong_address",
        "not_configured",
    ];

    /// Its name in metrics, the same as in the store.
    pub fn label(&self) -> &'static str {
        match self {
            Self::TokensExpired => "tokens_expired",
            Self::TokensRevoked => "tokens_revoked",
            Self::NoTokens => "no_tokens",
            Self::WrongClient => "wrong_client",
            Self::WrongRedirect => "wrong_redirect",
            Self::WrongAccount => "wrong_account",
            Self::IntegrationOff => "integration_off",
            Self::Moved { .. } => "moved",
            Self::NotPaid => "not_paid",
            Self::NoRights => "no_rights",
            Self::Blocked => "blocked",
            Self::AccountCannot { .. } => "account_cannot",
            Self::Refuses { .. } => "refuses",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::WrongAddress => "wrong_address",
            Self::NotConfigured => "not_configured",
        }
    }
}

/// Why what buyers write does not arrive, in the admin's terms; each has its own advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(strum::EnumIter))]
pub enum PollTrouble {
    /// Nobody is reached.
    NoConnection,
    /// Somebody is reached and does not answer, or the answer breaks off.
    NoAnswer,
    /// What answers is not Telegram: a proxy's or a provider's page.
    NotTelegrams,
    /// Telegram, or a Bot API server of one's own, has a fault.
    ServersFault,
    /// Telegram asks to wait.
    Throttled,
    /// The bot's token was revoked or replaced.
    TokenRefused,
    /// Another process with the same token takes the updates.
    SecondInstance,
    /// Another program has set a webhook and sets it again and again.
    Webhook,
    /// Telegram refuses for another reason.
    Refused,
}

impl PollTrouble {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::NoConnection,
        Self::NoAnswer,
        Self::NotTelegrams,
        Self::ServersFault,
        Self::Throttled,
        Self::TokenRefused,
        Self::SecondInstance,
        Self::Webhook,
        Self::Refused,
    ];

    /// Its name in texts, the same as in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoConnection => "no_connection",
            Self::NoAnswer => "no_answer",
            Self::NotTelegrams => "not_telegrams",
            Self::ServersFault => "servers_fault",
            Self::Throttled => "throttled",
            Self::TokenRefused => "token_refused",
            Self::SecondInstance => "second_instance",
            Self::Webhook => "webhook",
            Self::Refused => "refused",
        }
    }

    /// In a line of the log or of `/healthz`.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoConnection => "no connection to Telegram",
            Self::NoAnswer => "no answer from Telegram",
            Self::NotTelegrams => "what answers is not Telegram",
            Self::ServersFault => "a fault of Telegram's servers",
            Self::Throttled => "too many requests",
            Self::TokenRefused => "Telegram does not accept BOT_TOKEN",
            Self::SecondInstance => "another process with the same token takes the updates",
            Self::Webhook => "another program sets a webhook for this bot",
            Self::Refused => "Telegram refuses",
        }
    }
}

/// Why a page of the dealer's cannot be read, in the admin's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum PageTrouble {
    /// Nobody is reached at its address, or not over TLS.
    NoConnection,
    /// Somebody is reached and does not answer, or the answer breaks off.
    NoAnswer,
    /// A proxy in between does not let the bot through.
    Proxy,
    /// The address points elsewhere.
    Moved,
    /// There is no such page: 404 or 410.
    Gone,
    /// The server refuses, or has a fault.
    Refused {
        /// HTTP's.
        status: u16,
    },
    /// Nothing is on it.
    Empty,
    /// It is larger than a document may be.
    TooLarge {
        /// What it may have, in MB.
        most: u64,
    },
}

impl PageTrouble {
    /// Its name in texts, the same as in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoConnection => "no_connection",
            Self::NoAnswer => "no_answer",
            Self::Proxy => "proxy",
            Self::Moved => "moved",
            Self::Gone => "gone",
            Self::Refused { .. } => "refused",
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// Why there is no copy of the store of tonight, in the admin's terms; each has its own advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(strum::EnumIter))]
pub enum CopyTrouble {
    /// No place is left on the disk.
    DiskFull,
    /// The folder for copies cannot be written.
    Folder,
    /// The store cannot be read.
    Store,
    /// Not all of the store was copied.
    Incomplete,
    /// The copy is there, and the oldest cannot be deleted.
    OldStay,
    /// Nobody has made one for far longer than usual.
    Missed,
}

impl CopyTrouble {
    /// Its name in texts, the same as in the store.
    pub fn label(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Folder => "folder",
            Self::Store => "store",
            Self::Incomplete => "incomplete",
            Self::OldStay => "old_stay",
            Self::Missed => "missed",
        }
    }

    /// In a line of `status` or of the log.
    pub fn words(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk is full",
            Self::Folder => "the folder for copies cannot be written",
            Self::Store => "the store cannot be read",
            Self::Incomplete => "not all of the store was copied",
            Self::OldStay => "old copies cannot be deleted",
            Self::Missed => "none has been made for far longer than usual",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_has_one_name_everywhere() {
        for label in Trouble::LABELS {
            let stored = serde_json::json!({"is": label, "host": "acme2.amocrm.ru", "words": "Код ошибки 244"});
            let trouble: Trouble = serde_json::from_value(stored).expect("a stored trouble");
            assert_eq!(trouble.label(), label);
        }
        for trouble in <CopyTrouble as strum::IntoEnumIterator>::iter() {
            assert_eq!(serde_json::json!(trouble), trouble.label());
        }
    }
}
