//! Numbers for people.

/// As many digits as mean something: `41,230`, `12.4`, `0.83`.
pub fn amount(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        100.0.. => thousands(value.round()),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number: `1,000`.
pub fn whole(number: u64) -> String {
    thousands(number as f64)
}

/// At an axis: without decimals where there are none.
pub fn tick(value: f64) -> String {
    if value.fract() == 0.0 { thousands(value) } else { amount(value) }
}

fn thousands(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = if whole < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
