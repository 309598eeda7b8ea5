//! The store on both engines: every test runs on SQLite and, where it is installed, on PostgreSQL.

mod versions;

use std::collections::BTreeSet;

use amocrm_lead_bot::{
    clock::Clock,
    config::LeadLimits,
    lead::{Budget, Buyer, ChatRef, Lead, LeadNumber, Name, Origin, Phone, Region},
    notice::{AdminNotice, LeadCopy, Notice},
    store::{
        Claim, Completed, Created, Dialogue, Engine, Hold, ImportedLead, Intent, LeadRow, LeadState, Lease, Lookups,
        Mark, NewLead, NewMessage, OpenAlert, Stage, Step, StepAttempt, StepOutcome, Steps, Store, TokenRow, Turn,
        TurnOutcome,
    },
};
use chrono::{TimeDelta, Utc};
use ulid::Ulid;

const HOUR: i64 = 3_600_000;

/// A store of one engine, in a folder that lives as long as it.
struct Opened {
    store: Store,
    url: Option<String>,
    folder: tempfile::TempDir,
}

impl Opened {
    async fn sqlite() -> Self {
        let folder = testkit::folder();
        let store = Store::open(None, folder.path(), Clock::default()).await.expect("a store");
        Self { store, url: None, folder }
    }

    async fn postgres() -> Option<Self> {
        let url = tokio::task::spawn_blocking(testkit::postgres::shared_database).await.expect("a database")?;
        let folder = testkit::folder();
        let store = Store::open(Some(&url), folder.path(), Clock::default()).await.expect("a store");
        Some(Self { store, url: Some(url), folder })
    }

    /// A second process on the same store.
    async fn again(&self) -> Store {
        self.by(Clock::default()).await
    }

    /// The same, by another clock.
    async fn by(&self, clock: Clock) -> Store {
        Store::open(self.url.as_deref(), self.folder.path(), clock).await.expect("the same store")
    }
}

/// Writes each test once and runs it on both engines.
macro_rules! on_both {
    ($(async fn $name:ident($opened:ident: &Opened) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn test($opened: &Opened) $body

            #[tokio::test]
            async fn on_sqlite() {
                test(&Opened::sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(opened) = Opened::postgres().await {
                    assert_eq!(opened.store.engine(), Engine::Postgres);
                    test(&opened).await;
                }
            }
        }
    )* };
}

// After the macro, which they use.
mod channels;
mod consents;
mod damage;
mod forgetting;
mod later;
mod limits;
mod moving;
mod processes;
mod queue;
mod reminders;
mod together;
mod told;
mod unfinished;
mod watches;

fn lead(name: &str, minutes_ago: i64) -> Lead {
    Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: Utc::now() - TimeDelta::minutes(minutes_ago),
        name: Name::imported(name),
        phone: Phone::imported("+7 999 123-45-67", Region::default()),
        budget: Some(Budget::imported("2 млн")),
        car_link: None,
        asked: Default::default(),
        more: Vec::new(),
        wish: None,
        files: Vec::new(),
        buyer: Buyer { user_id: 42, chat: Some(ChatRef::telegram(42)), username: None, full_name: None },
        consent_at: None,
        consent: None,
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    }
}

/// A turn of a new chat, or of one whose last update was number 1.
fn turn(update_id: i64, lead: Option<&Lead>) -> Turn {
    Turn {
        told: None,
        chat: ChatRef::telegram(42),
        after: (update_id > 1).then_some((1, 5)),
        dialogue: Dialogue {
            step: "idle".into(),
            draft: "{}".into(),
            update_id,
            update_at: 5,
            replies: Some("[]".into()),
        },
        lead: lead.cloned().map(NewLead::fresh),
        withdrawal: None,
        consent: None,
        amendment: None,
        speech: None,
        limits: LeadLimits::default(),
        messages: lead
            .map(|lead| NewMessage {
                chat: ChatRef::telegram(42),
                notice: Notice::Accepted { number: lead.number.clone() },
                due_at: 0,
            })
            .into_iter()
            .collect(),
        pressed: None,
        instead_of: None,
        only_instead: false,
    }
}

async fn submit(store: &Store, lead: &Lead) {
    let after = store
        .dialogues()
        .of_chat(ChatRef::telegram(42))
        .await
        .expect("a read")
        .map(|dialogue| (dialogue.update_id, dialogue.update_at));
    let outcome = store.dialogues().commit(Turn { after, ..turn(1, Some(lead)) }).await.expect("a commit");
    assert!(matches!(outcome, TurnOutcome::Committed(_)));
}

/// Rejects a lead as the holder of everything that is due.
async fn reject(store: &Store, lead: &Lead, error: &str) {
    let lease = Lease::command();
    store.lead_queue().claim_due(&lease, later(store), 100, Claim::Oldest).await.expect("a claim");
    let rejected = StepOutcome::Rejected { error: error.into(), uncertain: false };
    store.lead_queue().record_outcome(&lease, Step::Lead, &[lead.id], &rejected).await.expect("a write");
    store.lead_queue().release_lease(&lease).await.expect("a write");
}

async fn intend(store: &Store, lease: &Lease, lead: &Lead) -> Result<Vec<Ulid>, amocrm_lead_bot::store::StoreError> {
    store.lead_queue().record_intent(lease, Step::Lead, &[lead.id], later(store), Intent::First).await
}

fn saved(number: LeadNumber) -> Notice {
    Notice::Saved { number }
}

fn delivered(number: LeadNumber) -> Notice {
    Notice::Delivered { number }
}

fn copies(leads: &[Lead]) -> Notice {
    Notice::Admin(AdminNotice::Copies { leads: leads.iter().map(LeadCopy::of).collect() })
}

fn completed(lead: &Lead) -> Completed<'_> {
    Completed { lead, remote_id: None }
}

async fn row_of(store: &Store, lead: &Lead) -> LeadRow {
    store.leads().by_number(&lead.number).await.expect("a read").expect("a lead")
}

fn later(store: &Store) -> i64 {
    store.clock().now() + 60_000
}
