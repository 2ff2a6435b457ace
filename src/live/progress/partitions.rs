//! What is known of the partitions that this process has to fold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::log::reader::client_health::Membership;
use crate::log::survey::list_offsets::LogEnds;
use crate::log::{Phase, ReaderWatch};
use crate::observe::gauges::{PartitionGauges, PartitionValues};

/// Over which time others' claims of a partition of ours are counted.
const FENCED_WITHIN: Duration = Duration::from_secs(60);
/// Only so many of them are remembered.
const FENCED_MAX: usize = 100;

/// Shared by the workers, which tell what they commit, and by whoever looks at how they get on. Clones are the same.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    readers: Vec<ReaderWatch>,
    /// Of each partition's checkpoint.
    next_offsets: BTreeMap<StreamPartition, i64>,
    ends: BTreeMap<StreamPartition, LogEnds>,
    /// Partitions in which records wait: the checkpoint's offset, and since when it is there. It is kept for partitions that
    /// are another's, since one that is handed to and fro without being folded stands still.
    waiting: BTreeMap<StreamPartition, (Option<i64>, Instant)>,
    /// When others claimed a partition that the group has given to us.
    fenced: BTreeMap<StreamPartition, VecDeque<Instant>>,
}

/// A partition at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    pub partition: StreamPartition,
    pub phase: Phase,
    /// `None`: it is not claimed yet, and nobody else knows.
    pub next_offset: Option<i64>,
    /// `None`: the brokers have not told yet.
    pub ends: Option<LogEnds>,
    /// For how long records have waited without the checkpoint moving; zero if none wait.
    pub stalled: Duration,
    /// How often another process claimed it within the last minute.
    pub fenced: usize,
    /// Bytes that its worker has read and not committed, of all its partitions.
    pub in_flight_bytes: usize,
    /// The last error of its worker's client.
    pub last_error: Option<(Instant, String)>,
}

/// The process in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub partitions: usize,
    /// Of each worker that has told.
    pub memberships: Vec<Membership>,
    /// The latest error of any worker's client.
    pub last_error: Option<(Instant, String)>,
}

impl Progress {
    /// Looks at the partitions of one more reader.
    pub fn watch(&self, reader: ReaderWatch) {
        self.lock().readers.push(reader);
    }

    /// A partition is claimed or committed up to `next_offset`.
    pub fn at(&self, partition: StreamPartition, next_offset: i64) {
        self.lock().next_offsets.insert(partition, next_offset);
    }

    /// Somebody else has claimed a partition of ours.
    pub fn fenced(&self, partition: StreamPartition) {
        let mut known = self.lock();
        let times = known.fenced.entry(partition).or_default();
        times.push_back(Instant::now());
        times.truncate(FENCED_MAX);
    }

    /// Where the brokers say that partitions end.
    pub fn ends(&self, ends: BTreeMap<StreamPartition, LogEnds>) {
        self.lock().ends.extend(ends);
    }

    /// Offsets of partitions that are not claimed yet, from elsewhere.
    pub fn presume(&self, next_offsets: BTreeMap<StreamPartition, i64>) {
        let mut known = self.lock();
        for (partition, next_offset) in next_offsets {
            known.next_offsets.entry(partition).or_insert(next_offset);
        }
    }

    /// The partitions that this process has to fold, and those of them whose checkpoint is not known.
    pub fn to_ask(&self) -> (Vec<StreamPartition>, Vec<StreamPartition>) {
        let all: Vec<StreamPartition> = self.assigned().into_iter().map(|(partition, ..)| partition).collect();
        let known = self.lock();
        let unknown = all.iter().filter(|partition| !known.next_offsets.contains_key(partition)).copied().collect();
        (all, unknown)
    }

    pub fn standing(&self) -> Standing {
        let partitions = self.assigned().len();
        let readers = self.lock().readers.clone();
        Standing {
            partitions,
            memberships: readers.iter().filter_map(ReaderWatch::membership).collect(),
            last_error: readers.iter().filter_map(ReaderWatch::last_error).max(),
        }
    }

    /// All partitions that this process has to fold.
    pub fn look(&self, now: Instant) -> Vec<Look> {
        let assigned = self.assigned();
        let mut known = self.lock();
        known.forget_all_but(&assigned.iter().map(|(partition, ..)| *partition).collect());
        assigned
            .into_iter()
            .map(|(partition, phase, in_flight_bytes, reader)| {
                let next_offset = known.next_offsets.get(&partition).copied();
                let ends = known.ends.get(&partition).copied();
                Look {
                    partition,
                    phase,
                    next_offset,
                    ends,
                    stalled: known.stalled(partition, next_offset, ends, now),
                    fenced: known.fenced_lately(partition, now),
                    in_flight_bytes,
                    last_error: reader.last_error(),
                }
            })
            .collect()
    }

    /// Brings the gauges up to date.
    pub fn show(&self, gauges: &PartitionGauges, topics: &Topics) {
        let values = |look: &Look| PartitionValues {
            topic: topics.name(look.partition.stream).to_owned(),
            partition: look.partition.index,
            lag_records: look.lag(),
            open_transaction_records: look.ends.map(|ends| ends.high_watermark - ends.last_stable),
            stalled_seconds: look.stalled.as_secs_f64(),
        };
        gauges.show(self.look(Instant::now()).iter().map(values).collect());
    }

    fn assigned(&self) -> Vec<(StreamPartition, Phase, usize, ReaderWatch)> {
        // Readers are asked without holding what writers wait for.
        let readers = self.lock().readers.clone();
        let of_reader = |reader: ReaderWatch| {
            let partitions = reader.partitions();
            partitions
                .into_iter()
                .map(move |(partition, phase, in_flight)| (partition, phase, in_flight, reader.clone()))
        };
        readers.into_iter().flat_map(of_reader).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change is one operation on a map, so the maps stay valid if a thread panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Another process may move what is not ours.
    fn forget_all_but(&mut self, ours: &BTreeSet<StreamPartition>) {
        self.next_offsets.retain(|partition, _| ours.contains(partition));
        self.ends.retain(|partition, _| ours.contains(partition));
        self.fenced.retain(|partition, _| ours.contains(partition));
    }

    fn stalled(
        &mut self,
        partition: StreamPartition,
        next_offset: Option<i64>,
        ends: Option<LogEnds>,
        now: Instant,
    ) -> Duration {
        let waits = ends.is_some_and(|ends| ends.high_watermark > next_offset.unwrap_or(0));
        if !waits {
            self.waiting.remove(&partition);
            return Duration::ZERO;
        }
        let since = match self.waiting.get(&partition) {
            Some((at, since)) if *at == next_offset || next_offset.is_none() => *since,
            _ => {
                self.waiting.insert(partition, (next_offset, now));
                now
            }
        };
        now.saturating_duration_since(since)
    }

    fn fenced_lately(&mut self, partition: StreamPartition, now: Instant) -> usize {
        let Some(times) = self.fenced.get_mut(&partition) else { return 0 };
        times.retain(|at| now.saturating_duration_since(*at) < FENCED_WITHIN);
        times.len()
    }
}

impl Look {
    /// High watermark minus committed offset.
    pub fn lag(&self) -> Option<i64> {
        Some((self.ends?.high_watermark - self.next_offset?).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::Stream;

    const PARTITION: StreamPartition = StreamPartition { stream: Stream::Orders, index: 3 };

    fn ends(high_watermark: i64) -> Option<LogEnds> {
        Some(LogEnds { high_watermark, last_stable: high_watermark })
    }

    #[test]
    fn a_partition_stands_still_from_the_moment_at_which_records_wait() {
        let (mut known, start) = (Known::default(), Instant::now());
        let mut after = |seconds, next, end| {
            known.stalled(PARTITION, next, ends(end), start + Duration::from_secs(seconds)).as_secs()
        };
        assert_eq!(after(0, Some(5), 5), 0, "nothing waits");
        assert_eq!(after(10, Some(5), 7), 0, "now something does");
        assert_eq!(after(13, Some(5), 9), 3);
        assert_eq!(after(14, Some(6), 9), 0, "it moved");
        assert_eq!(after(18, Some(6), 9), 4);
        assert_eq!(after(19, None, 9), 5, "claiming it again is no progress");
        assert_eq!(after(20, Some(6), 9), 6);
        assert_eq!(after(21, Some(2), 9), 0, "a rollback moves it too");
        assert_eq!(after(22, Some(9), 9), 0);
        assert_eq!(after(30, Some(9), 9), 0);
    }

    #[test]
    fn a_partition_of_unknown_end_is_not_said_to_stand_still() {
        let (mut known, start) = (Known::default(), Instant::now());
        assert_eq!(known.stalled(PARTITION, Some(5), None, start), Duration::ZERO);
        assert_eq!(known.stalled(PARTITION, Some(5), None, start + Duration::from_secs(9)), Duration::ZERO);
    }

    #[test]
    fn claims_by_others_count_for_a_minute() {
        let progress = Progress::default();
        progress.fenced(PARTITION);
        progress.fenced(PARTITION);
        let now = Instant::now();
        assert_eq!(progress.lock().fenced_lately(PARTITION, now), 2);
        assert_eq!(progress.lock().fenced_lately(PARTITION, now + FENCED_WITHIN), 0);
    }
}
