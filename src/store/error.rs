//! What can go wrong with Postgres, classified by what a caller can do about it.

use std::time::Duration;

use sqlx::error::DatabaseError;

/// What can go wrong with Postgres, by what the caller can do: wait, retry at once, find the bad record, or stop.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The server can't be reached, went away or is full: wait and retry.
    #[error("Postgres is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The server did not answer in time; what was asked may yet have been done. Wait and try again, on another connection.
    #[error("Postgres did not answer within {}", text_of(*.after))]
    NoAnswer { after: Duration },
    /// Another transaction conflicted: retry at once.
    #[error("Postgres rolled the transaction back (conflict with another one): {0}")]
    Contention(#[source] sqlx::Error),
    /// The server rejects a value: some record of the batch is at fault.
    #[error("Postgres refuses a value: {0}")]
    Data(#[source] sqlx::Error),
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
    #[error("Postgres refuses the connection ({0}); check user, password and database of postgres.url")]
    Refused(#[source] sqlx::Error),
    #[error("Postgres failed: {0}")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match &error {
            sqlx::Error::Database(database) => match class_of(database.as_ref()) {
                Class::Unavailable => StoreError::Unavailable(error),
                Class::Contention => StoreError::Contention(error),
                Class::Data => StoreError::Data(error),
                Class::Missing => StoreError::NotMigrated,
                Class::Refused => StoreError::Refused(error),
                Class::Other => StoreError::Other(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error),
            _ => StoreError::Other(error),
        }
    }
}

enum Class {
    Unavailable,
    Contention,
    Data,
    Missing,
    Refused,
    Other,
}

/// By SQLSTATE, see "PostgreSQL Error Codes".
fn class_of(error: &dyn DatabaseError) -> Class {
    let code = error.code().unwrap_or_default().into_owned();
    match (code.get(..2).unwrap_or_default(), code.as_str()) {
        // no such schema, no such table
        (_, "3F000" | "42P01") => Class::Missing,
        // authorization; no such database
        ("28", _) | (_, "3D000") => Class::Refused,
        // the server is full, shutting down, starting up, out of connections; a statement timeout
        ("08" | "53" | "57" | "58", _) => Class::Unavailable,
        // serialization failure, deadlock; a lock timeout
        (_, "40001" | "40P01" | "55P03") => Class::Contention,
        // values out of range or not representable; beyond a limit of the server
        ("22" | "54", _) => Class::Data,
        _ => Class::Other,
    }
}

/// Whole seconds as such, anything else in milliseconds.
fn text_of(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 if duration.as_secs() > 0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}

impl StoreError {
    /// Whether waiting and doing the same again can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::NoAnswer { .. } | StoreError::Contention(_))
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
}
