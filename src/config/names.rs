//! The names of all settings, and names that look like one but are none.

use super::ConfigProblem;

/// Every environment variable this program reads, besides what is for tests only.
pub const SETTINGS: &[&str] = &[
    "ADMIN_CHAT_ID",
    "ADMIN_LEAD_COPIES",
    "ADMIN_USER_IDS",
    "ALERT_EMAIL",
    "ALERT_WEBHOOK_URL",
    "ALLOW_PLAINTEXT",
    "AMOCRM_ACCESS_TOKEN",
    "AMOCRM_BASE_URL",
    "AMOCRM_BUDGET_FIELD_ID",
    "AMOCRM_CAR_LINK_FIELD_ID",
    "AMOCRM_CLIENT_ID",
    "AMOCRM_CLIENT_SECRET",
    "AMOCRM_CONTACT_LOOKUP",
    "AMOCRM_PIPELINE_ID",
    "AMOCRM_REDIRECT_URL",
    "AMOCRM_REFRESH_TOKEN",
    "AMOCRM_REQUESTS_PER_SECOND",
    "AMOCRM_RESPONSIBLE_USER_ID",
    "AMOCRM_STATUS_ID",
    "AMOCRM_SUBDOMAIN",
    "AMOCRM_TAGS",
    "AMOCRM_TELEGRAM_FIELD_ID",
    "AMOCRM_WEBHOOK_SECRET",
    "BOT_TOKEN",
    "DATABASE_URL",
    "DATA_DIR",
    "DYNO",
    "HEARTBEAT_URL",
    "HTTP_ADDR",
    "LEADS_ALARM_PER_HOUR",
    "LEADS_PER_DAY",
    "MESSAGES_PER_MINUTE",
    "LEADS_PER_HOUR",
    "LOG_FORMAT",
    "MANAGERS_CHAT_ID",
    "PHONE_REGION",
    "PORT",
    "PRIVACY_POLICY_URL",
    "RUST_LOG",
    "SETTINGS_FILE",
    "TELEGRAM_API_URL",
    "TELEGRAM_PROXY",
    "TEST_SPEED",
];

/// Nobody but this program is likely to have variables that begin like this.
const PREFIXES: [&str; 6] = ["ADMIN_", "ALERT_", "AMOCRM_", "BOT_", "KOMMO_", "TELEGRAM_"];

/// Kubernetes and Docker announce other services by such names.
const OF_SERVICES: [&str; 6] = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT", "_TCP_ADDR", "_TCP_PORT", "_TCP_PROTO"];

/// A name this much alike to a setting's is a slip of the fingers; 0 to 1.
const ALIKE: f64 = 0.75;

/// What has no prefix of ours may be anything, so only a slip of a letter or two in a long name is told.
const SLIPS: usize = 2;
const LONG_NAME: usize = 8;

/// Names that look like a setting and are none; `is_set` tells whether a variable has a value.
pub(super) fn misspelt<'a>(names: impl Iterator<Item = &'a str>, is_set: impl Fn(&str) -> bool) -> Vec<ConfigProblem> {
    let mut problems: Vec<_> = names.filter_map(|name| look_at(name, &is_set)).collect();
    problems.sort_by(|one, other| one.variable.cmp(&other.variable));
    problems
}

fn look_at(name: &str, is_set: &impl Fn(&str) -> bool) -> Option<ConfigProblem> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte == b'.');
    if SETTINGS.contains(&name) || !plain || name.len() > 64 {
        return None;
    }
    let upper = name.to_ascii_uppercase().replace(['-', '.'], "_");
    let prefixed = PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    let (likeness, nearest) = SETTINGS
        .iter()
        .map(|setting| (strsim::normalized_damerau_levenshtein(&upper, setting), *setting))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let slip = upper.len() >= LONG_NAME && strsim::damerau_levenshtein(&upper, nearest) <= SLIPS && !is_set(nearest);
    let of_a_service = OF_SERVICES.iter().any(|end| upper.ends_with(end)) || upper.contains("_TCP");
    let near = likeness >= ALIKE || upper.starts_with(nearest) || nearest.starts_with(&upper);
    if slip || (prefixed && near) {
        let remedy = format!("Did you mean {nearest}?");
        return Some(ConfigProblem::new(name.to_owned(), "is not a setting of this program and is left aside", remedy));
    }
    (prefixed && !of_a_service).then(|| {
        ConfigProblem::new(
            name.to_owned(),
            "is not a setting of this program and is left aside",
            "All of them are in .env.example",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> Option<String> {
        misspelt([name].into_iter(), |_| false).first().map(|problem| problem.remedy.to_string())
    }

    #[test]
    fn slips_of_the_fingers_name_what_was_meant() {
        for (name, meant) in [
            ("AMOCRM_SUBDOMIAN", "AMOCRM_SUBDOMAIN"),
            ("AMOCRM_SUBDOMEN", "AMOCRM_SUBDOMAIN"),
            ("AMOCRM_DOMAIN", "AMOCRM_SUBDOMAIN"),
            ("AMOCRM_TAG", "AMOCRM_TAGS"),
            ("AMOCRM_CLIENTID", "AMOCRM_CLIENT_ID"),
            ("AMOCRM_PIPLINE_ID", "AMOCRM_PIPELINE_ID"),
            ("AMOCRM_REDIRECT_URI", "AMOCRM_REDIRECT_URL"),
            ("amocrm_subdomain", "AMOCRM_SUBDOMAIN"),
            ("Amocrm-Subdomain", "AMOCRM_SUBDOMAIN"),
            ("TELEGRAM_PROXI", "TELEGRAM_PROXY"),
            ("TELEGRAM_API", "TELEGRAM_API_URL"),
            ("ADMIN_CHATID", "ADMIN_CHAT_ID"),
            ("BOT_TOKE", "BOT_TOKEN"),
            ("BOT_TOKEN_", "BOT_TOKEN"),
            ("BOTTOKEN", "BOT_TOKEN"),
            ("DATABASE_ULR", "DATABASE_URL"),
            ("DATA_DIRR", "DATA_DIR"),
            ("PHONE_REGON", "PHONE_REGION"),
            ("HEARTBEATURL", "HEARTBEAT_URL"),
        ] {
            assert_eq!(told(name).as_deref(), Some(format!("Did you mean {meant}?").as_str()), "{name}");
        }
    }

    #[test]
    fn what_begins_like_a_setting_is_told_and_what_others_set_is_not() {
        for name in [
            "AMOCRM_NONSENSE",
            "AMOCRM_LONG_ACCESS_TOKEN",
            "ADMIN_ID",
            "TELEGRAM_COLOUR_OF_THE_SKY",
            "ADMIN_PASSWORD",
            "KOMMO_TOKEN",
        ] {
            assert!(told(name).is_some(), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "PORTS",
            "LANG",
            "PGHOST",
            "RUST_LOG_STYLE",
            "RUST_BACKTRACE",
            "AMOCRM_LEAD_BOT_SERVICE_HOST",
            "AMOCRM_LEAD_BOT_PORT_8080_TCP",
            "TELEGRAM_BOT_SERVICE_PORT",
            "AMOCRM_SUBDOMAIN",
            "BASH_FUNC_x%%",
            "LOG_LEVEL",
        ] {
            assert_eq!(told(name), None, "{name}");
        }
        // The right one is there, so this one is meant for somebody else.
        assert!(misspelt(["DATABASE_URI"].into_iter(), |name| name == "DATABASE_URL").is_empty());
    }
}
