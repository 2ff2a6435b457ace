//! The ends of many partitions, asked with one request for each broker. The unsafe code is needed because the rdkafka
//! crate does not wrap this request, and its own asks for one partition after the other.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{IsError, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaAdminOp;

use super::describe::{Event, Owned, millis};

/// How much longer than the request's own timeout to wait for its answer.
const GRACE: Duration = Duration::from_millis(100);

/// Where a partition of the log ends, in offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnds {
    /// After the last record, decided or not.
    pub high_watermark: i64,
    /// Everything before it is decided, committed or aborted.
    pub last_stable: i64,
}

/// By topic and partition; an error is the partition's own.
pub type Ends = HashMap<(String, i32), KafkaResult<LogEnds>>;
type Offsets = HashMap<(String, i32), KafkaResult<i64>>;

/// Asks for the ends of these partitions, whose offsets in the lists are `Offset::End`. Each list is a request of its own,
/// and all are under way at once: one that isn't answered doesn't hold up the others. A partition that isn't in the
/// answer was not answered in time; an error is that of the last list that failed. Blocks for slightly more than `timeout`.
pub fn log_ends<C: ClientContext>(
    client: &Client<C>,
    lists: &[TopicPartitionList],
    timeout: Duration,
) -> (Ends, Option<KafkaError>) {
    let deadline = Instant::now() + timeout + GRACE;
    let asked: Vec<_> = lists.iter().map(|list| Asked::both(client, list, timeout)).collect();
    let (mut ends, mut failed) = (Ends::new(), None);
    for asked in asked {
        match asked.and_then(|(high, stable)| Ok((high.answer(deadline)?, stable.answer(deadline)?))) {
            Ok((high, stable)) => ends.extend(together(high, &stable)),
            Err(error) => failed = Some(error),
        }
    }
    (ends, failed)
}

fn together(high: Offsets, stable: &Offsets) -> Ends {
    let ends = |partition: &(String, i32), high: KafkaResult<i64>| -> KafkaResult<LogEnds> {
        let high_watermark = high?;
        let last_stable = stable.get(partition).cloned().unwrap_or(Ok(high_watermark))?;
        // It was asked at another moment, a little earlier or later.
        Ok(LogEnds { high_watermark: high_watermark.max(last_stable), last_stable })
    };
    high.into_iter().map(|(partition, high)| (partition.clone(), ends(&partition, high))).collect()
}

/// A request that is under way.
struct Asked {
    queue: Owned<sys::rd_kafka_queue_t>,
}

impl Asked {
    fn both<C: ClientContext>(
        client: &Client<C>,
        list: &TopicPartitionList,
        timeout: Duration,
    ) -> KafkaResult<(Asked, Asked)> {
        use sys::rd_kafka_IsolationLevel_t as Level;
        let ask = |level| Asked::send(client, list, level, timeout);
        Ok((
            ask(Level::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED)?,
            ask(Level::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED)?,
        ))
    }

    fn send<C: ClientContext>(
        client: &Client<C>,
        list: &TopicPartitionList,
        level: sys::rd_kafka_IsolationLevel_t,
        timeout: Duration,
    ) -> KafkaResult<Asked> {
        let rk = client.native_ptr();
        // SAFETY: `rk` is a client that outlives this call. Both results are ours to destroy, with the function named
        // beside them.
        let (options, queue) = unsafe {
            (
                Owned::new(
                    sys::rd_kafka_AdminOptions_new(rk, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_LISTOFFSETS),
                    sys::rd_kafka_AdminOptions_destroy,
                )?,
                Owned::new(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy)?,
            )
        };
        // SAFETY: all pointers are alive, and librdkafka copies the options and the list within this call. It keeps the
        // queue alive by its own reference until the answer is there, so that leaving without the answer is fine. The
        // level's error is ours to destroy; null means none, which the destructor takes.
        unsafe {
            sys::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis(timeout), std::ptr::null_mut(), 0);
            let error = sys::rd_kafka_AdminOptions_set_isolation_level(options.get(), level);
            let code = if error.is_null() { None } else { Some(sys::rd_kafka_error_code(error)) };
            sys::rd_kafka_error_destroy(error);
            if let Some(code) = code {
                return Err(KafkaError::AdminOp(code.into()));
            }
            sys::rd_kafka_ListOffsets(rk, list.ptr(), options.get(), queue.get());
        }
        Ok(Asked { queue })
    }

    fn answer(&self, deadline: Instant) -> KafkaResult<Offsets> {
        let left = millis(deadline.saturating_duration_since(Instant::now()));
        // SAFETY: the queue is alive. The event that is polled is ours to destroy; null (no answer in time) becomes an
        // error.
        let event: Event =
            unsafe { Owned::new(sys::rd_kafka_queue_poll(self.queue.get(), left), sys::rd_kafka_event_destroy)? };
        // SAFETY: the event is alive.
        let error = unsafe { sys::rd_kafka_event_error(event.get()) };
        if error.is_error() { Err(KafkaError::AdminOp(error.into())) } else { Ok(offsets(&event)) }
    }
}

fn offsets(event: &Event) -> Offsets {
    let mut count = 0;
    // SAFETY: the event is alive. The array and all in it belong to the event, which outlives this function; an event of
    // another type gives a null result, which is not looked into.
    let infos = unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event.get());
        if result.is_null() {
            return Offsets::new();
        }
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        if infos.is_null() { &[][..] } else { std::slice::from_raw_parts(infos, count) }
    };
    // SAFETY: each pointer is a result that belongs to the event.
    infos.iter().filter_map(|info| unsafe { offset(*info) }).collect()
}

/// # Safety
/// `info` must be a result whose event is alive.
unsafe fn offset(info: *const sys::rd_kafka_ListOffsetsResultInfo_t) -> Option<((String, i32), KafkaResult<i64>)> {
    // SAFETY: by the condition above. The partition belongs to the result and is alive as long; its topic is a
    // NUL-terminated text, copied here.
    unsafe {
        let at = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info).as_ref()?;
        let topic = CStr::from_ptr(at.topic).to_string_lossy().into_owned();
        let offset = match at.err {
            error if error.is_error() => Err(KafkaError::OffsetFetch(error.into())),
            _ if at.offset < 0 => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset)),
            _ => Ok(at.offset),
        };
        Some(((topic, at.partition), offset))
    }
}
