//! Decodes raw records for the live fold, on the reader's thread.

use std::sync::Arc;

use crate::codec::{Decode, Decoded, Decoder};
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::record::RawRecord;
use crate::domain::log::refused::RefusedRecords;
use crate::domain::log::rejection::Rejection;
use crate::domain::orders::event::OrderEvent;
use crate::log::{DecodedRecord, RecordDecoder};
use crate::projection::{Content, Item};
use crate::registry::Resolver;

/// A run's summary and metadata become trees, with an allocation for every name, number and string.
const RUN_FACTOR: usize = 8;
/// Memory of a list's or map's entry besides its text: in the event, in the order's state, and as JSON on its way to
/// Postgres. In the log an empty one has three bytes.
const ENTRY_BYTES: usize = 200;

/// Decodes records, requests missing schemas, and knows whether they have arrived.
pub struct EventDecoder {
    pub decoder: Decoder,
    /// Is told each schema that a record waits for.
    resolver: Resolver,
    /// Records to reject although they could be folded.
    refused: Arc<RefusedRecords>,
}

/// Why a record is rejected that another generation rejected, in the words of this one.
pub const REFUSED_ELSEWHERE: &str = "the generation that this one is compared with rejected it";

/// Memory that an event takes beyond its record's bytes.
pub fn decoded_bytes(event: &OrderEvent) -> usize {
    event.payload.entries() * ENTRY_BYTES
}

impl EventDecoder {
    pub fn new(decoder: Decoder, resolver: Resolver) -> EventDecoder {
        EventDecoder { decoder, resolver, refused: Arc::default() }
    }

    pub fn refusing(self, refused: Arc<RefusedRecords>) -> EventDecoder {
        EventDecoder { refused, ..self }
    }

    fn refusal(&self, record: &RawRecord) -> Option<Rejection> {
        if self.refused.is_empty() {
            return None;
        }
        let Position { partition, offset } = record.position;
        let reason = self.refused.reason(StreamPartition { stream: record.stream, index: partition }, offset)?;
        Some(Rejection::new(reason, REFUSED_ELSEWHERE))
    }
}

impl RecordDecoder for EventDecoder {
    type Item = Item;

    fn decode(&self, record: RawRecord) -> DecodedRecord<Item> {
        if let Some(refusal) = self.refusal(&record) {
            let content = Content::Rejected(refusal);
            return DecodedRecord::Item(Item { record, content });
        }
        let content = match self.decoder.decode(&record) {
            Decode::Event(Decoded::Order(event)) => Content::Order(event),
            Decode::Event(Decoded::Run(run)) => Content::Run(run),
            Decode::Rejected(rejection) => Content::Rejected(rejection),
            Decode::NeedsSchema(id) => {
                self.resolver.need(id);
                return DecodedRecord::Wait(id);
            }
        };
        DecodedRecord::Item(Item { record, content })
    }

    fn item_bytes(&self, item: &Item, record_bytes: usize) -> usize {
        match &item.content {
            Content::Run(_) => record_bytes * RUN_FACTOR,
            Content::Order(event) => record_bytes + decoded_bytes(event),
            Content::Rejected(_) => record_bytes,
        }
    }

    fn is_ready(&self, id: u32) -> bool {
        let ready = self.decoder.has_schema(id);
        if !ready {
            self.resolver.need(id);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::orders::event::{OrderAmended, Payload, ServiceRule};
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn empty_entries_of_a_list_are_counted_too() {
        let amended = |rules| {
            let rule = ServiceRule { id: String::new(), label: None, priority: None };
            let service_rules = Some(vec![rule; rules]);
            let nothing = OrderAmended {
                amount: None,
                provider_cost: None,
                guardrails: None,
                provider_reference: None,
                service_rules,
            };
            OrderEvent {
                event_id: Uuid::nil(),
                provider_order_id: Uuid::nil(),
                sequence: 1,
                occurred_at: Timestamp::MIN,
                payload: Payload::OrderAmended(nothing),
            }
        };
        let rule = size_of::<ServiceRule>();
        assert!(decoded_bytes(&amended(1_000)) >= 1_000 * 2 * rule, "as event, and in the state of its order");
        assert_eq!(decoded_bytes(&amended(0)), 0);
    }
}
