//! Who and what is forgotten, by ids that tell nothing of them.

use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use crate::clock::Millis;

use super::StoreError;

/// Remembers that what has this id is forgotten.
pub(super) async fn remember(connection: &mut AnyConnection, id: &str, at: Millis) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO forgotten (id, forgotten_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

/// The same for what may be forgotten again: the last time counts.
pub(super) async fn remember_latest(connection: &mut AnyConnection, id: &str, at: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO forgotten (id, forgotten_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
         SET forgotten_at = excluded.forgotten_at WHERE excluded.forgotten_at > forgotten.forgotten_at",
    )
    .bind(id)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}

/// SHA-256 in hex.
pub(super) fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// By which a person is known among the forgotten: a hash of the account.
pub(super) fn person_id(user_id: i64) -> String {
    format!("person:{}", hash(&format!("person:telegram:{user_id}")))
}

/// Whether an id, or the fingerprint of an entry of a file, is of somebody who was forgotten.
pub(super) async fn is_forgotten(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM forgotten WHERE id = $1").bind(id).fetch_optional(connection).await?.is_some())
}
