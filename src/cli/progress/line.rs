//! What is shown of work in progress: a line of progress, or a note.

use crate::cli::format::{clock, percent, thousands};
use crate::domain::generations::generation::{Phase, Progress};

/// Something to show.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    Progress(ProgressLine),
    Note(String),
}

/// Progress of something.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressLine {
    /// What is in progress: `generation 2`.
    pub subject: String,
    /// The current phase; a line is due whenever it changes.
    pub phase: String,
    /// 0 to 1.
    pub ratio: f64,
    /// Phase, share, rate and time left, as far as known.
    pub words: String,
}

impl ProgressLine {
    pub fn of(subject: String, progress: &Progress) -> ProgressLine {
        ProgressLine {
            subject,
            phase: progress.phase.words().to_owned(),
            ratio: progress.ratio,
            words: describe(progress),
        }
    }
}

/// `folding, 41.3 %, 52,310 events/s, ETA 0:09`; unknown parts are left out.
pub fn describe(progress: &Progress) -> String {
    let way = (progress.ratio < 1.0 || progress.phase == Phase::Folding).then(|| percent(progress.ratio));
    let rate = progress.events_per_second.round() as u64;
    let rate = (rate > 0).then(|| format!("{} events/s", thousands(rate)));
    let eta = progress.eta_seconds.filter(|_| progress.ratio < 1.0).map(|seconds| format!("ETA {}", clock(seconds)));
    let parts = [Some(progress.phase.words().to_owned()), way, rate, eta];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
