//! CRC-64-AVRO of a schema's parsing canonical form, which identifies a schema in single-object encoding.
//!
//! Logical types are not in the canonical form (Avro 1.12), so that two schemas which decode differently, such
//! as by another scale, may have one fingerprint: `schemas check` refuses such a pair. apache-avro leaves the wrapper
//! of a logical type in the form, and so comes to another number: the logical types are taken out before.

use apache_avro::rabin::Rabin;
use apache_avro::schema::Schema as Avro;

use super::schema::Schema;

pub fn fingerprint(schema: &Schema) -> u64 {
    let plain = Avro::parse(&schema.json_without(&["logicalType", "precision", "scale"]));
    // Without logical types, a schema that was parsed once is still one.
    let fingerprint = plain.unwrap_or_else(|_| schema.root().clone()).fingerprint::<Rabin>();
    fingerprint.bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::bundled::BUNDLED;

    #[test]
    fn the_first_versions_keep_their_bytes() {
        let hex = |index: usize| {
            let schema = Schema::parse(BUNDLED[index].json).unwrap();
            fingerprint(&schema).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(hex(0), "169b606378a754b0");
        assert_eq!(hex(1), "824a105bc2e65e87");
    }

    #[test]
    fn published_vectors() {
        for (json, expected) in [(r#""null""#, 7195948357588979594u64), (r#"{"type":"int"}"#, 8247732601305521295)] {
            assert_eq!(fingerprint(&Schema::parse(json).unwrap()), expected, "{json}");
        }
    }
}
