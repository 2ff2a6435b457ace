//! Which instances of `foldback run` exist, which projection version they fold, and what they say of themselves.

use serde_json::Value;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::migrate::PROJECTION_VERSION;

/// An instance without a heartbeat for this long counts as gone.
const ALIVE_SECONDS: f64 = 15.0;
/// Instances that have been gone for this long are deleted.
const FORGET_SECONDS: f64 = 86_400.0;

/// What an instance says of itself.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Instance {
    pub instance: Uuid,
    /// What keeps it from being ready, or what it does without: `{name: {severity, since, detail}}`.
    pub conditions: Value,
}

/// Records a heartbeat of this instance.
pub async fn beat(conn: &mut PgConnection, instance: Uuid, conditions: &Value) -> Result<(), StoreError> {
    let sql = "insert into foldback.instances (instance, projection_version, binary_version, conditions)
               values ($1, $2, $3, $4)
               on conflict (instance) do update set seen_at = now(), conditions = excluded.conditions";
    sqlx::query(sql)
        .bind(instance)
        .bind(PROJECTION_VERSION)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(conditions)
        .execute(&mut *conn)
        .await?;
    let forget = "delete from foldback.instances where seen_at < now() - make_interval(secs => $1)";
    sqlx::query(forget).bind(FORGET_SECONDS).execute(conn).await?;
    Ok(())
}

/// Removes this instance.
pub async fn leave(conn: &mut PgConnection, instance: Uuid) -> Result<(), StoreError> {
    sqlx::query("delete from foldback.instances where instance = $1").bind(instance).execute(conn).await?;
    Ok(())
}

/// Number of live instances that fold this projection version.
pub async fn foldable_by(conn: &mut PgConnection, projection_version: i32) -> Result<i64, StoreError> {
    let sql = "select count(*) from foldback.instances
                where projection_version = $1 and seen_at > now() - make_interval(secs => $2)";
    Ok(sqlx::query_scalar(sql).bind(projection_version).bind(ALIVE_SECONDS).fetch_one(conn).await?)
}

/// The instances that are alive, oldest first. Those of older binaries say nothing of themselves.
pub async fn instances(conn: &mut PgConnection) -> Result<Vec<Instance>, StoreError> {
    let sql = "select instance, coalesce(conditions, '{}') as conditions from foldback.instances
                where seen_at > now() - make_interval(secs => $1) order by started_at, instance";
    Ok(sqlx::query_as(sql).bind(ALIVE_SECONDS).fetch_all(conn).await?)
}
