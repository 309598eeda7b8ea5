//! The managers' chat: a card of each lead, who takes it, and what is said when nobody does.

use amocrm_lead_bot::{
    clock::Clock,
    lead::LeadNumber,
    store::{SQLITE_FILE, Store},
};
use serde_json::json;
use testkit::{
    fakes::{
        amocrm::{
            Fault, On, Times,
            account::{MAIN_PIPELINE, WON_STATUS},
        },
        telegram::{BotMessage, FakeGroup, FakeUser},
    },
    world::{Buyer, World},
};

/// A world with a managers' group of two, not yet running.
struct Sales {
    world: World,
    group: FakeGroup,
    anna: FakeUser,
    oleg: FakeUser,
}

impl Sales {
    /// With this in `dealer.toml`; `ANNA` and `OLEG` stand for their ids.
    async fn with(settings: &str) -> Self {
        let mut world = World::new().await;
        let group = world.telegram.group("Продажи");
        let (anna, oleg) = (world.telegram.user("Анна"), world.telegram.user("Олег"));
        for manager in [&anna, &oleg] {
            world.telegram.makes(manager, "member", &group);
        }
        world.set("MANAGERS_CHAT_ID", group.id.to_string());
        let settings = settings.replace("ANNA", &anna.id.to_string()).replace("OLEG", &oleg.id.to_string());
        world.write("dealer.toml", &settings);
        Self { world, group, anna, oleg }
    }

    async fn running(settings: &str) -> Self {
        let mut sales = Self::with(settings).await;
        sales.world.start();
        sales
    }

    /// What stands in the group with these words.
    fn said(&self, words: &str) -> Vec<BotMessage> {
        let said = self.world.telegram.chat(self.group.id);
        said.into_iter().filter(|message| !message.deleted && message.text.contains(words)).collect()
    }

    /// The one card of a lead, once it has these words.
    async fn card(&self, number: &str, words: &str) -> BotMessage {
        let is_it = |sales: &Self| {
            let cards = sales.said(&format!("#{number}"));
            cards.into_iter().find(|card| card.text.contains(words) && card.raw["reply_to_message"].is_null())
        };
        self.world.until(&format!("the card of {number} says «{words}»"), |_| is_it(self).is_some()).await;
        is_it(self).expect("it was there")
    }

    /// What a press is answered with.
    async fn presses(&self, who: &FakeUser, card: &BotMessage, data: &str) -> String {
        let query = who.press_in(card, data);
        let mut answer = None;
        self.world
            .until("the press is answered", |world| {
                answer = world.telegram.callback_answers().into_iter().find(|answer| answer.query_id == query);
                answer.is_some()
            })
            .await;
        answer.and_then(|answer| answer.text).unwrap_or_default()
    }

    fn notes(&self, number: &str, words: &str) -> usize {
        let lead = self.world.amocrm.lead_with_number(number);
        lead.map_or(0, |lead| lead.notes.iter().filter(|note| note.contains(words)).count())
    }
}

fn has_button(card: &BotMessage, deed: &str, number: &str) -> bool {
    card.has_button(&format!("lead:{deed}:{number}"))
}

#[tokio::test]
async fn a_lead_is_a_card_at_once_and_whoever_presses_first_has_it() {
    let sales = Sales::running(
        "[privacy]\nmask_phones_in_group = true\n[[manager]]\nname = \"Анна Иванова\"\ntelegram_id = ANNA\n",
    )
    .await;
    let world = &sales.world;
    world.amocrm.goes_down();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    // Managers call within minutes, whatever amoCRM does.
    let card = sales.card(&number, "Ещё не в amoCRM").await;
    for part in ["Иван Петров", "4567", "2,5 млн", "fem.encar.com"] {
        assert!(card.text.contains(part), "{part}: {}", card.text);
    }
    assert!(!card.text.contains("99912"), "{}", card.text);
    assert!(["take", "reached", "no_answer", "junk"].iter().all(|deed| has_button(&card, deed, &number)), "{card:?}");
    world.amocrm.comes_back();
    let lead_id = world.delivered(&number).await.id;
    let card = sales.card(&number, &format!("/leads/detail/{lead_id}")).await;
    assert!(card.edited && !card.text.contains("Ещё не"), "{}", card.text);

    // A card that was sent on, and somebody who was put out.
    let take = format!("lead:take:{number}");
    let elsewhere = world.telegram.group("Другая");
    let forwarded = BotMessage { chat_id: elsewhere.id, raw: forwarded(&card, &elsewhere), ..card.clone() };
    assert!(sales.presses(&sales.oleg, &forwarded, &take).await.contains("только в чате менеджеров"));
    let gone = world.telegram.user("Бывший");
    world.telegram.makes(&gone, "kicked", &sales.group);
    assert!(sales.presses(&gone, &card, &take).await.contains("только для участников"));

    let both =
        futures::future::join(sales.presses(&sales.anna, &card, &take), sales.presses(&sales.oleg, &card, &take));
    let (anna, oleg) = both.await;
    assert!(anna.contains("ваша") && oleg.contains("уже взял(а) Анна Иванова"), "{anna} {oleg}");
    let card = sales.card(&number, "Взял(а): Анна Иванова").await;
    assert!(card.text.contains("+79991234567") && !has_button(&card, "take", &number), "{card:?}");
    assert!(sales.presses(&sales.anna, &card, &take).await.contains("уже у вас"));

    // Said once, whoever has the lead; and not a second time by a finger that comes down twice.
    let reached = format!("lead:reached:{number}");
    assert_eq!(sales.presses(&sales.oleg, &card, &reached).await, "Записано.");
    assert!(sales.presses(&sales.oleg, &card, &reached).await.contains("уже записано"));
    let card = sales.card(&number, "Есть контакт: Олег").await;
    world.until("the note is there", |_| sales.notes(&number, "Покупатель на связи: Олег") == 1).await;
    // Two presses by the same person.
    let junk = format!("lead:junk:{number}");
    assert!(sales.presses(&sales.anna, &card, &junk).await.contains("ещё раз"));
    assert!(sales.presses(&sales.oleg, &card, &junk).await.contains("ещё раз"));
    assert_eq!(sales.presses(&sales.oleg, &card, &junk).await, "Записано.");
    let card = sales.card(&number, "Не лид: Олег").await;
    assert!(card.buttons.is_empty(), "{card:?}");
    world.until("the note is there", |_| sales.notes(&number, "Не лид: Олег") == 1).await;
    world.nothing_owed().await;
    assert_eq!(sales.said("Заявка #").len(), 1, "{}", world.telegram.transcript(sales.group.id));
    assert_eq!(sales.notes(&number, ""), 3, "{:?}", world.amocrm.lead_with_number(&number).expect("it").notes);
    assert!(world.amocrm.contract_violations().is_empty(), "{:?}", world.amocrm.contract_violations());
}

/// The same message as it stands in another chat.
fn forwarded(card: &BotMessage, to: &FakeGroup) -> serde_json::Value {
    let mut raw = card.raw.clone();
    raw["chat"] = json!({"id": to.id, "type": "supergroup", "title": to.title});
    raw
}

#[tokio::test]
async fn a_card_is_wiped_with_its_buyer_and_managers_talk_undisturbed() {
    let sales = Sales::running("").await;
    let world = &sales.world;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    world.delivered(&number).await;
    let card = sales.card(&number, "leads/detail").await;
    assert!(card.text.contains("+79991234567"), "{}", card.text);
    sales.anna.say_in(&sales.group, "Кто возьмёт?");
    sales.anna.command_in(&sales.group, "/start");
    forgets(&mut buyer).await;
    let card = sales.card(&number, "удалены по просьбе покупателя").await;
    assert!(!card.text.contains("Иван") && !card.text.contains("999") && card.buttons.is_empty(), "{}", card.text);
    assert!(sales.presses(&sales.anna, &card, &format!("lead:take:{number}")).await.contains("закрыта"));
    // Managers are told that somebody has gone; the admin's buttons do nothing here.
    world.until("it is said", |_| sales.said("отозвал согласие").len() == 1).await;
    let said = world.telegram.chat(sales.group.id);
    let buttons = said.iter().flat_map(|message| message.buttons.iter().flatten());
    assert!(buttons.filter_map(|button| button.data.as_deref()).all(|data| !data.starts_with("admin:")));
    assert!(sales.said("личных сообщениях").is_empty(), "{}", world.telegram.transcript(sales.group.id));
}

async fn forgets(buyer: &mut Buyer) {
    let asked = buyer.commands("/delete", "Удалить ваши данные").await;
    let mut data = asked.buttons.iter().flatten().filter_map(|button| button.data.clone());
    let press = data.find(|data| data != "delete:keep").expect("a button that deletes");
    buyer.presses(&press, "Ваши данные удалены").await;
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_has_its_cards_anew() {
    let mut sales = Sales::with("").await;
    let old = sales.world.telegram.small_group("Продажи");
    sales.world.set("MANAGERS_CHAT_ID", old.id.to_string());
    sales.world.start();
    let mut buyer = sales.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    sales.world.delivered(&number).await;
    sales.group = old.clone();
    let card = sales.card(&number, "leads/detail").await;
    // What stands there cannot be changed any more.
    sales.group = sales.world.telegram.becomes_a_supergroup(&old);
    sales.world.admin_reads(&format!("MANAGERS_CHAT_ID={}", sales.group.id)).await;
    let query = BotMessage { chat_id: sales.group.id, raw: card.raw.clone(), ..card };
    assert!(sales.presses(&sales.anna, &query, &format!("lead:take:{number}")).await.contains("ваша"));
    let card = sales.card(&number, "Взял(а): Анна").await;
    assert_eq!(sales.presses(&sales.anna, &card, &format!("lead:reached:{number}")).await, "Записано.");
    let card = sales.card(&number, "Есть контакт").await;
    assert!(card.edited && sales.said("Заявка #").len() == 1, "{card:?}");
}

#[tokio::test]
async fn when_nobody_deals_with_a_lead_the_chat_is_told_and_then_the_admin() {
    let mut sales = Sales::with("").await;
    // Fifteen minutes are one and a half seconds.
    sales.world.set("TEST_SPEED", "600");
    sales.world.start();
    let world = &sales.world;
    let mut buyer = world.buyer("Иван");
    let left = buyer.leaves_a_request().await;
    let card = sales.card(&left, "Иван Петров").await;
    let told = world.admin_reads(&format!("Заявкой #{left} никто не занялся уже 60 мин")).await;
    assert!(!told.contains("Иван"), "{told}");
    let reminded = sales.said(&format!("Заявкой #{left} ещё никто не занялся"));
    assert_eq!(reminded.len(), 1, "{}", world.telegram.transcript(sales.group.id));
    assert_eq!(reminded[0].raw["reply_to_message"]["message_id"], card.message_id);
    world.nothing_owed().await;
    assert_eq!(world.admin_has("никто не занялся"), 1);
}

const RULES: &str = "[crm]\njunk_status = true\n[[manager]]\nname = \"Мария\"\ntelegram_id = ANNA\ncrm_user_id = 502\n\
                     [[manager]]\nname = \"Олег\"\ntelegram_id = OLEG\ncrm_user_id = 7777\n";

#[tokio::test]
async fn what_managers_press_is_done_in_amocrm_and_a_user_it_does_not_know_holds_nothing_up() {
    let sales = Sales::running(RULES).await;
    let world = &sales.world;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let before = world.delivered(&number).await;
    assert_ne!(before.responsible_user_id, 502);
    let card = sales.card(&number, "leads/detail").await;
    let began = chrono::Utc::now().timestamp();
    let no_answer = format!("lead:no_answer:{number}");
    assert!(sales.presses(&sales.anna, &card, &no_answer).await.contains("теперь ваша"));
    assert!(sales.presses(&sales.anna, &card, &no_answer).await.contains("уже записано"));
    let lead = |world: &World, number: &str| world.amocrm.lead_with_number(number).expect("the lead");
    world.until("she is responsible", |world| lead(world, &number).responsible_user_id == 502).await;
    world.until("the task is there", |world| world.amocrm.tasks().len() == 1).await;
    let task = world.amocrm.tasks().remove(0);
    assert!(task.text.starts_with(&format!("#{number} Перезвонить: не отвечает (Мария")), "{task:?}");
    assert_eq!((task.lead_id, task.responsible_user_id, task.task_type_id), (before.id, 502, 1));
    let in_two_hours = began + 7200..=chrono::Utc::now().timestamp() + 7200;
    assert!(in_two_hours.contains(&task.complete_till), "{task:?}");
    // No lead: with a tag and closed, by two presses.
    let junk = format!("lead:junk:{number}");
    sales.presses(&sales.anna, &card, &junk).await;
    sales.presses(&sales.anna, &card, &junk).await;
    world.until("it is closed", |world| lead(world, &number).status_id == 143).await;
    assert!(lead(world, &number).tags.contains(&"не лид".to_owned()));

    // amoCRM does not know him: the lead stays with whoever has it, the task is made all the same.
    for at in 1..=2 {
        let number = buyer.leaves_a_request().await;
        world.until("it is in amoCRM", |world| world.amocrm.lead_with_number(&number).is_some()).await;
        let card = sales.card(&number, "leads/detail").await;
        sales.presses(&sales.oleg, &card, &format!("lead:take:{number}")).await;
        sales.presses(&sales.oleg, &card, &format!("lead:no_answer:{number}")).await;
        world.until("the task is there", |world| world.amocrm.tasks().len() == 1 + at).await;
        let (task, lead) = (world.amocrm.tasks().remove(at), lead(world, &number));
        assert_eq!((task.lead_id, task.responsible_user_id), (lead.id, before.responsible_user_id), "{task:?}");
        assert_eq!(lead.responsible_user_id, before.responsible_user_id);
    }
    assert!(world.admin_reads("не принимает ответственным").await.contains("Олег, 7777"));
    world.nothing_owed().await;
    assert_eq!(world.admin_has("не принимает ответственным"), 1);
    let violations = world.amocrm.contract_violations();
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test]
async fn leads_go_round_and_each_is_to_be_called_back() {
    let settings = "[crm]\ndistribute = \"round_robin\"\ncallback_within = \"15m\"\n[[manager]]\nname = \"Анна\"\n\
                    crm_user_id = 501\n[[manager]]\nname = \"Мария\"\ncrm_user_id = 502\n";
    let mut sales = Sales::with(settings).await;
    // Without a chat of the managers', too.
    sales.world.unset("MANAGERS_CHAT_ID");
    sales.world.start();
    let began = chrono::Utc::now().timestamp();
    let mut buyer = sales.world.buyer("Иван");
    let mut users = Vec::new();
    for at in 1..=3 {
        if at == 3 {
            // Whose turn it is outlives the process.
            assert_eq!(sales.world.terminate().await, Some(0));
            sales.world.start();
        }
        let number = buyer.leaves_a_request().await;
        sales.world.delivered(&number).await;
        sales.world.until("the task is there", |world| world.amocrm.tasks().len() == at).await;
        let task = sales.world.amocrm.tasks().remove(at - 1);
        assert_eq!(task.text, format!("#{number} Перезвонить покупателю"));
        let within = began + 900..=chrono::Utc::now().timestamp() + 900;
        assert!(within.contains(&task.complete_till), "{task:?}");
        let responsible = |world: &World| world.amocrm.lead_with_number(&number).map(|lead| lead.responsible_user_id);
        sales.world.until("so is the lead", |world| responsible(world) == Some(task.responsible_user_id)).await;
        users.push(task.responsible_user_id);
    }
    assert_eq!(users, [501, 502, 501]);
    assert!(sales.world.telegram.chat(sales.group.id).is_empty());
}

/// The daemon dies while a task is made.
async fn dies_making_a_task(point: &str) {
    let mut sales = Sales::with(RULES).await;
    sales.world.start();
    let mut buyer = sales.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    sales.world.delivered(&number).await;
    let card = sales.card(&number, "leads/detail").await;
    sales.world.nothing_owed().await;
    assert_eq!(sales.world.terminate().await, Some(0));
    if point == "lead_action.not_done_stored" {
        sales.world.amocrm.fault(On::post("/api/v4/tasks"), Fault::CutAfter, Times::N(1));
    }
    // The first passage is the responsible's, unless nothing of that waits.
    let passage = if point == "lead_action.not_done_stored" { 1 } else { 2 };
    sales.world.set("TEST_KILL_AT", format!("{point}:{passage}"));
    sales.world.start();
    sales.anna.press_in(&card, &format!("lead:no_answer:{number}"));
    assert_eq!(sales.world.ended().await, None, "it died at {point}");
    sales.world.unset("TEST_KILL_AT");
    sales.world.start();
    let world = &sales.world;
    let lead = |world: &World| world.amocrm.lead_with_number(&number).expect("the lead");
    world.until(&format!("{point}: the task is there"), |world| !world.amocrm.tasks().is_empty()).await;
    world.until(&format!("{point}: she is responsible"), |world| lead(world).responsible_user_id == 502).await;
    // Whatever is made twice is made before what is pressed now.
    let junk = format!("lead:junk:{number}");
    sales.presses(&sales.anna, &card, &junk).await;
    sales.presses(&sales.anna, &card, &junk).await;
    world.until(&format!("{point}: it is closed"), |world| lead(world).status_id == 143).await;
    assert_eq!(sales.world.terminate().await, Some(0), "{point}");
    assert_eq!(sales.world.amocrm.tasks().len(), 1, "{point}: {:?}", sales.world.amocrm.tasks());
}

#[tokio::test]
async fn whatever_dies_meanwhile_a_task_is_made_once() {
    let points = ["lead_action.recorded", "lead_action.answered", "lead_action.stored", "lead_action.not_done_stored"];
    futures::future::join_all(points.map(dies_making_a_task)).await;
}

/// The daemon dies at a point of managers' work, and another goes on.
async fn dies_at(point: &str) {
    let mut sales = Sales::with("").await;
    let (is_of_a_press, is_of_a_reminder) = (point.starts_with("press"), point.starts_with("reminder"));
    if is_of_a_reminder {
        // Fifteen minutes are one and a half seconds.
        sales.world.set("TEST_SPEED", "600");
    }
    sales.world.set("TEST_KILL_AT", format!("{point}:1"));
    sales.world.start();
    // What dies between Telegram's answer and its record is sent again: here it is recorded before.
    let is_recorded_first = is_of_a_press || point == "card.in_commit";
    if is_recorded_first {
        sales.world.amocrm.goes_down();
    }
    let mut buyer = sales.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let mut query = None;
    if is_recorded_first {
        let card = sales.card(&number, "Иван Петров").await;
        sales.world.nothing_owed().await;
        if is_of_a_press {
            query = Some(sales.oleg.press_in(&card, &format!("lead:reached:{number}")));
        } else {
            sales.world.amocrm.comes_back();
        }
    }
    assert_eq!(sales.world.ended().await, None, "it died at {point}");
    sales.world.amocrm.comes_back();
    sales.world.unset("TEST_KILL_AT");
    sales.world.start();
    let world = &sales.world;
    world.until(&format!("{point}: it is delivered"), |_| sales.notes(&number, "") > 0).await;
    sales.card(&number, "leads/detail").await;
    if query.is_some() {
        // The update comes again, and what it led to is there once.
        sales.card(&number, "Есть контакт: Олег").await;
        world.until("the note is there", |_| sales.notes(&number, "на связи: Олег") > 0).await;
    }
    if is_of_a_reminder {
        world.admin_reads("никто не занялся уже 60 мин").await;
    }
    world.nothing_owed().await;
    // Where it is committed, it may have been sent before the death.
    let most = if point.ends_with(".stored") && !is_of_a_press { 2 } else { 1 };
    let cards = sales.said("🆕").len();
    assert!((1..=most).contains(&cards), "{point}: {}", world.telegram.transcript(sales.group.id));
    assert_eq!(sales.notes(&number, "на связи: Олег"), usize::from(is_of_a_press), "{point}");
    if is_of_a_reminder {
        let reminded = sales.said("ещё никто не занялся").len();
        assert!((1..=most).contains(&reminded) && world.admin_has("никто не занялся") == 1, "{point}: {reminded}");
    }
}

#[tokio::test]
async fn whatever_dies_meanwhile_a_card_is_one_and_a_press_counts_once() {
    let points = ["lead_work.in_commit", "lead_work.stored", "card.in_commit", "press.in_commit", "press.stored"];
    futures::future::join_all(points.map(dies_at)).await;
    futures::future::join_all(["reminder.in_commit", "reminder.stored"].map(dies_at)).await;
}

#[tokio::test]
async fn a_lead_that_somebody_moves_in_amocrm_is_dealt_with() {
    let settings = format!(
        "time_zone = \"{}\"\n[[status]]\nstatus_id = {WON_STATUS}\ntext = {{ ru = \"Автомобиль куплен\" }}\n",
        crate::statuses::zone_at(12)
    );
    let mut sales = Sales::with(&settings).await;
    sales.world.set("TEST_SPEED", "150");
    sales.world.start();
    let world = &sales.world;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, WON_STATUS);
    buyer.hears("Автомобиль куплен").await;
    assert_eq!(sales.world.terminate().await, Some(0));
    let store = Store::open_file(&sales.world.path(SQLITE_FILE), Clock::default()).await.expect("the store");
    let number = LeadNumber::parse(&number).expect("a number");
    let row = store.lead_work().of(&number).await.expect("a look").expect("its row");
    assert!(row.touched_at.is_some() && row.taken.is_none(), "{row:?}");
    assert_eq!(store.lead_work().next_due().await.expect("a look"), None, "nobody is reminded of it any more");
}

/// What somebody does to a lead in amoCRM.
type Deed = fn(&World, u64);

#[tokio::test]
async fn nobody_is_reminded_of_what_somebody_has_dealt_with_in_amocrm() {
    let dealt: [(&str, Deed); 5] = [
        ("a note by the user of the tokens", |world, id| {
            world.amocrm.add_note(id, "Дозвонился, ждёт подборку");
        }),
        ("a note", |world, id| world.amocrm.has_note_of(id, 502, "common", json!({"text": "Позвоню вечером"}))),
        ("a call", |world, id| world.amocrm.has_note_of(id, 0, "call_out", json!({"duration": 40}))),
        ("a closed task", |world, id| world.amocrm.has_task_of(id, 502, true)),
        ("a move", |world, id| world.amocrm.move_lead(id, WON_STATUS)),
    ];
    let not_dealt: [(&str, Deed); 3] = [
        ("a robot's note", |world, id| {
            world.amocrm.has_note_of(id, 0, "common", json!({"text": "Новая заявка, позвоните"}));
            world.amocrm.has_task_of(id, 0, true);
        }),
        ("an open task", |world, id| world.amocrm.has_task_of(id, 502, false)),
        ("nothing", |_, _| {}),
    ];
    let mut sales = Sales::with("").await;
    // Time enough to do all of it before anybody is reminded.
    sales.world.set("TEST_SPEED", "5");
    sales.world.start();
    let mut leads = Vec::new();
    for (at, (_, deed)) in dealt.iter().chain(&not_dealt).enumerate() {
        let mut buyer = sales.world.buyer(&format!("Покупатель {at}"));
        let number = buyer.leaves_a_request().await;
        let lead_id = sales.world.delivered(&number).await.id;
        sales.card(&number, "leads/detail").await;
        deed(&sales.world, lead_id);
        leads.push(LeadNumber::parse(&number).expect("a number"));
    }
    sales.world.nothing_owed().await;
    assert_eq!(sales.world.terminate().await, Some(0));
    let said = |sales: &Sales, number: &LeadNumber| sales.said(&format!("Заявкой #{number} ещё никто")).len();
    // It is time, first for one of which amoCRM does not tell, then for all others, of which those with nothing come last.
    sales.world.set("TEST_SPEED", "600");
    sales.world.amocrm.goes_down();
    let (last, others) = leads.split_last().expect("some");
    remind_now(&sales, std::slice::from_ref(last)).await;
    sales.world.start();
    sales.world.until("it is said while amoCRM is away", |_| said(&sales, last) == 1).await;
    assert_eq!(sales.world.terminate().await, Some(0));
    sales.world.amocrm.comes_back();
    remind_now(&sales, others).await;
    sales.world.start();
    for number in &others[dealt.len()..] {
        sales.world.until("it is said", |_| said(&sales, number) == 1).await;
    }
    let store = Store::open_file(&sales.world.path(SQLITE_FILE), Clock::default()).await.expect("the store");
    for (number, (deed, _)) in leads.iter().zip(dealt.iter().chain(&not_dealt)) {
        let is_dealt = dealt.iter().any(|(one, _)| one == deed);
        let row = store.lead_work().of(number).await.expect("a look").expect("its row");
        assert_eq!(row.touched_at.is_some(), is_dealt, "{deed}: {row:?}\n{}", sales.world.log());
        assert_eq!(said(&sales, number), usize::from(!is_dealt), "{deed}");
        assert!(row.taken.is_none() && row.touched_at.is_none_or(|at| at <= store.clock().now()), "{deed}: {row:?}");
    }
    let violations = sales.world.amocrm.contract_violations();
    assert!(violations.is_empty(), "{violations:?}");
}

/// It is time to say of these leads that nobody has dealt with them, in this order.
async fn remind_now(sales: &Sales, leads: &[LeadNumber]) {
    let store = Store::open_file(&sales.world.path(SQLITE_FILE), Clock::default()).await.expect("the store");
    let now = store.clock().now();
    for (number, at) in leads.iter().zip(now - 1000..) {
        let row = store.leads().by_number(number).await.expect("a look").expect("its row");
        store.lead_work().remind_later(&row.lead.id.to_string(), 0, at).await.expect("a commit");
    }
}
