//! Harness of the integration tests: real Kafka, registry, Postgres and Redis, and the real binary.
//!
//! It shares nothing with `src/`, so that a test sees what a user sees. Each [`Stack`] has its own database, topics,
//! consumer group and Redis prefix on the shared servers, so that tests can run side by side.
//!
//! Use: `#[path = "../support/mod.rs"] mod support;` (or `mod support;` from a file directly in `tests/`).

// Every test binary uses another part of this harness.
#![allow(dead_code, unused_imports)]
// A harness fails by panicking; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod background;
mod command;
mod cut_proxy;
mod eventually;
mod running;
mod servers;
mod stack;

pub use background::Background;
pub use command::Output;
pub use cut_proxy::CutProxy;
pub use eventually::eventually;
pub use running::Running;
pub use servers::Servers;
pub use stack::{Stack, admin};
