//! Inputs that are nearly right: what a random one never reaches.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// An input doesn't grow beyond.
const BYTES_MAX: usize = 64 * 1024;
/// Numbers at the edges of what a length or count may be.
const EXTREMES: [i64; 14] = [
    0,
    1,
    -1,
    -64,
    64,
    1 << 15,
    1 << 30,
    i32::MAX as i64,
    1 << 31,
    i32::MIN as i64,
    1 << 53,
    1 << 62,
    i64::MAX,
    i64::MIN,
];
const BYTES: [&[u8]; 9] =
    [b"\0", b"\xff", b"\x80", b"\x01", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80", b"\xef\xbb\xbf"];

/// Makes inputs of those that are known; alike for a seed.
pub struct Mutator<'c> {
    dice: StdRng,
    known: &'c [Vec<u8>],
    words: &'c [&'static str],
}

impl<'c> Mutator<'c> {
    pub fn new(seed: u64, known: &'c [Vec<u8>], words: &'c [&'static str]) -> Mutator<'c> {
        Mutator { dice: StdRng::seed_from_u64(seed), known, words }
    }

    /// One of the known inputs, changed in one to eight places, rather in few.
    pub fn next(&mut self) -> Vec<u8> {
        let known = self.known;
        let mut bytes = self.pick(known).cloned().unwrap_or_default();
        let most = 1 + self.below(8);
        for _ in 0..=self.below(most) {
            bytes = self.changed(bytes);
            bytes.truncate(BYTES_MAX);
        }
        bytes
    }

    fn below(&mut self, count: usize) -> usize {
        self.dice.random_range(0..count.max(1))
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }

    /// A changed input.
    pub fn changed(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let (from, to) = self.range(bytes.len());
        let (words, known) = (self.words, self.known);
        match self.below(12) {
            0 => bytes.iter_mut().skip(from).take(1).for_each(|byte| *byte ^= 1 << (to % 8)),
            1 => drop(bytes.drain(from..to)),
            2 => bytes.truncate(from),
            3 => {
                let again = bytes[from..to].repeat(1 + (BYTES_MAX / 4 / (to - from).max(1)).min(1 << self.below(13)));
                drop(bytes.splice(from..from, again));
            }
            4 => drop(bytes.splice(from..to, self.pick(words).map_or("", |word| word).bytes())),
            5 => drop(bytes.splice(from..from, self.pick(words).map_or("", |word| word).bytes())),
            6 => drop(bytes.splice(from..from, self.pick(&BYTES).copied().unwrap_or_default().iter().copied())),
            7 => {
                let mut number = Vec::new();
                super::avro::long(self.extreme(), &mut number);
                drop(bytes.splice(from..(from + 1 + self.below(2)).min(bytes.len()).max(from), number));
            }
            8 => {
                let other = self.pick(known).cloned().unwrap_or_default();
                let (start, end) = self.range(other.len());
                drop(bytes.splice(from..to, other[start..end].iter().copied()));
            }
            _ => bytes = self.changed_json(bytes),
        }
        bytes
    }

    fn range(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        let near = one.saturating_add(self.below(16)).min(length);
        let other = if self.below(2) == 0 { near } else { other };
        (one.min(other), one.max(other))
    }

    fn extreme(&mut self) -> i64 {
        self.pick(&EXTREMES).copied().unwrap_or_default().wrapping_add(self.below(3) as i64 - 1)
    }

    /// Changes one of the JSON texts, if there are any.
    fn changed_json(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let is_end = |byte: &u8| matches!(*byte, 0 | 0x1e);
        let starts: Vec<usize> = (0..bytes.len()).filter(|at| *at == 0 || is_end(&bytes[at - 1])).take(8).collect();
        let Some(start) = self.pick(&starts).copied() else { return bytes };
        let end = bytes[start..].iter().position(is_end).map_or(bytes.len(), |length| start + length);
        let Ok(mut json) = serde_json::from_slice::<Value>(&bytes[start..end]) else { return bytes };
        let (to, from) = (self.below(count(&json)), self.below(count(&json)));
        let part = nth(&mut json, &mut from.clone()).map(|value| value.clone()).unwrap_or_default();
        if let Some(place) = nth(&mut json, &mut to.clone()) {
            self.replace(place, part);
        }
        [&bytes[..start], json.to_string().as_bytes(), &bytes[end..]].concat()
    }

    fn replace(&mut self, place: &mut Value, part: Value) {
        let was = place.take();
        let times = 1 << self.below(10);
        *place = match (self.below(9), was) {
            (0, _) => part,
            (1, Value::Array(items)) if !items.is_empty() => {
                Value::Array(items.iter().cycle().take(items.len() + times).cloned().collect())
            }
            (2, Value::Array(mut items)) => {
                items.insert(self.below(items.len() + 1), part);
                Value::Array(items)
            }
            (3, Value::Object(mut object)) => {
                let key = object.keys().nth(self.below(object.len())).cloned().unwrap_or_default();
                object.remove(&key);
                Value::Object(object)
            }
            (4, Value::String(text)) if text.len() < 100 => Value::String(text.repeat(times)),
            (5, Value::Number(_)) => json!(self.extreme()),
            (6, was) => (0..self.below(80)).fold(was, |inner, _| json!({"type": "array", "items": inner})),
            (7, _) => {
                let word = self.pick(self.words).copied().unwrap_or_default();
                serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned()))
            }
            (8, was) => json!([null, was]),
            (_, was) => was,
        };
    }
}

fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'v>(json: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(object) => object.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}
