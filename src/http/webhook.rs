//! `/amocrm/SECRET`: amoCRM tells that leads have changed. What it says of them is not believed, they are asked about.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tracing::debug;

use crate::watching::Hints;

/// Where it is; the secret follows.
pub const PATH: &str = "/amocrm/";

/// amoCRM sends the fields of each changed lead along; more is not read.
const LARGEST_BODY: usize = 256 * 1024;

/// amoCRM waits two seconds for an answer, and switches a hook off that has failed too often (kommo.com, «Webhooks»).
const READS: Duration = Duration::from_millis(1500);

/// What the page has to do with it.
#[derive(Debug)]
pub struct Webhook {
    digest: [u8; 32],
    hints: Hints,
}

impl Webhook {
    /// The one with this secret; what it says goes to `hints`.
    pub fn new(secret: &SecretString, hints: Hints) -> Self {
        Self { digest: Sha256::digest(secret.expose_secret()).into(), hints }
    }

    /// Whether the end of a path is the secret. Two hashes are compared, so that how long it takes tells nothing of it.
    fn is_let_in(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        given.iter().zip(self.digest).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }

    /// Takes a call, however it is worded; `None` where nobody may know that there is anything.
    pub async fn answer(&self, method: &Method, given: &str, body: Body) -> Option<Response> {
        if !self.is_let_in(given.trim_end_matches('/')) {
            return None;
        }
        if method != Method::POST {
            return Some((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response());
        }
        match tokio::time::timeout(READS, to_bytes(body, LARGEST_BODY)).await {
            Ok(Ok(body)) => {
                let lead_ids = changed_leads(&body);
                debug!(leads = lead_ids.len(), "amoCRM says that leads have changed");
                self.hints.add(lead_ids);
            }
            _ => debug!("amoCRM says more than is read; leads are asked about in time"),
        }
        Some((StatusCode::OK, "ok\n").into_response())
    }
}

/// The ids in `leads[status][0][id]=…`, whatever has happened to the leads.
fn changed_leads(body: &[u8]) -> Vec<i64> {
    let is_of_a_lead = |name: &str| {
        let parts: Vec<&str> = name.split('[').map(|part| part.trim_end_matches(']')).collect();
        matches!(parts[..], ["leads", _, at, "id"] if at.parse::<u32>().is_ok())
    };
    let fields = url::form_urlencoded::parse(body).filter(|(name, _)| is_of_a_lead(name));
    fields.filter_map(|(_, id)| id.parse().ok().filter(|id| *id > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_leads_are_read_and_nothing_else() {
        for (body, ids) in [
            // As documented, with its fields.
            (
                "leads[status][0][id]=25399013&leads[status][0][name]=Lead+title&leads[status][0][old_status_id]=7039101\
                 &leads[status][0][status_id]=142&leads[status][0][custom_fields][0][id]=427183\
                 &leads[status][0][custom_fields][0][values][0]=1&account[subdomain]=test&account[id]=7039099",
                vec![25_399_013],
            ),
            ("leads%5Bupdate%5D%5B0%5D%5Bid%5D=5&leads%5Bdelete%5D%5B1%5D%5Bid%5D=6", vec![5, 6]),
            ("contacts[update][0][id]=5", vec![]),
            ("leads[status][0][id]=-5&leads[status][1][id]=x&leads[status][2][id]=99999999999999999999", vec![]),
            ("leads[status][x][id]=5&leads[status][id]=5&leads=5&[leads][status][0][id]=5", vec![]),
            ("{\"leads\":{\"status\":[{\"id\":5}]}}", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(changed_leads(body.as_bytes()), ids, "{body}");
        }
        assert_eq!(changed_leads(&[0xff, b'=', 0xfe]), Vec::<i64>::new());
    }

    #[tokio::test]
    async fn only_who_knows_the_secret_wakes_anybody() {
        let hints = Hints::default();
        let webhook = Webhook::new(&"a-secret-of-an-address".into(), hints.clone());
        let call = async |method: Method, given: &str, body: Vec<u8>| {
            webhook.answer(&method, given, body.into()).await.map(|answer| answer.status().as_u16())
        };
        let body = || b"leads[status][0][id]=5".to_vec();
        for (method, given, status) in [
            (Method::POST, "another-secret-of-one", None),
            (Method::POST, "", None),
            (Method::POST, "a-secret-of-an-addres", None),
            (Method::GET, "a-secret-of-an-address", Some(405)),
        ] {
            assert_eq!(call(method, given, body()).await, status, "{given}");
            assert!(hints.take().is_empty());
        }
        assert_eq!(call(Method::POST, "a-secret-of-an-address/", body()).await, Some(200));
        assert_eq!(hints.take().into_iter().collect::<Vec<_>>(), [5]);
        // What cannot be read is answered all the same.
        for body in [vec![b'x'; LARGEST_BODY + 1], b"?".to_vec(), Vec::new()] {
            assert_eq!(call(Method::POST, "a-secret-of-an-address", body).await, Some(200));
            assert!(hints.take().is_empty());
        }
    }
}
