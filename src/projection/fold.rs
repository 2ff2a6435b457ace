//! The fold of one batch.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::batch::{Content, Folded, Item, Outcome};
use super::known::Known;
use super::{order, run};
use crate::domain::change::ChangeSet;
use crate::domain::log::dead_letter::DeadLetter;

/// Folds a batch into the known state. The same set of records gives the same views, in any order and in any batches.
pub fn fold(items: &[Item], known: &Known) -> Folded {
    let mut folded = Folded { changes: ChangeSet::default(), outcomes: vec![Outcome::Duplicate; items.len()] };
    let mut orders: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    let mut runs: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        match &item.content {
            Content::Order(event) => orders.entry(event.provider_order_id).or_default().push(index),
            Content::Run(run) => runs.entry(run.run_id).or_default().push(index),
            Content::Rejected(rejection) => {
                let dead_letter =
                    DeadLetter { record: item.record.clone(), rejection: rejection.clone(), conflict: None };
                folded.outcomes[index] = Outcome::DeadLetter(rejection.reason);
                folded.changes.dead_letters.push(dead_letter);
            }
        }
    }
    for (id, indexes) in orders {
        order::fold_order(id, items, &indexes, known, &mut folded);
    }
    for (id, indexes) in runs {
        run::fold_run(items, &indexes, known.runs.get(&id), &mut folded);
    }
    count_outcomes(items, &mut folded);
    folded
}

fn count_outcomes(items: &[Item], folded: &mut Folded) {
    for (item, outcome) in items.iter().zip(&folded.outcomes) {
        let tally = folded.changes.tally.entry(item.record.stream).or_default();
        match outcome {
            Outcome::Applied => tally.applied += 1,
            Outcome::Duplicate => tally.duplicate += 1,
            Outcome::DeadLetter(_) => tally.dead_letter += 1,
        }
    }
}
