//! Accepted events in a compact form: what a bulk load spills until it folds each order in one go.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{OrderEvent, Payload};
use crate::domain::log::position::Position;
use crate::domain::timestamp::Timestamp;

/// The bytes are not a packed event.
#[derive(Debug, thiserror::Error)]
#[error("cannot read a packed event: {0}")]
pub struct PackedError(#[from] postcard::Error);

/// Some packed events of one slice (a hash partition with few enough orders to fold in memory).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub slice: i32,
    pub events: Vec<u8>,
}

/// Sort key of events: by order, then sequence, then log position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Head {
    pub provider_order_id: Uuid,
    pub sequence: i64,
    pub position: Position,
}

/// An event of which only the head is unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'b> {
    pub head: Head,
    body: &'b [u8],
}

impl Packed<'_> {
    pub fn event(&self) -> Result<OrderEvent, PackedError> {
        let (event_id, occurred_at, payload): (Uuid, Timestamp, Payload) = postcard::from_bytes(self.body)?;
        let Head { provider_order_id, sequence, .. } = self.head;
        Ok(OrderEvent { event_id, provider_order_id, sequence, occurred_at, payload })
    }
}

/// Size of the length prefix of a body, in bytes.
const LENGTH_BYTES: usize = size_of::<u32>();

/// Appends an event and its log position.
pub fn pack(event: &OrderEvent, position: Position, out: &mut Vec<u8>) -> Result<(), PackedError> {
    let OrderEvent { event_id, provider_order_id, sequence, occurred_at, payload } = event;
    let head = Head { provider_order_id: *provider_order_id, sequence: *sequence, position };
    postcard::serialize_with_flavor(&head, Append(out))?;
    let start = out.len() + LENGTH_BYTES;
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    postcard::serialize_with_flavor(&(event_id, occurred_at, payload), Append(out))?;
    // A record is bounded by limits.value_bytes_max, far below 4 GiB.
    let length = (out.len() - start) as u32;
    out[start - LENGTH_BYTES..start].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Iterates over the events that `pack` has written.
pub struct Unpack<'b>(pub &'b [u8]);

impl<'b> Iterator for Unpack<'b> {
    type Item = Result<Packed<'b>, PackedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let event = split(self.0);
        // After an unreadable event, the start of the next one is unknown.
        self.0 = event.as_ref().map_or(&[], |(_, rest)| *rest);
        Some(event.map(|(event, _)| event))
    }
}

/// The first event, and the bytes after it.
fn split(bytes: &[u8]) -> Result<(Packed<'_>, &[u8]), PackedError> {
    let (head, rest) = postcard::take_from_bytes(bytes)?;
    let (length, rest) = rest.split_first_chunk().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (body, rest) = rest.split_at_checked(length).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    Ok((Packed { head, body }, rest))
}

struct Append<'o>(&'o mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::orders::event::OrderCancelled;

    fn event(sequence: i64) -> OrderEvent {
        OrderEvent {
            event_id: Uuid::from_u128(7),
            provider_order_id: Uuid::from_u128(9),
            sequence,
            occurred_at: Timestamp::MIN,
            payload: Payload::OrderCancelled(OrderCancelled { reason: Some("no longer wanted".to_owned()) }),
        }
    }

    #[test]
    fn events_come_back_as_they_were_packed() {
        let mut bytes = Vec::new();
        let position = |offset| Position { partition: 3, offset };
        for sequence in 1..4 {
            pack(&event(sequence), position(100 + sequence), &mut bytes).unwrap();
        }
        let unpacked: Vec<_> = Unpack(&bytes)
            .map(|packed| packed.unwrap())
            .map(|packed| (packed.event().unwrap(), packed.head.position))
            .collect();
        assert_eq!(unpacked, [1, 2, 3].map(|sequence| (event(sequence), position(100 + sequence))));
    }

    #[test]
    fn bytes_that_end_early_are_an_error_and_the_last_thing_that_comes() {
        let mut bytes = Vec::new();
        pack(&event(1), Position { partition: 0, offset: 5 }, &mut bytes).unwrap();
        for end in 1..bytes.len() {
            let unpacked: Vec<_> = Unpack(&bytes[..end]).collect();
            assert!(matches!(unpacked.as_slice(), [Err(_)]), "the first {end} of {} bytes", bytes.len());
        }
    }
}
