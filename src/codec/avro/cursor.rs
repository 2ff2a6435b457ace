//! Reads Avro's primitive encodings from a slice, never past its end.

use std::fmt;

/// Where the bytes stop matching the writer's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Bytes of the datum read before it.
    pub offset: usize,
    pub problem: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the datum", self.problem, self.offset)
    }
}

/// Maximum number of array and map items, records, and fields without a byte in one datum. A decoded item takes a hundred times the one byte
/// that an empty item has on the wire.
const ITEMS_MAX: usize = 1_000_000;

/// A position in a datum. Reading past the end, or beyond a limit, is an error and never a panic.
pub struct Cursor<'a> {
    rest: &'a [u8],
    len: usize,
    /// Items may take no bytes at all, so the datum's length does not bound their number.
    items_left: usize,
    lone_surrogate: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(datum: &'a [u8]) -> Cursor<'a> {
        let items_left = datum.len().saturating_mul(4).saturating_add(100_000).min(ITEMS_MAX);
        Cursor { rest: datum, len: datum.len(), items_left, lone_surrogate: false }
    }

    /// Whether a string so far contained an encoded surrogate.
    pub fn lone_surrogate(&self) -> bool {
        self.lone_surrogate
    }

    pub fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed { offset: self.len - self.rest.len(), problem }
    }

    /// Fails if the datum has bytes left.
    pub fn finish(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("there are bytes left over")) }
    }

    /// Counts an item of an array or map, or a record, since it may take no bytes.
    pub fn count_item(&mut self) -> Result<(), Malformed> {
        self.items_left = self
            .items_left
            .checked_sub(1)
            .ok_or_else(|| self.malformed("the datum has more items than foldback accepts"))?;
        Ok(())
    }

    /// Counts a part that `read` takes no byte for: those that do are bounded by the datum.
    pub fn count_if_empty(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        let before = self.rest.len();
        read(self)?;
        if self.rest.len() == before { self.count_item() } else { Ok(()) }
    }

    pub fn long(&mut self) -> Result<i64, Malformed> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            if index == 9 && *byte > 1 {
                return Err(self.malformed("a number exceeds 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(self.malformed("a number is truncated"))
    }

    pub fn int(&mut self) -> Result<i32, Malformed> {
        let value = self.long()?;
        i32::try_from(value).map_err(|_| self.malformed("a number exceeds 32 bits"))
    }

    /// The index of a union branch or an enum symbol.
    pub fn index(&mut self, count: usize) -> Result<usize, Malformed> {
        let index = self.long()?;
        let index = usize::try_from(index).ok().filter(|index| *index < count);
        index.ok_or_else(|| self.malformed("an index is outside the writer's schema"))
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.malformed("the datum is truncated"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.long()?;
        let count = usize::try_from(count).map_err(|_| self.malformed("a length is negative"))?;
        self.take(count)
    }

    /// A string with surrogates is noted and read as empty: only reading the whole datum shows whether it decodes.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) if only_surrogates_are_wrong(bytes) => {
                self.lone_surrogate = true;
                Ok("")
            }
            Err(_) => Err(self.malformed("a string is not UTF-8")),
        }
    }

    pub fn float(&mut self) -> Result<f32, Malformed> {
        let bytes = self.take(4)?;
        Ok(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn double(&mut self) -> Result<f64, Malformed> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(f64::from_le_bytes(bytes))
    }

    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.malformed("a boolean is neither 0 nor 1")),
        }
    }

    /// Number of items in the next block of an array or map; 0 ends it.
    pub fn block(&mut self) -> Result<u64, Malformed> {
        let count = self.long()?;
        if count < 0 {
            // The block's size in bytes, which is only for readers that skip the block.
            let size = self.long()?;
            let fits = usize::try_from(size).is_ok_and(|size| size <= self.rest.len());
            if !fits {
                return Err(self.malformed("a block is truncated"));
            }
        }
        Ok(count.unsigned_abs())
    }
}

fn only_surrogates_are_wrong(mut bytes: &[u8]) -> bool {
    while let Err(error) = std::str::from_utf8(bytes) {
        match &bytes[error.valid_up_to()..] {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] => bytes = rest,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_their_edges() {
        for (bytes, value) in [
            (&[0x00][..], Some(0)),
            (&[0x01], Some(-1)),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some(i64::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some(i64::MIN)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], None),
            (&[0x80; 11], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Cursor::new(bytes).long().ok(), value, "{bytes:?}");
        }
        assert!(Cursor::new(&[0x80, 0x80, 0x80, 0x80, 0x10]).int().is_err());
    }

    #[test]
    fn surrogates_are_told_from_broken_text() {
        for (text, surrogate) in [
            (&b"\x06\xed\xa0\x80"[..], Some(true)),
            (b"\x0ea\xed\xbf\xbf\xc3\xa4b", Some(true)),
            (b"\x04\xc3\xa4", Some(false)),
            (b"\x04\xed\xa0", None),
            (b"\x02\xff", None),
            (b"\x08\xed\xa0\x80\xff", None),
            (b"\x04\xc0\x80", None),
        ] {
            let mut cursor = Cursor::new(text);
            let read = cursor.text().ok().map(|_| cursor.lone_surrogate());
            assert_eq!(read, surrogate, "{text:?}");
        }
    }
}
