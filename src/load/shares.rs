//! Deals the partitions of a load to the workers of this process and of those that have joined it, a share at a time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::progress::LoadProgress;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::by_stream;
use crate::store::StoreError;
use crate::store::generations::checkpoints;
use crate::store::load::{self, Member};
use crate::store::tables::checkpoints::LogStart;

/// How long a process that was killed or frozen keeps others from its partitions.
const LEASE: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How often to look whether another process has let go of a partition.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// This process's part in a load.
pub struct Shares {
    ctx: LoadContext,
    build: Build,
    pub member: Member,
    dealt: Mutex<Dealt>,
    /// A worker of this process has put back its share.
    returned: Notify,
    /// How many processes take part, as far as is known.
    members: AtomicU64,
}

/// What the workers of this process read.
#[derive(Default)]
struct Dealt {
    partitions: BTreeSet<StreamPartition>,
    /// How many workers have one.
    shares: u64,
}

impl Shares {
    pub fn new(ctx: &LoadContext, build: &Build, member: Member) -> Shares {
        Shares {
            ctx: ctx.clone(),
            build: build.clone(),
            member,
            dealt: Mutex::default(),
            returned: Notify::new(),
            members: AtomicU64::new(1),
        }
    }

    /// A worker's next share, as soon as there is one, and for how many processes it was dealt. `None`: every partition is at
    /// its target.
    pub async fn next(&self) -> Result<Option<(Vec<LogStart>, u64)>, LoadError> {
        let mut conn = load::connect_to_load(&self.ctx.access, self.build.generation).await?;
        loop {
            // Made before it is looked, so that a share that is put back meanwhile counts.
            let returned = self.returned.notified();
            let open = self.open(&mut conn).await?;
            if open.is_empty() {
                return Ok(None);
            }
            let members = self.members();
            let share = self.take(&mut conn, open, members).await?;
            if !share.is_empty() {
                return Ok(Some((share, members)));
            }
            // Either way it looks again.
            let _ = timeout(LOOK_EVERY, returned).await;
        }
    }

    /// How many processes take part, as far as is known. Whoever was dealt a share for fewer puts it back.
    pub fn members(&self) -> u64 {
        self.members.load(Ordering::Relaxed)
    }

    /// Those of a share that no other process has taken meanwhile.
    pub async fn keep(&self, conn: &mut PgConnection, share: &[LogStart]) -> Result<Vec<LogStart>, StoreError> {
        let mut kept = Vec::new();
        for found in share {
            if self.lease(conn, found.partition).await? {
                kept.push(found.clone());
            }
        }
        Ok(kept)
    }

    /// For whoever has less to do, in this process or another.
    pub async fn put_back(&self, share: &[LogStart]) {
        self.take_back(share).await;
        let giving = async { self.keep_dealt(&mut load::connect(&self.ctx.access).await?).await };
        if let Err(error) = self.ctx.access.answered(giving).await {
            tracing::debug!(%error, "the leases of a share were not given back; they are with the next renewal");
        }
        self.returned.notify_waiters();
    }

    async fn take_back(&self, share: &[LogStart]) {
        let mut dealt = self.dealt.lock().await;
        dealt.shares = dealt.shares.saturating_sub(1);
        for found in share {
            dealt.partitions.remove(&found.partition);
        }
    }

    /// Gives back what is leased and not dealt. Nothing is dealt meanwhile, which would be given back at once.
    async fn keep_dealt(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let dealt = self.dealt.lock().await;
        let kept = dealt.partitions.iter().copied();
        load::keep_leases(conn, self.build.generation, self.member, &self.ctx.topics, kept).await
    }

    /// Keeps what is leased, and tells what others have read; ends when it is dropped.
    pub async fn renew(&self, progress: &LoadProgress) {
        let mut conn = None;
        loop {
            sleep(RENEW_EVERY).await;
            // What can't be renewed in time goes to somebody else, whose claim keeps the two apart.
            if let Err(error) = self.ctx.access.answered(self.try_renew(&mut conn, progress)).await {
                tracing::debug!(%error, "the leases of a load were not renewed");
                conn = None;
            }
        }
    }

    async fn try_renew(&self, conn: &mut Option<PgConnection>, progress: &LoadProgress) -> Result<(), LoadError> {
        let ready = match conn.take() {
            Some(ready) => ready,
            None => load::connect(&self.ctx.access).await?,
        };
        let conn = conn.insert(ready);
        self.keep_dealt(conn).await?;
        let members = load::renew_leases(conn, self.build.generation, self.member, LEASE).await?;
        self.members.store(members, Ordering::Relaxed);
        let left: u64 = self.open(conn).await?.iter().map(|(_, left)| left).sum();
        let read = super::records(&self.ctx, conn, self.build.generation).await?.values().sum();
        progress.at_least(self.build.offsets().saturating_sub(left), read);
        Ok(())
    }

    /// So that nobody waits for what this process does no more.
    pub async fn leave(&self) {
        let leaving = async {
            let mut conn = load::connect(&self.ctx.access).await?;
            load::leave(&mut conn, self.build.generation, self.member).await
        };
        if let Err(error) = self.ctx.access.answered(leaving).await {
            tracing::debug!(%error, "the leases of a load were not given back; they end by themselves");
        }
    }

    /// Partitions that are not at their targets, and what is left of each.
    async fn open(&self, conn: &mut PgConnection) -> Result<Vec<(StreamPartition, u64)>, LoadError> {
        let at = by_stream(checkpoints(conn, self.build.generation).await?, &self.ctx.topics);
        let mut open = super::left(&self.build, &at);
        open.retain(|(_, left)| *left > 0);
        Ok(open)
    }

    /// The largest ones first: while a process is alone, each worker gets its part of what is not dealt yet, so that the last
    /// one gets all the rest. Among several, each worker takes half of its part of what is left, so that the shares get smaller
    /// and all end at about the same time.
    async fn take(
        &self,
        conn: &mut PgConnection,
        mut open: Vec<(StreamPartition, u64)>,
        members: u64,
    ) -> Result<Vec<LogStart>, LoadError> {
        let mut dealt = self.dealt.lock().await;
        let workers = self.build.workers.max(1) as u64;
        let parts = if members > 1 {
            2 * members * workers
        } else {
            open.retain(|(partition, _)| !dealt.partitions.contains(partition));
            workers.saturating_sub(dealt.shares).max(1)
        };
        let most = open.iter().map(|(_, left)| left).sum::<u64>().div_ceil(parts);
        open.sort_by_key(|(partition, left)| (std::cmp::Reverse(*left), *partition));
        let (mut share, mut sum) = (Vec::new(), 0);
        for (partition, left) in open {
            if dealt.partitions.contains(&partition) || (sum > 0 && sum + left > most) {
                continue;
            }
            if let Some(found) = self.build.found.get(&partition)
                && self.lease(conn, partition).await?
            {
                sum += left;
                share.push(found.clone());
            }
        }
        // Not before: what was leased before a failure is given back with the next renewal.
        dealt.partitions.extend(share.iter().map(|found| found.partition));
        dealt.shares += u64::from(!share.is_empty());
        Ok(share)
    }

    async fn lease(&self, conn: &mut PgConnection, partition: StreamPartition) -> Result<bool, StoreError> {
        let (generation, topics) = (self.build.generation, &self.ctx.topics);
        load::take_lease(conn, generation, self.member, topics, partition, LEASE).await
    }
}
