//! What people are told outside a conversation's turn, as values: stored until Telegram has taken them, worded later
//! by the bot's room.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    lead::{Lead, LeadNumber},
};

/// A message owed to a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To the buyer: the request is taken, this is its number.
    Accepted {
        /// The request's number.
        number: LeadNumber,
    },
    /// To the buyer: the CRM does not answer, the request is saved and will be passed on.
    Saved {
        /// The request's number.
        number: LeadNumber,
    },
    /// To a buyer who was told [`Notice::Saved`]: it has been passed on.
    Delivered {
        /// The request's number.
        number: LeadNumber,
    },
    /// To a buyer: an answer that was worded when it was owed.
    Reply(serde_json::Value),
    /// To the admin.
    Admin(AdminNotice),
    /// An answer to the admin, worded when it was asked for.
    Worded(Worded),
}

impl Notice {
    /// The topic of a group that it goes to.
    pub fn topic(&self) -> Option<i32> {
        match self {
            Self::Worded(worded) => worded.topic,
            _ => None,
        }
    }
}

/// A worded message with buttons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worded {
    /// Plain text.
    pub text: String,
    /// Rows of buttons under it.
    pub buttons: Vec<Vec<Button>>,
    /// The topic of a group in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i32>,
}

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Comes back as callback data (1 to 64 bytes).
    Press {
        /// Label.
        text: String,
        /// Callback data.
        data: String,
    },
    /// Opens an address.
    Open {
        /// Label.
        text: String,
        /// http(s) address.
        url: String,
    },
}

/// What the admin is told unasked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum AdminNotice {
    /// The CRM does not take leads.
    OutageOpened {
        /// Why.
        trouble: Trouble,
        /// Since when.
        since: Millis,
        /// Leads that wait.
        waiting: i64,
    },
    /// The CRM still does not take leads.
    OutageGoesOn {
        /// Why.
        trouble: Trouble,
        /// Since when.
        since: Millis,
        /// Leads that wait.
        waiting: i64,
        /// When the oldest of them was submitted.
        oldest: Option<Millis>,
    },
    /// The CRM still does not take leads, by now for another reason.
    OutageChanged {
        /// Why.
        trouble: Trouble,
        /// Leads that wait.
        waiting: i64,
    },
    /// The CRM takes leads again and the backlog is through.
    OutageOver {
        /// How long it lasted, ms.
        lasted: Millis,
        /// Leads delivered since it began.
        delivered: i64,
        /// How long the oldest of them waited, ms.
        oldest_waited: Millis,
        /// Leads that amoCRM refuses.
        rejected: i64,
    },
    /// amoCRM refuses the data of one lead.
    Rejected {
        /// Its number.
        number: LeadNumber,
        /// What amoCRM said.
        error: String,
    },
    /// amoCRM fails on one lead again and again while others go through; it is kept and tried at growing pauses.
    Stuck {
        /// Its number.
        number: LeadNumber,
        /// What happens to it.
        error: String,
    },
    /// Leads or owed messages stand in the store so that this version cannot read them; they are kept and passed over.
    Unreadable {
        /// Numbers of leads (ids where the number cannot be read either).
        leads: Vec<String>,
        /// Chats to which a message is owed.
        chats: Vec<String>,
    },
    /// Leads go on with less than the settings ask for.
    GoesOnWithout {
        /// What is new of it.
        shortages: Vec<Shortage>,
    },
    /// amoCRM takes again what leads went on without.
    TakenAgain {
        /// What.
        shortages: Vec<Shortage>,
    },
    /// One person has sent as many requests as the settings allow.
    LimitReached {
        /// Telegram's id of the person.
        user_id: i64,
        /// `@username` without the `@`.
        username: Option<String>,
        /// `LEADS_PER_HOUR`.
        per_hour: Option<u32>,
        /// `LEADS_PER_DAY`.
        per_day: Option<u32>,
        /// From when on the next is taken.
        again_at: Millis,
    },
    /// Far more requests come than usual.
    Flood {
        /// Requests within the last hour.
        leads: i64,
        /// From so many people.
        people: i64,
        /// Whether it was told before and goes on.
        goes_on: bool,
    },
    /// No more requests come than usual.
    FloodOver {
        /// How long it lasted, ms.
        lasted: Millis,
        /// Requests that came meanwhile.
        leads: i64,
    },
    /// A copy of waiting leads for the admin's chat.
    Copies {
        /// One text for each lead.
        leads: Vec<LeadCopy>,
    },
    /// The bot runs without amoCRM settings.
    NoCrm,
    /// The disk is wiped daily and nothing survives it.
    EphemeralDisk,
    /// The store could not be written for a while, and can again or not.
    StoreTrouble {
        /// What the store said.
        detail: String,
    },
    /// The store works again.
    StoreWorks,
    /// A second instance takes the updates; told by versions before [`Self::PollsFail`].
    SecondInstance,
    /// What buyers write does not arrive.
    PollsFail {
        /// Why.
        trouble: PollTrouble,
        /// Since when.
        since: Millis,
        /// Whether it was told before.
        still: bool,
    },
    /// Alerts that Telegram did not take in time went by the second way.
    ToldElsewhere {
        /// They, in order.
        notices: Vec<AdminNotice>,
    },
    /// What buyers write arrives again.
    PollsWork {
        /// Why it did not.
        trouble: PollTrouble,
        /// Since when it did not.
        since: Millis,
        /// When it was over.
        until: Millis,
        /// What was told by the second way meanwhile, in order.
        told_elsewhere: Vec<AdminNotice>,
    },
    /// A backup file could not be read and was moved aside.
    BackupUnreadable {
        /// Its new name.
        moved_to: String,
    },
    /// Entries of a backup file that could not be understood; a copy was kept.
    BackupEntriesSkipped {
        /// How many.
        skipped: usize,
        /// Name of the copy.
        kept_in: String,
    },
    /// Leads were taken in from a backup file.
    BackupImported {
        /// How many.
        imported: usize,
    },
    /// A buyer's message could not be handled.
    UpdateSetAside {
        /// Telegram's id of the update.
        update_id: i64,
    },
    /// A token runs out.
    TokenExpiring {
        /// Whether it is a long-lived one.
        long_lived: bool,
        /// When.
        expires_at: Millis,
    },
    /// A scheduled refresh failed while the access token still works.
    RefreshFailing {
        /// Why.
        trouble: Trouble,
        /// Until when the access token works.
        works_until: Option<Millis>,
    },
    /// There is no access any more, and no lead has come yet to run into it.
    AccessLost {
        /// Why.
        trouble: Trouble,
    },
    /// A group in the settings has become a supergroup and has a new id.
    GroupMoved {
        /// The setting.
        setting: String,
        /// The new id.
        chat_id: i64,
    },
    /// New tokens were taken.
    TokensRenewed {
        /// Leads that wait for them.
        waiting: i64,
    },
}

/// One waiting lead in the admin's chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeadCopy {
    /// Its number.
    pub number: LeadNumber,
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Budget as typed.
    pub budget: String,
    /// Link to a car, if any.
    pub car_link: Option<String>,
}

impl LeadCopy {
    /// A copy of a lead.
    pub fn of(lead: &Lead) -> Self {
        Self {
            number: lead.number.clone(),
            name: lead.name.as_str().to_owned(),
            phone: lead.phone.e164().to_owned(),
            budget: lead.budget.typed().to_owned(),
            car_link: lead.car_link.as_ref().map(|link| link.url().to_owned()),
        }
    }
}

/// What the settings ask for and amoCRM does not take (any more): leads go on without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Shortage {
    /// `AMOCRM_PIPELINE_ID`; with it goes the stage: the account's main pipeline takes the leads.
    Pipeline {
        /// Its id.
        id: i64,
    },
    /// `AMOCRM_STATUS_ID`: the first stage of the pipeline takes the leads.
    Status {
        /// Its id.
        id: i64,
    },
    /// `AMOCRM_RESPONSIBLE_USER_ID`: the user behind the tokens is responsible.
    Responsible {
        /// The user's id.
        id: i64,
    },
    /// `AMOCRM_BUDGET_FIELD_ID`: the note has the value.
    BudgetField {
        /// The field's id.
        id: i64,
    },
    /// `AMOCRM_CAR_LINK_FIELD_ID`: the note has the value.
    CarLinkField {
        /// The field's id.
        id: i64,
    },
    /// One of `AMOCRM_TAGS`.
    Tag {
        /// The tag.
        name: String,
    },
    /// The kind `WORK` of a contact's phone: the phone is sent without it.
    PhoneKind,
    /// Leads may be made but no notes written: the notes wait.
    Notes,
    /// Something that amoCRM does not name: leads are made with their names and phones, the note has the rest.
    Unexplained,
}

impl Shortage {
    /// The setting it is about, with its value, as it stands in the environment.
    pub fn setting(&self) -> String {
        match self {
            Self::Pipeline { id } => format!("AMOCRM_PIPELINE_ID={id}"),
            Self::Status { id } => format!("AMOCRM_STATUS_ID={id}"),
            Self::Responsible { id } => format!("AMOCRM_RESPONSIBLE_USER_ID={id}"),
            Self::BudgetField { id } => format!("AMOCRM_BUDGET_FIELD_ID={id}"),
            Self::CarLinkField { id } => format!("AMOCRM_CAR_LINK_FIELD_ID={id}"),
            Self::Tag { name } => format!("AMOCRM_TAGS={name}"),
            Self::PhoneKind => "PHONE WORK".into(),
            Self::Notes => "notes".into(),
            Self::Unexplained => "something that amoCRM does not name".into(),
        }
    }
}

/// Why what buyers write does not arrive, in the admin's terms; each has its own advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Why amoCRM does not take leads, in the admin's terms; each has its own advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    }
}
