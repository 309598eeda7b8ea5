//! The incident this product was made for, played in the phones of the page: each step waits until it has really happened, says
//! in a line what it was, and goes on when somebody wants the next one.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use testkit::fakes::{
    amocrm::{StoredLead, account::SECOND_STATUS},
    telegram::{BotMessage, FakeUser},
};

use super::{
    Said, said,
    scene::{Play, Scene},
};
use crate::{
    faults::Fault,
    story::{CAR, number},
};

/// Whatever is to happen happens within this time, or the story has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a line is left to be read, and how long somebody types.
const READS: Duration = Duration::from_secs(6);
const TYPES: Duration = Duration::from_millis(700);

const STEPS: usize = 11;

/// Plays it, unless it plays already.
pub fn begins(scene: &Arc<Scene>, fast: bool) {
    {
        let mut play = scene.play();
        if play.steps > 0 && !play.over {
            return;
        }
        *play = Play { steps: STEPS, auto: fast, ..Play::default() };
    }
    let playing = Player { scene: scene.clone(), fast };
    tokio::spawn(async move {
        let ended = playing.tells().await;
        let mut play = playing.scene.play();
        (play.over, play.waits, play.failed) = (true, false, ended.is_err());
        if let Err(why) = ended {
            eprintln!("{why}");
            play.line = Some(said(format!("Не вышло: {why}"), format!("It did not come off: {why}")));
        }
    });
}

struct Player {
    scene: Arc<Scene>,
    fast: bool,
}

/// Why it went no further.
type Failure = String;

impl Player {
    async fn tells(&self) -> Result<(), Failure> {
        let stage = self.scene.stage.clone();
        let io = |error: std::io::Error| error.to_string();

        let ivan = self.takes_the_phone_of("Иван");
        self.says(said(
            "Обычный день. Иван оставляет заявку: четыре коротких вопроса.",
            "An ordinary day. Ivan leaves a request: four short questions.",
        ));
        self.fills_in(&ivan, "Иван Петров", "8 (999) 123-45-67", "2,5 млн").await?;
        let first = self.submits(&ivan).await?;
        self.lead(&first).await?;
        self.step(said(
            format!("Заявка #{first} уже на доске amoCRM. Сначала она записана на диск, и только потом Telegram узнал, что нажатие принято."),
            format!("Request #{first} is on amoCRM's board. It was written to the disk first, and only then Telegram was told that the press had arrived."),
        ))
        .await;

        stage.sets(Fault::TokensExpired, true).await.map_err(io)?;
        self.step(said(
            "Срок доступа к amoCRM истёк, оба токена. Так заявки и терялись.",
            "Both tokens for amoCRM have expired. This is how requests used to get lost.",
        ))
        .await;

        let maria = self.takes_the_phone_of("Мария");
        self.fills_in(&maria, "Мария", "+7 916 555-12-34", "до 3 000 000").await?;
        let second = self.submits(&maria).await?;
        self.reads(&maria, "сохранена").await?;
        self.step(said(
            format!("Мария ничего не теряет: заявка #{second} сохранена, и ей так и сказано."),
            format!("Maria loses nothing: request #{second} is kept, and she is told so."),
        ))
        .await;

        let access = self.sees(stage.admin.id, |message| message.text.contains("срок доступа")).await?;
        self.step(said(
            "Администратор уже знает, что случилось, сколько заявок ждёт и что нажать.",
            "The admin knows what has happened, how many requests wait, and what to press.",
        ))
        .await;

        let pyotr = self.takes_the_phone_of("Пётр");
        self.fills_in(&pyotr, "Пётр", "8 926 555-01-98", "1,8 млн").await?;
        stage.telegram.wait_until_confirmed(PATIENCE).await?;
        pyotr.press("submit")?;
        let press = stage.telegram.pending().pop().and_then(|update| update["update_id"].as_i64()).unwrap_or_default();
        let given = || stage.telegram.polls().iter().any(|poll| poll.given.iter().flatten().any(|id| *id == press));
        self.comes_true("the press arrives", given).await?;
        stage.kill().await;
        self.scene.record.notes(said("kill -9", "kill -9"), true);
        self.step(said(
            "kill -9 в самый неподходящий миг: Пётр нажал «Отправить», а ответа ещё нет.",
            "kill -9 at the worst moment: Pyotr has pressed “Send”, and there is no answer yet.",
        ))
        .await;

        stage.start().await.map_err(io)?;
        let third = number(&self.reads(&pyotr, "принята").await?);
        self.reads(&pyotr, "сохранена").await?;
        self.step(said(
            format!("Программа запущена снова, и заявка #{third} на месте. Второй раз нажимать не пришлось."),
            format!("The daemon is started again, and request #{third} is there. Nobody had to press twice."),
        ))
        .await;

        let asks = |message: &BotMessage| message.buttons.iter().flatten().any(|button| button.url.is_some());
        let link = match asks(&access) {
            true => access,
            false => {
                stage.admin.say("/auth");
                self.sees(stage.admin.id, asks).await?
            }
        };
        let link = link.buttons.iter().flatten().find_map(|button| button.url.clone()).unwrap_or_default();
        let page = stage.allows_access(&link).await.ok_or("there was no way to give access")?;
        self.scene.allowed(&page);
        for number in [&second, &third] {
            self.lead(number).await?;
        }
        self.reads(&pyotr, "передана").await?;
        self.step(said(
            "Администратор нажал одну кнопку, и обе заявки дошли сами, каждая ровно один раз.",
            "The admin has pressed one button, and both requests went through by themselves, each exactly once.",
        ))
        .await;

        self.takes_the_phone_of("Мария");
        let take = format!("lead:take:{second}");
        let card = self.sees(stage.group.id, |message| message.has_button(&take)).await?;
        self.scene.shows_manager(0);
        stage.managers[0].press_in(&card, &take);
        let taken = |message: &BotMessage| message.message_id == card.message_id && message.text.contains("Взял");
        self.sees(stage.group.id, taken).await?;
        self.step(said(
            "Менеджер Анна нажала «Беру»: заявка её, и в amoCRM тоже.",
            "Anna, a manager, has pressed “Take”: the request is hers, in amoCRM as well.",
        ))
        .await;

        self.types().await;
        maria.say("А сколько стоит доставка?");
        let question = self.sees(stage.group.id, |message| message.text.contains("стоит доставка")).await?;
        self.types().await;
        let answer = "Доставка 50 тысяч, срок месяц";
        stage.managers[0].replies_in(&stage.group, question.message_id, json!({ "text": answer }), answer);
        self.reads(&maria, answer).await?;
        self.comes_true("the talk is in amoCRM", || {
            self.found(&second).is_some_and(|lead| lead.notes.iter().any(|note| note.contains("Доставка 50 тысяч")))
        })
        .await?;
        self.step(said(
            "Мария спросила, Анна ответила прямо из группы. Разговор стоит и в сделке.",
            "Maria has asked, Anna has answered from the group. The talk stands under the lead, too.",
        ))
        .await;

        let lead = self.lead(&second).await?;
        stage.moves(lead.id, SECOND_STATUS, 0);
        let heard = self.reads(&maria, "Новости по заявке").await?;
        self.step(said(
            format!(
                "Анна передвинула сделку, и Мария узнала об этом сама: «{}».",
                heard.text.lines().last().unwrap_or_default()
            ),
            format!(
                "Anna has moved the lead, and Maria hears of it: “{}”.",
                heard.text.lines().last().unwrap_or_default()
            ),
        ))
        .await;

        let all = [&first, &second, &third].map(|number| self.count(number));
        if all != [1, 1, 1] {
            return Err(format!("the leads are there {all:?} times"));
        }
        self.says(said(
            "Истёк доступ, программу убили, а в amoCRM три заявки из трёх, каждая один раз. Дальше ломайте сами.",
            "The access expired, the daemon was killed, and amoCRM has three requests of three, each once. Now break it yourself.",
        ));
        Ok(())
    }

    /// A line, and a pause until the next step is wanted.
    async fn step(&self, line: Said) {
        self.says(line);
        if self.fast {
            return;
        }
        let auto = {
            let mut play = self.scene.play();
            play.waits = true;
            play.auto
        };
        let asked = self.scene.next.notified();
        if auto {
            let _ = tokio::time::timeout(READS, asked).await;
        } else {
            asked.await;
        }
        self.scene.play().waits = false;
    }

    fn says(&self, line: Said) {
        let mut play = self.scene.play();
        play.step += 1;
        play.line = Some(line);
    }

    async fn types(&self) {
        if !self.fast {
            tokio::time::sleep(TYPES).await;
        }
    }

    /// A buyer of this name, whose phone is shown from now on.
    fn takes_the_phone_of(&self, name: &str) -> FakeUser {
        let stage = &self.scene.stage;
        let known = stage.buyers().into_iter().find(|buyer| buyer.name == name);
        let buyer = known.unwrap_or_else(|| stage.buyer(name, "ru"));
        self.scene.shows_buyer(buyer.id);
        buyer
    }

    async fn fills_in(&self, who: &FakeUser, name: &str, phone: &str, budget: &str) -> Result<(), Failure> {
        for (said, answer) in [
            ("/start", "Как вас зовут"),
            (name, "номер телефона"),
            (phone, "бюджет"),
            (budget, "ссылку"),
            (CAR, "Проверьте заявку"),
        ] {
            self.types().await;
            let before = self.scene.stage.telegram.last_message_id(who.id);
            who.say(said);
            self.reads_after(who, before, answer).await?;
        }
        Ok(())
    }

    async fn submits(&self, who: &FakeUser) -> Result<String, Failure> {
        self.types().await;
        who.press("submit")?;
        Ok(number(&self.reads(who, "принята").await?))
    }

    async fn reads(&self, who: &FakeUser, words: &str) -> Result<BotMessage, Failure> {
        self.reads_after(who, 0, words).await
    }

    async fn reads_after(&self, who: &FakeUser, before: i32, words: &str) -> Result<BotMessage, Failure> {
        let fits = |message: &BotMessage| message.text.contains(words);
        self.scene.stage.telegram.wait_for_new(who.id, before, fits, PATIENCE).await
    }

    async fn sees(&self, chat: i64, fits: impl Fn(&BotMessage) -> bool) -> Result<BotMessage, Failure> {
        self.scene.stage.telegram.wait_for(chat, fits, PATIENCE).await
    }

    fn count(&self, number: &str) -> usize {
        let title = format!("#{number} ");
        self.scene.stage.amocrm.leads().iter().filter(|lead| lead.name.starts_with(&title)).count()
    }

    fn found(&self, number: &str) -> Option<StoredLead> {
        let title = format!("#{number} ");
        self.scene.stage.amocrm.leads().into_iter().find(|lead| lead.name.starts_with(&title))
    }

    /// The lead of a request, once it is in amoCRM with its note.
    async fn lead(&self, number: &str) -> Result<StoredLead, Failure> {
        let there = || self.found(number).is_some_and(|lead| !lead.notes.is_empty());
        self.comes_true("the lead is in amoCRM", there).await?;
        self.found(number).ok_or_else(|| "the lead is gone".to_owned())
    }

    async fn comes_true(&self, what: &str, so: impl FnMut() -> bool) -> Result<(), Failure> {
        match self.scene.until(so, PATIENCE).await {
            true => Ok(()),
            false => Err(format!("not so in time: {what}")),
        }
    }
}
