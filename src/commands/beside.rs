//! A command beside a daemon that may run on the same store.

use crate::{
    backup,
    called::Called,
    config::{AmocrmSettings, Dealer, StoreSettings},
    daemon::{self, InstanceLock},
    delivery::{Attaching, DeliveryPass},
    lead::Region,
    store::{Lease, Store},
};

use super::{CommandError, output::outln};

/// How many entries of `backup_leads.json` nobody has imported yet; a running bot does so at once.
pub async fn not_taken_in(settings: &StoreSettings, region: Region, store: &Store) -> Result<i64, CommandError> {
    if is_daemon_running(settings, store).await? {
        return Ok(0);
    }
    let in_file = backup::entries_to_send(&settings.data_dir, region);
    let totals = store.leads().totals(store.clock().now()).await?;
    // The file holds what waits and what is rejected; more than that, somebody else has put there.
    let unknown = i64::try_from(in_file).unwrap_or(i64::MAX) - totals.waiting - totals.rejected;
    Ok(unknown.max(0))
}

/// Says so to a person.
pub fn tell_of_the_file(not_taken_in: i64) {
    if not_taken_in > 0 {
        outln!(
            "backup_leads.json holds {not_taken_in} more that are not imported yet: the bot does that when it starts, `{} retry-backup-leads` now.",
            Called::now().name()
        );
    }
}

/// Whether a daemon runs on this store now.
pub async fn is_daemon_running(settings: &StoreSettings, store: &Store) -> Result<bool, CommandError> {
    Ok(store.is_led().await?.unwrap_or_else(|| InstanceLock::is_running(&settings.data_dir)))
}

/// The same account for a command: beside a running daemon it leaves most of the 7 requests a second to it.
pub fn share(amocrm: &AmocrmSettings, daemon_runs: bool) -> AmocrmSettings {
    let mut amocrm = amocrm.clone();
    if daemon_runs {
        amocrm.requests_per_second = (7 - amocrm.requests_per_second.min(6)).min(2);
    }
    amocrm
}

/// A pass of a command.
pub async fn pass(
    settings: &StoreSettings,
    amocrm: &AmocrmSettings,
    dealer: &Dealer,
    store: &Store,
) -> Result<DeliveryPass, CommandError> {
    let amocrm = share(amocrm, is_daemon_running(settings, store).await?);
    let crm = daemon::open_crm(&amocrm, settings, store)?;
    Ok(DeliveryPass::new(store, crm, Lease::command(), Attaching::of(dealer)))
}
