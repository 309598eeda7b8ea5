//! A lead as amoCRM takes it, whole or with the parts left out that amoCRM has refused. No I/O.
//!
//! **Promise.** The name with the lead's number and the phone are never given up: what cannot go into a field goes
//! into the note (see [`super::note`]).

use serde_json::{Value, json};

use super::degradation::{Degradation, plain, sent_tags};
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
pub(super) fn fields(lead: &Lead, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let budget = settings.budget_field_id.map(|id| (id, lead.budget.typed().to_owned()));
    let link = settings.car_link_field_id.zip(lead.car_link.as_ref().map(|link| link.url().to_owned()));
    // A cut link leads nowhere; the note has it whole.
    let link = link.filter(|(_, url)| url.chars().count() <= FIELD_CAP);
    budget.into_iter().chain(link).collect()
}

pub(super) fn sent_fields(new: &NewLead<'_>, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let mut fields = fields(new.lead, settings);
    fields.retain(|(id, _)| !new.degradation.fields.contains(id));
    fields
}

/// One element of the body of `POST /api/v4/leads/complex`.
pub(super) fn lead_json(new: &NewLead<'_>, settings: &AmocrmSettings) -> Value {
    let (lead, left_out) = (new.lead, &new.degradation);
    let said = |text: String| if left_out.plain { plain(&text) } else { text };
    let mut json = json!({ "name": said(lead_name(lead)), "request_id": lead.number.as_str() });
    let responsible = settings.responsible_user_id.filter(|_| !left_out.responsible);
    if !left_out.price {
        json["price"] = lead.budget.price().into();
    }
    if let Some(id) = settings.pipeline_id.filter(|_| !left_out.stage) {
        json["pipeline_id"] = id.into();
    }
    if let Some(id) = settings.status_id.filter(|_| !left_out.stage && !left_out.status) {
        json["status_id"] = id.into();
    }
    if let Some(id) = responsible {
        json["responsible_user_id"] = id.into();
    }
    let fields = sent_fields(new, settings);
    if !fields.is_empty() {
        let cut = |value: &str| value.chars().take(FIELD_CAP).collect::<String>();
        json["custom_fields_values"] =
            fields.iter().map(|(id, value)| json!({"field_id": id, "values": [{"value": said(cut(value))}]})).collect();
    }
    let contact = match new.contact_id.filter(|_| !left_out.contact) {
        // A found contact is only linked; its name and phone are the dealer's.
        Some(id) => json!({ "id": id }),
        None => {
            let mut contact = json!({ "name": said(lead.name.as_str().to_owned()) });
            if !left_out.phone {
                let mut phone = json!({ "value": lead.phone.e164() });
                if !left_out.phone_kind {
                    phone["enum_code"] = "WORK".into();
                }
                contact["custom_fields_values"] = json!([{"field_code": "PHONE", "values": [phone]}]);
            }
            if let Some(id) = responsible.filter(|_| !left_out.contact_responsible) {
                contact["responsible_user_id"] = id.into();
            }
            contact
        }
    };
    json["_embedded"] = json!({ "contacts": [contact] });
    let tags = sent_tags(settings, left_out);
    if !tags.is_empty() {
        json["_embedded"]["tags"] = tags.into_iter().map(|tag| json!({"name": tag})).collect();
    }
    json
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

    pub(crate) fn new(lead: &Lead) -> NewLead<'_> {
        NewLead { lead, contact_id: None, degradation: Degradation::default() }
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
}
