use std::process::ExitCode;

use tokio::sync::mpsc;

use crate::{
    backup::{self, Backup},
    config::{AmocrmSettings, Dealer, StoreSettings},
    delivery::drain,
    lead::Region,
    notice::{AdminLine, AdminNotice, ToAdmin},
};

use super::{
    CommandError, look, opened,
    output::{errln, outln},
};

/// Takes in the backup file, delivers everything that waits, and tells what is left.
pub async fn run(
    settings: &StoreSettings,
    region: Region,
    amocrm: &AmocrmSettings,
    dealer: &Dealer,
) -> Result<ExitCode, CommandError> {
    // What stands in the file is taken into the store, which is made for it if need be.
    if settings.data_dir.join(backup::FILE).exists() {
        opened::made(settings).await?.close().await;
    }
    let store = opened::existing(settings).await?;
    store.tell_if_there_is_none(settings);
    let pass = super::pass(settings, amocrm, dealer, &store).await?;
    let mut backup = Backup::new(store.leads(), &settings.data_dir, region);
    let (line, mut told) = AdminLine::new();
    backup.synchronise(&line).await?;
    let mut lost = tell(&mut told);
    let bar = look::bar("Delivering");
    let report = drain(&pass, |done, total| {
        bar.set_length(u64::try_from(total).unwrap_or(0));
        bar.set_position(u64::try_from(done).unwrap_or(0));
    })
    .await?;
    bar.finish_and_clear();
    // Also what somebody has put into the file meanwhile.
    backup.synchronise(&line).await?;
    lost += tell(&mut told);
    // Also those that nobody has come upon yet.
    store.leads().undelivered(i64::from(i32::MAX)).await?;
    let damaged = store.leads().unreadable_ids().await?.len();
    outln!("Waiting before: {}", report.before);
    outln!("Delivered:      {}", (report.before - report.left).max(0));
    outln!("Still waiting:  {}", report.left);
    outln!("Refused by amoCRM because of their data: {} (see `leads list`)", report.rejected);
    if damaged > 0 {
        outln!("Damaged in the store and not sent:       {damaged} (see `leads list`)");
    }
    if let Some(error) = report.stopped_by {
        errln!("Stopped: {error}");
    }
    store.close().await;
    let all_delivered = report.left + report.rejected == 0 && damaged + lost == 0;
    Ok(if all_delivered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns how many entries, or files, could not be understood: what is in them is not delivered.
fn tell(sent: &mut mpsc::UnboundedReceiver<ToAdmin>) -> usize {
    let mut lost = 0;
    while let Ok(sent) = sent.try_recv() {
        // A command says itself what it does to the store.
        let ToAdmin::Notice(notice) = sent else { continue };
        match *notice {
            AdminNotice::BackupImported { imported: leads } => outln!("Taken in from backup_leads.json: {leads}"),
            AdminNotice::BackupUnreadable { moved_to: name } => {
                lost += 1;
                errln!("backup_leads.json cannot be parsed; it was moved aside as {name}");
            }
            AdminNotice::BackupEntriesSkipped { skipped: entries, kept_in: name } => {
                lost += entries;
                errln!(
                    "Entries of backup_leads.json that cannot be understood: {entries}; the file was kept as {name}"
                );
            }
            _ => {}
        }
    }
    lost
}
