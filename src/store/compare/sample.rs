//! Whether an id or a record is in a sample, as SQL: by the hash of `domain::log::key_share`.

use crate::domain::log::key_share::{BUCKETS, HASH_MASK, KeySample};

/// A condition on a column of type uuid.
pub fn predicate(column: &str, sample: KeySample) -> String {
    if sample.is_all() {
        return "true".to_owned();
    }
    format!("(uuid_hash_extended({column}, 0) & {HASH_MASK}) % {BUCKETS} < {}", sample.per_million)
}

/// The texts of an id that `KeySample::takes_key` reads, in lower case, and their lengths.
const KEY_LENGTHS: &str = "32, 36, 38, 45";
const KEY_TEXTS: &str = "^([0-9a-f]{32}|H|[{]H[}]|urn:uuid:H)$";
const HYPHENATED: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// A condition on a column of type bytea, the key of a record. One that is not an id is always in the sample.
pub fn key_predicate(column: &str, sample: KeySample) -> String {
    if sample.is_all() {
        return "true".to_owned();
    }
    let text = format!("lower(encode({column}, 'escape') collate \"C\")");
    let id = format!("replace({text}, 'urn:uuid:', '')::uuid");
    // `case` keeps Postgres from casting what is none.
    format!(
        "case when octet_length({column}) in ({KEY_LENGTHS}) and {text} ~ '{texts}' then {taken} else true end",
        texts = KEY_TEXTS.replace('H', HYPHENATED),
        taken = predicate(&id, sample),
    )
}
