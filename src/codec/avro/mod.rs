//! Avro: schemas, how a writer's is read as ours, and the bytes.

pub mod cursor;
pub mod fingerprint;
pub mod layout;
pub mod names;
pub mod read;
pub mod resolve;
pub mod schema;
pub mod skip;
pub mod strict;
pub mod value;
