//! The kit of every test: real Kafka, registry, Postgres and Redis, and the real binary. There is no other one, and
//! there are no stubs of servers: a stub says what its author believed on the day when he wrote it.
//!
//! It shares nothing with `src/`, so that a test sees what a user sees.
//!
//! - [`Stack`]: one test's own database, topics, consumer group and Redis prefix on the shared servers, so that tests
//!   run side by side. It runs verbs to their end; [`Servers`] are the addresses it stands on.
//! - [`Running`] is a `foldback run`, [`Background`] any other verb that works while the test goes on, [`Output`] what
//!   a finished one left behind. Dropping a process kills it.
//! - [`Proxy`] stands between foldback and a server: cuts it off, freezes it, slows it down, loses its connections.
//! - [`OwnRedis`] is a Redis for a test that would harm others on the shared one, [`OwnKafka`] a broker whose log a test
//!   may harm.
//! - [`OwnPostgres`] is a server for a test that stops it, fills its disk or takes commits from it.
//! - [`OwnCluster`] is a Redis Cluster of three primaries.
//! - [`eventually`] waits for what is promised, for at most [`PATIENCE`]. Nothing else in a test waits for a result.
//! - [`http`] is a client for what has no type here, such as the registry.
//! - [`events`] and [`encode`] make events of orders, [`log`] writes them, [`views`] reads what readers see.
//!
//! To add a piece: once a second folder of tests needs it, give it a file of its own here, without `foldback::` in it,
//! and a line above. What the pieces promise is tested in tests/support_harness.rs.

use std::net::TcpListener;
use std::time::Duration;

mod background;
mod command;
pub mod encode;
pub mod events;
mod eventually;
pub mod log;
mod own_cluster;
mod own_kafka;
mod own_postgres;
mod own_redis;
mod proxy;
mod running;
mod servers;
mod stack;
pub mod views;

pub use background::Background;
pub use command::Output;
pub use eventually::eventually;
pub use own_cluster::OwnCluster;
pub use own_kafka::OwnKafka;
pub use own_postgres::OwnPostgres;
pub use own_redis::OwnRedis;
pub use proxy::Proxy;
pub use running::Running;
pub use servers::Servers;
pub use stack::{Stack, admin};

/// How long anything that must happen may take on a busy machine, unless a promise is tighter.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A client of HTTP APIs. reqwest asks for a choice of cryptography even where no TLS follows.
pub fn http() -> reqwest::Client {
    // An error says that somebody has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Free a moment ago: a server must be told its port, so the port can't be held until it binds.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
