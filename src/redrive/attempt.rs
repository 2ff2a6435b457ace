//! Folds redriven records into the live views, and stores what became of each with them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::sleep;
use tracing::debug;

use super::{RedriveError, receipt, records};
use crate::domain::change::ChangeSet;
use crate::domain::log::dead_letter::{ConflictKey, DeadLetter};
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, Stream};
use crate::domain::log::redrive::{Accepted, Fate, Receipt, Redriven, Verdict};
use crate::domain::log::rejection::Reason;
use crate::live::worker::batch::WriteBatch;
use crate::live::worker::bisect::refuse_what_postgres_refuses;
use crate::live::worker::displaced::DisplacedEvents;
use crate::live::worker::fold::fold_batch;
use crate::live::worker::state_cache::StateCache;
use crate::load::LoadContext;
use crate::projection::{Content, Folded, Item, Outcome};
use crate::store::StoreError;
use crate::store::commit::{Commit, Writer};
use crate::store::connect::Access;
use crate::store::redrive::Letter;

/// How often a commit is tried that the live fold got ahead of.
const TRIES_MAX: u32 = 20;
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// Redrives these in one transaction, or with `plan` only tells what it would come to.
pub async fn redrive(
    ctx: &LoadContext,
    access: &Access,
    writer: &mut Writer,
    letters: &[Letter],
    plan: bool,
) -> Result<Vec<Receipt>, RedriveError> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = WriteBatch { items: records::decode(ctx, letters).await?, spans: Vec::new() };
    let mut tries = 1;
    loop {
        let error = match try_redrive(ctx, access, writer, (letters, &batch.items), plan).await {
            Err(RedriveError::Store(error)) => error,
            outcome => return outcome,
        };
        match error {
            StoreError::Data(_) => {
                let refuse = refuse_what_postgres_refuses(writer, &ctx.topics, &mut batch);
                if access.answered(refuse).await? == 0 {
                    return Err(RedriveError::Store(error.not_the_records()));
                }
            }
            StoreError::Stale { .. } | StoreError::Contention(_) if tries < TRIES_MAX => {
                debug!(%error, "refolding");
                tries += 1;
                sleep(TRY_PAUSE).await;
            }
            error => return Err(error.into()),
        }
    }
}

async fn try_redrive(
    ctx: &LoadContext,
    access: &Access,
    writer: &mut Writer,
    (letters, items): (&[Letter], &[Item]),
    plan: bool,
) -> Result<Vec<Receipt>, RedriveError> {
    // The live fold writes meanwhile: nothing is remembered.
    let mut cache = StateCache::new(0, 0);
    let fold = fold_batch(&mut writer.conn, writer.generation, &mut cache, items);
    let mut folded = access.answered(fold).await?;
    let redriven = verdicts(letters, items, &mut folded);
    if !plan {
        let reader = ctx.reader(Vec::new(), 0);
        let mut displaced = DisplacedEvents::new(reader);
        displaced.reject(&mut folded.changes).await.map_err(|_| RedriveError::Stopped)??;
        let commit = Commit {
            changes: &folded.changes,
            advances: &[],
            topics: &ctx.topics,
            slot: items.iter().map(|item| item.record.position.partition).min().unwrap_or(0),
            redriven: &redriven,
        };
        access.answered(writer.commit(&commit)).await?;
    }
    let fate = |verdict: Verdict| match verdict {
        Verdict::Accepted(accepted) => Fate::Accepted(accepted),
        Verdict::Refused { rejection, .. } => Fate::Refused(rejection),
    };
    Ok(letters.iter().zip(redriven).map(|(letter, redriven)| receipt(ctx, letter, fate(redriven.verdict))).collect())
}

/// What became of each. Records that are refused again are taken out of the changes: their dead letters are there already.
fn verdicts(letters: &[Letter], items: &[Item], folded: &mut Folded) -> Vec<Redriven> {
    let mut refused = take_refused(letters, &mut folded.changes);
    let contests = Contests::of(letters, items, &refused, &mut folded.changes);
    let verdict = |((letter, item), outcome): ((&Letter, &Item), &Outcome)| {
        if let Some(again) = refused.remove(&(letter.record.stream, letter.record.position)) {
            return Verdict::Refused { rejection: again.rejection, conflict: again.conflict };
        }
        let (key, had_lost) = (conflict_key(item), had_lost(letter));
        let has_won = key.is_some_and(|key| contests.won.contains(&key));
        let loses = key.is_some_and(|key| contests.lost.contains(&key));
        match outcome {
            Outcome::Applied => Verdict::Accepted(Accepted::Applied),
            // It wins over what stood at its sequence.
            _ if has_won && !had_lost => Verdict::Accepted(Accepted::Applied),
            // The fold knows it as the loser that it is, unless it is a mere copy now.
            _ if had_lost && !has_won && !loses => {
                Verdict::Refused { rejection: letter.rejection.clone(), conflict: key }
            }
            _ => Verdict::Accepted(Accepted::Duplicate),
        }
    };
    let verdicts = letters.iter().zip(items).zip(&folded.outcomes).map(verdict);
    letters.iter().zip(verdicts).map(|(letter, verdict)| Redriven { id: letter.id, verdict }).collect()
}

/// Events that have lost their sequence before, and of which an earlier copy is among these letters.
struct Contests {
    /// It wins.
    won: HashSet<ConflictKey>,
    /// It loses, too, and is the one that stands for the event from now on.
    lost: HashSet<ConflictKey>,
}

impl Contests {
    fn of(
        letters: &[Letter],
        items: &[Item],
        refused: &HashMap<(Stream, Position), DeadLetter>,
        changes: &mut ChangeSet,
    ) -> Contests {
        let won = changes.withdrawn.iter().copied().collect();
        let lost = refused.values().filter_map(|letter| letter.conflict).collect();
        let lost_before = letters.iter().zip(items).filter(|(letter, _)| had_lost(letter));
        let ours: HashSet<_> = lost_before.filter_map(|(_, item)| conflict_key(item)).collect();
        // Closed with a receipt instead.
        changes.withdrawn.retain(|key| !ours.contains(key));
        Contests { won, lost }
    }
}

fn had_lost(letter: &Letter) -> bool {
    letter.rejection.reason == Reason::SequenceConflict
}

fn take_refused(letters: &[Letter], changes: &mut ChangeSet) -> HashMap<(Stream, Position), DeadLetter> {
    let at = |record: &RawRecord| (record.stream, record.position);
    let ours: HashSet<_> = letters.iter().map(|letter| at(&letter.record)).collect();
    let (again, others) =
        std::mem::take(&mut changes.dead_letters).into_iter().partition(|letter| ours.contains(&at(&letter.record)));
    changes.dead_letters = others;
    let again: Vec<DeadLetter> = again;
    again.into_iter().map(|letter| (at(&letter.record), letter)).collect()
}

fn conflict_key(item: &Item) -> Option<ConflictKey> {
    let Content::Order(event) = &item.content else { return None };
    Some(ConflictKey { provider_order_id: event.provider_order_id, sequence: event.sequence, event_id: event.event_id })
}
