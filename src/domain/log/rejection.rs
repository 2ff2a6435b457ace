//! Why a record became a dead letter.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// Why a record is rejected. The set is closed, and the names are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Malformed,
    SchemaUnknown,
    SchemaIncompatible,
    Invalid,
    KeyMismatch,
    SequenceConflict,
    TooLarge,
}

impl Reason {
    pub const ALL: [Reason; 7] = [
        Reason::Malformed,
        Reason::SchemaUnknown,
        Reason::SchemaIncompatible,
        Reason::Invalid,
        Reason::KeyMismatch,
        Reason::SequenceConflict,
        Reason::TooLarge,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::SchemaUnknown => "schema_unknown",
            Reason::SchemaIncompatible => "schema_incompatible",
            Reason::Invalid => "invalid",
            Reason::KeyMismatch => "key_mismatch",
            Reason::SequenceConflict => "sequence_conflict",
            Reason::TooLarge => "too_large",
        }
    }

    pub fn parse(text: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The reason, and one sentence for whoever has to fix the publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Reason,
    pub detail: String,
}

impl Rejection {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Rejection {
        Rejection { reason, detail: detail.into() }
    }
}
