//! Asks brokers about topics over a consumer's connections, without waiting for the answer: for the topics' ids (a topic
//! that is deleted and recreated keeps its name, but gets another id), and for their cleanup policies. The unsafe code is
//! needed because the rdkafka crate wraps the first request not at all, and the second for clients of its own alone.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{IsError, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::{RDKafkaAdminOp, RDKafkaResourceType, RDKafkaRespErr};

use crate::log::client_log::AskingContext;

const CLEANUP_POLICY: &str = "cleanup.policy";
/// Events that are taken off a queue at a time.
const EVENTS_MAX: usize = 100;

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

/// A request that was sent, and the queue for its answer. Dropping it is fine: nobody gets the answer then.
pub struct Asked(Owned<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues have locks of their own.
unsafe impl Send for Asked {}

/// An answer about topics, by name: ids in base64 as Kafka's own tools print them, or cleanup policies as the broker
/// writes them. A topic is absent if it does not exist, this user may not ask about it, or the cluster has no such thing.
pub type Answer = HashMap<String, String>;

/// Asks for the topics' ids. An answer, or an error, comes within `timeout`.
pub fn ask_ids<C: ClientContext>(client: &Client<C>, topics: &[&str], timeout: Duration) -> KafkaResult<Asked> {
    let names = texts(topics)?;
    let mut names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: `names` points to that many NUL-terminated texts, which are copied. The result is ours to destroy.
    let topics = unsafe {
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        Owned::new(topics, sys::rd_kafka_TopicCollection_destroy)?
    };
    send(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout, |rk, options, queue| {
        // SAFETY: all four are alive, and librdkafka copies what it needs beyond this call.
        unsafe { sys::rd_kafka_DescribeTopics(rk, topics.get(), options, queue) }
    })
}

/// Asks for the topics' cleanup policies. An answer, or an error, comes within `timeout`.
pub fn ask_policies<C: ClientContext>(client: &Client<C>, topics: &[&str], timeout: Duration) -> KafkaResult<Asked> {
    let kind = RDKafkaResourceType::RD_KAFKA_RESOURCE_TOPIC;
    let resource = |name: &CString| {
        // SAFETY: the name is NUL-terminated, and copied. The result is ours to destroy.
        Owned::new(
            unsafe { sys::rd_kafka_ConfigResource_new(kind, name.as_ptr()) },
            sys::rd_kafka_ConfigResource_destroy,
        )
    };
    let resources = texts(topics)?.iter().map(resource).collect::<KafkaResult<Vec<_>>>()?;
    let mut pointers: Vec<*mut sys::rd_kafka_ConfigResource_t> = resources.iter().map(Owned::get).collect();
    send(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout, |rk, options, queue| {
        // SAFETY: `pointers` has that many resources; all are alive, and librdkafka copies what it needs beyond this call.
        unsafe { sys::rd_kafka_DescribeConfigs(rk, pointers.as_mut_ptr(), pointers.len(), options, queue) }
    })
}

fn texts(topics: &[&str]) -> KafkaResult<Vec<CString>> {
    Ok(topics.iter().map(|topic| CString::new(*topic)).collect::<Result<Vec<_>, _>>()?)
}

fn send<C: ClientContext>(
    client: &Client<C>,
    operation: RDKafkaAdminOp,
    timeout: Duration,
    send: impl FnOnce(*mut sys::rd_kafka_t, *const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> KafkaResult<Asked> {
    let rk = client.native_ptr();
    // SAFETY: `rk` is a client that outlives this call. Both results are ours to destroy, with the function beside them;
    // librdkafka keeps the queue alive by its own reference until the answer is there.
    let (options, queue) = unsafe {
        let options = sys::rd_kafka_AdminOptions_new(rk, operation);
        let options = Owned::new(options, sys::rd_kafka_AdminOptions_destroy)?;
        sys::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis(timeout), std::ptr::null_mut(), 0);
        (options, Owned::new(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy)?)
    };
    send(rk, options.get(), queue.get());
    Ok(Asked(queue))
}

impl Asked {
    /// The answer, once, if it comes within `wait`. Clusters that don't know the request give an empty one.
    pub fn answer(&self, wait: Duration) -> KafkaResult<Option<Answer>> {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive, and what is polled is ours to destroy; null becomes an error, which is no answer.
        let event = Owned::new(unsafe { sys::rd_kafka_queue_poll(self.0.get(), wait) }, sys::rd_kafka_event_destroy);
        let Ok(event) = event else { return Ok(None) };
        // SAFETY: the event is alive.
        let error = unsafe { sys::rd_kafka_event_error(event.get()) };
        match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE => Ok(Some(Answer::new())),
            error if error.is_error() => Err(KafkaError::AdminOp(error.into())),
            _ => Ok(Some(ids(&event).into_iter().chain(policies(&event)).collect())),
        }
    }
}

/// Takes what a client without a consumer has to say off its queue; nobody else does.
pub(super) fn hear<C: ClientContext>(client: &Client<C>, context: &AskingContext) {
    // SAFETY: the client is alive; the reference to its queue is ours to give back.
    let queue = Owned::new(unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) }, sys::rd_kafka_queue_destroy);
    let Ok(queue) = queue else { return };
    for _ in 0..EVENTS_MAX {
        // SAFETY: the queue is alive, and what is polled is ours to destroy; null is the end.
        let event = Owned::new(unsafe { sys::rd_kafka_queue_poll(queue.get(), 0) }, sys::rd_kafka_event_destroy);
        let Ok(event) = event else { return };
        let (mut facility, mut line, mut level) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: the event is alive. Zero: it is a line, and both texts are NUL-terminated and live as long as the event.
        if unsafe { sys::rd_kafka_event_log(event.get(), &mut facility, &mut line, &mut level) } == 0 {
            let (facility, line) = unsafe { (CStr::from_ptr(facility), CStr::from_ptr(line)) };
            context.log(RDKafkaLogLevel::Info, &facility.to_string_lossy(), &line.to_string_lossy());
        }
    }
}

/// A timeout for librdkafka: at least a millisecond, at most an hour.
pub(super) fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis().clamp(1, 3_600_000)).unwrap_or(i32::MAX)
}

/// Empty if the event answers another request.
fn ids(event: &Event) -> Answer {
    let mut count = 0;
    // SAFETY: the event is alive. The array and all in it belong to the event, which outlives this function; an
    // event of another type gives a null result, which is not looked into.
    let topics = unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.get());
        if result.is_null() {
            return Answer::new();
        }
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
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

/// Empty if the event answers another request.
fn policies(event: &Event) -> Answer {
    let mut count = 0;
    // SAFETY: as in `ids`.
    let resources = unsafe {
        let result = sys::rd_kafka_event_DescribeConfigs_result(event.get());
        if result.is_null() {
            return Answer::new();
        }
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        if resources.is_null() { &[][..] } else { std::slice::from_raw_parts(resources, count) }
    };
    // SAFETY: each pointer is a resource that belongs to the event.
    resources.iter().filter_map(|resource| unsafe { name_and_policy(*resource) }).collect()
}

/// # Safety
/// `resource` must be one whose event is alive.
unsafe fn name_and_policy(resource: *const sys::rd_kafka_ConfigResource_t) -> Option<(String, String)> {
    let mut count = 0;
    // SAFETY: by the condition above; entries and texts belong to the resource.
    unsafe {
        if sys::rd_kafka_ConfigResource_error(resource).is_error() {
            return None;
        }
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        let entries = if entries.is_null() { &[][..] } else { std::slice::from_raw_parts(entries, count) };
        let policy = entries.iter().find_map(|entry| {
            let name = text(sys::rd_kafka_ConfigEntry_name(*entry))?;
            if name == CLEANUP_POLICY { text(sys::rd_kafka_ConfigEntry_value(*entry)) } else { None }
        });
        Some((text(sys::rd_kafka_ConfigResource_name(resource))?, policy?))
    }
}

/// # Safety
/// `text` must be null or NUL-terminated.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: by the condition above; it is copied.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text).to_string_lossy().into_owned() })
}
