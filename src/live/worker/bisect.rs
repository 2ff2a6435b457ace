//! Finds the records of a batch whose values Postgres rejects.

use super::batch::WriteBatch;
use super::fold::fold_batch;
use super::state_cache::StateCache;
use crate::domain::log::record::Topics;
use crate::domain::log::rejection::{Reason, Rejection};
use crate::projection::{Content, Item};
use crate::store::StoreError;
use crate::store::commit::{Commit, Writer};

/// Bisects the batch until each rejected record is isolated, and makes a dead letter of it. All attempts on the way are
/// rolled back.
pub async fn refuse_what_postgres_refuses(
    writer: &mut Writer,
    topics: &Topics,
    batch: &mut WriteBatch,
) -> Result<(), StoreError> {
    let mut parts = vec![(0, batch.items.len())];
    while let Some((from, to)) = parts.pop() {
        let Err(error) = try_out(writer, topics, &batch.items[from..to]).await else { continue };
        match (error, to - from) {
            (StoreError::Data(error), 1) => refuse(&mut batch.items[from], &error),
            (StoreError::Data(_), count) => {
                let middle = from + count / 2;
                parts.extend([(from, middle), (middle, to)]);
            }
            (error, _) => return Err(error),
        }
    }
    Ok(())
}

async fn try_out(writer: &mut Writer, topics: &Topics, items: &[Item]) -> Result<(), StoreError> {
    // Rolled-back state must not be cached.
    let mut cache = StateCache::new(0, 0);
    let folded = fold_batch(&mut writer.conn, writer.generation, &mut cache, items).await?;
    writer.try_out(&Commit { changes: &folded.changes, advances: &[], topics, slot: 0 }).await
}

/// Turns it into a rejected record, with Postgres's message.
pub fn refuse(item: &mut Item, error: &sqlx::Error) {
    item.content = Content::Rejected(refusal(error));
}

/// Postgres's message about a value that it can't store.
pub fn refusal(error: &sqlx::Error) -> Rejection {
    let message = error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    Rejection::new(Reason::Invalid, format!("Postgres cannot store one of its values: {message}"))
}
