//! The fields of leads in amoCRM.

use std::time::Duration;

use super::{super::CommandError, site::Site};
use crate::{
    crm::amocrm::{Crm, CrmError, LeadField},
    setup::fields::{self, Found, Place, Wanted},
};

/// So often a field whose making is uncertain is looked for, and so far apart, before it is made again.
const LOOKS: usize = 3;
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The fields of leads: those that are there are used, the others are made where the rights allow.
pub async fn fields(site: &mut Site<'_>, crm: &Crm) -> Result<(), CommandError> {
    let form = site.dealer_now()?.form;
    let set = |name: &str| site.value(name).and_then(|value| value.parse::<i64>().ok());
    let listed = crm.fields_of_leads().await?;
    let plan = fields::look(&form, set, &listed);
    let mut missing = Vec::new();
    for (place, found) in plan {
        match found {
            Found::There(id, name) => {
                site.ask.say("field-there", &[("name", &name), ("id", &id.to_string())]);
                keep(site, &place, id)?;
            }
            Found::Missing(wanted) => missing.push(wanted),
            Found::Gone { question, id } => {
                site.ask.warn("field-gone", &[("question", question), ("id", &id.to_string())]);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|wanted| format!("«{}»", wanted.new.name)).collect();
    let wanted = !site.flags.no_fields && site.ask.yes("fields-ask", &[("names", &names.join(", "))], true).await?;
    for one in missing {
        let (name, code, kind) = (one.new.name.as_str(), one.new.code.as_str(), one.new.kind);
        let args = [("name", name), ("code", code), ("kind", kind)];
        if !wanted {
            site.ask.say("field-by-hand", &args);
            continue;
        }
        match make(site, crm, &one).await {
            Ok(id) => {
                site.ask.say("field-made", &[("name", name), ("id", &id.to_string())]);
                keep(site, &one.place, id)?;
            }
            Err(CrmError::Forbidden { .. }) => site.ask.warn("field-forbidden", &args),
            Err(error @ (CrmError::Rejected { .. } | CrmError::Refused { .. })) => {
                site.ask.warn("field-refused", &[("name", name), ("why", &error.to_string())]);
                site.ask.say("field-by-hand", &args);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn keep(site: &mut Site<'_>, place: &Place, id: i64) -> Result<(), CommandError> {
    match place {
        Place::Setting(name) if site.value(name).as_deref() != Some(&id.to_string()) => {
            site.set(name, Some(id.to_string()))
        }
        // A question names its field itself.
        Place::Setting(_) | Place::Question(_) => Ok(()),
    }
}

/// Makes a field. Where it is not known whether it was made it is looked for before it is made once more.
async fn make(site: &Site<'_>, crm: &Crm, wanted: &Wanted) -> Result<i64, CrmError> {
    let id = |listed: &[LeadField]| fields::find(wanted, listed).map(|field| field.id);
    let mut made = crm.create_field_of_leads(&wanted.new).await;
    for again in [true, false] {
        match made {
            // A code that is taken meanwhile may be ours.
            Err(CrmError::Rejected { .. } | CrmError::Refused { .. }) => {
                return match id(&crm.fields_of_leads().await?) {
                    Some(id) => Ok(id),
                    None => made,
                };
            }
            Err(CrmError::Ambiguous { .. }) => {
                for _ in 0..LOOKS {
                    site.clock().sleep(POLL_INTERVAL).await;
                    if let Some(id) = id(&crm.fields_of_leads().await?) {
                        return Ok(id);
                    }
                }
            }
            other => return other,
        }
        if !again {
            break;
        }
        made = crm.create_field_of_leads(&wanted.new).await;
    }
    made
}
