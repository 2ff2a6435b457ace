//! What can go wrong with Postgres, classified by what a caller can do about it.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::postgres::PgDatabaseError;

use crate::config::tls::Distrust;

/// What can go wrong with Postgres, by what the caller can do: wait, retry at once, find the bad record, or stop. The
/// one place where SQLSTATEs are told apart is `class_of`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The server can't be reached, went away or is full: wait and retry.
    #[error("Postgres is not available: {}", words(.0))]
    Unavailable(#[source] sqlx::Error),
    /// The server has a certificate that isn't trusted, or no TLS at all: wait until somebody mends it.
    #[error("Postgres is not trusted: {}; {}", words(.0), untrusted_remedy(.0))]
    Untrusted(#[source] sqlx::Error),
    /// The server did not answer in time; what was asked may yet have been done. Wait and try again, on another connection.
    #[error("Postgres did not answer within {}", text_of(*.after))]
    NoAnswer { after: Duration },
    /// The server has no room or memory left: wait and retry.
    #[error("Postgres has run out of a resource: {}", words(.0))]
    Exhausted(#[source] sqlx::Error),
    /// By the statement timeout, or by hand: wait and retry.
    #[error(
        "Postgres cancelled a statement ({}); if that was postgres.statement_timeout_ms, see in pg_stat_activity what it \
         waits for, or raise the limit",
        words(.0)
    )]
    Cancelled(#[source] sqlx::Error),
    /// A standby, or a server that was made read-only: wait and retry.
    #[error("Postgres takes no writes ({}): is it a standby? Point postgres.url at the primary", words(.0))]
    ReadOnly(#[source] sqlx::Error),
    /// Another transaction conflicted: retry at once.
    #[error("Postgres rolled the transaction back (conflict with another one): {}", words(.0))]
    Contention(#[source] sqlx::Error),
    /// The server rejects a value: some record of the batch may be at fault.
    #[error("Postgres refuses a value: {}", words(.0))]
    Data(#[source] sqlx::Error),
    /// The write is refused, and no record is at fault: wait until somebody mends it.
    #[error(
        "Postgres refuses a write that its own tables have room for: {}. A trigger, an index or a constraint that was \
         added, or a limit of the server, stands in the way: remove it",
        words(.0)
    )]
    Obstacle(#[source] sqlx::Error),
    /// A privilege is missing.
    #[error(
        "Postgres denies it: {}; `foldback doctor` names the GRANT that this user lacks. What creates, replaces or drops \
         schemas and views (migrate, rebuild, verify, promote, rollback) needs their owner",
        words(.0)
    )]
    Denied(#[source] sqlx::Error),
    /// A table or a schema is missing, and the generation's number may tell why.
    #[error(
        "Postgres lacks a table or schema: {}. Was a generation dropped while it was in use? If the database has no \
         foldback schema at all, run `foldback migrate`",
        words(.0)
    )]
    Missing(#[source] sqlx::Error),
    /// A row was not as the fold assumed: another instance has written it since.
    #[error("{table} was changed concurrently: {written} of {expected} rows were written")]
    Stale { table: &'static str, expected: u64, written: u64 },
    /// The generation that was being written is no longer live.
    #[error("generation {0} is no longer live")]
    NotLive(i32),
    /// The generation that was being built went live, failed its checks or was dropped.
    #[error("generation {0} is no longer being built")]
    NotBuilding(i32),
    /// A crash of Postgres has emptied the unlogged tables of a load.
    #[error("the intermediate data of generation {0} was lost in a Postgres crash; the build starts over")]
    LoadLost(i32),
    /// This binary would fold the same events into different views.
    #[error(
        "generation {generation} was folded by projection version {stored}; this binary has version {binary} and will \
         not write to it. Run `foldback rebuild` with this binary to build a generation of version {binary}, or use a \
         binary of version {stored}"
    )]
    Projection { generation: i32, stored: i32, binary: i32 },
    /// The topic is not the one that the views were folded from.
    #[error(
        "topic {topic} was deleted and recreated: the views were folded from the topic with id {stored}, but it now \
         has id {found}; nothing is read from it. Restore the topic as it was, or fold the new one with `foldback rebuild \
         --new-log {topic}`"
    )]
    TopicRecreated { topic: String, stored: String, found: String },
    /// Stored data that foldback can't have written.
    #[error("{table} holds data that foldback did not write ({detail}); find out who writes to it, then rebuild")]
    Corrupt { table: &'static str, detail: String },
    /// Without the driver's words, which quote parts of it.
    #[error("postgres.url is not a valid Postgres URL")]
    Url,
    #[error("the database has no foldback schema; run `foldback migrate`")]
    NotMigrated,
    #[error(
        "the database's schema has version {database} and supports binaries built for {oldest} to {database}, but this \
         one was built for {binary}; {remedy}"
    )]
    SchemaVersion { database: i32, oldest: i32, binary: i32, remedy: &'static str },
    #[error("migration {version} failed, and nothing was changed: {cause}")]
    MigrationFailed {
        version: i64,
        #[source]
        cause: sqlx::Error,
    },
    /// By its checksum.
    #[error(
        "migration {version} of this database is not the one that this binary holds; use the binary that migrated it, or a \
         released one"
    )]
    MigrationChanged { version: i64 },
    /// The configuration names other topics than those that were folded.
    #[error(
        "generation {generation} was folded from {folded}, but kafka.orders_topic is {orders} and kafka.runs_topic is \
         {runs}; set these keys to the topics that were folded, or fold another one with `foldback rebuild --new-log TOPIC`"
    )]
    OtherTopics { generation: i32, folded: String, orders: String, runs: String },
    #[error("Postgres refuses the connection ({}); {}", words(.0), refused_remedy(.0))]
    Refused(#[source] sqlx::Error),
    /// What answers is a pooler that shares its server processes among clients.
    #[error(
        "postgres.url leads to a connection pooler in transaction or statement mode. foldback needs sessions of its own \
         (for locks, temporary tables, prepared statements and notifications): connect to Postgres directly, or let the \
         pooler use session mode for this user and database"
    )]
    SharedSession,
    /// The same, noticed by a statement that another client's session has, or that ours has lost.
    #[error(
        "a prepared statement is not as this session left it ({}): does postgres.url lead to a connection pooler in \
         transaction mode? Connect to Postgres directly, or let the pooler use session mode",
        words(.0)
    )]
    LostSession(#[source] sqlx::Error),
    #[error(
        "database {database} has the encoding {encoding}, in which not every text can be stored: foldback needs UTF8. Make \
         another one with: create database NAME encoding 'UTF8' template template0"
    )]
    Encoding { database: String, encoding: String },
    #[error("Postgres failed: {}", words(.0))]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let variant: fn(sqlx::Error) -> StoreError = match &error {
            sqlx::Error::Database(database) => class_of(&database.code().unwrap_or_default()),
            sqlx::Error::Tls(_) => StoreError::Untrusted,
            sqlx::Error::Io(io) if Distrust::of(&io.to_string()).is_some() => StoreError::Untrusted,
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreError::Unavailable,
            _ => StoreError::Other,
        };
        variant(error)
    }
}

/// By SQLSTATE, see "PostgreSQL Error Codes".
fn class_of(code: &str) -> fn(sqlx::Error) -> StoreError {
    match (code.get(..2).unwrap_or_default(), code) {
        // no such schema, no such table
        (_, "3F000" | "42P01") => StoreError::Missing,
        // authorization; no such database
        ("28", _) | (_, "3D000") => StoreError::Refused,
        (_, "42501") => StoreError::Denied,
        (_, "25006") => StoreError::ReadOnly,
        // a prepared statement that isn't there, or is there already
        (_, "26000" | "42P05") => StoreError::LostSession,
        (_, "57014") => StoreError::Cancelled,
        // disk, memory, a configured limit
        (_, "53100" | "53200" | "53400") => StoreError::Exhausted,
        // the server is full, shutting down, starting up, out of connections; it ended an idle session or transaction
        ("08" | "53" | "57" | "58", _) | (_, "25P03" | "25P04") => StoreError::Unavailable,
        // serialization failure, deadlock; a lock timeout
        (_, "40001" | "40P01" | "55P03") => StoreError::Contention,
        // values out of range or not representable
        ("22", _) => StoreError::Data,
        // triggers, constraints and functions; limits of the server
        ("09" | "23" | "27" | "38" | "39" | "44" | "54" | "P0", _) => StoreError::Obstacle,
        _ => StoreError::Other,
    }
}

fn untrusted_remedy(error: &sqlx::Error) -> &'static str {
    match Distrust::of(&error.to_string()) {
        Some(Distrust::Authority) => {
            "sslrootcert in postgres.url must name a PEM file with the authority that has signed the server's certificate"
        }
        Some(Distrust::Host) => {
            "the host in postgres.url must be one that the server's certificate is for (sslmode=verify-ca asks for the \
             authority alone)"
        }
        Some(Distrust::Expired) => "the server needs a new certificate, or this machine the right time",
        None => "turn ssl on in the server, or check sslmode, sslrootcert, sslcert and sslkey in postgres.url",
    }
}

fn refused_remedy(error: &sqlx::Error) -> &'static str {
    if error.to_string().contains("no encryption") {
        return "the server lets this user in over TLS alone: set sslmode=verify-full in postgres.url";
    }
    "check user, password and database of postgres.url"
}

/// What Postgres says, and of which object. Not its detail, which quotes rows.
fn words(error: &sqlx::Error) -> String {
    let database = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(error) = database else { return error.to_string() };
    let mut about = vec![format!("SQLSTATE {}", error.code())];
    if let (Some(schema), Some(table)) = (error.schema(), error.table()) {
        about.push(format!("table {schema}.{table}"));
    }
    about.extend(error.constraint().map(|constraint| format!("constraint {constraint}")));
    // The innermost function; what follows a colon quotes data.
    let place = error.r#where().and_then(|place| place.lines().next()).and_then(|line| line.split(": ").next());
    about.extend(place.map(|place| format!("in {place}")));
    format!("{} ({})", error.message(), about.join(", "))
}

/// Whole seconds as such, anything else in milliseconds.
fn text_of(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 if duration.as_secs() > 0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}

impl StoreError {
    /// Whether waiting and doing the same again can help, without anybody doing something to foldback or its objects.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            StoreError::Unavailable(_)
                | StoreError::Untrusted(_)
                | StoreError::NoAnswer { .. }
                | StoreError::Exhausted(_)
                | StoreError::Cancelled(_)
                | StoreError::ReadOnly(_)
                | StoreError::Contention(_)
        )
    }

    /// A refused value that fits into our columns: something that was added to the table refuses it.
    pub fn not_the_records(self) -> StoreError {
        match self {
            StoreError::Data(error) => StoreError::Obstacle(error),
            error => error,
        }
    }

    /// The constraint that a write would have broken.
    pub(super) fn constraint(&self) -> Option<&str> {
        match self {
            StoreError::Obstacle(error) => error.as_database_error()?.constraint(),
            _ => None,
        }
    }

    /// What the server said, of an error that may have to do with the connection.
    pub(super) fn sqlstate(&self) -> Option<Cow<'_, str>> {
        match self {
            StoreError::Unavailable(error) | StoreError::Other(error) => error.as_database_error()?.code(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_answer_says_how_long_it_was_waited_for() {
        let text = |millis| StoreError::NoAnswer { after: Duration::from_millis(millis) }.to_string();
        assert_eq!(text(2_000), "Postgres did not answer within 2 s");
        assert_eq!(text(1_500), "Postgres did not answer within 1500 ms");
        assert_eq!(text(0), "Postgres did not answer within 0 ms");
    }

    #[test]
    fn only_a_value_may_be_a_records_fault() {
        let of = |code: &str| class_of(code)(sqlx::Error::RowNotFound);
        for code in ["22P02", "22003", "22021"] {
            assert!(matches!(of(code), StoreError::Data(_)), "{code}");
        }
        for code in ["54000", "23514", "23505", "P0001", "38001"] {
            assert!(matches!(of(code), StoreError::Obstacle(_)), "{code}");
            assert!(!of(code).is_transient(), "{code}");
        }
        for code in ["08006", "25006", "25P03", "25P04", "40001", "53100", "53300", "57014", "57P01", "58030"] {
            assert!(of(code).is_transient(), "{code}");
        }
        for code in ["28P01", "3D000", "42501", "42P01", "26000"] {
            assert!(!of(code).is_transient(), "{code}");
        }
    }
}
