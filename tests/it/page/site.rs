//! A daemon with its web page switched on, and an admin who opens it.

use std::time::Duration;

use amocrm_lead_bot::{admin::authorization::Authorization, clock::Clock, config::Config, daemon, store::Store};
use testkit::{
    fakes::telegram::{BotMessage, FakeUser},
    world::{Answers, PATIENCE, World},
};
use url::Url;

/// Where amoCRM sends the admin back to; not `/callback`, as integrations are free to say.
pub const REDIRECT: &str = "https://bot.example.com/amo/back";

pub struct Site {
    pub world: World,
    pub admin: FakeUser,
    pub http: reqwest::Client,
    given: std::cell::RefCell<Vec<String>>,
}

/// An answer of the page.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Site {
    /// A world whose daemon has the page; not started yet.
    pub async fn new() -> Self {
        let mut world = World::new().await;
        let (id, secret) = (world.amocrm.client_id(), world.amocrm.client_secret());
        world.amocrm.credentials(&id, &secret, REDIRECT);
        for (name, value) in [("AMOCRM_REDIRECT_URL", REDIRECT.to_owned()), ("HTTP_ADDR", "127.0.0.1:0".to_owned())] {
            world.set(name, value);
        }
        let admin = world.admin.clone();
        Self { world, admin, http: reqwest::Client::new(), given: Default::default() }
    }

    /// The same, started and polling.
    pub async fn started() -> Self {
        let mut site = Self::new().await;
        site.start().await;
        site
    }

    pub async fn start(&mut self) {
        self.world.start();
        self.world.telegram.wait_for_poll(PATIENCE).await.expect("the daemon polls");
    }

    /// The page's own address, as the log tells.
    pub async fn base(&self) -> String {
        self.world.until("the page listens", |world| world.log().contains("the web page listens")).await;
        let log = self.world.log();
        let addr = log.rsplit("the web page listens addr=").next().and_then(|rest| rest.split_whitespace().next());
        format!("http://{}", addr.expect("an address"))
    }

    pub async fn get(&self, path_and_query: &str) -> Answer {
        let url = format!("{}{path_and_query}", self.base().await);
        let response = self.http.get(url).send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("a body") }
    }

    /// What amoCRM's redirect brings.
    pub async fn callback(&self, query: &[(&str, &str)]) -> Answer {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.get(&format!("/amo/back?{query}")).await
    }

    /// The store, opened by another process than the daemon.
    pub async fn store(&self, clock: Clock) -> Store {
        Store::open(None, self.world.folder.path(), clock).await.expect("the store")
    }

    /// The address behind the admin's button, from another process than the daemon.
    pub async fn link_at(&self, clock: Clock) -> Url {
        let env = &self.world.env;
        let config = Config::read(|name| env.get(name).cloned()).expect("the daemon's own settings");
        let store = self.store(clock).await;
        let settings = config.amocrm.as_ref().expect("amoCRM's settings");
        let crm = daemon::open_crm(settings, &config.store, &store).expect("a client");
        let url = Authorization::new(&store, crm).address().await.expect("an address");
        store.close().await;
        self.given.borrow_mut().push(state_of(&url));
        url
    }

    pub async fn state(&self) -> String {
        state_of(&self.link_at(Clock::default()).await)
    }

    /// The address behind the button that the admin gets for `/auth`.
    pub async fn tapped(&self) -> Url {
        let asked = self.admin.command("/auth");
        let fits = |message: &BotMessage| message.text.contains("дождитесь страницы «Готово»");
        let answer = self.world.telegram.wait_for_new(self.admin.id, asked, fits, PATIENCE).await.expect("an answer");
        let url = answer.buttons.iter().flatten().find_map(|button| button.url.clone()).expect("a button");
        let url = Url::parse(&url).expect("an address");
        self.given.borrow_mut().push(state_of(&url));
        url
    }

    /// A code as amoCRM's page gives it, remembered for [`Self::nothing_secret_in`].
    pub fn code(&self) -> String {
        let code = self.world.amocrm.issue_code();
        self.given.borrow_mut().push(code.clone());
        code
    }

    /// The `referer` that amoCRM adds for our account.
    pub fn account(&self) -> String {
        format!("{}.amocrm.ru", self.world.env["AMOCRM_SUBDOMAIN"])
    }

    /// No code, state, token or secret stands in a text.
    pub fn nothing_secret_in(&self, text: &str) {
        let token = self.world.telegram.token();
        let secret = self.world.amocrm.client_secret();
        let given = self.given.borrow();
        let kept = ["access_token.txt", "refresh_token.txt"]
            .into_iter()
            .filter_map(|name| std::fs::read_to_string(self.world.path(name)).ok())
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
            .collect::<Vec<_>>();
        for secret in given.iter().chain(&kept).chain([&token, &secret]) {
            assert!(!text.contains(secret.as_str()), "{secret} stands in:\n{text}");
        }
        for beginning in ["def50200", "eyJ"] {
            assert!(!text.contains(beginning), "a part of a secret stands in:\n{text}");
        }
    }

    /// A buyer fills in the form; returns when the request is taken.
    pub async fn a_lead(&self, name: &'static str) {
        let mut buyer = self.world.buyer(name);
        buyer.answers(Answers { name, ..Answers::default() }).await;
        buyer.submits().await;
    }

    /// What the admin was told with these words in it.
    pub fn told(&self, words: &str) -> Vec<BotMessage> {
        let mut messages = self.admin.messages();
        messages.retain(|message| message.text.contains(words));
        messages
    }

    /// Long enough for whatever would be told twice.
    pub async fn a_while(&self) {
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
}

pub fn state_of(url: &Url) -> String {
    url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned()
}
