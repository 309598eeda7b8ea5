//! PostgreSQL as people run it: looks at the server before it is used, and sets up every session alike.
//!
//! What a role, a database or a server may set differently and what the store depends on is set for each session, also
//! for the one that holds the leader's lock. What the store cannot work with is told in words before anything is
//! created or written.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row, SqlSafeStr, SqlStr,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgRow},
};

use tracing::warn;

use crate::config::PostgresAddress;

use super::{
    StoreError, copying,
    faults::{self, LEAST_CONNECTIONS},
};

/// Connections at work where the server allows them.
const MOST_AT_WORK: u32 = 4;

/// The least version whose settings of a session are those below; the statements themselves need 9.5.
const LEAST_VERSION: u32 = 90_600;

/// Connecting takes at most this long, every question about the server as well.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What every session is set to, whatever the role, the database or the server says. Those that a server does not know
/// yet are left out.
const SESSION: &[(&str, &str)] = &[
    // Every operation checks what it depends on in the statement that writes.
    ("default_transaction_isolation", "'read committed'"),
    ("default_transaction_deferrable", "'off'"),
    ("lock_timeout", "'10s'"),
    ("idle_in_transaction_session_timeout", "'60s'"),
    ("idle_session_timeout", "'0'"),
    ("transaction_timeout", "'0'"),
    ("standard_conforming_strings", "'on'"),
    ("client_encoding", "'UTF8'"),
    ("client_min_messages", "'warning'"),
    // Compiling takes far longer than any statement here.
    ("jit", "'off'"),
    // What is told to a buyer is on the server's disk; whoever asks for more than that keeps it.
    (
        "synchronous_commit",
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END",
    ),
    (
        "application_name",
        "CASE current_setting('application_name') WHEN '' THEN 'amocrm-lead-bot' ELSE current_setting('application_name') END",
    ),
];

/// The first statement of a session: a role's own limit may be too short for the rest.
const FIRST: &str = "SET statement_timeout = '30s'";

/// How to work with one database, once it has been looked at.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// The address, with nothing in it that sqlx does not know.
    pub url: String,
    /// Connections at work.
    pub at_work: u32,
    setup: String,
    role: String,
    schema: String,
    may_create: bool,
}

impl Server {
    /// Connects and looks whether the store can live here; the connection is set up as all others will be.
    pub async fn look(url: &str) -> Result<(Self, PgConnection), StoreError> {
        let wrong = |wrong: crate::config::AddressProblem| StoreError::Setting(wrong.to_string());
        let address = PostgresAddress::parse(url).map_err(wrong)?;
        address.check_files().map_err(wrong)?;
        for parameter in &address.unknown {
            warn!(parameter, "DATABASE_URL: this parameter is not known and does nothing");
        }
        let url = address.url;
        let options =
            PgConnectOptions::from_str(url.as_str()).map_err(faults::of_connecting)?.disable_statement_logging();
        let mut connection = connect(&options).await?;
        let look = async {
            // Before anything is set: behind a pooler it would be set for somebody else.
            refuse_pooler(&options, &mut connection).await?;
            connection.execute(FIRST).await?;
            let facts = connection.fetch_one(sqlx::raw_sql(FACTS)).await?;
            let server = Self::from_facts(url.to_string(), &facts)?;
            for statement in server.session() {
                connection.execute(statement).await?;
            }
            Ok(server)
        };
        let server = within(CONNECT_TIMEOUT * 2, look).await?;
        Ok((server, connection))
    }

    fn from_facts(url: String, facts: &PgRow) -> Result<Self, StoreError> {
        let wrong = |words: String| Err(StoreError::Setting(words));
        let fact = |name: &str| facts.try_get::<Option<String>, _>(name).map(Option::unwrap_or_default);
        let product = fact("product")?;
        let (database, role) = (fact("database")?, fact("role")?);
        if ["CockroachDB", "Redshift"].iter().any(|other| product.contains(other)) {
            return wrong("this is no PostgreSQL: the locks by which processes take turns do not work there".into());
        }
        if fact("version")?.parse::<u32>().is_ok_and(|version| version < LEAST_VERSION) {
            return wrong(format!("{product} is too old: PostgreSQL 9.6 or newer is needed"));
        }
        let encoding = fact("encoding")?;
        if encoding != "UTF8" {
            return wrong(format!(
                "the database {database} keeps text as {encoding}, which has no place for every name and sign that buyers \
                 write. Create one in UTF-8 and use that: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            ));
        }
        let allowed = fact("connections")?.parse().unwrap_or(MOST_AT_WORK + LEAST_CONNECTIONS);
        if allowed < LEAST_CONNECTIONS {
            return wrong(format!(
                "{role} may open only {allowed} connections to {database} at a time, and at least {LEAST_CONNECTIONS} are \
                 needed. Let the server's administrator allow more: ALTER ROLE {role} CONNECTION LIMIT 10 (or ALTER \
                 DATABASE, or max_connections)"
            ));
        }
        if fact("standby")? == "true" {
            return Err(StoreError::for_now(
                "this server is a standby, of which one can only read, until it is promoted. Give the address of the \
                 server that writes",
            ));
        }
        if fact("read_only")? == "on" {
            return wrong(format!(
                "the database can only be read: default_transaction_read_only is on for {role}, for {database} or for the \
                 whole server. Set it off there, or ask the provider why it is on (a full disk, an unpaid bill)"
            ));
        }
        let schema = fact("schema")?;
        if schema.is_empty() {
            return wrong(format!(
                "there is no schema to keep tables in: search_path of {role} is {:?}, and no schema of that name is there \
                 and open to it. Set one: ALTER ROLE {role} SET search_path = public, or add \
                 ?options=-c%20search_path%3Dpublic to the address",
                fact("search_path")?
            ));
        }
        let setup = format!(
            "SELECT set_config(name, value, false) FROM (VALUES {}, ('search_path', '{}, pg_temp')) AS wanted (name, value) \
             JOIN pg_settings USING (name)",
            SESSION.iter().map(|(name, value)| format!("('{name}', {value})")).collect::<Vec<_>>().join(", "),
            schema.replace('\'', "''"),
        );
        let at_work = (allowed - (LEAST_CONNECTIONS - 1)).min(MOST_AT_WORK);
        Ok(Self { url, at_work, setup, role, schema, may_create: fact("may_create")? == "true" })
    }

    /// What every new session begins with.
    pub fn session(&self) -> [SqlStr; 2] {
        [FIRST.into_sql_str(), AssertSqlSafe(self.setup.as_str()).into_sql_str()]
    }

    /// Brings the tables up to date and looks whether they can be used. Where all is there, nothing is created, so that
    /// a role without that right will do.
    pub async fn migrate(&self, connection: &mut PgConnection, migrator: &Migrator) -> Result<(), StoreError> {
        if !is_up_to_date(connection, migrator).await? {
            if !self.may_create {
                return Err(StoreError::Setting(self.cannot_create("")));
            }
            // It may wait for another process that does the same, and a table may be large.
            connection.execute("SET statement_timeout = 0; SET lock_timeout = '60s'").await?;
            migrator.run(&mut *connection).await.map_err(|error| self.not_migrated(error))?;
        }
        let tables = copying::tables().chain(["tokens", "locks"]).map(|table| format!("'{table}'"));
        let missing = format!(
            "SELECT string_agg(relname, ', ') FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace \
             AND relkind IN ('r', 'p') AND relname IN ({}) AND NOT (has_table_privilege(oid, 'SELECT') \
             AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') \
             AND has_table_privilege(oid, 'DELETE'))",
            tables.collect::<Vec<_>>().join(", ")
        );
        let missing: Option<String> = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(missing))).await?.try_get(0)?;
        match missing {
            None => Ok(()),
            Some(tables) => Err(StoreError::Setting(format!(
                "{role} may not read and write the tables {tables}. Let their owner allow it: GRANT SELECT, INSERT, UPDATE, \
                 DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
                role = self.role,
                schema = self.schema,
            ))),
        }
    }

    fn not_migrated(&self, error: MigrateError) -> StoreError {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
                match code.as_str() {
                    "42501" => StoreError::Setting(self.cannot_create(&format!(" ({error})"))),
                    _ => StoreError::Unavailable(error),
                }
            }
            other => StoreError::Unreadable(other.to_string()),
        }
    }

    fn cannot_create(&self, cause: &str) -> String {
        format!(
            "{role} may not create tables in the schema {schema}{cause}, which the first start and each new version need \
             once. Let the schema's owner allow it: GRANT CREATE ON SCHEMA {schema} TO {role}",
            role = self.role,
            schema = self.schema,
        )
    }
}

/// One row about the server and this role. Without parameters, so that it needs no prepared statement.
const FACTS: &str = "SELECT version() AS product, current_setting('server_version_num') AS version, \
     quote_ident(current_database()) AS database, quote_ident(session_user::text) AS role, \
     pg_encoding_to_char(d.encoding)::text AS encoding, pg_is_in_recovery()::text AS standby, \
     current_setting('default_transaction_read_only') AS read_only, current_setting('search_path') AS search_path, \
     quote_ident(COALESCE((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = to_regclass('_sqlx_migrations')), current_schema())::text) AS schema, \
     has_schema_privilege(current_schema(), 'CREATE')::text AS may_create, \
     LEAST(CASE WHEN r.rolsuper OR r.rolconnlimit < 0 THEN NULL ELSE r.rolconnlimit END, \
         CASE WHEN r.rolsuper OR d.datconnlimit < 0 THEN NULL ELSE d.datconnlimit END, \
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int)::text \
         AS connections \
     FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = session_user";

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(connected) => connected.map_err(faults::of_connecting),
        Err(_) => Err(StoreError::for_now("the database does not answer")),
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(StoreError::for_now("the database does not answer")))
}

/// Behind a pooler that lends a server's connection for one transaction only there are no sessions: the leader's lock
/// would belong to nobody. Two connections at once are never served by the same one otherwise.
async fn refuse_pooler(options: &PgConnectOptions, first: &mut PgConnection) -> Result<(), StoreError> {
    let mut second = match connect(options).await {
        Ok(second) => second,
        // No pooler says so; and at this moment there may be no room for a look.
        Err(StoreError::Unavailable(error)) if matches!(&error, sqlx::Error::Database(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut seen = [0, 0];
    for _ in 0..2 {
        for (at, connection) in [&mut *first, &mut second].into_iter().enumerate() {
            let process: i32 = connection.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()")).await?.try_get(0)?;
            if seen[1 - at] == process || (seen[at] != 0 && seen[at] != process) {
                return Err(StoreError::Setting(
                    "there is a pooler in front of the database (such as pgbouncer) that lends a connection for one \
                     transaction only, and the bot needs sessions. Set pool_mode = session for it, or give the database's \
                     own address (at most providers another port)"
                        .into(),
                ));
            }
            seen[at] = process;
        }
    }
    let _ = second.close().await;
    Ok(())
}

/// Whether every migration of this version has been applied, and no other.
async fn is_up_to_date(connection: &mut PgConnection, migrator: &Migrator) -> Result<bool, StoreError> {
    let there = "SELECT (to_regclass('_sqlx_migrations') IS NOT NULL)::text";
    let there: String = connection.fetch_one(sqlx::raw_sql(there)).await?.try_get(0)?;
    if there != "true" {
        return Ok(false);
    }
    let rows = connection
        .fetch_all(sqlx::raw_sql(
            "SELECT version, success::text, encode(checksum, 'hex') FROM _sqlx_migrations ORDER BY version",
        ))
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push((row.try_get::<i64, _>(0)?, row.try_get::<String, _>(1)?, row.try_get::<String, _>(2)?));
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let wanted: Vec<_> = migrator.iter().map(|one| (one.version, "true".to_owned(), hex(&one.checksum))).collect();
    Ok(applied == wanted)
}
