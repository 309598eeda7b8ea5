//! The chat in the terminal: a person is the buyer, and has a hand on every switch.

use std::{io, io::Write};

use serde_json::json;
use testkit::fakes::{
    amocrm::CrmEvent,
    telegram::{BotMessage, Event, FakeUser},
};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc,
};

use crate::{
    faults::Fault,
    show::{self, BOLD, DIM, GREEN, RED, YELLOW, heading, paint},
    stage::{Stage, Stages, phone},
};

const HELP: &str = "\
Вы покупатель: пишите боту. Число нажимает кнопку с этим номером, остальное вы говорите.
You are the buyer: a number presses the button of that number, anything else is said to the bot.

  :say TEXT             сказать и число           say it even if it is a number
  :contact              отправить свой номер      share the phone number
  :photo  :sticker      фото, стикер              send a photo, a sticker
  :buyer NAME           другой покупатель         be another buyer (or one of before)
  :english NAME         телефон на английском     another buyer, whose phone is in English
  :admin [N | TEXT]     чат администратора        what is new in the admin's chat; press button N there, or say TEXT
  :group [N | TEXT]     группа менеджеров         the managers' group; press button N there, or reply TEXT
  :stage [N]            сдвинуть сделку           move the newest lead to stage N, as a manager in amoCRM
  :crm                  сделки в amoCRM           what is in the CRM
  :crm off | on | slow  выключить, включить       switch the CRM off, on, make it slow
  :expire               оба токена истекли        both tokens expire: 401 Token has expired
  :tokens               новые токены в файлы      put new tokens into the files
  :code                 код авторизации           get an authorization code
  :run COMMAND          команда программы         run a command: status, leads list, get-new-tokens --code …
  :status  :retry       состояние, отправить      the commands status and retry-backup-leads
  :kill                 kill -9                   kill the daemon
  :wipe                 стереть диск              kill it and empty its disk
  :restart              перезапустить             stop it politely if it runs, and start it
  :backup  :log [N]     файл заявок, журнал       backup_leads.json, the last lines of the log
  :help  :quit";

/// Talks until the person leaves, on whatever stage is played on.
pub async fn talk(stages: &Stages) -> io::Result<()> {
    println!("{}", paint(BOLD, "amocrm-lead-bot: песочница · the sandbox"));
    println!("Программа, Telegram и amoCRM работают только на этом компьютере.");
    println!("{}", paint(DIM, "The daemon, a fake Telegram and a fake amoCRM run on this computer only."));
    println!("Всё, что можно · all you can do: help");
    let mut lines = typed_lines();
    let mut changes = stages.changes();
    loop {
        let stage = changes.borrow_and_update().clone();
        let faster = stage.speed;
        println!(
            "{}",
            paint(DIM, &format!("Паузы здесь в {faster} раз короче · pauses are {faster} times shorter here"))
        );
        println!("{}\n", paint(DIM, &stage.path("").display().to_string()));
        tokio::select! {
            left = on(&stage, &mut lines) => return left,
            _ = changes.changed() => over_prompt("На странице всё начато заново · somebody has begun again on the page"),
        }
    }
}

/// Talks on this stage.
async fn on(stage: &Stage, lines: &mut mpsc::UnboundedReceiver<String>) -> io::Result<()> {
    let (mut telegram, mut crm) = (stage.telegram.subscribe(), stage.amocrm.subscribe());
    let buyer = stage.buyers().into_iter().next().unwrap_or_else(|| stage.buyer("Иван", "ru"));
    let mut talk = Talk { stage, buyer, choices: Vec::new(), shown: None, admin_read: 0, group_read: 0 };
    talk.prompt();
    println!("/start");
    talk.say("/start");
    loop {
        talk.prompt();
        tokio::select! {
            line = lines.recv() => match line.as_deref().map(str::trim) {
                None | Some(":quit" | ":q" | "quit" | "exit") => break,
                Some(line) => talk.obey(line).await?,
            },
            event = next(&mut telegram) => talk.telegram_did(event),
            event = next(&mut crm) => talk.crm_did(event),
            status = talk.stage.ended() => {
                over_prompt(&paint(RED, &format!("демон остановился сам · the daemon ended by itself: {}", status?)));
                println!("{}", talk.stage.log(5));
            }
        }
    }
    println!();
    Ok(())
}

/// The lines the person types; a thread of its own, because a read from a terminal cannot be cancelled.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (lines, typed) = mpsc::unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    typed
}

/// The next event; those that were missed are skipped.
async fn next<T: Clone>(events: &mut Receiver<T>) -> T {
    loop {
        match events.recv().await {
            Ok(event) => return event,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Prints where the prompt stands.
fn over_prompt(text: &str) {
    println!("\r\x1b[2K{text}");
}

/// Tells what an order has done.
fn done(text: &str) {
    println!("{}", paint(DIM, text));
}

/// What a number presses.
enum Choice {
    /// A button under a message.
    Button { message_id: i32, data: String },
    /// A button that opens a page.
    Page(String),
    /// A key that says what stands on it.
    Key(String),
    /// A key that shares the phone number.
    Contact,
}

struct Talk<'a> {
    stage: &'a Stage,
    buyer: FakeUser,
    /// What the numbers press in the buyer's chat, and under which message they stand.
    choices: Vec<Choice>,
    shown: Option<i32>,
    /// How much of the admin's chat and of the managers' has been read, bytes.
    admin_read: usize,
    group_read: usize,
}

impl Talk<'_> {
    fn prompt(&self) {
        print!("\r\x1b[2K{}> ", self.buyer.name);
        let _ = io::stdout().flush();
    }

    async fn obey(&mut self, line: &str) -> io::Result<()> {
        let plain = ["help", "?", "помощь"].contains(&line).then_some("help");
        let Some(order) = line.strip_prefix(':').or(plain) else {
            let pressed = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match pressed.and_then(|at| self.choices.get(at)) {
                Some(choice) => press(&self.buyer, choice, self.stage).await,
                None => self.say(line),
            }
            return Ok(());
        };
        let (order, rest) = order.split_once(' ').map_or((order, ""), |(order, rest)| (order, rest.trim()));
        match (order, rest) {
            ("help" | "?", _) => println!("{HELP}"),
            ("say", text) => self.say(text),
            ("contact", _) => drop(self.buyer.share_contact(&phone(&self.buyer))),
            ("photo", _) => drop(self.buyer.photo()),
            ("sticker", _) => drop(self.buyer.sticker()),
            ("buyer", name) if !name.is_empty() => self.become_buyer(name, "ru"),
            ("english", name) if !name.is_empty() => self.become_buyer(name, "en"),
            ("admin", said) => self.admin(said).await,
            ("group", said) => self.group(said),
            ("stage", number) => self.moves(number),
            ("crm", "") => self.crm(),
            ("crm", "off") => self.stage.sets(Fault::CrmDown, true).await?,
            ("crm", "slow") => {
                self.stage.sets(Fault::CrmSlow, true).await?;
                done("отвечает через 3 с · answers after 3 s");
            }
            ("crm", "on") => {
                self.stage.sets(Fault::CrmSlow, false).await?;
                self.stage.sets(Fault::CrmDown, false).await?;
            }
            ("expire", _) => {
                self.stage.sets(Fault::TokensExpired, true).await?;
                done("оба токена истекли · both tokens have expired");
            }
            ("tokens", _) => {
                self.stage.gives_tokens()?;
                done("новые токены в файлах · new tokens are in the files");
            }
            ("code", _) => println!("{}", self.stage.amocrm.issue_code()),
            ("run", "") => println!(":run status, :run leads list, :run --help …"),
            ("run", command) => self.run(&command.split_whitespace().collect::<Vec<_>>()).await?,
            ("status", _) => self.run(&["status"]).await?,
            ("retry", _) => self.run(&["retry-backup-leads"]).await?,
            ("kill", _) => {
                let ran = self.stage.runs();
                self.stage.kill().await;
                done(if ran { "убит · killed" } else { "и так не работает · it does not run" });
            }
            ("wipe", _) => {
                self.stage.wipe().await?;
                done("диск пуст, программа убита; :restart · the disk is empty, the daemon killed");
            }
            ("restart" | "start", _) => {
                if let Some(status) = self.stage.terminate().await? {
                    done(&format!("остановлен · stopped, {status}"));
                }
                self.stage.start().await?;
                done("работает · runs");
            }
            ("backup", _) => println!("{}", self.stage.backup().trim_end()),
            ("log", lines) => println!("{}", self.stage.log(lines.parse().unwrap_or(20))),
            _ => println!("нет такой команды · no such command; :help"),
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        if !text.is_empty() {
            self.buyer.say(text);
        }
    }

    async fn run(&self, args: &[&str]) -> io::Result<()> {
        let output = self.stage.run(args).await?;
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        done(&output.status.to_string());
        Ok(())
    }

    fn become_buyer(&mut self, name: &str, language: &str) {
        let Some(known) = self.stage.buyers().into_iter().find(|buyer| buyer.name == name) else {
            self.buyer = self.stage.buyer(name, language);
            (self.choices, self.shown) = (Vec::new(), None);
            self.prompt();
            println!("/start");
            return self.say("/start");
        };
        self.buyer = known;
        show::conversation(&self.buyer.transcript());
        let messages = self.buyer.messages();
        let newest = messages.iter().rev().find(|message| !message.deleted && !choices(message).is_empty());
        self.shown = newest.map(|message| message.message_id);
        self.choices = newest.map(choices).unwrap_or_default();
        newest.into_iter().for_each(|message| println!("{}", numbered(message).join("\n")));
    }

    /// Shows what is new in the admin's chat (or the end of it), or presses or says something there.
    async fn admin(&mut self, said: &str) {
        let admin = &self.stage.admin;
        let messages = admin.messages();
        let newest = messages.iter().rev().find(|message| !message.deleted && !choices(message).is_empty());
        let there = newest.map(choices).unwrap_or_default();
        let pressed = said.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match pressed.and_then(|at| there.get(at)) {
            Some(choice) => press(admin, choice, self.stage).await,
            None if said.is_empty() => {
                heading("Администратор", "the admin's chat");
                let all = admin.transcript();
                let new = all.get(self.admin_read..).filter(|new| !new.trim().is_empty());
                // With nothing new, the last message again.
                show::conversation(new.unwrap_or_else(|| last_message(&all)));
                self.admin_read = all.len();
                newest.into_iter().for_each(|message| println!(":admin\n{}", numbered(message).join("\n")));
            }
            None => drop(admin.say(said)),
        }
    }

    /// Shows what is new in the managers' group, or presses a button there, or answers the last message, as the first manager.
    fn group(&mut self, said: &str) {
        let (group, anna) = (&self.stage.group, &self.stage.managers[0]);
        let messages: Vec<_> = self.stage.telegram.chat(group.id).into_iter().filter(|one| !one.deleted).collect();
        let card = messages.iter().rev().find(|message| !choices(message).is_empty());
        let there = card.map(choices).unwrap_or_default();
        let pressed = said.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match (pressed.and_then(|at| there.get(at)), card) {
            (Some(Choice::Button { data, .. }), Some(card)) => drop(anna.press_in(card, data)),
            _ if said.is_empty() => {
                heading("Группа менеджеров", "the managers' group");
                let all = self.stage.telegram.transcript(group.id);
                let new = all.get(self.group_read..).filter(|new| !new.trim().is_empty());
                show::conversation(new.unwrap_or_else(|| last_message(&all)));
                self.group_read = all.len();
                card.into_iter().for_each(|message| println!(":group\n{}", numbered(message).join("\n")));
            }
            _ => match messages.last() {
                Some(last) => drop(anna.replies_in(group, last.message_id, json!({ "text": said }), said)),
                None => drop(anna.say_in(group, said)),
            },
        }
    }

    /// Moves the newest lead to a stage, or lists the stages.
    fn moves(&self, number: &str) {
        let stages = self.stage.stages();
        let lead = self.stage.amocrm.leads().pop();
        let chosen = number.parse::<usize>().ok().and_then(|number| stages.get(number.checked_sub(1)?));
        match (lead, chosen) {
            (Some(lead), Some((id, name))) => {
                self.stage.moves(lead.id, *id, 0);
                done(&format!("Анна: «{}» → {name}", lead.name));
            }
            (None, _) => done("сделок ещё нет · there are no leads yet"),
            (_, None) => {
                for (at, (_, name)) in stages.iter().enumerate() {
                    println!("     :stage {} {name}", at + 1);
                }
            }
        }
    }

    fn crm(&self) {
        let leads = self.stage.amocrm.leads();
        heading("amoCRM", &format!("leads: {}", leads.len()));
        leads.iter().for_each(|lead| show::lead(&self.stage.amocrm, lead));
    }

    fn telegram_did(&mut self, event: Event) {
        match event {
            Event::BotSent(message) if message.chat_id == self.buyer.id => {
                let choices = choices(&message);
                if !choices.is_empty() {
                    (self.choices, self.shown) = (choices, Some(message.message_id));
                } else if message.removed_keyboard {
                    self.choices.retain(|choice| !matches!(choice, Choice::Key(_) | Choice::Contact));
                }
                over_prompt(&bubble("Бот", &message));
            }
            Event::BotSent(message) => {
                let buyer = self.stage.buyers().into_iter().find(|buyer| buyer.id == message.chat_id);
                let (whom, order) = match buyer {
                    Some(buyer) => (buyer.name.clone(), format!(":buyer {}", buyer.name)),
                    None if message.chat_id == self.stage.admin.id => ("Администратор".into(), ":admin".into()),
                    None => ("Менеджеры".to_owned(), ":group".to_owned()),
                };
                let line = message.text.lines().next().unwrap_or_default();
                over_prompt(&format!("{} {}", paint(YELLOW, &format!("🔔 {whom}: {line}")), paint(DIM, &order)));
            }
            Event::BotEdited(message) if message.chat_id == self.buyer.id => {
                if self.shown == Some(message.message_id) {
                    self.choices = choices(&message);
                }
                over_prompt(&bubble("Бот (правка · edited)", &message));
            }
            Event::CallbackAnswered(answer) => {
                if let Some(text) = answer.text {
                    over_prompt(&paint(YELLOW, &format!("({text})")));
                }
            }
            _ => {}
        }
    }

    fn crm_did(&self, event: CrmEvent) {
        let news = match event {
            CrmEvent::LeadAdded(lead) => format!("новая сделка «{}» · a new lead; :crm", lead.name),
            CrmEvent::TokensRefreshed => "токены обновлены · the tokens were refreshed".into(),
            CrmEvent::WentDown => "выключена · switched off".into(),
            CrmEvent::CameBack => "работает · works".into(),
            CrmEvent::ContactAdded(_) | CrmEvent::NoteAdded { .. } => return,
        };
        over_prompt(&paint(GREEN, &format!("amoCRM: {news}")));
    }
}

/// The last message of a transcript, whole: every line after a message's first is indented.
fn last_message(transcript: &str) -> &str {
    let text = transcript.trim_end();
    let begins = |at: usize| !text[at..].starts_with([' ', '\n']);
    let starts = text.rmatch_indices('\n').map(|(at, _)| at + 1);
    &text[starts.into_iter().find(|at| begins(*at)).unwrap_or_default()..]
}

async fn press(user: &FakeUser, choice: &Choice, stage: &Stage) {
    match choice {
        Choice::Button { message_id, data } => {
            if let Err(why) = user.press_on(*message_id, data) {
                println!("{why}");
            }
        }
        Choice::Key(text) => drop(user.say(text)),
        Choice::Contact => drop(user.share_contact(&phone(user))),
        Choice::Page(page) => open(page, stage).await,
    }
}

/// What a browser would show; a page of amoCRM that asks for access is allowed it.
async fn open(page: &str, stage: &Stage) {
    println!("{}", paint(DIM, &format!("→ {page}")));
    if let Some(heading) = stage.allows_access(page).await {
        println!("Доступ разрешён, на странице написано · access is allowed, the page says: {heading}");
    }
}

/// What can be pressed on a message: buttons under it, then the keyboard that came with it.
fn choices(message: &BotMessage) -> Vec<Choice> {
    let buttons = message.buttons.iter().flatten().map(|button| match (&button.data, &button.url) {
        (Some(data), _) => Choice::Button { message_id: message.message_id, data: data.clone() },
        (None, url) => Choice::Page(url.clone().unwrap_or_default()),
    });
    let keys = message
        .keyboard
        .iter()
        .flat_map(|keyboard| keyboard.rows.iter().flatten())
        .map(|key| if key.request_contact { Choice::Contact } else { Choice::Key(key.text.clone()) });
    buttons.chain(keys).collect()
}

/// The rows of buttons of a message with their numbers, in the order of [`choices`].
fn numbered(message: &BotMessage) -> Vec<String> {
    let buttons = message.buttons.iter().map(|row| row.iter().map(|button| button.text.as_str()).collect::<Vec<_>>());
    let keyboard = message.keyboard.iter().flat_map(|keyboard| &keyboard.rows);
    let keys = keyboard.map(|row| row.iter().map(|key| key.text.as_str()).collect());
    let mut number = 0;
    let mut rows = Vec::new();
    for row in buttons.chain(keys) {
        let labels: Vec<String> = row
            .into_iter()
            .map(|label| {
                number += 1;
                format!("{} {label}", paint(BOLD, &format!("[{number}]")))
            })
            .collect();
        rows.push(format!("     {}", labels.join("   ")));
    }
    rows
}

/// A message as it is shown when it comes.
fn bubble(who: &str, message: &BotMessage) -> String {
    let mut lines = Vec::new();
    if let Some((name, _)) = &message.document {
        lines.push(format!("     (файл · file {name})"));
    }
    lines.extend(message.text.lines().map(|line| format!("     {line}").trim_end().to_owned()));
    lines.extend(numbered(message));
    format!("{}\n{}", paint(BOLD, &format!("{who}:")), lines.join("\n"))
}
