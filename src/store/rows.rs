//! Reading rows in which anything may stand: a disk, a person with `sqlite3` or another version of ours may have written
//! it, and SQLite's columns take every type.
//!
//! The driver refuses a whole answer when one text in it is no UTF-8. So texts are asked for as bytes where that can be
//! (PostgreSQL keeps no such text), and are looked at row by row. What a row says of itself never goes into an error: it
//! may be a name or a phone.

use sqlx::{
    AnyConnection, AssertSqlSafe, Row, ValueRef,
    any::{AnyRow, AnyTypeInfoKind},
};

use strum::IntoEnumIterator;

use crate::lead::{Channel, ChatRef};

use super::{Engine, StoreError};

/// `$from, $from+1, …`: `count` placeholders.
pub(super) fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// Which engine a connection leads to.
pub(super) fn engine_of(connection: &AnyConnection) -> Engine {
    if connection.backend_name() == "PostgreSQL" { Engine::Postgres } else { Engine::Sqlite }
}

/// The rows of a JSON array of objects that is bound as `$1`, as a table `new` with these columns: however many rows there
/// are, it is one statement that the engine has prepared. Texts in it are documents or names of ours: SQLite would end one
/// with its first NUL.
pub(super) fn listed(engine: Engine, columns: &[(&str, &str)]) -> String {
    match engine {
        Engine::Sqlite => {
            let columns = columns.iter().map(|(name, _)| format!("value ->> '$.{name}' AS {name}"));
            format!("(SELECT {} FROM json_each($1)) AS new", columns.collect::<Vec<_>>().join(", "))
        }
        Engine::Postgres => {
            let columns = columns.iter().map(|(name, kind)| format!("{name} {kind}"));
            format!("json_to_recordset(CAST($1 AS JSON)) AS new ({})", columns.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A column of text, asked for so that the answer can be read whatever is in it.
pub(super) fn bytes(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => format!("CAST({column} AS BLOB)"),
        Engine::Postgres => column.to_owned(),
    }
}

/// A condition: a column of text holds what is bound at a place, byte for byte, also where it is damaged.
pub(super) fn contains(engine: Engine, column: &str, place: &str) -> String {
    match engine {
        Engine::Sqlite => format!("instr(CAST({column} AS BLOB), CAST({place} AS BLOB)) > 0"),
        Engine::Postgres => format!("strpos({column}, {place}) > 0"),
    }
}

/// A column of numbers, asked for so that the answer can be read whatever is in it.
pub(super) fn numbers(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => format!("CASE WHEN typeof({column}) = 'text' THEN CAST({column} AS BLOB) ELSE {column} END"),
        Engine::Postgres => column.to_owned(),
    }
}

/// A column of numbers for MIN and MAX, where what is none counts as nothing: SQLite takes it for more than any number.
pub(super) fn only_numbers(column: &str) -> String {
    format!("CASE WHEN {column} <= {} THEN {column} END", i64::MAX)
}

/// What stands there as bytes; `None` for NULL and for what is no text.
pub(super) fn raw(row: &AnyRow, at: usize) -> Option<Vec<u8>> {
    let value = row.try_get_raw(at).ok()?;
    let kind = value.type_info().kind();
    match kind {
        _ if value.is_null() => None,
        AnyTypeInfoKind::Blob => row.try_get(at).ok(),
        AnyTypeInfoKind::Text => row.try_get::<String, _>(at).ok().map(String::into_bytes),
        _ => None,
    }
}

/// A text; an error without the content when it is damaged or none.
pub(super) fn text(row: &AnyRow, at: usize, what: &str) -> Result<String, StoreError> {
    raw(row, at)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| StoreError::Unreadable(format!("{what} is no text")))
}

/// A text with marks in place of what is damaged; `None` for NULL and for what is no text.
pub(super) fn lossy(row: &AnyRow, at: usize) -> Option<String> {
    raw(row, at).map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// A whole number; `None` for NULL and for anything else.
pub(super) fn number(row: &AnyRow, at: usize) -> Option<i64> {
    row.try_get::<Option<i64>, _>(at).ok().flatten()
}

/// The two columns of a chat, its number and its messenger, asked for so that [`chat`] can read whatever is in them.
pub(super) fn chats(engine: Engine, number: &str, channel: &str) -> String {
    format!("{}, {}", numbers(engine, number), bytes(engine, channel))
}

/// The chat that stands in two columns; `None` for NULL, for a messenger that this version does not know and for damage.
pub(super) fn chat(row: &AnyRow, at: usize) -> Option<ChatRef> {
    Some(ChatRef { id: number(row, at)?, channel: std::str::from_utf8(&raw(row, at + 1)?).ok()?.parse().ok()? })
}

/// The messenger to be written where there may be no chat.
pub(super) fn channel_of(chat: Option<ChatRef>) -> &'static str {
    chat.map_or(Channel::Telegram, |chat| chat.channel).as_str()
}

/// A condition: this version knows the messenger that a column names.
pub(super) fn is_known_channel(column: &str) -> String {
    let known: Vec<_> = Channel::iter().map(|channel| format!("'{}'", channel.as_str())).collect();
    format!("{column} IN ({})", known.join(", "))
}

/// Whether nothing stands there.
pub(super) fn is_null(row: &AnyRow, at: usize) -> bool {
    row.try_get_raw(at).is_ok_and(|value| value.is_null())
}

/// A document of ours; an error tells where it cannot be read, and not what stands there.
pub(super) fn document<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => "holds what this version does not know",
            _ => "is no JSON",
        };
        StoreError::Unreadable(format!("{what} {kind} (line {}, column {})", error.line(), error.column()))
    })
}

/// Marks a row as one that cannot be read; a lease on it ends.
pub(super) async fn mark_unreadable(
    connection: &mut AnyConnection,
    engine: Engine,
    table: &'static str,
    id: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let lease = if table == "leads" { ", leased_by = NULL, leased_until = 0" } else { "" };
    set(connection, engine, table, id.unwrap_or_default(), &format!("unreadable = 1{lease}")).await.map(drop)
}

/// Changes the one row with this id, whatever type it has.
pub(super) async fn set(
    connection: &mut AnyConnection,
    engine: Engine,
    table: &str,
    id: Vec<u8>,
    change: &str,
) -> Result<u64, StoreError> {
    if let Ok(text) = std::str::from_utf8(&id) {
        let sql = format!("UPDATE {table} SET {change} WHERE id = $1");
        let done = sqlx::query(AssertSqlSafe(sql)).bind(text).execute(&mut *connection).await?;
        if done.rows_affected() > 0 || engine == Engine::Postgres {
            return Ok(done.rows_affected());
        }
    }
    let sql = format!("UPDATE {table} SET {change} WHERE {} = $1", bytes(engine, "id"));
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(id).execute(connection).await?.rows_affected())
}
