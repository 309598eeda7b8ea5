//! An operator of version 0.1.0 installs the package over what he has made by hand, in the middle of an outage.

use testkit::{
    buyer::Buyer,
    fakes::{
        amocrm::{Fault, On, Times},
        telegram,
    },
    world::PATIENCE,
};

use crate::tree::{DATA, SETTINGS, Tree, write};

/// How an operator of 0.1.0 has it.
#[derive(Clone, Copy, PartialEq)]
pub enum MadeBy {
    /// As 0.1.0's README says: a unit and a user of this name.
    Readme,
    /// In a folder of his own, as root, with a `.env` there.
    Himself,
}

/// Of whom what is expected when the package has taken over.
struct Before {
    numbers: Vec<String>,
    waiting: Vec<Buyer>,
    half_way: Buyer,
    owed: Buyer,
    refresh: String,
}

/// 0.1.0 works, takes requests, renews its tokens, and gets into an outage in the middle of everything.
async fn use_the_first_version(tree: &Tree, tokens: &(String, String)) -> Before {
    tree.telegram.wait_for_poll(PATIENCE).await.expect("0.1.0 asks for messages");
    let mut numbers = vec![tree.buyer("Анна").leaves_a_request().await];
    // Its tokens are not those of the settings any more.
    tree.amocrm.expire_access_tokens();
    numbers.push(tree.buyer("Борис").leaves_a_request().await);
    let all = numbers.clone();
    tree.until("0.1.0 delivers, and renews its tokens", async |tree| {
        all.iter().all(|number| tree.amocrm.lead_with_number(number).is_some_and(|lead| lead.notes.len() == 1))
            && tree.amocrm.refreshes() == 1
    })
    .await;
    let mut half_way = tree.buyer("Вера");
    half_way.begins().await;
    half_way.says("Вера Ильина", "номер телефона").await;
    half_way.says("8 (999) 123-45-70", "бюджет").await;

    // The answer to one lead is lost, and then nobody answers.
    let mut waiting = Vec::new();
    let mut grigory = tree.buyer("Григорий");
    grigory.fills_in().await;
    tree.amocrm.fault(On::complex(), Fault::CutAfter, Times::N(1));
    numbers.push(grigory.submits().await);
    tree.amocrm.wait_for_leads(3, PATIENCE).await;
    tree.amocrm.goes_down();
    waiting.push(grigory);
    for name in ["Дарья", "Егор"] {
        let mut buyer = tree.buyer(name);
        numbers.push(buyer.leaves_a_request().await);
        waiting.push(buyer);
    }
    // One is owed even the number.
    let mut owed = tree.buyer("Жанна");
    owed.fills_in().await;
    let silent = telegram::On::method("sendMessage").chat(owed.user.id);
    tree.telegram.fault(silent, telegram::Fault::Status(500), telegram::Times::UntilCleared);
    owed.user.press("submit").expect("the button is there");
    tree.telegram
        .wait_for(tree.admin.id, |message| message.text.contains("не попадают"), PATIENCE)
        .await
        .expect("told");
    Before { numbers, waiting, half_way, owed, refresh: tokens.1.clone() }
}

/// What was promised by 0.1.0 is kept by the package.
async fn all_is_kept(tree: &Tree, before: Before) {
    let Before { mut numbers, waiting, mut half_way, mut owed, refresh } = before;
    let status = tree.status();
    let is_so = status["waiting"] == 4 && status["uncertain"].as_i64() > Some(0) && status["daemon_running"] == true;
    tree.check("four wait, and of some it is not known whether amoCRM has them", is_so, || status.to_string());
    tree.files_are_the_services();

    half_way.says("2,5 млн", "ссылку").await;
    half_way.says("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку").await;
    tree.check(
        "a form that was half filled in goes on where it stood",
        half_way.has("Как вас зовут") == 1,
        || half_way.user.transcript(),
    );
    numbers.push(half_way.submits().await);
    tree.telegram.clear_faults();
    numbers.push(testkit::world::number_in(&owed.hears("принята").await.text));

    tree.amocrm.comes_back();
    tree.does("the admin has everything tried now", &["lead-bot", "leads", "retry"]);
    let all = numbers.clone();
    tree.until("each request is in amoCRM with its note", async |tree| {
        all.iter().all(|number| tree.amocrm.lead_with_number(number).is_some_and(|lead| !lead.notes.is_empty()))
    })
    .await;
    // amoCRM has the last one a moment before anybody is told.
    tree.until("everybody reads how it ended", async |tree| {
        waiting.iter().chain([&owed]).all(|buyer| buyer.has("передана") > 0) && tree.admin_has("снова принимает") > 0
    })
    .await;
    tree.until("nothing is owed to anybody", async |tree| {
        let status = tree.status();
        status["waiting"] == 0 && status["messages_owed"] == 0
    })
    .await;
    let leads = tree.amocrm.leads();
    let notes: Vec<usize> = leads.iter().map(|lead| lead.notes.len()).collect();
    tree.check("each is there once", leads.len() == numbers.len() && notes.iter().all(|notes| *notes == 1), || {
        format!("{numbers:?}\n{leads:#?}")
    });
    for buyer in waiting.iter().chain([&owed, &half_way]) {
        let (name, seen) = (&buyer.user.name, (buyer.has("принята"), buyer.has("передана")));
        // Who did not wait for it need not hear that it is passed on.
        let is_so = seen == (1, 1) || (seen == (1, 0) && buyer.user.id == half_way.user.id);
        tree.check(&format!("{name} has the number once, and once that it is passed on"), is_so, || {
            buyer.user.transcript()
        });
    }
    let told = (tree.admin_has("⚠️ Заявки не попадают"), tree.admin_has("снова принимает"));
    tree.check("the admin has read of the outage once, and once that it is over", told == (1, 1), || {
        tree.admin.transcript()
    });

    // The tokens of 0.1.0 go on being renewed; those of the settings are spent.
    tree.amocrm.expire_access_tokens();
    let number = tree.buyer("Зоя").leaves_a_request().await;
    tree.until("a new request is delivered", async |tree| tree.amocrm.lead_with_number(&number).is_some()).await;
    let tokens = (tree.amocrm.refreshes(), tree.amocrm.refreshes_failed(), tree.amocrm.times_presented(&refresh));
    tree.check("with tokens that are renewed where 0.1.0 left off", tokens == (2, 0, 1), || format!("{tokens:?}"));
    let status = tree.status();
    tree.check("and all is well", status["health"] == "good", || status.to_string());
}

/// The part of `docs/setup.md` between two lines, as an operator types it.
fn documented(heading: &str) -> String {
    let text = include_str!("../../../docs/setup.md");
    let part = text.split(&format!("\n### {heading}\n")).nth(1).expect("the heading");
    let block = part.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    block.replace("sudo ", "")
}

pub async fn upgrade(tree: &Tree, made_by: MadeBy) {
    let tokens = tree.amocrm.issue_pair();
    let settings = tree.settings(&tokens);
    match made_by {
        MadeBy::Readme => {
            tree.shell(
                "0.1.0 is installed as its README says",
                &format!(
                    "useradd --system --home-dir {DATA} --shell /usr/sbin/nologin amocrm-lead-bot
                     install -m 755 /root/first/amocrm-lead-bot /usr/local/bin/
                     install -m 644 /root/first/amocrm-lead-bot.service /etc/systemd/system/"
                ),
            );
            write(&tree.path(SETTINGS), &settings, 0o600);
            tree.does(
                "its unit is enabled",
                &["sh", "-ec", "systemctl daemon-reload && systemctl enable --now amocrm-lead-bot"],
            );
        }
        MadeBy::Himself => {
            tree.shell(
                "0.1.0 is put into a folder",
                "install -d /opt/bot && install -m 755 /root/first/amocrm-lead-bot /opt/bot/",
            );
            write(&tree.path("/opt/bot/.env"), &settings, 0o644);
            let unit = "[Service]\nExecStart=/opt/bot/amocrm-lead-bot\nWorkingDirectory=/opt/bot\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n";
            write(&tree.path("/etc/systemd/system/bot.service"), unit, 0o644);
            tree.does("and runs as root", &["sh", "-ec", "systemctl daemon-reload && systemctl enable --now bot"]);
        }
    }
    let before = use_the_first_version(tree, &tokens).await;
    match made_by {
        MadeBy::Readme => {
            let said = tree.does("the package is installed over it", &["apt-get", "install", "-y", "/root/new.deb"]);
            let orders: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  sudo ")).collect();
            tree.check("it says how to change over", orders.len() == 2, || said.clone());
            tree.check("until then 0.1.0 works on", tree.program() == "/usr/local/bin/amocrm-lead-bot", || {
                tree.program()
            });
            let orders = orders.join("\n").replace("sudo ", "");
            tree.shell("which is done", &orders);
        }
        MadeBy::Himself => {
            let script = documented("From a bot that was installed by hand");
            let script = script.replace("./amocrm-lead-bot_*.deb", "/root/new.deb");
            tree.shell("the package takes over as the documentation says", &script);
            tree.check(
                "nothing of the old one runs",
                tree.run(&["pgrep", "-f", "/opt/bot/"]).code == Some(1),
                String::new,
            );
        }
    }
    let runs = tree.program();
    tree.check("the package's program runs", runs == "/usr/bin/amocrm-lead-bot", || runs.clone());
    all_is_kept(tree, before).await;
}
