//! Whether an id is of a sample, as SQL: the sum of `domain::key_sample`, byte for byte.

use crate::domain::key_sample::{BUCKETS, KeySample, WEIGHTS};

/// A condition on a column of type uuid.
pub fn predicate(column: &str, sample: KeySample) -> String {
    if sample.is_all() {
        return "true".to_owned();
    }
    let terms: Vec<String> = WEIGHTS
        .iter()
        .enumerate()
        .map(|(byte, weight)| format!("get_byte(uuid_send({column}), {byte})::bigint * {weight}"))
        .collect();
    format!("({}) % {BUCKETS} < {}", terms.join(" + "), sample.per_million)
}
