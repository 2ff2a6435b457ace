//! Committed views out: Redis and gauges.

pub mod inspect;
