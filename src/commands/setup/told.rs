//! Why something did not work, in the language of the dialogue.

use super::{
    super::{CommandError, check_settings::russian},
    ask::Ask,
};
use crate::{
    config::ConfigProblem,
    crm::amocrm::{CrmError, TokenError},
    setup::words::Language,
};

impl Ask {
    /// Says that an answer will not do. What it was about, such as a setting's name, is known to whoever has just typed it.
    pub fn refuse(&self, error: &CommandError, about: &str) {
        self.warn("wrong", &[("what", &self.why(error, about))]);
    }

    /// Problems of settings, for whoever has just typed the one that is named.
    pub fn refuse_all(&self, problems: &[ConfigProblem], about: &str) {
        for problem in problems {
            self.warn("wrong", &[("what", &self.problem(problem, about))]);
        }
    }

    /// A failure in words.
    pub fn why(&self, error: &CommandError, about: &str) -> String {
        match error {
            CommandError::Config(problems) => {
                let lines: Vec<String> = problems.iter().map(|problem| self.problem(problem, about)).collect();
                lines.join("\n")
            }
            CommandError::Crm(error) => self.crm(error),
            other => other.to_string(),
        }
    }

    /// A setting that is wrong. A line of a file that is not written yet is no place to look at.
    fn problem(&self, problem: &ConfigProblem, about: &str) -> String {
        let mut bare = problem.clone();
        let is_known = bare.variable == about || bare.variable.contains(", line ");
        if is_known {
            bare.variable = "".into();
        }
        let told = match self.language {
            Language::Ru => russian::problem(&bare),
            Language::En => bare.to_string(),
        };
        told.strip_prefix(": ").map_or_else(|| told.clone(), str::to_owned)
    }

    /// Why amoCRM did not do it.
    pub fn crm(&self, error: &CrmError) -> String {
        let id = match error {
            CrmError::Unauthorized(TokenError::NeedsAuthorization { .. }) => "crm-unauthorized",
            CrmError::Throttled { .. } => "crm-throttled",
            CrmError::PaymentRequired => "crm-unpaid",
            CrmError::Forbidden { .. } => "crm-forbidden",
            CrmError::Blocked => "crm-blocked",
            CrmError::NotFound { .. } | CrmError::WrongAddress { .. } => "crm-wrong-address",
            CrmError::Unavailable { .. } => "crm-unavailable",
            other => return other.to_string(),
        };
        let words = error.to_string();
        let detail = words.split_once(": ").map_or("", |(_, detail)| detail);
        self.text(id, &[("why", detail)])
    }

    /// Why Telegram was not reached, from the words of its client.
    pub fn telegram(&self, words: &str) -> String {
        let id = match words {
            "no answer in time" => "net-late",
            "no connection" => "net-none",
            "the connection broke" => "net-broke",
            "an answer that is not Telegram's" => "net-strange",
            other => return other.to_owned(),
        };
        self.text(id, &[])
    }
}
