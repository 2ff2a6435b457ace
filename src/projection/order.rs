//! Folds the events of one order.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::batch::{Content, Folded, Item, Outcome};
use super::contest::{Claim, Contest, Source};
use super::known::Known;
use crate::domain::change::{ChangeSet, ChangedPart, Displaced, HistoryEntry, NamedBy};
use crate::domain::log::dead_letter::{ConflictKey, DeadLetter};
use crate::domain::log::rejection::{Reason, Rejection};
use crate::domain::orders::event::{OrderEvent, Payload};
use crate::domain::orders::order::Order;

pub fn fold_order(id: Uuid, items: &[Item], indexes: &[usize], known: &Known, folded: &mut Folded) {
    let stored = known.orders.get(&id);
    let dead_letters = folded.changes.dead_letters.len();
    let mut events: Vec<usize> = Vec::with_capacity(indexes.len());
    let mut replaced: Vec<usize> = Vec::new();
    for (sequence, claims) in by_sequence(items, indexes) {
        let seen = stored.is_some_and(|order| order.seen.contains(sequence));
        if let (false, [index]) = (seen, claims.as_slice()) {
            folded.outcomes[*index] = Outcome::Applied;
            events.push(*index);
            continue;
        }
        if let Some(index) = settle((id, sequence), items, &claims, known, folded) {
            if seen { replaced.push(index) } else { events.push(index) }
        }
    }
    let lost = folded.changes.dead_letters.len() > dead_letters;
    if events.is_empty() && replaced.is_empty() && !lost {
        return;
    }
    let before = stored.map(Arc::as_ref);
    let entries = |indexes: &[usize]| indexes.iter().filter_map(|index| entry(&items[*index])).collect::<Vec<_>>();
    let (events, replaced) = (entries(&events), entries(&replaced));
    let mut after = match (before, replaced.is_empty()) {
        (Some(before), true) => before.clone(),
        (Some(before), false) => fold_again(before, known.histories.get(&id), &replaced, &mut folded.changes),
        (None, _) => Order::new(id),
    };
    for entry in &events {
        after.apply(entry.event.sequence, entry.event.occurred_at, entry.event.payload.clone());
    }
    after.version += 1;
    for entry in events.iter().chain(&replaced) {
        if let Some((provider_id, named_by)) = named_by(&entry.event) {
            name_provider(&mut folded.changes.names, provider_id, named_by);
        }
    }
    diff(before, &after, &mut folded.changes);
    folded.changes.orders.push(Arc::new(after));
    folded.changes.events.extend(events);
    folded.changes.replaced.extend(replaced);
}

fn by_sequence(items: &[Item], indexes: &[usize]) -> BTreeMap<i64, Vec<usize>> {
    let mut claims: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for &index in indexes {
        if let Content::Order(event) = &items[index].content {
            claims.entry(event.sequence).or_default().push(index);
        }
    }
    claims
}

fn entry(item: &Item) -> Option<HistoryEntry> {
    match &item.content {
        Content::Order(event) => Some(HistoryEntry {
            event: event.as_ref().clone(),
            position: item.record.position,
            recorded_at: item.record.recorded_at,
        }),
        _ => None,
    }
}

/// Resolves a contested sequence. Returns the winner's index, if it is a record of the batch.
fn settle(at: (Uuid, i64), items: &[Item], indexes: &[usize], known: &Known, folded: &mut Folded) -> Option<usize> {
    let mut contest = Contest::new(known.standing.get(&at), known.lost.get(&at).map(Vec::as_slice).unwrap_or_default());
    for &index in indexes {
        if let Content::Order(event) = &items[index].content {
            contest.add(event.event_id, items[index].record.position, index);
        }
    }
    let (winner, losers) = contest.settle()?;
    for loser in losers {
        lose(at, &loser, &winner, items, folded);
    }
    if winner.before == Some(Source::Lost) {
        folded.changes.withdrawn.push(conflict_key(at, &winner));
    }
    let Source::Batch(index) = winner.source else { return None };
    if winner.before.is_none() {
        folded.outcomes[index] = Outcome::Applied;
    }
    Some(index)
}

fn lose(at: (Uuid, i64), loser: &Claim, winner: &Claim, items: &[Item], folded: &mut Folded) {
    let conflict = conflict_key(at, loser);
    let detail = format!(
        "sequence {} of order {} belongs to event {} (partition {}, offset {}), which comes first in the log; this \
         is event {}: the publisher gave one sequence to two events",
        at.1, at.0, winner.event_id, winner.position.partition, winner.position.offset, loser.event_id
    );
    match loser.source {
        Source::Lost => {}
        Source::Stored => folded.changes.displaced.push(Displaced { conflict, position: loser.position, detail }),
        Source::Batch(index) => {
            if loser.before.is_none() {
                folded.outcomes[index] = Outcome::DeadLetter(Reason::SequenceConflict);
            }
            folded.changes.dead_letters.push(DeadLetter {
                record: items[index].record.clone(),
                rejection: Rejection::new(Reason::SequenceConflict, detail),
                conflict: Some(conflict),
            });
        }
    }
}

fn conflict_key(at: (Uuid, i64), claim: &Claim) -> ConflictKey {
    ConflictKey { provider_order_id: at.0, sequence: at.1, event_id: claim.event_id }
}

/// Refolds an order from its history, with other events at some sequences.
fn fold_again(
    before: &Order,
    history: Option<&Vec<HistoryEntry>>,
    replaced: &[HistoryEntry],
    changes: &mut ChangeSet,
) -> Order {
    let mut order = Order::new(before.provider_order_id);
    order.version = before.version;
    let replacement = |sequence| replaced.iter().find(|entry| entry.event.sequence == sequence);
    for old in history.into_iter().flatten() {
        match replacement(old.event.sequence) {
            None => drop(order.apply(old.event.sequence, old.event.occurred_at, old.event.payload.clone())),
            // Such as a mere copy at an earlier position: nothing has to be looked for again.
            Some(new) if named_by(&new.event) == named_by(&old.event) => {}
            Some(_) => changes.lost_names.extend(named_by(&old.event)),
        }
    }
    for entry in replaced {
        order.apply(entry.event.sequence, entry.event.occurred_at, entry.event.payload.clone());
    }
    order
}

/// The provider that an OrderPlaced names, and the name.
pub(super) fn named_by(event: &OrderEvent) -> Option<(String, NamedBy)> {
    let Payload::OrderPlaced(placed) = &event.payload else { return None };
    let named_by = NamedBy {
        occurred_at: event.occurred_at,
        provider_order_id: event.provider_order_id,
        sequence: event.sequence,
        name: placed.provider_name.clone()?,
    };
    Some((placed.provider_id.clone(), named_by))
}

/// Keeps the greatest candidate of each provider.
pub(super) fn name_provider(names: &mut BTreeMap<String, NamedBy>, provider_id: String, named_by: NamedBy) {
    let newest = names.get(&provider_id).is_none_or(|other| named_by > *other);
    if newest {
        names.insert(provider_id, named_by);
    }
}

/// Which rows of replays and refills changed, and the deltas of the counts.
fn diff(before: Option<&Order>, after: &Order, changes: &mut ChangeSet) {
    let id = after.provider_order_id;
    if let Some(before) = before {
        before.contribute(&mut changes.counts, -1);
        let gone = before.replays.keys().filter(|replay_id| !after.replays.contains_key(*replay_id));
        changes.removed_replays.extend(gone.map(|replay_id| (id, *replay_id)));
        let gone = before.refills.keys().filter(|refill_id| !after.refills.contains_key(*refill_id));
        changes.removed_refills.extend(gone.map(|refill_id| (id, *refill_id)));
    }
    after.contribute(&mut changes.counts, 1);
    // A replay's row depends on its order's provider and, through the status, on its order's cancellation.
    let moved = before.is_some_and(|before| {
        before.provider_id() != after.provider_id() || before.cancellation.sequence != after.cancellation.sequence
    });
    let before_replay = |replay_id| before.and_then(|before| before.replays.get(replay_id));
    for (replay_id, replay) in &after.replays {
        let before = before_replay(replay_id);
        if moved || before != Some(replay) {
            changes.replays.push(ChangedPart { provider_order_id: id, id: *replay_id, is_new: before.is_none() });
        }
    }
    for (refill_id, refill) in &after.refills {
        let before = before.and_then(|before| before.refills.get(refill_id));
        if before != Some(refill) {
            changes.refills.push(ChangedPart { provider_order_id: id, id: *refill_id, is_new: before.is_none() });
        }
    }
}
