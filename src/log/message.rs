//! A record in librdkafka's buffers, read from librdkafka itself: the rdkafka crate panics on a header whose name is not
//! UTF-8, although Kafka lets publishers name headers by any bytes, and keeps a record's leader epoch to itself.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use bytes::Bytes;
use rdkafka::bindings as sys;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

use crate::domain::log::record::Header;

/// A record that is borrowed from librdkafka.
#[derive(Clone, Copy)]
pub struct Message<'m> {
    native: NonNull<sys::rd_kafka_message_t>,
    owner: PhantomData<&'m ()>,
}

impl<'m> From<&'m BorrowedMessage<'_>> for Message<'m> {
    fn from(message: &'m BorrowedMessage<'_>) -> Message<'m> {
        // SAFETY: a borrowed message has a pointer, which is valid as long as the message lives.
        unsafe { Message::of(NonNull::new_unchecked(message.ptr())) }
    }
}

impl<'m> Message<'m> {
    /// # Safety
    /// `native` must be a message of a consumer, without an error, that nobody destroys or changes during `'m`.
    pub(super) unsafe fn of(native: NonNull<sys::rd_kafka_message_t>) -> Message<'m> {
        Message { native, owner: PhantomData }
    }

    fn native(&self) -> &'m sys::rd_kafka_message_t {
        // SAFETY: by `of`'s condition.
        unsafe { self.native.as_ref() }
    }

    pub fn topic(&self) -> &'m str {
        // SAFETY: the topic lives at least as long as its message, and its name is NUL-terminated.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.native().rkt)) };
        // Kafka allows ASCII letters, digits and three signs in it.
        name.to_str().unwrap_or_default()
    }

    pub fn partition(&self) -> i32 {
        self.native().partition
    }

    pub fn offset(&self) -> i64 {
        self.native().offset
    }

    pub fn key(&self) -> Option<&'m [u8]> {
        // SAFETY: librdkafka's pointer and length of the key.
        unsafe { bytes(self.native().key, self.native().key_len) }
    }

    pub fn value(&self) -> Option<&'m [u8]> {
        // SAFETY: librdkafka's pointer and length of the value.
        unsafe { bytes(self.native().payload, self.native().len) }
    }

    /// The record's time in milliseconds, its publisher's or the broker's; `None` if it has none.
    pub fn millis(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and `kind` is ours.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.native.as_ptr(), &raw mut kind) };
        (kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis != -1).then_some(millis)
    }

    /// The epoch of the leader that took the record into the log; `None` if it was written in a format without one.
    pub fn leader_epoch(&self) -> Option<i32> {
        // SAFETY: a consumer's message.
        known_epoch(unsafe { sys::rd_kafka_message_leader_epoch(self.native.as_ptr()) })
    }

    /// Copies all headers in their order. Bytes of a name that are not UTF-8 become U+FFFD; values stay as they are.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers: *mut sys::rd_kafka_headers_t = std::ptr::null_mut();
        // SAFETY: a consumer's message; what is found belongs to it.
        let error = unsafe { sys::rd_kafka_message_headers(self.native.as_ptr(), &raw mut headers) };
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return Vec::new();
        }
        // SAFETY: the headers belong to the message.
        (0..).map_while(|index| unsafe { header(headers, index) }).collect()
    }
}

/// An epoch as librdkafka writes it.
pub(super) fn known_epoch(epoch: i32) -> Option<i32> {
    (epoch >= 0).then_some(epoch)
}

/// # Safety
/// If `pointer` isn't null, it must point to `size` bytes that stay as they are during `'m`.
unsafe fn bytes<'m>(pointer: *const c_void, size: usize) -> Option<&'m [u8]> {
    // SAFETY: by the condition above.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), size) })
}

/// # Safety
/// `headers` must be alive.
unsafe fn header(headers: *const sys::rd_kafka_headers_t, index: usize) -> Option<Header> {
    let mut name: *const c_char = std::ptr::null();
    let mut value: *const c_void = std::ptr::null();
    let mut size = 0;
    // SAFETY: by the condition above. The name is NUL-terminated, the value, where it isn't null, has `size` bytes; both
    // live as long as the headers, and are copied here.
    unsafe {
        let error = sys::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size);
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        let value = bytes(value, size).map(Bytes::copy_from_slice);
        Some(Header { key: CStr::from_ptr(name).to_string_lossy().into_owned(), value })
    }
}
