use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(50);

/// Polls until `probe` gives `Ok`, and returns its value; panics with the last `Err` once `timeout` is over.
///
/// `eventually(Duration::from_secs(5), || async { check().await.ok_or("not yet") }).await`
pub async fn eventually<T, E, F, Fut>(timeout: Duration, mut probe: F) -> T
where
    E: Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let end = Instant::now() + timeout;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(reason) if Instant::now() >= end => panic!("not within {timeout:?}: {reason:?}"),
            Err(_) => sleep(POLL).await,
        }
    }
}
