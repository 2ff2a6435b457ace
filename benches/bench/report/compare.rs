//! Two runs side by side: the ratio of each figure, and whether it is more than the samples' own spread.

use super::figure::{Better, Figure};
use super::numbers::amount;
use super::results::Results;
use super::tables::cell;

/// What a difference is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Worse,
    /// Beyond the spread, of a figure that is not foldback's own: the machine or the load differed.
    Differs,
    /// The ranges of the samples meet.
    WithinSpread,
    /// Of fewer than two samples on a side.
    NoSpread,
}

impl Verdict {
    /// Of `b` against `a`: it counts only if every sample of one is beyond every sample of the other.
    pub fn of(a: &Figure, b: &Figure) -> Verdict {
        if a.samples.len() < 2 || b.samples.len() < 2 {
            return Verdict::NoSpread;
        }
        let ((a_least, a_most), (b_least, b_most)) = (a.range(), b.range());
        let (is_more, is_less) = (b_least > a_most, b_most < a_least);
        match (b.better, is_more, is_less) {
            (_, false, false) => Verdict::WithinSpread,
            (Better::Neither, ..) => Verdict::Differs,
            (Better::More, true, _) | (Better::Less, _, true) => Verdict::Better,
            _ => Verdict::Worse,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Verdict::Better => "**better**",
            Verdict::Worse => "**worse**",
            Verdict::Differs => "differs",
            Verdict::WithinSpread => "within the spread",
            Verdict::NoSpread => "one sample",
        }
    }
}

/// A table of the figures that both runs have, preceded by what should make a reader doubt it.
pub fn compare(a: &Results, b: &Results) -> String {
    let mut lines: Vec<String> = doubts(a, b).into_iter().map(|doubt| format!("Beware: {doubt}.")).collect();
    lines.push(format!("A is {}, B is {}. Medians, with the least and the greatest sample.", name(a), name(b)));
    lines.push("| measurement | load | case | figure | A | B | B / A | |".to_owned());
    lines.push("|---|---|---|---|---:|---:|---:|---|".to_owned());
    let mut missing = 0;
    for before in &a.figures {
        match b.figures.iter().find(|figure| figure.id == before.id) {
            Some(after) => lines.push(line(before, after)),
            None => missing += 1,
        }
    }
    missing += b.figures.iter().filter(|figure| !a.figures.iter().any(|other| other.id == figure.id)).count();
    if missing > 0 {
        lines.push(format!("{missing} figures are in only one of the two."));
    }
    lines.join("\n")
}

fn line(a: &Figure, b: &Figure) -> String {
    let id = &b.id;
    let ratio = amount(b.median() / a.median());
    let (unit, verdict) = (&b.unit, Verdict::of(a, b).words());
    let figure = if unit.is_empty() { id.name.clone() } else { format!("{}, {unit}", id.name) };
    let (measure, load, case) = (&id.measure, &id.load, &id.case);
    format!("| {measure} | {load} | {case} | {figure} | {} | {} | {ratio} | {verdict} |", cell(a), cell(b))
}

fn name(results: &Results) -> String {
    let dirty = if results.dirty { " with changes" } else { "" };
    format!("{}{dirty} of {}", results.commit, results.measured_at)
}

fn doubts(a: &Results, b: &Results) -> Vec<&'static str> {
    let mut doubts = Vec::new();
    if a.machine != b.machine {
        doubts.push("the machines or the servers' versions differ");
    }
    if a.settings != b.settings {
        doubts.push("Postgres had other settings");
    }
    if a.profile != b.profile {
        doubts.push("they were built with different profiles");
    }
    let log = |results: &Results| {
        let key = |load: &super::results::Load| (load.name.clone(), load.seed, load.events, load.partitions);
        results.loads.iter().map(key).collect::<Vec<_>>()
    };
    if log(a) != log(b) {
        doubts.push("the loads differ");
    }
    doubts
}
