//! What a batch changes: the only thing that the fold hands to the writers, live or in a rebuild.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::log::dead_letter::{ConflictKey, DeadLetter};
use super::log::position::Position;
use super::log::record::Stream;
use super::log::rejection::Reason;
use super::orders::event::OrderEvent;
use super::orders::order::Order;
use super::orders::telemetry::Counts;
use super::runs::run::Run;
use super::runs::summary::Drift;
use super::timestamp::Timestamp;

/// An event of the history, and its position in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    pub event: OrderEvent,
    pub position: Position,
    pub recorded_at: Option<Timestamp>,
}

/// The winning report of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEntry {
    pub run: Run,
    pub position: Position,
    pub drift: Vec<Drift>,
}

/// What a bulk load needs to know about a slice besides its orders.
#[derive(Debug, Default)]
pub struct Settled {
    /// Orders in which two events have the same sequence.
    pub contested: BTreeSet<Uuid>,
    /// Positions of further copies of events that the orders already contain; they don't belong in the history.
    pub copies: Vec<Position>,
}

/// The OrderPlaced that a provider's name is taken from: the greatest by (occurred_at, provider_order_id, sequence).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedBy {
    pub occurred_at: Timestamp,
    pub provider_order_id: Uuid,
    pub sequence: i64,
    pub name: String,
}

/// An event of the history that lost its sequence to one earlier in the log. It becomes a dead letter; its raw bytes
/// have to be fetched from the log again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    pub conflict: ConflictKey,
    pub position: Position,
    pub detail: String,
}

/// Outcomes of the records of a batch, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub applied: u64,
    pub duplicate: u64,
    pub dead_letter: u64,
}

/// A replay or a refill of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedPart {
    pub provider_order_id: Uuid,
    pub id: Uuid,
    /// Whether it has no row yet.
    pub is_new: bool,
}

/// How many consecutive records, up to a partition's position, were rejected for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak {
    pub reason: Reason,
    pub count: i64,
}

/// Everything that folding one batch changes in the views. Comes from `projection::fold`; `store::write` and the bulk
/// loader write it in one transaction. Empty fields mean no change.
#[derive(Debug, Clone, Default)]
pub struct ChangeSet {
    /// Events that are new in the history.
    pub events: Vec<HistoryEntry>,
    /// Events that replace what the history has at their sequence.
    pub replaced: Vec<HistoryEntry>,
    /// Orders in their new state; the stored version of each must be one below `version`. Also those that are as they were,
    /// but against which an event was decided to have lost: had another instance decided otherwise meanwhile, its write would
    /// have moved the version.
    pub orders: Vec<Arc<Order>>,
    /// Replays whose row differs from what is stored.
    pub replays: Vec<ChangedPart>,
    /// Refills likewise.
    pub refills: Vec<ChangedPart>,
    /// Replays and refills that no longer exist, because the event that created them was displaced.
    pub removed_replays: Vec<(Uuid, Uuid)>,
    pub removed_refills: Vec<(Uuid, Uuid)>,
    /// Deltas of the counts behind telemetry and backlog.
    pub counts: Counts,
    /// Candidates for providers' names.
    pub names: BTreeMap<String, NamedBy>,
    /// Providers, each with a name that counts no more, because its OrderPlaced was displaced.
    pub lost_names: BTreeSet<(String, NamedBy)>,
    pub runs: Vec<RunEntry>,
    pub dead_letters: Vec<DeadLetter>,
    pub displaced: Vec<Displaced>,
    /// Dead letters whose event has won its sequence after all.
    pub withdrawn: Vec<ConflictKey>,
    pub tally: BTreeMap<Stream, Tally>,
}
