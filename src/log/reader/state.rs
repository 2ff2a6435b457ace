//! State shared by a reader and its rebalance callback: the assigned partitions, and the batches being built.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::delivery::Delivery;
use super::lane::Lane;
use super::partition::{AssignedPartition, Phase};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::record::Stream;

/// State that the reader's thread shares with librdkafka's rebalance callback, behind one mutex.
pub struct State<T> {
    pub partitions: BTreeMap<StreamPartition, AssignedPartition>,
    /// One for each writer.
    pub lanes: Vec<Lane<T>>,
    next_assignment: u64,
    /// When the group last gave or took partitions.
    pub rebalanced: Instant,
    /// Partitions of which the statistics say that they are fetched, and how often in a row.
    pub fetched: HashMap<StreamPartition, u32>,
}

impl<T> State<T> {
    pub fn new(deliveries: Vec<UnboundedSender<Delivery<T>>>) -> State<T> {
        State {
            partitions: BTreeMap::new(),
            lanes: deliveries.into_iter().map(Lane::new).collect(),
            next_assignment: 1,
            rebalanced: Instant::now(),
            fetched: HashMap::new(),
        }
    }

    /// Deals a partition to the lane that has the fewest of its topic, and of those to the one with the fewest at all.
    pub fn deal(&mut self, partition: StreamPartition) {
        let lane = self.lightest(partition.stream);
        self.assign(partition, lane, Instant::now());
    }

    /// Begins another assignment of a partition, to be claimed by a lane's writer. Returns its number.
    pub fn assign(&mut self, partition: StreamPartition, lane: usize, not_before: Instant) -> u64 {
        self.next_assignment += 1;
        let assignment = self.next_assignment;
        let phase = Phase::Unclaimed { not_before };
        self.partitions.insert(partition, AssignedPartition { assignment, lane, phase });
        assignment
    }

    fn lightest(&self, stream: Stream) -> usize {
        let lanes = 0..self.lanes.len();
        lanes.min_by_key(|lane| (self.dealt(*lane, Some(stream)), self.dealt(*lane, None))).unwrap_or(0)
    }

    /// How many partitions a lane has, of one topic or of both.
    fn dealt(&self, lane: usize, stream: Option<Stream>) -> usize {
        let counts = |(partition, assigned): &(&StreamPartition, &AssignedPartition)| {
            assigned.lane == lane && stream.is_none_or(|stream| partition.stream == stream)
        };
        self.partitions.iter().filter(counts).count()
    }

    /// A partition that belongs elsewhere, and the lane that it belongs to: no lane has two more of a topic than another.
    pub fn misdealt(&self) -> Option<(StreamPartition, usize)> {
        [Stream::Orders, Stream::Runs].into_iter().find_map(|stream| {
            let to = self.lightest(stream);
            let least = self.dealt(to, Some(stream));
            let of_topic = self.partitions.iter().filter(|(partition, _)| partition.stream == stream);
            let mut heavy = of_topic.filter(|(_, assigned)| self.dealt(assigned.lane, Some(stream)) > least + 1);
            heavy.next().map(|(partition, _)| (*partition, to))
        })
    }

    /// The lanes of partitions.
    pub fn lanes_of(&self, partitions: &[StreamPartition]) -> BTreeSet<usize> {
        partitions.iter().filter_map(|partition| self.partitions.get(partition)).map(|assigned| assigned.lane).collect()
    }

    /// When the oldest batch being built was begun.
    pub fn started(&self) -> Option<Instant> {
        self.lanes.iter().filter_map(Lane::started).min()
    }

    /// Whether a record at this offset is wanted: the partition is being read, and it wasn't taken yet.
    pub fn wants(&self, partition: StreamPartition, offset: i64) -> bool {
        let phase = self.partitions.get(&partition).map(|assigned| assigned.phase);
        matches!(phase, Some(Phase::Active { position, .. }) if offset >= position.next_offset)
    }

    /// Whether a record is the one by which its partition proves its log; does nothing if it has to prove nothing.
    pub fn prove(&mut self, partition: StreamPartition, found: RecordMark) {
        if let Some(AssignedPartition { phase: Phase::Proving { record, outcome, .. }, .. }) =
            self.partitions.get_mut(&partition)
            && found.offset >= record.offset
        {
            outcome.get_or_insert(found == *record);
        }
    }

    /// Takes a record that is wanted. `record`: just after it. Returns its lane.
    pub fn take(&mut self, partition: StreamPartition, record: LogPosition, bytes: usize, item: T) -> usize {
        self.pass(partition, record);
        let lane = self.partitions.get(&partition).map_or(0, |assigned| assigned.lane);
        self.lanes[lane].push(item, bytes);
        lane
    }

    /// Moves a partition that is being read to a position; everything before it counts as passed.
    pub fn pass(&mut self, partition: StreamPartition, to: LogPosition) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { position, .. } = assigned.phase else { return };
        let from = position.next_offset;
        if to.next_offset <= from {
            return;
        }
        let last_record = to.last_record.or(position.last_record);
        assigned.phase = Phase::Active { position: LogPosition { last_record, ..to }, stale: None };
        self.lanes[assigned.lane].cover((partition, *assigned), from, to, last_record);
    }

    /// Takes over the consumer's position, which passes offsets without records; `None`: it has none yet.
    pub fn position(&mut self, partition: StreamPartition, position: Option<LogPosition>) {
        let Some(assigned) = self.partitions.get_mut(&partition) else { return };
        let Phase::Active { stale, .. } = &mut assigned.phase else { return };
        if stale.is_some() && *stale == position.map(|position| position.next_offset) {
            return;
        }
        *stale = None;
        if let Some(position) = position {
            self.pass(partition, position);
        }
    }

    /// Sends the batch in which a partition's records are, if there is one.
    pub fn flush(&mut self, partition: StreamPartition) {
        for lane in self.lanes_of(&[partition]) {
            self.lanes[lane].flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lanes: usize) -> State<()> {
        State::new((0..lanes).map(|_| tokio::sync::mpsc::unbounded_channel().0).collect())
    }

    fn partitions(stream: Stream, count: i32) -> impl Iterator<Item = StreamPartition> {
        (0..count).map(move |index| StreamPartition { stream, index })
    }

    fn dealt(state: &State<()>, stream: Stream) -> Vec<usize> {
        (0..state.lanes.len()).map(|lane| state.dealt(lane, Some(stream))).collect()
    }

    #[test]
    fn each_topic_is_dealt_evenly() {
        let mut state = state(3);
        partitions(Stream::Orders, 8).chain(partitions(Stream::Runs, 4)).for_each(|partition| state.deal(partition));
        assert_eq!(dealt(&state, Stream::Orders), [3, 3, 2]);
        // The lane that has fewer orders gets the run that is left over.
        assert_eq!(dealt(&state, Stream::Runs), [1, 1, 2]);
        assert_eq!(state.misdealt(), None);
    }

    #[test]
    fn what_the_group_takes_from_one_lane_is_dealt_again() {
        let mut state = state(2);
        partitions(Stream::Orders, 8).for_each(|partition| state.deal(partition));
        state.partitions.retain(|_, assigned| assigned.lane == 1);
        let mut moved = 0;
        while let Some((partition, lane)) = state.misdealt() {
            assert_eq!(lane, 0);
            state.assign(partition, lane, Instant::now());
            moved += 1;
        }
        assert_eq!((moved, dealt(&state, Stream::Orders)), (2, vec![2, 2]));
    }
}
