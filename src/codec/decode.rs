//! Decodes a record, from framing to domain event. The checks are in the contract's order, and the first that fails
//! gives the reason.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::log::record::{RawRecord, RecordView, Stream};
use crate::domain::log::rejection::{Reason, Rejection};
use crate::domain::orders::event::OrderEvent;
use crate::domain::runs::run::Run;

use super::avro::fingerprint::fingerprint;
use super::avro::schema::SchemaError;
use super::avro::value::Value;
use super::bundled::BUNDLED;
use super::cache::{Cache, Entry};
use super::framing::Framing;
use super::prepared::{Prepared, Readers};
use super::rules::{self, Invalid};

/// A record's domain value, by topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    Order(Box<OrderEvent>),
    Run(Box<Run>),
}

/// Result of decoding a record: a value, a rejection, or a schema to wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum Decode {
    Event(Decoded),
    Rejected(Rejection),
    /// The schema with this registry id must be resolved first; then decode the record again.
    NeedsSchema(u32),
}

/// Bounds of decoding.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A longer value is rejected as `too_large`.
    pub value_bytes_max: usize,
    /// Maximum number of cached registry schemas; the oldest are evicted.
    pub schemas_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { value_bytes_max: 8 * 1024 * 1024, schemas_max: 1000 }
    }
}

/// Cheap to clone; all clones share the schemas.
#[derive(Debug, Clone)]
pub struct Decoder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    readers: Readers,
    bundled: HashMap<u64, Prepared>,
    cache: Cache,
}

impl Decoder {
    pub fn new(limits: Limits) -> Decoder {
        let readers = Readers::new();
        let prepare = |json: &str| {
            let schema = super::avro::schema::Schema::parse(json).ok()?;
            Some((fingerprint(&schema), Prepared::new(&schema, &readers)))
        };
        // Every bundled schema parses, as a test checks.
        let bundled = BUNDLED.iter().filter_map(|bundled| prepare(bundled.json)).collect();
        let cache = Cache::new(limits.schemas_max);
        Decoder(Arc::new(Inner { limits, readers, bundled, cache }))
    }

    /// Never waits and never panics, whatever the bytes.
    pub fn decode(&self, record: &RawRecord) -> Decode {
        match self.decode_view(record.view()) {
            Decode::Rejected(rejection) if rejection.reason == Reason::Malformed => {
                Decode::Rejected(with_schema_header(record, rejection))
            }
            decode => decode,
        }
    }

    /// The same for a borrowed record.
    pub fn decode_view(&self, record: RecordView<'_>) -> Decode {
        match self.try_decode(record) {
            Ok(decode) => decode,
            Err(rejection) => Decode::Rejected(rejection),
        }
    }

    /// Keeps a schema as the registry's with this id. `referenced` are the texts that it refers to, each after those that
    /// it refers to itself.
    pub fn learn(&self, id: u32, schema: &str, referenced: &[String]) -> Result<(), SchemaError> {
        let prepared = Prepared::parse(schema, referenced, &self.0.readers)?;
        self.0.cache.put(id, Entry::Ready(Arc::new(prepared)), None);
        Ok(())
    }

    /// Whether records with this registry id can be decoded or rejected now.
    pub fn has_schema(&self, id: u32) -> bool {
        self.0.cache.get(id).is_some()
    }

    pub(super) fn bundled(&self, fingerprint: u64) -> Option<&Prepared> {
        self.0.bundled.get(&fingerprint)
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    fn try_decode(&self, record: RecordView<'_>) -> Result<Decode, Rejection> {
        let value = self.value(record)?;
        let (framing, datum) = Framing::split(value).map_err(|problem| Rejection::new(Reason::Malformed, problem))?;
        match framing {
            Framing::SingleObject(fingerprint) => {
                let prepared = self.bundled(fingerprint).ok_or_else(|| unknown_fingerprint(fingerprint))?;
                event(prepared, record, datum).map(Decode::Event)
            }
            Framing::Confluent(id) => match self.0.cache.get(id) {
                None => Ok(Decode::NeedsSchema(id)),
                Some(Entry::Ready(prepared)) => event(&prepared, record, datum).map(Decode::Event),
                Some(Entry::Refused(rejection)) => Err(rejection),
            },
        }
    }

    fn value<'r>(&self, record: RecordView<'r>) -> Result<&'r [u8], Rejection> {
        let max = self.0.limits.value_bytes_max;
        match record.value {
            Some(value) if value.len() > max => Err(Rejection::new(
                Reason::TooLarge,
                format!("the value has {} bytes; limits.value_bytes_max is {max}", value.len()),
            )),
            Some(value) => Ok(value),
            None => Err(Rejection::new(Reason::Malformed, "the value is null")),
        }
    }
}

/// Headers in which other serializers put the schema's id, instead of in front of the value.
const SCHEMA_HEADERS: [&str; 4] =
    ["__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId", "apicurio.value.encoding"];

/// Says of a value without framing that its schema's id seems to be in a header.
fn with_schema_header(record: &RawRecord, rejection: Rejection) -> Rejection {
    let header = record.headers.iter().find(|header| SCHEMA_HEADERS.contains(&header.key.as_str()));
    let Some(header) = header else { return rejection };
    let detail = format!(
        "{}; the header {} names a schema: have the publisher write the id in front of the value instead",
        rejection.detail, header.key
    );
    Rejection::new(rejection.reason, detail)
}

pub(super) fn unknown_fingerprint(fingerprint: u64) -> Rejection {
    let bytes: String = fingerprint.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let detail = format!("no bundled schema has the fingerprint {bytes} (the bytes after C3 01)");
    Rejection::new(Reason::SchemaUnknown, detail)
}

fn event(prepared: &Prepared, record: RecordView<'_>, datum: &[u8]) -> Result<Decoded, Rejection> {
    let value = prepared.read(record.stream, datum)?;
    let (decoded, id) =
        apply_rules(record.stream, value).map_err(|Invalid(detail)| Rejection::new(Reason::Invalid, detail))?;
    check_key(record.key, id)?;
    Ok(decoded)
}

fn apply_rules(stream: Stream, value: Value<'_>) -> Result<(Decoded, Uuid), Invalid> {
    match stream {
        Stream::Orders => rules::order_event(value).map(|event| {
            let id = event.provider_order_id;
            (Decoded::Order(Box::new(event)), id)
        }),
        Stream::Runs => rules::run(value).map(|run| {
            let id = run.run_id;
            (Decoded::Run(Box::new(run)), id)
        }),
    }
}

/// The key must be the hyphenated text of the event's own id, in upper or lower case.
fn check_key(key: Option<&[u8]>, id: Uuid) -> Result<(), Rejection> {
    let Some(key) = key else {
        return Err(Rejection::new(Reason::KeyMismatch, format!("the key is null, but the value is about {id}")));
    };
    let same = key.len() == 36 && Uuid::try_parse_ascii(key).is_ok_and(|key| key == id);
    if same {
        return Ok(());
    }
    let shown: String = String::from_utf8_lossy(key).chars().take(64).flat_map(char::escape_default).collect();
    Err(Rejection::new(Reason::KeyMismatch, format!("the key is `{shown}`, but the value is about {id}")))
}
