//! State shared by a reader and its rebalance callback: the assigned partitions, and the batches being built.

use std::collections::BTreeMap;
use std::time::Instant;

use hashbrown::HashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::delivery::Delivery;
use super::lane::Lane;
use super::partition::{AssignedPartition, Phase};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::record::Stream;

const TOPICS: [Stream; 2] = [Stream::Orders, Stream::Runs];

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
        let (of_topic, of_both) = (self.dealt(&[stream]), self.dealt(&TOPICS));
        (0..self.lanes.len()).min_by_key(|lane| (of_topic[*lane], of_both[*lane])).unwrap_or(0)
    }

    /// How many partitions of these topics each lane has.
    fn dealt(&self, streams: &[Stream]) -> Vec<usize> {
        let mut dealt = vec![0; self.lanes.len()];
        for (_, assigned) in self.partitions.iter().filter(|(partition, _)| streams.contains(&partition.stream)) {
            dealt[assigned.lane] += 1;
        }
        dealt
    }

    /// A partition that belongs elsewhere, and the lane that it belongs to: no lane has two more of a topic than another.
    pub fn misdealt(&self) -> Option<(StreamPartition, usize)> {
        TOPICS.into_iter().find_map(|stream| {
            let (to, dealt) = (self.lightest(stream), self.dealt(&[stream]));
            let is_misdealt = |(partition, assigned): &(&StreamPartition, &AssignedPartition)| {
                partition.stream == stream && dealt[assigned.lane] > dealt[to] + 1
            };
            self.partitions.iter().find(is_misdealt).map(|(partition, _)| (*partition, to))
        })
    }

    /// The lane of a partition; `None`: it is not assigned.
    pub fn lane_of(&mut self, partition: StreamPartition) -> Option<&mut Lane<T>> {
        let lane = self.partitions.get(&partition)?.lane;
        self.lanes.get_mut(lane)
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

    /// Takes a record that is wanted. `record`: just after it. Returns its lane; `None`: it was not wanted.
    pub fn take(&mut self, partition: StreamPartition, record: LogPosition, bytes: usize, item: T) -> Option<usize> {
        let lane = self.pass(partition, record)?;
        self.lanes[lane].push(item, bytes);
        Some(lane)
    }

    /// Moves a partition that is being read to a position; everything before it counts as passed. Returns its lane, unless
    /// it does not move.
    pub fn pass(&mut self, partition: StreamPartition, to: LogPosition) -> Option<usize> {
        let assigned = self.partitions.get_mut(&partition)?;
        let Phase::Active { position, .. } = assigned.phase else { return None };
        let from = position.next_offset;
        if to.next_offset <= from {
            return None;
        }
        let last_record = to.last_record.or(position.last_record);
        assigned.phase = Phase::Active { position: LogPosition { last_record, ..to }, stale: None };
        self.lanes[assigned.lane].cover((partition, *assigned), from, to, last_record);
        Some(assigned.lane)
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

    #[test]
    fn each_topic_is_dealt_evenly() {
        let mut state = state(3);
        partitions(Stream::Orders, 8).chain(partitions(Stream::Runs, 4)).for_each(|partition| state.deal(partition));
        assert_eq!(state.dealt(&[Stream::Orders]), [3, 3, 2]);
        // The lane that has fewer orders gets the run that is left over.
        assert_eq!(state.dealt(&[Stream::Runs]), [1, 1, 2]);
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
        assert_eq!((moved, state.dealt(&[Stream::Orders])), (2, vec![2, 2]));
    }
}
