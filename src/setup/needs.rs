//! What cannot be done without a person to ask: the option that is missing is named. Pure.

/// What the bot is set up of, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, strum::EnumIter)]
pub enum Section {
    /// The bot's token
    Bot,
    /// Where alerts go and commands come from
    Admin,
    /// The account in amoCRM and access to it
    Access,
    /// Where new leads go
    Pipeline,
    /// Fields of leads in amoCRM
    Fields,
    /// Who calls buyers, and their chat
    Managers,
    /// Working hours, calls back, consent
    #[value(aliases = ["hours", "callback", "consent", "policy"])]
    Rules,
    /// A test lead through everything
    Test,
}

impl Section {
    /// Whether something stands in amoCRM that it needs.
    pub fn needs_the_account(self) -> bool {
        matches!(self, Self::Pipeline | Self::Fields | Self::Managers | Self::Test)
    }
}

/// What is known before anybody is asked, by options, files and the environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// `BOT_TOKEN`.
    pub bot_token: bool,
    /// `ADMIN_CHAT_ID`, or that it is to be learnt.
    pub admin: bool,
    /// `AMOCRM_SUBDOMAIN`.
    pub account: bool,
    /// An access token, or tokens from an earlier authorization.
    pub token: bool,
    /// The integration's id.
    pub client_id: bool,
    /// The integration's secret.
    pub client_secret: bool,
    /// The integration's redirect address.
    pub redirect_url: bool,
    /// An authorization code.
    pub code: bool,
}

/// The options that are missing for these sections.
pub fn missing(sections: &[Section], known: Known) -> Vec<&'static str> {
    let has = |section| sections.contains(&section);
    let mut missing = Vec::new();
    if !known.bot_token {
        missing.push("--bot-token");
    }
    if has(Section::Admin) && !known.admin {
        missing.push("--admin-chat");
    }
    let access = has(Section::Access) || sections.iter().any(|section| section.needs_the_account());
    if access && !known.account {
        missing.push("--account");
    }
    if access && !known.token {
        let parts = [
            (known.client_id, "--client-id"),
            (known.client_secret, "--client-secret"),
            (known.redirect_url, "--redirect-url"),
            (known.code, "--code"),
        ];
        match parts.iter().any(|(known, _)| *known) {
            true => missing.extend(parts.iter().filter(|(known, _)| !known).map(|(_, option)| option)),
            false => missing.push("--access-token"),
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let all: Vec<Section> = Section::iter().collect();
        let nothing = Known::default();
        let bot = Known { bot_token: true, ..nothing };
        let account = Known { account: true, admin: true, ..bot };
        for (sections, known, want) in [
            (all.as_slice(), nothing, vec!["--bot-token", "--admin-chat", "--account", "--access-token"]),
            (&all, Known { token: true, ..account }, vec![]),
            (&all, Known { client_id: true, redirect_url: true, ..account }, vec!["--client-secret", "--code"]),
            (&all, Known { client_id: true, client_secret: true, redirect_url: true, code: true, ..account }, vec![]),
            (&[Section::Admin], bot, vec!["--admin-chat"]),
            (&[Section::Rules], bot, vec![]),
            (&[Section::Bot], nothing, vec!["--bot-token"]),
            (&[Section::Pipeline], bot, vec!["--account", "--access-token"]),
            (&[Section::Test], account, vec!["--access-token"]),
        ] {
            assert_eq!(missing(sections, known), want, "{sections:?} {known:?}");
        }
    }
}
