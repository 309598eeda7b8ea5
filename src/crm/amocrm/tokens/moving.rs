//! Tokens that move with a store, or go into its backup.

use std::{cmp::Reverse, io, time::Duration};

use super::{candidates::Candidate, error::Source, jwt::Claims, storage::TokenStorage};

/// How long another process may hold the lock on the tokens of the target.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// How long a lock in a database is held, should this process die.
const LOCK_HELD: Duration = Duration::from_secs(10);

/// Puts the newest pair of some storages, by its access token's own times, into another one, unless that one has a newer
/// pair; `false` when there is none. Errors are those of the storage.
pub async fn move_tokens(from: &[TokenStorage], to: &TokenStorage) -> io::Result<bool> {
    let lock = to.lock(LOCK_WAIT, LOCK_HELD).await?;
    let moved = take_newest(from, to).await;
    // The caller may be about to close the store.
    lock.release().await;
    moved
}

async fn take_newest(from: &[TokenStorage], to: &TokenStorage) -> io::Result<bool> {
    let age = |candidate: &Candidate| candidate.claims().and_then(Claims::age_mark);
    let present = Candidate::new(Source::Stored, &to.read().await?.pair);
    let mut newest = None;
    for storage in from {
        let stored = storage.read().await?;
        if let Some(candidate) = Candidate::new(Source::Stored, &stored.pair) {
            newest = newest.into_iter().chain([(age(&candidate), stored)]).min_by_key(|(age, _)| Reverse(*age));
        }
    }
    let Some((newest_age, stored)) = newest else { return Ok(false) };
    if present.is_none_or(|present| newest_age > age(&present)) {
        to.write(&stored.pair, stored.previous.as_ref()).await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::crm::amocrm::{TokenPair, tokens::jwt::tests::token};

    fn jwt(issued_at: i64) -> String {
        token(&serde_json::json!({"iat": issued_at, "exp": issued_at + 86_400}))
    }

    async fn storage(folder: &Path, name: &str, issued_at: Option<i64>) -> TokenStorage {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        let storage = TokenStorage::Files(folder);
        if let Some(at) = issued_at {
            let pair = TokenPair { access: Some(jwt(at).into()), refresh: Some(format!("refresh-of-{name}").into()) };
            storage.write(&pair, None).await.expect("written");
        }
        storage
    }

    #[tokio::test]
    async fn the_newest_pair_moves_and_never_an_older_one_over_it() {
        for (sources, target, expected) in [
            ([None, None], None, None),
            ([None, None], Some(1), Some("target")),
            ([Some(1), None], None, Some("first")),
            ([Some(1), Some(2)], None, Some("second")),
            ([Some(2), Some(1)], Some(1), Some("first")),
            ([Some(1), Some(2)], Some(3), Some("target")),
            ([Some(3), None], Some(3), Some("target")),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let from =
                [storage(folder.path(), "first", sources[0]).await, storage(folder.path(), "second", sources[1]).await];
            let to = storage(folder.path(), "target", target).await;
            let moved = move_tokens(&from, &to).await.expect("moved");
            assert_eq!(moved, sources.iter().any(Option::is_some));
            let refresh = to.read().await.expect("readable").pair.refresh;
            let refresh = refresh.as_ref().map(|token| token.expose_secret().to_owned());
            assert_eq!(refresh, expected.map(|name| format!("refresh-of-{name}")), "{sources:?} {target:?}");
        }
    }
}
