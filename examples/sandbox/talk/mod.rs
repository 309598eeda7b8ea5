//! The chat in the terminal: a person is the buyer, and has a hand on every switch.
//!
//! - [`help`]: what can be done, in words
//! - [`message`]: a message as it is shown, and what can be pressed on it

mod help;
mod message;

use std::io;

use serde_json::json;
use testkit::fakes::{
    amocrm::CrmEvent,
    telegram::{Event, FakeUser},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    faults::Fault,
    page::CAR,
    show::{self, BOLD, DIM, GREEN, RED, YELLOW, heading, paint},
    stage::{Stage, Stages, phone},
    terminal::{Terminal, WIDTH, print, wrapped},
};
use help::HELP;
use message::{Choice, INDENT, bubble, choices, last_message, numbered, press};

/// Talks until the person leaves, on whatever stage is played on.
pub async fn talk(stages: &Stages) -> io::Result<()> {
    println!("{}", paint(BOLD, "amocrm-lead-bot: песочница · the sandbox"));
    println!("Программа, Telegram и amoCRM работают только на этом компьютере.");
    println!("{}", paint(DIM, "The daemon, a fake Telegram and a fake amoCRM run on this computer only."));
    println!("Всё, что можно · all you can do: help");
    let mut terminal = Terminal::open()?;
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
            left = on(&stage, &mut terminal) => return left,
            _ = changes.changed() => print("На странице всё начато заново · somebody has begun again on the page"),
        }
    }
}

/// Talks on this stage.
async fn on(stage: &Stage, terminal: &mut Terminal) -> io::Result<()> {
    let (mut telegram, mut crm) = (stage.telegram.subscribe(), stage.amocrm.subscribe());
    let buyer = stage.buyers().into_iter().next().unwrap_or_else(|| stage.buyer("Иван", "ru"));
    let mut talk = Talk { stage, buyer, choices: Vec::new(), shown: None, admin_read: 0, group_read: 0 };
    talk.begins();
    terminal.prompt(&talk.buyer.name);
    loop {
        tokio::select! {
            line = terminal.line() => {
                match line.as_deref().map(str::trim) {
                    None | Some(":quit" | ":q" | "quit" | "exit" | "выход") => break,
                    Some(line) => talk.obey(line).await?,
                }
                terminal.prompt(&talk.buyer.name);
            }
            event = next(&mut telegram) => talk.telegram_did(event),
            event = next(&mut crm) => talk.crm_did(event),
            status = talk.stage.ended() => {
                print(&paint(RED, &format!("программа остановилась сама · the daemon ended by itself: {}", status?)));
                print(&talk.stage.log(5));
            }
        }
    }
    Ok(())
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

/// Tells what an order has done.
fn done(text: &str) {
    print(&paint(DIM, text));
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
    /// Says the first word.
    fn begins(&self) {
        print(&format!("{}: /start", self.buyer.name));
        self.say("/start");
    }

    async fn obey(&mut self, line: &str) -> io::Result<()> {
        let help = match line {
            "help" | ":help" | "?" | ":?" => Some(HELP[0]),
            "помощь" | ":помощь" => Some(HELP[1]),
            _ => None,
        };
        if let Some(help) = help {
            print(help);
            return Ok(());
        }
        let Some(order) = line.strip_prefix(':') else {
            let pressed = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match pressed.and_then(|at| self.choices.get(at)) {
                Some(choice) => press(&self.buyer, choice, self.stage).await,
                None => self.say(line),
            }
            return Ok(());
        };
        let (order, rest) = order.split_once(' ').map_or((order, ""), |(order, rest)| (order, rest.trim()));
        match (order, rest) {
            ("say", text) => self.say(text),
            ("contact", _) => drop(self.buyer.share_contact(&phone(&self.buyer))),
            ("edit", text) => self.edits(text),
            ("photo", "") => drop(self.buyer.sends_photo(CAR)),
            ("photo", file) => match std::fs::read(file) {
                Ok(bytes) if !bytes.is_empty() => drop(self.buyer.sends_photo(&bytes)),
                Ok(_) => done("файл пуст · the file is empty"),
                Err(why) => done(&why.to_string()),
            },
            ("sticker", _) => drop(self.buyer.sticker()),
            ("buyer", name) if !name.is_empty() => self.become_buyer(name, "ru"),
            ("english", name) => self.become_buyer(if name.is_empty() { "John" } else { name }, "en"),
            ("admin", said) => self.admin(said).await,
            ("group", said) => self.group(said),
            ("stage", number) => self.moves(number),
            ("crm", "") => self.crm(),
            ("crm", "off") => self.stage.sets(Fault::CrmDown, true).await?,
            ("crm", "slow") => {
                self.stage.sets(Fault::CrmSlow, true).await?;
                done("отвечает не сразу · takes its time to answer");
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
            ("code", _) => print(&self.stage.amocrm.issue_code()),
            ("run", "") => print(":run status, :run leads list, :run --help …"),
            ("run", command) => self.run(&command.split_whitespace().collect::<Vec<_>>()).await?,
            ("status", _) => self.run(&["status"]).await?,
            ("retry", _) => self.run(&["retry-backup-leads"]).await?,
            ("kill", _) => {
                let ran = self.stage.runs();
                self.stage.kill().await;
                done(if ran {
                    "убит; :restart · killed; :restart"
                } else {
                    "и так не работает · it does not run"
                });
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
            ("backup", _) => print(self.stage.backup().trim_end()),
            ("log", lines) => print(&self.stage.log(lines.parse().unwrap_or(20))),
            _ => done("нет такой команды · no such command; help"),
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        if !text.is_empty() {
            self.buyer.say(text);
        }
    }

    /// Changes what was said last.
    fn edits(&self, text: &str) {
        let said = self.stage.telegram.theirs(self.buyer.id);
        match said.iter().any(|message| message["text"].is_string()) {
            true if !text.is_empty() => self.buyer.edit_last(text),
            _ => done("нечего исправлять · there is nothing to change"),
        }
    }

    async fn run(&self, args: &[&str]) -> io::Result<()> {
        let output = self.stage.run(args).await?;
        for said in [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)) {
            if !said.is_empty() {
                print(said.trim_end());
            }
        }
        done(&output.status.to_string());
        Ok(())
    }

    fn become_buyer(&mut self, name: &str, language: &str) {
        let Some(known) = self.stage.buyers().into_iter().find(|buyer| buyer.name == name) else {
            self.buyer = self.stage.buyer(name, language);
            (self.choices, self.shown) = (Vec::new(), None);
            return self.begins();
        };
        self.buyer = known;
        show::conversation(&self.buyer.transcript());
        let messages = self.buyer.messages();
        let newest = messages.iter().rev().find(|message| !message.deleted && !choices(message).is_empty());
        self.shown = newest.map(|message| message.message_id);
        self.choices = newest.map(choices).unwrap_or_default();
        newest.into_iter().for_each(|message| print(&numbered(message).join("\n")));
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
                newest.into_iter().for_each(|message| print(&format!(":admin\n{}", numbered(message).join("\n"))));
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
                card.into_iter().for_each(|message| print(&format!(":group\n{}", numbered(message).join("\n"))));
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
                    print(&format!("     :stage {} {name}", at + 1));
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
                print(&bubble("Бот", &message));
            }
            Event::BotSent(message) => {
                let buyer = self.stage.buyers().into_iter().find(|buyer| buyer.id == message.chat_id);
                let (whom, order) = match buyer {
                    Some(buyer) => (buyer.name.clone(), format!(":buyer {}", buyer.name)),
                    None if message.chat_id == self.stage.admin.id => ("Администратор".into(), ":admin".into()),
                    None => ("Менеджеры".to_owned(), ":group".to_owned()),
                };
                let line = message.text.lines().next().unwrap_or_default();
                for line in wrapped(&format!("🔔 {whom}: {line}"), WIDTH - 1) {
                    print(&paint(YELLOW, &line));
                }
                print(&format!("{INDENT}{}", paint(DIM, &format!("→ {order}"))));
            }
            Event::BotEdited(message) if message.chat_id == self.buyer.id => {
                if self.shown == Some(message.message_id) {
                    self.choices = choices(&message);
                }
                print(&bubble("Бот (правка · edited)", &message));
            }
            Event::CallbackAnswered(answer) => {
                if let Some(text) = answer.text {
                    print(&paint(YELLOW, &format!("({text})")));
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
        print(&paint(GREEN, &format!("amoCRM: {news}")));
    }
}
