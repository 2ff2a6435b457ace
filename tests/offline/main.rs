//! Tests that need no server: the house's own rules, the command line, and files that must say what the code does.

// Helpers panic as tests do; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrows;
mod bench;
mod checklist;
mod cli;
mod configuration;
mod dependencies;
mod examples;
mod hostile;
mod kafka_settings;
mod planted;
mod secrets;
#[path = "../support/verbs.rs"]
mod verbs;
