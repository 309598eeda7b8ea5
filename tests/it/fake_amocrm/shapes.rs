//! What is refused, with which code and path, and how much is too much.

use serde_json::{Value, json};
use testkit::fakes::amocrm::account::{
    BUDGET_FIELD, OTHER_STATUS, PHONE_FIELD, SECOND_STATUS, SELECT_FIELD, TEXT_FIELD, UNSORTED_STATUS,
};

use crate::fake_amocrm::{COMPLEX, Client, lead_with};

#[tokio::test]
async fn wrong_shapes_are_refused_with_their_paths() {
    let client = Client::new().await;
    let phone = "_embedded.contacts.0.custom_fields_values.0";
    let long = "я".repeat(257);
    let text = |value: &str| json!([{ "field_id": TEXT_FIELD, "values": [{ "value": value }] }]);
    let select = |value: Value| json!([{ "field_id": SELECT_FIELD, "values": [value] }]);
    let field = |id: u64| json!([{ "field_id": id, "values": [{ "value": "1" }] }]);
    let many: Vec<Value> = (0..41).map(|_| field(BUDGET_FIELD)[0].clone()).collect();
    let contacts = json!([{ "name": "а" }, { "name": "б" }]);
    let fields = "custom_fields_values";
    let cases = [
        ("color", json!(1), "FieldNotExpected", "color"),
        ("price", json!("5"), "InvalidType", "price"),
        ("price", json!(5.5), "InvalidType", "price"),
        ("name", json!(7), "InvalidType", "name"),
        ("name", json!(long), "TooLong", "name"),
        ("request_id", json!(7), "InvalidType", "request_id"),
        ("pipeline_id", json!(1), "NotSupportedChoice", "pipeline_id"),
        ("pipeline_id", json!("1"), "InvalidType", "pipeline_id"),
        ("status_id", json!(OTHER_STATUS), "NotSupportedChoice", "status_id"),
        ("status_id", json!(UNSORTED_STATUS), "NotSupportedChoice", "status_id"),
        ("responsible_user_id", json!(9), "NotSupportedChoice", "responsible_user_id"),
        ("responsible_user_id", json!(0), "NotSupportedChoice", "responsible_user_id"),
        ("_embedded.sources", json!([]), "FieldNotExpected", "_embedded.sources"),
        ("_embedded.tags", json!("a"), "InvalidType", "_embedded.tags"),
        ("_embedded.tags.0", json!("a"), "InvalidType", "_embedded.tags.0"),
        ("_embedded.tags.0", json!({}), "FieldMissing", "_embedded.tags.0.name"),
        ("_embedded.tags.0.id", json!(9), "NotSupportedChoice", "_embedded.tags.0.id"),
        ("_embedded.contacts", contacts, "TooManyElements", "_embedded.contacts"),
        ("_embedded.contacts", json!([{ "id": 9 }]), "NotSupportedChoice", "_embedded.contacts.0.id"),
        ("_embedded.contacts.0.phone", json!("1"), "FieldNotExpected", "_embedded.contacts.0.phone"),
        (&format!("{phone}.field_code"), json!("UTM_SOURCE"), "NotSupportedChoice", &format!("{phone}.field_code")),
        (
            &format!("{phone}.values.0.enum_code"),
            json!("MOBILE"),
            "NotSupportedChoice",
            &format!("{phone}.values.0.enum_code"),
        ),
        (&format!("{phone}.values.0.value"), json!(""), "NotBlank", &format!("{phone}.values.0.value")),
        (&format!("{phone}.values"), json!([]), "NotBlank", &format!("{phone}.values")),
        (&format!("{phone}.values"), json!("1"), "InvalidType", &format!("{phone}.values")),
        (fields, field(PHONE_FIELD), "NotSupportedChoice", "custom_fields_values.0.field_id"),
        (fields, json!([{ "field_id": BUDGET_FIELD }]), "FieldMissing", "custom_fields_values.0.values"),
        (fields, json!(many), "TooManyElements", "custom_fields_values"),
        (fields, text(&long), "TooLong", "custom_fields_values.0.values.0.value"),
        (fields, select(json!({ "value": "x" })), "NotSupportedChoice", "custom_fields_values.0.values.0.value"),
        (fields, select(json!({ "enum_id": 1 })), "NotSupportedChoice", "custom_fields_values.0.values.0.enum_id"),
        (
            fields,
            select(json!({ "value": "Новый", "enum_code": "A" })),
            "FieldNotExpected",
            "custom_fields_values.0.values.0.enum_code",
        ),
        (
            "custom_fields_values.0.values.0.value",
            json!("много"),
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
    ];
    for (path, value, code, complaint) in cases {
        let answer = client.post(COMPLEX, json!([lead_with(path, value.clone())])).await;
        let expected = (code.to_owned(), complaint.to_owned());
        assert_eq!(answer.complaint(), expected, "{path} = {value}");
        if path != "request_id" {
            let errors = &answer.json["validation-errors"];
            assert_eq!(errors[0]["request_id"], "K7M2QXA");
        }
        assert_eq!(answer.json["detail"], "Request validation failed");
    }
    assert!(client.crm.leads().is_empty() && client.crm.contacts().is_empty());
    for (path, value) in [
        (fields, text(&"я".repeat(256))),
        (fields, select(json!({ "enum_id": 90_041 }))),
        (fields, select(json!({ "value": "Новый" }))),
        (fields, field(BUDGET_FIELD)),
        ("created_by", json!(0)),
        ("status_id", json!(SECOND_STATUS)),
    ] {
        let answer = client.post(COMPLEX, json!([lead_with(path, value)])).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn batches_have_limits() {
    let client = Client::new().await;
    let empty = client.post(COMPLEX, json!([])).await;
    assert_eq!(empty.status, 400);
    assert_eq!(empty.json["detail"], "Request data can not be empty");
    assert!(empty.json.get("validation-errors").is_none());
    assert_eq!(client.post(COMPLEX, json!({})).await.status, 400);
    assert_eq!(client.post(COMPLEX, json!(["a"])).await.status, 400);
    assert_eq!(client.post(COMPLEX, json!(vec![json!({}); 51])).await.status, 400);
    assert_eq!(client.post(COMPLEX, json!(vec![json!({}); 50])).await.status, 200);
    let many = client.post("/api/v4/leads", json!(vec![json!({}); 251])).await;
    assert_eq!((many.status, &many.json["detail"]), (422, &json!("Limit 250 per page")));
    let text = client.http.post(format!("{}{COMPLEX}", client.crm.url()));
    let text = text.bearer_auth(&client.access).body("[{}]").header("content-type", "text/plain");
    assert_eq!(text.send().await.unwrap().status(), 415);
    assert_eq!(client.get("/api/v4/leads?limit=251").await.status, 422);
    assert_eq!(client.get("/api/v4/events?limit=101").await.status, 422);
    assert_eq!(client.get("/api/v4/leads?order[price]=asc").await.status, 400);
}

#[tokio::test]
async fn a_batch_is_refused_as_a_whole_unless_set_otherwise() {
    let client = Client::new().await;
    let batch = json!([{ "name": "a" }, { "price": "x" }, { "name": "c" }]);
    let refused = client.post(COMPLEX, batch.clone()).await;
    assert_eq!(refused.complaint().1, "price");
    assert_eq!(refused.json["validation-errors"][0]["request_id"], "1");
    assert!(client.crm.leads().is_empty());
    client.crm.partial_batches(true);
    assert_eq!(client.post(COMPLEX, batch).await.status, 400);
    assert_eq!(client.crm.leads().len(), 2);
}
