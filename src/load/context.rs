//! Context of every fold outside `run`: configuration, database, decoder, schema resolver, metrics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::error::LoadError;
use crate::codec::{Decoder, Limits};
use crate::config::Config;
use crate::domain::log::new_logs::NewLogs;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::record::{RawRecord, Stream, Topics};
use crate::log::fetch::{FetchError, fetch_first, fetch_records};
use crate::log::survey::continuity::{Truncated, truncated};
use crate::log::survey::{SurveyError, TopicSurvey, survey};
use crate::log::{PartitionSource, ReaderSettings};
use crate::observe::{Metrics, Readiness};
use crate::registry::Resolver;
use crate::store::connect::Access;
use crate::store::tables::checkpoints::LogStart;

const SURVEY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to ask brokers that don't answer (this process may have been suspended meanwhile).
const SURVEY_TRIES: u32 = 3;
const SURVEY_PAUSE: Duration = Duration::from_millis(500);
/// How long a stopping reader waits for work in flight: everything that isn't cut is read again anyway.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);
const LINGER: Duration = Duration::from_millis(50);
const RECORDS_MAX: usize = 20_000;
const KIB: usize = 1024;

/// Clones share all of it.
#[derive(Clone)]
pub struct LoadContext {
    pub config: Config,
    /// Without a statement timeout.
    pub access: Access,
    pub topics: Topics,
    pub decoder: Decoder,
    pub resolver: Resolver,
    /// Dependencies that are being waited for: Postgres, Kafka, the registry.
    pub readiness: Readiness,
    /// Topics whose log is folded as a new one, whatever was folded before.
    pub new_logs: NewLogs,
    pub(super) metrics: Arc<Metrics>,
}

impl LoadContext {
    pub fn new(config: &Config, access: &Access) -> Result<LoadContext, LoadError> {
        let topics = config.kafka.topics();
        let limits = Limits { value_bytes_max: config.limits.value_bytes_max, ..Limits::default() };
        let decoder = Decoder::new(limits);
        let readiness = Readiness::default();
        let resolver = Resolver::new(config, decoder.clone(), readiness.clone())?;
        // Not installed as recorder: a rebuild reports its numbers through Postgres.
        let (metrics, _) = Metrics::new().map_err(|error| LoadError::Failed(error.to_string()))?;
        let (config, access) = (config.clone(), access.unhurried().open_for(config.rebuild.cut));
        let (new_logs, metrics) = (NewLogs::default(), Arc::new(metrics));
        Ok(LoadContext { config, access, topics, decoder, resolver, readiness, new_logs, metrics })
    }

    /// What the log holds now.
    pub async fn survey(&self) -> Result<Vec<TopicSurvey>, LoadError> {
        let mut tries = 1;
        loop {
            match survey(&self.config.kafka, &self.topics, SURVEY_TIMEOUT).await {
                Err(SurveyError::Unreachable { .. } | SurveyError::Partition { .. }) if tries < SURVEY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(SURVEY_PAUSE).await;
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Positions before which other records stand in the log now than those that were folded.
    pub async fn truncated(
        &self,
        positions: &BTreeMap<StreamPartition, LogPosition>,
    ) -> Result<Vec<Truncated>, LoadError> {
        Ok(truncated(&self.config.kafka, &self.topics, positions, SURVEY_TIMEOUT).await?)
    }

    /// The partitions that don't have this record any more, but another one at its offset, or none.
    pub async fn altered(
        &self,
        records: &BTreeMap<StreamPartition, RecordMark>,
    ) -> Result<Vec<StreamPartition>, LoadError> {
        let (mut open, mut altered) = (records.clone(), Vec::new());
        while !open.is_empty() {
            let wanted: Vec<_> = open.iter().map(|(partition, record)| (*partition, record.offset)).collect();
            let settings = self.reader(Vec::new(), 0);
            let fetched = tokio::task::spawn_blocking(move || fetch_records(&settings, &wanted, SURVEY_TIMEOUT)).await;
            match fetched.map_err(|_| LoadError::stopped())? {
                Ok(found) => {
                    let is_other = |found: &RawRecord| {
                        let partition = StreamPartition { stream: found.stream, index: found.position.partition };
                        let millis = found.recorded_at.map(|at| at.micros().div_euclid(1000));
                        let other = open.get(&partition).is_some_and(|record| millis != Some(record.millis));
                        other.then_some(partition)
                    };
                    altered.extend(found.iter().filter_map(is_other));
                    break;
                }
                Err(FetchError::Gone { topic, partition: index, .. }) => {
                    let gone = self.topics.stream(&topic).map(|stream| StreamPartition { stream, index });
                    altered.extend(gone);
                    open.retain(|partition, _| Some(*partition) != gone);
                }
                // What stands there can't be read: the load meets it, and says so.
                Err(FetchError::Unreadable { topic, partition: index, .. }) => {
                    open.retain(|it, _| self.topics.name(it.stream) != topic || it.index != index);
                }
                Err(error) => return Err(LoadError::Passing(error.to_string())),
            }
        }
        Ok(altered)
    }

    /// The first of the records at these offsets of a partition of orders, up to so many bytes, but at least one. Fails if
    /// one of them is missing.
    pub(super) async fn fetch_first_orders(
        &self,
        partition: i32,
        offsets: Vec<i64>,
        bytes_max: usize,
    ) -> Result<Vec<RawRecord>, LoadError> {
        let partition = StreamPartition { stream: Stream::Orders, index: partition };
        let settings = self.reader(Vec::new(), 0);
        let fetch = move || fetch_first(&settings, partition, &offsets, bytes_max, FETCH_TIMEOUT);
        let fetched = tokio::task::spawn_blocking(fetch).await;
        fetched.map_err(|_| LoadError::stopped())?.map_err(of_fetch)
    }

    /// Fetches records of orders again, by their positions. Fails if any of them is missing.
    pub(super) async fn fetch_orders(
        &self,
        positions: impl Iterator<Item = Position>,
    ) -> Result<HashMap<Position, RawRecord>, LoadError> {
        let orders_partition = |index| StreamPartition { stream: Stream::Orders, index };
        let wanted: Vec<_> =
            positions.map(|position| (orders_partition(position.partition), position.offset)).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let settings = self.reader(Vec::new(), 0);
        let fetched = tokio::task::spawn_blocking(move || fetch_records(&settings, &wanted, FETCH_TIMEOUT)).await;
        let records = fetched.map_err(|_| LoadError::stopped())?.map_err(of_fetch)?;
        Ok(records.into_iter().map(|record| (record.position, record)).collect())
    }

    /// A reader of exactly these partitions, whose queues together take about `memory_bytes`.
    pub fn reader(&self, partitions: Vec<StreamPartition>, memory_bytes: usize) -> ReaderSettings {
        ReaderSettings {
            kafka: self.config.kafka.clone(),
            topics: self.topics.clone(),
            source: PartitionSource::Fixed(partitions),
            linger: LINGER,
            records_max: RECORDS_MAX,
            bytes_max: (memory_bytes / 5).max(256 * KIB),
            queue_bytes_max: (memory_bytes / 2).max(KIB * KIB),
            // librdkafka doesn't count its overhead per record, which is about as much again.
            kafka_queue_kbytes: Some((memory_bytes / 4 / KIB).max(KIB)),
            drain_timeout: DRAIN_TIMEOUT,
        }
    }
}

fn of_fetch(error: FetchError) -> LoadError {
    match error {
        // No waiting brings it back.
        FetchError::Gone { .. } | FetchError::Unreadable { .. } => LoadError::Failed(error.to_string()),
        error => LoadError::Passing(error.to_string()),
    }
}

/// Start of each partition of the log.
pub fn found(survey: &[TopicSurvey]) -> BTreeMap<StreamPartition, LogStart> {
    let found = |topic: &TopicSurvey| {
        let topic_id = topic.topic_id.clone();
        let found = move |partition, log_start| LogStart { partition, log_start, topic_id: topic_id.clone() };
        topic.partitions.iter().map(|at| (at.partition, found(at.partition, at.log_start))).collect::<Vec<_>>()
    };
    survey.iter().flat_map(found).collect()
}

/// Distributes partitions over `workers`, so that each has about as much to read. `weight`: offsets to read.
pub fn share(mut partitions: Vec<(StreamPartition, u64)>, workers: usize) -> Vec<Vec<StreamPartition>> {
    partitions.sort_by_key(|(partition, weight)| (std::cmp::Reverse(*weight), *partition));
    let mut shares: Vec<(u64, Vec<StreamPartition>)> = vec![(0, Vec::new()); workers.max(1)];
    for (partition, weight) in partitions {
        // There is at least one worker.
        let Some(least) = shares.iter_mut().min_by_key(|(sum, list)| (*sum, list.len())) else { continue };
        least.0 += weight;
        least.1.push(partition);
    }
    shares.into_iter().map(|(_, list)| list).filter(|list| !list.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::Stream;

    #[test]
    fn workers_get_about_as_much_to_read() {
        let orders_partition = |index| StreamPartition { stream: Stream::Orders, index };
        let shares = share(
            vec![
                (orders_partition(0), 10),
                (orders_partition(1), 70),
                (orders_partition(2), 30),
                (orders_partition(3), 25),
            ],
            2,
        );
        assert_eq!(
            shares,
            [vec![orders_partition(1)], vec![orders_partition(2), orders_partition(3), orders_partition(0)]]
        );
        assert_eq!(share(vec![(orders_partition(0), 0)], 3), [vec![orders_partition(0)]]);
    }
}
