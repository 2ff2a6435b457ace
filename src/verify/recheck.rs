//! Which differences persist when checked again, and so are not explained by a newer version.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::generations::difference::Difference;
use crate::store::StoreError;

/// Changes more recent than this may not be published yet.
pub const FRESH_MICROS: i64 = 2_000_000;
/// How long to recheck a difference that may only be a matter of time.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// One look at what is published, beside what the views say.
pub struct Look<T> {
    pub seen: T,
    pub found: Vec<Difference>,
    /// Whether the views have changed so recently that what is published may be older.
    pub views_change: bool,
}

/// The last look, with the differences that were there at every look, and those that can't be decided.
pub struct Settled<T> {
    pub seen: T,
    pub found: Vec<Difference>,
    pub moving: Vec<Difference>,
}

#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// What is published can't be read, for this reason: it is reported as not checked.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose differences need another look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// Those found while the views change: otherwise what is published must be right already.
    WhileViewsChange,
    /// All: what is published follows the views at its own pace.
    Always,
}

/// Looks again until nothing differs, or for five seconds.
pub async fn settle_down<T>(
    recheck: Recheck,
    every: Duration,
    mut look: impl AsyncFnMut() -> Result<Look<T>, LookError>,
) -> Result<Settled<T>, LookError> {
    let until = Instant::now() + LOOK_MAX;
    let mut last = look().await?;
    let mut open = Candidates::new(std::mem::take(&mut last.found));
    while (recheck == Recheck::Always || last.views_change) && !open.is_empty() && Instant::now() < until {
        sleep(every).await;
        last = look().await?;
        open.look_again(std::mem::take(&mut last.found));
    }
    let (found, moving) = open.settle(last.views_change);
    Ok(Settled { seen: last.seen, found, moving })
}

/// View and key of a difference.
type RowKey = (String, String);

/// What differed at every check.
struct Candidates {
    first: BTreeMap<RowKey, Difference>,
    last: BTreeMap<RowKey, Difference>,
}

fn place(difference: &Difference) -> RowKey {
    (difference.view.clone(), difference.key.clone())
}

fn by_place(found: Vec<Difference>) -> BTreeMap<RowKey, Difference> {
    found.into_iter().map(|difference| (place(&difference), difference)).collect()
}

/// Which differences from the live views count: if the views are `wrong`, the differences from the log count instead.
pub fn judged_by_log(by_views: Vec<Difference>, wrong: Vec<Difference>, by_log: Vec<Difference>) -> Vec<Difference> {
    let wrong = by_place(wrong);
    let is_wrong = |one: &Difference| wrong.contains_key(&place(one));
    let right = by_views.into_iter().filter(|one| !is_wrong(one));
    right.chain(by_log.into_iter().filter(|one| is_wrong(one))).collect()
}

impl Candidates {
    pub fn new(found: Vec<Difference>) -> Candidates {
        let first = by_place(found);
        Candidates { last: first.clone(), first }
    }

    /// Keeps what differs again, with its current difference.
    pub fn look_again(&mut self, found: Vec<Difference>) {
        let mut found = by_place(found);
        let before = std::mem::take(&mut self.last);
        self.last = before.into_keys().filter_map(|place| found.remove_entry(&place)).collect();
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// What differs, and what was rewritten at every check and so can't be decided (only while the views change).
    pub fn settle(self, views_change: bool) -> (Vec<Difference>, Vec<Difference>) {
        let Candidates { first, last } = self;
        let is_moving = |place: &RowKey, now: &Difference| {
            views_change && first.get(place).is_some_and(|before| stored(before).ne(stored(now)))
        };
        let (moving, still): (Vec<_>, Vec<_>) = last.into_iter().partition(|(place, now)| is_moving(place, now));
        let values =
            |entries: Vec<(RowKey, Difference)>| entries.into_iter().map(|(_, difference)| difference).collect();
        (values(still), values(moving))
    }
}

fn stored(difference: &Difference) -> impl Iterator<Item = (&String, &serde_json::Value)> {
    difference.columns.iter().map(|(name, column)| (name, &column.stored))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn difference(key: &str, stored: i64) -> Difference {
        let mut difference = Difference::new("v", key);
        difference.column("c", json!(stored), json!(0));
        difference
    }

    #[test]
    fn what_was_right_once_counts_no_more() {
        let mut open = Candidates::new(vec![difference("a", 1), difference("b", 1)]);
        open.look_again(vec![difference("b", 1), difference("c", 1)]);
        open.look_again(vec![difference("a", 1), difference("b", 1)]);
        assert_eq!(open.settle(true).0, [difference("b", 1)]);
    }

    #[test]
    fn what_is_rewritten_while_the_views_change_cannot_be_told() {
        let moved = || {
            let mut open = Candidates::new(vec![difference("a", 1), difference("b", 1)]);
            open.look_again(vec![difference("a", 2), difference("b", 1)]);
            open
        };
        assert_eq!(moved().settle(true), (vec![difference("b", 1)], vec![difference("a", 2)]));
        assert_eq!(moved().settle(false).0.len(), 2);
    }
}
