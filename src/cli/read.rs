//! Access to the database for commands that ask one thing. None of them waits longer for a server that fell silent than
//! any of its statements may take.

use sqlx::postgres::PgConnection;

use crate::config::Config;
use crate::store::read::{Reader, Snapshot};
use crate::store::{StoreError, migrate};

use super::Failure;
use super::context::{access, at_database};

/// What is asked over a connection of its own.
pub async fn on_connection<T>(
    config: &Config,
    ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    let access = access(config)?;
    let asked = access.answered(async {
        let mut conn = access.connect().await?;
        migrate::check_version(&mut conn).await?;
        ask(&mut conn).await
    });
    asked.await.map_err(|error| at_database(config, error))
}

/// What is read from a snapshot of the live generation. Fails at once if the database can't be reached, without waiting for
/// a pool.
pub async fn from_snapshot<T>(
    config: &Config,
    read: impl AsyncFnOnce(&mut Snapshot) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    on_connection(config, async |_| Ok(())).await?;
    let access = access(config)?;
    let reading = access.answered(async {
        let mut snapshot = Reader::new(access.pool(1)).snapshot().await?;
        read(&mut snapshot).await
    });
    reading.await.map_err(|error| at_database(config, error))
}
