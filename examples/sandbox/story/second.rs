//! The second act: a manager takes the request, talks with the buyer, moves the stage; the buyer hears.

use serde_json::json;
use testkit::fakes::{amocrm::account::SECOND_STATUS, telegram::BotMessage};

use super::{Checks, PATIENCE, Person, chapter, comes_true, lead};
use crate::{
    show::{self, heading},
    stage::{MANAGERS, Stage},
};

/// Tells it of this buyer and request.
pub async fn tell(stage: &Stage, checks: &mut Checks, buyer: &mut Person, number: &str) -> Result<(), String> {
    chapter(6, "После номера", "what comes after the number");
    let (anna, _) = (stage.managers[0].clone(), &stage.managers[1]);
    let lead_id = lead(&stage.amocrm, number).map(|lead| lead.id).ok_or("the lead is gone")?;
    let mut shown = stage.telegram.transcript(stage.group.id).len();
    let mut group_shows = || {
        let all = stage.telegram.transcript(stage.group.id);
        show::conversation(&all[shown..]);
        shown = all.len();
    };

    heading("Группа менеджеров", "the managers' group");
    let card = reads(stage, |card| {
        card.text.contains(&format!("#{number}")) && card.has_button(&format!("lead:take:{number}"))
    })
    .await?;
    println!("{}", card.text.lines().map(|line| format!("     {line}")).collect::<Vec<_>>().join("\n"));
    anna.press_in(&card, &format!("lead:take:{number}"));
    reads(stage, |now| now.message_id == card.message_id && now.text.contains("Взял(а): Анна")).await?;
    group_shows();
    let responsible = || lead(&stage.amocrm, number).is_some_and(|lead| lead.responsible_user_id == MANAGERS[0].0);
    let taken = comes_true(responsible).await;
    checks.that(taken, format!("Анна взяла заявку #{number}, она ответственная и в amoCRM"), "taken by one press")?;

    heading(&buyer.user.name.clone(), "the buyer asks");
    buyer.says("А сколько стоит доставка?").hears("ередал").await?;
    let question = reads(stage, |message| message.text.contains("сколько стоит доставка")).await?;
    let answer = "Доставка 50 тысяч, срок месяц";
    anna.replies_in(&stage.group, question.message_id, json!({ "text": answer }), answer);
    heading("Группа менеджеров", "the manager answers with a reply");
    group_shows();
    heading(&buyer.user.name.clone(), "the buyer");
    buyer.hears("Доставка 50 тысяч").await?;
    let noted = || {
        let notes = lead(&stage.amocrm, number).map(|lead| lead.notes.join("\n")).unwrap_or_default();
        notes.contains("сколько стоит доставка") && notes.contains("Анна: Доставка 50 тысяч")
    };
    let both = comes_true(noted).await;
    checks.that(both, "разговор дошёл в обе стороны и стоит в сделке", "the talk reached both, and the CRM")?;

    heading("amoCRM", "the manager moves the lead to the next stage");
    stage.moves(lead_id, SECOND_STATUS, 0);
    println!("Анна: Новая заявка → Подбор автомобиля");
    heading(&buyer.user.name.clone(), "the buyer hears");
    buyer.hears("Подбираем автомобиль").await?;
    checks.that(
        buyer.count("Подбираем автомобиль") == 1,
        "о новом этапе покупатель узнал сам и один раз",
        "told of the stage, once",
    )
}

/// Waits for a message in the group that fits.
async fn reads(stage: &Stage, fits: impl Fn(&BotMessage) -> bool) -> Result<BotMessage, String> {
    let message = stage.telegram.wait_for(stage.group.id, fits, PATIENCE).await;
    message.map_err(|why| format!("менеджеры ждут сообщения: {why}"))
}
