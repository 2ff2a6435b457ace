//! Reads complete orders, for the fold and for the API.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{order, refill, replay};
use crate::domain::orders::order::Order;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// The existing orders among `ids`, with their replays and refills.
pub async fn load_orders(
    conn: &mut PgConnection,
    generation: Generation,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Order>, StoreError> {
    let mut orders = HashMap::new();
    if ids.is_empty() {
        return Ok(orders);
    }
    for row in sqlx::query(generation.sql(order::SELECT)).bind(ids).fetch_all(&mut *conn).await? {
        let order = order::decode(&row)?;
        orders.insert(order.provider_order_id, order);
    }
    // New orders have neither, and most batches while catching up are full of new orders.
    let stored: Vec<Uuid> = orders.keys().copied().collect();
    if stored.is_empty() {
        return Ok(orders);
    }
    for row in sqlx::query(generation.sql(replay::SELECT)).bind(&stored).fetch_all(&mut *conn).await? {
        let (id, replay) = replay::decode(&row)?;
        if let Some(order) = orders.get_mut(&id) {
            order.replays.insert(replay.replay_id, Box::new(replay));
        }
    }
    for row in sqlx::query(generation.sql(refill::SELECT)).bind(&stored).fetch_all(conn).await? {
        let (id, refill) = refill::decode(&row)?;
        if let Some(order) = orders.get_mut(&id) {
            order.refills.insert(refill.refill_id, Box::new(refill));
        }
    }
    Ok(orders)
}

/// An order without its replays and refills.
pub async fn load_order_alone(
    conn: &mut PgConnection,
    generation: Generation,
    id: Uuid,
) -> Result<Option<Order>, StoreError> {
    let row = sqlx::query(generation.sql(order::SELECT)).bind(&[id][..]).fetch_optional(conn).await?;
    row.as_ref().map(order::decode).transpose()
}
