//! Amounts of money: exact decimals of 18 digits, 4 of them after the point.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::ToSchema;

/// A decimal of at most 18 digits, 4 of them after the point, counted in ten-thousandths. As text: `"12.3400"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i64);

impl Decimal {
    /// Digits after the point.
    pub const SCALE: u32 = 4;
    const ONE: i64 = 10_000;
    const LIMIT: i64 = 1_000_000_000_000_000_000;

    /// `None` beyond 18 digits.
    pub fn from_ten_thousandths(value: i64) -> Option<Decimal> {
        (value.unsigned_abs() < Self::LIMIT.unsigned_abs()).then_some(Decimal(value))
    }

    pub fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// Parses plain decimal text with at most four digits after the point.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 4 || !plain(whole) || !plain(fraction) {
            return None;
        }
        let value: i64 = format!("{whole}{fraction:0<4}").parse().ok()?;
        Decimal::from_ten_thousandths(if negative { -value } else { value })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let one = Self::ONE.unsigned_abs();
        write!(f, "{sign}{}.{:04}", value / one, value % one)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        if !deserializer.is_human_readable() {
            let value = i64::deserialize(deserializer)?;
            return Decimal::from_ten_thousandths(value)
                .ok_or_else(|| D::Error::custom("a decimal of more than 18 digits"));
        }
        let text = String::deserialize(deserializer)?;
        Decimal::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a decimal of 18 digits, 4 of them after the point"))
        })
    }
}

/// Three capital letters of ISO 4217, such as EUR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn parse(text: &str) -> Option<Currency> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Currency(letters))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII capitals are accepted.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let text = String::deserialize(deserializer)?;
        Currency::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a currency code")))
    }
}

/// An amount in one currency. It may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// The amount in units of the currency: a decimal of at most 18 digits, four of them behind the point.
    #[schema(value_type = String, pattern = r"^-?[0-9]+\.[0-9]{4}$", examples("25.0000"))]
    pub units: Decimal,
    /// ISO 4217 code.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("EUR"))]
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_always_has_four_digits() {
        for (text, value) in
            [("12.3400", 123_400), ("-0.0001", -1), ("0.0000", 0), ("99999999999999.9999", 999_999_999_999_999_999)]
        {
            let decimal = Decimal::from_ten_thousandths(value).unwrap();
            assert_eq!(decimal.to_string(), text);
            assert_eq!(Decimal::parse(text), Some(decimal));
        }
    }

    #[test]
    fn beyond_18_digits_is_refused() {
        assert_eq!(Decimal::from_ten_thousandths(1_000_000_000_000_000_000), None);
        assert_eq!(Decimal::from_ten_thousandths(i64::MIN), None);
        assert_eq!(Decimal::parse("100000000000000"), None);
        assert_eq!(Decimal::parse("1.00001"), None);
        assert_eq!(Decimal::parse("+1"), None);
    }

    #[test]
    fn a_currency_is_three_capitals() {
        assert!(Currency::parse("EUR").is_some());
        for text in ["eur", "EU", "EURO", "E1R", "ÄU"] {
            assert_eq!(Currency::parse(text), None, "{text}");
        }
    }
}
