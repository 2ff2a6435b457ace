//! Turns a record's bytes into a domain event, or the reason for its rejection.
//!
//! Invariants: nothing here waits (except the registry client, which runs beside the pipeline), no schema is parsed per
//! record, and no input makes it panic. It knows neither Kafka's client nor Postgres.

mod bundled;
mod cache;
mod compat;
mod cursor;
mod decode;
mod encode;
mod fingerprint;
mod framing;
pub mod inspect;
mod layout;
mod names;
mod prepared;
mod read;
mod registry;
mod registry_client;
mod resolve;
mod rules;
mod schema;
mod skip;
mod strict;
mod value;

pub use bundled::{BUNDLED, Bundled, newest};
pub use compat::{Compatibility, bundled_problems, compatibility};
pub use decode::{Decode, Decoded, Decoder, Limits};
pub use encode::{encode_order, encode_run};
pub use fingerprint::fingerprint;
pub use framing::Framing;
pub use registry::{Registry, RegistryOutage, Resolution};
pub use registry_client::{RegisteredSchema, RegistryClient, RegistryError, RegistrySettings, RegistrySetupError};
pub use schema::{Schema, SchemaError};

#[cfg(test)]
mod tests;
