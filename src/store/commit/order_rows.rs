//! Rows of the orders of a ChangeSet.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::change::ChangeSet;
use crate::domain::orders::order::Order;
use crate::store::tables::orders;
use crate::store::tables::write::ChangedRows;

/// In the order of their keys.
#[derive(Default)]
pub(super) struct OrderRows {
    pub orders: ChangedRows,
    pub replays: ChangedRows,
    pub refills: ChangedRows,
}

impl OrderRows {
    pub fn of(changes: &ChangeSet) -> OrderRows {
        let mut rows = OrderRows::default();
        let mut orders: HashMap<Uuid, &Order> = HashMap::with_capacity(changes.orders.len());
        for order in &changes.orders {
            orders::encode_order(order, rows.orders.of(order.is_new()));
            orders.insert(order.provider_order_id, order);
        }
        for part in &changes.replays {
            if let Some(order) = orders.get(&part.provider_order_id)
                && let Some(replay) = order.replays.get(&part.id)
            {
                orders::encode_replay(order, replay, rows.replays.of(part.is_new));
            }
        }
        for part in &changes.refills {
            let order = orders.get(&part.provider_order_id);
            if let Some(refill) = order.and_then(|order| order.refills.get(&part.id)) {
                orders::encode_refill(part.provider_order_id, refill, rows.refills.of(part.is_new));
            }
        }
        rows
    }
}
