//! Domain event -> value bytes, by the newest bundled schemas: the other direction of decoding, for `publish`.

use std::sync::LazyLock;

use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;

use crate::domain::log::record::Stream;
use crate::domain::orders::event::OrderEvent;
use crate::domain::runs::run::Run;

use super::avro::schema::Schema;
use super::datum::{OrderDatum, RunDatum};
use super::framing::Framing;
use super::prepared::bundled_schema;

/// An event that the newest bundled schema has no room for: a fault of foldback.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("the event does not fit the newest schema that foldback carries: {0}")]
    Avro(#[from] apache_avro::Error),
    #[error("the run's summary or metadata can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A record's value: the framing, then the event by the newest bundled schema of orders.
pub fn encode_order(event: &OrderEvent, framing: Framing) -> Result<Vec<u8>, EncodeError> {
    static WRITER: LazyLock<GenericDatumWriter<'static>> = LazyLock::new(|| writer(Stream::Orders));
    encode(&WRITER, &OrderDatum::from(event), framing)
}

/// A record's value: the framing, then the run by the newest bundled schema of runs.
pub fn encode_run(run: &Run, framing: Framing) -> Result<Vec<u8>, EncodeError> {
    static WRITER: LazyLock<GenericDatumWriter<'static>> = LazyLock::new(|| writer(Stream::Runs));
    encode(&WRITER, &RunDatum::try_from(run)?, framing)
}

fn encode<T: Serialize>(
    writer: &GenericDatumWriter<'static>,
    datum: &T,
    framing: Framing,
) -> Result<Vec<u8>, EncodeError> {
    let mut value = Vec::with_capacity(512);
    framing.write(&mut value);
    writer.write_ser(&mut value, datum)?;
    Ok(value)
}

#[expect(clippy::expect_used, reason = "the schemas are part of the binary, and every test parses them")]
fn writer(stream: Stream) -> GenericDatumWriter<'static> {
    // The writer borrows its schema, and lives as long as the process.
    let schema: &'static Schema = Box::leak(Box::new(bundled_schema(stream)));
    GenericDatumWriter::builder(schema.root()).build().expect("a bundled schema refers to no other")
}
