//! `foldback run`: the log folded into the live generation, published and served.
//!
//! - `run`: the process from its start to its end
//! - `worker`: some partitions, from Kafka to Postgres
//! - `progress`: whether the fold gets on, and why not
//! - `generation_watch`: which generation is live
//! - `publisher`: committed views into Redis and gauges
//! - `http_views`: committed views for the HTTP API
//! - `http_tokens`: who may read them

pub mod backoff;
pub mod generation_watch;
pub mod http_tokens;
pub mod http_views;
pub mod progress;
pub mod publisher;
pub mod run;
pub mod tasks;
pub mod worker;
