//! Whether foldback can work with what answers: sessions of our own, in a database that holds every text.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

use crate::store::error::StoreError;

const ENCODING: &str = "UTF8";

/// Refuses a database in another encoding, and a pooler that gives each transaction, or each statement, to whichever
/// server process is free. `false`: no second connection was to be had, so that the latter is not known.
///
/// Two connections never share a server process, and none ever changes it. A pooler gives the process that was freed
/// last, or the one that was freed first: this order of questions sees both.
pub async fn examine(conn: &mut PgConnection, options: &PgConnectOptions) -> Result<bool, StoreError> {
    check_encoding(conn).await?;
    let mut other = match PgConnection::connect_with(options).await {
        Ok(other) => other,
        Err(error) => {
            tracing::debug!(%error, "no second connection: not known whether sessions are our own");
            return Ok(false);
        }
    };
    let ours = process(conn).await?;
    let is_ours = process(conn).await? == ours && process(&mut other).await? != ours && process(conn).await? == ours;
    // It has told all that it can.
    let _ = other.close().await;
    if is_ours { Ok(true) } else { Err(StoreError::SharedSession) }
}

async fn check_encoding(conn: &mut PgConnection) -> Result<(), StoreError> {
    let sql = "select current_database()::text, current_setting('server_encoding')";
    let row = sqlx::raw_sql(sql).fetch_one(conn).await?;
    let (database, encoding): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if encoding == ENCODING { Ok(()) } else { Err(StoreError::Encoding { database, encoding }) }
}

/// Without a prepared statement, which such a pooler may not know either.
async fn process(conn: &mut PgConnection) -> Result<i32, StoreError> {
    Ok(sqlx::raw_sql("select pg_backend_pid()").fetch_one(conn).await?.try_get(0)?)
}
