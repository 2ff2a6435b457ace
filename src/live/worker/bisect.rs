//! Finds the records of a batch whose values Postgres rejects.

use std::ops::Range;

use super::batch::WriteBatch;
use super::fold::fold_batch;
use super::state_cache::StateCache;
use crate::domain::log::record::Topics;
use crate::domain::log::rejection::{Reason, Rejection};
use crate::projection::{Content, Item};
use crate::store::StoreError;
use crate::store::commit::{Commit, Writer};

/// Bisects the batch until each rejected record is isolated, and makes a dead letter of it. All attempts on the way are
/// rolled back. Returns how many were found. A value that only a trigger, an index or a constraint refuses that was added
/// to our tables is no record's fault, but an `Obstacle`.
pub async fn refuse_what_postgres_refuses(
    writer: &mut Writer,
    topics: &Topics,
    batch: &mut WriteBatch,
) -> Result<usize, StoreError> {
    let mut bisection = Bisection::of(batch.items.len());
    while let Some(part) = bisection.next_part() {
        let items = &batch.items[part.clone()];
        let mut outcome = try_out(writer, topics, items).await;
        if let [item] = items
            && matches!(outcome, Err(StoreError::Data(_)))
            // A dead letter is stored as it came.
            && (matches!(item.content, Content::Rejected(_)) || fits(writer, topics, items).await?)
        {
            outcome = outcome.map_err(StoreError::not_the_records);
        }
        bisection.record(part, outcome)?;
    }
    let refused = bisection.refused.len();
    for (index, rejection) in bisection.refused {
        batch.items[index].content = Content::Rejected(rejection);
    }
    Ok(refused)
}

/// Parts to be tried, from the first to the last: each that Postgres refuses is halved until what it refuses stands
/// alone. The caller tries them, since a future that borrows from a closure's argument can't be sent.
pub struct Bisection {
    parts: Vec<Range<usize>>,
    /// Indexes of what Postgres refuses, and what it said.
    pub refused: Vec<(usize, Rejection)>,
}

impl Bisection {
    pub fn of(len: usize) -> Bisection {
        Bisection { parts: std::iter::once(0..len).collect(), refused: Vec::new() }
    }

    pub fn next_part(&mut self) -> Option<Range<usize>> {
        self.parts.pop()
    }

    /// How the try of a part ended. An error that isn't a refusal comes back.
    pub fn record(&mut self, part: Range<usize>, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        match outcome {
            Ok(()) => {}
            Err(StoreError::Data(error)) if part.len() == 1 => self.refused.push((part.start, refusal(&error))),
            Err(StoreError::Data(_)) if part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                self.parts.extend([middle..part.end, part.start..middle]);
            }
            // Nothing is left to be halved.
            Err(error) => return Err(error.not_the_records()),
        }
        Ok(())
    }
}

async fn try_out(writer: &mut Writer, topics: &Topics, items: &[Item]) -> Result<(), StoreError> {
    // Rolled-back state must not be cached.
    let mut cache = StateCache::new(0, 0);
    let folded = fold_batch(&mut writer.conn, writer.generation, &mut cache, items).await?;
    writer.try_out(&Commit { changes: &folded.changes, advances: &[], topics, slot: 0, redriven: &[] }).await
}

async fn fits(writer: &mut Writer, topics: &Topics, items: &[Item]) -> Result<bool, StoreError> {
    let mut cache = StateCache::new(0, 0);
    // What can't even be read is not refused for a value of the record.
    let folded = match fold_batch(&mut writer.conn, writer.generation, &mut cache, items).await {
        Err(StoreError::Data(_)) => return Ok(true),
        folded => folded?,
    };
    writer.fits(&Commit { changes: &folded.changes, advances: &[], topics, slot: 0, redriven: &[] }).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_stands_alone_in_the_end() {
        let mut bisection = Bisection::of(5);
        let mut passed = Vec::new();
        while let Some(part) = bisection.next_part() {
            let is_refused = part.contains(&1) || part.contains(&4);
            let outcome = if is_refused { Err(StoreError::Data(sqlx::Error::RowNotFound)) } else { Ok(()) };
            if outcome.is_ok() {
                passed.extend(part.clone());
            }
            bisection.record(part, outcome).unwrap();
        }
        assert_eq!(bisection.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(passed, [0, 2, 3]);
    }
}
