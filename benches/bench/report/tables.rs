//! Tables of a run, in Markdown: one for each measurement and load, with a column for each case of it.

use super::figure::Figure;
use super::numbers::amount;
use super::results::Results;

/// All tables, each with a heading of this level.
pub fn tables(results: &Results, level: usize) -> String {
    let mut text = String::new();
    for (measure, load) in distinct(&results.figures, |figure| (figure.id.measure.clone(), figure.id.load.clone())) {
        let figures: Vec<&Figure> =
            results.figures.iter().filter(|figure| figure.id.measure == measure && figure.id.load == load).collect();
        text += &format!("{} {measure}, {load} events\n\n{}\n", "#".repeat(level), table(&figures));
    }
    text
}

/// Rows are figures, columns are cases.
fn table(figures: &[&Figure]) -> String {
    let cases = distinct(figures, |figure| figure.id.case.clone());
    let names = distinct(figures, |figure| (figure.id.name.clone(), figure.unit.clone()));
    let mut lines = vec![format!("| | {} |", cases.join(" | ")), format!("|---|{}", "---:|".repeat(cases.len()))];
    for (name, unit) in &names {
        let cells = cases.iter().map(|case| {
            let figure = figures.iter().find(|figure| figure.id.case == *case && figure.id.name == *name);
            figure.map_or("-".to_owned(), |figure| cell(figure))
        });
        let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
        lines.push(format!("| {name}{unit} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    lines.join("\n") + "\n"
}

/// `41,230 (39,800–42,100)`: the median, and the range of several samples.
pub fn cell(figure: &Figure) -> String {
    let (least, most) = figure.range();
    let median = amount(figure.median());
    if figure.samples.len() > 1 { format!("{median} ({}–{})", amount(least), amount(most)) } else { median }
}

/// In the order in which each comes first.
pub fn distinct<T, K: PartialEq>(items: &[T], key: impl Fn(&T) -> K) -> Vec<K> {
    let mut found: Vec<K> = Vec::new();
    for item in items {
        let key = key(item);
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}
