//! The writer task of a load worker: writes what the worker has folded, while the worker keeps folding.

use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::change::ChangeSet;
use crate::domain::log::rejection::Rejection;
use crate::domain::orders::packed::Piece;
use crate::live::worker::bisect::{Bisection, refuse};
use crate::log::reader::InFlight;
use crate::projection::{Content, Item, Known, fold};
use crate::store::StoreError;
use crate::store::load::{Cut, HistoryBatch, Loader};

/// Work for the writer task of a load, in the order in which it must be written.
pub enum Task {
    /// Rows of a batch that took `bytes` in flight.
    Append {
        batch: LoadedBatch,
        bytes: usize,
    },
    Cut {
        cut: Cut,
        done: oneshot::Sender<()>,
    },
}

/// What a batch adds to the tables.
pub struct LoadedBatch {
    pub history: HistoryBatch,
    /// The orders' events, for when each order is folded.
    pub pieces: Vec<Piece>,
    /// Runs and rejected records, which `fold` can handle without stored state.
    pub others: Vec<Item>,
}

/// The writer task of a load worker: owns the connection and writes what the worker has folded.
pub struct LoadWriter {
    pub ctx: LoadContext,
    pub loader: Loader,
    pub in_flight: InFlight,
    /// Orders with an event that Postgres rejected since the last cut.
    pub refused: Vec<Uuid>,
}

impl LoadWriter {
    /// Writes until the channel closes. What isn't cut by then is rolled back.
    pub async fn run(mut self, mut tasks: mpsc::Receiver<Task>) -> Result<(), LoadError> {
        while let Some(task) = tasks.recv().await {
            match task {
                Task::Append { batch, bytes } => {
                    self.append(batch).await?;
                    self.in_flight.fetch_sub(bytes, Ordering::Relaxed);
                }
                Task::Cut { mut cut, done } => {
                    // These events were already spilled: their orders are refolded without them.
                    cut.contested.append(&mut self.refused);
                    self.loader.cut(cut).await?;
                    // A worker that has ended doesn't need the answer.
                    let _ = done.send(());
                }
            }
        }
        Ok(self.loader.close().await?)
    }

    async fn append(&mut self, batch: LoadedBatch) -> Result<(), LoadError> {
        let LoadedBatch { history, pieces, mut others } = batch;
        self.loader.spill(&pieces).await?;
        let changes = fold_others(&others)?;
        let rows = history.rows(0, history.events().len());
        match self.loader.append(rows, &changes.runs, &changes.dead_letters).await {
            Err(StoreError::Data(_)) if self.loader.is_careful() => {
                self.append_events(&history).await?;
                self.append_others(&mut others).await
            }
            outcome => Ok(outcome?),
        }
    }

    /// Bisects until each event that Postgres rejects is isolated, and makes dead letters of those.
    async fn append_events(&mut self, history: &HistoryBatch) -> Result<(), LoadError> {
        let mut bisection = Bisection::of(history.events().len());
        while let Some(part) = bisection.next_part() {
            let rows = history.rows(part.start, part.end);
            let mut outcome = self.loader.append(rows, &[], &[]).await;
            if part.len() == 1 && matches!(outcome, Err(StoreError::Data(_))) && self.loader.fits(rows).await? {
                outcome = outcome.map_err(StoreError::not_the_records);
            }
            bisection.record(part, outcome)?;
        }
        self.refuse(history, bisection.refused).await
    }

    /// A row keeps no raw bytes, which a dead letter needs, so they are fetched from the log again.
    async fn refuse(&mut self, history: &HistoryBatch, refused: Vec<(usize, Rejection)>) -> Result<(), LoadError> {
        let events = refused.iter().map(|(index, _)| history.events()[*index]);
        self.refused.extend(events.clone().map(|event| event.provider_order_id));
        let mut records = self.ctx.fetch_orders(events.map(|event| event.position)).await?;
        let item = |(index, rejection): (usize, Rejection)| {
            let record = records.remove(&history.events()[index].position)?;
            Some(Item { record, content: Content::Rejected(rejection) })
        };
        let items: Vec<Item> = refused.into_iter().filter_map(item).collect();
        let changes = fold_others(&items)?;
        Ok(self.loader.append(&[], &[], &changes.dead_letters).await?)
    }

    /// One by one: if Postgres rejects the highest report of a run, the next lower one wins.
    async fn append_others(&mut self, others: &mut [Item]) -> Result<(), LoadError> {
        for item in others {
            let one = std::slice::from_mut(item);
            let changes = fold_others(one)?;
            match self.loader.append(&[], &changes.runs, &changes.dead_letters).await {
                Err(StoreError::Data(error)) => {
                    refuse(&mut one[0], &error);
                    let changes = fold_others(one)?;
                    self.loader.append(&[], &[], &changes.dead_letters).await?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

/// What runs and rejected records change. An event of an order needs its stored state, and would be lost here.
fn fold_others(others: &[Item]) -> Result<ChangeSet, LoadError> {
    let changes = fold(others, &Known::default()).changes;
    match changes.events.first() {
        None => Ok(changes),
        Some(entry) => Err(LoadError::Failed(format!(
            "event {} of order {} was not given to the fold of orders; this is a bug of foldback's",
            entry.event.event_id, entry.event.provider_order_id
        ))),
    }
}
