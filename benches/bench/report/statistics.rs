//! Medians, ranges and quantiles. Of nothing they are NaN.

pub fn median(samples: &[f64]) -> f64 {
    let sorted = sorted(samples);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest and the greatest.
pub fn range(samples: &[f64]) -> (f64, f64) {
    let sorted = sorted(samples);
    (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN))
}

/// The smallest sample that is not below `share` (0 to 1) of all of them. `sorted`: ascending.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).ceil() as usize;
    sorted.get(at.min(last)).copied().unwrap_or(f64::NAN)
}

/// The quantiles of 0 %, 1 %, … 100 %.
pub fn percentiles(samples: &[f64]) -> Vec<f64> {
    let sorted = sorted(samples);
    (0..=100).map(|percent| quantile(&sorted, f64::from(percent) / 100.0)).collect()
}

pub fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
