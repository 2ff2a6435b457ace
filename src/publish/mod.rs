//! Writes committed views to Redis.
//!
//! Nothing here knows Postgres: a snapshot comes in, keys go out. The caller decides who publishes, and when.

mod error;
mod held;
pub mod inspect;
mod keys;
mod link;
mod publication;
mod put;

pub use error::PublishError;
pub use held::{Held, Text};
pub use keys::Keys;
pub use link::Link;
pub use publication::Publication;
pub use put::Outcome;

#[cfg(test)]
mod tests;
