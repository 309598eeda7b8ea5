//! HTTP to others: every client is made here, and every answer is read here.
//!
//! **Promise.** No redirect is followed and no address is handed on, so a token never reaches whoever an answer points
//! at; an answer takes no more memory than its reader allows and no more time than its request's limit, however it
//! drips; an error carries neither an address nor a body, since both may hold secrets.

use std::{error::Error as _, net::IpAddr, time::Duration};

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, header::LOCATION, redirect::Policy};
use thiserror::Error;

/// TCP, TLS and a proxy's greeting together.
const CONNECT: Duration = Duration::from_secs(5);

/// A whole request with its answer, where the caller names no limit.
const WHOLE_REQUEST: Duration = Duration::from_secs(15);

/// Idle connections are given up sooner than servers and firewalls do it: the next request on one would be lost.
const IDLE: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NetError {
    /// It was not sent, or the answer did not come whole; see [`reqwest::Error::is_connect`].
    #[error("{}", cause(.0))]
    Failed(reqwest::Error),
    /// The answer points elsewhere.
    #[error("the address answers with a redirect ({status}){}, which is not followed; set the final address", .to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default())]
    Redirect {
        /// 3xx.
        status: u16,
        /// Scheme and host it points at.
        to: Option<String>,
    },
    /// 407: the way there is closed.
    #[error("the proxy in between does not accept the user and the password")]
    ProxyRefuses,
    /// It was cut off there.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl From<reqwest::Error> for NetError {
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(error.without_url())
    }
}

/// The beginnings of every client: limits may be tightened, proxies added.
pub fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("amocrm-lead-bot/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        // Nothing is unpacked, so that what counts against a cap is what was sent.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .use_rustls_tls()
        .connect_timeout(CONNECT)
        .timeout(WHOLE_REQUEST)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(10))
        .tcp_nodelay(true)
}

/// Sends and returns the head of the answer, if it is no redirect.
pub async fn send(request: RequestBuilder) -> Result<Response, NetError> {
    let response = request.send().await?;
    if !response.status().is_redirection() {
        return Ok(response);
    }
    let to = response.headers().get(LOCATION).and_then(|to| response.url().join(to.to_str().ok()?).ok());
    let to = to.and_then(|to| Some(format!("{}://{}", to.scheme(), to.host_str()?)));
    Err(NetError::Redirect { status: response.status().as_u16(), to })
}

/// Reads an answer that is not longer than `limit` bytes.
pub async fn read_capped(response: Response, limit: usize) -> Result<Vec<u8>, NetError> {
    let mut body = Vec::new();
    read_into(&mut body, response, limit).await.map(|()| body)
}

/// The same; after an error `body` holds what came before it.
pub async fn read_into(body: &mut Vec<u8>, mut response: Response, limit: usize) -> Result<(), NetError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(NetError::TooLarge(limit));
    }
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(NetError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(())
}

/// An error with its causes, which tell a refused connection from an unknown host; at most 300 characters.
pub fn cause(error: &reqwest::Error) -> String {
    // Its own words name the address, unless the caller has taken it away.
    let mut text = match error {
        error if error.is_timeout() => "timed out".to_owned(),
        error if error.url().is_some() => "the request failed".to_owned(),
        error => error.to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.chars().take(300).collect()
}

/// Whether an address is of this machine or of a private network: RFC 1918, 3927, 4193, 4291, and 6598 (shared behind a
/// provider's translation, which VPNs use).
pub fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let own = ip.is_loopback() || ip.is_unspecified();
            own || ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::get};

    use super::*;

    async fn server(app: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{addr}/secret")
    }

    async fn read(url: &str, limit: usize) -> Result<Vec<u8>, NetError> {
        let client = client().timeout(Duration::from_secs(2)).build().expect("a client");
        read_capped(send(client.get(url)).await?, limit).await
    }

    #[tokio::test]
    async fn an_answer_has_a_largest_size() {
        let url = server(Router::new().route("/secret", get(|| async { "x".repeat(1000) }))).await;
        assert_eq!(read(&url, 1000).await.expect("all of it").len(), 1000);
        assert!(matches!(read(&url, 999).await, Err(NetError::TooLarge(999))));
        // Of no stated length, without an end.
        let endless =
            || async { Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 65_536]))) };
        let url = server(Router::new().route("/secret", get(endless))).await;
        assert!(matches!(read(&url, 1 << 20).await, Err(NetError::TooLarge(_))));
    }

    #[tokio::test]
    async fn a_dripping_answer_has_a_latest_end() {
        let drip = || async {
            Body::from_stream(futures::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Ok::<_, std::io::Error>("x"), ()))
            }))
        };
        let url = server(Router::new().route("/secret", get(drip))).await;
        let begun = std::time::Instant::now();
        let error = read(&url, 1 << 20).await.expect_err("it never ends").to_string();
        assert!(begun.elapsed() < Duration::from_secs(4) && error.starts_with("timed out"), "{error}");
    }

    #[tokio::test]
    async fn a_packed_answer_is_not_unpacked() {
        let packed = || async { ([("content-encoding", "gzip")], vec![0x1f, 0x8b, 8, 0]) };
        let url = server(Router::new().route("/secret", get(packed))).await;
        assert_eq!(read(&url, 100).await.expect("as it came"), [0x1f, 0x8b, 8, 0]);
    }

    #[tokio::test]
    async fn a_redirect_is_an_error_in_words_without_the_path() {
        let away = |to: &'static str| async move { (StatusCode::FOUND, [("location", to)]) };
        for (to, named) in [
            ("https://hc.example/ping/secret", "(302) to https://hc.example,"),
            ("/secret/2", "(302) to http://127.0.0.1,"),
            ("::", "(302)"),
        ] {
            let error = read(&server(Router::new().route("/secret", get(move || away(to)))).await, 10).await;
            let words = error.expect_err("not followed").to_string();
            assert!(words.contains(named) && !words.contains("secret"), "{words}");
        }
    }

    #[tokio::test]
    async fn no_error_names_the_address() {
        let client = client().build().expect("a client");
        let refused = client.get("http://127.0.0.1:9/secret").send().await.expect_err("nobody there");
        assert!(refused.is_connect() && !cause(&refused).contains("secret"), "{}", cause(&refused));
        let refused = NetError::from(refused).to_string();
        assert!(refused.contains("refused") && !refused.contains("secret"), "{refused}");
    }

    #[test]
    fn what_is_near() {
        for ip in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "100.64.0.1", "100.127.9.9"]
            .into_iter()
            .chain(["::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"])
        {
            assert!(is_near(ip.parse().expect("an address")), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2a00::1", "::ffff:8.8.8.8"] {
            assert!(!is_near(ip.parse().expect("an address")), "{ip}");
        }
    }
}
