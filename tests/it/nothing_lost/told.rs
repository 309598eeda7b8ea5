//! What the admin hears of conditions that pass by themselves, and of refusals that are no lead's fault. In virtual time.

use std::time::Duration;

use amocrm_lead_bot::lead::Lead;
use testkit::fakes::amocrm::{Fault, On, Times};

use crate::nothing_lost::{
    leads::{lead, rest, submit},
    virtual_time::{Ground, Life, in_virtual_time},
};

const MINUTE: Duration = Duration::from_secs(60);

/// A daemon with an admin, and leads that were submitted under a condition of amoCRM.
struct Case {
    ground: Ground,
    life: Life,
    admin: i64,
    leads: Vec<Lead>,
}

impl Case {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let mut life = Life::begin(&ground).await;
        let admin = life.tell_an_admin(&ground);
        Self { ground, life, admin, leads: Vec::new() }
    }

    fn all(&self, fault: &Fault) {
        self.ground.amocrm.clear_faults();
        self.ground.amocrm.fault(On::any("/api/v4"), fault.clone(), Times::Forever);
    }

    async fn submit(&mut self) {
        let buyer = self.ground.telegram.user("Иван").known().id;
        let lead = lead(self.ground.clock, buyer, &format!("+7999{:07}", self.leads.len()));
        submit(&self.life.store, &lead).await;
        self.leads.push(lead);
    }

    /// What the admin has read so far.
    fn told(&self) -> Vec<String> {
        let ledger = self.ground.telegram.ledger();
        ledger.into_iter().filter(|seen| seen.chat_id == self.admin).map(|seen| seen.text).collect()
    }

    fn told_of(&self, words: &str) -> usize {
        self.told().iter().filter(|text| text.contains(words)).count()
    }

    async fn is_delivered(&self) {
        self.ground.amocrm.clear_faults();
        rest(&self.ground, &self.life.store, &self.leads).await.expect("all delivered");
        let judgement = self.ground.judge();
        assert!(judgement.is_exactly_once(self.leads.len()), "{judgement}\n{}", self.ground.amocrm.story());
    }
}

#[test]
fn not_paid_to_and_fro_for_nine_minutes_is_held_and_not_told() {
    in_virtual_time(async {
        let mut case = Case::new().await;
        for _ in 0..6 {
            case.all(&Fault::Status(402));
            case.submit().await;
            tokio::time::sleep(MINUTE).await;
            let (waiting, _) = case.life.store.leads().waiting().await.expect("a count");
            assert!(waiting >= 1, "it is held");
            case.ground.amocrm.clear_faults();
            tokio::time::sleep(MINUTE / 2).await;
        }
        case.is_delivered().await;
        assert_eq!(case.told(), Vec::<String>::new());
    });
}

#[test]
fn not_paid_for_longer_is_told_once_and_its_end() {
    in_virtual_time(async {
        let mut case = Case::new().await;
        case.all(&Fault::Status(402));
        case.submit().await;
        tokio::time::sleep(14 * MINUTE).await;
        assert_eq!(case.told(), Vec::<String>::new());
        tokio::time::sleep(4 * MINUTE).await;
        assert_eq!((case.told().len(), case.told_of("не оплачен")), (1, 1), "{:#?}", case.told());
        case.is_delivered().await;
        tokio::time::sleep(MINUTE).await;
        assert_eq!((case.told().len(), case.told_of("снова принимает")), (2, 1), "{:#?}", case.told());
    });
}

#[test]
fn not_paid_in_the_middle_of_another_outage_is_told_only_when_it_stays() {
    for (minutes, told) in [(9, 0), (17, 1)] {
        in_virtual_time(async {
            let mut case = Case::new().await;
            case.all(&Fault::Html(502));
            case.submit().await;
            tokio::time::sleep(2 * MINUTE).await;
            assert_eq!(case.told().len(), 1, "the outage: {:#?}", case.told());
            case.all(&Fault::Status(402));
            case.submit().await;
            tokio::time::sleep(minutes * MINUTE).await;
            assert_eq!(case.told_of("не оплачен"), told, "{minutes}: {:#?}", case.told());
            case.all(&Fault::Html(502));
            tokio::time::sleep(MINUTE).await;
            assert_eq!(case.told_of("не оплачен"), told, "{minutes}: {:#?}", case.told());
            case.is_delivered().await;
            tokio::time::sleep(MINUTE).await;
            assert_eq!(case.told_of("снова принимает"), 1, "{minutes}: {:#?}", case.told());
        });
    }
}

#[test]
fn notes_that_are_refused_one_after_another_blame_no_lead_and_stop_no_create() {
    in_virtual_time(async {
        let mut case = Case::new().await;
        let notes = On::post("/api/v4/leads/notes");
        let words = Fault::words("Примечание не принято");
        let refused = Fault::Validation { path: "params.text".into(), code: "InvalidType".into() };
        // Where a field is named, nothing tells of the first two that it is not they; one by itself that nobody blames is
        // told only when it has been tried for a while.
        for (fault, apart, blamed) in [(refused, MINUTE, 2), (words, MINUTE / 20, 0)] {
            let before = case.told().len();
            case.ground.amocrm.fault(notes.clone(), fault.clone(), Times::Forever);
            for _ in 0..4 {
                case.submit().await;
                tokio::time::sleep(apart).await;
            }
            tokio::time::sleep(MINUTE).await;
            let created = case.ground.amocrm.leads().len();
            assert_eq!(created, case.leads.len(), "{fault:?}: creates go on");
            let (waiting, _) = case.life.store.leads().waiting().await.expect("a count");
            assert_eq!(waiting, 4, "{fault:?}: whoever was blamed first is back in line");
            let told = case.told().split_off(before);
            let notes = told.iter().filter(|text| text.contains("примечания ждут")).count();
            assert_eq!((notes, told.len()), (1, 1 + blamed), "{fault:?}: {told:#?}");
            case.is_delivered().await;
        }
    });
}
