//! A strict stand-in for amoCRM: it keeps what it is given, refuses what the real one is known to refuse,
//! and fails in every way the real one, or the network before it, is known to fail.
//!
//! What it imitates is written down in the facts about the API; where they are uncertain it takes the reading that is
//! harder for the client. A request passes, in this order: the log, the block and the rate limit, the
//! outage, the faults that were set, the token, the route. Whatever changes wakes the `wait_for_…` functions.

#![allow(dead_code, unused_imports, reason = "every test uses its own part of this")]

pub mod account;
mod api;
mod attachments;
mod book;
mod contract;
mod drive;
mod faults;
mod filters;
mod lists;
mod log;
mod manager;
mod oauth;
mod rate;
mod request;
mod server;
mod shapes;
mod tasks;
mod texts;
mod tokens;
mod updates;
mod validate;
mod wire;
mod writes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use book::Book;
use contract::Contract;
use drive::Drive;
use faults::Faults;
use lists::Latency;
use oauth::Oauth;
use rate::Rate;
use server::{Serving, Shared, State};
use wire::{Connection, CuttableListener};

pub use account::{Account, Entity, Field, Pipeline, Status, User};
pub use book::{MergeEvent, StoredContact, StoredField, StoredLead};
pub use drive::{Attachment, StoredFile};
pub use faults::{Fault, FaultId, On, Throttle, Times};
pub use oauth::ReusePolicy;
pub use request::Request;
pub use tasks::StoredTask;

/// Something that happened in the CRM.
#[derive(Debug, Clone)]
pub enum CrmEvent {
    /// A lead was made.
    LeadAdded(StoredLead),
    /// A contact was made.
    ContactAdded(StoredContact),
    /// A note was put on a lead.
    NoteAdded {
        /// The lead.
        lead_id: u64,
        /// The text.
        text: String,
    },
    /// A pair of tokens was exchanged for a new one.
    TokensRefreshed,
    /// The CRM stopped answering.
    WentDown,
    /// The CRM answers again.
    CameBack,
}

/// A handle on the fake; all clones are the same CRM.
#[derive(Clone)]
pub struct FakeAmocrm {
    shared: Arc<Shared>,
}

/// Starting and stopping.
impl FakeAmocrm {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on this port of 127.0.0.1, or on a free one for zero.
    pub async fn start_on(port: u16) -> Self {
        let listener = super::listen(port).await;
        let port = listener.local_addr().expect("the fake has an address").port();
        let base = format!("http://127.0.0.1:{port}");
        let state = State {
            account: Account::default(),
            book: Book::default(),
            drive: Drive::default(),
            oauth: Oauth::default(),
            rate: Rate::default(),
            faults: Faults::default(),
            latency: Latency::default(),
            filters_on: false,
            partial_batches: false,
            duplicate_control: false,
            down: false,
            log: Vec::new(),
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            base,
            port,
            serving: tokio::sync::Mutex::new(Serving::Down(None)),
        };
        let fake = FakeAmocrm { shared: Arc::new(shared) };
        *fake.shared.serving.lock().await = fake.listen(listener);
        fake
    }

    fn listen(&self, listener: TcpListener) -> Serving {
        let connections = CancellationToken::new();
        let listener = CuttableListener { listener, all: connections.clone() };
        let app = Router::new()
            .fallback(server::answer)
            .with_state(Arc::clone(&self.shared))
            .into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Serving::Up { connections, task }
    }

    /// The network goes down: every connection is dropped and new ones are refused.
    pub async fn stop(&self) {
        let mut serving = self.shared.serving.lock().await;
        if let Serving::Up { connections, task } = &mut *serving {
            super::stopped().insert(self.shared.port);
            connections.cancel();
            task.abort();
            let _ = task.await;
            *serving = Serving::Down(Some(super::bind(self.shared.port).await));
            drop(serving);
            self.tell(CrmEvent::WentDown);
        }
    }

    /// The network comes back on the same port, with everything stored still there.
    pub async fn restart(&self) {
        self.stop().await;
        let mut serving = self.shared.serving.lock().await;
        if let Serving::Down(held) = &mut *serving
            && let Some(held) = held.take()
        {
            let listener = held.listen(super::BACKLOG).expect("the fake can listen again");
            super::stopped().remove(&self.shared.port);
            *serving = self.listen(listener);
        }
        drop(serving);
        self.tell(CrmEvent::CameBack);
    }

    /// Everything answers 503 from now on.
    pub fn goes_down(&self) {
        self.set(|state| state.down = true);
        self.tell(CrmEvent::WentDown);
    }

    /// Ends [`Self::goes_down`].
    pub fn comes_back(&self) {
        self.set(|state| state.down = false);
        self.tell(CrmEvent::CameBack);
    }

    /// The address to use as `AMOCRM_BASE_URL`.
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// The environment of a bot whose CRM this is, without tokens.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let state = self.shared.state();
        vec![
            ("AMOCRM_BASE_URL", self.url()),
            ("AMOCRM_SUBDOMAIN", state.account.subdomain.clone()),
            ("AMOCRM_CLIENT_ID", state.oauth.client_id.clone()),
            ("AMOCRM_CLIENT_SECRET", state.oauth.client_secret.clone()),
            ("AMOCRM_REDIRECT_URL", state.oauth.redirect_uri.clone()),
        ]
    }

    fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.shared.state());
        self.shared.changed.notify_waiters();
        result
    }

    fn tell(&self, event: CrmEvent) {
        self.shared.state().book.tell(event);
    }
}

/// Set-up.
impl FakeAmocrm {
    /// Changes what the account is set up with.
    pub fn account<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        self.set(|state| change(&mut state.account))
    }

    /// Makes the user the tokens belong to an administrator, or an ordinary manager.
    pub fn admin(&self, admin: bool) {
        self.set(|state| {
            state.account.current_user = match admin {
                true => account::ADMIN_USER,
                false => account::MANAGER_USER,
            }
        });
    }

    /// How long a new lead or contact is not found by `query`.
    pub fn query_latency(&self, latency: Duration) {
        self.set(|state| state.latency.query = latency);
    }

    /// How long a new lead or contact is missing from lists without `query`.
    pub fn list_latency(&self, latency: Duration) {
        self.set(|state| state.latency.list = latency);
    }

    /// How long a new event is missing from the list of events.
    pub fn events_latency(&self, latency: Duration) {
        self.set(|state| state.latency.events = latency);
    }

    /// Whether `filter[…]` works on lists of leads and contacts; off at first, which ignores it.
    pub fn filters(&self, on: bool) {
        self.set(|state| state.filters_on = on);
    }

    /// Whether the good items of a refused batch are stored all the same; off at first.
    pub fn partial_batches(&self, on: bool) {
        self.set(|state| state.partial_batches = on);
    }

    /// Whether a complex lead whose contact is known by phone is merged into that contact's lead; off at first.
    pub fn duplicate_control(&self, on: bool) {
        self.set(|state| state.duplicate_control = on);
    }

    /// How a merge shows among the events; as documented at first.
    pub fn merge_events(&self, shows: MergeEvent) {
        self.set(|state| state.book.merge_event = shows);
    }

    /// Requests allowed in any second (7 at first), or no limit.
    pub fn rate_limit(&self, limit: Option<usize>) {
        self.set(|state| state.rate.limit = limit);
    }

    /// How long the limiter's second is; a second at first.
    pub fn rate_window(&self, second: Duration) {
        self.set(|state| state.rate.second = second);
    }

    /// How the limiter's own 429 looks; the bare page at first.
    pub fn throttle(&self, throttle: Throttle) {
        self.set(|state| state.rate.throttle = throttle);
    }

    /// Refusals in a row (20 at first) after which everything answers the 403 page.
    pub fn block_after(&self, refusals: u32) {
        self.set(|state| state.rate.block_after = refusals);
    }

    /// Blocks at once, as after too many refusals.
    pub fn block(&self) {
        self.set(|state| state.rate.blocked = true);
    }

    /// Support lifts the block.
    pub fn unblock(&self) {
        self.set(|state| state.rate.unblock());
    }

    /// Whether everything is blocked.
    pub fn is_blocked(&self) -> bool {
        self.shared.state().rate.blocked
    }

    /// Sets a fault.
    pub fn fault(&self, on: On, fault: Fault, times: Times) -> FaultId {
        self.set(|state| state.faults.add(on, fault, times))
    }

    /// Ends one fault.
    pub fn clear_fault(&self, id: FaultId) {
        self.set(|state| state.faults.clear(id));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.set(|state| state.faults.clear_all());
    }

    /// How often a fault has struck.
    pub fn fault_hits(&self, id: FaultId) -> u32 {
        self.shared.state().faults.hits(id)
    }
}
