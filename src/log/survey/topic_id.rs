//! Topic ids: a topic that is deleted and recreated keeps its name, but gets another id. The unsafe code is needed
//! because the rdkafka crate does not wrap this request.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{IsError, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::{RDKafkaAdminOp, RDKafkaRespErr};

use crate::domain::log::record::{Stream, Topics};

/// How much longer than the request's own timeout to wait for its answer.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// How long an answer is cached: the partitions of an assignment are claimed together, with one request.
const ANSWER_SERVES: Duration = Duration::from_secs(1);

/// The ids of both topics, requested at most once a second.
#[derive(Debug, Default)]
pub struct TopicIds(Option<(Instant, HashMap<String, String>)>);

impl TopicIds {
    /// Like [`topic_ids`], for one topic.
    pub fn of<C: ClientContext>(
        &mut self,
        client: &Client<C>,
        topics: &Topics,
        stream: Stream,
        timeout: Duration,
    ) -> KafkaResult<Option<String>> {
        let answer = self.0.take().filter(|(asked, _)| asked.elapsed() < ANSWER_SERVES);
        let answer = match answer {
            Some(answer) => answer,
            None => (Instant::now(), topic_ids(client, &[&topics.orders, &topics.runs], timeout)?),
        };
        Ok(self.0.insert(answer).1.get(topics.name(stream)).cloned())
    }
}

/// The topics' ids by name, in base64 as Kafka's own tools print them. Absent if the topic does not exist or the
/// cluster has no ids (brokers before 2.8). Blocks for slightly more than `timeout`. Fails if no broker answers.
pub fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> KafkaResult<HashMap<String, String>> {
    match ask(client, topics, timeout) {
        Err(KafkaError::AdminOp(RDKafkaErrorCode::UnsupportedFeature)) => Ok(HashMap::new()),
        answer => answer.map(|event| ids(&event)),
    }
}

/// An object of librdkafka's that we own and must destroy.
pub(super) struct Owned<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// `pointer` is null, or belongs to nobody else and may be destroyed by `destroy` once.
    pub(super) fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> KafkaResult<Owned<T>> {
        let pointer = NonNull::new(pointer).ok_or(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut))?;
        Ok(Owned { pointer, destroy })
    }

    pub(super) fn get(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: by `new`'s condition the pointer is ours, and this is the one time that it is destroyed.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}

pub(super) type Event = Owned<sys::rd_kafka_event_t>;

/// Sends the request, and waits for the answer.
fn ask<C: ClientContext>(client: &Client<C>, topics: &[&str], timeout: Duration) -> KafkaResult<Event> {
    let names = topics.iter().map(|topic| CString::new(*topic)).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let rk = client.native_ptr();
    // SAFETY: `names` points to that many NUL-terminated texts, which are copied; `rk` is a client that outlives
    // this call. Each of the three results is ours to destroy, with the function named beside it.
    let (topics, options, queue) = unsafe {
        (
            Owned::new(
                sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
                sys::rd_kafka_TopicCollection_destroy,
            )?,
            Owned::new(
                sys::rd_kafka_AdminOptions_new(rk, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
                sys::rd_kafka_AdminOptions_destroy,
            )?,
            Owned::new(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy)?,
        )
    };
    // SAFETY: all four pointers are alive, and librdkafka copies what it needs beyond this call. It keeps the queue
    // alive by its own reference until the answer is there, so that leaving without the answer is fine. The event
    // that is polled is ours to destroy; null (no answer in time) becomes an error.
    let event = unsafe {
        sys::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis(timeout), std::ptr::null_mut(), 0);
        sys::rd_kafka_DescribeTopics(rk, topics.get(), options.get(), queue.get());
        Owned::new(sys::rd_kafka_queue_poll(queue.get(), millis(timeout + GRACE)), sys::rd_kafka_event_destroy)?
    };
    // SAFETY: the event is alive.
    let error = unsafe { sys::rd_kafka_event_error(event.get()) };
    if error.is_error() { Err(KafkaError::AdminOp(error.into())) } else { Ok(event) }
}

/// A timeout for librdkafka: at least a millisecond, at most an hour.
pub(super) fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis().clamp(1, 3_600_000)).unwrap_or(i32::MAX)
}

fn ids(event: &Event) -> HashMap<String, String> {
    let mut count = 0;
    // SAFETY: the event is alive. The array and all in it belong to the event, which outlives this function; an
    // event of another type gives a null result, which is not looked into.
    let topics = unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.get());
        if result.is_null() {
            return HashMap::new();
        }
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() { &[][..] } else { std::slice::from_raw_parts(topics, count) }
    };
    // SAFETY: each pointer is a description that belongs to the event.
    topics.iter().filter_map(|topic| unsafe { name_and_id(*topic) }).collect()
}

/// # Safety
/// `topic` must be a description whose event is alive.
unsafe fn name_and_id(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<(String, String)> {
    // SAFETY: by the condition above. Error, name and id belong to the description and are alive as long; the error
    // may be null, which its accessor takes for none. Texts are NUL-terminated, and copied here.
    unsafe {
        let error = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || id.is_null() || is_zero(id) {
            return None;
        }
        let text = |text: *const c_char| (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned());
        Some((text(sys::rd_kafka_TopicDescription_name(topic))?, text(sys::rd_kafka_Uuid_base64str(id))?))
    }
}

/// The id of a topic if the broker has no topic ids.
///
/// # Safety
/// `id` must be alive.
unsafe fn is_zero(id: *const sys::rd_kafka_Uuid_t) -> bool {
    // SAFETY: by the condition above.
    unsafe { sys::rd_kafka_Uuid_most_significant_bits(id) == 0 && sys::rd_kafka_Uuid_least_significant_bits(id) == 0 }
}
