//! A buyer who waits for each answer before the next word, as people do.

use crate::{
    fakes::telegram::{BotMessage, FakeTelegram, FakeUser},
    world::{PATIENCE, number_in},
};

/// How the card with all answers begins, in Russian.
pub const CARD: &str = "Проверьте заявку";

/// The four answers as they are typed.
#[derive(Clone, Copy)]
pub struct Answers {
    pub name: &'static str,
    pub phone: &'static str,
    pub budget: &'static str,
    pub car: &'static str,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            name: "Иван Петров",
            phone: "8 (999) 123-45-67",
            budget: "2,5 млн",
            car: "https://fem.encar.com/cars/detail/38427498",
        }
    }
}

/// A person and what they have read so far.
pub struct Buyer {
    pub user: FakeUser,
    telegram: FakeTelegram,
    read: i32,
    is_admin: bool,
}

impl Buyer {
    pub fn new(telegram: &FakeTelegram, user: FakeUser) -> Self {
        Self { user, telegram: telegram.clone(), read: 0, is_admin: false }
    }

    /// The admin, who may be a buyer too.
    pub fn admin(telegram: &FakeTelegram, user: FakeUser) -> Self {
        Self { is_admin: true, ..Self::new(telegram, user) }
    }

    /// Waits for a message that was not read yet and has these words in it.
    pub async fn hears(&mut self, words: &str) -> BotMessage {
        let found = self
            .telegram
            .wait_for_new(self.user.id, self.read, |message| message.text.contains(words), PATIENCE)
            .await
            .unwrap_or_else(|why| panic!("{} does not hear «{words}»: {why}", self.user.name));
        // The oldest that fits, so that nothing is passed over.
        let mut new = self.user.messages().into_iter().filter(|message| message.message_id > self.read);
        let oldest = new.find(|message| message.text.contains(words)).unwrap_or(found);
        self.read = oldest.message_id;
        oldest
    }

    /// Types something and waits for an answer with these words.
    pub async fn says(&mut self, text: &str, answer: &str) -> BotMessage {
        self.user.say(text);
        self.hears(answer).await
    }

    /// Sends a command and waits for an answer with these words.
    pub async fn commands(&mut self, command: &str, answer: &str) -> BotMessage {
        self.user.command(command);
        self.hears(answer).await
    }

    /// Presses a button and waits for an answer with these words.
    pub async fn presses(&mut self, data: &str, answer: &str) -> BotMessage {
        self.user.press(data).expect("the button is there");
        self.hears(answer).await
    }

    /// Begins a form; the admin, who is shown the commands first, by the button under them.
    pub async fn begins(&mut self) {
        if self.is_admin {
            self.commands("/start", "Вы администратор").await;
            self.presses("start", "Как вас зовут").await;
        } else {
            self.commands("/start", "Как вас зовут").await;
        }
    }

    /// Gives the usual answers, up to the card.
    pub async fn fills_in(&mut self) -> BotMessage {
        self.answers(Answers::default()).await
    }

    /// Gives these answers, up to the card.
    pub async fn answers(&mut self, answers: Answers) -> BotMessage {
        self.begins().await;
        self.says(answers.name, "номер телефона").await;
        self.says(answers.phone, "бюджет").await;
        self.says(answers.budget, "ссылку").await;
        self.says(answers.car, CARD).await
    }

    /// Sends the card; returns the request's number.
    pub async fn submits(&mut self) -> String {
        number_in(&self.presses("submit", "принята").await.text)
    }

    /// Fills a form in and sends it; returns the request's number.
    pub async fn leaves_a_request(&mut self) -> String {
        self.fills_in().await;
        self.submits().await
    }

    /// How many messages with these words there are.
    pub fn has(&self, words: &str) -> usize {
        self.user.messages().iter().filter(|message| message.text.contains(words)).count()
    }

    /// A buyer never reads of an error.
    pub fn never_read_of_an_error(&self) {
        let transcript = self.user.transcript().to_lowercase();
        assert!(!transcript.contains("ошибк") && !transcript.contains("error"), "{transcript}");
    }
}
