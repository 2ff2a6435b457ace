//! Refolds contested orders (a sequence conflict) from all their events, with the live fold.

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use super::retry::Retries;
use crate::domain::change::HistoryEntry;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::live::worker::fold::fold_batch;
use crate::live::worker::state_cache::StateCache;
use crate::projection::{Content, Item};
use crate::store::commit::{Commit, WriteTarget, Writer};
use crate::store::load;

/// Events per transaction, unless one order has more.
const EVENTS_MAX: i64 = 10_000;
/// Dead letters whose bytes are fetched together, and up to how many bytes.
const LETTERS_MAX: i64 = 20_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Refolds every contested order, and fetches the bytes of what lost from the log: in the order of the log, which so is read
/// once at most. Repeating it is harmless: what is already stored counts as a duplicate.
pub async fn fold_contested(ctx: &LoadContext, build: &Build, stop: &CancellationToken) -> Result<(), LoadError> {
    let mut contested = Contested { ctx, build, writer: None, from: None, restored: BEFORE_ALL };
    let mut retries = Retries::new(ctx, build, stop, "folding orders with a sequence conflict");
    for step in [Step::Fold, Step::Restore] {
        loop {
            if stop.is_cancelled() {
                return Err(LoadError::stopped());
            }
            let some = contested.some(step).await;
            if some.is_err() {
                // Its state is unknown.
                contested.writer = None;
            }
            match retries.outcome(some).await {
                Some(Ok(false)) => break,
                Some(Err(error)) => return Err(error),
                Some(Ok(true)) | None => {}
            }
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Fold,
    Restore,
}

const BEFORE_ALL: Position = Position { partition: -1, offset: 0 };

struct Contested<'c> {
    ctx: &'c LoadContext,
    build: &'c Build,
    writer: Option<Writer>,
    /// The order to go on with; `None`: the first that is not done.
    from: Option<Uuid>,
    /// The last dead letter that has its bytes.
    restored: Position,
}

impl Contested<'_> {
    /// `false` when there are none left.
    async fn some(&mut self, step: Step) -> Result<bool, LoadError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::connect(&self.ctx.access, WriteTarget::Generation(self.build.generation)).await?,
        };
        let some = match step {
            Step::Fold => self.fold_some(&mut writer).await?,
            Step::Restore => self.restore_some(&mut writer).await?,
        };
        self.writer = Some(writer);
        Ok(some)
    }

    async fn fold_some(&mut self, writer: &mut Writer) -> Result<bool, LoadError> {
        let generation = self.build.generation;
        let from = match self.from {
            Some(from) => Some(from),
            None => load::first_contested(&mut writer.conn, generation).await?,
        };
        let Some(from) = from else { return Ok(false) };
        let claims = load::claims(&mut writer.conn, generation, from, EVENTS_MAX).await?;
        let last = claims.last().map(|claim| claim.event.provider_order_id);
        let items: Vec<Item> = claims.into_iter().map(item).collect();
        let mut cache = StateCache::new(0, 0);
        let changes = fold_batch(&mut writer.conn, generation, &mut cache, &items).await?.changes;
        drop(items);
        writer.commit(&Commit { changes: &changes, advances: &[], topics: &self.ctx.topics, slot: 0 }).await?;
        load::forget(&mut writer.conn, generation, last).await?;
        self.from = last.and_then(|last| last.as_u128().checked_add(1)).map(Uuid::from_u128);
        Ok(self.from.is_some())
    }

    /// The history keeps no raw bytes, so those of dead letters are fetched from the log.
    async fn restore_some(&mut self, writer: &mut Writer) -> Result<bool, LoadError> {
        let (generation, topic) = (self.build.generation, &self.ctx.topics.orders);
        let conn = &mut writer.conn;
        let missing = load::conflicts_without_bytes(conn, generation, topic, self.restored, LETTERS_MAX).await?;
        let Some(first) = missing.first() else { return Ok(false) };
        let offsets = missing.iter().map(|position| position.offset).collect();
        let records = self.ctx.fetch_first_orders(first.partition, offsets, BYTES_MAX).await?;
        load::restore_bytes(conn, generation, topic, &records).await?;
        self.restored = records.last().map_or(*first, |record| record.position);
        Ok(true)
    }
}

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
