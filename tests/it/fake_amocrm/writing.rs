//! Writing: what is stored and how it is answered.

use crate::fake_amocrm::{COMPLEX, Client, lead, lead_with};
use serde_json::{Value, json};
use testkit::fakes::amocrm::account::{
    BUDGET_FIELD, FIRST_STATUS, LINK_FIELD, MAIN_PIPELINE, OTHER_PIPELINE, OTHER_STATUS, SELECT_FIELD, UNSORTED_STATUS,
};

#[tokio::test]
async fn a_complex_lead_is_stored_with_its_contact() {
    let client = Client::new().await;
    let made = client.post(COMPLEX, json!([lead("Заявка от Иван #K7M2QXA")])).await;
    assert_eq!((made.status, made.kind.as_str()), (200, "application/hal+json"));
    let stored = client.crm.lead_with_number("K7M2QXA").unwrap();
    let contact = &client.crm.contacts()[0];
    assert_eq!(
        made.json,
        json!([{
            "id": stored.id,
            "contact_id": contact.id,
            "company_id": null,
            "request_id": ["K7M2QXA"],
            "merged": false,
        }])
    );
    assert_eq!((stored.price, stored.pipeline_id), (1_500_000, MAIN_PIPELINE));
    assert_eq!(stored.status_id, FIRST_STATUS);
    assert_eq!(stored.tags, ["telegram_bot"]);
    assert_eq!(stored.field(BUDGET_FIELD).as_deref(), Some("1500000.5"));
    assert_eq!(stored.field(LINK_FIELD).as_deref(), Some("https://cars.example/1"));
    assert_eq!(stored.contact_id, Some(contact.id));
    assert_eq!(stored.request_id.as_deref(), Some("K7M2QXA"));
    assert_eq!((contact.name.as_str(), contact.phones.as_slice()), ("Иван", &["+79990000001".to_owned()][..]));
    assert_eq!(contact.lead_ids, [stored.id]);
    assert_eq!(client.crm.leads_named("#K7M2QXA").len(), 1);

    // Nothing in the API tells two equal leads apart.
    let second = client.post(COMPLEX, json!([{}, { "status_id": OTHER_STATUS }])).await;
    assert_eq!(second.json[1]["request_id"], json!(["1"]));
    assert_eq!(second.json[0]["contact_id"], Value::Null);
    let leads = client.crm.leads();
    assert_eq!((leads[1].pipeline_id, leads[1].status_id), (MAIN_PIPELINE, FIRST_STATUS));
    assert_eq!(leads[2].pipeline_id, OTHER_PIPELINE);
}

#[tokio::test]
async fn a_lead_is_attached_to_a_contact_that_exists() {
    let client = Client::new().await;
    let contact = client.crm.add_contact("Иван", &["+7 999 000-00-01"]);
    let body = lead_with("_embedded.contacts", json!([{ "id": contact }]));
    let made = client.post(COMPLEX, json!([body])).await;
    assert_eq!(made.json[0]["contact_id"], contact);
    assert_eq!(client.crm.contacts().len(), 1);

    let extra = json!([{ "id": contact, "name": "Пётр" }]);
    let refused = client.post(COMPLEX, json!([lead_with("_embedded.contacts", extra)])).await;
    let path = "_embedded.contacts.0.name".to_owned();
    assert_eq!(refused.complaint(), ("FieldNotExpected".to_owned(), path));
}

#[tokio::test]
async fn metadata_sends_a_lead_to_the_unsorted() {
    let client = Client::new().await;
    let metadata =
        json!({ "category": "forms", "form_id": 1, "form_name": "Бот", "form_page": "t.me", "form_sent_at": 1 });
    let made = client.post(COMPLEX, json!([lead_with("_embedded.metadata", metadata)])).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(client.crm.leads()[0].status_id, UNSORTED_STATUS);
}

#[tokio::test]
async fn duplicate_control_merges_by_phone() {
    let client = Client::new().await;
    client.crm.duplicate_control(true);
    let first = client.post(COMPLEX, json!([lead("a")])).await;
    let second = client.post(COMPLEX, json!([lead("b")])).await;
    assert_eq!(second.json[0]["id"], first.json[0]["id"]);
    assert_eq!(second.json[0]["merged"], true);
    assert_eq!(client.crm.leads().len(), 1);
}

#[tokio::test]
async fn leads_and_contacts_are_made_changed_and_linked() {
    let client = Client::new().await;
    let phone = |phone: &str| json!([{ "field_code": "PHONE", "values": [{ "value": phone, "enum_code": "MOB" }] }]);
    let contact = json!([{ "name": "Иван", "custom_fields_values": phone("+79990000001"), "request_id": "r" }]);
    let made = client.post("/api/v4/contacts", contact).await;
    let contact = made.ids("contacts")[0];
    assert_eq!(made.json["_embedded"]["contacts"][0]["request_id"], "r");
    let made = client.post("/api/v4/leads", json!([{ "name": "x" }])).await;
    let lead = made.ids("leads")[0];
    assert!(made.json["_embedded"]["leads"][0].get("name").is_none());

    let link = json!([{ "to_entity_id": contact, "to_entity_type": "contacts", "metadata": { "is_main": true } }]);
    let linked = client.post(&format!("/api/v4/leads/{lead}/link"), link.clone()).await;
    assert_eq!(linked.json["_embedded"]["links"][0]["to_entity_id"], contact);
    assert_eq!(client.post(&format!("/api/v4/leads/{lead}/link"), link).await.status, 200);
    let links = client.get(&format!("/api/v4/leads/{lead}/links")).await;
    assert_eq!(links.json["_embedded"]["links"].as_array().unwrap().len(), 1);
    let wrong = json!([{ "to_entity_id": 9, "to_entity_type": "contacts" }]);
    let wrong = client.post(&format!("/api/v4/leads/{lead}/link"), wrong).await;
    assert_eq!(wrong.complaint().1, "to_entity_id");

    let one = format!("/api/v4/leads/{lead}");
    assert!(client.get(&one).await.json["_embedded"].get("contacts").is_none());
    let with = client.get(&format!("{one}?with=contacts")).await;
    assert_eq!(with.json["_embedded"]["contacts"][0]["id"], contact);
    assert_eq!(with.json["_embedded"]["contacts"][0]["is_main"], true);
    assert_eq!(with.json["custom_fields_values"], Value::Null);
    let with = client.get(&format!("/api/v4/contacts/{contact}?with=leads")).await;
    assert_eq!(with.json["_embedded"]["leads"][0]["id"], lead);
    let value = &with.json["custom_fields_values"][0];
    assert_eq!((&value["field_code"], &value["field_type"]), (&json!("PHONE"), &json!("multitext")));
    assert_eq!(value["values"][0]["enum_code"], "MOB");
    assert!(value["values"][0]["enum_id"].is_u64());

    let budget = json!([{ "field_id": BUDGET_FIELD, "values": [{ "value": 5 }] }]);
    let change = json!({ "name": "y", "price": 7, "tags_to_add": [{ "name": "t" }], "custom_fields_values": budget });
    assert_eq!(client.patch(&one, change).await.json["id"], lead);
    let clear = json!([{ "field_id": BUDGET_FIELD, "values": null }]);
    let change = json!([{ "id": lead, "tags_to_add": [{ "name": "u" }], "tags_to_delete": [{ "name": "t" }], "custom_fields_values": clear }]);
    assert_eq!(client.patch("/api/v4/leads", change).await.ids("leads"), [lead]);
    let stored = client.crm.leads().remove(0);
    assert_eq!((stored.name.as_str(), stored.price, stored.tags), ("y", 7, vec!["u".to_owned()]));
    assert!(stored.custom_fields.is_empty());
    assert_eq!(client.patch("/api/v4/leads", json!([{ "id": 9 }])).await.complaint().1, "id");
    assert_eq!(client.patch("/api/v4/leads/9", json!({ "price": 1 })).await.status, 404);

    let change = json!({ "first_name": "Пётр", "custom_fields_values": phone("+79990000002") });
    assert_eq!(client.patch(&format!("/api/v4/contacts/{contact}"), change).await.status, 200);
    let stored = client.crm.contacts().remove(0);
    assert_eq!((stored.name.as_str(), stored.phones), ("Пётр", vec!["+79990000002".to_owned()]));

    client.crm.remove_contact(contact);
    assert_eq!(client.crm.leads()[0].contact_id, None);
    client.crm.rename_lead(lead, "z");
    assert_eq!(client.get(&one).await.json["name"], "z");
    client.crm.remove_lead(lead);
    let gone = client.get(&one).await;
    assert_eq!((gone.status, gone.text.as_str(), gone.kind.as_str()), (204, "", ""));
}

#[tokio::test]
async fn notes_are_written_and_read_back() {
    let client = Client::new().await;
    let lead = client.crm.add_lead("x");
    let note = |text: &str| json!({ "note_type": "common", "params": { "text": text } });
    let mut bulk = note("первая");
    bulk["entity_id"] = json!(lead);
    bulk["request_id"] = json!("q");
    let made = client.post("/api/v4/leads/notes", json!([bulk.clone()])).await;
    let row = &made.json["_embedded"]["notes"][0];
    assert_eq!((&row["entity_id"], &row["request_id"]), (&json!(lead), &json!("q")));
    let path = format!("/api/v4/leads/{lead}/notes");
    assert_eq!(client.post(&path, json!([note("вторая")])).await.status, 200);
    let service = json!([{ "note_type": "service_message", "params": { "service": "бот", "text": "с" } }]);
    assert_eq!(client.post(&path, service).await.status, 200);
    client.crm.add_note(lead, "от менеджера");
    assert_eq!(client.crm.leads()[0].notes, ["первая", "вторая", "от менеджера"]);
    let notes = client.get(&format!("{path}?filter[note_type]=common&limit=250")).await;
    let texts = notes.json["_embedded"]["notes"].as_array().unwrap().iter();
    assert_eq!(texts.map(|note| &note["params"]["text"]).collect::<Vec<_>>(), ["первая", "вторая", "от менеджера"]);
    assert_eq!(client.get(&format!("{path}?filter[note_type]=sms_in")).await.status, 204);
    assert_eq!(client.get("/api/v4/leads/9/notes").await.status, 204);

    let mut unknown = bulk.clone();
    unknown["entity_id"] = json!(9);
    for (body, code, path) in [
        (unknown, "NotSupportedChoice", "entity_id"),
        (note("x"), "FieldMissing", "entity_id"),
        (json!({ "entity_id": lead, "params": { "text": "x" } }), "FieldMissing", "note_type"),
        (json!({ "entity_id": lead, "note_type": "common" }), "FieldMissing", "params"),
        (json!({ "entity_id": lead, "note_type": "common", "params": {} }), "NotBlank", "params.text"),
        (json!({ "entity_id": lead, "note_type": "x", "params": {} }), "NotSupportedChoice", "note_type"),
    ] {
        let answer = client.post("/api/v4/leads/notes", json!([body])).await;
        assert_eq!(answer.complaint(), (code.to_owned(), path.to_owned()));
    }
    assert_eq!(client.post("/api/v4/leads/9/notes", json!([note("x")])).await.status, 404);
    assert_eq!(client.post("/api/v4/leads/notes", json!(vec![bulk; 251])).await.status, 422);
}

#[tokio::test]
async fn tags_and_fields_can_be_made() {
    let client = Client::new().await;
    let made = client.post("/api/v4/leads/tags", json!([{ "name": "telegram_bot" }])).await;
    let tag = made.ids("tags")[0];
    let again = client.post("/api/v4/leads/tags", json!([{ "name": "telegram_bot" }])).await;
    assert_eq!(again.ids("tags"), [tag]);
    client.post("/api/v4/leads/tags", json!([{ "name": "telegram_bot " }])).await;
    assert_eq!(client.get("/api/v4/leads/tags?query=TELE").await.ids("tags").len(), 2);
    assert_eq!(client.get("/api/v4/leads/tags?filter[name]=telegram_bot").await.ids("tags"), [tag]);
    assert_eq!(client.get("/api/v4/contacts/tags").await.status, 204);
    client.post(COMPLEX, json!([lead_with("_embedded.tags", json!([{ "id": tag }]))])).await;
    assert_eq!(client.crm.leads()[0].tags, ["telegram_bot"]);

    let field = json!([{ "type": "text", "name": "Telegram", "code": "TG_USERNAME" }]);
    let made = client.post("/api/v4/leads/custom_fields", field.clone()).await;
    assert_eq!((made.status, made.ids("custom_fields").len()), (201, 1));
    assert_eq!(client.post("/api/v4/leads/custom_fields", field.clone()).await.status, 422);
    let value = json!([{ "field_code": "TG_USERNAME", "values": [{ "value": "@ivan" }] }]);
    let made = client.post(COMPLEX, json!([lead_with("custom_fields_values", value)])).await;
    assert_eq!(made.status, 200);
    client.crm.account(|account| account.fields.retain(|field| field.id != BUDGET_FIELD));
    let refused = client.post(COMPLEX, json!([lead("x")])).await;
    assert_eq!(refused.complaint().1, "custom_fields_values.0.field_id");
    client.crm.admin(false);
    assert_eq!(client.post("/api/v4/leads/custom_fields", field).await.status, 403);
}

#[tokio::test]
async fn bodies_are_checked_against_the_contract() {
    let client = Client::new().await;
    if !client.crm.contract_checked() {
        assert!(client.crm.contract_violations().is_empty());
        return;
    }
    let good = client.post(COMPLEX, json!([lead("x")])).await;
    assert_eq!(good.status, 200);
    let lead_id = client.crm.leads()[0].id;
    let note = json!([{ "entity_id": lead_id, "note_type": "common", "params": { "text": "x" } }]);
    client.post("/api/v4/leads/notes", note).await;
    let select = json!([{ "field_id": SELECT_FIELD, "values": [{ "enum_id": 90_041 }] }]);
    client.patch(&format!("/api/v4/leads/{lead_id}"), json!({ "custom_fields_values": select })).await;
    assert_eq!(client.crm.contract_violations(), Vec::<String>::new());

    client.post(COMPLEX, json!([lead_with("price", json!("5"))])).await;
    client.post(&format!("/api/v4/leads/{lead_id}/notes"), json!([{ "params": {} }])).await;
    let found = client.crm.contract_violations();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("/0/price") && found[1].contains("note_type"), "{found:#?}");
}

#[tokio::test]
async fn texts_do_not_come_back_as_they_were_sent() {
    let client = Client::new().await;
    let body = lead_with("name", json!("#K7M2QXA \"Ко\" <b>&</b> д'А 🚗 Иван "));
    let id = client.post(COMPLEX, json!([body])).await.json[0]["id"].as_u64().unwrap();
    let lead = client.get(&format!("/api/v4/leads/{id}")).await.json;
    assert_eq!(lead["name"], "#K7M2QXA &quot;Ко&quot; &lt;b&gt;&amp;&lt;/b&gt; д&#039;А");
    assert_eq!(client.crm.leads()[0].name, "#K7M2QXA \"Ко\" <b>&</b> д'А");

    let text = " ⏰ 🚗\u{FE0F} \"a\" > b\n✅ \n";
    let note = json!([{ "note_type": "common", "params": { "text": text } }]);
    client.post(&format!("/api/v4/leads/{id}/notes"), note).await;
    let notes = client.get(&format!("/api/v4/leads/{id}/notes")).await.json;
    let shown = &notes["_embedded"]["notes"][0]["params"]["text"];
    assert_eq!(shown, "⏰ \u{FE0F} &quot;a&quot; &gt; b\n✅");
}

#[tokio::test]
async fn a_merged_lead_is_gone_and_its_notes_and_contacts_are_not() {
    let client = Client::new().await;
    let (first, second) = (client.crm.add_lead("Первая"), client.crm.add_lead("Вторая"));
    let contact = client.crm.add_contact("Иван", &["+79990000001"]);
    client.crm.attach(second, contact);
    client.crm.add_note(second, "примечание");
    client.crm.merge_leads(second, first);
    assert_eq!(client.get("/api/v4/leads").await.ids("leads"), [first]);
    assert_eq!(client.get(&format!("/api/v4/leads/{second}")).await.status, 204);
    assert_eq!(client.crm.leads()[0].notes, ["примечание"]);
    let contacts = client.get("/api/v4/contacts?query=9990000001&with=leads").await.json;
    assert_eq!(contacts["_embedded"]["contacts"][0]["_embedded"]["leads"][0]["id"], first);
    let events = client.get("/api/v4/events?filter[type]=entity_merged").await.json;
    let event = &events["_embedded"]["events"][0];
    assert_eq!((&event["entity_id"], &event["value_after"]), (&json!(first), &json!([])));
    let late = json!([{ "entity_id": second, "note_type": "common", "params": { "text": "поздно" } }]);
    let refused = client.post("/api/v4/leads/notes", late).await;
    assert_eq!(refused.complaint(), ("NotSupportedChoice".to_owned(), "entity_id".to_owned()));
}
