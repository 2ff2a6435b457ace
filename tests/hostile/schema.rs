//! A writer's schema as a registry gives it, with those that it refers to: `REFERENCED 1E … SCHEMA`.

use std::cell::RefCell;

use foldback::codec::{Decoder, Limits, compatibility};
use foldback::domain::log::record::Stream;

use super::framing::DETAIL_BYTES_MAX;
use super::{Target, parts};

pub const SCHEMA: Target = Target { name: "schema", run, per_byte: 100, at_least: 64 * 1024 * 1024, words: WORDS };

pub const WORDS: &[&str] = &[
    r#"{"type":"array","items":"#,
    r#"{"type":"map","values":"#,
    r#"{"type":"fixed","name":"F","size":4611686018427387904}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":4294967295,"scale":4294967295}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":1,"scale":-1}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#,
    r#"{"type":"enum","name":"E","symbols":[""]}"#,
    r#""Money""#,
    r#"["null","string"]"#,
    r#""aliases":["a","a.b",".c"]"#,
    r#""default":{"a":[1e400]}"#,
    r#""namespace":"a.b$c""#,
    r#"\ud800"#,
    r#"\u0000"#,
    "\u{1e}",
    "9223372036854775808",
];

thread_local! {
    /// Each thread's own, since all schemas are kept under one id.
    pub static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new(Limits::default()));
}

fn run(bytes: &[u8]) -> bool {
    let Some((texts, _)) = parts(bytes) else { return false };
    learn(&texts).is_some()
}

/// A decoder that has the last text as the schema with the id 1.
pub fn learn(texts: &[&str]) -> Option<Decoder> {
    let (schema, referenced) = texts.split_last()?;
    let referenced: Vec<String> = referenced.iter().map(|text| (*text).to_owned()).collect();
    for stream in [Stream::Orders, Stream::Runs] {
        match compatibility(stream, schema, &referenced) {
            Ok(found) => found.broken.iter().chain(&found.unknown).for_each(|detail| short(detail)),
            Err(error) => short(&error.to_string()),
        }
    }
    let decoder = DECODER.with_borrow(Decoder::clone);
    decoder.learn(1, schema, &referenced).ok()?;
    Some(decoder)
}

fn short(sentence: &str) {
    assert!(sentence.len() <= DETAIL_BYTES_MAX, "a sentence of {} bytes", sentence.len());
}
