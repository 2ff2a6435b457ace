//! Folds the reports of one run: the highest revision wins.

use super::batch::{Content, Folded, Item, Outcome};
use super::known::StoredRun;
use crate::domain::change::RunEntry;
use crate::domain::log::position::Position;
use crate::domain::runs::run::{Run, stands_over};
use crate::domain::runs::summary;

pub fn fold_run(items: &[Item], indexes: &[usize], stored: Option<&StoredRun>, folded: &mut Folded) {
    let mut best: Option<(&Run, Position)> = None;
    let mut seen: Vec<(uuid::Uuid, i32)> = stored.iter().map(|run| (run.event_id, run.revision)).collect();
    for &index in indexes {
        let Content::Run(run) = &items[index].content else { continue };
        let position = items[index].record.position;
        let report = (run.event_id, run.revision);
        if !seen.contains(&report) {
            seen.push(report);
            folded.outcomes[index] = Outcome::Applied;
        }
        if best.is_none_or(|(other, at)| stands_over((run.revision, position), (other.revision, at))) {
            best = Some((run, position));
        }
    }
    let Some((run, position)) = best else { return };
    let over_stored =
        stored.is_none_or(|stored| stands_over((run.revision, position), (stored.revision, stored.position)));
    if over_stored {
        folded.changes.runs.push(RunEntry { run: run.clone(), position, drift: summary::drift(run) });
    }
}
