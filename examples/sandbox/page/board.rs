//! amoCRM's board: stages as columns, leads as cards.

use serde_json::{Value, json};
use testkit::fakes::amocrm::StoredLead;

use crate::stage::Stage;

/// The board of the main pipeline; leads elsewhere stand in the column of their own stage, if there is one.
pub fn seen(stage: &Stage) -> Value {
    let account = stage.amocrm.account(|account| account.clone());
    let stages = stage.stages();
    let (contacts, tasks, files) = (stage.amocrm.contacts(), stage.amocrm.tasks(), stage.amocrm.attachments());
    let card = |lead: &StoredLead| {
        let fields = lead.custom_fields.iter().map(|field| {
            let named = account.fields.iter().find(|known| known.id == field.id);
            let name = named.map_or_else(|| field.id.to_string(), |known| known.name.clone());
            json!({"name": name, "value": field.texts().join(", ")})
        });
        let of_lead = contacts.iter().filter(|contact| lead.contact_ids.contains(&contact.id));
        let people = of_lead.map(|contact| json!({"name": contact.name, "phones": contact.phones}));
        let tasks = tasks.iter().filter(|task| task.lead_id == lead.id);
        let files = files.iter().enumerate().filter(|(_, file)| file.lead_id == lead.id).map(|(at, file)| {
            let picture = super::server::picture(&file.bytes).is_some();
            json!({"name": file.name, "at": format!("/file/crm/{at}"), "picture": picture})
        });
        let responsible = account.users.iter().find(|user| user.id == lead.responsible_user_id);
        json!({
            "id": lead.id, "stage": lead.status_id, "name": lead.name, "price": lead.price, "tags": lead.tags,
            "responsible": responsible.map(|user| &user.name), "made": lead.created_at,
            "fields": Value::Array(fields.collect()), "people": Value::Array(people.collect()), "notes": lead.notes,
            "tasks": Value::Array(tasks.map(|task| json!({"text": task.text, "till": task.complete_till})).collect()),
            "files": Value::Array(files.collect()),
        })
    };
    let leads = stage.amocrm.leads();
    let stages = stages.iter().map(|(id, name)| json!({"id": id, "name": name}));
    json!({
        "account": account.name, "pipeline": account.pipelines[0].name, "stages": Value::Array(stages.collect()),
        "cards": Value::Array(leads.iter().map(card).collect()),
    })
}
