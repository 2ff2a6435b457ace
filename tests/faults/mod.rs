//! What goes wrong around foldback, one theme per module: each test asserts what a user sees in Postgres, Redis,
//! /readyz, /metrics and exit codes. Shares no code with `src/`.

// Helpers panic as tests do; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod concurrency;
#[path = "../hard_log/encode.rs"]
mod encode;
mod ended_early;
mod events;
mod flood_guard;
mod header_names;
mod kill;
mod log;
mod postgres_cut;
mod queue_full;
mod redis_away;
mod registry_away;
mod scale_out;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod topic_recreated;
mod views;

use std::time::Duration;

/// How long anything that must happen may take on a busy machine, unless a promise is tighter.
const PATIENCE: Duration = Duration::from_secs(60);
