//! Refolds contested orders (a sequence conflict) from all their events, with the live fold.

use tokio_util::sync::CancellationToken;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::retry::Retries;
use crate::domain::change::{ChangeSet, HistoryEntry};
use crate::domain::log::record::{RawRecord, Stream};
use crate::live::worker::fold::fold_batch;
use crate::live::worker::state_cache::StateCache;
use crate::projection::{Content, Item};
use crate::store::commit::{Commit, WriteTarget, Writer};
use crate::store::load;

/// Orders per transaction.
const ORDERS_MAX: i64 = 500;

/// Refolds every contested order. Repeating it is harmless: what is already stored counts as a duplicate.
pub async fn fold_contested(ctx: &LoadContext, build: &Build, stop: &CancellationToken) -> Result<(), LoadError> {
    let mut retries = Retries::new(ctx, build, stop, "folding orders with a sequence conflict");
    loop {
        if stop.is_cancelled() {
            return Err(LoadError::stopped());
        }
        let some = fold_some(ctx, build).await;
        match retries.outcome(some).await {
            Some(Ok(false)) => return Ok(()),
            Some(Err(error)) => return Err(error),
            Some(Ok(true)) | None => {}
        }
    }
}

/// `false` when there are none left.
async fn fold_some(ctx: &LoadContext, build: &Build) -> Result<bool, LoadError> {
    let generation = build.generation;
    let mut writer = Writer::connect(&ctx.access, WriteTarget::Generation(generation)).await?;
    let orders = load::next_tangled(&mut writer.conn, generation, ORDERS_MAX).await?;
    if orders.is_empty() {
        return Ok(false);
    }
    let claims = load::claims(&mut writer.conn, generation, &orders).await?;
    let items: Vec<Item> = claims.into_iter().map(item).collect();
    let mut cache = StateCache::new(0, 0);
    let mut changes = fold_batch(&mut writer.conn, generation, &mut cache, &items).await?.changes;
    restore_records(ctx, &mut changes).await?;
    writer.commit(&Commit { changes: &changes, advances: &[], topics: &ctx.topics, slot: 0, redriven: &[] }).await?;
    load::forget(&mut writer.conn, generation, &orders).await?;
    Ok(true)
}

/// The history keeps no raw bytes, so those of dead letters are fetched from the log.
fn item(claim: HistoryEntry) -> Item {
    let record = RawRecord {
        stream: Stream::Orders,
        position: claim.position,
        key: None,
        value: None,
        headers: Vec::new(),
        recorded_at: claim.recorded_at,
    };
    Item { record, content: Content::Order(Box::new(claim.event)) }
}

async fn restore_records(ctx: &LoadContext, changes: &mut ChangeSet) -> Result<(), LoadError> {
    let positions = changes.dead_letters.iter().map(|dead_letter| dead_letter.record.position);
    let mut records = ctx.fetch_orders(positions).await?;
    for dead_letter in &mut changes.dead_letters {
        if let Some(record) = records.remove(&dead_letter.record.position) {
            dead_letter.record = record;
        }
    }
    Ok(())
}
