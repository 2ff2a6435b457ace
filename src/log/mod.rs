//! Kafka: consumers, partition ownership and positions; and the producer of sample events.

pub mod admin;
pub mod client;
pub mod consumer;
pub mod context;
pub mod delivery;
mod ended;
pub mod fetch;
mod headers;
pub mod offsets;
pub mod partition;
pub mod producer;
pub mod reader;
pub mod sample;
pub mod settings;
mod state;
pub mod survey;
mod topic_id;
mod upkeep;

pub use delivery::{Batch, Control, Delivery, Sieve, Sifted, Span};
pub use ended::ReaderEnded;
pub use reader::{Reader, ReaderHandle};
pub use settings::{Assignment, ReaderSettings};
