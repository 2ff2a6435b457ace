//! A moment in microseconds, with the only text form that foldback writes.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Microseconds since 1970-01-01T00:00:00 UTC. As text: ISO 8601 with six digits and `+00:00`; in binary forms the
/// microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// `None` outside the years 1 to 9999, which neither Postgres nor ISO 8601 readers agree on.
    pub fn from_micros(micros: i64) -> Option<Timestamp> {
        let time = Timestamp(micros);
        (Timestamp::MIN..=Timestamp::MAX).contains(&time).then_some(time)
    }

    /// Any time that chrono holds, cut to the years 1 to 9999.
    pub fn from_datetime(time: DateTime<Utc>) -> Timestamp {
        Timestamp(time.timestamp_micros()).clamp(Timestamp::MIN, Timestamp::MAX)
    }

    pub fn micros(self) -> i64 {
        self.0
    }

    pub fn to_datetime(self) -> DateTime<Utc> {
        // Every value between MIN and MAX is far inside chrono's range of ±262,000 years.
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Parses ISO 8601 with any offset; digits below a microsecond are truncated.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Timestamp::from_micros(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        if !deserializer.is_human_readable() {
            let micros = i64::deserialize(deserializer)?;
            return Timestamp::from_micros(micros)
                .ok_or_else(|| D::Error::custom("a time outside the years 1 to 9999"));
        }
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not an ISO 8601 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_six_digits_and_a_numeric_offset() {
        let time = Timestamp::from_micros(1_700_000_000_120_000).unwrap();
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.120000+00:00");
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000+00:00");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999+00:00");
    }

    #[test]
    fn years_outside_1_to_9999_are_refused() {
        assert_eq!(Timestamp::from_micros(Timestamp::MIN.micros() - 1), None);
        assert_eq!(Timestamp::from_micros(Timestamp::MAX.micros() + 1), None);
        assert_eq!(Timestamp::from_micros(i64::MAX), None);
    }
}
