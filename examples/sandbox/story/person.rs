//! Somebody at a telephone: what is said and heard is printed as it happens.

use testkit::fakes::telegram::{BotMessage, FakeTelegram, FakeUser};

use super::{CAR, PATIENCE};
use crate::show::{self, DIM, paint};

/// Somebody at a telephone; what is said and heard is printed as it happens.
pub struct Person {
    telegram: FakeTelegram,
    pub user: FakeUser,
    /// The last message that was waited for.
    heard: i32,
    /// How much of the conversation is printed, bytes.
    shown: usize,
}

impl Person {
    pub fn new(telegram: &FakeTelegram, user: FakeUser) -> Self {
        Self { telegram: telegram.clone(), user, heard: 0, shown: 0 }
    }

    pub fn says(&mut self, text: &str) -> &mut Self {
        self.user.say(text);
        self
    }

    pub fn presses(&mut self, data: &str) -> Result<&mut Self, String> {
        self.user.press(data)?;
        Ok(self)
    }

    /// Waits for a new message with these words in it and prints the conversation up to it.
    pub async fn hears(&mut self, words: &str) -> Result<BotMessage, String> {
        let message = self.reads(words).await;
        self.shows();
        message
    }

    /// Waits for a new message with these words in it.
    pub async fn reads(&mut self, words: &str) -> Result<BotMessage, String> {
        let has_words = |message: &BotMessage| message.text.contains(words);
        let message = self.telegram.wait_for_new(self.user.id, self.heard, has_words, PATIENCE).await;
        let message = message.map_err(|why| format!("{} ждёт «{words}»: {why}", self.user.name))?;
        self.heard = message.message_id;
        Ok(message)
    }

    /// Prints what is new in the conversation.
    pub fn shows(&mut self) {
        let transcript = self.telegram.transcript(self.user.id);
        show::conversation(&transcript[self.shown..]);
        self.shown = transcript.len();
    }

    /// Fills the form in up to the card, of which only the card is printed.
    pub async fn fills_in(&mut self, name: &str, phone: &str, budget: &str) -> Result<(), String> {
        self.says("/start").reads("Как вас зовут").await?;
        self.says(name).reads("номер телефона").await?;
        self.says(phone).reads("бюджет").await?;
        self.says(budget).reads("ссылку").await?;
        self.shown = self.telegram.transcript(self.user.id).len();
        println!("{}", paint(DIM, "(те же вопросы · the same questions)"));
        self.says(CAR).hears("Проверьте заявку").await.map(drop)
    }

    /// How many messages of the bot have these words.
    pub fn count(&self, words: &str) -> usize {
        self.user.messages().iter().filter(|message| message.text.contains(words)).count()
    }
}
