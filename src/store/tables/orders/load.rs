//! Reads complete orders, for the fold and for the API.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::{order, refill, replay};
use crate::domain::orders::money::{Currency, Decimal};
use crate::domain::orders::order::Order;
use crate::domain::timestamp::Timestamp;
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

pub fn timestamp(row: &PgRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    let time: Option<DateTime<Utc>> = row.try_get(column)?;
    Ok(time.map(Timestamp::from_datetime))
}

/// A numeric that was selected as a whole number of ten-thousandths.
pub fn decimal(row: &PgRow, column: &str) -> Result<Option<Decimal>, StoreError> {
    let value: Option<i64> = row.try_get(column)?;
    Ok(value.and_then(Decimal::from_ten_thousandths))
}

pub fn currency(row: &PgRow, column: &str) -> Result<Option<Currency>, StoreError> {
    let value: Option<&str> = row.try_get(column)?;
    Ok(value.and_then(Currency::parse))
}
