//! Rows cell by cell, as they are in the store, damaged or not.

use sqlx::any::AnyRow;

use crate::store::{Engine, rows};

use super::tables::Columns;

/// What a column of a row holds, as it is in the store.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// SQLite's `typeof`, or that of a PostgreSQL column.
    pub kind: Kind,
    /// Its text, byte for byte; a number in digits.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

pub(super) type CellRow = Vec<Cell>;

impl Cell {
    /// What a whole column of this kind says; `None` when it is damaged.
    pub fn whole(&self, column: char) -> Option<Option<String>> {
        match (self.kind, column) {
            (Kind::Null, _) => Some(None),
            (Kind::Text, 't') => {
                let text = std::str::from_utf8(&self.bytes).ok()?;
                // PostgreSQL keeps no NUL, and nothing of ours writes one.
                (!text.contains('\0')).then(|| Some(text.to_owned()))
            }
            (Kind::Integer, 'i') => Some(Some(String::from_utf8_lossy(&self.bytes).into_owned())),
            _ => None,
        }
    }

    pub fn lossy(&self) -> Option<String> {
        (self.kind != Kind::Null).then(|| String::from_utf8_lossy(&self.bytes).into_owned())
    }
}

/// The texts of a row in which nothing is damaged.
pub(super) fn whole(columns: &Columns, row: &CellRow) -> Option<Vec<Option<String>>> {
    row.iter().zip(columns).map(|(cell, (_, kind))| cell.whole(*kind)).collect()
}

/// By what people know a row: a lead's number, or the key.
pub(super) fn name(columns: &Columns, row: &CellRow) -> String {
    let number = columns.iter().position(|(name, _)| *name == "number").and_then(|at| row[at].lossy());
    let number = number.and_then(|number| crate::lead::LeadNumber::parse(&number)).map(|number| format!("#{number}"));
    let key = || super::super::plain(&row[0].lossy().unwrap_or_default()).chars().take(40).collect();
    number.unwrap_or_else(key)
}

/// The cells of a row that was read.
pub(super) fn cells(engine: Engine, columns: &Columns, row: &AnyRow) -> CellRow {
    let cell = |(at, (_, column)): (usize, &(&str, char))| match engine {
        Engine::Sqlite => {
            let kind = match rows::lossy(row, 2 * at).as_deref() {
                Some("integer") => Kind::Integer,
                Some("real") => Kind::Real,
                Some("text") => Kind::Text,
                Some("blob") => Kind::Blob,
                _ => Kind::Null,
            };
            Cell { kind, bytes: rows::raw(row, 2 * at + 1).unwrap_or_default() }
        }
        Engine::Postgres => match (rows::raw(row, at), column) {
            (None, _) => Cell { kind: Kind::Null, bytes: Vec::new() },
            (Some(bytes), 'i') => Cell { kind: Kind::Integer, bytes },
            (Some(bytes), _) => Cell { kind: Kind::Text, bytes },
        },
    };
    columns.iter().enumerate().map(cell).collect()
}

/// A damaged row as this engine can hold it; `None` where that would leave out what the row is about.
pub(super) fn as_it_can_be_held(engine: Engine, columns: &Columns, mut row: CellRow) -> Option<CellRow> {
    if engine == Engine::Sqlite {
        return Some(row);
    }
    for (cell, (name, kind)) in row.iter_mut().zip(columns) {
        if cell.whole(*kind).is_some() {
            continue;
        }
        // Damage in what is only remembered counts as not known.
        *cell = match *name {
            "last_error" | "degradation" | "leased_by" | "album" | "file_uuid" | "version_uuid" | "note_id" => {
                Cell { kind: Kind::Null, bytes: Vec::new() }
            }
            "contact_id" | "last_error_at" => Cell { kind: Kind::Null, bytes: Vec::new() },
            "due_at" | "attempts" | "leased_until" | "solo" | "buyer_told" | "admin_told" | "admin_copied"
            | "taken_at" | "unreadable" | "submitted_at" | "user_id" => {
                Cell { kind: Kind::Integer, bytes: b"0".to_vec() }
            }
            _ => return None,
        };
    }
    Some(row)
}

/// The names of columns, as they stand in a statement.
pub(super) fn names(columns: &Columns) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
