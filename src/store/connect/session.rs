//! Settings of each session. What a DBA has set on the role or the database must neither end our statements nor change
//! what they mean, so whatever we rely on is set.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::keepalive;
use crate::store::error::StoreError;

/// A transaction in which nothing is asked for so long holds its locks in vain.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(60);

/// The same for every session, in every version that we support.
const FIXED: [(&str, &str); 11] = [
    ("lock_timeout", "0"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "'read committed'"),
    ("default_transaction_deferrable", "off"),
    ("standard_conforming_strings", "on"),
    // A policy that hides rows from us is an error rather than a view without them.
    ("row_security", "off"),
    ("timezone", "'UTC'"),
    ("datestyle", "'ISO, MDY'"),
    ("intervalstyle", "'iso_8601'"),
    ("bytea_output", "'hex'"),
    ("extra_float_digits", "2"),
];
/// Version 17 ends a whole transaction after this.
const TRANSACTION_TIMEOUT_SINCE: u32 = 170_000;
const IDLE_SESSION_TIMEOUT_SINCE: u32 = 140_000;

/// Limits of a session; zero is none.
#[derive(Debug, Clone)]
pub struct Limits {
    pub statement: Duration,
    pub idle_in_transaction: Duration,
    pub idle: Duration,
}

impl Limits {
    pub fn ordinary(statement: Duration) -> Limits {
        Limits { statement, idle_in_transaction: IDLE_IN_TRANSACTION_MAX, idle: Duration::ZERO }
    }

    /// For work whose statements take hours. A transaction that asks for nothing is that of a process which is stopped,
    /// and would hold up the next one.
    pub fn unhurried() -> Limits {
        Limits::ordinary(Duration::ZERO)
    }

    /// For transactions that stay open for this long, whether anything comes meanwhile or not.
    pub fn open_for(self, duration: Duration) -> Limits {
        Limits { idle_in_transaction: self.idle_in_transaction.saturating_add(duration), ..self }
    }

    /// Makes a session ours. One message, whose first statements are those that would end the others.
    pub async fn apply(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let sql = self.sql(conn.server_version_num().unwrap_or_default());
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await?;
        Ok(())
    }

    fn sql(&self, version: u32) -> String {
        let millis = |limit: Duration| limit.as_millis().to_string();
        let seconds = |limit: Duration| limit.as_secs().to_string();
        let mut settings = Vec::new();
        if version >= TRANSACTION_TIMEOUT_SINCE {
            settings.push(("transaction_timeout", "0".to_owned()));
        }
        settings.push(("statement_timeout", millis(self.statement)));
        settings.push(("idle_in_transaction_session_timeout", millis(self.idle_in_transaction)));
        if version >= IDLE_SESSION_TIMEOUT_SINCE {
            settings.push(("idle_session_timeout", millis(self.idle)));
        }
        // The server gives up a vanished client, and with it the client's locks, as soon as we give up a vanished
        // server.
        settings.extend([
            ("tcp_keepalives_idle", seconds(keepalive::IDLE)),
            ("tcp_keepalives_interval", seconds(keepalive::INTERVAL)),
            ("tcp_keepalives_count", keepalive::PROBES.to_string()),
            ("tcp_user_timeout", millis(keepalive::UNACKNOWLEDGED_MAX)),
        ]);
        settings.extend(FIXED.map(|(name, value)| (name, value.to_owned())));
        settings.into_iter().map(|(name, value)| format!("set {name} = {value};")).collect()
    }
}

/// A long statement ends soon after its client is gone, and with it its locks: whoever comes next need not wait for an
/// index or an answer that nobody wants any more. A server that can't look after its client (before 14, or not on Linux) says no.
pub async fn watch_client(conn: &mut PgConnection) {
    let set = sqlx::query("set client_connection_check_interval = '500ms'").execute(conn).await;
    if let Err(error) = set {
        tracing::debug!(%error, "the server cannot detect lost clients");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_a_server_does_not_know_is_not_set() {
        let limits = Limits::ordinary(Duration::from_secs(30));
        assert!(limits.sql(170_001).contains("set transaction_timeout = 0;"));
        assert!(!limits.sql(150_018).contains("transaction_timeout = 0"));
        assert!(limits.sql(0).starts_with("set statement_timeout = 30000;"));
        assert!(!limits.sql(0).contains("idle_session_timeout"));
    }

    #[test]
    fn no_transaction_is_idle_without_a_limit() {
        let idle = |limits: Limits| limits.sql(0).contains("set idle_in_transaction_session_timeout = 60000;");
        assert!(idle(Limits::ordinary(Duration::from_secs(30))) && idle(Limits::unhurried()));
        let longer = Limits::unhurried().open_for(Duration::from_secs(30)).sql(0);
        assert!(longer.contains("set idle_in_transaction_session_timeout = 90000;"), "{longer}");
    }
}
