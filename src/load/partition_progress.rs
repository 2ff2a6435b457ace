//! How far a load is with one partition.

use std::collections::HashSet;

use sqlx::postgres::PgConnection;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::rejection::Reason;
use crate::log::Span;
use crate::projection::streak::FloodGuard;
use crate::projection::{Content, Outcome};
use crate::store::decisions::allowances;
use crate::store::load::Progressed;
use crate::store::tables::checkpoints::{self, Advance, Claim, LogStart};

/// A claimed partition, on the way to its target.
pub struct PartitionProgress {
    claim: Claim,
    allowed: HashSet<i64>,
    pub guard: FloodGuard,
    pub target: i64,
    /// Folded so far; the claim says what has been cut.
    pub at: i64,
    /// The log's leader epoch just before `at`, and the last record there.
    leader_epoch: Option<i32>,
    last_record: Option<RecordMark>,
    /// Since the last cut.
    pub records: u64,
}

impl PartitionProgress {
    /// Claims the partition; from its last cut on.
    pub async fn claim(
        ctx: &LoadContext,
        build: &Build,
        conn: &mut PgConnection,
        found: &LogStart,
    ) -> Result<PartitionProgress, LoadError> {
        let partition = found.partition;
        let claim = checkpoints::claim(conn, build.generation, &ctx.topics, found).await;
        let claim = claim.map_err(LoadError::of_claim)?;
        let topic = ctx.topics.name(partition.stream);
        let allowed = allowances::allowances(conn, build.generation, topic, partition.index, claim.next_offset).await?;
        // A shadow shows what the log gives; whether a flood may pass is decided where views come of it. In a sample, records
        // that are rejected in a row need not follow each other in the log, either.
        let refusals_max = match build.generation.is_shadow() {
            true => i64::MAX,
            false => ctx.config.limits.refusals_in_a_row_max,
        };
        let target = build.targets.of(partition).unwrap_or(claim.next_offset);
        let guard = FloodGuard { streak: claim.streak, refusals_max };
        let LogPosition { next_offset: at, leader_epoch, last_record } = claim.position();
        Ok(PartitionProgress { claim, allowed, guard, target, at, leader_epoch, last_record, records: 0 })
    }

    pub fn has_arrived(&self) -> bool {
        self.at >= self.target
    }

    pub fn position(&self) -> LogPosition {
        LogPosition { next_offset: self.at, leader_epoch: self.leader_epoch, last_record: self.last_record }
    }

    /// Fails with the limit if too many consecutive records were rejected for one reason.
    pub fn pass(&mut self, content: &Content, offset: i64) -> Result<(), (Reason, i64)> {
        let outcome = match content {
            Content::Rejected(rejection) => Outcome::DeadLetter(rejection.reason),
            _ => Outcome::Applied,
        };
        let passes = self.guard.pass(outcome, || self.allowed.contains(&offset));
        match outcome {
            Outcome::DeadLetter(reason) if !passes => Err((reason, self.guard.refusals_max)),
            _ => Ok(()),
        }
    }

    /// Up to the end of a span, or to the target. Returns how many offsets that is.
    pub fn pass_span(&mut self, span: &Span) -> u64 {
        let to = span.to.min(self.target);
        // A span before the folded position moves nothing.
        let Ok(offsets @ 1..) = u64::try_from(to - self.at) else { return 0 };
        // What stands before a target that cuts the span short is not known.
        let is_whole = to == span.to;
        self.at = to;
        self.leader_epoch = span.leader_epoch.filter(|_| is_whole);
        self.last_record = span.last_record.filter(|_| is_whole);
        offsets
    }

    /// What a cut has to commit; `None`: nothing since the last one.
    pub fn progressed(&self, partition: StreamPartition) -> Option<Progressed> {
        let advance = Advance {
            partition,
            owner_epoch: self.claim.owner_epoch,
            from: self.claim.next_offset,
            to: self.at,
            leader_epoch: self.leader_epoch,
            last_record: self.last_record,
            streak: self.guard.streak,
        };
        (advance.from < advance.to).then_some(Progressed { advance, records: self.records })
    }

    /// What `progressed` told is committed.
    pub fn cut(&mut self) {
        self.claim.next_offset = self.at;
        (self.claim.leader_epoch, self.claim.last_record) = (self.leader_epoch, self.last_record);
        self.claim.streak = self.guard.streak;
        self.records = 0;
    }
}
