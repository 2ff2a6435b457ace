//! Ages on the command line: `90s`, `15m`, `2h`, `7d`.

use std::time::Duration;

/// A hundred years, which is longer than any log.
const SECONDS_MAX: u64 = 100 * 366 * 24 * 3600;

/// Parses a whole number with its unit.
pub fn age(text: &str) -> Result<Duration, String> {
    let unit = |seconds: u64, suffix| {
        let digits = text.strip_suffix(suffix).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u64>().ok()?.checked_mul(seconds)
    };
    let seconds = unit(1, 's').or_else(|| unit(60, 'm')).or_else(|| unit(3600, 'h')).or_else(|| unit(24 * 3600, 'd'));
    let seconds = seconds.filter(|seconds| *seconds <= SECONDS_MAX);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "must be a whole number with its unit, such as 90s, 15m, 2h or 7d".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_its_unit() {
        let seconds = |text| age(text).map(|age| age.as_secs()).ok();
        assert_eq!(["0s", "90s", "15m", "2h", "7d"].map(seconds), [0, 90, 900, 7200, 604_800].map(Some));
        for text in ["", "s", "15", "-1s", "+1s", "1.5h", "1w", "15 m", "99999999d", "99999999999999999999s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
