//! What is shown: how far something is, and notes.

use crate::cli::format::{clock, percent, thousands};
use crate::domain::generations::generation::{Phase, Progress};

/// Something to be shown.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Progress(Shown),
    Note(String),
}

/// How far something is.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What is under way: `generation 2`.
    pub subject: String,
    /// What is being done; a line is due whenever it changes.
    pub phase: String,
    /// 0 to 1.
    pub ratio: f64,
    /// Phase, share, rate and time left, as far as they are known.
    pub words: String,
}

impl Shown {
    pub fn of(subject: String, progress: &Progress) -> Shown {
        Shown { subject, phase: progress.phase.words().to_owned(), ratio: progress.ratio, words: words(progress) }
    }
}

/// `folding, 41.3 %, 52,310 events/s, ETA 0:09`; what is not known yet is left out.
pub fn words(progress: &Progress) -> String {
    let way = (progress.ratio < 1.0 || progress.phase == Phase::Folding).then(|| percent(progress.ratio));
    let rate = progress.events_per_second.round() as u64;
    let rate = (rate > 0).then(|| format!("{} events/s", thousands(rate)));
    let eta = progress.eta_seconds.filter(|_| progress.ratio < 1.0).map(|seconds| format!("ETA {}", clock(seconds)));
    let parts = [Some(progress.phase.words().to_owned()), way, rate, eta];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
