//! Converts a decimal of any scale to ours.

use crate::domain::orders::money::Decimal;

/// `None`: no digits, more than 18 digits, or digits that our scale would lose.
pub fn decimal(unscaled: &[u8], scale: u32) -> Option<Decimal> {
    let value = integer(unscaled)?;
    let rescaled = if scale <= Decimal::SCALE {
        value.checked_mul(10i128.pow(Decimal::SCALE - scale))?
    } else {
        match 10i128.checked_pow(scale - Decimal::SCALE) {
            Some(power) if value % power == 0 => value / power,
            None if value == 0 => 0,
            _ => return None,
        }
    };
    Decimal::from_ten_thousandths(i64::try_from(rescaled).ok()?)
}

/// Two's complement, big-endian, of any length that 128 bits hold.
fn integer(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let filler = if negative { 0xff } else { 0x00 };
    let (leading, kept) = bytes.split_at(bytes.len().saturating_sub(16));
    // The bytes cut off must be sign extension only, and the rest must keep the sign.
    if leading.iter().any(|byte| *byte != filler) || (!leading.is_empty() && (kept[0] & 0x80 != 0) != negative) {
        return None;
    }
    let start = if negative { -1i128 } else { 0 };
    Some(kept.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unscaled: &[u8], scale: u32, expected: Option<&str>) {
        let text = decimal(unscaled, scale).map(|decimal| decimal.to_string());
        assert_eq!(text.as_deref(), expected, "{unscaled:?} {scale}");
    }

    #[test]
    fn edges() {
        check(&[], 4, None);
        check(&[0], 4, Some("0.0000"));
        check(&[0xff], 4, Some("-0.0001"));
        check(&[0x80], 4, Some("-0.0128"));
        check(&[0x00, 0x80], 4, Some("0.0128"));
        check(&999_999_999_999_999_999i64.to_be_bytes(), 4, Some("99999999999999.9999"));
        check(&(-999_999_999_999_999_999i64).to_be_bytes(), 4, Some("-99999999999999.9999"));
        check(&1_000_000_000_000_000_000i64.to_be_bytes(), 4, None);
        check(&i128::MAX.to_be_bytes(), 4, None);
        check(&[0; 40], 4, Some("0.0000"));
        check(&[0xff; 40], 4, Some("-0.0001"));
        check(&[1; 17], 4, None);
        let mut padded = vec![0; 10];
        padded.extend_from_slice(&[0x80; 16]);
        check(&padded, 4, None);
    }

    #[test]
    fn another_scale_is_exact_or_refused() {
        check(&[12], 0, Some("12.0000"));
        check(&1234i64.to_be_bytes(), 2, Some("12.3400"));
        check(&12_340_000i64.to_be_bytes(), 6, Some("12.3400"));
        check(&12_340_001i64.to_be_bytes(), 6, None);
        check(&[0], 60, Some("0.0000"));
        check(&[1], 60, None);
        check(&100_000_000_000_000i64.to_be_bytes(), 0, None);
        check(&99_999_999_999_999i64.to_be_bytes(), 0, Some("99999999999999.0000"));
    }
}
