//! The open connections: how many there may be, and which one makes room for a new one.
//!
//! A client that opens connections and sends half a request would otherwise hold descriptors that Kafka, Postgres and
//! Redis need, and keep /livez from being answered.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The open connections; clones share them.
#[derive(Clone)]
pub struct Connections {
    max: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// By age, the oldest first.
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    /// Requests whose response has not been sent whole.
    requests: Arc<AtomicUsize>,
    evicted: CancellationToken,
}

/// A place for one connection, given back when dropped.
pub struct Slot {
    number: u64,
    requests: Arc<AtomicUsize>,
    evicted: CancellationToken,
    open: Arc<Mutex<Open>>,
}

/// Counts the requests in progress on a connection.
#[derive(Clone)]
pub struct Requests(Arc<AtomicUsize>);

/// Keeps a connection from being closed for another one until the response has been sent.
pub struct InProgress(Arc<AtomicUsize>);

impl Connections {
    pub fn new(max: usize) -> Connections {
        Connections { max, open: Arc::default() }
    }

    /// A place for a new connection. If there is none left, the oldest one without a request in progress is closed.
    /// `None`: every connection is busy.
    pub fn enter(&self) -> Option<Slot> {
        let mut open = locked(&self.open);
        if open.entries.len() >= self.max {
            let idle = |entry: &Entry| entry.requests.load(Ordering::Acquire) == 0;
            let oldest = open.entries.iter().find(|(_, entry)| idle(entry)).map(|(number, _)| *number)?;
            if let Some(entry) = open.entries.remove(&oldest) {
                entry.evicted.cancel();
            }
        }
        let number = open.next;
        open.next += 1;
        let (requests, evicted) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
        open.entries.insert(number, Entry { requests: requests.clone(), evicted: evicted.clone() });
        Some(Slot { number, requests, evicted, open: self.open.clone() })
    }
}

impl Slot {
    pub fn requests(&self) -> Requests {
        Requests(self.requests.clone())
    }

    /// Resolves when the connection is to make room for another one.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Requests {
    /// Counts a request, from its head to the end of the response's body.
    pub fn begin(&self) -> InProgress {
        self.0.fetch_add(1, Ordering::AcqRel);
        InProgress(self.0.clone())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        locked(&self.open).entries.remove(&self.number);
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl InProgress {
    /// The same body, which is in progress until it is dropped.
    pub fn hold(self, body: Body) -> Body {
        Body::new(Held { body, _request: self })
    }
}

struct Held {
    body: Body,
    _request: InProgress,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Every change is one operation on the map, so it stays valid if a thread panics.
fn locked(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(slot: &Slot) -> bool {
        slot.evicted.is_cancelled()
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let connections = Connections::new(2);
        let (first, second) = (connections.enter().unwrap(), connections.enter().unwrap());
        let busy = first.requests().begin();
        let third = connections.enter().unwrap();
        assert!(!is_evicted(&first) && is_evicted(&second) && !is_evicted(&third));
        let (_busy_too, held) = (third.requests().begin(), busy.hold(Body::empty()));
        assert!(connections.enter().is_none(), "both are busy");
        drop(held);
        assert!(connections.enter().is_some());
        assert!(is_evicted(&first));
    }

    #[test]
    fn a_closed_connection_gives_its_place_back() {
        let connections = Connections::new(1);
        let first = connections.enter().unwrap();
        let _busy = first.requests().begin();
        assert!(connections.enter().is_none());
        drop(first);
        assert!(connections.enter().is_some());
    }
}
