//! What can be seen of a record's value, for whoever has to find out what is wrong with it.

use serde_json::Value;

/// How a value names its writer's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaName {
    /// Confluent framing: the schema's id in the registry.
    RegistryId(u32),
    /// Avro single-object encoding: the fingerprint's bytes as they stand in the value, in hexadecimal.
    Fingerprint(String),
}

/// A value before any rule: its framing, and its fields by its writer's own schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Described {
    /// `None`: the first bytes are no framing that foldback knows, as `problem` says.
    pub framing: Option<SchemaName>,
    /// Name of the writer's type, where its schema is at hand.
    pub schema: Option<String>,
    /// As far as it could be read: times as ISO 8601, decimals as text, bytes in base64. The value of a union with
    /// several types is an object with the name of its type: `{"OrderPlaced": {…}}`.
    pub record: Option<Value>,
    /// Why there is no record, or where it ends before its time.
    pub problem: Option<String>,
    /// The id in the registry of a schema that is not at hand.
    pub missing_schema: Option<u32>,
}

impl Described {
    pub fn unreadable(framing: Option<SchemaName>, problem: impl Into<String>) -> Described {
        Described { framing, problem: Some(problem.into()), ..Described::default() }
    }
}
