//! Finds the records of a batch whose values Postgres refuses.

use super::batch::WriteBatch;
use super::fold::fold_batch;
use super::state_cache::StateCache;
use crate::domain::record::Topics;
use crate::domain::rejection::{Reason, Rejection};
use crate::projection::{Content, Item};
use crate::store::StoreError;
use crate::store::write::{Commit, Writer};

/// Halves the batch until each refused record stands alone, and makes a dead letter of it. Everything that is
/// tried out on the way is rolled back.
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
    // No state may be kept of what is rolled back.
    let mut cache = StateCache::new(0, 0);
    let folded = fold_batch(&mut writer.conn, writer.generation, &mut cache, items).await?;
    writer.try_out(&Commit { changes: &folded.changes, advances: &[], topics, slot: 0 }).await
}

/// Makes a refused record of it, with what Postgres said.
pub fn refuse(item: &mut Item, error: &sqlx::Error) {
    item.content = Content::Rejected(refusal(error));
}

/// What Postgres said of a value that it can't store.
pub fn refusal(error: &sqlx::Error) -> Rejection {
    let message = error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    Rejection::new(Reason::Invalid, format!("Postgres cannot store one of its values: {message}"))
}
