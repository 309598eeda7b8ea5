//! A lead as amoCRM takes it, whole or with the parts left out that amoCRM has refused. No I/O.
//!
//! **Promise.** The name with the lead's number and the phone are never given up: what cannot go into a field goes
//! into the note (see [`super::note`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::RejectedField;
use crate::config::AmocrmSettings;
use crate::lead::{Lead, LeadNumber};

/// Lead names are probably limited to 255 characters (not documented).
const NAME_CAP: usize = 250;
/// Text fields take 256 characters through the API, 255 by one answer of the support (amocrm-api-php#224).
const FIELD_CAP: usize = 255;

/// A lead about to be created.
#[derive(Debug, Clone)]
pub struct NewLead<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// The buyer's contact, where one was found.
    pub contact_id: Option<i64>,
    /// What to leave out.
    pub degradation: Degradation,
}

/// What amoCRM has refused of a lead, and so is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Degradation {
    /// Custom fields by id: their values go into the note.
    pub fields: BTreeSet<i64>,
    /// `AMOCRM_RESPONSIBLE_USER_ID`.
    pub responsible: bool,
    /// `AMOCRM_TAGS`.
    pub tags: bool,
    /// `AMOCRM_PIPELINE_ID` and `AMOCRM_STATUS_ID`, which only make sense together.
    pub stage: bool,
    /// The price.
    pub price: bool,
    /// The found contact (it is gone, or may not be linked): a new one is made.
    pub contact: bool,
    /// The contact's phone (not a number amoCRM takes): it goes into the note.
    pub phone: bool,
}

impl Degradation {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The lead's title in amoCRM: `Заявка от {name} #{number}`, at most 250 characters, of which the number is kept.
pub fn lead_name(lead: &Lead) -> String {
    let (start, end) = ("Заявка от ", format!(" #{}", lead.number));
    let room = NAME_CAP - start.chars().count() - end.chars().count();
    let name: String = lead.name.as_str().chars().take(room).collect();
    format!("{start}{}{end}", name.trim_end())
}

/// Whether a lead's title carries this number as a word of its own.
pub fn carries_number(title: &str, number: &LeadNumber) -> bool {
    let key = format!("#{number}");
    title.match_indices(&key).any(|(at, _)| {
        let next = title[at + key.len()..].chars().next();
        !next.is_some_and(char::is_alphanumeric)
    })
}

/// The custom fields of a lead, in the order in which they are sent: id and value, uncut.
fn fields(lead: &Lead, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let budget = settings.budget_field_id.map(|id| (id, lead.budget.typed().to_owned()));
    let link = settings.car_link_field_id.zip(lead.car_link.as_ref().map(|link| link.url().to_owned()));
    // A cut link leads nowhere; the note has it whole.
    let link = link.filter(|(_, url)| url.chars().count() <= FIELD_CAP);
    budget.into_iter().chain(link).collect()
}

fn sent_fields(new: &NewLead<'_>, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let mut fields = fields(new.lead, settings);
    fields.retain(|(id, _)| !new.degradation.fields.contains(id));
    fields
}

/// One element of the body of `POST /api/v4/leads/complex`.
pub(super) fn lead_json(new: &NewLead<'_>, settings: &AmocrmSettings) -> Value {
    let (lead, left_out) = (new.lead, &new.degradation);
    let mut json = json!({ "name": lead_name(lead), "request_id": lead.number.as_str() });
    let responsible = settings.responsible_user_id.filter(|_| !left_out.responsible);
    if !left_out.price {
        json["price"] = lead.budget.price().into();
    }
    if let Some(id) = settings.pipeline_id.filter(|_| !left_out.stage) {
        json["pipeline_id"] = id.into();
    }
    if let Some(id) = settings.status_id.filter(|_| !left_out.stage) {
        json["status_id"] = id.into();
    }
    if let Some(id) = responsible {
        json["responsible_user_id"] = id.into();
    }
    let fields = sent_fields(new, settings);
    if !fields.is_empty() {
        let cut = |value: &str| value.chars().take(FIELD_CAP).collect::<String>();
        json["custom_fields_values"] =
            fields.iter().map(|(id, value)| json!({"field_id": id, "values": [{"value": cut(value)}]})).collect();
    }
    let contact = match new.contact_id.filter(|_| !left_out.contact) {
        // A found contact is only linked; its name and phone are the dealer's.
        Some(id) => json!({ "id": id }),
        None => {
            let mut contact = json!({ "name": lead.name.as_str() });
            if !left_out.phone {
                contact["custom_fields_values"] = json!([
                    {"field_code": "PHONE", "values": [{"value": lead.phone.e164(), "enum_code": "WORK"}]}
                ]);
            }
            if let Some(id) = responsible {
                contact["responsible_user_id"] = id.into();
            }
            contact
        }
    };
    json["_embedded"] = json!({ "contacts": [contact] });
    if !settings.tags.is_empty() && !left_out.tags {
        json["_embedded"]["tags"] = settings.tags.iter().map(|tag| json!({"name": tag})).collect();
    }
    json
}

/// What to leave out after amoCRM refused these fields of a lead; `None` when nothing can be given up for it.
///
/// Of the answer to a request for several leads, give only the fields of this one. The result holds what was left out
/// before, too.
pub fn degrade(new: &NewLead<'_>, settings: &AmocrmSettings, refused: &[RejectedField]) -> Option<Degradation> {
    let mut result = new.degradation.clone();
    let sent = sent_fields(new, settings);
    for field in refused {
        let mut parts = field.path.split('.').peekable();
        // Some answers begin the path with the lead's position in the request.
        while parts.next_if(|part| part.parse::<usize>().is_ok()).is_some() {}
        let parts: Vec<&str> = parts.collect();
        let custom = |at: &str| at.parse::<usize>().ok().and_then(|at| sent.get(at)).map(|(id, _)| *id);
        match parts.as_slice() {
            ["custom_fields_values", at, ..] if custom(at).is_some() => result.fields.extend(custom(at)),
            ["custom_fields_values", ..] => result.fields.extend(sent.iter().map(|(id, _)| *id)),
            ["responsible_user_id", ..] | ["_embedded", "contacts", _, "responsible_user_id", ..] => {
                result.responsible = true;
            }
            ["tags" | "tags_to_add", ..] | ["_embedded", "tags", ..] => result.tags = true,
            ["status_id" | "pipeline_id", ..] => result.stage = true,
            ["price", ..] => result.price = true,
            ["_embedded", "contacts", _, "custom_fields_values", ..] => result.phone = true,
            ["_embedded", "contacts", _, "id", ..] => result.contact = true,
            // Which part of the contact, it does not say: a found one is given up before the phone is.
            ["_embedded"] | ["_embedded", "contacts"] | ["_embedded", "contacts", _] => {
                match new.contact_id.filter(|_| !result.contact) {
                    Some(_) => result.contact = true,
                    None => result.phone = true,
                }
            }
            _ => {}
        }
    }
    (result != new.degradation).then_some(result)
}

/// The values that were left out, with a name for each, for the note.
pub(super) fn refused_values(lead: &Lead, settings: &AmocrmSettings, left_out: &Degradation) -> Vec<(String, String)> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut values = Vec::new();
    for (field, value) in fields(lead, settings) {
        if left_out.fields.contains(&field) {
            let name = if settings.budget_field_id == Some(field) { "«Бюджет»" } else { "«Ссылка»" };
            values.push((format!("{name} ({field})"), value));
        }
    }
    if left_out.phone {
        values.push(("«Телефон»".into(), lead.phone.e164().into()));
    }
    if left_out.price {
        values.push(("«Бюджет сделки»".into(), lead.budget.price().to_string()));
    }
    if left_out.responsible {
        values.push(("«Ответственный»".into(), id(settings.responsible_user_id)));
    }
    if left_out.stage {
        values.push(("«Воронка»".into(), id(settings.pipeline_id)));
        values.push(("«Этап»".into(), id(settings.status_id)));
    }
    if left_out.tags {
        values.push(("«Теги»".into(), settings.tags.join(", ")));
    }
    values.retain(|(_, value)| !value.is_empty());
    values
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::from_value;
    use url::Url;

    /// A lead with every answer.
    pub(crate) fn lead() -> Lead {
        from_value(json!({
            "id": "01JD3Q5V8Z0000000000000000", "number": "K7M2QXA", "submitted_at": "2026-11-23T10:30:00Z",
            "name": "Иван Петров",
            "phone": {"e164": "+79991234567", "typed": "8 (999) 123-45-67", "origin": "typed"},
            "budget": {"typed": "2,5 млн", "price": 2_500_000},
            "car_link": {
                "url": "https://fem.encar.com/cars/detail/38000001",
                "typed": "вот http://www.encar.com/dc/dc_cardetailview.do?carid=38000001", "encar_id": "38000001"
            },
            "buyer": {"user_id": 42, "chat_id": 42, "username": "ivan", "full_name": "Ivan P"}
        }))
        .expect("a lead")
    }

    /// An account with every setting.
    pub(crate) fn settings() -> AmocrmSettings {
        AmocrmSettings {
            base_url: Url::parse("https://acme.amocrm.ru").expect("an address"),
            account_host: "acme.amocrm.ru".into(),
            integration: None,
            access_token: None,
            refresh_token: None,
            pipeline_id: Some(101),
            status_id: Some(202),
            responsible_user_id: Some(7),
            tags: vec!["telegram_bot".into(), "encar".into()],
            budget_field_id: Some(501),
            car_link_field_id: Some(502),
            contact_lookup: true,
            requests_per_second: 5,
        }
    }

    fn new(lead: &Lead) -> NewLead<'_> {
        NewLead { lead, contact_id: None, degradation: Degradation::default() }
    }

    fn refused(path: &str) -> RejectedField {
        RejectedField { index: Some(0), request_id: None, path: path.into(), code: "NotSupportedChoice".into() }
    }

    #[test]
    fn a_whole_lead() {
        assert_eq!(
            lead_json(&new(&lead()), &settings()),
            json!({
                "name": "Заявка от Иван Петров #K7M2QXA",
                "request_id": "K7M2QXA",
                "price": 2_500_000,
                "pipeline_id": 101,
                "status_id": 202,
                "responsible_user_id": 7,
                "custom_fields_values": [
                    {"field_id": 501, "values": [{"value": "2,5 млн"}]},
                    {"field_id": 502, "values": [{"value": "https://fem.encar.com/cars/detail/38000001"}]}
                ],
                "_embedded": {
                    "contacts": [{
                        "name": "Иван Петров",
                        "responsible_user_id": 7,
                        "custom_fields_values":
                            [{"field_code": "PHONE", "values": [{"value": "+79991234567", "enum_code": "WORK"}]}]
                    }],
                    "tags": [{"name": "telegram_bot"}, {"name": "encar"}]
                }
            })
        );
    }

    #[test]
    fn the_least_there_can_be() {
        let settings = AmocrmSettings {
            pipeline_id: None,
            status_id: None,
            responsible_user_id: None,
            tags: Vec::new(),
            budget_field_id: None,
            car_link_field_id: None,
            ..settings()
        };
        let lead = lead();
        let json = lead_json(&NewLead { contact_id: Some(9), ..new(&lead) }, &settings);
        assert_eq!(
            json,
            json!({
                "name": "Заявка от Иван Петров #K7M2QXA", "request_id": "K7M2QXA", "price": 2_500_000,
                "_embedded": {"contacts": [{"id": 9}]}
            })
        );
    }

    #[test]
    fn a_long_name_loses_its_end_and_never_the_number() {
        let mut lead = lead();
        lead.name = from_value(json!("Я".repeat(400))).expect("a name");
        let name = lead_name(&lead);
        assert_eq!(name.chars().count(), NAME_CAP);
        assert!(name.ends_with("Я #K7M2QXA"));
    }

    #[test]
    fn long_values_are_cut_and_long_links_left_to_the_note() {
        let mut lead = lead();
        lead.budget = from_value(json!({"typed": "9".repeat(300), "price": 0})).expect("a budget");
        let url = format!("https://a.b/{}", "x".repeat(250));
        lead.car_link = from_value(json!({"url": url, "typed": url})).expect("a link");
        let json = lead_json(&new(&lead), &settings());
        let fields = json["custom_fields_values"].as_array().expect("fields");
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0]["values"][0]["value"].as_str().map(str::len), Some(FIELD_CAP));
    }

    #[test]
    fn numbers_are_words() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        for title in [
            "Заявка от Иван #K7M2QXA",
            "#K7M2QXA",
            "VIP #K7M2QXA перезвонить",
            "Сделка (#K7M2QXA)",
            "#K7M2QXAB #K7M2QXA",
        ] {
            assert!(carries_number(title, &number), "{title}");
        }
        for title in ["Заявка от Иван #K7M2QXAB", "K7M2QXA", "#K7M2QX", "#k7m2qxa", "#K7M2QXA1", "#K7M2QXAЖ", ""]
        {
            assert!(!carries_number(title, &number), "{title}");
        }
    }

    #[test]
    fn every_refusable_part_can_be_left_out() {
        let (lead, settings) = (lead(), settings());
        let found = NewLead { contact_id: Some(9), ..new(&lead) };
        let left_out = Degradation::default;
        for (path, expected) in [
            ("custom_fields_values.0.field_id", Degradation { fields: [501].into(), ..left_out() }),
            ("custom_fields_values.1.values.0.value", Degradation { fields: [502].into(), ..left_out() }),
            ("0.custom_fields_values.1.field_id", Degradation { fields: [502].into(), ..left_out() }),
            ("custom_fields_values", Degradation { fields: [501, 502].into(), ..left_out() }),
            ("responsible_user_id", Degradation { responsible: true, ..left_out() }),
            ("_embedded.contacts.0.responsible_user_id", Degradation { responsible: true, ..left_out() }),
            ("tags_to_add.0.name", Degradation { tags: true, ..left_out() }),
            ("_embedded.tags.0.name", Degradation { tags: true, ..left_out() }),
            ("status_id", Degradation { stage: true, ..left_out() }),
            ("pipeline_id", Degradation { stage: true, ..left_out() }),
            ("price", Degradation { price: true, ..left_out() }),
            ("_embedded.contacts.0.custom_fields_values.0.values.0.value", Degradation { phone: true, ..left_out() }),
            ("_embedded.contacts.0.id", Degradation { contact: true, ..left_out() }),
            ("_embedded.contacts.0", Degradation { contact: true, ..left_out() }),
        ] {
            assert_eq!(degrade(&found, &settings, &[refused(path)]), Some(expected), "{path}");
        }
        for path in ["name", "_embedded.contacts.0.name", "request_id", ""] {
            assert_eq!(degrade(&found, &settings, &[refused(path)]), None, "{path}");
        }
    }

    #[test]
    fn what_was_left_out_stays_out() {
        let (lead, settings) = (lead(), settings());
        let once = degrade(&new(&lead), &settings, &[refused("custom_fields_values.0.field_id")]).expect("something");
        let again = NewLead { degradation: once.clone(), ..new(&lead) };
        // The link has moved up to the first place.
        let twice = degrade(&again, &settings, &[refused("custom_fields_values.0.field_id")]).expect("something");
        assert_eq!(twice.fields, [501, 502].into());
        let all = NewLead { degradation: twice, ..new(&lead) };
        assert!(lead_json(&all, &settings).get("custom_fields_values").is_none());
        assert_eq!(degrade(&all, &settings, &[refused("custom_fields_values.0.field_id")]), None);
    }

    #[test]
    fn a_refused_phone_leaves_the_contact_with_its_name() {
        let lead = lead();
        let left_out = Degradation {
            phone: true,
            responsible: true,
            tags: true,
            stage: true,
            price: true,
            ..Degradation::default()
        };
        let json = lead_json(&NewLead { degradation: left_out, ..new(&lead) }, &settings());
        assert_eq!(json["_embedded"], json!({"contacts": [{"name": "Иван Петров"}]}));
        for gone in ["price", "pipeline_id", "status_id", "responsible_user_id"] {
            assert!(json.get(gone).is_none(), "{gone}");
        }
    }

    #[test]
    fn a_degradation_can_be_stored() {
        let left_out = Degradation { fields: [501].into(), phone: true, ..Degradation::default() };
        let text = serde_json::to_string(&left_out).expect("JSON");
        assert_eq!(serde_json::from_str::<Degradation>(&text).expect("the same"), left_out);
        assert!(serde_json::from_str::<Degradation>("{}").expect("nothing").is_empty());
    }
}
