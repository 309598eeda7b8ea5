//! `setup`: asks for what the bot needs, tries each answer, writes both files, sends a test lead.
//!
//! `flags` is every answer as an option, `ask` the terminal, `site` both files with the changes so far; `bot`, `chats`, `account`,
//! `pipeline`, `fields`, `people`, `rules` and `consent` ask, `told` says why something will not do, `trial` tries, `service` begins
//! anew with what was written. What is pure is in the room [`crate::setup`].

mod account;
mod ask;
mod bot;
mod chats;
mod consent;
mod fields;
mod flags;
mod people;
mod pipeline;
mod rules;
mod service;
mod site;
mod told;
mod trial;

use std::process::ExitCode;

use strum::IntoEnumIterator;

use super::{CommandError, output::outln};
use crate::{
    config::Environment,
    crm::amocrm::Crm,
    setup::{
        needs::{self, Known, Section},
        words::Language,
    },
};

use ask::Ask;
use bot::Bot;
pub use flags::Flags;
use service::{Next, Written};
use site::Site;

/// Sets the bot up; exit code 1 where the test lead did not get through.
pub async fn run(environment: &Environment<'_>, flags: Flags) -> Result<ExitCode, CommandError> {
    let language = flags.language.or_else(|| Language::of_machine(|name| std::env::var(name).ok()));
    let ask = Ask::new(language, flags.yes).await?;
    // A test lead is nothing to send unasked.
    if !ask.interactive && !flags.yes && !flags.say_something() && flags.section != Some(Section::Test) {
        return Err(CommandError::Usage(ask.text("no-terminal", &[])));
    }
    let site = Site::read(ask, flags, environment)?;
    let before = Written::of(&site);
    let section = site.flags.section;
    let sections: Vec<Section> = section.map_or_else(|| Section::iter().collect(), |section| vec![section]);
    if !site.ask.interactive {
        let missing = needs::missing(&sections, known(&site));
        if !missing.is_empty() {
            return Err(CommandError::Usage(site.ask.text("missing", &[("options", &missing.join(", "))])));
        }
    }
    let is_set_up = site.value("BOT_TOKEN").is_some() && site.value("AMOCRM_SUBDOMAIN").is_some();
    let mut setup = Setup { site, bot: None, crm: None, is_set_up, bot_is_missing: false };
    let good = if section.is_none() && is_set_up && setup.site.ask.interactive && !setup.site.flags.say_something() {
        setup.menu().await?
    } else {
        setup.all(&sections, section.is_some()).await?
    };
    let good = setup.next_steps(&before) && good;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn known(site: &Site<'_>) -> Known {
    let flags = &site.flags;
    let has = |name: &str| site.value(name).is_some();
    Known {
        bot_token: flags.bot_token.is_some() || has("BOT_TOKEN"),
        admin: flags.admin_chat.is_some() || has("ADMIN_CHAT_ID"),
        account: flags.account.is_some() || has("AMOCRM_SUBDOMAIN"),
        token: flags.access_token.is_some() || (flags.code.is_none() && account::has_access(site)),
        client_id: flags.client_id.is_some() || has("AMOCRM_CLIENT_ID"),
        client_secret: flags.client_secret.is_some() || has("AMOCRM_CLIENT_SECRET"),
        redirect_url: flags.redirect_url.is_some() || has("AMOCRM_REDIRECT_URL"),
        code: flags.code.is_some(),
    }
}

struct Setup<'a> {
    site: Site<'a>,
    bot: Option<Bot>,
    crm: Option<Crm>,
    /// Whether it was set up before.
    is_set_up: bool,
    /// Whether the bot is left for later.
    bot_is_missing: bool,
}

/// What became of the changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Written,
    NothingToWrite,
    NotWanted,
}

impl Setup<'_> {
    /// These sections, what they change, and a test lead where it is among them.
    async fn all(&mut self, sections: &[Section], asked_for: bool) -> Result<bool, CommandError> {
        let several = sections.len() > 1;
        if several && self.site.ask.interactive {
            self.site.ask.say(if self.is_set_up { "welcome-again" } else { "welcome" }, &[]);
        }
        let mut wants_test = false;
        for (at, section) in (1..).zip(sections) {
            if *section == Section::Test {
                wants_test = asked_for || !self.site.flags.no_test_lead;
                continue;
            }
            if several {
                outln!();
                self.site.ask.say(&format!("section-{}", name_of(*section)), &[("number", &at.to_string())]);
            }
            self.until_it_works(*section, asked_for).await?;
        }
        let mut ended = Ended::NothingToWrite;
        if sections != [Section::Test] {
            ended = self.write().await?;
            self.site.hand_over();
        }
        // What was not to be written is not tried either.
        if !wants_test || ended == Ended::NotWanted {
            return Ok(true);
        }
        self.test(asked_for).await
    }

    /// A section, once more where it did not work and somebody can be asked: what was answered before is never lost.
    async fn until_it_works(&mut self, section: Section, asked_for: bool) -> Result<(), CommandError> {
        let mut asked_for = asked_for;
        loop {
            let Err(error) = self.section(section, asked_for).await else { return Ok(()) };
            if !self.site.ask.interactive {
                return Err(error);
            }
            self.site.ask.warn("section-failed", &[("why", &self.site.ask.why(&error, ""))]);
            if !self.site.ask.yes("try-again", &[], true).await? {
                self.bot_is_missing |= section == Section::Bot;
                self.site.ask.warn("section-later", &[("name", name_of(section))]);
                return Ok(());
            }
            asked_for = true;
        }
    }

    /// Shows what would be written, and writes it, or goes through a section once more.
    async fn write(&mut self) -> Result<Ended, CommandError> {
        loop {
            if !self.site.preview() {
                self.site.ask.say("write-nothing", &[]);
                return Ok(Ended::NothingToWrite);
            }
            let ways = ["write-yes", "write-change", "write-no"].map(|id| self.site.ask.text(id, &[])).to_vec();
            match self.site.ask.choose("write-ask", &[], ways, 0).await? {
                0 => match self.site.put() {
                    Ok(()) => return Ok(Ended::Written),
                    Err(error) if !self.site.ask.interactive => return Err(error),
                    Err(error) => {
                        self.site.ask.warn("write-failed", &[("why", &self.site.ask.why(&error, ""))]);
                    }
                },
                1 => self.change().await?,
                _ => {
                    self.site.forget_changes()?;
                    self.site.ask.say("write-not", &[]);
                    return Ok(Ended::NotWanted);
                }
            }
        }
    }

    /// One section once more, before anything is written.
    async fn change(&mut self) -> Result<(), CommandError> {
        let sections: Vec<Section> = Section::iter().filter(|section| *section != Section::Test).collect();
        let titles = sections.iter().map(|section| self.site.ask.text(&format!("menu-{}", name_of(*section)), &[]));
        let items: Vec<String> = titles.chain([self.site.ask.text("change-none", &[])]).collect();
        let last = items.len() - 1;
        match sections.get(self.site.ask.choose("change-ask", &[], items, last).await?) {
            Some(section) => self.until_it_works(*section, true).await,
            None => Ok(()),
        }
    }

    async fn section(&mut self, section: Section, asked_for: bool) -> Result<(), CommandError> {
        match section {
            Section::Bot => {
                self.bot = Some(bot::bot(&mut self.site, asked_for).await?);
                self.bot_is_missing = false;
            }
            Section::Admin if self.bot_is_missing => self.site.ask.say("later-without-bot", &[]),
            Section::Admin => {
                let bot = self.bot().await?;
                chats::admin(&mut self.site, &bot, asked_for).await?;
            }
            Section::Access => self.crm = account::access(&mut self.site, asked_for).await?,
            Section::Pipeline => match self.crm().await? {
                Some(crm) => pipeline::pipeline(&mut self.site, &crm, asked_for).await?,
                None => self.site.ask.say("later-without-account", &[("name", name_of(section))]),
            },
            Section::Fields => match self.crm().await? {
                Some(crm) => fields::fields(&mut self.site, &crm).await?,
                None => self.site.ask.say("later-without-account", &[("name", name_of(section))]),
            },
            Section::Managers => {
                let crm = self.crm().await?;
                let bot = if self.bot_is_missing { None } else { Some(self.bot().await?) };
                people::managers(&mut self.site, crm.as_ref(), bot.as_ref()).await?;
                people::responsible(&mut self.site, crm.as_ref(), asked_for).await?;
                match bot {
                    Some(bot) => chats::managers_chat(&mut self.site, &bot, asked_for).await?,
                    None => self.site.ask.say("later-without-bot", &[]),
                }
            }
            Section::Rules => rules::rules(&mut self.site, asked_for).await?,
            Section::Test => {}
        }
        Ok(())
    }

    async fn bot(&mut self) -> Result<Bot, CommandError> {
        match &self.bot {
            Some(bot) => Ok(bot.clone()),
            None => {
                let bot = bot::bot(&mut self.site, false).await?;
                Ok(self.bot.insert(bot).clone())
            }
        }
    }

    async fn crm(&mut self) -> Result<Option<Crm>, CommandError> {
        if self.crm.is_none() {
            self.crm = trial::account_of(&self.site).await?;
        }
        Ok(self.crm.clone())
    }

    async fn test(&mut self, asked_for: bool) -> Result<bool, CommandError> {
        // With what was written: fields and pipeline of the lead are among it.
        self.crm = None;
        let Some(crm) = self.crm().await? else {
            self.site.ask.say("trial-no-account", &[]);
            return Ok(!asked_for);
        };
        if self.bot_is_missing {
            self.site.ask.say("later-without-bot", &[]);
            return Ok(!asked_for);
        }
        if !self.site.ask.yes("trial-ask", &[], true).await? {
            return Ok(true);
        }
        let bot = self.bot().await?;
        let good = trial::test_lead(&self.site, &crm, &bot).await?;
        self.site.hand_over();
        Ok(good)
    }

    /// Single things, one after another, of a bot that is set up.
    async fn menu(&mut self) -> Result<bool, CommandError> {
        let mut good = true;
        loop {
            let sections: Vec<Section> = Section::iter().collect();
            let titles = sections.iter().map(|section| self.site.ask.text(&format!("menu-{}", name_of(*section)), &[]));
            let more = ["menu-all", "menu-end"].map(|id| self.site.ask.text(id, &[]));
            let items: Vec<String> = titles.chain(more).collect();
            let last = items.len() - 1;
            outln!();
            let at = self.site.ask.choose("menu-ask", &[], items, last).await?;
            match sections.get(at) {
                Some(section) => good = self.all(&[*section], true).await?,
                None if at == last => return Ok(good),
                None => good = self.all(&sections, false).await?,
            }
        }
    }

    /// What is left for a person to do, in one line; the package's service is given what was written. Whether that went well.
    fn next_steps(&self, before: &Written) -> bool {
        outln!();
        let site = &self.site;
        let name = service::name(site);
        let is_written = Written::of(site) != *before;
        let text = match service::next(service::is_ours(site), site.is_running(), is_written) {
            Next::TakenByService if service::restart() => "next-runs",
            Next::TakenByService => {
                site.ask.warn("next-failed", &[]);
                return false;
            }
            Next::Runs => "next-runs",
            Next::Restart if site.is_package() => "next-restart-package",
            Next::Restart => "next-restart",
            Next::Start if site.is_package() => "next-start-package",
            Next::Start => "next-start",
        };
        site.ask.say(text, &[("name", name)]);
        true
    }
}

fn name_of(section: Section) -> &'static str {
    match section {
        Section::Bot => "bot",
        Section::Admin => "admin",
        Section::Access => "access",
        Section::Pipeline => "pipeline",
        Section::Fields => "fields",
        Section::Managers => "managers",
        Section::Rules => "rules",
        Section::Test => "test",
    }
}
