//! Formats numbers and durations for people.

use crate::domain::timestamp::Timestamp;

/// `52310` -> `52,310`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `69` seconds -> `1:09`
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A duration with fractions of a second: `0:00` would read as no time at all.
pub fn duration(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1} s") } else { clock(seconds.round() as u64) }
}

/// To the second, where a table has no room for more.
pub fn to_the_second(time: Timestamp) -> String {
    time.to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `0.41389` -> `41.3 %`: truncated, so that 100 % means that nothing is left.
pub fn percent(ratio: f64) -> String {
    // A sum of many parts may be slightly below its exact value.
    let tenths = (ratio.clamp(0.0, 1.0) * 1000.0 + 1e-6).floor();
    format!("{:.1} %", tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        let texts = [0, 999, 1_000, 52_310, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "52,310", "1,234,567"]);
    }

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!([9, 69, 3_723].map(clock), ["0:09", "1:09", "1:02:03"]);
        assert_eq!([0.42, 9.94, 12.6].map(duration), ["0.4 s", "9.9 s", "0:13"]);
    }

    #[test]
    fn only_the_end_is_a_hundred_percent() {
        assert_eq!(
            [0.0, 0.413_89, 0.999_96, 1.0, 0.7].map(percent),
            ["0.0 %", "41.3 %", "99.9 %", "100.0 %", "70.0 %"]
        );
    }
}
