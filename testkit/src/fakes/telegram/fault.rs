//! What can go wrong between the bot and Telegram, and for which requests.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// One way in which a request fails; unless it says otherwise the request has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status with an HTML page, as a gateway in front of Telegram answers.
    Status(u16),
    /// 429 with `retry_after` in seconds.
    TooManyRequests { retry_after: u32 },
    /// Accepted and not answered; handled and answered when the faults are cleared, if the client is still there.
    Hang,
    /// The connection is closed before the request has any effect.
    CutBefore,
    /// The request takes effect (the message is sent, the updates are confirmed), then the connection is closed.
    CutAfter,
    /// 200 with a body that is not JSON.
    Garbage,
    /// The request takes effect, and the result has a shape that no library knows yet.
    Newer,
    /// The request takes effect, and the answer is JSON by its brackets alone.
    Unparsable,
    /// The request takes effect at once, the answer comes this much later.
    Slow(Duration),
    /// 401, as for a revoked token.
    Unauthorized,
    /// 404, as for a token that is no token.
    NotFound,
}

impl Fault {
    /// What goes wrong between any program and Telegram, with this pause where one is needed.
    pub fn usual(slow: Duration) -> Vec<Self> {
        vec![
            Self::Status(500),
            Self::Status(502),
            Self::TooManyRequests { retry_after: 1 },
            Self::Hang,
            Self::CutBefore,
            Self::CutAfter,
            Self::Garbage,
            Self::Slow(slow),
            Self::Unauthorized,
            Self::NotFound,
        ]
    }
}

/// Which requests a fault is for.
#[derive(Clone, Debug, Default)]
pub struct On {
    method: Option<String>,
    chat: Option<i64>,
}

impl On {
    /// Every request.
    pub fn all() -> Self {
        Self::default()
    }

    /// Every request of this method, in any letter case.
    pub fn method(name: &str) -> Self {
        Self { method: Some(name.to_owned()), chat: None }
    }

    /// Only those that concern this chat.
    pub fn chat(mut self, chat_id: i64) -> Self {
        self.chat = Some(chat_id);
        self
    }

    fn matches(&self, method: &str, chat: Option<i64>) -> bool {
        self.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(method))
            && self.chat.is_none_or(|id| chat == Some(id))
    }
}

/// For how many requests a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many matching requests.
    N(usize),
    /// All of them until the faults are cleared.
    UntilCleared,
}

struct Rule {
    on: On,
    fault: Fault,
    times: Times,
}

/// The faults that are switched on.
#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<Rule>,
    cleared: CancellationToken,
}

impl Faults {
    pub(super) fn add(&mut self, on: On, fault: Fault, times: Times) {
        self.rules.push(Rule { on, fault, times });
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
        std::mem::take(&mut self.cleared).cancel();
    }

    /// The fault this request meets, counted as used, with the token that is cancelled when faults are cleared.
    pub(super) fn take(&mut self, method: &str, chat: Option<i64>) -> Option<(Fault, CancellationToken)> {
        let rule = self.rules.iter_mut().find(|rule| rule.times != Times::N(0) && rule.on.matches(method, chat))?;
        if let Times::N(left) = &mut rule.times {
            *left -= 1;
        }
        Some((rule.fault.clone(), self.cleared.clone()))
    }
}
