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
use crate::log::fetch::{FetchError, fetch_present};

/// For all of a batch together.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes dead letters of the displaced events, with their raw bytes read from the log again. What the log no longer
/// holds is stored without them: no waiting brings it back.
///
/// The outer error: the process is ending.
pub async fn fetch(reader: &ReaderSettings, changes: &mut ChangeSet) -> Result<Result<(), FetchError>, JoinError> {
    if changes.displaced.is_empty() {
        return Ok(Ok(()));
    }
    let reader = reader.clone();
    let partition = |position: Position| StreamPartition { stream: Stream::Orders, index: position.partition };
    let wanted: Vec<_> =
        changes.displaced.iter().map(|displaced| (partition(displaced.position), displaced.position.offset)).collect();
    let records = match tokio::task::spawn_blocking(move || fetch_present(&reader, &wanted, FETCH_TIMEOUT)).await? {
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
