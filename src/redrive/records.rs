//! The records of dead letters, decoded with today's schemas and rules.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::RedriveError;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::domain::timestamp::Timestamp;
use crate::live::worker::decode::EventDecoder;
use crate::load::LoadContext;
use crate::log::fetch::Fetcher;
use crate::log::{DecodedRecord, RecordDecoder};
use crate::projection::Item;
use crate::store::redrive::Letter;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Besides `schema_registry.unknown_after`, which the registry's word has to stand for.
const SCHEMA_MAX: Duration = Duration::from_secs(30);
const FETCH_MAX: Duration = Duration::from_secs(30);

/// As the live fold would decode them now.
pub async fn decode(ctx: &LoadContext, letters: &[Letter]) -> Result<Vec<Item>, RedriveError> {
    let times = missing_times(ctx, letters).await?;
    let decoder = EventDecoder::new(ctx.decoder.clone(), ctx.resolver.clone());
    let mut items = Vec::with_capacity(letters.len());
    for letter in letters {
        let mut record = letter.record.clone();
        record.recorded_at = record.recorded_at.or_else(|| times.get(&(record.stream, record.position)).copied());
        items.push(item(ctx, &decoder, record).await?);
    }
    Ok(items)
}

async fn item(ctx: &LoadContext, decoder: &EventDecoder, record: RawRecord) -> Result<Item, RedriveError> {
    let limit = SCHEMA_MAX + ctx.config.schema_registry.unknown_after;
    let deadline = Instant::now() + limit;
    loop {
        match decoder.decode(record.clone()) {
            DecodedRecord::Item(item) => return Ok(item),
            DecodedRecord::Wait(id) if Instant::now() >= deadline => {
                return Err(RedriveError::NoSchema { id, seconds: limit.as_secs() });
            }
            DecodedRecord::Wait(_) => sleep(LOOK_EVERY).await,
        }
    }
}

/// Times of records whose dead letters were stored without one, from the log; what the log no longer holds has none.
async fn missing_times(
    ctx: &LoadContext,
    letters: &[Letter],
) -> Result<HashMap<(Stream, Position), Timestamp>, RedriveError> {
    let without = letters.iter().map(|letter| &letter.record).filter(|record| record.recorded_at.is_none());
    let at = |record: &RawRecord| {
        (StreamPartition { stream: record.stream, index: record.position.partition }, record.position.offset)
    };
    let wanted: Vec<_> = without.map(at).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let reader = ctx.reader(Vec::new(), 0);
    let fetched =
        tokio::task::spawn_blocking(move || Fetcher::connect(&reader)?.fetch_present(&wanted, FETCH_MAX)).await;
    let records = fetched.map_err(|_| RedriveError::Stopped)??;
    let time = |record: RawRecord| record.recorded_at.map(|at| ((record.stream, record.position), at));
    Ok(records.into_iter().filter_map(time).collect())
}
