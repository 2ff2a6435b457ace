//! Dead letters of displaced events: events whose sequence went to one earlier in the log.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinError;

use crate::domain::change::{ChangeSet, Displaced};
use crate::domain::log::dead_letter::DeadLetter;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::domain::log::rejection::{Reason, Rejection};
use crate::log::ReaderSettings;
use crate::log::fetch::{FetchError, Fetcher};

/// For all of a batch together.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads displaced events from the log again, with a consumer that it keeps from the first one on.
pub struct DisplacedEvents {
    reader: ReaderSettings,
    fetcher: Option<Fetcher>,
}

impl DisplacedEvents {
    pub fn new(reader: ReaderSettings) -> DisplacedEvents {
        DisplacedEvents { reader, fetcher: None }
    }

    /// Makes dead letters of a batch's displaced events, with their raw bytes. What the log no longer holds is stored
    /// without them: no waiting brings it back.
    ///
    /// The outer error: the process is ending.
    pub async fn reject(&mut self, changes: &mut ChangeSet) -> Result<Result<(), FetchError>, JoinError> {
        if changes.displaced.is_empty() {
            return Ok(Ok(()));
        }
        let records = match self.fetch(&changes.displaced).await? {
            Ok(records) => records,
            Err(error) => return Ok(Err(error)),
        };
        let mut records: HashMap<Position, RawRecord> =
            records.into_iter().map(|record| (record.position, record)).collect();
        let displaced = std::mem::take(&mut changes.displaced);
        changes.dead_letters.extend(displaced.into_iter().map(|displaced| {
            let record = records.remove(&displaced.position);
            dead_letter(displaced, record)
        }));
        Ok(Ok(()))
    }

    async fn fetch(&mut self, displaced: &[Displaced]) -> Result<Result<Vec<RawRecord>, FetchError>, JoinError> {
        let partition = |position: Position| StreamPartition { stream: Stream::Orders, index: position.partition };
        let wanted: Vec<_> =
            displaced.iter().map(|displaced| (partition(displaced.position), displaced.position.offset)).collect();
        let (reader, fetcher) = (self.reader.clone(), self.fetcher.take());
        let fetched = tokio::task::spawn_blocking(move || {
            let fetcher = fetcher.map_or_else(|| Fetcher::connect(&reader), Ok)?;
            let records = fetcher.fetch_present(&wanted, FETCH_TIMEOUT)?;
            Ok::<_, FetchError>((fetcher, records))
        });
        Ok(fetched.await?.map(|(fetcher, records)| {
            self.fetcher = Some(fetcher);
            records
        }))
    }
}

fn dead_letter(displaced: Displaced, record: Option<RawRecord>) -> DeadLetter {
    let Displaced { conflict, position, mut detail } = displaced;
    let record = record.unwrap_or_else(|| {
        detail.push_str("; the log no longer holds this record, so that its bytes are not kept here");
        RawRecord {
            stream: Stream::Orders,
            position,
            key: Some(Bytes::from(conflict.provider_order_id.to_string())),
            value: None,
            headers: Vec::new(),
            recorded_at: None,
        }
    });
    DeadLetter { record, rejection: Rejection::new(Reason::SequenceConflict, detail), conflict: Some(conflict) }
}
