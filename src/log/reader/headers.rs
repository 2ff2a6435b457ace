//! Copies a message's headers. The rdkafka crate panics on a header whose name is not UTF-8, and Kafka lets publishers
//! name headers by any bytes: so they are read from librdkafka itself.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};

use bytes::Bytes;
use rdkafka::bindings as sys;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaRespErr;

use crate::domain::log::record::Header;

/// All headers in their order. Bytes of a name that are not UTF-8 become U+FFFD; values are copied as they are.
pub fn copy_headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
    let Some(headers) = message.headers() else { return Vec::new() };
    (0..headers.count()).map_while(|index| header(headers, index)).collect()
}

fn header(headers: &BorrowedHeaders, index: usize) -> Option<Header> {
    // How the crate itself gets from one to the other: the reference is librdkafka's pointer.
    let native = std::ptr::from_ref(headers).cast::<sys::rd_kafka_headers_t>();
    let mut name: *const c_char = std::ptr::null();
    let mut value: *const c_void = std::ptr::null();
    let mut size = 0;
    // SAFETY: the headers belong to a message that is borrowed for as long as `headers` is. The name is NUL-terminated,
    // the value, where it isn't null, has `size` bytes; both live as long as the headers, and are copied here.
    unsafe {
        let error = sys::rd_kafka_header_get_all(native, index, &raw mut name, &raw mut value, &raw mut size);
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        let value =
            (!value.is_null()).then(|| Bytes::copy_from_slice(std::slice::from_raw_parts(value.cast::<u8>(), size)));
        Some(Header { key: CStr::from_ptr(name).to_string_lossy().into_owned(), value })
    }
}
