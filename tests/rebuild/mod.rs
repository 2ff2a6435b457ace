//! Rebuilding every view from the log, proving it, cutting over and going back: what an operator does with the
//! command line, and what readers see meanwhile. Shares no code with `src/`.

// Helpers panic as tests do; clippy.toml allows that only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// Other test binaries use more of what is shared than this one does.

#[path = "../hard_log/compare.rs"]
mod compare;
#[path = "../hard_log/compare_published.rs"]
mod compare_published;
mod empty;
#[path = "../hard_log/encode.rs"]
mod encode;
#[allow(dead_code)]
#[path = "../faults/events.rs"]
mod events;
mod fake_metrics;
mod generations;
#[path = "../hard_log/generator/mod.rs"]
mod generator;
mod guards;
mod hold;
mod kill;
#[allow(dead_code)]
#[path = "../faults/log.rs"]
mod log;
mod marker;
#[path = "../hard_log/meaning.rs"]
mod meaning;
#[allow(dead_code)]
#[path = "../hard_log/positions.rs"]
mod positions;
#[path = "../hard_log/produce.rs"]
mod produce;
mod progress;
mod projection_version;
mod publisher;
mod readers;
#[path = "../hard_log/reference/mod.rs"]
mod reference;
#[allow(dead_code)]
#[path = "../hard_log/registry.rs"]
mod registry;
mod rollback;
#[path = "../hard_log/schemas.rs"]
mod schemas;
#[path = "../support/mod.rs"]
mod support;
mod tamper;
mod time_travel;
#[allow(dead_code)]
#[path = "../faults/views.rs"]
mod views;
mod while_serving;
mod world;

use std::time::Duration;

/// How long anything that must happen may take on a busy machine, unless a promise is tighter.
const PATIENCE: Duration = Duration::from_secs(90);
