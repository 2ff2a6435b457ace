//! Stores the verdicts on redriven dead letters, in the transaction of the views that they lead to.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::domain::log::dead_letter::ConflictKey;
use crate::domain::log::redrive::{Redriven, Verdict};
use crate::domain::log::rejection::Rejection;
use crate::store::error::StoreError;
use crate::store::generations::Generation;
use crate::store::tables::dead_letters::stored_detail;

/// Closes those that were accepted, and gives the others today's reason. `Stale` if one of them is not open any more.
pub async fn store(conn: &mut PgConnection, generation: Generation, redriven: &[Redriven]) -> Result<(), StoreError> {
    if redriven.is_empty() {
        return Ok(());
    }
    let (mut accepted, mut refused) = ((Vec::new(), Vec::new()), Vec::new());
    for Redriven { id, verdict } in redriven {
        match verdict {
            Verdict::Accepted(as_what) => {
                accepted.0.push(*id);
                accepted.1.push(as_what.as_str());
            }
            Verdict::Refused { rejection, conflict } => refused.push((*id, rejection, *conflict)),
        }
    }
    let closed = close(&mut *conn, generation, &accepted.0, &accepted.1).await?;
    let kept = keep(conn, generation, &refused).await?;
    let (expected, written) = (redriven.len() as u64, closed + kept);
    if written == expected { Ok(()) } else { Err(StoreError::Stale { table: "dead_letters", expected, written }) }
}

async fn close(
    conn: &mut PgConnection,
    generation: Generation,
    ids: &[i64],
    accepted_as: &[&str],
) -> Result<u64, StoreError> {
    // An event that had lost, and is accepted now, may lose again by another copy of it.
    let sql = "update {schema}.dead_letters as letter
                  set redriven_at = now(), redriven_as = given.accepted_as,
                      provider_order_id = null, sequence = null, event_id = null
                 from unnest($1::bigint[], $2::text[]) as given (id, accepted_as)
                where letter.id = given.id and letter.redriven_at is null and letter.discarded_at is null";
    Ok(sqlx::query(generation.sql(sql)).bind(ids).bind(accepted_as).execute(conn).await?.rows_affected())
}

async fn keep(
    conn: &mut PgConnection,
    generation: Generation,
    refused: &[(i64, &Rejection, Option<ConflictKey>)],
) -> Result<u64, StoreError> {
    let ids: Vec<i64> = refused.iter().map(|(id, ..)| *id).collect();
    let keys: Vec<_> = refused.iter().map(|(.., conflict)| *conflict).collect();
    let orders: Vec<Option<Uuid>> = keys.iter().map(|key| key.map(|key| key.provider_order_id)).collect();
    let sequences: Vec<Option<i64>> = keys.iter().map(|key| key.map(|key| key.sequence)).collect();
    let events: Vec<Option<Uuid>> = keys.iter().map(|key| key.map(|key| key.event_id)).collect();
    // One dead letter per losing event, at its smallest copy: that is the redriven one.
    let sql = "delete from {schema}.dead_letters where not id = any($1) and (provider_order_id, sequence, event_id) in
                   (select * from unnest($2::uuid[], $3::bigint[], $4::uuid[]))";
    sqlx::query(generation.sql(sql))
        .bind(&ids)
        .bind(&orders)
        .bind(&sequences)
        .bind(&events)
        .execute(&mut *conn)
        .await?;
    let sql = "update {schema}.dead_letters as letter
                  set reason = given.reason, detail = given.detail, provider_order_id = given.provider_order_id,
                      sequence = given.sequence, event_id = given.event_id
                 from unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[])
                      as given (id, reason, detail, provider_order_id, sequence, event_id)
                where letter.id = given.id and letter.redriven_at is null and letter.discarded_at is null";
    let reasons: Vec<&str> = refused.iter().map(|(_, rejection, _)| rejection.reason.as_str()).collect();
    let details: Vec<String> = refused.iter().map(|(_, rejection, _)| stored_detail(rejection)).collect();
    let kept = sqlx::query(generation.sql(sql))
        .bind(&ids)
        .bind(reasons)
        .bind(details)
        .bind(orders)
        .bind(sequences)
        .bind(events)
        .execute(conn)
        .await?;
    Ok(kept.rows_affected())
}
