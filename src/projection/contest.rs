//! Who stands at a sequence that several records claim.
//!
//! Decided per event, not per record, so that any repeats in any order come to the same: of all events that
//! claim the sequence, the one whose smallest copy lies first in the log stands, each other one is one dead
//! letter at its own smallest copy, and every further copy is a duplicate.

use uuid::Uuid;

use super::known::Standing;
use crate::domain::position::Position;

/// Where the smallest copy of an event was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the history.
    Stored,
    /// Among the dead letters.
    Lost,
    /// In the batch, at this index.
    Batch(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub event_id: Uuid,
    pub position: Position,
    pub source: Source,
    /// How this event is stored so far, if it is.
    pub before: Option<Source>,
}

/// All claims to one sequence of one order, one per event.
#[derive(Debug, Default)]
pub struct Contest(Vec<Claim>);

impl Contest {
    pub fn new(standing: Option<&Standing>, lost: &[Standing]) -> Contest {
        let claim = |standing: &Standing, source| Claim {
            event_id: standing.event_id,
            position: standing.position,
            source,
            before: Some(source),
        };
        let stored = standing.iter().map(|standing| claim(standing, Source::Stored));
        Contest(stored.chain(lost.iter().map(|lost| claim(lost, Source::Lost))).collect())
    }

    /// A copy of an event at an index of the batch.
    pub fn add(&mut self, event_id: Uuid, position: Position, index: usize) {
        let source = Source::Batch(index);
        match self.0.iter_mut().find(|claim| claim.event_id == event_id) {
            Some(claim) if position < claim.position => (claim.position, claim.source) = (position, source),
            Some(_) => {}
            None => self.0.push(Claim { event_id, position, source, before: None }),
        }
    }

    /// The claim that stands, and the others.
    pub fn settle(mut self) -> Option<(Claim, Vec<Claim>)> {
        self.0.sort_by_key(|claim| claim.position);
        let mut claims = self.0.into_iter();
        let winner = claims.next()?;
        Some((winner, claims.collect()))
    }
}
