//! A question that the product does not ask: one row behind its table, written here, and everything else follows from it:
//! buttons, card, back, edit, stored draft, lead, note, field, backup entry, the admin's copy, and forgetting.

use std::{path::Path, sync::Arc, time::Duration};

use amocrm_lead_bot::{
    backup::{self, Backup},
    clock::Clock,
    config::{AmocrmSettings, LeadLimits, Proxy, RouteSettings, TelegramSettings},
    crm::amocrm::{Crm, HttpLimits, TokenPolicy, TokenStorage},
    delivery::{DeliveryPass, Worker},
    form::{Choice, Form, Kind, Question, Words},
    lead::{LeadNumber, Region},
    notice::{AdminLine, AdminNotice, LeadCopy, Recipients},
    store::{LeadState, Lease, Store, Whom},
    telegram::{
        client::Telegram,
        dispatch::Dispatch,
        groups::Groups,
        handlers::{self, HandlerContext},
        intake::Intake,
        listener::Listener,
        outbox::{HandOver, OutboxSender},
        storage::DialogueStorage,
    },
    wording::{Lang, Wording, render_admin},
};
use serde_json::Value;
use teloxide::{dptree, types::Update};
use testkit::{
    buyer::Buyer,
    fakes::{
        amocrm::{FakeAmocrm, account},
        telegram::FakeTelegram,
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const CITY: Question = Question {
    key: "city",
    kind: Kind::Choice(&[
        Choice { key: "msk", words: Words::Given { ru: "Москва", en: "Moscow" } },
        Choice { key: "spb", words: Words::Given { ru: "Санкт-Петербург", en: "Saint Petersburg" } },
    ]),
    prompt: Words::Given { ru: "Из какого вы города?", en: "Which city are you from?" },
    label: Words::Given { ru: "Город", en: "City" },
    icon: "🏙",
    edit: Words::Given { ru: "Изменить город", en: "Change city" },
    optional: true,
    field: Some("AMOCRM_CITY_FIELD_ID"),
};

/// Pauses are shorter by this factor.
const SPEED: f64 = 20.0;

/// One life of the parts that a request passes through, from its buyer to amoCRM and the backup file.
struct Life {
    store: Store,
    tasks: Vec<JoinHandle<()>>,
}

impl Life {
    async fn begin(folder: &Path, telegram: &FakeTelegram, settings: &AmocrmSettings) -> Self {
        let clock = Clock::with_speed(SPEED);
        let store = Store::open(None, folder, clock).await.expect("a store");
        let generation = store.begin_term().await.expect("a term");
        let route = RouteSettings { api_url: telegram.url().parse().expect("an address"), proxy: Proxy::Unset };
        let telegram = TelegramSettings { token: telegram.token().into(), routes: vec![route] };
        let telegram = Telegram::new(&telegram, clock, Groups::new(Vec::new())).expect("a client");
        let form = Form::default().with(&[CITY]);
        let wording = Arc::new(Wording { form: form.clone(), ..Wording::default() });
        let tokens = TokenStorage::Files(folder.to_owned());
        let crm = Crm::new(settings.clone(), tokens, clock, HttpLimits::default(), TokenPolicy::default());
        let pass = DeliveryPass {
            store: store.clone(),
            queue: store.lead_queue(),
            crm: crm.expect("a client"),
            lease: Lease::daemon(generation),
            contact_lookup: true,
            figures: Arc::default(),
            learned: Arc::default(),
        };
        let tokens = pass.crm.tokens().clone();
        let (worker, _health) = Worker::new(pass, tokens);
        let answers = HandOver::default();
        let outbox =
            OutboxSender::new(telegram.clone(), &store, answers.clone(), wording.clone(), None, Arc::default());
        let backup = Backup::new(store.leads(), folder, Region::default());
        let (line, mut unread) = AdminLine::new();
        let intake = Arc::new(Intake::default());
        let (region, limits) = (Region::default(), LeadLimits::default());
        let context = Arc::new(HandlerContext::new(
            telegram.clone(),
            store.dialogues(),
            region,
            wording,
            Recipients::default(),
            limits,
        ));
        let nobody = dptree::filter(|_: Update| false).endpoint(async || Ok(()));
        let tree = handlers::tree(intake.clone(), line.clone(), context.clone(), nobody);
        let storage = Arc::new(DialogueStorage::new(store.dialogues(), form, answers));
        let dispatch = Dispatch::new(telegram.groups().clone(), tree, dptree::deps![storage, context, intake.clone()]);
        let listener = Listener::new(telegram, store.dialogues(), intake, Arc::default(), line);
        let never = CancellationToken::new;
        let tasks = vec![
            tokio::spawn(worker.run(never())),
            tokio::spawn(outbox.run(never())),
            tokio::spawn(async move {
                let (line, _unread) = AdminLine::new();
                backup.run(line, never()).await;
            }),
            tokio::spawn(async move { dispatch.run(listener).await }),
            tokio::spawn(async move { while unread.recv().await.is_some() {} }),
        ];
        Self { store, tasks }
    }

    async fn end(self) {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

fn settings(amocrm: &FakeAmocrm) -> AmocrmSettings {
    let env = amocrm.env();
    let var = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).expect("set");
    AmocrmSettings {
        base_url: var("AMOCRM_BASE_URL").parse().expect("an address"),
        account_host: "acme.amocrm.ru".into(),
        integration: None,
        access_token: Some(amocrm.issue_long_lived(chrono::Utc::now() + chrono::TimeDelta::days(300)).into()),
        refresh_token: None,
        pipeline_id: None,
        status_id: None,
        responsible_user_id: None,
        tags: Vec::new(),
        budget_field_id: None,
        car_link_field_id: None,
        answer_field_ids: [("city".to_owned(), account::TEXT_FIELD as i64)].into(),
        contact_lookup: true,
        requests_per_second: 50,
    }
}

fn of(number: &str) -> LeadNumber {
    LeadNumber::parse(number).expect("a number")
}

/// What the first entry of the backup file holds, once there is one.
async fn backup_entry(folder: &Path) -> Value {
    let wait = async {
        loop {
            let read = std::fs::read(folder.join(backup::FILE)).ok();
            let entries: Option<Value> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if let Some(entry) = entries.and_then(|entries| entries.get(0).cloned()) {
                return entry;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(testkit::world::PATIENCE, wait).await.expect("an entry")
}

#[tokio::test]
async fn one_more_row_of_the_table_is_asked_shown_stored_and_delivered() {
    let (telegram, amocrm) = (FakeTelegram::start().await, FakeAmocrm::start().await);
    amocrm.rate_limit(None);
    let settings = settings(&amocrm);
    let folder = tempfile::tempdir().expect("a folder");
    let life = Life::begin(folder.path(), &telegram, &settings).await;
    let mut buyer = Buyer::new(&telegram, telegram.user("Иван"));

    buyer.commands("/start", "пять коротких вопросов").await;
    buyer.says("Иван Петров", "номер телефона").await;
    buyer.says("8 (999) 123-45-67", "бюджет").await;
    buyer.says("2,5 млн", "ссылку").await;
    let asked = buyer.presses("skip", "Из какого вы города?").await;
    for data in ["choose:city:msk", "choose:city:spb", "skip:city"] {
        assert!(asked.has_button(data), "{data}: {asked:?}");
    }
    // A second tap on the button before passes over nothing.
    buyer.user.press_raw("skip");
    buyer.hears("Эта кнопка уже не действует").await;
    buyer.says("Луна", "одну из кнопок").await;

    // The next process goes on where this one was.
    life.end().await;
    let life = Life::begin(folder.path(), &telegram, &settings).await;
    let card = buyer.presses("choose:city:msk", "🏙 Город: Москва").await;
    assert!(card.has_button("edit:city") && card.text.contains("👤 Имя: Иван Петров"), "{card:?}");

    let asked = buyer.presses("edit:city", "Из какого вы города?").await;
    assert!(asked.has_button("back"), "{asked:?}");
    buyer.presses("back", "🏙 Город: Москва").await;
    buyer.presses("edit:city", "Из какого вы города?").await;
    buyer.says("санкт-петербург", "🏙 Город: Санкт-Петербург").await;

    // While amoCRM is away the answer waits in the store and in the file.
    amocrm.goes_down();
    let number = buyer.submits().await;
    let entry = backup_entry(folder.path()).await;
    assert_eq!(entry["city"], "Санкт-Петербург", "{entry}");
    assert_eq!(entry["lead"]["more"][0]["label"], "Город", "{entry}");
    let row = life.store.leads().by_number(&of(&number)).await.expect("read").expect("a lead");
    let copies = AdminNotice::Copies { leads: vec![LeadCopy::of(&row.lead)] };
    let copies = render_admin(&copies, Lang::ru(), &Wording::default()).text;
    assert!(copies.contains("Город: Санкт-Петербург"), "{copies}");

    amocrm.comes_back();
    let delivered = async {
        loop {
            match amocrm.lead_with_number(&number) {
                Some(lead) if !lead.notes.is_empty() => return lead,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let lead = tokio::time::timeout(testkit::world::PATIENCE, delivered).await.expect("delivered");
    assert_eq!(lead.field(account::TEXT_FIELD).as_deref(), Some("Санкт-Петербург"));
    assert!(lead.notes.concat().contains("Город: Санкт-Петербург"), "{:?}", lead.notes);
    assert_eq!(amocrm.contract_violations(), Vec::<String>::new());

    // It is the person's, and is forgotten with the rest.
    let told = async {
        while life.store.leads().by_number(&of(&number)).await.expect("read").expect("a lead").state()
            != LeadState::Delivered
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(testkit::world::PATIENCE, told).await.expect("recorded");
    life.store.personal_data().forget(&Whom::User(buyer.user.id), true).await.expect("forgotten");
    let row = life.store.leads().by_number(&of(&number)).await.expect("read").expect("a lead");
    assert!(row.lead.more.is_empty(), "{:?}", row.lead);
    life.end().await;
}
