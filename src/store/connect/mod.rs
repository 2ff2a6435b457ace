//! Connections and pools.
//!
//! - `session`: what each session is set to
//! - `socket_options`: the same for its socket
//! - `probe`: whether sessions are our own, and the database holds every text
//! - `answer`: ends to waiting for an answer
//! - `keepalive`: when a peer counts as gone

mod answer;
mod keepalive;
mod probe;
mod session;
mod socket_options;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::sleep;
use tracing::log::LevelFilter;

use super::error::StoreError;
pub use answer::{answered, within};
use session::Limits;
use socket_options::set_options;

/// Name of our connections in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "foldback";
/// Work that takes hours must not fail because this machine stalled for a moment.
const UNHURRIED_TRIES: u32 = 3;
const SLOW_STATEMENT: Duration = Duration::from_secs(1);
/// A server ends a statement after its timeout and says so. One that has said nothing this much later never will.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);
/// How often to ask, beside work that may take hours, whether the server answers anybody.
const ASK_EVERY: Duration = Duration::from_secs(5);
const ASK_MAX: Duration = Duration::from_secs(5);
/// So many times without an answer, and it answers nobody.
const ASK_TRIES: u32 = 3;
const PROTOCOL_VIOLATION: &str = "08P01";
const TRANSACTION_TIMEOUT: &str = "25P04";

/// How to reach Postgres. Clones share what was found out about it.
#[derive(Clone)]
pub struct Access {
    options: PgConnectOptions,
    /// The same without startup options, which poolers refuse.
    plain: PgConnectOptions,
    limits: Limits,
    connect_timeout: Duration,
    /// The longest silence of a server that works; `None`: it may take hours over a statement.
    silence_max: Option<Duration>,
    /// Whether sessions are our own, and the database is in UTF8.
    is_fit: Arc<AtomicBool>,
}

impl Access {
    /// `url`: `postgres://user:password@host:port/database`. The error never contains the URL.
    pub fn new(url: &str, connect_timeout: Duration, statement_timeout: Duration) -> Result<Access, StoreError> {
        let plain = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url)?
            .application_name(APPLICATION_NAME)
            .extra_float_digits(None)
            .log_statements(LevelFilter::Off)
            .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT);
        Ok(Access {
            options: with_statement_timeout(&plain, statement_timeout),
            plain,
            limits: Limits::ordinary(statement_timeout),
            connect_timeout,
            silence_max: Some(statement_timeout + ANSWER_MARGIN),
            is_fit: Arc::default(),
        })
    }

    /// The same without a statement timeout, for a load's COPY and index builds.
    pub fn unhurried(&self) -> Access {
        let options = with_statement_timeout(&self.plain, Duration::ZERO);
        Access { options, limits: Limits::unhurried(), silence_max: None, ..self.clone() }
    }

    /// The same for transactions that stay open for this long, whether anything comes meanwhile or not.
    pub fn open_for(&self, duration: Duration) -> Access {
        Access { limits: self.limits.clone().open_for(duration), ..self.clone() }
    }

    /// The same for a session that speaks all the time, as that of a lock does: the server ends it, and frees the lock,
    /// once it has heard nothing for this long.
    pub fn speaking(&self, silence_max: Duration) -> Access {
        Access { limits: Limits { idle: silence_max, ..self.limits.clone() }, ..self.clone() }
    }

    /// The same for answers that nobody waits for any longer than this: neither does a statement go on.
    pub fn answering_within(&self, limit: Duration) -> Access {
        Access { limits: Limits { statement: self.limits.statement.min(limit), ..self.limits.clone() }, ..self.clone() }
    }

    /// How long one statement may take.
    pub fn statement_max(&self) -> Duration {
        self.limits.statement
    }

    /// The outcome of work over a connection of this access, or `NoAnswer` once the server has been silent for longer
    /// than any of its statements may take. That connection must be dropped.
    pub async fn answered<T, E: From<StoreError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        match self.silence_max {
            Some(silence_max) => answered(silence_max, work).await,
            None => work.await,
        }
    }

    /// The outcome of work that may take hours over a statement, or `NoAnswer` once the server answers nobody: it is asked
    /// meanwhile, over a connection of its own.
    pub async fn while_it_answers<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            biased;
            outcome = work => outcome,
            silence = self.silence() => Err(silence.into()),
        }
    }

    /// Returns when the server has been silent for a while. One that refuses is left to the work.
    async fn silence(&self) -> StoreError {
        let (mut conn, mut unanswered) = (None, 0);
        while unanswered < ASK_TRIES {
            sleep(ASK_EVERY).await;
            let asked = within(ASK_MAX, self.ask(&mut conn)).await;
            unanswered = if matches!(asked, Err(StoreError::NoAnswer { .. })) { unanswered + 1 } else { 0 };
        }
        StoreError::NoAnswer { after: (ASK_EVERY + ASK_MAX) * ASK_TRIES }
    }

    /// Keeps the connection for the next time if it answers.
    async fn ask(&self, kept: &mut Option<PgConnection>) -> Result<(), StoreError> {
        let mut conn = match kept.take() {
            Some(conn) => conn,
            None => PgConnection::connect_with(&self.plain).await?,
        };
        conn.ping().await?;
        *kept = Some(conn);
        Ok(())
    }

    /// A single connection, for a writer or a lock. The first one also finds out whether foldback can work with what
    /// answers: `SharedSession`, `Encoding`.
    pub async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut tries = if self.is_unhurried() { UNHURRIED_TRIES } else { 1 };
        loop {
            tries -= 1;
            // sqlx's future of it is large, and whoever connects would carry it about.
            match within(self.connect_timeout, Box::pin(self.try_connect())).await {
                Err(StoreError::NoAnswer { .. }) if tries > 0 => {}
                outcome => return outcome,
            }
        }
    }

    async fn try_connect(&self) -> Result<PgConnection, StoreError> {
        let mut conn = match self.open(&self.options).await {
            // A pooler that knows no such options, or one that can't reach its server: the second try tells.
            Err(error) if error.sqlstate().as_deref() == Some(PROTOCOL_VIOLATION) => self.open(&self.plain).await?,
            // The role's own limit, which no server before 17 knows.
            Err(error) if error.sqlstate().as_deref() == Some(TRANSACTION_TIMEOUT) => {
                self.open(&self.options.clone().options([("transaction_timeout", "0")])).await?
            }
            opened => opened?,
        };
        if self.is_unhurried() {
            session::watch_client(&mut conn).await;
        }
        Ok(conn)
    }

    async fn open(&self, options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
        let mut conn = PgConnection::connect_with(options).await?;
        self.take(&mut conn, options).await?;
        Ok(conn)
    }

    /// Makes a new connection ours. A session that isn't is left as it was, since others use it too.
    async fn take(&self, conn: &mut PgConnection, options: &PgConnectOptions) -> Result<(), StoreError> {
        if options.get_socket().is_none() {
            set_options(options.get_port());
        }
        if !self.is_fit.load(Ordering::Relaxed) {
            self.is_fit.store(probe::examine(conn, options).await?, Ordering::Relaxed);
        }
        self.limits.apply(conn).await
    }

    /// A pool for readers; connects on first use.
    pub fn pool(&self, connections_max: u32) -> PgPool {
        let (access, connect_timeout) = (self.clone(), self.connect_timeout);
        PgPoolOptions::new()
            .after_connect(move |conn, _| {
                let access = access.clone();
                Box::pin(async move {
                    access.take(conn, &access.plain).await.map_err(|error| sqlx::Error::Io(io::Error::other(error)))?;
                    session::watch_client(conn).await;
                    Ok(())
                })
            })
            // A connection that was abandoned with a question open is closed rather than waited for.
            .after_release(move |conn, _| {
                let ping = async { Ok(conn.ping().await?) };
                Box::pin(async move { Ok(within(connect_timeout, ping).await.is_ok()) })
            })
            .max_connections(connections_max)
            .acquire_timeout(self.connect_timeout)
            .connect_lazy_with(self.plain.clone())
    }

    fn is_unhurried(&self) -> bool {
        self.silence_max.is_none()
    }
}

/// The options hold the password.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// In force before the first statement, since the role's own may be shorter than any.
fn with_statement_timeout(plain: &PgConnectOptions, limit: Duration) -> PgConnectOptions {
    plain.clone().options([("statement_timeout", limit.as_millis().to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_an_error_nor_debug_text_shows_the_url() {
        let access = |url: &str| Access::new(url, Duration::from_secs(1), Duration::from_secs(1));
        let debug = format!("{:?}", access("postgres://u:S3CR3T@h/d?password=S3CR3T").unwrap());
        assert!(!debug.contains("S3CR3T"), "{debug}");
        for url in ["postgres://u:S3CR3T", "postgres://h/d?sslmode=S3CR3T", "postgres://u:p@h:S3CR3T/d"] {
            let error = access(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("S3CR3T"), "{error:?}");
        }
    }

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
