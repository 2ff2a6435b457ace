//! A prepared writer's schema: parsed and resolved once, then used for all of its records.

use crate::domain::log::record::Stream;
use crate::domain::log::rejection::{Reason, Rejection};

use super::avro::cursor::{Cursor, Malformed};
use super::avro::read::{ReadError, read};
use super::avro::resolve::{Resolved, resolve};
use super::avro::schema::{Schema, SchemaError};
use super::avro::skip::skip;
use super::avro::value::Value;
use super::bundled::newest;

/// Our own schemas, which records are read into.
#[derive(Debug)]
pub struct Readers {
    pub orders: Schema,
    pub runs: Schema,
}

impl Readers {
    pub fn new() -> Readers {
        Readers { orders: bundled_schema(Stream::Orders), runs: bundled_schema(Stream::Runs) }
    }
}

#[expect(clippy::expect_used, reason = "the schemas are part of the binary, and every test parses them")]
pub(super) fn bundled_schema(stream: Stream) -> Schema {
    let bundled = newest(stream).expect("each stream has a bundled schema");
    Schema::parse(bundled.json).expect("a bundled schema parses")
}

/// A writer's schema, resolved against ours: reads its datums without looking at the schema again.
#[derive(Debug)]
pub struct Prepared {
    /// For whoever looks at a single record.
    writer: Schema,
    orders: Resolved,
    runs: Resolved,
}

impl Prepared {
    /// Of a writer's schema and the texts that it refers to, each after those that it refers to itself.
    pub fn parse(json: &str, referenced: &[String], readers: &Readers) -> Result<Prepared, SchemaError> {
        Ok(Prepared::new(&Schema::parse_writer(json, referenced)?, readers))
    }

    pub fn new(writer: &Schema, readers: &Readers) -> Prepared {
        let (orders, runs) = (resolve(writer, &readers.orders), resolve(writer, &readers.runs));
        Prepared { writer: writer.clone(), orders, runs }
    }

    pub fn writer(&self) -> &Schema {
        &self.writer
    }

    fn resolved(&self, stream: Stream) -> &Resolved {
        match stream {
            Stream::Orders => &self.orders,
            Stream::Runs => &self.runs,
        }
    }

    /// Reads a whole datum into our schema's shape.
    pub fn read<'a>(&self, stream: Stream, datum: &'a [u8]) -> Result<Value<'a>, Rejection> {
        let Resolved { plan, layout, .. } = self.resolved(stream);
        let mut cursor = Cursor::new(datum);
        match read(layout, plan, &mut cursor) {
            Ok(value) => {
                cursor.finish().map_err(malformed)?;
                if cursor.lone_surrogate() {
                    return Err(Rejection::new(Reason::Invalid, "a string contains a lone surrogate"));
                }
                Ok(value)
            }
            Err(ReadError::Malformed(error)) => Err(malformed(error)),
            Err(ReadError::Incompatible(detail)) => Err(self.incompatible(stream, datum, detail)),
        }
    }

    /// A datum is incompatible only if it is a good one of its writer's schema, to its last byte.
    fn incompatible(&self, stream: Stream, datum: &[u8], detail: String) -> Rejection {
        let Resolved { layout, root, .. } = self.resolved(stream);
        let mut cursor = Cursor::new(datum);
        let checked = skip(layout, *root, &mut cursor).and_then(|()| cursor.finish());
        match checked {
            Ok(()) => Rejection::new(Reason::SchemaIncompatible, detail),
            Err(error) => malformed(error),
        }
    }
}

fn malformed(error: Malformed) -> Rejection {
    Rejection::new(Reason::Malformed, format!("the value does not decode with its writer's schema: {error}"))
}
