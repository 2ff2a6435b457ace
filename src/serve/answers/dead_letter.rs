//! Dead letters: in lists, and one in full.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::log::described::{Described, SchemaName};
use crate::domain::log::record::{Header, traceparent};
use crate::domain::log::redrive::Accepted;
use crate::domain::log::rejection::Reason;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::{DeadLetterRow, OpenDeadLetters};
use crate::serve::views::DeadLetter;

/// A record that was refused, without its bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterAnswer {
    /// Never given twice; the next generation has others.
    #[schema(examples(17))]
    pub id: i64,
    /// Topic of the record.
    #[schema(examples("provider-orders"))]
    topic: String,
    /// Partition of the record.
    #[schema(minimum = 0, examples(3))]
    partition: i32,
    /// Offset of the record.
    #[schema(minimum = 0, examples(41999))]
    offset: i64,
    /// The record's timestamp, where it is known.
    #[schema(examples("2026-11-23T10:05:30.250000+00:00"))]
    recorded_at: Option<Timestamp>,
    /// Null: the key is null.
    #[schema(minimum = 0, examples(36))]
    key_bytes: Option<i64>,
    /// Null: the value is null.
    #[schema(minimum = 0, examples(211))]
    value_bytes: Option<i64>,
    reason: Reason,
    /// What is wrong with it, in a sentence.
    #[schema(examples("the value starts with neither 00 (Confluent) nor C3 01 (Avro single object)"))]
    detail: String,
    /// When it was first stored in this generation.
    #[schema(examples("2026-11-23T10:05:31.000000+00:00"))]
    first_seen_at: Timestamp,
    /// When a redrive found the record acceptable; null while it is not.
    #[schema(examples("2026-11-23T12:00:00.000000+00:00"))]
    redriven_at: Option<Timestamp>,
    /// What its redrive came to.
    redriven_as: Option<Accepted>,
    /// When an operator discarded it.
    #[schema(examples("2026-11-23T12:00:00.000000+00:00"))]
    discarded_at: Option<Timestamp>,
    /// Why an operator discarded it.
    #[schema(examples("sent twice by a test"))]
    discarded_why: Option<String>,
    /// The generation that refused it.
    #[schema(examples(7))]
    generation: i32,
}

/// The dead letters that are neither redriven nor discarded, whatever the filters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenDeadLetters)]
pub struct OpenAnswer {
    /// Of all reasons.
    #[schema(minimum = 0, examples(3))]
    total: i64,
    /// Every reason, also those without any.
    #[schema(examples(json!({"malformed": 3})))]
    by_reason: BTreeMap<String, i64>,
    /// When the oldest of them was first stored; null if there is none.
    #[schema(examples("2026-11-23T10:05:31.000000+00:00"))]
    oldest_at: Option<Timestamp>,
}

/// A dead letter in full. Of a record with a part of more than 1 MiB that part is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterDetail)]
pub struct DeadLetterDetail {
    dead_letter: DeadLetterAnswer,
    /// In base64; null if it is null, or too large to be given.
    #[schema(examples("NDcxMQ=="))]
    key: Option<String>,
    /// The key, where it is text.
    #[schema(examples("4711"))]
    key_text: Option<String>,
    /// In base64; null if it is null, or too large to be given.
    #[schema(examples("bm9uc2Vuc2U="))]
    value: Option<String>,
    headers: Vec<HeaderAnswer>,
    /// The trace that the record belongs to, by its header.
    #[schema(examples("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))]
    traceparent: Option<String>,
    decoded: DecodedAnswer,
}

/// A header of a record; keys may repeat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderAnswer {
    /// As Kafka has it; what is not UTF-8 of it is U+FFFD.
    #[schema(examples("source"))]
    key: String,
    /// In base64.
    #[schema(examples("YmlsbGluZw=="))]
    value: Option<String>,
    /// The value, where it is text.
    #[schema(examples("billing"))]
    text: Option<String>,
}

/// What the value holds by its writer's schema, without our schema and rules. A schema that this instance doesn't have
/// is not asked for: `foldback dead-letters show` does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Decoded)]
pub struct DecodedAnswer {
    /// The schema's id in the registry, of a value in Confluent framing.
    #[schema(minimum = 1, examples(7))]
    schema_id: Option<u32>,
    /// The fingerprint's bytes in hexadecimal, of a value in Avro single-object encoding.
    #[schema(examples("169b606378a754b0"))]
    fingerprint: Option<String>,
    /// Name of the writer's type, where its schema is at hand.
    #[schema(examples("ProviderOrderEvent"))]
    schema: Option<String>,
    /// As far as it could be read. Of a union with several types, an object with the type's name.
    #[schema(value_type = Value, required, examples(json!({"sequence": 0})))]
    record: Option<Value>,
    /// Why there is no record, or where it ends before its time; null: it is complete.
    #[schema(examples("the datum is truncated at byte 17 of the datum, in payload"))]
    problem: Option<String>,
}

impl From<DeadLetterRow> for DeadLetterAnswer {
    fn from(row: DeadLetterRow) -> DeadLetterAnswer {
        DeadLetterAnswer {
            id: row.id,
            topic: row.topic,
            partition: row.position.partition,
            offset: row.position.offset,
            recorded_at: row.recorded_at,
            key_bytes: row.key_bytes,
            value_bytes: row.value_bytes,
            reason: row.reason,
            detail: row.detail,
            first_seen_at: row.first_seen_at,
            redriven_at: row.redriven_at,
            redriven_as: row.redriven_as,
            discarded_at: row.discarded_at,
            discarded_why: row.discarded_why,
            generation: row.generation,
        }
    }
}

impl From<OpenDeadLetters> for OpenAnswer {
    fn from(open: OpenDeadLetters) -> OpenAnswer {
        OpenAnswer {
            total: open.counts.iter().map(|(_, count)| count).sum(),
            by_reason: open.counts.into_iter().map(|(reason, count)| (reason.to_string(), count)).collect(),
            oldest_at: open.oldest,
        }
    }
}

impl From<DeadLetter> for DeadLetterDetail {
    fn from(DeadLetter { whole, described }: DeadLetter) -> DeadLetterDetail {
        DeadLetterDetail {
            key_text: whole.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).map(str::to_owned),
            key: whole.key.map(|key| STANDARD.encode(key)),
            value: whole.value.map(|value| STANDARD.encode(value)),
            traceparent: traceparent(&whole.headers).map(str::to_owned),
            headers: whole.headers.iter().map(HeaderAnswer::from).collect(),
            decoded: described.into(),
            dead_letter: whole.row.into(),
        }
    }
}

impl From<&Header> for HeaderAnswer {
    fn from(header: &Header) -> HeaderAnswer {
        HeaderAnswer {
            key: header.key.clone(),
            value: header.value.as_deref().map(|value| STANDARD.encode(value)),
            text: header.text().map(str::to_owned),
        }
    }
}

impl From<Described> for DecodedAnswer {
    fn from(described: Described) -> DecodedAnswer {
        let (schema_id, fingerprint) = match described.framing {
            Some(SchemaName::RegistryId(id)) => (Some(id), None),
            Some(SchemaName::Fingerprint(fingerprint)) => (None, Some(fingerprint)),
            None => (None, None),
        };
        let Described { schema, record, problem, .. } = described;
        DecodedAnswer { schema_id, fingerprint, schema, record, problem }
    }
}
