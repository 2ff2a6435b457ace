//! Tells the log of refused records, without flooding it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::domain::log::dead_letter::DeadLetter;
use crate::domain::log::position::Position;
use crate::domain::log::record::{Stream, Topics};
use crate::domain::log::rejection::Reason;

/// At most one line for a reason and topic.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shared by the workers of a process.
#[derive(Debug, Default)]
pub struct RefusalLog(Mutex<BTreeMap<(Stream, Reason), Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Refused since, and not told yet.
    untold: u64,
}

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    stream: Stream,
    reason: Reason,
    /// Of one of the records; `None`: they are older.
    position: Option<Position>,
    /// Refused besides it since the last line.
    others: u64,
}

impl RefusalLog {
    /// Call it after each commit, also without dead letters: what was not told is made up for.
    pub fn committed(&self, dead_letters: &[DeadLetter], topics: &Topics) {
        for Line { stream, reason, position, others } in self.lines(dead_letters, Instant::now()) {
            let topic = topics.name(stream);
            let see = "see `foldback dead-letters list`";
            match position {
                Some(Position { partition, offset }) => {
                    warn!(topic, partition, offset, %reason, others, "a record was refused; {see}");
                }
                None => warn!(topic, %reason, others, "more records were refused; {see}"),
            }
        }
    }

    fn lines(&self, dead_letters: &[DeadLetter], now: Instant) -> Vec<Line> {
        let mut refused: BTreeMap<(Stream, Reason), (Position, u64)> = BTreeMap::new();
        for letter in dead_letters {
            let key = (letter.record.stream, letter.rejection.reason);
            refused.entry(key).or_insert((letter.record.position, 0)).1 += 1;
        }
        // A panic never leaves half a count.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |told: &Told| now.saturating_duration_since(told.at) >= LINE_EVERY;
        let mut lines = Vec::new();
        for ((stream, reason), told) in told.iter_mut().filter(|(key, _)| !refused.contains_key(key)) {
            if told.untold > 0 && is_due(told) {
                lines.push(Line { stream: *stream, reason: *reason, position: None, others: told.untold });
                *told = Told { at: now, untold: 0 };
            }
        }
        for ((stream, reason), (position, count)) in refused {
            let before = told.get(&(stream, reason));
            let untold = before.map_or(0, |told| told.untold);
            if let Some(before) = before.filter(|told| !is_due(told)) {
                let at = before.at;
                told.insert((stream, reason), Told { at, untold: untold + count });
                continue;
            }
            lines.push(Line { stream, reason, position: Some(position), others: untold + count - 1 });
            told.insert((stream, reason), Told { at: now, untold: 0 });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::RawRecord;
    use crate::domain::log::rejection::Rejection;

    fn letter(reason: Reason, offset: i64) -> DeadLetter {
        let position = Position { partition: 0, offset };
        let (stream, headers) = (Stream::Orders, Vec::new());
        let record = RawRecord { stream, position, key: None, value: None, headers, recorded_at: None };
        DeadLetter { record, rejection: Rejection::new(reason, ""), conflict: None }
    }

    #[test]
    fn a_line_for_a_reason_and_topic_counts_those_that_had_none() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let line = |reason, offset: Option<i64>, others| {
            let position = offset.map(|offset| Position { partition: 0, offset });
            Line { stream: Stream::Orders, reason, position, others }
        };
        let malformed = |offsets: std::ops::Range<i64>| offsets.map(|offset| letter(Reason::Malformed, offset));
        let first: Vec<_> = malformed(0..3).chain([letter(Reason::Invalid, 3)]).collect();
        let told = log.lines(&first, at(0));
        assert_eq!(told, [line(Reason::Malformed, Some(0), 2), line(Reason::Invalid, Some(3), 0)]);
        assert_eq!(log.lines(&malformed(4..9).collect::<Vec<_>>(), at(5)), []);
        assert_eq!(log.lines(&malformed(9..10).collect::<Vec<_>>(), at(10)), [line(Reason::Malformed, Some(9), 5)]);
        assert_eq!(log.lines(&malformed(10..12).collect::<Vec<_>>(), at(11)), []);
        assert_eq!(log.lines(&[], at(19)), []);
        assert_eq!(log.lines(&[], at(20)), [line(Reason::Malformed, None, 2)]);
        assert_eq!(log.lines(&[], at(40)), []);
    }
}
