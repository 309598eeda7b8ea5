//! A lead as amoCRM takes it, whole or with the parts left out that amoCRM has refused. No I/O.
//!
//! **Promise.** The name with the lead's number and the phone are never given up: what cannot go into a field goes
//! into the note (see [`super::note`]).

use serde_json::{Value, json};

use super::key::{self, broken_up, said};
use super::lead_fields::{Sent, sent, takes_words};
use super::omitted::{OmittedFields, SentParts, plain, sent_tags};
use super::text::{FIELD_CAP, cut, kept, kept_visible};
use crate::config::{AmocrmSettings, USERNAME};
use crate::form::{BUDGET, CAR_LINK};
use crate::lead::{CarLink, Lead, NAMELESS, Wish};

/// A lead about to be created.
#[derive(Debug, Clone)]
pub struct NewLead<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// The buyer's contact, where one was found.
    pub contact_id: Option<i64>,
    /// What to leave out.
    pub degradation: OmittedFields,
}

/// A custom field of a lead with its value.
pub(super) struct FieldValue {
    /// The field's id.
    pub(super) id: i64,
    /// The question's key.
    pub(super) question: String,
    /// The answer as amoCRM keeps texts, uncut.
    pub(super) text: String,
    /// How it is sent.
    sent: Sent,
}

/// The custom fields of a lead, in the order in which they are sent.
pub(super) fn fields(lead: &Lead, settings: &AmocrmSettings) -> Vec<FieldValue> {
    let link = lead.car_link.as_ref().map_or("", CarLink::url);
    let own = [
        (BUDGET, settings.budget_field_id, lead.budget_typed(), usize::MAX),
        // A cut link leads nowhere; the note has it whole.
        (CAR_LINK, settings.car_link_field_id, link, FIELD_CAP),
    ];
    let by_setting = own.into_iter().filter_map(|(question, id, answer, longest)| {
        let text = said(answer).filter(|text| text.chars().count() <= longest)?;
        Some(FieldValue { id: id?, question: question.to_owned(), text, sent: Sent::Words(FIELD_CAP) })
    });
    let more = lead.more.iter().map(|answer| (answer.key.as_str(), answer.value.as_str()));
    // Who has no name there has no page.
    let page = lead.buyer.username.as_ref().map(|username| format!("https://t.me/{username}"));
    let page = page.iter().map(|page| (USERNAME, page.as_str()));
    let answers = [(BUDGET, lead.budget_typed()), (CAR_LINK, link)].into_iter().chain(more).chain(page);
    // Words about a car answer the question about its link, too, where its field takes words.
    let wish = lead.wish.as_ref().filter(|_| link.is_empty()).map_or("", Wish::as_str);
    let by_form = answers.filter_map(|(question, answer)| {
        let field = settings.answer_field(question)?;
        let answer = if question == CAR_LINK && answer.is_empty() && takes_words(field) { wish } else { answer };
        let (id, text) = (field.id()?, said(answer)?);
        Some(FieldValue { id, question: question.to_owned(), sent: sent(field, answer)?, text })
    });
    let mut fields: Vec<FieldValue> = by_setting.chain(by_form).collect();
    let marks = lead.source.iter().flat_map(|source| &source.utm);
    let by_source = marks.filter_map(|(mark, value)| {
        let field = settings.utm_field(*mark)?;
        let (id, text) = (field.id()?, said(value)?);
        Some(FieldValue { id, question: field.question.clone(), sent: sent(field, value)?, text })
    });
    for mark in by_source {
        // A field that the form fills in is the buyer's.
        if fields.iter().all(|field| field.id != mark.id) {
            fields.push(mark);
        }
    }
    fields
}

pub(super) fn sent_fields(new: &NewLead<'_>, settings: &AmocrmSettings) -> Vec<FieldValue> {
    let mut fields = fields(new.lead, settings);
    fields.retain(|field| !new.degradation.fields.contains(&field.id));
    fields
}

/// What of a lead is sent that amoCRM may refuse of another one.
pub(super) fn sent_parts(new: &NewLead<'_>, settings: &AmocrmSettings) -> SentParts {
    SentParts {
        fields: sent_fields(new, settings).iter().map(|field| field.id).collect(),
        tags: sent_tags(new.lead, settings, &new.degradation).into_iter().map(str::to_owned).collect(),
    }
}

/// One element of the body of `POST /api/v4/leads/complex`.
pub(super) fn lead_json(new: &NewLead<'_>, settings: &AmocrmSettings) -> Value {
    let (lead, left_out) = (new.lead, &new.degradation);
    let words = |text: &str| if left_out.plain { broken_up(&plain(text)) } else { text.to_owned() };
    let name = kept_visible(&words(&key::name(lead))).unwrap_or_else(|| NAMELESS.to_owned());
    let mut json = json!({ "name": key::title(&lead.number, &name), "request_id": lead.number.as_str() });
    let responsible = settings.responsible_user_id.filter(|_| !left_out.responsible);
    if !left_out.price {
        json["price"] = lead.price().into();
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
        let value = |field: &FieldValue| match &field.sent {
            Sent::Words(cap) => json!({ "value": words(&cut(&field.text, *cap)) }),
            Sent::Value(value) => value.clone(),
        };
        json["custom_fields_values"] =
            fields.iter().map(|field| json!({"field_id": field.id, "values": [value(field)]})).collect();
    }
    let contact = match new.contact_id.filter(|_| !left_out.contact) {
        // A found contact is only linked; its name and phone are the dealer's.
        Some(id) => json!({ "id": id }),
        None => {
            let mut contact = json!({ "name": cut(&name, FIELD_CAP) });
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
    let tags = sent_tags(lead, settings, left_out);
    if !tags.is_empty() {
        json["_embedded"]["tags"] = tags.into_iter().map(|tag| json!({"name": kept(tag)})).collect();
    }
    json
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        config::{AnswerField, KnownField},
        form::{Field, Kind},
        lead::{Extra, Utm},
    };
    use serde_json::from_value;
    use strum::IntoEnumIterator;
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
            answer_fields: vec![AnswerField {
                question: "city".into(),
                kind: Kind::Text,
                field: Field::Id(503),
                choices: Vec::new(),
                is_listed: false,
                known: None,
            }],
            utm_fields: utm_fields(),
            sources: Default::default(),
            contact_lookup: true,
            requests_per_second: 5,
        }
    }

    /// As an account lists them that has no UTM_TERM.
    fn utm_fields() -> Vec<AnswerField> {
        let known = |(mark, id): (Utm, i64)| AnswerField {
            is_listed: true,
            known: Some(KnownField { id, kind: "tracking_data".into(), options: Vec::new() })
                .filter(|_| mark != Utm::Term),
            ..AnswerField::utm(mark)
        };
        Utm::iter().zip(601..).map(known).collect()
    }

    pub(crate) fn new(lead: &Lead) -> NewLead<'_> {
        NewLead { lead, contact_id: None, degradation: OmittedFields::default() }
    }

    #[test]
    fn a_whole_lead() {
        assert_eq!(
            lead_json(&new(&lead()), &settings()),
            json!({
                "name": "#K7M2QXA Заявка: Иван Петров",
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
    fn the_buyers_page_stands_in_its_field() {
        let field = AnswerField {
            question: USERNAME.into(),
            kind: Kind::Link,
            field: Field::Id(77),
            choices: Vec::new(),
            is_listed: true,
            known: Some(KnownField { id: 77, kind: "url".into(), options: Vec::new() }),
        };
        assert_eq!(field.setting(), "AMOCRM_TELEGRAM_FIELD_ID");
        let settings = AmocrmSettings { answer_fields: vec![field], ..settings() };
        let page = |lead: &Lead| {
            let sent = lead_json(&new(lead), &settings)["custom_fields_values"].as_array().cloned().unwrap_or_default();
            sent.into_iter().find(|field| field["field_id"] == 77).map(|field| field["values"][0]["value"].clone())
        };
        let lead = lead();
        assert_eq!(page(&lead), Some(json!("https://t.me/ivan")));
        let nameless = crate::lead::Buyer { username: None, ..lead.buyer.clone() };
        assert_eq!(page(&Lead { buyer: nameless, ..lead }), None);
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
            answer_fields: Vec::new(),
            ..settings()
        };
        let lead = lead();
        let json = lead_json(&NewLead { contact_id: Some(9), ..new(&lead) }, &settings);
        assert_eq!(
            json,
            json!({
                "name": "#K7M2QXA Заявка: Иван Петров", "request_id": "K7M2QXA", "price": 2_500_000,
                "_embedded": {"contacts": [{"id": 9}]}
            })
        );
    }

    /// A source as leads hold it.
    pub(crate) fn source() -> crate::lead::LeadSource {
        from_value(json!({
            "code": "avito", "name": "Авито", "tag": "авито",
            "utm": {"source": "avito", "medium": "cpc 🚗", "campaign": "🚗", "term": "encar"}
        }))
        .expect("a source")
    }

    #[test]
    fn a_source_fills_its_fields_and_sets_its_tag() {
        let lead = Lead { source: Some(source()), car_link: None, budget: None, ..lead() };
        let json = lead_json(&new(&lead), &settings());
        let value = |id: i64, value: &str| json!({"field_id": id, "values": [{"value": value}]});
        // There is no field for UTM_TERM, and of the campaign amoCRM would keep nothing.
        assert_eq!(json["custom_fields_values"], json!([value(601, "avito"), value(602, "cpc")]));
        let tags = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        assert_eq!(json["_embedded"]["tags"], json!(tags(&["telegram_bot", "encar", "авито"])));
        let sent = sent_parts(&new(&lead), &settings());
        assert_eq!(sent.fields, [601, 602].into());
        assert!(sent.tags.contains("авито"));
        // A tag is set once, a field that a question fills in is the buyer's, and before the fields are listed none is sent.
        let asked = AnswerField { question: "from".into(), field: Field::Id(601), ..AnswerField::utm(Utm::Source) };
        let own = AmocrmSettings { tags: vec!["авито".into()], answer_fields: vec![asked], ..settings() };
        let more =
            vec![Extra { key: "from".into(), label: "Откуда".into(), value: "с выставки".into() }];
        let lead = Lead { more, ..lead };
        let json = lead_json(&new(&lead), &own);
        assert_eq!(json["custom_fields_values"], json!([value(601, "с выставки"), value(602, "cpc")]));
        assert_eq!(json["_embedded"]["tags"], json!(tags(&["авито"])));
        let unlisted = AmocrmSettings { utm_fields: Utm::iter().map(AnswerField::utm).collect(), ..settings() };
        assert!(lead_json(&new(&Lead { more: Vec::new(), ..lead }), &unlisted).get("custom_fields_values").is_none());
    }

    #[test]
    fn long_values_are_cut_and_long_links_left_to_the_note() {
        let mut lead = lead();
        lead.budget = from_value(json!({"typed": "9".repeat(300), "price": 0})).ok();
        let url = format!("https://a.b/{}", "x".repeat(250));
        lead.car_link = from_value(json!({"url": url, "typed": url})).expect("a link");
        let json = lead_json(&new(&lead), &settings());
        let fields = json["custom_fields_values"].as_array().expect("fields");
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0]["values"][0]["value"].as_str().map(str::len), Some(FIELD_CAP));
    }

    #[test]
    fn a_wish_stands_in_the_link_s_field_where_that_takes_words() {
        let with = |car_link: Option<CarLink>, kind: Option<&str>| {
            let lead = Lead { wish: from_value(json!("Toyota Camry 2021 белая")).ok(), car_link, ..lead() };
            let known = kind.map(|kind| KnownField { id: 504, kind: kind.into(), options: Vec::new() });
            let field = AnswerField {
                question: CAR_LINK.into(),
                kind: Kind::Link,
                field: Field::Id(504),
                choices: Vec::new(),
                is_listed: known.is_some(),
                known,
            };
            let settings = AmocrmSettings { car_link_field_id: None, answer_fields: vec![field], ..settings() };
            let fields = fields(&lead, &settings);
            fields.into_iter().find(|field| field.id == 504).map(|field| field.text)
        };
        let wish = Some("Toyota Camry 2021 белая".to_owned());
        for (kind, expected) in [
            (Some("text"), wish.clone()),
            (Some("textarea"), wish),
            (Some("url"), None),
            (Some("numeric"), None),
            // Nobody knows what it takes.
            (None, None),
        ] {
            assert_eq!(with(None, kind), expected, "{kind:?}");
        }
        assert_eq!(with(lead().car_link, Some("text")), lead().car_link.map(|link| link.url().to_owned()));
    }

    #[test]
    fn texts_are_sent_as_amocrm_keeps_them() {
        let typed = "https://a.b/🚗#K7M2QXA";
        let lead = Lead {
            name: from_value(json!("🚗")).expect("a name"),
            budget: from_value(json!({"typed": "до 3 млн 🤷, см. #N7HR3T9", "price": 0})).ok(),
            car_link: from_value(json!({"url": "https://a.b/c#N7HR3T9", "typed": typed})).expect("a link"),
            ..lead()
        };
        let settings = AmocrmSettings { tags: vec!["бот 🤖".into(), "🚗".into()], ..settings() };
        let json = lead_json(&new(&lead), &settings);
        assert_eq!(json["name"], "#K7M2QXA Заявка: Без имени");
        assert_eq!(json["_embedded"]["contacts"][0]["name"], "Без имени");
        assert_eq!(json["_embedded"]["tags"], json!([{"name": "бот"}]));
        let value = |at: usize| &json["custom_fields_values"][at]["values"][0]["value"];
        assert_eq!((value(0), value(1)), (&json!("до 3 млн , см. № N7HR3T9"), &json!("https://a.b/c#%4E7HR3T9")));
        let lead = Lead { budget: from_value(json!({"typed": "🤷", "price": 0})).ok(), car_link: None, ..lead };
        assert!(lead_json(&new(&lead), &settings).get("custom_fields_values").is_none());
    }
}
