//! The ways to Telegram: polls over the one that is taken, and whether a way works.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use teloxide::{RequestError, payloads::GetMe, types::Me};

use super::{
    super::{
        api, me,
        routes::{Kind, Outcome},
    },
    Attempt, Telegram,
    failure::{describe, outcome},
    way::{Way, longest_poll},
};

/// A poll that is not held takes no longer.
const SHORT_POLL: Duration = Duration::from_secs(10);

/// getMe through a way that is only tried.
const TRIAL: Duration = Duration::from_secs(10);

impl Telegram {
    /// Asks who the bot is; `None` when the answer tells of no bot.
    pub async fn who_am_i(&self) -> Result<Option<Me>, RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let result = self.ask_who_i_am(way).await;
        match &result {
            // Whoever says that is not Telegram.
            Ok(None) => self.routes.ended(attempt.route, attempt.kind, Outcome::NoAnswer, attempt.begun),
            other => self.ended(attempt, other.as_ref().err()),
        }
        result
    }

    async fn ask_who_i_am(&self, way: &Way) -> Result<Option<Me>, RequestError> {
        let limit = self.clock.scaled(TRIAL).max(Duration::from_secs(2));
        let Ok(answer) = tokio::time::timeout(limit, way.send.ask(&GetMe::new())).await else {
            return Err(RequestError::Io(Arc::new(std::io::Error::other("no answer in time"))));
        };
        Ok(me::read(&answer?, way.send.token()))
    }

    /// Asks for updates, to be held for so long; see [`crate::telegram::api::updates`]. `None` when the way was left meanwhile:
    /// then this poll has ended before another one begins. Whoever asks tells [`Self::ended`] what the answer is.
    pub async fn poll(&self, parameters: &Value, held: Duration) -> (Attempt, Option<Result<Vec<u8>, RequestError>>) {
        let (attempt, way) = self.begin(Kind::Poll);
        let limit = match held.is_zero() {
            true => self.clock.scaled(SHORT_POLL).max(Duration::from_secs(2)),
            false => longest_poll(held, self.clock),
        };
        tokio::select! {
            answer = way.poll.poll(parameters, limit) => (attempt, Some(answer)),
            () = self.routes.left(attempt.route) => (attempt, None),
        }
    }

    /// Tries the first way beside the one that is taken, between two polls: it has to answer a poll too. With
    /// `parameters` of a poll that is not held.
    pub async fn try_preferred(&self, parameters: &Value) {
        let way = &self.ways[0];
        let works = async {
            matches!(self.ask_who_i_am(way).await, Ok(Some(_)))
                && match way.poll.poll(parameters, self.clock.scaled(SHORT_POLL).max(Duration::from_secs(2))).await {
                    Ok(body) => api::updates(&body).map_or_else(|error| outcome(&error) == Outcome::Good, |_| true),
                    Err(_) => false,
                }
        };
        let works = works.await;
        self.routes.preferred_tried(works);
    }

    /// Asks over each way who the bot is, without taking it: names of the ways, and the bot's or what went wrong.
    pub async fn look_at_routes(&self) -> Vec<(&str, Result<String, String>)> {
        let looks = self.ways.iter().enumerate().map(|(route, way)| async move {
            let told = match self.ask_who_i_am(way).await {
                Ok(Some(me)) => Ok(me.user.username.unwrap_or_default()),
                Ok(None) => Err("an answer that is not Telegram's".to_owned()),
                Err(error) => Err(describe(&error)),
            };
            (self.routes.name(route), told)
        });
        futures::future::join_all(looks).await
    }
}
