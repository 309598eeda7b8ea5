//! Strict stand-ins for the two services the bot talks to, shared by the tests and the sandbox.

use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};

pub mod alarms;
pub mod amocrm;
pub mod proxy;
pub mod telegram;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A socket of 127.0.0.1 that may listen: on the given port, which is waited for a while, or for zero on a free one below the
/// ranges from which outgoing connections get theirs, so that nobody takes it while its fake is stopped.
async fn bind(port: u16) -> TcpSocket {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let drawn = if port == 0 { rand::random_range(10_000..16_000) } else { port };
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
