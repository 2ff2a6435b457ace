//! A datum in the reader's shape, borrowed from the record's bytes.

use uuid::Uuid;

/// What a plan reads. It has the shape of the reader's schema, whatever the writer's was.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    /// An int, a long, or microseconds since 1970 (saturated).
    Number(i64),
    Double(f64),
    Text(&'a str),
    /// As 16 bytes, where the reader has a text.
    Uuid(Uuid),
    /// Two's complement, big-endian, with the writer's scale.
    Decimal {
        unscaled: &'a [u8],
        scale: u32,
    },
    /// Index of the reader's symbol.
    Symbol(usize),
    Items(Vec<Value<'a>>),
    Entries(Vec<(&'a str, Value<'a>)>),
    /// A record's fields in the reader's order.
    Fields(Vec<Value<'a>>),
    /// A union other than an optional type, with the index of the reader's branch.
    Branch(usize, Box<Value<'a>>),
}
