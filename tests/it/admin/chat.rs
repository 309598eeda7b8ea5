//! What the stories of the admin's chat have in common.

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use testkit::{
    fakes::telegram::{BotMessage, FakeGroup, Fault, On, Times},
    world::{Buyer, PATIENCE, World},
};

/// The admin, who waits for each answer before the next word.
pub fn admin(world: &World) -> Buyer {
    Buyer::admin(&world.telegram, world.admin.clone())
}

/// The button that opens an address.
pub fn address_in(message: &BotMessage) -> url::Url {
    let address = message.buttons.iter().flatten().find_map(|button| button.url.as_deref());
    address.unwrap_or_else(|| panic!("no address under {message:?}")).parse().expect("an address")
}

/// The `state` of the authorization address under a message.
pub fn state_in(message: &BotMessage) -> String {
    let address = address_in(message);
    let state = address.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
    state.unwrap_or_else(|| panic!("no state in {address}"))
}

/// The address amoCRM's page redirects to.
pub fn redirect(world: &World, code: &str, state: &str, referer: &str) -> String {
    let (page, id) = (world.amocrm.redirect_uri(), world.amocrm.client_id());
    format!("{page}?code={code}&referer={referer}&state={state}&client_id={id}")
}

/// The data of the button that makes sure, above the one that leaves everything as it is.
pub fn sure_in(message: &BotMessage) -> String {
    let [sure, keep] = message.buttons.as_slice() else { panic!("not two buttons under {message:?}") };
    assert!(keep[0].data.as_ref().is_some_and(|data| data.starts_with("admin:keep:")), "{message:?}");
    sure[0].data.clone().expect("a button with data")
}

/// What the bot says in a group.
pub async fn group_hears(world: &World, group: &FakeGroup, words: &str) -> BotMessage {
    let heard = world.telegram.wait_for(group.id, |message| message.text.contains(words), PATIENCE).await;
    heard.unwrap_or_else(|why| panic!("the group does not hear «{words}»: {why}\n{}", world.log()))
}

/// The account's host.
pub const HOST: &str = "acme.amocrm.ru";

/// Writes `backup_leads.json` as the older tool does: so many leads without buyers to be told.
pub fn leads_wait(world: &World, count: usize) {
    let entry = |at: usize| {
        json!({"timestamp": format!("2025-09-07T10:30:{at:02}"), "name": "Иван", "phone": format!("+799912345{at:02}"),
            "budget": "2 млн", "car_link": "нет", "user_id": 5000 + at, "status": "pending"})
    };
    let entries: Vec<Value> = (0..count).map(entry).collect();
    world.write("backup_leads.json", &Value::from(entries).to_string());
}

/// Numbers of the leads that wait.
pub fn waiting_numbers(world: &World) -> Vec<String> {
    world.backup().iter().filter_map(|entry| entry["number"].as_str().map(str::to_owned)).collect()
}

/// From now on nothing that is handled is confirmed: after a kill it all comes again.
pub async fn nothing_is_confirmed(world: &World) {
    world.telegram.wait_for_poll(PATIENCE).await.expect("a poll");
    world.telegram.fault(On::method("getUpdates"), Fault::Hang, Times::UntilCleared);
}

/// A kill; what was not confirmed comes again, and is taken.
pub async fn everything_comes_again(world: &mut World) {
    world.kill().await;
    assert!(!world.telegram.pending().is_empty(), "there is nothing to come again");
    world.telegram.clear_faults();
    world.start();
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("everything is taken");
}

/// No secret is in the log, in a message of the bot, or in a file other than the tokens' own.
#[track_caller]
pub fn keeps_secrets(world: &World, more: &[&str]) {
    let mut secrets: Vec<String> = more.iter().map(|secret| (*secret).to_owned()).collect();
    secrets.push(world.amocrm.client_secret());
    secrets.push(world.telegram.token().split_once(':').expect("a token").1.to_owned());
    for name in ["AMOCRM_ACCESS_TOKEN", "AMOCRM_REFRESH_TOKEN", "AMOCRM_CLIENT_SECRET"] {
        secrets.extend(world.env.get(name).cloned());
    }
    secrets.extend(["access_token.txt", "refresh_token.txt"].map(|name| world.read(name).trim().to_owned()));
    secrets.retain(|secret| !secret.is_empty());
    let own = ["access_token.txt", "refresh_token.txt", "tokens_previous.json"];
    for name in world.files("").iter().filter(|name| !own.contains(&name.as_str())) {
        let bytes = std::fs::read(world.path(name)).unwrap_or_default();
        for secret in &secrets {
            let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            assert!(!found, "{name} holds «{}…»", &secret[..6]);
        }
    }
    for message in world.admin.messages() {
        let text = format!("{} {:?}", message.text, message.buttons);
        let found = secrets.iter().find(|secret| text.contains(secret.as_str()));
        assert!(found.is_none(), "a message holds a secret: {text}");
    }
}

/// A few worlds at a time: each has a process of its own.
pub async fn side_by_side(worlds: impl IntoIterator<Item = impl Future<Output = ()>>) {
    stream::iter(worlds).buffer_unordered(6).collect::<()>().await;
}
