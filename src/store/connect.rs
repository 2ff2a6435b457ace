//! Connections and pools.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tracing::log::LevelFilter;

use super::error::StoreError;
use super::nagle::set_nodelay;

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
                Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)) if tries > 0 => {}
                outcome => return outcome,
            }
        }
    }

    async fn try_connect(&self) -> Result<PgConnection, StoreError> {
        match tokio::time::timeout(self.connect_timeout, PgConnection::connect_with(&self.options)).await {
            Ok(connected) => {
                let mut conn = connected?;
                self.send_at_once();
                if self.is_unhurried {
                    watch_client(&mut conn).await;
                }
                Ok(conn)
            }
            Err(_) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
        }
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

/// Makes a long statement, and its locks, end soon after its client has gone, so that nobody has to wait for an index
/// that is no longer wanted. Servers that can't check for that (before 14, or not on Linux) refuse the setting.
async fn watch_client(conn: &mut PgConnection) {
    let set = sqlx::query("set client_connection_check_interval = '500ms'").execute(conn).await;
    if let Err(error) = set {
        tracing::debug!(%error, "the server cannot detect lost clients");
    }
}
