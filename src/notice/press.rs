//! The admin's buttons as values. Callback data is a contract: buttons of every version stand in chats.

/// All callback data of the admin's chat begins so.
const PREFIX: &str = "admin:";

/// A button of the admin's chat.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
pub enum AdminPress {
    /// The same as the command of that name.
    Status,
    /// The same as the command of that name.
    Leads,
    /// The same as the command of that name.
    Retry,
    /// The same as the command of that name.
    Auth,
    /// Everything about the lead of this number, or of this id where its number cannot be read.
    ShowLead(String),
    /// Send this lead again.
    RetryLead(String),
    /// Give this lead up: the first press, which only asks.
    AskDiscard(String),
    /// The second press.
    Discard {
        /// The lead's number or id.
        number: String,
        /// Of the first press; empty where the data has none.
        nonce: String,
    },
    /// Forget a person: the second press.
    Forget {
        /// `u` and a Telegram id, or a phone in E.164.
        whom: String,
        /// Of the first press; empty where the data has none.
        nonce: String,
        /// Undelivered requests too.
        also_waiting: bool,
    },
    /// Instead of a second press: nothing is deleted, and the first press is over.
    Keep {
        /// Of the first press.
        nonce: String,
    },
    /// Whether each new lead is told.
    NewLeads(bool),
}

impl AdminPress {
    /// The command that this button stands for, with no words behind it.
    pub fn command(&self) -> Option<&'static str> {
        match self {
            Self::Status => Some("status"),
            Self::Leads => Some("leads"),
            Self::Retry => Some("retry"),
            Self::Auth => Some("auth"),
            Self::ShowLead(_)
            | Self::RetryLead(_)
            | Self::AskDiscard(_)
            | Self::Discard { .. }
            | Self::Forget { .. }
            | Self::Keep { .. }
            | Self::NewLeads(_) => None,
        }
    }

    /// Its callback data, 1 to 64 bytes.
    pub fn data(&self) -> String {
        let data = match self {
            Self::Status => "status".to_owned(),
            Self::Leads => "leads".to_owned(),
            Self::Retry => "retry".to_owned(),
            Self::Auth => "auth".to_owned(),
            Self::ShowLead(number) => format!("lead:{number}"),
            Self::RetryLead(number) => format!("lead-retry:{number}"),
            Self::AskDiscard(number) => format!("lead-discard:{number}"),
            Self::Discard { number, nonce } => format!("lead-discard-sure:{number}:{nonce}"),
            Self::Forget { whom, nonce, also_waiting: false } => format!("forget:{whom}:{nonce}"),
            Self::Forget { whom, nonce, also_waiting: true } => format!("forget-all:{whom}:{nonce}"),
            Self::Keep { nonce } => format!("keep:{nonce}"),
            Self::NewLeads(true) => "new-leads:on".to_owned(),
            Self::NewLeads(false) => "new-leads:off".to_owned(),
        };
        format!("{PREFIX}{data}")
    }

    /// Reads callback data; `None` when it is not one of the admin's buttons.
    pub fn parse(data: &str) -> Option<Self> {
        let data = data.strip_prefix(PREFIX)?;
        let Some((action, about)) = data.split_once(':') else {
            return Some(match data {
                "status" => Self::Status,
                "leads" => Self::Leads,
                "retry" => Self::Retry,
                "auth" => Self::Auth,
                _ => return None,
            });
        };
        let owned = about.to_owned();
        // Buttons of the first versions have no nonce, and do nothing but say so.
        let (about, nonce) = about.split_once(':').unwrap_or((about, ""));
        let (about, nonce) = (about.to_owned(), nonce.to_owned());
        Some(match action {
            "keep" => Self::Keep { nonce: owned },
            "new-leads" => Self::NewLeads(owned == "on"),
            "lead" => Self::ShowLead(owned),
            "lead-retry" => Self::RetryLead(owned),
            "lead-discard" => Self::AskDiscard(owned),
            "lead-discard-sure" => Self::Discard { number: about, nonce },
            "forget" => Self::Forget { whom: about, nonce, also_waiting: false },
            "forget-all" => Self::Forget { whom: about, nonce, also_waiting: true },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    /// Each button with its data as it is in chats.
    fn examples(kind: AdminPressDiscriminants) -> Vec<(AdminPress, &'static str)> {
        use AdminPressDiscriminants as Kind;
        let number = || "K7M2QXA".to_owned();
        let nonce = || "abcdefghij".to_owned();
        match kind {
            Kind::Status => vec![(AdminPress::Status, "admin:status")],
            Kind::Leads => vec![(AdminPress::Leads, "admin:leads")],
            Kind::Retry => vec![(AdminPress::Retry, "admin:retry")],
            Kind::Auth => vec![(AdminPress::Auth, "admin:auth")],
            Kind::ShowLead => vec![
                (AdminPress::ShowLead(number()), "admin:lead:K7M2QXA"),
                (AdminPress::ShowLead("01JD3Q5V8Z0000000000000000".into()), "admin:lead:01JD3Q5V8Z0000000000000000"),
            ],
            Kind::RetryLead => vec![(AdminPress::RetryLead(number()), "admin:lead-retry:K7M2QXA")],
            Kind::AskDiscard => vec![(AdminPress::AskDiscard(number()), "admin:lead-discard:K7M2QXA")],
            Kind::Discard => vec![
                (
                    AdminPress::Discard { number: number(), nonce: nonce() },
                    "admin:lead-discard-sure:K7M2QXA:abcdefghij",
                ),
                (
                    AdminPress::Discard { number: "01JD3Q5V8Z0000000000000000".into(), nonce: nonce() },
                    "admin:lead-discard-sure:01JD3Q5V8Z0000000000000000:abcdefghij",
                ),
            ],
            Kind::Keep => vec![(AdminPress::Keep { nonce: nonce() }, "admin:keep:abcdefghij")],
            Kind::NewLeads => vec![
                (AdminPress::NewLeads(true), "admin:new-leads:on"),
                (AdminPress::NewLeads(false), "admin:new-leads:off"),
            ],
            Kind::Forget => vec![
                (
                    AdminPress::Forget { whom: "u9007199254740991".into(), nonce: nonce(), also_waiting: false },
                    "admin:forget:u9007199254740991:abcdefghij",
                ),
                (
                    AdminPress::Forget { whom: "+799912345678901".into(), nonce: nonce(), also_waiting: true },
                    "admin:forget-all:+799912345678901:abcdefghij",
                ),
            ],
        }
    }

    #[test]
    fn every_button_comes_back_as_it_was_and_its_data_never_change() {
        for (press, data) in AdminPressDiscriminants::iter().flat_map(examples) {
            assert_eq!(press.data(), data);
            assert_eq!(AdminPress::parse(data), Some(press.clone()), "{data}");
            assert!((1..=64).contains(&data.len()), "{data}");
            assert!(press.command().map(|name| format!("admin:{name}")).is_none_or(|own| own == data));
        }
    }

    #[test]
    fn buttons_of_the_first_versions_and_what_is_not_ours() {
        let old = AdminPress::Discard { number: "K7M2QXA".into(), nonce: String::new() };
        assert_eq!(AdminPress::parse("admin:lead-discard-sure:K7M2QXA"), Some(old));
        for other in ["", "admin", "admin:", "admin:statuses", "admin:lead", "admin:nothing:1", "status", "submit"] {
            assert_eq!(AdminPress::parse(other), None, "{other}");
        }
    }
}
