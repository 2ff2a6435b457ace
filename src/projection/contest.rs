//! Which event wins a sequence that several records contend for.
//!
//! Decided per event, not per record, so that repeats in any order give the same result: the event whose smallest copy
//! comes first in the log wins. Each other event is one dead letter, at its own smallest copy. Further copies are
//! duplicates.

use uuid::Uuid;

use super::known::Incumbent;
use crate::domain::log::position::Position;

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

/// An event that contends for a sequence, at its smallest position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub event_id: Uuid,
    pub position: Position,
    pub source: Source,
    /// Where this event is stored so far, if it is.
    pub before: Option<Source>,
}

/// All contenders for one sequence of one order, one per event.
#[derive(Debug, Default)]
pub struct Contest(Vec<Claim>);

impl Contest {
    pub fn new(standing: Option<&Incumbent>, lost: &[Incumbent]) -> Contest {
        let claim = |standing: &Incumbent, source| Claim {
            event_id: standing.event_id,
            position: standing.position,
            source,
            before: Some(source),
        };
        let stored = standing.iter().map(|standing| claim(standing, Source::Stored));
        Contest(stored.chain(lost.iter().map(|lost| claim(lost, Source::Lost))).collect())
    }

    /// Adds a copy of an event, at an index of the batch.
    pub fn add(&mut self, event_id: Uuid, position: Position, index: usize) {
        let source = Source::Batch(index);
        match self.0.iter_mut().find(|claim| claim.event_id == event_id) {
            Some(claim) if position < claim.position => (claim.position, claim.source) = (position, source),
            Some(_) => {}
            None => self.0.push(Claim { event_id, position, source, before: None }),
        }
    }

    /// The winner, and the others.
    pub fn settle(mut self) -> Option<(Claim, Vec<Claim>)> {
        self.0.sort_by_key(|claim| claim.position);
        let mut claims = self.0.into_iter();
        let winner = claims.next()?;
        Some((winner, claims.collect()))
    }
}
