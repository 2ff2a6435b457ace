//! Who reads which partition of a load. A lease saves two processes from reading the same; what keeps their results apart is
//! the claim, which fences whoever had the partition before.

use std::time::Duration;

use sqlx::postgres::PgConnection;

use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

const TABLES: &str = include_str!("../sql/load_leases.sql");

/// A process that takes part in a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member(pub i32);

/// Creates the tables unless they are there.
pub async fn prepare(conn: &mut PgConnection, generation: Generation) -> Result<(), StoreError> {
    sqlx::raw_sql(generation.sql(TABLES)).execute(conn).await?;
    Ok(())
}

/// Whether others may take part: a load has begun, and is not done.
pub async fn is_joinable(conn: &mut PgConnection, generation: Generation) -> Result<bool, StoreError> {
    let sql = "select to_regclass('{schema}.load_leases') is not null";
    Ok(sqlx::query_scalar(generation.sql(sql)).fetch_one(conn).await?)
}

/// A new member. One that leads takes the place of the one before, which is dead or fenced: its partitions are free.
pub async fn enroll(
    conn: &mut PgConnection,
    generation: Generation,
    process: &str,
    leads: bool,
) -> Result<Member, StoreError> {
    if leads {
        let sql = "with gone as (delete from {schema}.load_members where leads returning member)
                   delete from {schema}.load_leases where member in (select member from gone)";
        sqlx::query(generation.sql(sql)).execute(&mut *conn).await?;
    }
    let sql = "insert into {schema}.load_members (process, leads) values ($1, $2) returning member";
    let member = sqlx::query_scalar(generation.sql(sql)).bind(process).bind(leads).fetch_one(conn).await?;
    Ok(Member(member))
}

/// Leases a partition, unless another member has it. The same member may take it again.
pub async fn take(
    conn: &mut PgConnection,
    generation: Generation,
    member: Member,
    topics: &Topics,
    partition: StreamPartition,
    lasts: Duration,
) -> Result<bool, StoreError> {
    let sql = "insert into {schema}.load_leases as held (topic, partition, member, expires_at)
               values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
               on conflict (topic, partition) do update set member = excluded.member, expires_at = excluded.expires_at
                where held.member = excluded.member or held.expires_at < clock_timestamp()";
    let taken = sqlx::query(generation.sql(sql))
        .bind(topics.name(partition.stream))
        .bind(partition.index)
        .bind(member.0)
        .bind(lasts.as_secs_f64())
        .execute(conn)
        .await?;
    Ok(taken.rows_affected() == 1)
}

/// Renews all leases of a member. Returns how many members there are that have been heard of within the same time.
pub async fn renew(
    conn: &mut PgConnection,
    generation: Generation,
    member: Member,
    lasts: Duration,
) -> Result<u64, StoreError> {
    let sql =
        "update {schema}.load_leases set expires_at = clock_timestamp() + make_interval(secs => $2) where member = $1";
    sqlx::query(generation.sql(sql)).bind(member.0).bind(lasts.as_secs_f64()).execute(&mut *conn).await?;
    let sql = "update {schema}.load_members set seen_at = clock_timestamp() where member = $1";
    sqlx::query(generation.sql(sql)).bind(member.0).execute(&mut *conn).await?;
    let sql =
        "select count(*) from {schema}.load_members where seen_at > clock_timestamp() - make_interval(secs => $1)";
    let members: i64 = sqlx::query_scalar(generation.sql(sql)).bind(lasts.as_secs_f64()).fetch_one(conn).await?;
    Ok(members.unsigned_abs())
}

/// Gives back what a member has leased, but for what it still reads.
pub async fn keep_only(
    conn: &mut PgConnection,
    generation: Generation,
    member: Member,
    topics: &Topics,
    kept: impl Iterator<Item = StreamPartition>,
) -> Result<(), StoreError> {
    let sql = "delete from {schema}.load_leases
                where member = $1 and (topic, partition) not in (select * from unnest($2::text[], $3::int[]))";
    let (names, indexes): (Vec<&str>, Vec<i32>) =
        kept.map(|partition| (topics.name(partition.stream), partition.index)).unzip();
    sqlx::query(generation.sql(sql)).bind(member.0).bind(names).bind(indexes).execute(conn).await?;
    Ok(())
}

/// The member takes part no more.
pub async fn leave(conn: &mut PgConnection, generation: Generation, member: Member) -> Result<(), StoreError> {
    let sql = "with gone as (delete from {schema}.load_members where member = $1)
               delete from {schema}.load_leases where member = $1";
    sqlx::query(generation.sql(sql)).bind(member.0).execute(conn).await?;
    Ok(())
}
