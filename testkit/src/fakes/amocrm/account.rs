//! What the account is set up with: pipelines, users and custom fields.

/// The main pipeline of the account a fake starts with.
pub const MAIN_PIPELINE: u64 = 7_100_001;
/// The stage for unsorted leads of the main pipeline, which the API does not let a lead into.
pub const UNSORTED_STATUS: u64 = 7_100_010;
/// The first ordinary stage of the main pipeline, the default of a new lead.
pub const FIRST_STATUS: u64 = 7_100_011;
/// The second ordinary stage of the main pipeline.
pub const SECOND_STATUS: u64 = 7_100_012;
/// A pipeline that is not the main one.
pub const OTHER_PIPELINE: u64 = 7_100_002;
/// The first ordinary stage of the other pipeline.
pub const OTHER_STATUS: u64 = 7_100_021;
/// The stage of won leads, the same in every pipeline.
pub const WON_STATUS: u64 = 142;
/// The stage of lost leads, the same in every pipeline.
pub const LOST_STATUS: u64 = 143;
/// The administrator the tokens belong to.
pub const ADMIN_USER: u64 = 501;
/// A manager without administrator rights.
pub const MANAGER_USER: u64 = 502;
/// A numeric field of leads, code `TG_BUDGET`.
pub const BUDGET_FIELD: u64 = 9001;
/// A text field of leads, at most 256 characters, without a code.
pub const TEXT_FIELD: u64 = 9002;
/// A url field of leads, code `TG_CAR_LINK`.
pub const LINK_FIELD: u64 = 9003;
/// A select field of leads with the options `Новый` (1) and `С пробегом` (2).
pub const SELECT_FIELD: u64 = 9004;
/// The phone field of contacts, code `PHONE`.
pub const PHONE_FIELD: u64 = 8001;
/// The e-mail field of contacts, code `EMAIL`.
pub const EMAIL_FIELD: u64 = 8002;

/// The two kinds of entities the fake keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// Deals.
    Leads,
    /// People.
    Contacts,
}

impl Entity {
    /// The kind as paths and bodies name it.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Entity::Leads => "leads",
            Entity::Contacts => "contacts",
        }
    }

    /// The kind as events name it.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Entity::Leads => "lead",
            Entity::Contacts => "contact",
        }
    }
}

/// A stage of a pipeline.
#[derive(Debug, Clone)]
pub struct Status {
    /// The id; 142 and 143 are the same in every pipeline.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether it is the stage of unsorted leads.
    pub unsorted: bool,
}

impl Status {
    /// An ordinary stage.
    pub fn new(id: u64, name: &str) -> Self {
        Status { id, name: name.to_owned(), unsorted: false }
    }
}

/// A pipeline with its stages.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether leads without a pipeline go here.
    pub is_main: bool,
    /// Whether it is put away; its leads cannot be made any more.
    pub is_archive: bool,
    /// Whether unsorted leads are kept apart.
    pub is_unsorted_on: bool,
    /// The stages in order.
    pub statuses: Vec<Status>,
}

/// A user of the account.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether the user may read users and make fields.
    pub is_admin: bool,
}

/// An option of a select field, or a kind of phone or e-mail.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The id (`enum_id`).
    pub id: u64,
    /// The text (`value`); for phones and e-mails the code.
    pub value: String,
}

/// A custom field.
#[derive(Debug, Clone)]
pub struct Field {
    /// The id.
    pub id: u64,
    /// Whose field it is.
    pub entity: Entity,
    /// The name.
    pub name: String,
    /// The code by which writes may name it.
    pub code: Option<String>,
    /// The type: `text`, `numeric`, `url`, `multitext`, `select`, …
    pub kind: String,
    /// The options.
    pub choices: Vec<Choice>,
}

impl Field {
    /// A field without options.
    pub fn new(id: u64, entity: Entity, kind: &str, name: &str, code: Option<&str>) -> Self {
        Field {
            id,
            entity,
            name: name.to_owned(),
            code: code.map(str::to_owned),
            kind: kind.to_owned(),
            choices: Vec::new(),
        }
    }

    /// The same field with these options, numbered from this id on.
    pub fn choices(mut self, first_id: u64, values: &[&str]) -> Self {
        self.choices = (first_id..).zip(values).map(|(id, value)| Choice { id, value: (*value).to_owned() }).collect();
        self
    }
}

/// What the account is set up with; tests change it through [`super::FakeAmocrm::account`].
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's id.
    pub id: u64,
    /// The account's name.
    pub name: String,
    /// The first label of the account's host.
    pub subdomain: String,
    /// The user the tokens belong to.
    pub current_user: u64,
    /// The pipelines in order.
    pub pipelines: Vec<Pipeline>,
    /// The active users.
    pub users: Vec<User>,
    /// The custom fields of leads and contacts.
    pub fields: Vec<Field>,
}

impl Default for Account {
    fn default() -> Self {
        let closing =
            || [Status::new(WON_STATUS, "Успешно реализовано"), Status::new(LOST_STATUS, "Закрыто и не реализовано")];
        let unsorted = |id| Status { unsorted: true, ..Status::new(id, "Неразобранное") };
        let main = [
            unsorted(UNSORTED_STATUS),
            Status::new(FIRST_STATUS, "Первичный контакт"),
            Status::new(SECOND_STATUS, "Переговоры"),
        ];
        let other = [unsorted(OTHER_PIPELINE + 18), Status::new(OTHER_STATUS, "Запись на сервис")];
        let pipeline = |id, name: &str, is_main, stages: &[Status]| Pipeline {
            id,
            name: name.to_owned(),
            is_main,
            is_archive: false,
            is_unsorted_on: true,
            statuses: stages.iter().cloned().chain(closing()).collect(),
        };
        let user = |id, name: &str, is_admin| User { id, name: name.to_owned(), is_admin };
        let leads = |id, kind, name, code| Field::new(id, Entity::Leads, kind, name, code);
        let contacts = |id, kind, name, code| Field::new(id, Entity::Contacts, kind, name, code);
        Account {
            id: 31_415_926,
            name: "Автосалон".to_owned(),
            subdomain: "acme".to_owned(),
            current_user: ADMIN_USER,
            pipelines: vec![
                pipeline(MAIN_PIPELINE, "Продажи", true, &main),
                pipeline(OTHER_PIPELINE, "Сервис", false, &other),
            ],
            users: vec![user(ADMIN_USER, "Анна", true), user(MANAGER_USER, "Мария", false)],
            fields: vec![
                leads(BUDGET_FIELD, "numeric", "Бюджет покупателя", Some("TG_BUDGET")),
                leads(TEXT_FIELD, "text", "Автомобиль", None),
                leads(LINK_FIELD, "url", "Ссылка на авто", Some("TG_CAR_LINK")),
                leads(SELECT_FIELD, "select", "Состояние", None).choices(90_041, &["Новый", "С пробегом"]),
                leads(9005, "textarea", "Комментарий", None),
                leads(9006, "tracking_data", "utm_source", Some("UTM_SOURCE")),
                leads(9007, "tracking_data", "utm_medium", Some("UTM_MEDIUM")),
                leads(9008, "tracking_data", "utm_campaign", Some("UTM_CAMPAIGN")),
                leads(9009, "tracking_data", "utm_content", Some("UTM_CONTENT")),
                leads(9010, "tracking_data", "utm_term", Some("UTM_TERM")),
                contacts(PHONE_FIELD, "multitext", "Телефон", Some("PHONE"))
                    .choices(80_011, &["WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"]),
                contacts(EMAIL_FIELD, "multitext", "Email", Some("EMAIL")).choices(80_021, &["WORK", "PRIV", "OTHER"]),
                contacts(8003, "text", "Должность", Some("POSITION")),
            ],
        }
    }
}

impl Account {
    /// The pipeline of leads that name none.
    pub(super) fn main_pipeline(&self) -> &Pipeline {
        self.pipelines.iter().find(|pipeline| pipeline.is_main).unwrap_or(&self.pipelines[0])
    }

    /// Whether the user the tokens belong to is an administrator.
    pub(super) fn admin(&self) -> bool {
        self.users.iter().any(|user| user.id == self.current_user && user.is_admin)
    }

    /// The field a write names by id or code.
    pub(super) fn field(&self, entity: Entity, id: Option<u64>, code: Option<&str>) -> Option<&Field> {
        self.fields.iter().filter(|field| field.entity == entity).find(|field| match id {
            Some(id) => field.id == id,
            None => code.is_some() && field.code.as_deref() == code,
        })
    }
}
