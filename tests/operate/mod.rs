//! A running instance and its readers while generations change under them.

// A test fails by panicking; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod copy;
mod discard;
mod fence;
mod follow;
mod log;
mod nodelay;
mod projection;
mod told;

use std::time::Duration;

/// For what a loaded machine needs time for; what is promised in less is measured where it is tested.
const PATIENCE: Duration = Duration::from_secs(60);
