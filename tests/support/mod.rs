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
//! - [`SecuredKafka`] and [`SecuredPostgres`] want TLS and a login. [`Authority`] issues certificates, and [`TlsProxy`] serves
//!   with one before a server that speaks no TLS.
//! - [`eventually`] waits for what is promised, for at most [`PATIENCE`]. Nothing else in a test waits for a result.
//! - [`verbs`] are all verbs of the command line, as its help lists them.
//! - [`http`] is a client for what has no type here, such as the registry.
//! - [`events`] and [`encode`] make events of orders, [`log`] writes them, [`views`] reads what readers see.
//!
//! To add a piece: once a second folder of tests needs it, give it a file of its own here, without `foldback::` in it,
//! and a line above. What the pieces promise is tested in tests/support_harness.rs.

use std::net::TcpListener;
use std::time::Duration;

mod background;
mod certificates;
mod command;
pub mod encode;
pub mod events;
mod eventually;
mod kafka_files;
pub mod log;
mod own_cluster;
mod own_kafka;
mod own_postgres;
mod own_redis;
mod proxy;
mod running;
mod secured_kafka;
mod secured_postgres;
mod servers;
mod stack;
mod tls_proxy;
pub mod verbs;
pub mod views;

pub use background::Background;
pub use certificates::{Authority, Issued};
pub use command::Output;
pub use eventually::eventually;
pub use own_cluster::OwnCluster;
pub use own_kafka::OwnKafka;
pub use own_postgres::OwnPostgres;
pub use own_redis::OwnRedis;
pub use proxy::Proxy;
pub use running::Running;
pub use secured_kafka::SecuredKafka;
pub use secured_postgres::SecuredPostgres;
pub use servers::Servers;
pub use stack::{Stack, admin};
pub use tls_proxy::{TlsProxy, acceptor};

/// How long anything that must happen may take on a busy machine, unless a promise is tighter.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A client of HTTP APIs without TLS. reqwest asks for a choice of cryptography even so, and reads the system's certificates
/// unless it is given others, which takes a tenth of a second each time.
pub fn http() -> reqwest::Client {
    // An error says that somebody has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([]).build().expect("a client of no certificates")
}

/// Free a moment ago: a server must be told its port, so the port can't be held until it binds.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
