//! The partitions that a writer has claimed.

use std::collections::{HashMap, HashSet};

use crate::domain::log::partition::StreamPartition;
use crate::log::Span;
use crate::store::tables::checkpoints::{Advance, Claim};

/// A claim, and the records at which its streak of rejections may pass.
#[derive(Debug, Clone)]
pub struct Lease {
    pub claim: Claim,
    pub allowed: HashSet<i64>,
}

/// By lease number; what was read under another lease is void.
#[derive(Debug, Default)]
pub struct Leases(HashMap<u64, Lease>);

impl Leases {
    pub fn grant(&mut self, number: u64, lease: Lease) {
        self.0.insert(number, lease);
    }

    /// The lease of a span, if the span continues where the last commit ended.
    pub fn of(&self, span: &Span) -> Option<&Lease> {
        self.0.get(&span.lease).filter(|lease| lease.claim.next_offset == span.from)
    }

    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.0.values().map(|lease| &lease.claim)
    }

    pub fn drop_lease(&mut self, number: u64) {
        self.0.remove(&number);
    }

    pub fn drop_partitions(&mut self, partitions: &[StreamPartition]) {
        self.0.retain(|_, lease| !partitions.contains(&lease.claim.of));
    }

    /// Removes and returns all leases.
    pub fn drain(&mut self) -> Vec<(u64, StreamPartition)> {
        self.0.drain().map(|(number, lease)| (number, lease.claim.of)).collect()
    }

    pub fn advance(&mut self, span: &Span, advance: &Advance) {
        if let Some(lease) = self.0.get_mut(&span.lease) {
            lease.claim.next_offset = advance.to;
            lease.claim.streak = advance.streak;
        }
    }
}
