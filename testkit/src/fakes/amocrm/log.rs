//! What came: the log of requests, and waiting for what is to come.

use std::time::Duration;

use super::FakeAmocrm;
use super::book::StoredLead;
use super::contract::{self, Contract};
use super::faults::On;
use super::request::Request;
use super::server::State;

impl FakeAmocrm {
    /// Every request so far, oldest first; those without a status are open or were cut.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().log.clone()
    }

    /// The same without the first so many.
    pub fn requests_after(&self, count: usize) -> Vec<Request> {
        self.shared.state().log.get(count..).unwrap_or_default().to_vec()
    }

    /// The requests of this kind, oldest first.
    pub fn requests_to(&self, on: &On) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| on.matches(request));
        requests
    }

    /// How many requests of this kind there were.
    pub fn count(&self, on: &On) -> usize {
        let state = self.shared.state();
        state.log.iter().filter(|request| on.matches(request)).count()
    }

    /// The most requests seen in any second.
    pub fn max_rate(&self) -> usize {
        self.shared.state().rate.max_seen
    }

    /// Waits until there are at least this many leads and returns them; panics when the time is over.
    pub async fn wait_for_leads(&self, n: usize, timeout: Duration) -> Vec<StoredLead> {
        let leads = self.wait_until(timeout, |state| {
            let leads = &state.book.leads;
            (leads.len() >= n).then(|| leads.clone())
        });
        match leads.await {
            Some(leads) => leads,
            None => panic!(
                "{n} leads did not come within {timeout:?}, only {}; requests:\n{}",
                self.leads().len(),
                self.story()
            ),
        }
    }

    /// Waits for a request, past or coming, of which this is true; panics when the time is over.
    ///
    /// A request is looked at when it arrives (no status yet) and again when it is answered.
    pub async fn wait_for_request(&self, wanted: impl Fn(&Request) -> bool, timeout: Duration) -> Request {
        let found = self.wait_until(timeout, |state| state.log.iter().find(|request| wanted(request)).cloned());
        match found.await {
            Some(request) => request,
            None => panic!("the request did not come within {timeout:?}; requests:\n{}", self.story()),
        }
    }

    pub(super) async fn wait_until<T>(&self, timeout: Duration, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let looking = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                // Listening before looking, so that no change falls in between.
                changed.as_mut().enable();
                if let Some(found) = look(&self.shared.state()) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, looking).await.ok()
    }

    /// The requests as lines of text, for a failed test.
    pub fn story(&self) -> String {
        let requests = self.requests();
        let lines = requests.iter().map(|request| {
            let status = request.status.map_or("-".to_owned(), |status| status.to_string());
            let fault = request.fault.as_ref().map(|fault| format!(" {fault:?}"));
            let (at, method) = (request.at.format("%H:%M:%S%.3f"), &request.method);
            let path = request.path_and_query();
            format!("{at} {method} {path} {status}{}\n", fault.unwrap_or_default())
        });
        lines.collect()
    }

    /// Whether there is an OpenAPI description to check requests against.
    pub fn contract_checked(&self) -> bool {
        contract::path().is_some()
    }

    /// What the OpenAPI description complains of in the bodies received; slow, and nothing without a description.
    pub fn contract_violations(&self) -> Vec<String> {
        let requests = self.requests();
        Contract::of_amocrm().map_or_else(Vec::new, |contract| contract.violations(&requests))
    }
}
