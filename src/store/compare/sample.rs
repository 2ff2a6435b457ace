//! Whether an id is in a sample, as SQL: by the hash of `domain::key_sample`.

use crate::domain::log::key_share::{BUCKETS, HASH_MASK, KeySample};

/// A condition on a column of type uuid.
pub fn predicate(column: &str, sample: KeySample) -> String {
    if sample.is_all() {
        return "true".to_owned();
    }
    format!("(uuid_hash_extended({column}, 0) & {HASH_MASK}) % {BUCKETS} < {}", sample.per_million)
}
