//! Orders that miss events, as readers list them.

use uuid::Uuid;

use crate::domain::timestamp::Timestamp;

/// Sequences that an order misses, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRange {
    pub first: i64,
    pub last: i64,
}

/// An order that misses events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderGaps {
    pub provider_order_id: Uuid,
    /// Since when the log shows that an event is missing: the earliest timestamp of the records behind the first missing
    /// sequence. `None`: those records have no timestamp.
    pub since: Option<Timestamp>,
    pub last_sequence: i64,
    /// How many of 1..=last_sequence.
    pub missing_events: i64,
    /// By sequence; only the first ones of many.
    pub missing: Vec<MissingRange>,
    /// How many ranges there are, listed or not.
    pub missing_ranges: i64,
}

/// All given filters must match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GapFilter {
    pub order: Option<Uuid>,
    /// Only orders of which the log showed before this time that they miss an event. One whose time is unknown matches.
    pub since_before: Option<Timestamp>,
}

impl GapFilter {
    pub fn matches(&self, gaps: &OrderGaps) -> bool {
        let old = |before| gaps.since.is_none_or(|since| since < before);
        self.order.is_none_or(|order| order == gaps.provider_order_id) && self.since_before.is_none_or(old)
    }
}

/// Part of the list of orders that miss events, by id. It may be empty although more follows: only so many orders are
/// looked at for one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapPage {
    pub rows: Vec<OrderGaps>,
    /// The next page begins behind this order; `None`: this is the last page.
    pub next_after: Option<Uuid>,
}

/// The oldest gap, found in steps over the orders that have one, so that no step costs more with many of them.
///
/// A walk begins again once it has come to the end. Until it has, the oldest of the walk before counts too: that may be
/// closed, but nothing older is overlooked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldestGap {
    /// Where the walk goes on.
    pub after: Option<Uuid>,
    walking: Option<Timestamp>,
    walked: Option<Timestamp>,
}

impl OldestGap {
    /// Takes the oldest of the next step, and where the step after it begins; `None`: this was the last one.
    pub fn step(&mut self, oldest: Option<Timestamp>, next_after: Option<Uuid>) {
        self.walking = earliest(self.walking, oldest);
        self.after = next_after;
        if next_after.is_none() {
            self.walked = self.walking.take();
        }
    }

    pub fn since(&self) -> Option<Timestamp> {
        earliest(self.walking, self.walked)
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Option<Timestamp> {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_walk_in_steps_finds_the_oldest_and_forgets_it_once_it_is_closed() {
        let (mut oldest, next) = (OldestGap::default(), Some(Uuid::from_u128(1)));
        oldest.step(at(7), next);
        assert_eq!(oldest.since(), at(7));
        oldest.step(at(5), next);
        oldest.step(None, None);
        assert_eq!((oldest.since(), oldest.after), (at(5), None));
        oldest.step(at(7), next);
        assert_eq!(oldest.since(), at(5), "until the walk is over, the one before counts");
        oldest.step(at(9), None);
        assert_eq!(oldest.since(), at(7));
        oldest.step(None, None);
        assert_eq!(oldest.since(), None);
    }
}
