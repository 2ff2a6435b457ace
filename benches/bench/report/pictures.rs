//! Which figures are drawn, and how.

use super::figure::Figure;
use super::results::{Distribution, Results};
use super::svg::bars::{self, Bar};
use super::svg::lines::{self, Axes, Series};
use super::tables::distinct;

/// What phases of a rebuild are called: `phase folding`.
const PHASE: &str = "phase ";

/// A picture of the docs: the name of its file, the sentence under it, and its SVG.
pub struct Drawn {
    pub file: &'static str,
    pub about: &'static str,
    pub svg: String,
}

/// Those for which there are figures.
pub fn draw(results: &Results) -> Vec<Drawn> {
    [rates(results), phases(results), latencies(results)].into_iter().flatten().collect()
}

/// The rate of a rebuild against the length of the log, beside the loop that lands the same row.
fn rates(results: &Results) -> Option<Drawn> {
    let is_drawn = |figure: &&Figure| {
        let name = &figure.id.name;
        figure.id.measure == "rebuild" && (name == "rate" || name.starts_with("ceiling"))
    };
    let figures: Vec<&Figure> = results.figures.iter().filter(is_drawn).collect();
    let curves = distinct(&figures, |figure| (figure.id.load.clone(), figure.id.name.clone()));
    let series: Vec<Series> = curves
        .into_iter()
        .map(|(load, name)| {
            let its = figures.iter().filter(|figure| figure.id.load == load && figure.id.name == name);
            let points = its.filter_map(|figure| Some((number(&figure.id.case)?, figure.median())));
            Series { points: points.collect(), name: format!("{load}: {}", short(&name)) }
        })
        .collect();
    let axes = Axes { x: "events in the log", y: "events/s" };
    let svg = lines::draw("Rate of a rebuild, by length of the log", &axes, &series);
    (!series.is_empty()).then_some(Drawn {
        file: "rebuild-rate.svg",
        about: "Events a second from the command to the promotion, beside loops that only land the history.",
        svg,
    })
}

/// Where the time of a rebuild goes.
fn phases(results: &Results) -> Option<Drawn> {
    let is_phase = |figure: &&Figure| figure.id.measure == "rebuild" && figure.id.name.starts_with(PHASE);
    let figures: Vec<&Figure> = results.figures.iter().filter(is_phase).collect();
    let parts = distinct(&figures, |figure| figure.id.name.trim_start_matches(PHASE).to_owned());
    let rebuilds = distinct(&figures, |figure| (figure.id.load.clone(), figure.id.case.clone()));
    let bars: Vec<Bar> = rebuilds
        .into_iter()
        .map(|(load, case)| {
            let of = |part: &String| {
                let its = |figure: &&&Figure| {
                    let id = &figure.id;
                    id.load == load && id.case == case && id.name.trim_start_matches(PHASE) == part
                };
                figures.iter().find(its).map_or(0.0, |figure| figure.median())
            };
            Bar { parts: parts.iter().map(of).collect(), name: format!("{load}, {case}") }
        })
        .collect();
    let svg = bars::draw("Where the time of a rebuild goes", "s", &parts, &bars);
    (!bars.is_empty()).then_some(Drawn {
        file: "rebuild-phases.svg",
        about: "Seconds in each phase that `foldback rebuild` reports, medians.",
        svg,
    })
}

/// The share of events that arrived within a time.
fn latencies(results: &Results) -> Option<Drawn> {
    let series: Vec<Series> = results.distributions.iter().filter_map(arrivals).collect();
    let axes = Axes { x: "milliseconds", y: "percent of events" };
    let svg = lines::draw("Event to commit and event to Redis, as a reader sees them", &axes, &series);
    (!series.is_empty()).then_some(Drawn {
        file: "freshness.svg",
        about: "How many of the events a reader outside saw after so many milliseconds; of each case the median run.",
        svg,
    })
}

/// Of the run whose median is the median of the runs.
fn arrivals(distribution: &Distribution) -> Option<Series> {
    let mut runs: Vec<&Vec<f64>> = distribution.percentiles.iter().filter(|run| run.len() == 101).collect();
    runs.sort_by(|a, b| a[50].total_cmp(&b[50]));
    let run = runs.get(runs.len() / 2)?;
    let points = run.iter().enumerate().map(|(percent, time)| (time.max(0.1), percent as f64));
    let id = &distribution.id;
    Some(Series { points: points.collect(), name: format!("{}, {}: {}", id.load, id.case, id.name) })
}

/// The number that a case begins with.
fn number(case: &str) -> Option<f64> {
    case.split_whitespace().next()?.replace(',', "").parse().ok()
}

fn short(name: &str) -> &str {
    if name == "rate" { "foldback" } else { name }
}
