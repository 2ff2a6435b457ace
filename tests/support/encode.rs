//! Avro's binary encoding, by the writer's schema as JSON. Written by hand, so that it can write what a well-behaved
//! library refuses: strings that are not UTF-8, decimals beyond their precision, uuids that are none.
//!
//! The datum is JSON: a decimal is text (`"12.3400"`), a time is a number of microseconds, a branch of a union of
//! records is `{"$branch": "OrderPlaced", …}`, and where JSON has no word, `{"$bytes": "c328"}` are the raw bytes of a
//! string or a decimal and `{"$double": "NaN"}` is a double. A field that the datum lacks is written as its default.

use std::collections::HashMap;

use serde_json::Value;

/// A writer's schema with its named types.
pub struct Encoder {
    schema: Value,
    named: HashMap<String, Value>,
}

impl Encoder {
    pub fn new(schema: Value) -> Self {
        let mut named = HashMap::new();
        collect_named(&schema, &mut named);
        Self { schema, named }
    }

    pub fn encode(&self, datum: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&self.schema, datum, &mut out);
        out
    }

    fn write(&self, schema: &Value, datum: &Value, out: &mut Vec<u8>) {
        match schema {
            Value::String(name) => match self.named.get(name) {
                Some(named) => self.write(named, datum, out),
                None => write_primitive(name, None, datum, out),
            },
            Value::Array(branches) => self.write_union(branches, datum, out),
            Value::Object(object) => match object["type"].as_str().unwrap() {
                "record" => self.write_record(schema, datum, out),
                "enum" => write_enum(schema, datum, out),
                "array" => self.write_array(&object["items"], datum, out),
                "map" => self.write_map(&object["values"], datum, out),
                primitive => write_primitive(primitive, Some(schema), datum, out),
            },
            other => panic!("not a schema: {other}"),
        }
    }

    fn write_record(&self, schema: &Value, datum: &Value, out: &mut Vec<u8>) {
        for field in schema["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let value = datum.get(name).or_else(|| field.get("default"));
            self.write(&field["type"], value.unwrap_or_else(|| panic!("no {name} in {datum}")), out);
        }
    }

    fn write_union(&self, branches: &[Value], datum: &Value, out: &mut Vec<u8>) {
        let wanted = datum.get("$branch").and_then(Value::as_str);
        let fits = |branch: &Value| match (datum, wanted) {
            (Value::Null, _) => branch == "null",
            (_, Some(wanted)) => branch.get("name").is_some_and(|name| name == wanted),
            _ => branch != "null",
        };
        let index = branches.iter().position(fits).unwrap_or_else(|| panic!("no branch for {datum}"));
        write_long(index as i64, out);
        self.write(&branches[index], datum, out);
    }

    fn write_array(&self, items: &Value, datum: &Value, out: &mut Vec<u8>) {
        let entries = datum.as_array().unwrap();
        // two blocks where there are enough entries: a reader must not stop after the first
        for block in [&entries[..entries.len() / 2], &entries[entries.len() / 2..]] {
            if !block.is_empty() {
                write_long(block.len() as i64, out);
                block.iter().for_each(|entry| self.write(items, entry, out));
            }
        }
        write_long(0, out);
    }

    fn write_map(&self, values: &Value, datum: &Value, out: &mut Vec<u8>) {
        let entries = datum.as_object().unwrap();
        if !entries.is_empty() {
            write_long(entries.len() as i64, out);
            for (key, value) in entries {
                write_bytes(key.as_bytes(), out);
                self.write(values, value, out);
            }
        }
        write_long(0, out);
    }
}

fn collect_named(schema: &Value, named: &mut HashMap<String, Value>) {
    match schema {
        Value::Array(branches) => branches.iter().for_each(|branch| collect_named(branch, named)),
        Value::Object(object) => {
            let is_type = matches!(object.get("type").and_then(Value::as_str), Some("record" | "enum"));
            if let (true, Some(name)) = (is_type, object.get("name").and_then(Value::as_str)) {
                named.insert(name.to_owned(), schema.clone());
            }
            for key in ["type", "items", "values", "fields"] {
                object.get(key).iter().for_each(|inner| collect_named(inner, named));
            }
        }
        _ => {}
    }
}

fn write_primitive(name: &str, schema: Option<&Value>, datum: &Value, out: &mut Vec<u8>) {
    match name {
        "null" => {}
        "int" | "long" => write_long(datum.as_i64().unwrap_or_else(|| panic!("{datum} as {name}")), out),
        "double" => out.extend_from_slice(&double(datum).to_le_bytes()),
        "string" | "bytes" => write_bytes(&bytes(schema, datum), out),
        other => panic!("no such type: {other}"),
    }
}

fn bytes(schema: Option<&Value>, datum: &Value) -> Vec<u8> {
    if let Some(raw) = datum.get("$bytes") {
        return unhex(raw.as_str().unwrap());
    }
    let text = datum.as_str().unwrap_or_else(|| panic!("{datum} as text"));
    match schema.and_then(|schema| schema.get("scale")).and_then(Value::as_u64) {
        Some(scale) => decimal(text, scale as usize),
        None => text.as_bytes().to_vec(),
    }
}

/// Two's complement, big-endian, shortest.
fn decimal(text: &str, scale: usize) -> Vec<u8> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let kept = fraction.trim_end_matches('0');
    assert!(kept.len() <= scale, "{text} has more than {scale} digits after the point");
    let unscaled: i128 = format!("{whole}{kept}{}", "0".repeat(scale - kept.len())).parse().unwrap();
    let all = unscaled.to_be_bytes();
    let redundant = |i: usize| (all[i] == 0 && all[i + 1] & 0x80 == 0) || (all[i] == 0xFF && all[i + 1] & 0x80 != 0);
    let start = (0..15).take_while(|&i| redundant(i)).count();
    all[start..].to_vec()
}

fn double(datum: &Value) -> f64 {
    match datum.get("$double") {
        Some(text) => text.as_str().unwrap().parse().unwrap(),
        None => datum.to_string().parse().unwrap(),
    }
}

fn write_enum(schema: &Value, datum: &Value, out: &mut Vec<u8>) {
    let symbols = schema["symbols"].as_array().unwrap();
    let index = symbols.iter().position(|symbol| symbol == datum).unwrap_or_else(|| panic!("no symbol {datum}"));
    write_long(index as i64, out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}
