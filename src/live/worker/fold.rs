//! Folds a batch into the stored state: loads what the fold needs, then folds.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::state_cache::StateCache;
use crate::domain::log::dead_letter::ConflictKey;
use crate::domain::orders::order::Order;
use crate::projection::{Folded, Incumbent, Item, Known, StoredRun, fold, known};
use crate::store::tables::{history, orders, runs};
use crate::store::{Generation, StoreError};

/// Folds a batch into the views of a generation; writes nothing.
pub async fn fold_batch(
    conn: &mut PgConnection,
    generation: Generation,
    cache: &mut StateCache,
    items: &[Item],
) -> Result<Folded, StoreError> {
    let mut known = Known { orders: load_orders(conn, generation, cache, items).await?, ..Known::default() };
    let run_ids = known::run_ids(items);
    if !run_ids.is_empty() {
        let reports = runs::standing(conn, generation, &run_ids).await?;
        known.runs = reports.into_iter().map(|(id, report)| (id, stored_run(report))).collect();
    }
    let contested = known.contested(items);
    if !contested.is_empty() {
        load_contested(conn, generation, &contested, &mut known).await?;
        let again = known.to_fold_again(items);
        if !again.is_empty() {
            known.histories = history::histories(conn, generation, &again).await?;
            check_histories(&known)?;
        }
    }
    Ok(fold(items, &known))
}

async fn load_orders(
    conn: &mut PgConnection,
    generation: Generation,
    cache: &mut StateCache,
    items: &[Item],
) -> Result<HashMap<Uuid, Arc<Order>>, StoreError> {
    let (mut states, mut missing) = (HashMap::new(), Vec::new());
    for id in known::order_ids(items) {
        match cache.get(&id) {
            Some(order) => {
                states.insert(id, order);
            }
            None => missing.push(id),
        }
    }
    for (id, order) in orders::load_orders(conn, generation, &missing).await? {
        states.insert(id, Arc::new(order));
    }
    Ok(states)
}

async fn load_contested(
    conn: &mut PgConnection,
    generation: Generation,
    contested: &[(Uuid, i64)],
    known: &mut Known,
) -> Result<(), StoreError> {
    for event in history::standing(conn, generation, contested).await? {
        let standing = Incumbent { event_id: event.event_id, position: event.position };
        known.standing.insert((event.provider_order_id, event.sequence), standing);
    }
    for event in history::lost(conn, generation, contested).await? {
        let conflict = ConflictKey {
            provider_order_id: event.provider_order_id,
            sequence: event.sequence,
            event_id: event.event_id,
        };
        known.add_lost(conflict, event.position);
    }
    match contested.iter().find(|pair| !known.standing.contains_key(*pair)) {
        Some((id, sequence)) => Err(missing_event(*id, &format!("sequence {sequence}"))),
        None => Ok(()),
    }
}

/// An order that is folded again from less than it was folded from would silently lose events.
fn check_histories(known: &Known) -> Result<(), StoreError> {
    for (id, entries) in &known.histories {
        let Some(order) = known.orders.get(id) else { continue };
        let there = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        if there < order.seen.count() {
            return Err(missing_event(
                *id,
                &format!("{} of {} events", order.seen.count() - there, order.seen.count()),
            ));
        }
    }
    Ok(())
}

fn missing_event(id: Uuid, what: &str) -> StoreError {
    let detail = format!("{what} of order {id} missing: the order was folded from more than its history holds");
    StoreError::Corrupt { table: "provider_order_events", detail }
}

fn stored_run(report: runs::StandingReport) -> StoredRun {
    StoredRun { event_id: report.event_id, revision: report.revision, position: report.position }
}
