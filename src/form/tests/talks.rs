//! Whole talks, as a person would read them: what the buyer says and presses, what the bot says, and its buttons.
//!
//! Each is a file of `snapshots/`, to be read when it changes: is this how a polite person would speak?

use super::*;
use crate::{
    lead::LeadNumber,
    notice::{Button, MyRequest, MyState, Notice},
    wording::{Key, Markup, Rendered, render_notice},
};

/// The number of every request, which is drawn by chance.
const NUMBER: &str = "K7M2QXA";

struct Talk {
    lang: Lang,
    world: World,
    wording: Wording,
    conversation: Conversation,
    /// What can be pressed: labels with their callback data, of all messages so far.
    buttons: Vec<(String, String)>,
    story: String,
}

impl Talk {
    fn with(lang: Lang, first_name: &str) -> Self {
        let world = World {
            now: "2026-11-26T09:00:00Z".parse().expect("a time"),
            first_name: Some(first_name.into()),
            ..world(false)
        };
        Self {
            lang,
            world,
            wording: Wording { time_zone: chrono_tz::Europe::Moscow, ..Wording::default() },
            conversation: Conversation::idle(None),
            buttons: Vec::new(),
            story: String::new(),
        }
    }

    fn line(&mut self, who: &str, what: &str) {
        let indented = what.replace('\n', "\n       ");
        self.story.push_str(format!("{who}: {indented}").trim_end());
        self.story.push('\n');
    }

    fn bot(&mut self, rendered: &Rendered) {
        self.line("Bot", &rendered.text);
        let rows: Vec<Vec<String>> = match &rendered.markup {
            None => Vec::new(),
            Some(Markup::RemoveKeys) => vec![vec!["⌨ —".into()]],
            Some(Markup::Keys(rows)) => {
                let label = |key: &Key| match key {
                    Key::Type(label) | Key::ShareContact(label) => format!("⌨[{label}]"),
                };
                rows.iter().map(|row| row.iter().map(label).collect()).collect()
            }
            Some(Markup::Buttons(rows)) => {
                let pressable = rows.iter().flatten().filter_map(|button| match button {
                    Button::Press { text, data, .. } => Some((text.clone(), data.clone())),
                    Button::Open { .. } | Button::Copy { .. } => None,
                });
                self.buttons.extend(pressable);
                let label = |button: &Button| match button {
                    Button::Press { text, .. } | Button::Copy { text, .. } => format!("[{text}]"),
                    Button::Open { text, url } => format!("[{text}]({url})"),
                };
                rows.iter().map(|row| row.iter().map(label).collect()).collect()
            }
        };
        for row in rows {
            self.story.push_str(&format!("       {}\n", row.join(" ")));
        }
    }

    fn takes(&mut self, input: Input) {
        let outcome = turn(self.conversation.clone(), input, &self.world);
        self.conversation = outcome.conversation;
        for reply in &outcome.replies {
            self.bot(&render_reply(reply, self.lang, &self.wording));
        }
        if let Some(lead) = outcome.lead {
            self.later(&Notice::Accepted { number: lead.number });
        }
    }

    /// What comes from the outbox later.
    fn later(&mut self, notice: &Notice) {
        self.bot(&render_notice(notice, self.lang, &self.wording));
    }

    fn saved_then_delivered(&mut self) {
        let number = self.conversation.last_number.clone().expect("it was sent");
        self.later(&Notice::Saved { number: number.clone() });
        self.later(&Notice::Delivered { number });
    }

    fn says(mut self, words: &str) -> Self {
        self.line("Buyer", words);
        let input = match words {
            "/start" => Input::Start,
            "/cancel" => Input::Cancel,
            "/help" => Input::Help,
            "/skip" => Input::Skip,
            "/delete" => Input::Delete,
            "/language" => Input::Language(String::new()),
            _ => text(words),
        };
        self.takes(input);
        self
    }

    /// Presses the newest button with this label.
    fn presses(mut self, label: &str) -> Self {
        self.line("Buyer", &format!("→ [{label}]"));
        let found = self.buttons.iter().rev().find(|(text, _)| text == label);
        let data = &found.unwrap_or_else(|| panic!("there is no button «{label}»\n{}", self.story)).1;
        let press = Press::parse(data).unwrap_or_else(|| panic!("{data} is nothing to press"));
        self.takes(Input::Press(press));
        self
    }

    fn shares(mut self, phone: &str, own: bool) -> Self {
        self.line("Buyer", &format!("({} {phone})", if own { "own number" } else { "somebody's card" }));
        self.takes(Input::Contact { phone: phone.into(), own });
        self
    }

    fn asks_for_own(mut self, requests: Vec<MyRequest>) -> Self {
        self.line("Buyer", "/my");
        self.takes(Input::My(requests));
        self
    }

    /// The whole, with what chance has drawn replaced.
    fn told(self) -> String {
        let drawn = [self.conversation.last_number, self.conversation.draft.map(|draft| draft.number)];
        drawn.into_iter().flatten().fold(self.story, |story, number| story.replace(number.as_str(), NUMBER))
    }
}

fn russian() -> Talk {
    Talk::with(Lang::ru(), "Иван")
}

fn english() -> Talk {
    Talk::with(Lang::en(), "John")
}

const CAR: &str = "https://fem.encar.com/cars/detail/38427498";

#[test]
fn a_request_from_the_first_word_to_the_manager() {
    let mut talk = russian()
        .says("/start")
        .presses("Иван")
        .says("8 999 123-45-67")
        .says("до 2,5 млн")
        .says(CAR)
        .presses("✅ Отправить");
    talk.saved_then_delivered();
    insta::assert_snapshot!(talk.told());
}

#[test]
fn a_request_in_english() {
    let mut talk = english()
        .says("/start")
        .says("My name is John Smith")
        .shares("821012345678", true)
        .says("20k usd")
        .presses("Skip")
        .presses("✅ Send");
    talk.saved_then_delivered();
    insta::assert_snapshot!(talk.told());
}

#[test]
fn an_answer_is_corrected_at_the_card() {
    let talk = russian()
        .says("/start")
        .says("Иван Петров")
        .says("89991234567")
        .says("2 млн")
        .says("нет")
        .presses("Изменить телефон")
        .says("+7 912 000-11-22")
        .presses("Изменить бюджет")
        .presses("Оставить как есть")
        .says("а можно побыстрее?")
        .says("да");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn everything_comes_in_one_message() {
    let talk = russian()
        .says("/start")
        .says(&format!("Здравствуйте! Меня зовут Пётр, +7 926 555-44-33, ищу до 3 млн {CAR}, белую, без окрасов"))
        .presses("✅ Отправить");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn a_wrong_phone_is_refused_kindly() {
    let talk = russian()
        .says("/start")
        .says("Анна")
        .says("12")
        .says("позже скажу")
        .says("+7 999 123-45-678")
        .says("+82 10-1234-5678");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn strange_answers_are_asked_again() {
    let talk = russian()
        .says("/start")
        .says("привет")
        .says("👍")
        .says("Олег")
        .says("89991234567")
        .says("дорого")
        .says("сколько стоит доставка?");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn a_form_is_cancelled_and_begun_again() {
    let talk = russian()
        .says("/cancel")
        .says("/start")
        .says("Иван")
        .says("назад")
        .says("Пётр")
        .says("/start")
        .presses("Начать заново")
        .says("Отменить");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn a_form_is_cancelled_in_english() {
    let talk = english().says("hello").says("/start").says("John").says("back").says("John").says("123").says("cancel");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn consent_is_asked_first() {
    let mut talk = russian();
    talk.world.consent = ConsentRule::Policy;
    talk.wording.privacy_policy_url = Some("https://dealer.example/privacy".parse().expect("an address"));
    let talk = talk.says("/start").says("Иван").presses("✅ Даю согласие").says("Иван");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn the_own_requests_are_shown() {
    let request = |number: &str, days: i64, car: Option<&str>, state| MyRequest {
        number: LeadNumber::parse(number).expect("a number"),
        sent_at: "2026-11-26T09:00:00Z".parse::<chrono::DateTime<Utc>>().expect("a time").timestamp_millis()
            - days * 86_400_000,
        car: car.map(str::to_owned),
        state,
        progress: None,
        open: false,
    };
    let requests = || {
        vec![
            request("K7M2QXA", 0, Some(CAR), MyState::OnItsWay),
            request("B3N8RTC", 12, Some("Kia K5, белая"), MyState::WithTheManager),
            request("H4P9WZD", 40, None, MyState::WithTheManager),
        ]
    };
    let russian = russian().asks_for_own(Vec::new()).asks_for_own(requests()).told();
    let english = english().asks_for_own(Vec::new()).asks_for_own(requests()).told();
    insta::assert_snapshot!(format!("{russian}\n{english}"));
}

#[test]
fn help_and_deletion() {
    let talk = russian().says("/help").says("/delete").presses("Не удалять");
    insta::assert_snapshot!(talk.told());
}

#[test]
fn help_and_deletion_in_english() {
    let talk = english().says("/help").says("/delete").presses("Do not delete");
    insta::assert_snapshot!(talk.told());
}
