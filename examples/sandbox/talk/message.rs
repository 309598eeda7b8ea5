//! A message as the terminal shows it, and what can be pressed on it.

use testkit::fakes::telegram::{BotMessage, FakeUser};

use crate::{
    show::{BOLD, DIM, paint},
    stage::{Stage, phone},
    terminal::{WIDTH, print, wrapped},
};

/// Under what stands after the name.
pub const INDENT: &str = "     ";

/// What a number presses.
pub enum Choice {
    /// A button under a message.
    Button { message_id: i32, data: String },
    /// A button that opens a page.
    Page(String),
    /// A key that says what stands on it.
    Key(String),
    /// A key that shares the phone number.
    Contact,
}

/// The last message of a transcript, whole: every line after a message's first is indented.
pub fn last_message(transcript: &str) -> &str {
    let text = transcript.trim_end();
    let begins = |at: usize| !text[at..].starts_with([' ', '\n']);
    let starts = text.rmatch_indices('\n').map(|(at, _)| at + 1);
    &text[starts.into_iter().find(|at| begins(*at)).unwrap_or_default()..]
}

pub async fn press(user: &FakeUser, choice: &Choice, stage: &Stage) {
    match choice {
        Choice::Button { message_id, data } => {
            if let Err(why) = user.press_on(*message_id, data) {
                print(&why);
            }
        }
        Choice::Key(text) => drop(user.say(text)),
        Choice::Contact => drop(user.share_contact(&phone(user))),
        Choice::Page(page) => open(page, stage).await,
    }
}

/// What a browser would show; a page of amoCRM that asks for access is allowed it.
async fn open(page: &str, stage: &Stage) {
    print(&paint(DIM, &format!("→ {page}")));
    if let Some(heading) = stage.allows_access(page).await {
        print(&format!("«Разрешить» нажато, на странице · allowed, the page says: {heading}"));
    }
}

/// What can be pressed on a message: buttons under it, then the keyboard that came with it.
pub fn choices(message: &BotMessage) -> Vec<Choice> {
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
pub fn numbered(message: &BotMessage) -> Vec<String> {
    let buttons = message.buttons.iter().map(|row| row.iter().map(|button| button.text.as_str()).collect::<Vec<_>>());
    let keyboard = message.keyboard.iter().flat_map(|keyboard| &keyboard.rows);
    let keys = keyboard.map(|row| row.iter().map(|key| key.text.as_str()).collect());
    let mut number = 0;
    let mut rows = Vec::new();
    for row in buttons.chain(keys) {
        let mut line = String::new();
        let mut width = INDENT.len();
        for label in row {
            number += 1;
            let wide = label.chars().count() + number.to_string().len() + 6;
            if width + wide > WIDTH && !line.is_empty() {
                rows.push(format!("{INDENT}{}", line.trim_end()));
                (line, width) = (String::new(), INDENT.len());
            }
            line.push_str(&format!("{} {label}   ", paint(BOLD, &format!("[{number}]"))));
            width += wide;
        }
        rows.push(format!("{INDENT}{}", line.trim_end()));
    }
    rows
}

/// A message as it is shown when it comes.
pub fn bubble(who: &str, message: &BotMessage) -> String {
    let mut lines = Vec::new();
    if let Some((name, _)) = &message.document {
        lines.push(format!("     (файл · file {name})"));
    }
    let text = wrapped(&message.text, WIDTH - INDENT.len());
    lines.extend(text.iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
    lines.extend(numbered(message));
    format!("{}\n{}", paint(BOLD, &format!("{who}:")), lines.join("\n"))
}
