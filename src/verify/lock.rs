//! One verification at a time, by a lock that ends with its connection, which is monitored.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::VerifyError;
use crate::store::StoreError;
use crate::store::connect::{Access, within};
use crate::store::generations::{self, Lock, still_held};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A connection that doesn't answer for this long counts as lost.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The server frees the lock of a process that has said nothing for this long: it is stopped, or its machine is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What the work may take to clean up.
const WIND_DOWN_MAX: Duration = Duration::from_secs(5);

/// `None` if another process holds it.
pub async fn try_hold(access: &Access) -> Result<Option<PgConnection>, VerifyError> {
    let mut conn = access.speaking(SILENCE_MAX).connect().await?;
    Ok(generations::try_hold(&mut conn, Lock::Verify).await?.then_some(conn))
}

/// Waits for the lock.
pub async fn wait_for(access: &Access, stop: &CancellationToken) -> Result<PgConnection, VerifyError> {
    loop {
        if let Some(conn) = try_hold(access).await? {
            return Ok(conn);
        }
        stop.run_until_cancelled(sleep(LOOK_EVERY)).await.ok_or(VerifyError::Stopped)?;
    }
}

/// Does the work while the lock is held. If the lock is lost, the work is stopped and fails.
pub async fn while_held<T>(
    held: &mut PgConnection,
    stop: &CancellationToken,
    work: impl AsyncFnOnce(CancellationToken) -> Result<T, VerifyError>,
) -> Result<T, VerifyError> {
    let inner = stop.child_token();
    let work = work(inner.clone());
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done,
        lost = watch(held) => {
            inner.cancel();
            // It cleans up after itself, unless it waits for a server that never answers; the result no longer matters.
            let _ = tokio::time::timeout(WIND_DOWN_MAX, work).await;
            Err(lost.into())
        }
    }
}

/// Returns when the connection is lost.
async fn watch(held: &mut PgConnection) -> StoreError {
    loop {
        sleep(LOOK_EVERY).await;
        if let Err(error) = within(ANSWER_MAX, still_held(held)).await {
            return error;
        }
    }
}
