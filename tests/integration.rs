//! Every test against real servers, in one binary: it is linked once, and all of it shares the kit in `tests/support`.
//!
//! Needs FOLDBACK_TEST_* (./dev/test sets them). `cargo test --test integration faults::kill` runs what is in
//! tests/faults/kill.rs. What needs no server is in `tests/offline`.

// Helpers panic as tests do; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod chaos;
mod faults;
mod hard_log;
mod log_dealing;
mod log_survey;
mod operate;
mod publish;
mod publisher;
mod rebuild;
mod registry;
mod security;
mod support;
mod support_harness;
mod verify;
