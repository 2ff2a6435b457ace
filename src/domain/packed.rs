//! Accepted events in a form that takes little space: what a bulk load puts aside until it folds each order at once.

use postcard::ser_flavors::Flavor;

use super::event::OrderEvent;
use super::position::Position;

/// Bytes are not what was packed.
#[derive(Debug, thiserror::Error)]
#[error("a packed event can't be read: {0}")]
pub struct PackedError(#[from] postcard::Error);

/// Some packed events of one slice: orders few enough to be folded in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub slice: i32,
    pub events: Vec<u8>,
}

/// Appends an event and where it lies.
pub fn pack(event: &OrderEvent, position: Position, out: &mut Vec<u8>) -> Result<(), PackedError> {
    Ok(postcard::serialize_with_flavor(&(event, position), Append(out))?)
}

/// The events of bytes that `pack` has written, one after the other.
pub struct Unpack<'b>(pub &'b [u8]);

impl Iterator for Unpack<'_> {
    type Item = Result<(OrderEvent, Position), PackedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match postcard::take_from_bytes(self.0) {
            Ok((event, rest)) => {
                self.0 = rest;
                Some(Ok(event))
            }
            Err(error) => {
                // Where the next one would begin is not known.
                self.0 = &[];
                Some(Err(error.into()))
            }
        }
    }
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
