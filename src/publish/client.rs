//! A Redis client that never blocks longer than its timeout.
//!
//! redis::aio::ConnectionManager is not used: a command issued while it reconnects waits for all its attempts, and a
//! response timeout doesn't make it reconnect. Here, any failure drops the connection, and the next call opens a new
//! one; when to retry is the caller's choice.

use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};

use crate::config::tls::choose_cryptography;

use super::error::PublishError;
use super::keys::Keys;

/// A client for one Redis server. Every call returns within `timeout`; a failed one drops the connection, and the next
/// call reconnects.
pub struct Link {
    client: Client,
    timeout: Duration,
    connection: Option<MultiplexedConnection>,
    pub(super) keys: Keys,
}

impl Link {
    /// Connects on the first call. `timeout` applies to connecting and to each command.
    pub fn new(url: &str, prefix: &str, timeout: Duration) -> Result<Link, PublishError> {
        choose_cryptography();
        // The client's error may repeat the URL, and with it a password.
        let client = Client::open(url).map_err(|error| PublishError::Address(format!("{:?}", error.kind())))?;
        Ok(Link { client, timeout, connection: None, keys: Keys::new(prefix) })
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether Redis answers.
    pub async fn ping(&mut self) -> Result<(), PublishError> {
        self.call(async |connection| redis::cmd("PING").query_async::<()>(connection).await).await
    }

    pub(super) async fn call<T>(
        &mut self,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, PublishError> {
        let mut connection = self.connected().await?;
        let answer = within(self.timeout, command(&mut connection)).await;
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    async fn connected(&mut self) -> Result<MultiplexedConnection, PublishError> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        // The library's own timeouts are off: one clock is enough.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = within(self.timeout, connecting).await?;
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}

async fn within<T>(timeout: Duration, work: impl Future<Output = RedisResult<T>>) -> Result<T, PublishError> {
    match tokio::time::timeout(timeout, work).await {
        Ok(answer) => answer.map_err(PublishError::Redis),
        Err(_) => Err(PublishError::TimedOut(timeout)),
    }
}
