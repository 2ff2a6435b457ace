//! Kafka: consumers, partition ownership and positions; and the producer of sample events.

pub mod bootstrap;
pub mod client;
pub mod client_log;
mod epochs;
pub mod events;
pub mod fetch;
pub mod message;
pub mod producer;
pub mod reader;
mod settings_error;
pub mod survey;
mod trouble;

pub use client_log::Told;
pub use reader::delivery::{Batch, Control, DecodedRecord, Delivery, RecordDecoder, Span};
pub use reader::ended::ReaderEnded;
pub use reader::partition::Phase;
pub use reader::settings::{PartitionSource, ReaderSettings};
pub use reader::watch::ReaderWatch;
pub use reader::{Reader, ReaderHandle};
pub use settings_error::{SettingsError, check_settings};
