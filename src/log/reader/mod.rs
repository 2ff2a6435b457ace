//! The thread that reads Kafka. It always polls, so that a slow Postgres or an absent registry never gets it
//! expelled from its group.

mod budget;
pub mod client_health;
pub mod consumer;
pub mod context;
mod deal;
pub mod delivery;
pub mod ended;
mod errors;
mod handle;
mod lane;
mod leave;
mod log_guard;
mod moving;
pub mod partition;
mod refusal;
mod relief;
pub mod settings;
mod state;
mod stopped;
mod upkeep;
pub mod watch;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

use super::events::{Events, Polled, Trouble};
use super::fetch::{raw_record, record_view};
use super::survey::topic_state::TopicWatch;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::observe::health::Readiness;
use budget::{Budget, FULL_PAUSE};
use client_health::ClientHealth;
use consumer::reader_config;
use context::{ReaderContext, lock, stop_fetching};
use delivery::{Batch, Control, DecodedRecord, Delivery, RecordDecoder};
use ended::ReaderEnded;
pub use handle::ReaderHandle;
use handle::ReaderThread;
use moving::Move;
use partition::Phase;
use settings::{PartitionSource, ReaderSettings};
use state::State;
use stopped::LogGuard;
pub use watch::InFlight;
use watch::ReaderWatch;

/// Minimum wait for a record, so that a batch that waits for the writer doesn't spin.
const POLL_MIN: Duration = Duration::from_millis(1);
/// Maximum wait for a record; bounds how late control messages are seen.
const POLL_MAX: Duration = Duration::from_millis(20);
/// Maximum records taken between two checks of the clock and of control messages, while records are buffered and the
/// batch has room: at a million records per second, those checks cost as much as handling a record.
const RECORDS_A_ROUND: usize = 32;
/// How often to check waiting partitions, and to pass on positions without records.
pub(super) const UPKEEP_EVERY: Duration = Duration::from_millis(50);
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// What a record takes beside its key, value and headers, so that a flood of tiny ones is bounded too.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 256;

/// The thread that reads Kafka: always polls, decodes with the decoder, and sends batches and claims to the writers.
pub struct Reader<S: RecordDecoder> {
    pub(super) settings: ReaderSettings,
    events: Events,
    pub(super) topic_watch: TopicWatch,
    /// After `events` and `topic_watch`, which are dropped first.
    pub(super) consumer: BaseConsumer<ReaderContext<S::Item>>,
    pub(super) state: Arc<Mutex<State<S::Item>>>,
    pub(super) decoder: S,
    pub(super) readiness: Readiness,
    pub(super) controls: mpsc::Receiver<Control>,
    /// Of each lane.
    pub(super) budgets: Vec<Budget>,
    /// A partition on its way to another lane.
    pub(super) moving: Option<Move>,
    /// Set by an error after which librdkafka's client never delivers anything again.
    fatal: Option<ReaderEnded>,
    pub(super) next_upkeep: Instant,
    pub(super) group_offsets: HashMap<StreamPartition, i64>,
    pub(super) next_group_commit: Instant,
    /// The topic id with which each partition was last claimed.
    pub(super) claimed_topic_ids: HashMap<StreamPartition, String>,
    pub(super) log_guard: LogGuard,
}

impl<S: RecordDecoder> Reader<S> {
    /// Reads on a thread of its own until `Control::Stop`, as a member of the group or its fixed partitions, for one writer.
    pub fn start(
        settings: ReaderSettings,
        readiness: Readiness,
        decoder: S,
        deliveries: UnboundedSender<Delivery<S::Item>>,
    ) -> Result<ReaderHandle, KafkaError> {
        let mut handles = Reader::start_for(settings, readiness, decoder, vec![deliveries])?;
        // There is one for each writer.
        Ok(handles.swap_remove(0))
    }

    /// The same for several writers, to which the partitions are dealt. Returns a handle for each of them.
    pub fn start_for(
        settings: ReaderSettings,
        readiness: Readiness,
        decoder: S,
        deliveries: Vec<UnboundedSender<Delivery<S::Item>>>,
    ) -> Result<Vec<ReaderHandle>, KafkaError> {
        let budgets: Vec<Budget> = deliveries.iter().map(|_| Budget::default()).collect();
        let in_flight: Vec<InFlight> = budgets.iter().map(|budget| budget.in_flight.clone()).collect();
        let state = Arc::new(Mutex::new(State::new(deliveries)));
        let readiness = readiness.source();
        let health = Arc::new(Mutex::new(ClientHealth::new(&settings.kafka.group, &settings.topics)));
        let context = ReaderContext {
            topics: settings.topics.clone(),
            state: state.clone(),
            drain_timeout: settings.drain_timeout,
            stopping: Mutex::default(),
            health: health.clone(),
            readiness: readiness.clone(),
        };
        let consumer = reader_config(&settings).create_with_context::<_, BaseConsumer<_>>(context)?;
        match &settings.source {
            PartitionSource::Group => consumer.subscribe(&[&settings.topics.orders, &settings.topics.runs])?,
            PartitionSource::Fixed(partitions) => consumer.context().assigned(partitions),
        }
        let (sender, controls) = mpsc::channel();
        let watch = ReaderWatch::new(&state, in_flight.clone(), health);
        let now = Instant::now();
        let reader = Reader {
            settings,
            events: Events::of(&consumer)?,
            topic_watch: TopicWatch::default(),
            consumer,
            state,
            decoder,
            readiness,
            controls,
            budgets,
            moving: None,
            fatal: None,
            next_upkeep: now,
            group_offsets: HashMap::new(),
            next_group_commit: now,
            claimed_topic_ids: HashMap::new(),
            log_guard: LogGuard::default(),
        };
        let thread = std::thread::Builder::new()
            .name("kafka-reader".into())
            .spawn(move || reader.run())
            .map_err(|error| KafkaError::ClientCreation(format!("cannot start the consumer's thread: {error}")))?;
        let thread = Arc::new(ReaderThread::new(thread));
        let handle = |in_flight| {
            let (controls, watch, thread) = (sender.clone(), watch.clone(), thread.clone());
            ReaderHandle { controls, in_flight, watch, thread }
        };
        Ok(in_flight.into_iter().map(handle).collect())
    }

    /// Reads until it is told to stop, or the client is of no more use.
    fn run(mut self) -> Result<(), ReaderEnded> {
        let mut now = Instant::now();
        while self.obey() && self.fatal.is_none() {
            if self.is_held_up() {
                std::thread::sleep(FULL_PAUSE);
            } else {
                self.poll(now);
            }
            now = Instant::now();
            self.flush_if_due(now);
            if now >= self.next_upkeep {
                self.next_upkeep = now + UPKEEP_EVERY;
                self.upkeep();
            }
        }
        self.commit_group_offsets();
        self.let_go();
        let (state, fatal) = (self.state.clone(), self.fatal.take());
        drop(self);
        if let Some(ended) = fatal {
            return Err(ended);
        }
        for lane in &lock(&state).lanes {
            lane.send(Delivery::End);
        }
        Ok(())
    }

    /// Handles the writer's messages. Returns `false` when it is time to stop.
    fn obey(&mut self) -> bool {
        while let Ok(control) = self.controls.try_recv() {
            match control {
                Control::Stop => return false,
                // A reader that is not a member of the group must not move the group's offsets.
                Control::Committed(offsets) if self.settings.source == PartitionSource::Group => {
                    self.group_offsets.extend(offsets);
                }
                Control::Committed(_) => {}
                Control::Granted { partition, assignment, position } => {
                    self.change(partition, assignment, Phase::Granted { position, not_before: Instant::now() });
                    self.next_upkeep = Instant::now();
                }
                Control::Lost { partition, assignment, pause } => self.lose(partition, assignment, pause),
            }
        }
        true
    }

    pub(super) fn change(&self, partition: StreamPartition, assignment: u64, phase: Phase) {
        if let Some(assigned) = lock(&self.state).partitions.get_mut(&partition)
            && assigned.assignment == assignment
        {
            assigned.phase = phase;
        }
    }

    pub(super) fn lose(&self, partition: StreamPartition, assignment: u64, pause: Duration) {
        let mut state = lock(&self.state);
        let Some(assigned) = state.partitions.get(&partition).filter(|assigned| assigned.assignment == assignment)
        else {
            return;
        };
        let lane = assigned.lane;
        // The batch being built was read under the lost assignment: the writer drops that span.
        state.lanes[lane].flush();
        state.assign(partition, lane, Instant::now() + pause);
        drop(state);
        self.stop_fetching(partition);
    }

    fn poll_timeout(&self, now: Instant) -> Duration {
        match lock(&self.state).started() {
            Some(started) => {
                self.settings.linger.saturating_sub(now.saturating_duration_since(started)).clamp(POLL_MIN, POLL_MAX)
            }
            None => POLL_MAX,
        }
    }

    /// Whether there is room for another record.
    fn take(&self, polled: &Polled<'_>) -> bool {
        let message = polled.message();
        let Some(stream) = self.settings.topics.stream(message.topic()) else { return true };
        let partition = StreamPartition { stream, index: message.partition() };
        let offset = message.offset();
        let mut state = lock(&self.state);
        if !state.wants(partition, offset) {
            state.prove(partition, RecordMark { offset, millis: message.millis().unwrap_or(-1) });
            return true;
        }
        let leader_epoch = message.leader_epoch();
        let last_record = message.millis().map(|millis| RecordMark { offset, millis });
        let (item, bytes) = match self.decoder.decode_borrowed(record_view(stream, message)) {
            Some(decoded) => decoded,
            None => {
                let record = raw_record(stream, message);
                let record_bytes = RECORD_OVERHEAD_BYTES + record.bytes();
                match self.decoder.decode(record) {
                    DecodedRecord::Item(item) => {
                        let bytes = self.decoder.item_bytes(&item, record_bytes);
                        (item, bytes)
                    }
                    DecodedRecord::Wait(token) => {
                        drop(state);
                        self.wait_for(
                            partition,
                            LogPosition { next_offset: offset, leader_epoch, last_record: None },
                            token,
                        );
                        return true;
                    }
                }
            }
        };
        let after = LogPosition { next_offset: offset + 1, leader_epoch, last_record };
        // It is wanted, so that the partition is being read.
        let Some(lane) = state.take(partition, after, bytes, item) else { return true };
        let in_flight = self.budgets[lane].in_flight.fetch_add(bytes, Ordering::Relaxed) + bytes;
        in_flight < self.settings.queue_bytes_max && !self.is_full(state.lanes[lane].batch())
    }

    fn is_full(&self, batch: &Batch<S::Item>) -> bool {
        batch.items.len() >= self.settings.records_max || batch.bytes >= self.settings.bytes_max
    }

    /// A record can't be decoded yet: its partition stops before it, the others continue.
    fn wait_for(&self, partition: StreamPartition, before: LogPosition, token: u32) {
        let mut state = lock(&self.state);
        state.pass(partition, before);
        if let Some(assigned) = state.partitions.get_mut(&partition)
            && let Phase::Active { position, .. } = assigned.phase
        {
            assigned.phase = Phase::Waiting { position, token };
        }
        drop(state);
        self.stop_fetching(partition);
    }

    fn flush_if_due(&mut self, now: Instant) {
        let mut state = lock(&self.state);
        for (lane, budget) in state.lanes.iter_mut().zip(&self.budgets) {
            let batch = lane.batch();
            let full = self.is_full(batch);
            let lingered =
                lane.started().is_some_and(|started| now.saturating_duration_since(started) >= self.settings.linger);
            // While the writer is busy the batch grows, so that a backlog is caught up in fewer, larger transactions.
            let idle = budget.bytes() <= batch.bytes;
            if full || (lingered && idle) {
                lane.flush();
            }
        }
    }

    fn poll(&mut self, now: Instant) {
        self.relieve();
        // Buffered records need no check of the clock.
        let mut polled = self.next_event(Duration::ZERO).or_else(|| self.next_event(self.poll_timeout(now)));
        let mut taken = 0;
        while let Some(outcome) = polled {
            match outcome {
                Ok(record) => {
                    taken += 1;
                    if !self.take(&record) || taken == RECORDS_A_ROUND {
                        return;
                    }
                }
                Err(trouble) => return self.stop_at(trouble),
            }
            polled = self.next_event(Duration::ZERO);
        }
    }

    fn next_event(&self, timeout: Duration) -> Option<Result<Polled<'_>, Trouble>> {
        self.events.poll(&self.consumer, timeout)
    }

    pub(super) fn list(&self, partitions: &[StreamPartition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(self.settings.topics.name(partition.stream), partition.index);
        }
        list
    }

    /// Records of the partition that still arrive are dropped.
    pub(super) fn stop_fetching(&self, partition: StreamPartition) {
        if let Err(error) = stop_fetching(&self.consumer, &self.list(&[partition]), false) {
            warn!(%error, "Kafka: could not stop fetching a partition; its records are dropped");
        }
    }
}
