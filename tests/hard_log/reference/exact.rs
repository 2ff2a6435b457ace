//! Exact decimals: numbers compare by value however they are written, and nothing is ever rounded.

use serde_json::{Map, Value};

/// digits * 10^exponent, with no trailing zero in digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    pub negative: bool,
    pub digits: String,
    pub exponent: i64,
}

impl Exact {
    /// Of a JSON number, a Postgres numeric or a double's text.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.trim_start_matches('+').parse().ok()?),
            None => (text, 0_i64),
        };
        let (negative, unsigned) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_end_matches('0');
        let dropped = (all.len() - significant.len()) as i64;
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent: exponent - fraction.len() as i64 + dropped })
    }

    pub fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", if self.digits.is_empty() { "0" } else { &self.digits }, self.exponent)
    }
}

/// The same JSON with every number in one spelling, so that equal values are equal texts.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(format!("#{}", Exact::parse(&number.to_string()).unwrap().text())),
        Value::Array(array) => Value::Array(array.iter().map(canonical).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), canonical(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Ten-thousandths of a decimal with four digits after the point.
pub fn units(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap();
    assert_eq!(fraction.len(), 4, "{text}");
    format!("{whole}{fraction}").parse().unwrap()
}
