//! The sandbox's page in a real browser: a whole story by clicks, on a wide screen and on a phone's.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use testkit::{
    browser::{self, Browser},
    fakes::amocrm::account::{FIRST_STATUS, SECOND_STATUS},
};

/// The page alone, on a free port.
struct Sandbox {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Sandbox {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Command::new(super::built_just_now())
            .args(["--page", "--no-open", "--port", "0"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox");
        let told = BufReader::new(process.stdout.take().expect("it is piped")).lines().next();
        let told = told.expect("a line").expect("text");
        Self { process, address: told.rsplit(' ').next().expect("an address").to_owned(), folder }
    }

    /// Ctrl-c, after which nothing is left.
    fn ends(mut self) {
        let pid = i32::try_from(self.process.id()).expect("a pid");
        // SAFETY: kill(2) takes two integers and touches no memory of ours; the child is not reaped yet.
        unsafe { libc::kill(pid, libc::SIGINT) };
        assert!(self.process.wait().expect("its end").success());
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).expect("the folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// The page as a person uses it.
struct Visitor(Browser);

impl Visitor {
    fn does(&mut self, done: impl FnOnce(&mut Browser) -> std::io::Result<()>) {
        done(&mut self.0).unwrap_or_else(|why| panic!("{why}"));
    }

    fn clicks(&mut self, selector: &str) {
        self.does(|browser| browser.click(selector));
    }

    fn waits(&mut self, expression: &str) {
        self.does(|browser| browser.until(expression));
    }

    fn text(&mut self, expression: &str) -> String {
        let value = self.0.value(expression).unwrap_or_else(|why| panic!("{why}"));
        value.as_str().unwrap_or_else(|| panic!("{expression} is no text: {value}")).to_owned()
    }

    /// Types into a phone and sends it with Enter.
    fn writes(&mut self, phone: &str, text: &str) {
        self.clicks(&format!("#phone-{phone} textarea"));
        self.does(|browser| browser.types(text));
        self.does(|browser| browser.key("Enter"));
    }

    /// Chooses from a list, as its keys do.
    fn chooses(&mut self, list: &str, value: &str) {
        self.text(&format!(
            "(list => {{ list.value = '{value}'; list.dispatchEvent(new Event('change')); return list.value }})({list})"
        ));
    }

    /// Waits until the last message on a phone that is not the person's own has these words.
    fn reads(&mut self, phone: &str, words: &str) {
        let last = format!("[...document.querySelectorAll('#phone-{phone} .chat > .theirs')].at(-1)");
        self.waits(&format!("{last}?.innerText.includes('{words}')"));
    }

    /// Fills the form in, the phone number by its key, and sends it; gives the request's number.
    fn leaves_a_request(&mut self, name: &str) -> String {
        self.reads("buyer", "Как вас зовут");
        self.writes("buyer", name);
        self.reads("buyer", "номер телефона");
        self.clicks("#phone-buyer .keys button");
        self.reads("buyer", "бюджет");
        self.writes("buyer", "2,5 млн");
        self.reads("buyer", "ссылку");
        self.writes("buyer", "https://fem.encar.com/cars/detail/38427498");
        self.reads("buyer", "Проверьте заявку");
        self.clicks("#phone-buyer [data-data=submit]");
        self.waits("document.querySelector('#phone-buyer .chat').innerText.includes('принята')");
        self.text("document.querySelector('#phone-buyer .chat').innerText.match(/#([A-Z0-9]{7})/)[1]")
    }

    fn waits_for_cards(&mut self, stage: u64, number: &str) {
        self.waits(&format!(
            "[...document.querySelectorAll('[data-stage=\"{stage}\"] .card')].some(card => card.innerText.includes('{number}'))"
        ));
    }
}

/// How somebody from outside is answered.
async fn refused(address: &str, host: Option<&str>, origin: Option<&str>) -> u16 {
    let client = reqwest::Client::new();
    let mut order =
        client.post(format!("{address}do")).header("content-type", "application/json").body(r#"{"do":"kill"}"#);
    for (name, value) in [("host", host), ("origin", origin)] {
        if let Some(value) = value {
            order = order.header(name, value);
        }
    }
    order.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_whole_story_is_played_on_the_page_by_clicks() {
    let Some(program) = browser::for_a_test("used the sandbox's page") else { return };
    let sandbox = Sandbox::start();
    let other = "http://evil.example";
    assert_eq!(refused(&sandbox.address, None, None).await, 403);
    assert_eq!(refused(&sandbox.address, None, Some(other)).await, 403);
    assert_eq!(refused(&sandbox.address, Some("evil.example"), Some(other)).await, 421);
    let address = sandbox.address.clone();
    let story = move || {
        let mut visitor = Visitor(Browser::start(&program, 1440, 1000).expect("the browser"));
        visitor.does(|browser| browser.open(&address));
        plays(&mut visitor);
    };
    tokio::task::spawn_blocking(story).await.expect("the story");
    sandbox.ends();
}

fn plays(visitor: &mut Visitor) {
    visitor.waits("document.body.dataset.ready === 'true'");
    if visitor.text("document.documentElement.lang") == "en" {
        visitor.clicks("#language");
    }
    visitor.waits("document.querySelector('h1').textContent === 'Песочница'");

    // A request, from the first word to the card on the board.
    visitor.writes("buyer", "/start");
    let ivans = visitor.leaves_a_request("Иван Петров");
    visitor.waits_for_cards(FIRST_STATUS, &ivans);
    visitor.waits(&format!("document.querySelector('#timeline').innerText.includes('заявка #{ivans} записана')"));

    // amoCRM is down: saved, and told to the admin; and up again.
    visitor.clicks("[data-fault=crm_down]");
    visitor.waits("document.querySelector('[data-fault=crm_down]').ariaChecked === 'true'");
    visitor.chooses("document.querySelector('#phone-buyer select')", "new-ru");
    visitor.waits("document.querySelector('#phone-buyer select').selectedOptions[0].text === 'Ольга'");
    let olgas = visitor.leaves_a_request("Ольга");
    visitor.waits("document.querySelector('#phone-buyer .chat').innerText.includes('сохранена')");
    visitor.waits("document.querySelector('#phone-admin .chat').innerText.includes('Ждёт 1 заявка')");
    assert_eq!(visitor.text("String(document.querySelectorAll('.card').length)"), "1");
    visitor.clicks("[data-fault=crm_down]");
    visitor.waits("document.querySelector('#phone-buyer .chat').innerText.includes('передана')");
    visitor.waits_for_cards(FIRST_STATUS, &olgas);

    // A manager takes it, and both talk.
    visitor.clicks(&format!("#phone-managers [data-data='lead:take:{olgas}']"));
    visitor.waits(&format!("seen.board.cards.find(card => card.name.includes('{olgas}')).responsible === 'Анна'"));
    visitor.writes("buyer", "А сколько стоит доставка?");
    // Nothing says that it is the last: whoever takes long is reminded.
    let asks =
        "seen.phones.find(one => one.phone === 'managers').messages.find(one => one.text.includes('стоит доставка?'))";
    visitor.waits(&format!("{asks} !== undefined"));
    let question = visitor.text(&format!("String({asks}.id)"));
    visitor.clicks(&format!("#phone-managers [data-key='{question}'] .answer"));
    visitor.writes("managers", "Доставка 50 тысяч");
    visitor.reads("buyer", "Доставка 50 тысяч");
    visitor.clicks("#phone-buyer .attach summary");
    visitor.clicks("#phone-buyer .sample");
    visitor.waits("[...document.querySelectorAll('#phone-managers img')].some(image => image.naturalWidth > 0)");
    visitor.waits("seen.board.cards.some(card => card.files.length > 0)");

    // The stage is moved with the mouse, and the other lead's without one.
    let lead = visitor.text(&format!("String(seen.board.cards.find(card => card.name.includes('{olgas}')).id)"));
    visitor.does(|browser| {
        browser.drag(&format!("[data-lead='{lead}'] .chips"), &format!("[data-stage='{SECOND_STATUS}'] h3"))
    });
    visitor.waits_for_cards(SECOND_STATUS, &olgas);
    visitor.reads("buyer", "Подбираем автомобиль");
    let ivans_stage = format!(
        "[...document.querySelectorAll('.card')].find(card => card.innerText.includes('{ivans}')).querySelector('select')"
    );
    visitor.chooses(&ivans_stage, &SECOND_STATUS.to_string());
    visitor.waits_for_cards(SECOND_STATUS, &ivans);

    // The daemon is killed and started.
    visitor.clicks("[data-do=kill]");
    visitor.waits("document.querySelector('#runs').textContent === 'программа не работает'");
    visitor.clicks("[data-do=restart]");
    visitor.waits("document.querySelector('#runs').textContent === 'программа работает'");

    // The same on a phone: one part at a time, nothing beside the screen.
    visitor.does(|browser| browser.resize(390, 844, 1.0));
    for pane in ["admin", "managers", "board", "below", "buyer"] {
        visitor.clicks(&format!(".panes [data-to={pane}]"));
        visitor.waits(&format!("document.querySelector('[data-is={pane}]').checkVisibility()"));
        visitor.waits("document.documentElement.scrollWidth <= 390");
        visitor.waits(&format!(
            "(box => box.top >= 0 && box.top < innerHeight / 2)(document.querySelector('[data-is={pane}]').getBoundingClientRect())"
        ));
        visitor.waits(&format!(
            "[...document.querySelectorAll('[data-is]')].every(part => part.checkVisibility() === (part.dataset.is === '{pane}'))"
        ));
    }
    visitor.clicks("#language");
    visitor.waits("document.documentElement.lang === 'en' && document.querySelector('h1').textContent === 'Sandbox'");
}
