//! Bytes of a record -> domain event, or the reason why not.
//!
//! Invariants: nothing here waits, no schema is parsed per record, and no input makes it panic. It knows neither Kafka's
//! client nor Postgres nor the schema registry, which fills its cache from outside.

mod avro;
mod bundled;
mod cache;
mod compat;
mod datum;
mod decode;
mod describe;
mod encode;
mod framing;
mod prepared;
mod rules;

pub use avro::fingerprint::fingerprint;
pub use avro::schema::{Schema, SchemaError};
pub use bundled::{BUNDLED, Bundled, newest};
pub use compat::{Compatibility, bundled_problems, compatibility};
pub use decode::{Decode, Decoded, Decoder, Limits};
pub use encode::{EncodeError, encode_order, encode_run};
pub use framing::Framing;

pub(crate) use cache::Entry;
pub(crate) use prepared::Prepared;

#[cfg(test)]
mod tests;
