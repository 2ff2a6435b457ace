//! Stacked bars, one below the other, with a legend under them.

use super::super::numbers::amount;
use super::{Anchor, HEIGHT, Picture, WIDTH, colour};

const LEFT: f64 = 190.0;
/// For a bar and the gap below it.
const ROOM_MAX: f64 = 60.0;
const RIGHT: f64 = WIDTH - 70.0;
const TOP: f64 = 44.0;
/// What the legend takes.
const LEGEND: f64 = 60.0;
const LEGEND_COLUMNS: usize = 4;

/// A named bar: the values of its parts, in the order of their names.
pub struct Bar {
    pub name: String,
    pub parts: Vec<f64>,
}

/// `unit` is that of the values, and follows each bar's sum.
pub fn draw(title: &str, unit: &str, parts: &[String], bars: &[Bar]) -> String {
    let mut picture = Picture::new(title);
    let sum = |bar: &Bar| bar.parts.iter().sum::<f64>();
    let most = bars.iter().map(sum).fold(f64::MIN_POSITIVE, f64::max);
    let room = ((HEIGHT - TOP - LEGEND) / bars.len().max(1) as f64).min(ROOM_MAX);
    let height = (room * 0.7).min(34.0);
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + room * row as f64;
        let mut x = LEFT;
        for (part, value) in bar.parts.iter().enumerate() {
            let width = (RIGHT - LEFT) * value / most;
            picture.bar((x, y), (width, height), colour(part));
            x += width;
        }
        picture.text((LEFT - 8.0, y + height / 2.0 + 4.0), Anchor::End, &bar.name);
        picture.text((x + 6.0, y + height / 2.0 + 4.0), Anchor::Start, &format!("{} {unit}", amount(sum(bar))));
    }
    for (number, part) in parts.iter().enumerate() {
        let (row, column) = (number / LEGEND_COLUMNS, number % LEGEND_COLUMNS);
        let x = 20.0 + (WIDTH - 40.0) / LEGEND_COLUMNS as f64 * column as f64;
        let y = HEIGHT - LEGEND + 24.0 + 18.0 * row as f64;
        picture.bar((x, y - 8.0), (12.0, 8.0), colour(number));
        picture.text((x + 18.0, y), Anchor::Start, part);
    }
    picture.finish()
}
