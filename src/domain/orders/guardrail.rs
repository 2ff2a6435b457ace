//! The margin guardrail of an order, decided by exact comparison.

use serde::Serialize;
use utoipa::ToSchema;

use super::event::Guardrails;
use super::money::{Decimal, Money};

/// Verdict on an order's margin. `Idle`: it can't be evaluated (see `Guardrails`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailStatus {
    Idle,
    Pass,
    Warn,
    Fail,
}

impl GuardrailStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            GuardrailStatus::Idle => "idle",
            GuardrailStatus::Pass => "pass",
            GuardrailStatus::Warn => "warn",
            GuardrailStatus::Fail => "fail",
        }
    }

    pub fn parse(text: &str) -> Option<GuardrailStatus> {
        [GuardrailStatus::Idle, GuardrailStatus::Pass, GuardrailStatus::Warn, GuardrailStatus::Fail]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// `idle` unless all three are present, the amount is above zero and both amounts are in one currency.
pub fn guardrail_status(
    guardrails: Option<&Guardrails>,
    provider_cost: Option<&Money>,
    amount: Option<&Money>,
) -> GuardrailStatus {
    let (Some(limits), Some(cost), Some(amount)) = (guardrails, provider_cost, amount) else {
        return GuardrailStatus::Idle;
    };
    if amount.currency != cost.currency || amount.units <= Decimal::default() {
        return GuardrailStatus::Idle;
    }
    let amount = i128::from(amount.units.ten_thousandths());
    let margin = amount - i128::from(cost.units.ten_thousandths());
    let absolute = limits.minimum_margin_absolute.map(|limit| i128::from(limit.ten_thousandths()));
    let below = |limit: Option<f64>| limit.is_some_and(|limit| percent_is_below(margin, amount, limit));
    if absolute.is_some_and(|limit| margin < limit) || below(limits.minimum_margin_percent) {
        GuardrailStatus::Fail
    } else if below(limits.warning_margin_percent) {
        GuardrailStatus::Warn
    } else {
        GuardrailStatus::Pass
    }
}

/// Whether `margin / amount * 100 < limit`, for `amount > 0` and a limit of at most 1e6 either way.
///
/// Decided as `margin * 100 < limit * amount`: a quotient would have to be rounded. The limit is its shortest
/// decimal text, `digits * 10^exponent` with at most 17 digits; times an amount of 18 digits that fits i128.
fn percent_is_below(margin: i128, amount: i128, limit: f64) -> bool {
    let (digits, exponent) = shortest_decimal(limit);
    let (left, right) = (margin * 100, digits * amount);
    if exponent >= 0 {
        // At most 1e6 * 1e18.
        return left < right * 10i128.pow(exponent.unsigned_abs());
    }
    let scaled = 10i128.checked_pow(exponent.unsigned_abs()).and_then(|power| left.checked_mul(power));
    match scaled {
        Some(left) => left < right,
        // The scaled left side is beyond i128, the right side within 35 digits: the left one's sign decides.
        // A margin of zero scales to zero whatever the power.
        None if left == 0 => right > 0,
        None => left < 0,
    }
}

/// Powers of ten that are tried before formatting a text.
const DIGITS_TRIED: i32 = 4;
/// Doubles represent every integer exactly up to here.
const DIGITS_EXACT: f64 = 9_007_199_254_740_992.0;

/// The shortest decimal text of a finite double, as digits and a power of ten.
fn shortest_decimal(value: f64) -> (i128, i32) {
    // Most limits look like 12.5, and every order needs one. Both numbers of the quotient are exact, so it is the
    // double that these digits denote. With fewer than 16 digits, no shorter text denotes it.
    for exponent in 0..=DIGITS_TRIED {
        let power = 10f64.powi(exponent);
        let digits = (value * power).round();
        if digits.abs() <= DIGITS_EXACT / 10.0 && digits / power == value {
            return (digits as i128, -exponent);
        }
    }
    decimal_text(value)
}

/// The same, by formatting the text.
fn decimal_text(value: f64) -> (i128, i32) {
    let text = format!("{value:e}");
    // `{:e}` of a finite double is always `[-]d[.ddd]e[-]ddd`.
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // Few digits behind a point: at most 17, which fits any integer.
    (digits, exponent - fraction.len() as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::money::Currency;
    use super::*;

    /// Makes texts that differ only in trailing zeros equal.
    fn without_zeros((mut digits, mut exponent): (i128, i32)) -> (i128, i32) {
        while digits != 0 && digits % 10 == 0 {
            (digits, exponent) = (digits / 10, exponent + 1);
        }
        (digits, if digits == 0 { 0 } else { exponent })
    }

    fn limit() -> impl Strategy<Value = f64> {
        let short = (-1_000_000_000i64..1_000_000_000, 0..8)
            .prop_map(|(digits, behind)| digits as f64 / 10f64.powi(behind))
            .prop_filter("a limit is at most 1e6", |value| value.abs() <= 1e6);
        let beside = short.clone().prop_map(f64::next_up);
        prop_oneof![short, beside, -1e6..1e6]
    }

    proptest! {
        #[test]
        fn digits_that_are_tried_are_those_of_the_text(value in limit()) {
            prop_assert_eq!(without_zeros(shortest_decimal(value)), without_zeros(decimal_text(value)));
        }
    }

    fn check(amount: &str, cost: &str, limits: (Option<&str>, Option<f64>, Option<f64>), expected: &str) {
        let money = |text: &str| {
            let (units, currency) = text.split_once(' ').unwrap();
            Money { units: Decimal::parse(units).unwrap(), currency: Currency::parse(currency).unwrap() }
        };
        let guardrails = Guardrails {
            minimum_margin_absolute: limits.0.map(|text| Decimal::parse(text).unwrap()),
            minimum_margin_percent: limits.1,
            warning_margin_percent: limits.2,
        };
        let status = guardrail_status(Some(&guardrails), Some(&money(cost)), Some(&money(amount)));
        assert_eq!(status.as_str(), expected, "{amount} {cost} {limits:?}");
    }

    #[test]
    fn a_limit_that_is_just_met_passes() {
        check("100 EUR", "90 EUR", (None, Some(10.0), Some(10.0)), "pass");
        check("100 EUR", "90 EUR", (None, Some(10.0), Some(10.000000000000002)), "warn");
        check("100 EUR", "90 EUR", (None, Some(10.000000000000002), None), "fail");
        check("100 EUR", "90 EUR", (Some("10"), None, None), "pass");
        check("100 EUR", "90 EUR", (Some("10.0001"), None, None), "fail");
    }

    #[test]
    fn no_limit_at_all_passes() {
        check("100 EUR", "500 EUR", (None, None, None), "pass");
    }

    #[test]
    fn a_double_counts_as_its_shortest_text() {
        // 0.1 as a double is slightly above a tenth; as text it is exactly a tenth, and this margin meets it.
        check("1000 EUR", "999 EUR", (None, Some(0.1), None), "pass");
        check("10 EUR", "9.97 EUR", (None, Some(0.3), None), "pass");
        check("10 EUR", "9.97 EUR", (None, Some(0.30000000000000004), None), "fail");
    }

    #[test]
    fn extremes_neither_overflow_nor_round() {
        let most = "99999999999999.9999 EUR";
        check(most, "-99999999999999.9999 EUR", (None, Some(200.0), None), "pass");
        check(most, "-99999999999999.9999 EUR", (None, Some(200.00000000000003), None), "fail");
        check("0.0001 EUR", "99999999999999.9999 EUR", (None, Some(-1e6), None), "fail");
        check(most, "99999999999999.9998 EUR", (None, Some(5e-324), None), "pass");
        check(most, most, (None, Some(5e-324), None), "fail");
        check(most, most, (None, Some(-5e-324), None), "pass");
        check("1 EUR", "1.0001 EUR", (None, Some(-5e-324), None), "fail");
        check(most, "0 EUR", (None, Some(99.99999999999999), Some(1e6)), "warn");
    }

    #[test]
    fn idle_without_a_positive_amount_in_the_cost_s_currency() {
        check("0 EUR", "1 EUR", (None, Some(1.0), None), "idle");
        check("-5 EUR", "-9 EUR", (None, Some(1.0), None), "idle");
        check("5 EUR", "1 USD", (None, Some(1.0), None), "idle");
        assert_eq!(guardrail_status(None, None, None), GuardrailStatus::Idle);
    }
}
