//! A prepared writer's schema: parsed and resolved once, then used for all of its records.

use crate::domain::record::Stream;
use crate::domain::rejection::{Reason, Rejection};

use super::bundled::newest;
use super::cursor::{Cursor, Malformed};
use super::read::{ReadError, read};
use super::resolve::{Plan, Resolver};
use super::schema::{Schema, SchemaError};
use super::skip::skip;
use super::value::Value;

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
fn bundled_schema(stream: Stream) -> Schema {
    let bundled = newest(stream).expect("each stream has a bundled schema");
    Schema::parse(bundled.json).expect("a bundled schema parses")
}

/// A writer's schema, resolved against ours: reads its datums without looking at the schema again.
#[derive(Debug)]
pub struct Prepared {
    writer: Schema,
    orders: Plan,
    runs: Plan,
}

impl Prepared {
    pub fn parse(json: &str, readers: &Readers) -> Result<Prepared, SchemaError> {
        Ok(Prepared::new(Schema::parse(json)?, readers))
    }

    pub fn new(writer: Schema, readers: &Readers) -> Prepared {
        let plan = |reader: &Schema| Resolver { writer: &writer, reader }.plan();
        let (orders, runs) = (plan(&readers.orders), plan(&readers.runs));
        Prepared { writer, orders, runs }
    }

    fn plan(&self, stream: Stream) -> &Plan {
        match stream {
            Stream::Orders => &self.orders,
            Stream::Runs => &self.runs,
        }
    }

    /// Reads a whole datum into our schema's shape.
    pub fn read<'a>(&self, stream: Stream, datum: &'a [u8]) -> Result<Value<'a>, Rejection> {
        let mut cursor = Cursor::new(datum);
        match read(&self.writer, self.plan(stream), &mut cursor) {
            Ok(value) => {
                cursor.finish().map_err(malformed)?;
                if cursor.lone_surrogate() {
                    return Err(Rejection::new(Reason::Invalid, "a string contains a lone surrogate"));
                }
                Ok(value)
            }
            Err(ReadError::Malformed(error)) => Err(malformed(error)),
            Err(ReadError::Incompatible(detail)) => Err(self.incompatible(datum, detail)),
        }
    }

    /// A datum is incompatible only if it is valid by its writer's schema, to its last byte.
    fn incompatible(&self, datum: &[u8], detail: String) -> Rejection {
        let mut cursor = Cursor::new(datum);
        let checked = skip(&self.writer, self.writer.root(), &mut cursor).and_then(|()| cursor.finish());
        match checked {
            Ok(()) => Rejection::new(Reason::SchemaIncompatible, detail),
            Err(error) => malformed(error),
        }
    }
}

fn malformed(error: Malformed) -> Rejection {
    Rejection::new(Reason::Malformed, format!("the value does not decode with its writer's schema: {error}"))
}
