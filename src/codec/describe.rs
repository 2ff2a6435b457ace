//! Shows a value as its writer's schema has it, without our schema and rules: also what they refuse.

use apache_avro::schema::{DecimalSchema, Schema as Avro, UuidSchema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::avro::cursor::{Cursor, Malformed};
use super::avro::resolve::type_name;
use super::avro::schema::{NamedTypes, Schema};
use super::cache::Entry;
use super::decode::{Decoder, unknown_fingerprint};
use super::framing::Framing;
use crate::domain::log::described::{Described, SchemaName};
use crate::domain::timestamp::Timestamp;

/// As in `skip`: a recursive schema could overflow the stack.
const DEPTH_MAX: usize = 64;
/// What is shown of a value: a description of a larger one ends there, and says so.
const VALUES_MAX: usize = 20_000;
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// i128 has 38 digits.
const DECIMAL_SCALE_MAX: usize = 38;

impl Decoder {
    /// Never waits and never panics, whatever the bytes. The result is bounded.
    pub fn describe(&self, value: &[u8]) -> Described {
        let (framing, datum) = match Framing::split(value) {
            Ok(split) => split,
            Err(problem) => return Described::unreadable(None, problem),
        };
        let name = Some(schema_name(framing));
        match framing {
            Framing::SingleObject(fingerprint) => match self.bundled(fingerprint) {
                Some(prepared) => described(name, prepared.writer(), datum),
                None => Described::unreadable(name, unknown_fingerprint(fingerprint).detail),
            },
            Framing::Confluent(id) => match self.cache().get(id) {
                Some(Entry::Ready(prepared)) => described(name, prepared.writer(), datum),
                Some(Entry::Refused(rejection)) => Described::unreadable(name, rejection.detail),
                None => Described {
                    missing_schema: Some(id),
                    ..Described::unreadable(name, format!("the schema with the registry's id {id} is not at hand"))
                },
            },
        }
    }
}

fn schema_name(framing: Framing) -> SchemaName {
    match framing {
        Framing::Confluent(id) => SchemaName::RegistryId(id),
        Framing::SingleObject(fingerprint) => {
            SchemaName::Fingerprint(fingerprint.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

fn described(framing: Option<SchemaName>, writer: &Schema, datum: &[u8]) -> Described {
    let mut walk = Walk::new(writer, datum);
    let record = walk.read(writer.root(), DEPTH_MAX);
    if walk.stopped.is_none() {
        let finished = walk.cursor.finish();
        walk.leaf(finished);
    }
    let schema = writer.root().name().map(|name| name.name().to_owned());
    Described { framing, schema, record, problem: walk.stopped, missing_schema: None }
}

/// Reads on until something doesn't match, and keeps what it has.
struct Walk<'s, 'a> {
    named_types: NamedTypes<'s>,
    cursor: Cursor<'a>,
    values_left: usize,
    text_bytes_left: usize,
    /// Names of the fields around the part that is being read.
    path: Vec<String>,
    stopped: Option<String>,
}

impl<'s, 'a> Walk<'s, 'a> {
    fn new(writer: &'s Schema, datum: &'a [u8]) -> Walk<'s, 'a> {
        Walk {
            named_types: writer.named_types(),
            cursor: Cursor::new(datum),
            values_left: VALUES_MAX,
            text_bytes_left: TEXT_BYTES_MAX,
            path: Vec::new(),
            stopped: None,
        }
    }

    /// `None`: stopped before anything of it was read.
    fn read(&mut self, schema: &'s Avro, depth: usize) -> Option<Json> {
        let Some(deeper) = depth.checked_sub(1) else { return self.stop("it is nested too deeply to be shown") };
        let Some(left) = self.values_left.checked_sub(1) else { return self.stop("it has more than can be shown") };
        self.values_left = left;
        match self.defined(schema) {
            Avro::Union(union) => self.union(union.variants(), deeper),
            Avro::Array(array) => Some(self.items(&array.items, deeper)),
            Avro::Map(map) => Some(self.entries(&map.types, deeper)),
            Avro::Record(record) => {
                let mut fields = Map::new();
                for field in &record.fields {
                    if let Some(value) = self.within(field.name.clone(), &field.schema, deeper) {
                        fields.insert(field.name.clone(), value);
                    }
                }
                Some(Json::Object(fields))
            }
            scalar => self.scalar(scalar),
        }
    }

    fn defined(&self, schema: &'s Avro) -> &'s Avro {
        match schema {
            Avro::Ref { name } => self.named_types.get(name).copied().unwrap_or(schema),
            schema => schema,
        }
    }

    /// A part of the value by its name; nothing once reading has stopped.
    fn within(&mut self, name: String, schema: &'s Avro, depth: usize) -> Option<Json> {
        if self.stopped.is_some() {
            return None;
        }
        self.path.push(name);
        let value = self.read(schema, depth);
        self.path.pop();
        value
    }

    fn union(&mut self, branches: &'s [Avro], depth: usize) -> Option<Json> {
        let index = self.cursor.index(branches.len());
        let index = self.leaf(index)?;
        let branch = self.defined(&branches[index]);
        let types = branches.iter().filter(|branch| !matches!(branch, Avro::Null)).count();
        if types < 2 || matches!(branch, Avro::Null) {
            return self.read(branch, depth);
        }
        let name = branch.name().map_or(type_name(branch), |name| name.name()).to_owned();
        let value = self.within(name.clone(), branch, depth);
        Some(json!({ name: value }))
    }

    fn items(&mut self, schema: &'s Avro, depth: usize) -> Json {
        let (mut items, mut left) = (Vec::new(), 0);
        while self.has_next(&mut left) {
            items.extend(self.within(items.len().to_string(), schema, depth));
        }
        Json::Array(items)
    }

    fn entries(&mut self, schema: &'s Avro, depth: usize) -> Json {
        let (mut entries, mut left) = (Map::new(), 0);
        while self.has_next(&mut left) {
            let key = self.cursor.bytes();
            let Some(key) = self.leaf(key).and_then(|key| self.text(key)) else { break };
            if let Some(value) = self.within(key.clone(), schema, depth) {
                entries.insert(key, value);
            }
        }
        Json::Object(entries)
    }

    /// Whether an array or map goes on. `left`: of the block that is being read.
    fn has_next(&mut self, left: &mut u64) -> bool {
        if self.stopped.is_some() {
            return false;
        }
        if *left == 0 {
            let block = self.cursor.block();
            *left = self.leaf(block).unwrap_or(0);
        }
        let has_next = *left > 0;
        *left = left.saturating_sub(1);
        has_next
    }

    fn scalar(&mut self, schema: &Avro) -> Option<Json> {
        let cursor = &mut self.cursor;
        let read = match schema {
            Avro::Null => Ok(Json::Null),
            Avro::Boolean => cursor.boolean().map(Json::from),
            Avro::Int | Avro::Date | Avro::TimeMillis => cursor.int().map(Json::from),
            Avro::TimestampMicros => cursor.long().map(|micros| time(micros, 1)),
            Avro::TimestampMillis => cursor.long().map(|millis| time(millis, 1000)),
            Avro::Long
            | Avro::TimeMicros
            | Avro::TimestampNanos
            | Avro::LocalTimestampMillis
            | Avro::LocalTimestampMicros
            | Avro::LocalTimestampNanos => cursor.long().map(Json::from),
            Avro::Float => cursor.float().map(|float| double(f64::from(float))),
            Avro::Double => cursor.double().map(double),
            Avro::Enum(of) => cursor.index(of.symbols.len()).map(|index| json!(of.symbols[index])),
            Avro::String | Avro::Uuid(UuidSchema::String) => {
                let bytes = cursor.bytes();
                return self.leaf(bytes).and_then(|bytes| self.text(bytes)).map(Json::from);
            }
            other => return self.binary(other),
        };
        self.leaf(read)
    }

    fn binary(&mut self, schema: &Avro) -> Option<Json> {
        let read = match fixed_size(schema) {
            Some(size) => self.cursor.take(size),
            None => self.cursor.bytes(),
        };
        let bytes = self.leaf(read)?;
        let readable = match schema {
            Avro::Decimal(of) => decimal(bytes, of.scale),
            Avro::Uuid(_) => Uuid::from_slice(bytes).ok().map(|uuid| uuid.hyphenated().to_string()),
            _ => None,
        };
        if let Some(text) = readable {
            return Some(Json::from(text));
        }
        let shown = self.affordable(bytes)?;
        Some(Json::from(STANDARD.encode(shown)))
    }

    /// What is not UTF-8 of it becomes U+FFFD.
    fn text(&mut self, bytes: &[u8]) -> Option<String> {
        self.affordable(bytes).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn affordable<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        match self.text_bytes_left.checked_sub(bytes.len()) {
            Some(left) => self.text_bytes_left = left,
            None => return self.stop("it is longer than can be shown"),
        }
        Some(bytes)
    }

    fn leaf<T>(&mut self, read: Result<T, Malformed>) -> Option<T> {
        read.map_err(|error| self.stop::<T>(&error.to_string())).ok()
    }

    /// The first reason stands.
    fn stop<T>(&mut self, why: &str) -> Option<T> {
        let path: String = self.path.join(".").chars().take(300).collect();
        let place = if path.is_empty() { String::new() } else { format!(", in {path}") };
        self.stopped.get_or_insert_with(|| format!("{why}{place}"));
        None
    }
}

fn fixed_size(schema: &Avro) -> Option<usize> {
    use apache_avro::schema::InnerDecimalSchema;
    match schema {
        Avro::Fixed(fixed)
        | Avro::Duration(fixed)
        | Avro::Uuid(UuidSchema::Fixed(fixed))
        | Avro::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => Some(fixed.size),
        _ => None,
    }
}

/// A number where it is no time of ours.
fn time(count: i64, unit_micros: i64) -> Json {
    let time = count.checked_mul(unit_micros).and_then(Timestamp::from_micros);
    time.map_or(Json::from(count), |time| Json::from(time.to_string()))
}

/// JSON has no word for NaN and the infinities.
fn double(value: f64) -> Json {
    if value.is_finite() { json!(value) } else { Json::from(value.to_string()) }
}

/// `None`: more digits than are worth it.
fn decimal(unscaled: &[u8], scale: usize) -> Option<String> {
    if unscaled.is_empty() || unscaled.len() > 16 || scale > DECIMAL_SCALE_MAX {
        return None;
    }
    let sign = if unscaled[0] & 0x80 == 0 { 0x00 } else { 0xff };
    let mut bytes = [sign; 16];
    bytes[16 - unscaled.len()..].copy_from_slice(unscaled);
    let value = i128::from_be_bytes(bytes);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let minus = if value < 0 { "-" } else { "" };
    Some(if scale == 0 { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") })
}
