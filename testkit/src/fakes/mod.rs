//! Strict stand-ins for the two services the bot talks to, shared by the tests and the sandbox.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpSocket};

pub mod alarms;
pub mod amocrm;
pub mod proxy;
pub mod telegram;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The ports of fakes that are stopped: no other fake of this process draws one meanwhile. Two sockets may be bound to one
/// port as long as neither listens, and only the first that does keeps it.
fn stopped() -> MutexGuard<'static, BTreeSet<u16>> {
    static STOPPED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    STOPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket of 127.0.0.1 that may listen: on the given port, which is waited for a while, or for zero on a free one below the
/// ranges from which outgoing connections get theirs, so that nobody takes it while its fake is stopped.
async fn bind(port: u16) -> TcpSocket {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let drawn = if port == 0 { rand::random_range(10_000..16_000) } else { port };
        if port == 0 && stopped().contains(&drawn) {
            continue;
        }
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_reuseaddr(true).expect("the address can be reused");
        match socket.bind(([127, 0, 0, 1], drawn).into()) {
            Ok(()) => return socket,
            Err(error) if Instant::now() > deadline => panic!("cannot bind 127.0.0.1:{drawn}: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The same, listening.
async fn listen(port: u16) -> TcpListener {
    bind(port).await.listen(BACKLOG).expect("a bound socket can listen")
}
