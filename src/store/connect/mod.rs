//! Connections and pools.

mod nodelay;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tracing::log::LevelFilter;

use super::error::StoreError;
use nodelay::set_nodelay;

/// Name of our connections in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "foldback";
/// Work that takes hours must not fail because this machine stalled for a moment.
const UNHURRIED_TRIES: u32 = 3;
const SLOW_STATEMENT: Duration = Duration::from_secs(1);

/// How to reach Postgres.
#[derive(Debug, Clone)]
pub struct Access {
    options: PgConnectOptions,
    connect_timeout: Duration,
    is_unhurried: bool,
}

impl Access {
    /// `url`: `postgres://user:password@host:port/database`. The error never contains the URL.
    pub fn new(url: &str, connect_timeout: Duration, statement_timeout: Duration) -> Result<Access, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name(APPLICATION_NAME)
            .options([("statement_timeout", statement_timeout.as_millis().to_string())])
            // Durations and times must not depend on the server's settings.
            .options([("timezone", "UTC"), ("intervalstyle", "iso_8601")])
            .log_statements(LevelFilter::Off)
            .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT);
        Ok(Access { options, connect_timeout, is_unhurried: false })
    }

    /// The same without a statement timeout, for a load's COPY and index builds.
    pub fn unhurried(&self) -> Access {
        let options = self.options.clone().options([("statement_timeout", "0")]);
        Access { options, connect_timeout: self.connect_timeout, is_unhurried: true }
    }

    /// A single connection, for a writer or a lock.
    pub async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut tries = if self.is_unhurried { UNHURRIED_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.try_connect().await {
                Err(StoreError::NoAnswer { .. }) if tries > 0 => {}
                outcome => return outcome,
            }
        }
    }

    async fn try_connect(&self) -> Result<PgConnection, StoreError> {
        let connecting = async { Ok(PgConnection::connect_with(&self.options).await?) };
        let mut conn = within(self.connect_timeout, connecting).await?;
        self.send_at_once();
        if self.is_unhurried {
            watch_client(&mut conn).await;
        }
        Ok(conn)
    }

    /// A pool for readers; connects on first use.
    pub fn pool(&self, connections_max: u32) -> PgPool {
        let access = self.clone();
        PgPoolOptions::new()
            .after_connect(move |_, _| {
                access.send_at_once();
                Box::pin(async { Ok(()) })
            })
            .max_connections(connections_max)
            .acquire_timeout(self.connect_timeout)
            .connect_lazy_with(self.options.clone())
    }

    fn send_at_once(&self) {
        if self.options.get_socket().is_none() {
            set_nodelay(self.options.get_port());
        }
    }
}

/// The outcome of a query, or `NoAnswer` if it has none within the limit. Nothing more can be asked on that connection:
/// the answer may still come.
pub async fn within<T>(limit: Duration, query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, query).await.unwrap_or(Err(StoreError::NoAnswer { after: limit }))
}

/// A long statement ends soon after its client is gone, and with it its locks: whoever comes next need not wait for an
/// index that nobody wants any more. A server that can't look after its client (before 14, or not on Linux) says no.
async fn watch_client(conn: &mut PgConnection) {
    let set = sqlx::query("set client_connection_check_interval = '500ms'").execute(conn).await;
    if let Err(error) = set {
        tracing::debug!(%error, "the server cannot detect lost clients");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that takes connections and says nothing, as one does whose machine hangs.
    #[tokio::test]
    async fn a_server_that_does_not_answer_is_named_as_such() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://foldback@{}/foldback", silent.local_addr().unwrap());
        let access = Access::new(&url, Duration::from_millis(200), Duration::from_secs(1)).unwrap();
        let error = access.connect().await.unwrap_err();
        assert_eq!(error.to_string(), "Postgres did not answer within 200 ms");
        assert!(error.is_transient());
    }
}
