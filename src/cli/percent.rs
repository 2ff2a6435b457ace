//! A share given as a percentage.

use crate::domain::log::key_share::BUCKETS;

/// Orders per million; a share below one in a million is refused.
pub fn per_million(text: &str) -> Result<u32, String> {
    let percent: Option<f64> = text.parse().ok();
    let share = percent.map(|percent| (percent / 100.0 * BUCKETS as f64).round());
    let share = share.filter(|share| (1.0..=BUCKETS as f64).contains(share));
    // Between 1 and a million, as checked above.
    share.map(|share| share as u32).ok_or_else(|| "must be a percentage from 0.0001 to 100".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(["1", "100", "0.5", "0.0001"].map(per_million), [Ok(10_000), Ok(1_000_000), Ok(5_000), Ok(1)]);
        for text in ["0", "0.00001", "100.1", "101", "-1", "NaN", "many", "1%"] {
            assert_eq!(per_million(text), Err("must be a percentage from 0.0001 to 100".to_owned()), "{text}");
        }
    }
}
