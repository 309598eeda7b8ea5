//! The one table of commands: the menu, the help and the dispatch all come from it.
//!
//! Whoever adds a command to the admin's chat adds a row to `table`, the handler that it names, and in each language of
//! `locales/` the texts `command-<name>` (the menu) and `admin-help-<name>` (the help).

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use teloxide::{
    types::{CallbackQuery, CallbackQueryId, Message, MessageId, User},
    utils::command::parse_command,
};

use crate::{
    form::{Input, Step},
    lead::ChatRef,
    notice::AdminPress,
    telegram::{context::HandlerError, groups::topic_of, input},
    wording::{Lang, fill_in_button},
};

use super::{AdminContext, Reply, people::Person};

/// Who finds a command in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The admin's chat only.
    Admin,
    /// Everybody.
    Everybody,
}

/// When the admin's chat itself answers a command; else it goes on to the buyer's dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Always,
    /// While no form is open in the chat.
    OutsideForms,
    Never,
}

type Handler = dyn Fn(Asked, &str) -> BoxFuture<'static, Result<Reply, HandlerError>> + Send + Sync;

/// A row of the table.
pub struct Command {
    /// What is typed behind the slash: 1 to 32 characters of `a-z`, `0-9`, `_`.
    pub name: &'static str,
    /// Who finds it in the menu.
    pub audience: Audience,
    answered: Answered,
    run: Box<Handler>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.name)
    }
}

impl Command {
    /// A command of the admin's chat: `parse` reads the words behind it, `run` does it.
    fn new<A, F>(name: &'static str, parse: fn(&str) -> A, run: fn(Asked, A) -> F) -> Self
    where
        A: 'static,
        F: Future<Output = Result<Reply, HandlerError>> + Send + 'static,
    {
        Self {
            name,
            audience: Audience::Admin,
            answered: Answered::Always,
            run: Box::new(move |asked, words| Box::pin(run(asked, parse(words)))),
        }
    }

    fn for_everybody(self) -> Self {
        Self { audience: Audience::Everybody, ..self }
    }

    fn answered(self, answered: Answered) -> Self {
        Self { answered, ..self }
    }

    async fn is_answered(&self, chat: ChatRef, context: &AdminContext) -> bool {
        match self.answered {
            Answered::Always => true,
            Answered::OutsideForms => context.step(chat).await == Step::Idle,
            Answered::Never => false,
        }
    }

    /// What the menu says of it.
    pub fn menu_text(&self, lang: Lang) -> String {
        lang.text(&format!("command-{}", self.name), &[])
    }

    /// Runs it.
    pub(super) async fn run(&self, asked: Asked, words: &str) -> Result<Reply, HandlerError> {
        (self.run)(asked, words).await
    }
}

/// Every command that Telegram's menu shows, in the menu's order.
fn table() -> Vec<Command> {
    vec![
        Command::new("status", nothing, |asked, ()| async move { asked.context.status(asked.lang).await }),
        Command::new("leads", nothing, |asked, ()| async move { asked.context.leads(asked.lang).await }),
        Command::new("retry", nothing, |asked, ()| async move { asked.context.retry(asked.lang, asked.topic).await }),
        Command::new("stats", all_words, |asked, words| async move { asked.context.stats(&words, asked.lang).await }),
        Command::new("auth", nothing, |asked, ()| async move { asked.context.authorize(asked.lang).await }),
        Command::new("backup", nothing, |asked, ()| async move { asked.context.backup(asked.lang).await }),
        Command::new("forget", all_words, |asked, who| async move {
            asked.context.ask_forget(&who, asked.person.id(), asked.lang).await
        }),
        Command::new("new_leads", all_words, |asked, words| async move {
            asked.context.new_leads(&words, asked.lang).await
        }),
        Command::new("start", nothing, |asked, ()| async move {
            let reply = Reply::plain(help_text(asked.lang));
            // Nobody fills in a form in a group.
            let in_group = asked.context.chat.is_some_and(ChatRef::is_group);
            let buttons = if in_group { Vec::new() } else { vec![vec![fill_in_button(asked.lang)]] };
            Ok(Reply { buttons, ..reply })
        })
        .for_everybody()
        .answered(Answered::OutsideForms),
        Command::new("my", nothing, help).for_everybody().answered(Answered::Never),
        Command::new("cancel", nothing, help).for_everybody().answered(Answered::Never),
        Command::new("language", nothing, help).for_everybody().answered(Answered::Never),
        Command::new("delete", nothing, help).for_everybody().answered(Answered::Never),
        Command::new("help", nothing, help).for_everybody(),
    ]
}

/// The table.
pub fn commands() -> &'static [Command] {
    static TABLE: LazyLock<Vec<Command>> = LazyLock::new(table);
    &TABLE
}

/// What the menu of a chat shows.
pub fn menu(audience: Audience) -> impl Iterator<Item = &'static Command> {
    let is_shown = move |command: &&Command| audience == Audience::Admin || command.audience == Audience::Everybody;
    // There is nothing to choose from one language.
    commands().iter().filter(is_shown).filter(|command| command.name != "language" || Lang::all().len() > 1)
}

fn named(name: &str) -> Option<&'static Command> {
    commands().iter().find(|command| command.name.eq_ignore_ascii_case(name))
}

/// Who the admin is and what the commands do.
pub(super) fn help_text(lang: Lang) -> String {
    format!("{}\n\n{}\n\n{}", lang.text("admin-help", &[]), explained(lang), lang.text("admin-if-throttled", &[]))
}

/// What the commands do, a line each.
pub(super) fn explained(lang: Lang) -> String {
    let line = |command: &Command| {
        let explanation = lang.text(&format!("admin-help-{}", command.name), &[]);
        format!("/{} – {explanation}", command.name)
    };
    menu(Audience::Admin).map(line).collect::<Vec<_>>().join("\n")
}

/// The words behind a command mean nothing.
fn nothing(_words: &str) {}

fn all_words(words: &str) -> String {
    words.to_owned()
}

async fn help(asked: Asked, (): ()) -> Result<Reply, HandlerError> {
    Ok(Reply::plain(help_text(asked.lang)))
}

/// The circumstances in which something is asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub context: Arc<AdminContext>,
    pub lang: Lang,
    /// The topic of a group.
    pub topic: Option<i32>,
    pub person: Person,
}

/// What the admin wants, and who it is.
#[derive(Debug, Clone)]
pub(super) struct AdminRequest {
    pub command: AdminCommand,
    pub lang: Lang,
    /// Where it was asked for, under the id that the update has.
    pub chat: ChatRef,
    /// The topic there.
    pub topic: Option<i32>,
    /// Who asked.
    pub person: Person,
    /// The button that was pressed.
    pub press: Option<CallbackQueryId>,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum AdminCommand {
    /// A row of the table, with the words behind its name.
    Typed(&'static Command, String),
    /// A button that is not simply a command.
    Pressed(AdminPress),
    /// A text that was pasted where a code is expected.
    Code { text: SecretString, message: MessageId },
    /// A command or a text that means nothing here.
    Stray,
}

impl AdminRequest {
    pub fn of_message(command: AdminCommand, message: &Message) -> Self {
        Self {
            command,
            lang: lang_of(message.from.as_ref()),
            chat: message.chat.id.into(),
            topic: topic_of(message),
            person: Person::of_message(message),
            press: None,
        }
    }

    /// A command of the table.
    pub async fn of_command(message: Message, context: Arc<AdminContext>) -> Option<Self> {
        let (name, words) = parse_command(message.text()?, &context.bot_username)?;
        let command = named(name)?;
        // Whoever tries a link out in a chat of their own wants to see what buyers see.
        if message.chat.is_private() && matches!(input::command_with(name, &words), Some(Input::StartFrom(_))) {
            return None;
        }
        let request = Self::of_message(AdminCommand::Typed(command, words.join(" ")), &message);
        command.is_answered(message.chat.id.into(), &context).await.then_some(request)
    }

    /// A button of this room.
    pub fn of_press(query: CallbackQuery) -> Option<Self> {
        let press = AdminPress::parse(query.data.as_deref()?)?;
        let command = match press.command().and_then(named) {
            Some(command) => AdminCommand::Typed(command, String::new()),
            None => AdminCommand::Pressed(press),
        };
        let message = query.message.as_ref()?;
        Some(Self {
            command,
            lang: lang_of(Some(&query.from)),
            chat: message.chat().id.into(),
            topic: message.regular_message().and_then(topic_of),
            person: Person::of_press(&query),
            press: Some(query.id.clone()),
        })
    }

    /// What is neither a command nor said to an open form: the admin is shown what there is to say.
    pub async fn of_stray(message: Message, context: Arc<AdminContext>) -> Option<Self> {
        let text = message.text().filter(|_| message.chat.is_private())?;
        let stray = match parse_command(text, &context.bot_username) {
            Some((name, _)) => input::command(name).is_none(),
            None => !text.starts_with('/') && context.step(message.chat.id.into()).await == Step::Idle,
        };
        stray.then(|| Self::of_message(AdminCommand::Stray, &message))
    }
}

fn lang_of(user: Option<&User>) -> Lang {
    Lang::from_code(user.and_then(|user| user.language_code.as_deref()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use teloxide::utils::command::parse_command;

    use super::*;

    /// Whatever is in the table is in the menu with a text, in the help with one, and is found when it is typed; and
    /// nothing else is.
    #[test]
    fn menu_help_and_dispatch_come_from_the_table() {
        let names: Vec<&str> = commands().iter().map(|command| command.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name stands twice");
        assert_eq!(menu(Audience::Admin).map(|command| command.name).collect::<Vec<_>>(), names);
        for command in commands() {
            let valid = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
            assert!((1..=32).contains(&command.name.len()) && command.name.chars().all(valid), "{command:?}");
            let typed = format!("/{}@the_bot some words", command.name.to_uppercase());
            let (name, _) = parse_command(typed.as_str(), "the_bot").expect("a command");
            assert_eq!(named(name).map(|found| found.name), Some(command.name));
            // Whatever the admin's chat does not answer itself, the buyer's dialogue does.
            if command.answered != Answered::Always {
                assert!(input::command(command.name).is_some(), "{command:?} is answered by nobody");
            }
            for lang in Lang::built_in() {
                // Telegram takes 1 to 256 characters.
                let text = command.menu_text(lang);
                assert!(text != format!("command-{}", command.name), "{lang:?}: {command:?} has no text for the menu");
                assert!((1..=256).contains(&text.chars().count()), "{lang:?}: {command:?}");
                let line = format!("\n/{} – ", command.name);
                assert_eq!(help_text(lang).matches(&line).count(), 1, "{lang:?}: {command:?}");
                assert!(!help_text(lang).contains("admin-help-"), "{lang:?}: {}", help_text(lang));
            }
        }
        let lines = help_text(Lang::ru()).lines().filter(|line| line.starts_with('/')).count();
        assert_eq!(lines, commands().len());
    }

    #[test]
    fn buyers_see_only_what_is_for_everybody_and_all_of_it_works() {
        let names: Vec<&str> = menu(Audience::Everybody).map(|command| command.name).collect();
        assert_eq!(names, ["start", "my", "cancel", "language", "delete", "help"]);
        for name in names {
            assert!(input::command(name).is_some(), "/{name} is answered by nobody");
        }
    }

    #[test]
    fn every_button_that_is_a_command_finds_its_row() {
        for press in [AdminPress::Status, AdminPress::Leads, AdminPress::Retry, AdminPress::Auth] {
            let name = press.command().expect("a command");
            assert_eq!(named(name).map(|command| (command.name, command.audience)), Some((name, Audience::Admin)));
        }
    }
}
