//! Times as text, in both of the spellings that readers see.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

fn utc(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

/// As in every JSON of foldback: always six digits.
pub fn iso(micros: i64) -> String {
    utc(micros).format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// As Postgres writes a timestamptz into JSON at UTC: without trailing zeros.
pub fn column(micros: i64) -> String {
    let seconds = utc(micros).format("%Y-%m-%dT%H:%M:%S").to_string();
    match micros.rem_euclid(1_000_000) {
        0 => format!("{seconds}+00:00"),
        fraction => format!("{seconds}.{}+00:00", format!("{fraction:06}").trim_end_matches('0')),
    }
}

/// A time in a JSON datum, which is a number of microseconds or null, as a column.
pub fn optional_column(micros: &Value) -> Value {
    json!(micros.as_i64().map(column))
}

/// Microseconds of a time in foldback's spelling.
pub fn micros_of(text: &str) -> i64 {
    assert!(text.len() == 32 && text.ends_with("+00:00"), "not six digits and +00:00: {text}");
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}
