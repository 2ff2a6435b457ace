use uuid::Uuid;

use super::batch::Content;
use super::tests::{Memory, item};
use crate::domain::orders::event::{OrderCancelled, OrderEvent, Payload};
use crate::domain::timestamp::Timestamp;

/// Whether the event has lost depends on which one stands. Had another instance let a copy of it win meanwhile, both writes
/// would move the version, and one of them would have to be folded again.
#[test]
fn an_event_that_lost_moves_the_version_of_the_order_that_it_lost_in() {
    let event = |event_id: u128| {
        Content::Order(Box::new(OrderEvent {
            event_id: Uuid::from_u128(event_id),
            provider_order_id: Uuid::from_u128(1),
            sequence: 1,
            occurred_at: Timestamp::MIN,
            payload: Payload::OrderCancelled(OrderCancelled { reason: None }),
        }))
    };
    let mut memory = Memory::default();
    memory.take(&[item((event(1), 0))]);
    let duplicate = memory.take(&[item((event(1), 3))]);
    assert!(duplicate.changes.orders.is_empty(), "nothing was decided");
    let lost = memory.take(&[item((event(2), 4))]);
    assert_eq!((lost.changes.dead_letters.len(), lost.changes.events.len()), (1, 0));
    assert_eq!(lost.changes.orders.iter().map(|order| order.version).collect::<Vec<_>>(), [2]);
}
