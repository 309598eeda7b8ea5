//! A test lead through the code that delivers all others, from a store of its own that nobody else sees.

use serde_json::json;

use super::{
    super::{CommandError, settings, test_amocrm::nobodys_lead},
    account,
    bot::Bot,
    site::Site,
};
use crate::{
    config::Dealer,
    crm::amocrm::Crm,
    delivery::{Attaching, DeliveryPass, drain},
    lead::{Budget, Buyer, CarLink, Lead, Name, Region},
    store::{ImportedLead, Lease, NewLead, SQLITE_FILE, Store},
    wording::Rendered,
};

/// Lost: a lead there is over, and nobody is to call.
const LOST: i64 = 143;

/// Sends the lead, closes it, and tells the admin; whether all of it went well.
pub async fn test_lead(site: &Site<'_>, crm: &Crm, bot: &Bot) -> Result<bool, CommandError> {
    let (amocrm, region, dealer) = site
        .read_settings(|reader| (reader.amocrm(), reader.phone_region(), reader.dealer()))
        .map_err(CommandError::Config)?;
    let amocrm = settings::account(amocrm)?;
    let bar = site.ask.waiting("trial-waiting");
    let sent = deliver(site, crm, &dealer, region).await;
    bar.finish_and_clear();
    let (lead, lead_id) = match sent? {
        Ok(sent) => sent,
        Err(why) => {
            site.ask.warn("trial-failed", &[("why", &why)]);
            return Ok(false);
        }
    };
    let link = format!("{}/leads/detail/{lead_id}", amocrm.base_url.as_str().trim_end_matches('/'));
    let args = [("link", link.as_str()), ("number", lead.number.as_str())];
    site.ask.say("trial-sent", &args);
    // The interface of amoCRM deletes leads, its API does not.
    let name = format!("#{} {}", lead.number, site.ask.text("trial-name", &[]));
    let over = json!({"name": name, "status_id": LOST});
    match crm.update_lead(lead_id, &over).await {
        Ok(()) => site.ask.say("trial-closed", &args),
        Err(error) => site.ask.warn("trial-open", &[("link", &link), ("why", &error.to_string())]),
    }
    let admin = site.read_settings(|reader| reader.admin_chat()).ok().flatten();
    let Some(admin) = admin else { return Ok(true) };
    match bot.telegram.send(admin, &Rendered::plain(site.ask.text("all-set-admin", &args))).await {
        Ok(_) => Ok(true),
        Err(error) => {
            site.ask.warn("chat-refuses", &[("chat", &admin.to_string()), ("why", &error.to_string())]);
            Ok(false)
        }
    }
}

/// The lead with its id in amoCRM, or why it is not there.
async fn deliver(
    site: &Site<'_>,
    crm: &Crm,
    dealer: &Dealer,
    region: Region,
) -> Result<Result<(Lead, i64), String>, CommandError> {
    let folder = tempfile::tempdir().map_err(|error| CommandError::Failed(crate::files::why(&error)))?;
    let store = Store::open_file(&folder.path().join(SQLITE_FILE), site.clock()).await?;
    let lead = lead(region);
    store.leads().import(&[ImportedLead { new: NewLead::fresh(lead.clone()), fingerprint: None }]).await?;
    let pass = DeliveryPass::new(&store, crm.clone(), Lease::command(), Attaching::of(dealer));
    let report = drain(&pass, |_, _| {}).await?;
    let row = store.leads().by_number(&lead.number).await?;
    store.close().await;
    let lead_id = row.as_ref().and_then(|row| row.crm_lead_id()).filter(|_| report.left + report.rejected == 0);
    Ok(match (lead_id, report.stopped_by) {
        (Some(lead_id), _) => Ok((lead, lead_id)),
        (None, Some(error)) => Err(error.to_string()),
        (None, None) => Err(row.and_then(|row| row.last_error).unwrap_or_else(|| "?".to_owned())),
    })
}

fn lead(region: Region) -> Lead {
    Lead {
        name: Name::imported("Проверка бота (test)"),
        budget: Some(Budget::imported("2 млн")),
        car_link: CarLink::imported("https://example.com/test-car"),
        buyer: Buyer::new(0, None, Some("test"), None),
        ..nobodys_lead(region)
    }
}

/// Whether there is an account to try.
pub async fn account_of(site: &Site<'_>) -> Result<Option<Crm>, CommandError> {
    if site.value("AMOCRM_SUBDOMAIN").is_none() || !account::has_access(site) {
        return Ok(None);
    }
    account::crm(site).await.map(Some)
}
