//! Ends to waiting for a server's answer.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::time::{Instant, sleep};

use crate::store::error::StoreError;

/// The outcome of a query, or `NoAnswer` if it has none within the limit. Nothing more can be asked on that connection:
/// the answer may still come.
pub async fn within<T>(limit: Duration, query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, query).await.unwrap_or(Err(StoreError::NoAnswer { after: limit }))
}

/// The outcome of any number of queries, or `NoAnswer` once nothing has come from the server for this long: however
/// long the work is, only the silence between two answers is limited. Nothing more can be asked on that connection.
///
/// Whatever wakes the work counts as an answer, which on a connection is that bytes can be read or sent.
pub async fn answered<T, E: From<StoreError>>(
    silence_max: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let (mut work, mut silence) = (pin!(work), pin!(sleep(silence_max)));
    let bell = Arc::new(Bell { has_rung: AtomicBool::new(true), outer: AtomicWaker::new() });
    let waker = Waker::from(bell.clone());
    poll_fn(|cx| {
        bell.outer.register(cx.waker());
        if bell.has_rung.swap(false, Ordering::AcqRel) {
            if let Poll::Ready(outcome) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(outcome);
            }
            silence.as_mut().reset(Instant::now() + silence_max);
        }
        silence.as_mut().poll(cx).map(|()| Err(StoreError::NoAnswer { after: silence_max }.into()))
    })
    .await
}

/// Tells the work's wakes from the timer's.
struct Bell {
    has_rung: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.outer.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer_every(pause: Duration, times: u32) -> Result<(), StoreError> {
        for _ in 0..times {
            sleep(pause).await;
        }
        Ok(())
    }

    #[tokio::test]
    async fn silence_is_limited_and_work_is_not() {
        let limit = Duration::from_millis(400);
        answered(limit, answer_every(limit / 4, 12)).await.unwrap();
        let silent = answered(limit, std::future::pending::<Result<(), StoreError>>()).await.unwrap_err();
        assert_eq!(silent.to_string(), "Postgres did not answer within 400 ms");
        let late = answered(limit, answer_every(limit * 3, 1)).await.unwrap_err();
        assert!(matches!(late, StoreError::NoAnswer { .. }));
    }
}
