//! What `foldback verify` compares, against a real Postgres and a Redis of its own. What a fold would write is written
//! by hand here; tests/rebuild folds real logs.
//!
//! Needs FOLDBACK_TEST_POSTGRES (./dev/test sets it), the URL of a maintenance database.

mod compare;
mod database;
mod meanwhile;
mod proof;
mod sample;
mod schedule;
mod shown;
