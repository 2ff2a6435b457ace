//! Guardrail status in integers: nothing is divided, nothing rounded.

use serde_json::Value;

use super::exact::{Exact, units};

/// amount, cost and limits as in a payload; null where they were never set.
pub fn status(amount: &Value, cost: &Value, limits: &Value) -> &'static str {
    if amount.is_null() || cost.is_null() || limits.is_null() || amount["currency"] != cost["currency"] {
        return "idle";
    }
    let amount = units(amount["units"].as_str().unwrap());
    let margin = amount - units(cost["units"].as_str().unwrap());
    if amount <= 0 {
        return "idle";
    }
    let absolute = limits["minimum_margin_absolute"].as_str().map(units);
    let below = |name: &str| percent_below(margin, amount, &limits[name]);
    if absolute.is_some_and(|minimum| margin < minimum) || below("minimum_margin_percent") {
        "fail"
    } else if below("warning_margin_percent") {
        "warn"
    } else {
        "pass"
    }
}

/// margin / amount * 100 < limit, for a positive amount.
fn percent_below(margin: i128, amount: i128, limit: &Value) -> bool {
    if limit.is_null() {
        return false;
    }
    let limit = Exact::parse(&limit.to_string()).unwrap();
    let digits: i128 = if limit.digits.is_empty() { 0 } else { limit.digits.parse().unwrap() };
    let scaled = amount * if limit.negative { -digits } else { digits };
    let hundredfold = margin * 100;
    // hundredfold < scaled * 10^exponent
    if limit.exponent >= 0 {
        return hundredfold < scaled * 10_i128.pow(u32::try_from(limit.exponent).unwrap());
    }
    let shift = u32::try_from(-limit.exponent).unwrap();
    match 10_i128.checked_pow(shift).and_then(|power| hundredfold.checked_mul(power)) {
        Some(left) => left < scaled,
        // beyond 128 bits only the sign of the left side matters, and zero stays zero
        None if hundredfold == 0 => 0 < scaled,
        None => hundredfold < 0,
    }
}
