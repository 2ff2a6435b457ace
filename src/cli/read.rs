//! A snapshot of the live generation, for the commands that read.

use crate::config::Config;
use crate::store::migrate;
use crate::store::read::{Reader, Snapshot};

use super::Failure;
use super::context::{access, at_database};

/// Opens a snapshot. Fails at once if the database can't be reached, without waiting for a pool.
pub async fn snapshot(config: &Config) -> Result<Snapshot, Failure> {
    let access = access(config)?;
    let mut conn = access.connect().await.map_err(|error| at_database(config, error))?;
    migrate::check_version(&mut conn).await.map_err(|error| at_database(config, error))?;
    drop(conn);
    Reader::new(access.pool(1)).snapshot().await.map_err(|error| at_database(config, error))
}
