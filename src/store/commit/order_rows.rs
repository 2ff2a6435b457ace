//! Rows of the orders of a ChangeSet.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::change::ChangeSet;
use crate::domain::orders::order::Order;
use crate::store::tables::copy::Rows;
use crate::store::tables::orders;

/// Rows of orders, replays and refills.
pub(super) fn order_rows(changes: &ChangeSet) -> (Rows, Rows, Rows) {
    let orders: HashMap<Uuid, &Order> =
        changes.orders.iter().map(|order| (order.provider_order_id, order.as_ref())).collect();
    let (mut order_rows, mut replay_rows, mut refill_rows) = (Rows::new(), Rows::new(), Rows::new());
    changes.orders.iter().for_each(|order| orders::encode_order(order, &mut order_rows));
    for (order_id, replay_id) in &changes.replays {
        if let Some(order) = orders.get(order_id)
            && let Some(replay) = order.replays.get(replay_id)
        {
            orders::encode_replay(order, replay, &mut replay_rows);
        }
    }
    for (order_id, refill_id) in &changes.refills {
        if let Some(refill) = orders.get(order_id).and_then(|order| order.refills.get(refill_id)) {
            orders::encode_refill(*order_id, refill, &mut refill_rows);
        }
    }
    (order_rows, replay_rows, refill_rows)
}
