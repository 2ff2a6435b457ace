//! A Redis client that never blocks longer than its timeout.
//!
//! redis::aio::ConnectionManager is not used: a command issued while it reconnects waits for all its attempts, and a
//! response timeout doesn't make it reconnect. Here, any failure drops the connection, and the next call opens a new
//! one; when to retry is the caller's choice.

use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
};

use crate::config::tls::choose_cryptography;

use super::error::PublishError;
use super::keys::Keys;

/// How many nodes of a cluster may send a call on to another one. A script takes two more while its keys are moving: a node
/// that lacks it is asked again.
const HOPS_MAX: u32 = 5;

/// A client for one Redis server, or for the node of a cluster that has our keys. Every call connects and answers within
/// `timeout` each, on up to `HOPS_MAX` further nodes too; a failed one drops the connection, and the next call reconnects.
pub struct Link {
    client: Client,
    timeout: Duration,
    connection: Option<MultiplexedConnection>,
    /// The node of a cluster to connect to next, rather than the configured one.
    node: Option<Redirect>,
    pub(super) keys: Keys,
}

impl Link {
    /// Connects on the first call. `timeout` applies to connecting and to each command.
    pub fn new(url: &str, prefix: &str, timeout: Duration) -> Result<Link, PublishError> {
        Ok(Link { client: open(url)?, timeout, connection: None, node: None, keys: Keys::new(prefix) })
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether Redis takes writes, by one that changes nothing: a server that answers may be a replica, out of memory, or
    /// without the replicas that it needs.
    pub async fn probe(&mut self) -> Result<(), PublishError> {
        match self.try_write().await {
            // A value that is not ours is replaced by the next publication; a user needs no more commands than that does.
            Err(PublishError::Redis(error)) if matches!(error.code(), Some("WRONGTYPE" | "NOPERM")) => Ok(()),
            answer => answer,
        }
    }

    /// The same, where a user who may not do that counts as refused.
    pub async fn try_write(&mut self) -> Result<(), PublishError> {
        let mut write = redis::cmd("SETRANGE");
        write.arg(&self.keys.backlog).arg(0).arg("");
        let write = &write;
        self.call(|mut connection, _| async move { write.query_async::<()>(&mut connection).await }).await
    }

    /// Reads each of these, whatever the others answer. A node of a cluster that doesn't have the keys is an error.
    pub(super) async fn read(&mut self, reads: &redis::Pipeline) -> Result<Vec<RedisResult<Value>>, PublishError> {
        self.call(|mut connection, is_asked| async move {
            let answers = if is_asked {
                ask_each(reads, &mut connection).await?
            } else {
                reads.query_async(&mut connection).await?
            };
            let answers: Vec<RedisResult<Value>> = answers;
            match answers.iter().find_map(|answer| answer.as_ref().err().filter(|error| is_redirect(error))) {
                Some(moved) => Err(moved.clone()),
                None => Ok(answers),
            }
        })
        .await
    }

    /// Does what the commands say, on the node of a cluster that has the keys, wherever that is now. They are told whether it
    /// answers only the first of them, since the keys are moving there.
    pub(super) async fn call<T, F: Future<Output = RedisResult<T>>>(
        &mut self,
        command: impl Fn(MultiplexedConnection, bool) -> F,
    ) -> Result<T, PublishError> {
        let mut hops = HOPS_MAX;
        loop {
            let is_asked = self.node.as_ref().is_some_and(|node| node.is_asked);
            let connection = self.connected().await?;
            let answer = within(self.timeout, command(connection, is_asked)).await;
            if is_asked {
                // It answers for these keys this once: the next call begins where they still belong.
                self.connection = None;
            }
            let Err(error) = answer else { return answer };
            self.connection = None;
            match redirect(&error) {
                Some(redirect) if hops > 0 => {
                    hops -= 1;
                    self.node = Some(redirect);
                }
                // The node may be gone: the next call begins at the configured address, whose name is resolved anew.
                _ => {
                    self.node = None;
                    return Err(error);
                }
            }
        }
    }

    async fn connected(&mut self) -> Result<MultiplexedConnection, PublishError> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        // The library's own timeouts are off: one clock is enough.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let node = self.node.take();
        let client = match &node {
            None => self.client.clone(),
            Some(redirect) => self.client_of(&redirect.node)?,
        };
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let connection = within(self.timeout, connecting).await?;
        if node.is_some_and(|redirect| redirect.is_asked) {
            let mut asking = connection.clone();
            within(self.timeout, redis::cmd("ASKING").query_async::<()>(&mut asking)).await?;
        }
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    /// With the same user, password and TLS.
    fn client_of(&self, node: &Node) -> Result<Client, PublishError> {
        let info = self.client.get_connection_info().clone();
        let address = match info.addr().clone() {
            ConnectionAddr::TcpTls { host, insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host: node.host(&host), port: node.port, insecure, tls_params }
            }
            ConnectionAddr::Tcp(host, _) => ConnectionAddr::Tcp(node.host(&host), node.port),
            other => other,
        };
        Client::open(info.set_addr(address)).map_err(PublishError::Redis)
    }
}

/// Doesn't connect.
pub(super) fn open(url: &str) -> Result<Client, PublishError> {
    choose_cryptography();
    // The client's error may repeat the URL, and with it a password.
    Client::open(url).map_err(|error| PublishError::Address(format!("{:?}", error.kind())))
}

/// Sends ASKING before each, which holds for one command; before the first it was sent already.
async fn ask_each(
    reads: &redis::Pipeline,
    connection: &mut MultiplexedConnection,
) -> RedisResult<Vec<RedisResult<Value>>> {
    let mut asking = redis::Pipeline::new();
    asking.ignore_errors();
    for (number, read) in reads.cmd_iter().enumerate() {
        if number > 0 {
            asking.cmd("ASKING");
        }
        asking.add_command(read.clone());
    }
    let answers: Vec<RedisResult<Value>> = asking.query_async(connection).await?;
    Ok(answers.into_iter().step_by(2).collect())
}

/// Where another node of a cluster has the keys, or has them already while they move there.
#[derive(Debug, PartialEq, Eq)]
struct Redirect {
    node: Node,
    /// It must be told, before the command, that it was another node that sent us (ASK).
    is_asked: bool,
}

/// A node of a cluster, as another one names it.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    host: String,
    port: u16,
}

impl Node {
    /// A node that knows no name of its own leaves it out: the host that was asked is meant.
    fn host(&self, asked: &str) -> String {
        if self.host.is_empty() { asked.to_owned() } else { self.host.clone() }
    }
}

fn is_redirect(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask))
}

/// Where the keys are instead, if the server says so.
fn redirect(error: &PublishError) -> Option<Redirect> {
    let PublishError::Redis(error) = error else { return None };
    if !is_redirect(error) {
        return None;
    }
    let is_asked = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let node = Node { host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? };
    Some(Redirect { node, is_asked })
}

async fn within<T>(timeout: Duration, work: impl Future<Output = RedisResult<T>>) -> Result<T, PublishError> {
    match tokio::time::timeout(timeout, work).await {
        Ok(answer) => answer.map_err(PublishError::Redis),
        Err(_) => Err(PublishError::TimedOut(timeout)),
    }
}
