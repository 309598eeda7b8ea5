//! How to reach amoCRM.

use secrecy::{ExposeSecret, SecretString};
use strum::IntoEnumIterator;
use url::Url;

use super::{
    AnswerField, ConfigProblem, Reader,
    account_host::{account_host, host_part, is_account_host},
    answer_field::TELEGRAM_FIELD,
};
use crate::{
    form::{BUDGET, CAR_LINK, Question},
    lead::{Sources, Utm},
};

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
    /// `crm_field` of the questions in `dealer.toml`: lead fields that take the answers.
    pub answer_fields: Vec<AnswerField>,
    /// The lead fields that take UTM marks, by their codes.
    pub utm_fields: Vec<AnswerField>,
    /// `[[source]]` of `dealer.toml`.
    pub sources: Sources,
    /// `AMOCRM_CONTACT_LOOKUP`: search for an existing contact before a new one is made.
    pub contact_lookup: bool,
    /// `AMOCRM_REQUESTS_PER_SECOND`, 1 to 7.
    pub requests_per_second: u32,
}

impl AmocrmSettings {
    /// The id of the field that the environment names for the answer to a question.
    pub fn set_field_id(&self, question: &str) -> Option<i64> {
        match question {
            BUDGET => self.budget_field_id,
            CAR_LINK => self.car_link_field_id,
            _ => None,
        }
    }

    /// The field that takes the answer to a question, where a form names one.
    pub fn answer_field(&self, question: &str) -> Option<&AnswerField> {
        self.answer_fields.iter().find(|field| field.question == question)
    }

    /// The field that takes a UTM mark.
    pub fn utm_field(&self, mark: Utm) -> Option<&AnswerField> {
        self.utm_fields.iter().find(|field| field.question == mark.field())
    }
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

/// The stages that every pipeline ends with: won and lost (amocrm.ru/developers, «Воронки и этапы»).
const CLOSED: [i64; 2] = [142, 143];

const SUBDOMAIN_REMEDY: &str = "It is the first part of your amoCRM address: acme for https://acme.amocrm.ru";

const TOKEN_REMEDY: &str =
    "Copy it whole from amoCRM: amoМаркет → ⋯ → your integration → the tab «Ключи и доступы» (Keys and scopes)";

const INTEGRATION_REMEDY: &str =
    "It stands in amoCRM: amoМаркет → ⋯ → your integration → the tab «Ключи и доступы» (Keys and scopes)";

/// What to say where an integration is needed and none of its settings is there.
pub fn missing_integration() -> Vec<ConfigProblem> {
    ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"]
        .map(|variable| ConfigProblem::new(variable, "is missing", INTEGRATION_REMEDY))
        .into()
}

/// What to say where an account is needed and none is named.
pub fn missing_subdomain() -> Vec<ConfigProblem> {
    vec![ConfigProblem::new("AMOCRM_SUBDOMAIN", "is missing", SUBDOMAIN_REMEDY)]
}

impl Reader<'_> {
    /// The account, if one is named. Everything is read, whatever is wrong with the rest, so that all problems are told
    /// at once.
    pub fn amocrm(&mut self) -> Option<AmocrmSettings> {
        let base_url = self.base_url();
        let access_token = self.secret("AMOCRM_ACCESS_TOKEN", TOKEN_REMEDY);
        let refresh_token = self.secret("AMOCRM_REFRESH_TOKEN", TOKEN_REMEDY);
        if access_token.as_ref().is_some_and(|token| is_refresh_token(token.expose_secret())) {
            let problem = "looks like a refresh token or a code (it begins with def50)";
            self.warnings.push(ConfigProblem::new("AMOCRM_ACCESS_TOKEN", problem, TOKEN_REMEDY));
        }
        let same = |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        if access_token.as_ref().zip(refresh_token.as_ref()).is_some_and(|(access, refresh)| same(access, refresh)) {
            let remedy = "Leave it out for a long-lived token; otherwise both stand in the answer to the code";
            self.wrong("AMOCRM_REFRESH_TOKEN", "is the same as AMOCRM_ACCESS_TOKEN", remedy);
        }
        let integration = self.integration(access_token.is_some() && refresh_token.is_none());
        let wants_account = integration.is_some() || access_token.is_some() || refresh_token.is_some();
        let account_host = self.account_host(base_url.as_ref(), wants_account);
        const PIPELINE: &str =
            "Run `amocrm-lead-bot test-amocrm`: it lists the pipelines and their statuses with their ids";
        const USER: &str = "It stands in the address of the user's card in amoCRM";
        const FIELD: &str = "It stands in the settings of the lead's fields in amoCRM";
        let pipeline_id = self.id("AMOCRM_PIPELINE_ID", PIPELINE);
        let status_id = self.id("AMOCRM_STATUS_ID", PIPELINE);
        if status_id.is_some_and(|id| CLOSED.contains(&id)) {
            let problem = "is a closed stage (142 won, 143 lost): every new lead would be over at once";
            self.warnings.push(ConfigProblem::new("AMOCRM_STATUS_ID", problem, PIPELINE));
        }
        let responsible_user_id = self.id("AMOCRM_RESPONSIBLE_USER_ID", USER);
        let tags = self.tags();
        let budget_field_id = self.id("AMOCRM_BUDGET_FIELD_ID", FIELD);
        let car_link_field_id = self.id("AMOCRM_CAR_LINK_FIELD_ID", FIELD);
        let telegram_field_id = self.id(TELEGRAM_FIELD, FIELD);
        let set = [(BUDGET, budget_field_id), (CAR_LINK, car_link_field_id)];
        let is_set = |question: &Question| set.iter().any(|(key, id)| *key == question.key && id.is_some());
        let field = |question: &Question| {
            Some(AnswerField {
                question: question.key.to_owned(),
                kind: question.kind,
                field: question.field?,
                choices: question.choices.iter().map(|choice| choice.all()).collect(),
                is_listed: false,
                known: None,
            })
        };
        // What the environment says wins.
        let dealer = self.dealer();
        let form = dealer.form;
        let of_username = telegram_field_id.map(AnswerField::of_username);
        let asked = form.questions().iter().filter(|question| !is_set(question)).filter_map(field);
        let answer_fields = asked.chain(of_username).collect();
        let contact_lookup = self.switch("AMOCRM_CONTACT_LOOKUP");
        let requests_per_second = self.requests_per_second();
        let account_host = account_host?;
        Some(AmocrmSettings {
            base_url: base_url.or_else(|| Url::parse(&format!("https://{account_host}")).ok())?,
            account_host,
            integration,
            access_token,
            refresh_token,
            pipeline_id,
            status_id,
            responsible_user_id,
            tags,
            budget_field_id,
            car_link_field_id,
            answer_fields,
            utm_fields: Utm::iter().map(AnswerField::utm).collect(),
            sources: dealer.sources,
            contact_lookup,
            requests_per_second,
        })
    }

    /// The account's host, with nothing else.
    pub fn amocrm_host(&mut self) -> Option<String> {
        let base_url = self.base_url();
        self.account_host(base_url.as_ref(), true)
    }

    fn base_url(&mut self) -> Option<Url> {
        const NAME: &str = "AMOCRM_BASE_URL";
        const REMEDY: &str = "Leave it out: AMOCRM_SUBDOMAIN is enough";
        let url = self.own_address(NAME, REMEDY)?;
        if url.query().is_some() || url.fragment().is_some() {
            self.wrong(NAME, "has a question mark or a # in it", REMEDY);
        } else if is_part_of_the_api(url.path()) {
            self.wrong(NAME, "ends with a part of the API, which is added behind it", REMEDY);
        }
        Some(url)
    }

    /// The account's host; a value that is wrong is told, one that is missing only where something else needs it.
    fn account_host(&mut self, base_url: Option<&Url>, wanted: bool) -> Option<String> {
        const NAME: &str = "AMOCRM_SUBDOMAIN";
        let Some(subdomain) = self.text(NAME) else {
            let host = base_url.and_then(Url::host_str).map(str::to_owned);
            if host.is_none() && wanted {
                self.wrong(NAME, "is missing", SUBDOMAIN_REMEDY);
            }
            return host;
        };
        let host = account_host(&subdomain);
        if host.is_none() {
            let problem = if subdomain.contains(char::is_whitespace) {
                "has a blank in it"
            } else if is_account_host(host_part(&subdomain)) {
                "has more in it than the account's address"
            } else {
                "is no address of an amoCRM or Kommo account"
            };
            self.wrong(NAME, problem, SUBDOMAIN_REMEDY);
        }
        host
    }

    fn tags(&mut self) -> Vec<String> {
        const NAME: &str = "AMOCRM_TAGS";
        let text = self.text(NAME).unwrap_or_else(|| "telegram_bot".into());
        let tags: Vec<String> =
            text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        if tags.is_empty() {
            self.wrong(NAME, "has commas in it and no tag", "Leave it out for telegram_bot");
        }
        tags
    }

    fn integration(&mut self, long_lived: bool) -> Option<Integration> {
        let client_id = self.copied("AMOCRM_CLIENT_ID", INTEGRATION_REMEDY);
        let client_secret = self.secret("AMOCRM_CLIENT_SECRET", INTEGRATION_REMEDY);
        let redirect_url = self.redirect_url();
        let refreshes = self.text("AMOCRM_REFRESH_TOKEN").is_some();
        if client_id.is_none() && client_secret.is_none() && redirect_url.is_none() && !refreshes {
            return None;
        }
        // A long-lived token needs no integration, so half of one left over in the environment does no harm.
        if long_lived && (client_id.is_none() || client_secret.is_none() || redirect_url.is_none()) {
            return None;
        }
        for (name, absent) in [
            ("AMOCRM_CLIENT_ID", client_id.is_none()),
            ("AMOCRM_CLIENT_SECRET", client_secret.is_none()),
            ("AMOCRM_REDIRECT_URL", redirect_url.is_none()),
        ] {
            if absent {
                self.wrong(name, "is missing", INTEGRATION_REMEDY);
            }
        }
        Some(Integration { client_id: client_id?, client_secret: client_secret?, redirect_url: redirect_url? })
    }

    /// Byte for byte as it was given: amoCRM compares it so.
    fn redirect_url(&mut self) -> Option<String> {
        const NAME: &str = "AMOCRM_REDIRECT_URL";
        let url = self.own_address(
            NAME,
            "It must be the same, letter for letter, as in the integration's settings in amoCRM: https://…",
        );
        if url.is_some_and(|url| url.fragment().is_some()) {
            self.wrong(
                NAME,
                "has a # in it",
                "The code that amoCRM adds behind it would be lost; take it out in both places",
            );
        }
        self.text(NAME)
    }

    fn requests_per_second(&mut self) -> u32 {
        const REMEDY: &str = "A whole number from 1 to 7 (amoCRM blocks accounts above 7); leave it out for 5";
        // Where time runs faster for a test, so may the requests.
        let most = if self.text("TEST_SPEED").is_some() { 1000 } else { 7 };
        match self.text("AMOCRM_REQUESTS_PER_SECOND").map(|text| text.parse::<u32>()) {
            None => 5,
            Some(Ok(rate)) if (1..=most).contains(&rate) => rate,
            Some(_) => {
                self.wrong("AMOCRM_REQUESTS_PER_SECOND", "is not a number from 1 to 7", REMEDY);
                5
            }
        }
    }
}

/// amoCRM's refresh tokens and codes begin so; access tokens are JWT.
fn is_refresh_token(token: &str) -> bool {
    token.starts_with("def50")
}

fn is_part_of_the_api(path: &str) -> bool {
    ["/api/v", "/oauth2"].iter().any(|part| path.contains(part))
}
