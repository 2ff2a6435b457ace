//! Curves over two axes, with a legend at the right.

use super::super::numbers::tick;
use super::{Anchor, HEIGHT, Picture, colour};

const LEFT: f64 = 80.0;
const RIGHT: f64 = 540.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = HEIGHT - 50.0;
const GRID: &str = "#d0d7de";
const STEPS: u32 = 5;

/// A named curve.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// What stands at the axes. The horizontal one runs by powers, so that every value on it must be above 0; the vertical
/// one begins at 0.
pub struct Axes<'a> {
    pub x: &'a str,
    pub y: &'a str,
}

pub fn draw(title: &str, axes: &Axes<'_>, series: &[Series]) -> String {
    let mut picture = Picture::new(title);
    let points = || series.iter().flat_map(|series| &series.points);
    let most = points().map(|point| point.1).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let (from, to) = points().fold((f64::INFINITY, 0.0_f64), |(from, to), (x, _)| (x.min(from), x.max(to)));
    let at = |(x, y): (f64, f64)| (across((from, to), x), BOTTOM - (BOTTOM - TOP) * y / most);
    grid(&mut picture, axes, most);
    for x in ticks(from, to) {
        picture.text((at((x, 0.0)).0, BOTTOM + 18.0), Anchor::Middle, &tick(x));
    }
    for (number, series) in series.iter().enumerate() {
        let mut points: Vec<(f64, f64)> = series.points.iter().copied().map(at).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        picture.curve(&points, colour(number));
        let y = TOP + 8.0 + 18.0 * number as f64;
        picture.bar((RIGHT + 20.0, y - 8.0), (12.0, 8.0), colour(number));
        picture.text((RIGHT + 38.0, y), Anchor::Start, &series.name);
    }
    picture.finish()
}

fn grid(picture: &mut Picture, axes: &Axes<'_>, most: f64) {
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let y = BOTTOM - (BOTTOM - TOP) * share;
        picture.line((LEFT, y), (RIGHT, y), GRID);
        picture.text((LEFT - 8.0, y + 4.0), Anchor::End, &tick(most * share));
    }
    picture.text((f64::midpoint(LEFT, RIGHT), BOTTOM + 38.0), Anchor::Middle, axes.x);
    picture.text((20.0, TOP - 14.0), Anchor::Start, axes.y);
}

/// Where a value stands between left and right.
fn across((from, to): (f64, f64), x: f64) -> f64 {
    let share = (x / from).ln() / (to / from).ln();
    // A single value has no place of its own.
    LEFT + (RIGHT - LEFT) * if share.is_finite() { share } else { 0.5 }
}

/// Powers of ten, or the ends where there is at most one of them.
fn ticks(from: f64, to: f64) -> Vec<f64> {
    if from == to || !from.is_finite() {
        return if from.is_finite() { vec![from] } else { Vec::new() };
    }
    let powers = from.log10().ceil() as i32..=to.log10().floor() as i32;
    let ticks: Vec<f64> = powers.map(|power| 10_f64.powi(power)).collect();
    if ticks.len() > 1 { ticks } else { vec![from, to] }
}
