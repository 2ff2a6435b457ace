//! Polls a consumer's events from librdkafka itself: of an error, the rdkafka crate hands out nothing but its code, and
//! only topic, partition and offset say what has to stop.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::message::Message;

/// The events of one consumer. Dropped before it.
pub struct Events(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues have locks of their own.
unsafe impl Send for Events {}

/// A record, and the event that holds it.
pub struct Polled<'c> {
    /// Keeps the message alive.
    _event: Event,
    native: NonNull<sys::rd_kafka_message_t>,
    /// librdkafka's buffers go with the consumer.
    consumer: PhantomData<&'c ()>,
}

/// An error that librdkafka reports instead of a record.
#[derive(Debug)]
pub struct Trouble {
    pub error: KafkaError,
    /// Where it happened; `None` if it concerns no partition.
    pub place: Option<Place>,
    /// librdkafka's own words.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub offset: Option<i64>,
}

impl Events {
    pub fn of<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> KafkaResult<Events> {
        // SAFETY: the consumer is alive. The reference to its queue is ours to give back.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let missing = || KafkaError::ClientCreation("it has no consumer queue".to_owned());
        NonNull::new(queue).map(Events).ok_or_else(missing)
    }

    /// Handles one event, or waits for one. Rebalances, statistics and logs go to the consumer's context, as do errors
    /// that concern no partition.
    pub fn poll<'c, C: ConsumerContext>(
        &self,
        consumer: &'c BaseConsumer<C>,
        timeout: Duration,
    ) -> Option<Result<Polled<'c>, Trouble>> {
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive, and the event is ours to destroy.
        let event = unsafe { Event::own(sys::rd_kafka_queue_poll(self.0.as_ptr(), millis)) }?;
        // SAFETY: the event is alive.
        match unsafe { sys::rd_kafka_event_type(event.0.as_ptr()) } {
            sys::RD_KAFKA_EVENT_FETCH => event.record(),
            sys::RD_KAFKA_EVENT_ERROR => event.trouble(consumer).map(Err),
            sys::RD_KAFKA_EVENT_STATS => {
                // SAFETY: the text is NUL-terminated, and belongs to the event.
                let json = unsafe { CStr::from_ptr(sys::rd_kafka_event_stats(event.0.as_ptr())) };
                consumer.context().stats_raw(json.to_bytes());
                None
            }
            sys::RD_KAFKA_EVENT_REBALANCE => {
                event.rebalance(consumer);
                None
            }
            sys::RD_KAFKA_EVENT_LOG => {
                event.log(consumer.context().as_ref());
                None
            }
            // Outcomes of commits to the group, which are for lag tools alone.
            _ => None,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // SAFETY: the reference that `of` took, given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

impl Polled<'_> {
    pub fn message(&self) -> Message<'_> {
        // SAFETY: the message belongs to the event, which `self` holds and never hands out.
        unsafe { Message::of(self.native) }
    }
}

struct Event(NonNull<sys::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: by `own`'s condition the event is ours, and this is the one time that it is destroyed.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

impl Event {
    /// # Safety
    /// `event` must be null, or an event that nobody else destroys.
    unsafe fn own(event: *mut sys::rd_kafka_event_t) -> Option<Event> {
        NonNull::new(event).map(Event)
    }

    fn record<'c>(self) -> Option<Result<Polled<'c>, Trouble>> {
        // SAFETY: the event is alive, and holds one message.
        let message = unsafe { sys::rd_kafka_event_message_next(self.0.as_ptr()) };
        let native = NonNull::new(message.cast_mut())?;
        // SAFETY: the message belongs to the event.
        let error = unsafe { native.as_ref() }.err;
        if error.is_error() {
            let trouble = Trouble {
                error: KafkaError::MessageConsumption(error.into()),
                place: self.place(),
                reason: self.reason(),
            };
            return Some(Err(trouble));
        }
        Some(Ok(Polled { _event: self, native, consumer: PhantomData }))
    }

    fn trouble<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) -> Option<Trouble> {
        // SAFETY: the event is alive.
        let (code, is_fatal) = unsafe {
            (sys::rd_kafka_event_error(self.0.as_ptr()), sys::rd_kafka_event_error_is_fatal(self.0.as_ptr()) != 0)
        };
        if !code.is_error() {
            return None;
        }
        let (place, reason) = (self.place(), self.reason());
        if place.is_none() {
            consumer.context().error(KafkaError::Global(code.into()), &reason);
        }
        let error = match is_fatal {
            true => KafkaError::MessageConsumptionFatal(code.into()),
            false => KafkaError::MessageConsumption(code.into()),
        };
        Some(Trouble { error, place, reason })
    }

    fn reason(&self) -> String {
        // SAFETY: the event is alive; the text is NUL-terminated, and copied here.
        let reason = unsafe { CStr::from_ptr(sys::rd_kafka_event_error_string(self.0.as_ptr())) };
        reason.to_string_lossy().trim().to_owned()
    }

    fn place(&self) -> Option<Place> {
        // SAFETY: the event is alive. What is found is ours to destroy; its topic is NUL-terminated, and copied here.
        unsafe {
            let native = NonNull::new(sys::rd_kafka_event_topic_partition(self.0.as_ptr()))?;
            let found = native.as_ref();
            let place = Place {
                topic: CStr::from_ptr(found.topic).to_string_lossy().into_owned(),
                partition: found.partition,
                offset: (found.offset >= 0).then_some(found.offset),
            };
            sys::rd_kafka_topic_partition_destroy(native.as_ptr());
            Some(place)
        }
    }

    fn rebalance<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) {
        // SAFETY: the event is alive.
        let code = unsafe { sys::rd_kafka_event_error(self.0.as_ptr()) };
        if matches!(
            code,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS | RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS
        ) {
            consumer.context().rebalance(consumer, code, &mut self.partitions());
        }
    }

    /// A copy of its list: the crate has no list that belongs to somebody else.
    fn partitions(&self) -> TopicPartitionList {
        let mut copy = TopicPartitionList::new();
        // SAFETY: the event is alive. The list and all in it belong to it; topics are NUL-terminated, and copied.
        unsafe {
            let Some(list) = NonNull::new(sys::rd_kafka_event_topic_partition_list(self.0.as_ptr())) else {
                return copy;
            };
            let list = list.as_ref();
            for index in 0..usize::try_from(list.cnt).unwrap_or(0) {
                let element = &*list.elems.add(index);
                copy.add_partition(&CStr::from_ptr(element.topic).to_string_lossy(), element.partition);
            }
        }
        copy
    }

    fn log<C: ClientContext>(&self, context: &C) {
        let (mut facility, mut text, mut level) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: the event is alive; the texts are NUL-terminated, and belong to it.
        unsafe {
            let error = sys::rd_kafka_event_log(self.0.as_ptr(), &raw mut facility, &raw mut text, &raw mut level);
            if error == 0 && !facility.is_null() && !text.is_null() {
                let (facility, text) =
                    (CStr::from_ptr(facility).to_string_lossy(), CStr::from_ptr(text).to_string_lossy());
                context.log(level_of(level), facility.trim(), text.trim());
            }
        }
    }
}

/// By syslog's numbers.
fn level_of(level: i32) -> RDKafkaLogLevel {
    match level {
        ..=0 => RDKafkaLogLevel::Emerg,
        1 => RDKafkaLogLevel::Alert,
        2 => RDKafkaLogLevel::Critical,
        3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}
