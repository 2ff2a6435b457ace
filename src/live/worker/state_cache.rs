//! Caches the states of recently seen orders. Only an optimisation: a stale one costs a retry, never an update.

use std::sync::Arc;

use lru::LruCache;
use uuid::Uuid;

use crate::domain::orders::order::Order;

/// LRU cache of order states, bounded by a number of orders and an estimate of their bytes.
pub struct StateCache {
    orders: LruCache<Uuid, Arc<Order>>,
    orders_max: usize,
    bytes_max: usize,
    bytes: usize,
}

impl StateCache {
    pub fn new(orders_max: usize, bytes_max: usize) -> StateCache {
        StateCache { orders: LruCache::unbounded(), orders_max, bytes_max, bytes: 0 }
    }

    pub fn get(&mut self, id: &Uuid) -> Option<Arc<Order>> {
        self.orders.get(id).cloned()
    }

    pub fn put(&mut self, order: Arc<Order>) {
        self.bytes += weight(&order);
        if let Some(old) = self.orders.put(order.provider_order_id, order) {
            self.bytes -= weight(&old);
        }
        while self.orders.len() > self.orders_max || self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.orders.pop_lru() else { break };
            self.bytes -= weight(&oldest);
        }
    }

    pub fn clear(&mut self) {
        self.orders.clear();
        self.bytes = 0;
    }
}

/// Estimated bytes of an order; what matters is that the estimate grows with everything that can grow.
fn weight(order: &Order) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let replays: usize = order
        .replays
        .values()
        .map(|replay| {
            let request = &replay.request.value;
            let rules: usize = request.rule_ids.iter().map(|id| id.len() + 24).sum();
            let metadata: usize = request.rule_metadata.iter().map(|(key, value)| key.len() + value.len() + 64).sum();
            let texts = text(&replay.outcome.value.response) + text(&replay.failure.value) + text(&replay.cancel.value);
            400 + rules + metadata + texts
        })
        .sum();
    let refills: usize = order.refills.values().map(|refill| 160 + text(&refill.response)).sum();
    let rules: usize = order.service_rules.value.iter().map(|rule| 64 + rule.id.len() + text(&rule.label)).sum();
    768 + order.seen.ranges() * 16 + replays + refills + rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = StateCache::new(2, usize::MAX);
        let orders: Vec<_> = (1..=3).map(|n| Arc::new(Order::new(Uuid::from_u128(n)))).collect();
        cache.put(orders[0].clone());
        cache.put(orders[1].clone());
        cache.get(&orders[0].provider_order_id);
        cache.put(orders[2].clone());
        let kept: Vec<_> = orders.iter().map(|order| cache.get(&order.provider_order_id).is_some()).collect();
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let mut cache = StateCache::new(usize::MAX, 3000);
        for n in 0..100 {
            cache.put(Arc::new(Order::new(Uuid::from_u128(n))));
        }
        assert!(cache.bytes <= 3000 && !cache.orders.is_empty());
        cache.clear();
        assert_eq!(cache.bytes, 0);
    }
}
