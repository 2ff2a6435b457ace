//! The hand that writes what a load worker has folded, while that one folds on.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::trim::give_back;
use crate::domain::change::{HistoryEntry, NamedBy, PartialStates};
use crate::log::reader::InFlight;
use crate::projection::load::{LoadedBatch, LoadedEvent};
use crate::projection::{Content, Item, Known, fold};
use crate::runtime::split::refuse;
use crate::store::StoreError;
use crate::store::bulk::{Loader, Progressed};

pub enum Task {
    /// Rows of a batch, which took so many bytes in flight.
    Append {
        batch: LoadedBatch,
        bytes: usize,
    },
    Cut {
        cut: Cut,
        done: oneshot::Sender<()>,
    },
}

/// Everything since the last cut, to be committed.
pub struct Cut {
    pub states: PartialStates,
    pub names: BTreeMap<String, NamedBy>,
    pub progressed: Vec<Progressed>,
    pub slot: i32,
}

pub struct Hand {
    pub loader: Loader,
    pub in_flight: InFlight,
    /// Orders of which Postgres has refused an event since the last cut.
    pub refused: Vec<Uuid>,
}

impl Hand {
    /// Writes until nothing more comes. What isn't cut then is let go.
    pub async fn run(mut self, mut tasks: mpsc::Receiver<Task>) -> Result<(), StoreError> {
        while let Some(task) = tasks.recv().await {
            match task {
                Task::Append { batch, bytes } => {
                    self.append(batch).await?;
                    self.in_flight.fetch_sub(bytes, Ordering::Relaxed);
                }
                Task::Cut { cut, done } => {
                    let refused = std::mem::take(&mut self.refused);
                    self.loader.cut(cut.states, &refused, &cut.names, &cut.progressed, cut.slot).await?;
                    give_back();
                    // A worker that has ended needs to be told nothing.
                    let _ = done.send(());
                }
            }
        }
        self.loader.close().await
    }

    async fn append(&mut self, batch: LoadedBatch) -> Result<(), StoreError> {
        let LoadedBatch { events, mut others } = batch;
        let changes = fold(&others, &Known::default()).changes;
        let entries: Vec<&HistoryEntry> = events.iter().map(|event| &event.entry).collect();
        match self.loader.append(&entries, &changes.runs, &changes.dead_letters).await {
            Err(StoreError::Data(_)) => {
                self.append_events(&events).await?;
                self.append_others(&mut others).await
            }
            outcome => outcome,
        }
    }

    /// Halves until each event that Postgres refuses stands alone, and makes a dead letter of it.
    async fn append_events(&mut self, events: &[LoadedEvent]) -> Result<(), StoreError> {
        let mut parts = vec![(0, events.len())];
        while let Some((from, to)) = parts.pop() {
            let entries: Vec<&HistoryEntry> = events[from..to].iter().map(|event| &event.entry).collect();
            match self.loader.append(&entries, &[], &[]).await {
                Ok(()) => {}
                Err(StoreError::Data(error)) if to - from == 1 => self.refuse_event(&events[from], &error).await?,
                Err(StoreError::Data(_)) => {
                    let middle = from + (to - from) / 2;
                    parts.extend([(middle, to), (from, middle)]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The event is in its order's state already: the order counts as tangled, and is folded again without it.
    async fn refuse_event(&mut self, event: &LoadedEvent, error: &sqlx::Error) -> Result<(), StoreError> {
        let content = Content::Order(Box::new(event.entry.event.clone()));
        let mut item = Item { record: event.record.clone(), content };
        refuse(&mut item, error);
        self.refused.push(event.entry.event.provider_order_id);
        let changes = fold(&[item], &Known::default()).changes;
        self.loader.append(&[], &[], &changes.dead_letters).await
    }

    /// One by one: where Postgres refuses the highest report of a run, the next lower one stands.
    async fn append_others(&mut self, others: &mut [Item]) -> Result<(), StoreError> {
        for item in others {
            let one = std::slice::from_mut(item);
            let changes = fold(one, &Known::default()).changes;
            match self.loader.append(&[], &changes.runs, &changes.dead_letters).await {
                Err(StoreError::Data(error)) => {
                    refuse(&mut one[0], &error);
                    let changes = fold(one, &Known::default()).changes;
                    self.loader.append(&[], &[], &changes.dead_letters).await?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
