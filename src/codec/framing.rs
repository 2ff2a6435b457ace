//! How a value identifies its writer's schema, by its first bytes.

/// Identifies the writer's schema before the datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `00`, then the schema's id in the registry, big-endian.
    Confluent(u32),
    /// `C3 01`, then the schema's fingerprint, little-endian.
    SingleObject(u64),
}

impl Framing {
    /// Splits a value into framing and datum, or says what is wrong with it.
    pub fn split(value: &[u8]) -> Result<(Framing, &[u8]), &'static str> {
        match value {
            [] => Err("the value is empty"),
            [0x00, a, b, c, d, datum @ ..] => Ok((Framing::Confluent(u32::from_be_bytes([*a, *b, *c, *d])), datum)),
            [0x00, ..] => Err("the value ends within the schema id of Confluent's framing"),
            [0xc3, 0x01, rest @ ..] => match rest.split_first_chunk() {
                Some((fingerprint, datum)) => Ok((Framing::SingleObject(u64::from_le_bytes(*fingerprint)), datum)),
                None => Err("the value ends within the fingerprint of the single-object encoding"),
            },
            _ => Err("the value starts with neither 00 (Confluent) nor C3 01 (Avro single object)"),
        }
    }

    /// The bytes that go in front of a datum.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Framing::Confluent(id) => {
                out.push(0x00);
                out.extend_from_slice(&id.to_be_bytes());
            }
            Framing::SingleObject(fingerprint) => {
                out.extend_from_slice(&[0xc3, 0x01]);
                out.extend_from_slice(&fingerprint.to_le_bytes());
            }
        }
    }
}
