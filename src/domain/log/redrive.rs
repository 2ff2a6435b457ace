//! What becomes of dead letters that are sent through the fold again.

use serde::Serialize;
use utoipa::ToSchema;

use super::dead_letter::ConflictKey;
use super::position::Position;
use super::rejection::Rejection;
use crate::domain::timestamp::Timestamp;

/// How an accepted record counts: its event is new, or known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    Applied,
    Duplicate,
}

impl Accepted {
    pub const ALL: [Accepted; 2] = [Accepted::Applied, Accepted::Duplicate];

    pub fn as_str(self) -> &'static str {
        match self {
            Accepted::Applied => "applied",
            Accepted::Duplicate => "duplicate",
        }
    }

    pub fn parse(text: &str) -> Option<Accepted> {
        Accepted::ALL.into_iter().find(|accepted| accepted.as_str() == text)
    }
}

/// What the fold says of a dead letter's record today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted(Accepted),
    /// It stays a dead letter. `conflict`: the event that lost, for a `sequence_conflict`.
    Refused {
        rejection: Rejection,
        conflict: Option<ConflictKey>,
    },
}

/// A dead letter and the verdict on its record, to be stored with the views that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redriven {
    pub id: i64,
    pub verdict: Verdict,
}

/// What became of a dead letter, for whoever asked for the redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub id: i64,
    pub topic: String,
    pub position: Position,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Accepted(Accepted),
    Refused(Rejection),
    /// Closed before, and left as it was. `accepted`: what its redrive came to, where that is known.
    RedrivenBefore {
        at: Timestamp,
        accepted: Option<Accepted>,
    },
    Discarded {
        at: Timestamp,
    },
}
