//! Writes committed views to Redis.
//!
//! Nothing here knows Postgres: a snapshot comes in, keys go out. The caller decides who publishes, and when.

mod client;
mod error;
pub mod inspect;
mod keys;
mod publication;
mod put;
mod rights;
mod stored;

pub use client::Link;
pub use error::PublishError;
pub use keys::Keys;
pub use publication::Publication;
pub use put::Outcome;
pub use stored::{Held, Text};

#[cfg(test)]
mod tests;
