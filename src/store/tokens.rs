//! The pair of tokens where they live in the database.

use sqlx::AssertSqlSafe;

use super::{StoreError, Tokens, rows};

/// The row of tokens, as it stands.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenRow {
    /// Access token.
    pub access: Option<String>,
    /// Refresh token.
    pub refresh: Option<String>,
    /// The access token before.
    pub previous_access: Option<String>,
    /// The refresh token before.
    pub previous_refresh: Option<String>,
    /// SHA-256 of the access token that took its place, in hex.
    pub previous_replaced_by: Option<String>,
}

impl std::fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenRow(..)")
    }
}

impl Tokens {
    /// The tokens.
    pub async fn get(&self) -> Result<TokenRow, StoreError> {
        let columns = ["access_token", "refresh_token", "previous_access", "previous_refresh", "previous_replaced_by"]
            .map(|column| rows::bytes(self.engine, column))
            .join(", ");
        let sql = format!("SELECT {columns} FROM tokens ORDER BY id");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(TokenRow::default()) };
        // One that is damaged is none: the others, and those of the settings, are tried all the same.
        let [access, refresh, previous_access, previous_refresh, previous_replaced_by] =
            [0, 1, 2, 3, 4].map(|at| rows::text(&row, at, "a token").ok());
        Ok(TokenRow { access, refresh, previous_access, previous_refresh, previous_replaced_by })
    }

    /// Replaces the tokens.
    pub async fn set(&self, tokens: &TokenRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO tokens (id, access_token, refresh_token, previous_access, previous_refresh, \
             previous_replaced_by, written_at) VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET \
             access_token = excluded.access_token, refresh_token = excluded.refresh_token, \
             previous_access = excluded.previous_access, previous_refresh = excluded.previous_refresh, \
             previous_replaced_by = excluded.previous_replaced_by, written_at = excluded.written_at",
        )
        .bind(&tokens.access)
        .bind(&tokens.refresh)
        .bind(&tokens.previous_access)
        .bind(&tokens.previous_refresh)
        .bind(&tokens.previous_replaced_by)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets the pair before, if it waited for this access token (SHA-256, in hex).
    pub async fn forget_previous(&self, replaced_by: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE tokens SET previous_access = NULL, previous_refresh = NULL, previous_replaced_by = NULL \
             WHERE previous_replaced_by = $1",
        )
        .bind(replaced_by)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
