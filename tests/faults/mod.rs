//! What goes wrong around foldback, one theme per module: each test asserts what a user sees in Postgres, Redis,
//! /readyz, /metrics and exit codes. Shares no code with `src/`.

mod concurrency;
mod damaged_rows;
mod database;
mod displaced;
mod ended_early;
mod flood_guard;
mod half_requests;
mod header_names;
mod health;
mod hostile_lengths;
mod kafka_refuses;
mod kill;
mod log_continuity;
mod log_harmed;
mod obstacles;
mod pooler;
mod postgres_cut;
mod postgres_fail_over;
mod postgres_frozen;
mod queue_full;
mod redis_away;
mod redis_cluster;
mod redis_refuses;
mod registry_away;
mod scale_out;
mod standstill;
mod start;
pub mod topic_recreated;
