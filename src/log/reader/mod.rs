//! The thread that reads Kafka. It always polls, so that a slow Postgres or an absent registry never gets it
//! expelled from its group.

pub mod client_health;
pub mod consumer;
pub mod context;
pub mod delivery;
pub mod ended;
mod errors;
mod handle;
mod leave;
mod log_guard;
pub mod partition;
mod refusal;
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
use tracing::{debug, warn};

use super::events::{Events, Polled, Trouble};
use super::fetch::{raw_record, record_view};
use super::survey::topic_state::TopicWatch;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::observe::health::Readiness;
use client_health::ClientHealth;
use consumer::reader_config;
use context::{ReaderContext, lock, stop_fetching};
use delivery::{Batch, Control, DecodedRecord, Delivery, RecordDecoder};
use ended::ReaderEnded;
pub use handle::ReaderHandle;
use partition::{AssignedPartition, Phase};
use settings::{PartitionSource, ReaderSettings};
use state::State;
use stopped::LogGuard;
pub use watch::InFlight;
use watch::ReaderWatch;

/// Minimum wait for a record, so that a batch that waits for the writer doesn't spin.
const POLL_MIN: Duration = Duration::from_millis(1);
/// Maximum wait for a record; bounds how late control messages are seen.
const POLL_MAX: Duration = Duration::from_millis(20);
/// How often to check whether there is room again.
const FULL_PAUSE: Duration = Duration::from_millis(1);
/// Maximum records taken between two checks of the clock and of control messages, while records are buffered and the
/// batch has room: at a million records per second, those checks cost as much as handling a record.
const RECORDS_A_ROUND: usize = 32;
/// How often to check waiting partitions, and to pass on positions without records.
pub(super) const UPKEEP_EVERY: Duration = Duration::from_millis(50);
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// What a record takes beside its key, value and headers, so that a flood of tiny ones is bounded too.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 256;

/// The thread that reads Kafka: always polls, decodes with the decoder, and sends batches and claims to the writer.
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
    pub(super) in_flight: InFlight,
    /// Whether the active partitions are paused since too much is in flight. No partition becomes active meanwhile.
    pub(super) full: bool,
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
    /// Reads on a thread of its own until `Control::Stop`, as a member of the group or its fixed partitions.
    pub fn start(
        settings: ReaderSettings,
        readiness: Readiness,
        decoder: S,
        deliveries: UnboundedSender<Delivery<S::Item>>,
    ) -> Result<ReaderHandle, KafkaError> {
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
        let in_flight = InFlight::default();
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
            in_flight: in_flight.clone(),
            full: false,
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
        Ok(ReaderHandle { controls: sender, in_flight, watch, thread })
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
        lock(&state).send(Delivery::End);
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
        if state.partitions.get(&partition).is_none_or(|assigned| assigned.assignment != assignment) {
            return;
        }
        // The batch being built was read under the lost assignment: the writer drops that span.
        state.flush();
        let assignment = state.next_assignment();
        state.partitions.insert(partition, AssignedPartition::unclaimed(assignment, Instant::now() + pause));
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
        let in_flight = self.in_flight.fetch_add(bytes, Ordering::Relaxed) + bytes;
        state.take(partition, LogPosition { next_offset: offset + 1, leader_epoch, last_record }, bytes, item);
        in_flight < self.settings.queue_bytes_max && !self.is_full(state.batch())
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
        let batch = state.batch();
        let full = self.is_full(batch);
        let lingered =
            state.started().is_some_and(|started| now.saturating_duration_since(started) >= self.settings.linger);
        // While the writer is busy the batch grows, so that a backlog is caught up in fewer, larger transactions.
        let idle = self.in_flight.load(Ordering::Relaxed) <= batch.bytes;
        if full || (lingered && idle) {
            state.flush();
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

    /// Whether to stop polling because too much is in flight, which keeps what librdkafka has fetched; a pause would
    /// throw it away. Only for fixed partitions: the group would expel a consumer that doesn't poll.
    fn is_held_up(&self) -> bool {
        self.settings.source != PartitionSource::Group
            && self.in_flight.load(Ordering::Relaxed) >= self.settings.queue_bytes_max
    }

    /// Pauses everything while too much is in flight, and resumes when there is room again.
    fn relieve(&mut self) {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let full = in_flight >= self.settings.queue_bytes_max;
        if full && !self.full {
            // Pausing throws away what librdkafka has fetched: a short wait is cheaper.
            let patience = Instant::now() + Duration::from_millis(100);
            while self.in_flight.load(Ordering::Relaxed) >= self.settings.queue_bytes_max {
                if Instant::now() >= patience {
                    self.full = true;
                    return self.pause(&self.active());
                }
                std::thread::sleep(FULL_PAUSE);
            }
        } else if self.full && in_flight < self.settings.queue_bytes_max / 2 {
            self.full = false;
            self.resume(&self.active());
        }
    }

    pub(super) fn active(&self) -> Vec<StreamPartition> {
        let state = lock(&self.state);
        let active = state.partitions.iter().filter(|(_, assigned)| matches!(assigned.phase, Phase::Active { .. }));
        active.map(|(partition, _)| *partition).collect()
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

    fn pause(&self, partitions: &[StreamPartition]) {
        if let Err(error) = self.consumer.pause(&self.list(partitions)) {
            debug!(%error, "pause failed; the queue may grow beyond its bound for a while");
        }
    }

    pub(super) fn resume(&self, partitions: &[StreamPartition]) {
        if let Err(error) = self.consumer.resume(&self.list(partitions)) {
            warn!(%error, "Kafka: partitions could not be resumed");
        }
    }
}
