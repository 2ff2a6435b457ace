//! CRC-64-AVRO of a schema's parsing canonical form, which identifies a schema in single-object encoding.
//!
//! The canonical form has no logical types (Avro 1.12), so two schemas that decode differently, for example by another
//! scale, may have the same fingerprint: `schemas check` rejects such a pair.

use std::collections::HashSet;
use std::fmt::Write;

use super::schema::{Node, NodeId, Schema};

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

pub fn fingerprint(schema: &Schema) -> u64 {
    crc64_avro(canonical_form(schema).as_bytes())
}

pub fn canonical_form(schema: &Schema) -> String {
    let mut writer = Canonical { schema, out: String::new(), defined: HashSet::new() };
    writer.node(schema.root());
    writer.out
}

fn crc64_avro(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, byte| (crc >> 8) ^ table_entry((crc ^ u64::from(*byte)) & 0xff))
}

fn table_entry(index: u64) -> u64 {
    (0..8).fold(index, |entry, _| (entry >> 1) ^ (EMPTY & (entry & 1).wrapping_neg()))
}

struct Canonical<'s> {
    schema: &'s Schema,
    out: String,
    defined: HashSet<&'s str>,
}

impl<'s> Canonical<'s> {
    fn quoted(&mut self, text: &str) {
        // Names and symbols of Avro are letters, digits, `_` and `.`; writing to a String has no error.
        let _ = write!(self.out, "\"{text}\"");
    }

    fn list<T>(&mut self, items: &'s [T], each: impl Fn(&mut Self, &'s T)) {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            each(self, item);
        }
        self.out.push(']');
    }

    fn node(&mut self, id: NodeId) {
        let node = self.schema.node(id);
        if let Some(name) = node.name()
            && !self.defined.insert(name)
        {
            return self.quoted(name);
        }
        match node {
            Node::Union(branches) => self.list(branches, |writer, branch| writer.node(*branch)),
            Node::Array(child) => self.container("array", "items", *child),
            Node::Map(child) => self.container("map", "values", *child),
            Node::Record { name, fields } => {
                self.head(name, "record");
                self.out.push_str(",\"fields\":");
                self.list(fields, |writer, field| {
                    writer.out.push_str("{\"name\":");
                    writer.quoted(&field.name);
                    writer.out.push_str(",\"type\":");
                    writer.node(field.node);
                    writer.out.push('}');
                });
                self.out.push('}');
            }
            Node::Enum { name, symbols, .. } => {
                self.head(name, "enum");
                self.out.push_str(",\"symbols\":");
                self.list(symbols, |writer, symbol| writer.quoted(symbol));
                self.out.push('}');
            }
            Node::Fixed { name, size } => {
                self.head(name, "fixed");
                let _ = write!(self.out, ",\"size\":{size}}}");
            }
            primitive => self.quoted(primitive.type_name()),
        }
    }

    fn head(&mut self, name: &str, kind: &str) {
        let _ = write!(self.out, "{{\"name\":\"{name}\",\"type\":\"{kind}\"");
    }

    fn container(&mut self, kind: &str, key: &str, child: NodeId) {
        let _ = write!(self.out, "{{\"type\":\"{kind}\",\"{key}\":");
        self.node(child);
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::super::bundled::BUNDLED;
    use super::*;

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
