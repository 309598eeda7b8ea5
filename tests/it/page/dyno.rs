//! A Heroku dyno without a database: what waits leaves it with the last breath.

use crate::page::site::Site;

#[tokio::test]
async fn what_waits_is_sent_to_the_admin_when_the_dyno_goes() {
    let mut site = Site::new().await;
    site.world.set("DYNO", "worker.1");
    site.world.amocrm.revoke_all();
    site.start().await;
    site.a_lead("Иван").await;
    site.a_lead("Мария").await;
    assert_eq!(site.world.terminate().await, Some(0), "{}", site.world.log());
    let documents: Vec<_> = site.admin.messages().into_iter().filter_map(|message| message.document).collect();
    assert_eq!(documents.len(), 1, "{}", site.admin.transcript());
    let (name, bytes) = &documents[0];
    assert_eq!(name, "backup_leads.json");
    let leads: Vec<serde_json::Value> = serde_json::from_slice(bytes).expect("JSON");
    assert_eq!(leads.iter().map(|lead| lead["name"].as_str()).collect::<Vec<_>>(), [Some("Иван"), Some("Мария")]);
}

#[tokio::test]
async fn nothing_is_sent_when_nothing_waits_or_the_disk_stays() {
    for dyno in [true, false] {
        let mut site = Site::new().await;
        if dyno {
            site.world.set("DYNO", "worker.1");
        } else {
            site.world.amocrm.revoke_all();
        }
        site.start().await;
        site.a_lead("Иван").await;
        if dyno {
            site.world.until("delivered", |world| world.backup().is_empty() && world.amocrm.leads().len() == 1).await;
            site.world.until("noted", |world| !world.amocrm.leads()[0].notes.is_empty()).await;
            site.a_while().await;
        }
        assert_eq!(site.world.terminate().await, Some(0));
        assert!(site.admin.messages().iter().all(|message| message.document.is_none()), "{}", site.admin.transcript());
    }
}

#[tokio::test]
async fn telegram_away_does_not_hold_the_end_up() {
    let mut site = Site::new().await;
    site.world.set("DYNO", "worker.1");
    site.world.amocrm.revoke_all();
    site.start().await;
    site.a_lead("Иван").await;
    site.world.telegram.stop().await;
    let begun = std::time::Instant::now();
    assert_eq!(site.world.terminate().await, Some(0));
    site.world.took(begun.elapsed(), std::time::Duration::from_secs(12)).await;
    assert_eq!(site.world.backup().len(), 1);
}
