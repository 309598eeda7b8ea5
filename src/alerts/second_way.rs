//! A way to the admin beside Telegram: a webhook, mail, or both.
//!
//! **Promise.** What goes this way passes through others' hands, so it holds no names, phones, links or tokens. Nobody
//! waits for it: it is tried a few times and given up, and one way that fails holds the other one up no more than
//! anything else.

use std::{fmt, sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{info, warn};
use url::Url;

use crate::{
    clock::Clock,
    config::SecondWaySettings,
    net::{self, NetError},
};

/// What Telegram does not take within this goes by the second way.
pub(super) const NOT_TAKEN: Duration = Duration::from_secs(5 * 60);

/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(15);

/// Pauses between attempts; after the last it is given up.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30), Duration::from_secs(90)];

/// Longest subject of a mail, in characters.
const SUBJECT: usize = 80;

enum Way {
    Webhook { client: reqwest::Client, url: Url },
    Email { transport: AsyncSmtpTransport<Tokio1Executor>, from: Mailbox, to: Vec<Mailbox> },
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
        }
    }

    /// Tries once; the error is in words without anything secret.
    async fn attempt(&self, text: &str) -> Result<(), String> {
        match self {
            Self::Webhook { client, url } => {
                let answer = net::send(client.post(url.clone()).json(&json!({ "text": text }))).await;
                match answer {
                    Ok(answer) if answer.status().is_success() => Ok(()),
                    Ok(answer) => Err(format!("the answer is {}", answer.status().as_u16())),
                    // Where it points at may be as secret as the address.
                    Err(NetError::Redirect { status, .. }) => Err(format!(
                        "the answer is a redirect ({status}), which is not followed; set the final address"
                    )),
                    Err(error) => Err(error.to_string()),
                }
            }
            Self::Email { transport, from, to } => {
                let mut message = Message::builder().from(from.clone()).header(ContentType::TEXT_PLAIN);
                for to in to {
                    message = message.to(to.clone());
                }
                let subject: String = text.lines().next().unwrap_or_default().chars().take(SUBJECT).collect();
                let message = message.subject(subject).body(text.to_owned());
                let message = message.map_err(|_| "the mail cannot be written".to_owned())?;
                transport.send(message).await.map(drop).map_err(|error| smtp_words(&error))
            }
        }
    }
}

/// What a mail server said, by its code alone: its words may name the user.
fn smtp_words(error: &lettre::transport::smtp::Error) -> String {
    if let Some(code) = error.status() {
        let meaning = match u16::from(code) {
            530 | 534 | 535 | 538 => " (user and password are not accepted)",
            550..=554 => " (the sender or the mail is refused)",
            _ => "",
        };
        return format!("the mail server answers {code}{meaning}");
    }
    if error.is_timeout() {
        return "timed out".into();
    }
    let mut source = std::error::Error::source(error);
    let mut words = String::from(if error.is_tls() { "no encryption" } else { "no mail server there" });
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words.chars().take(200).collect()
}

/// Ways to the admin beside Telegram; clones are handles to the same ones.
#[derive(Clone)]
pub struct SecondWay {
    ways: Arc<[Arc<Way>]>,
    clock: Clock,
}

impl fmt::Debug for SecondWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecondWay").field(&self.names()).finish()
    }
}

/// A second way cannot be set up; names the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}: this way cannot be used. Check its address with `test-alerts`")]
pub struct UnusableWay(&'static str);

impl SecondWay {
    /// Sets the ways up; sends nothing.
    pub fn new(settings: &SecondWaySettings, clock: Clock) -> Result<Self, UnusableWay> {
        let limit = clock.scaled(ATTEMPT).max(Duration::from_secs(3));
        let mut ways = Vec::new();
        if let Some(url) = &settings.webhook {
            let client = net::client().timeout(limit).build().map_err(|_| UnusableWay("ALERT_WEBHOOK_URL"))?;
            ways.push(Arc::new(Way::Webhook { client, url: url.0.clone() }));
        }
        if let Some(email) = &settings.email {
            let transport = email.transport().map_err(|_| UnusableWay("ALERT_EMAIL"))?.timeout(Some(limit)).build();
            ways.push(Arc::new(Way::Email { transport, from: email.from.clone(), to: email.to.clone() }));
        }
        Ok(Self { ways: ways.into(), clock })
    }

    /// Whether there is any.
    pub fn is_set(&self) -> bool {
        !self.ways.is_empty()
    }

    /// `webhook`, `email`.
    pub fn names(&self) -> Vec<&'static str> {
        self.ways.iter().map(|way| way.name()).collect()
    }

    /// Tries each way once, side by side.
    pub async fn try_each(&self, text: &str) -> Vec<(&'static str, Result<(), String>)> {
        let text = headed(text);
        futures::future::join_all(self.ways.iter().map(|way| async { (way.name(), way.once(self.clock, &text).await) }))
            .await
    }

    /// Tells the admin by all ways; true as soon as one of them has taken it, false when all have given it up. A way
    /// that is slower goes on by itself.
    pub async fn tell(&self, text: &str) -> bool {
        let text: Arc<str> = headed(text).into();
        let (done, mut ended) = mpsc::unbounded_channel();
        for way in self.ways.iter() {
            let (way, text, done, clock) = (way.clone(), text.clone(), done.clone(), self.clock);
            tokio::spawn(async move {
                let _ = done.send(way.again_and_again(clock, &text).await);
            });
        }
        drop(done);
        while let Some(taken) = ended.recv().await {
            if taken {
                return true;
            }
        }
        false
    }
}

impl Way {
    async fn once(&self, clock: Clock, text: &str) -> Result<(), String> {
        let limit = clock.scaled(ATTEMPT).max(Duration::from_secs(3)) * 2;
        // A mail is several steps, each with a limit of its own.
        tokio::time::timeout(limit, self.attempt(text)).await.unwrap_or_else(|_| Err("timed out".into()))
    }

    async fn again_and_again(&self, clock: Clock, text: &str) -> bool {
        for pause in PAUSES.iter().map(Some).chain([None]) {
            match self.once(clock, text).await {
                Ok(()) => {
                    info!(way = self.name(), "an alert went by the second way");
                    return true;
                }
                Err(error) => warn!(way = self.name(), error, "an alert did not go by the second way"),
            }
            if let Some(pause) = pause {
                clock.sleep(*pause).await;
            }
        }
        false
    }
}

/// Says who writes: the reader may have more than one program that does.
fn headed(text: &str) -> String {
    format!("amocrm-lead-bot: {text}")
}
