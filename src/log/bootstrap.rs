//! Tells a client the brokers that it began with. The unsafe code is needed because the rdkafka crate has no call for it.

#![allow(unsafe_code)]

use std::ffi::CString;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};

/// A broker that is just starting may answer that there are no brokers. librdkafka believes it, forgets all that it knew, and
/// then has nobody left to ask (its issue 5301): it would stand still for good.
///
/// `brokers`: `kafka.brokers`. Returns how many were taken.
pub fn bootstrap_again<C: ClientContext>(client: &Client<C>, brokers: &str) -> i32 {
    // A list that the client was made with holds no NUL.
    let Ok(brokers) = CString::new(brokers) else { return 0 };
    // SAFETY: the client is alive, and the text NUL-terminated; it is copied.
    unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) }
}
