//! The managers' chat: a card of each lead, who takes it, and what is said when nobody does.

mod deaths;
mod reminders;

use amocrm_lead_bot::{
    clock::Clock,
    lead::LeadNumber,
    store::{SQLITE_FILE, Store},
};
use serde_json::json;
use testkit::{
    fakes::{
        amocrm::account::{MAIN_PIPELINE, WON_STATUS},
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
