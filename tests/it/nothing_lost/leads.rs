//! Leads in virtual time: submitted as the dialogue does, and waited for.

use std::time::Duration;

use amocrm_lead_bot::{
    clock::Clock,
    lead::{Budget, Buyer, ChatRef, Lead, LeadNumber, Name, Origin, Phone, Region},
    notice::Notice,
    store::{Dialogue, LeadState, NewLead, NewMessage, Store, Turn, TurnOutcome},
};
use ulid::Ulid;

use crate::nothing_lost::virtual_time::{Ground, Life};

/// A lead of this buyer.
pub fn lead(clock: Clock, buyer: i64, phone: &str) -> Lead {
    Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: amocrm_lead_bot::clock::date(clock.now()),
        name: Name::imported("Иван"),
        phone: Phone::imported(phone, Region::default()),
        budget: Some(Budget::imported("2 млн")),
        car_link: None,
        asked: Default::default(),
        more: Vec::new(),
        wish: None,
        files: Vec::new(),
        buyer: Buyer { user_id: buyer, chat: Some(ChatRef::telegram(buyer)), username: None, full_name: None },
        consent_at: None,
        consent: None,
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    }
}

/// So many leads of one buyer, submitted.
pub async fn leads(ground: &Ground, life: &Life, count: usize) -> Vec<Lead> {
    let buyer = ground.telegram.user("Иван").known().id;
    let leads: Vec<Lead> = (0..count).map(|at| lead(ground.clock, buyer, &format!("+7999{at:07}"))).collect();
    for lead in &leads {
        submit(&life.store, lead).await;
    }
    leads
}

/// Submits a lead as the dialogue does: one commit of the lead and of the message that tells its number. It is done
/// again until the store has taken it, as Telegram delivers the press again.
pub async fn submit(store: &Store, lead: &Lead) {
    while !try_to_submit(store, lead).await {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn try_to_submit(store: &Store, lead: &Lead) -> bool {
    match store.leads().by_number(&lead.number).await {
        Ok(Some(_)) => return true,
        Ok(None) => {}
        Err(_) => return false,
    }
    let chat_id = lead.buyer.user_id;
    let Ok(before) = store.dialogues().of_chat(ChatRef::telegram(chat_id)).await else { return false };
    let turn = Turn {
        told: None,
        chat: ChatRef::telegram(chat_id),
        after: before.map(|before| (before.update_id, before.update_at)),
        dialogue: Dialogue {
            step: "idle".into(),
            draft: "{}".into(),
            update_id: 1,
            update_at: store.clock().now(),
            replies: None,
        },
        lead: Some(NewLead::fresh(lead.clone())),
        withdrawal: None,
        consent: None,
        amendment: None,
        speech: None,
        limits: Default::default(),
        messages: vec![NewMessage {
            chat: ChatRef::telegram(chat_id),
            notice: Notice::Accepted { number: lead.number.clone() },
            due_at: store.clock().now(),
        }],
        pressed: None,
        instead_of: None,
        only_instead: false,
    };
    matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_)))
}

async fn is_delivered(store: &Store, lead: &Lead) -> bool {
    matches!(store.leads().by_number(&lead.number).await, Ok(Some(row)) if row.state() == LeadState::Delivered)
}

/// Of some leads those that are not known to be delivered: each is looked up until it is, and no more.
pub struct Awaited<'a>(Vec<&'a Lead>);

impl<'a> Awaited<'a> {
    pub fn new(leads: &'a [Lead]) -> Self {
        Self(leads.iter().collect())
    }

    /// Whether all of them are delivered.
    pub async fn are_delivered(&mut self, store: &Store) -> bool {
        // The last ones are delivered last.
        while let Some(lead) = self.0.last() {
            if !is_delivered(store, lead).await {
                return false;
            }
            self.0.pop();
        }
        true
    }
}

/// Whether nothing is owed and the backup file is empty.
async fn is_at_rest(ground: &Ground, store: &Store) -> bool {
    let file = std::fs::read_to_string(ground.folder.path().join("backup_leads.json")).unwrap_or_default();
    matches!(file.trim(), "" | "[]") && store.outbox().count().await.is_ok_and(|owed| owed == 0)
}

/// Lets virtual time pass until everything is at rest by itself: nobody asks for a retry.
pub async fn rest(ground: &Ground, store: &Store, leads: &[Lead]) -> Result<(), String> {
    let mut awaited = Awaited::new(leads);
    for _ in 0..2400 {
        // At last all of them together.
        if awaited.are_delivered(store).await
            && is_at_rest(ground, store).await
            && Awaited::new(leads).are_delivered(store).await
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    Err(format!("not at rest within two hours: {}\n{}", ground.judge(), ground.amocrm.story()))
}
