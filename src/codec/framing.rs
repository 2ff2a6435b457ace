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
            // A registry counts from 1, and Apicurio's own ids take eight bytes, of which the first four are 0.
            [0x00, 0, 0, 0, 0, ..] => {
                Err("the value starts with 00 and schema id 0, which no registry gives; an id of \
                 8 bytes, as Apicurio's own serializer writes it, is not supported: use its Confluent-compatible ids of 4 bytes")
            }
            [0x00, a, b, c, d, datum @ ..] if *a < 0x80 => {
                Ok((Framing::Confluent(u32::from_be_bytes([*a, *b, *c, *d])), datum))
            }
            [0x00, _, _, _, _, ..] => {
                Err("the value starts with 00 and a schema id above 2147483647, which no registry gives")
            }
            [0x00, ..] => Err("the value ends within the schema id of Confluent's framing"),
            [0xc3, 0x01, rest @ ..] => match rest.split_first_chunk() {
                Some((fingerprint, datum)) => Ok((Framing::SingleObject(u64::from_le_bytes(*fingerprint)), datum)),
                None => Err("the value ends within the fingerprint of the single-object encoding"),
            },
            [0x03, 0x00, ..] => Err("the value starts with 03 00, the framing of AWS Glue, which is not supported"),
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
