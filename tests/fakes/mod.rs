//! Strict stand-ins for the two services the bot talks to, shared by the tests and the sandbox.

pub mod amocrm;
pub mod telegram;

/// A free port outside the range from which outgoing connections get theirs: in it, a fake that was stopped might find its
/// port taken when it comes back.
fn quiet_port() -> u16 {
    let drawn = std::iter::repeat_with(|| rand::random_range(10_000..32_000u16));
    let mut free = drawn.filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("repeated without end")
}
