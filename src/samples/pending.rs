//! Scheduled replays.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::timestamp::Timestamp;

use super::random::Chance;

const SECOND_MICROS: i64 = 1_000_000;
const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
/// Beyond this many, no more replays are scheduled hours ahead.
const LONG_WAITS_MAX: usize = 10_000;

/// When a replay is due, and when the worker picks it up.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    pub due: Option<Timestamp>,
    pickup_micros: i64,
}

#[derive(Debug, Default)]
pub struct Pending {
    /// Pickup time, order, replay; the earliest comes first.
    queue: BTreeSet<(i64, u64, u64)>,
    times: BTreeMap<(u64, u64), Time>,
}

impl Pending {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_full(&self) -> bool {
        self.times.len() >= LONG_WAITS_MAX
    }

    pub fn add(&mut self, order: u64, replay: u64, time: Time) {
        self.queue.insert((time.pickup_micros, order, replay));
        self.times.insert((order, replay), time);
    }

    pub fn remove(&mut self, order: u64, replay: u64) {
        if let Some(time) = self.times.remove(&(order, replay)) {
            self.queue.remove(&(time.pickup_micros, order, replay));
        }
    }

    /// The replay that the worker picks up next, if it is time.
    pub fn take_due(&mut self, now: Timestamp) -> Option<(u64, u64)> {
        let (pickup, order, replay) = *self.queue.first()?;
        if pickup > now.micros() {
            return None;
        }
        self.remove(order, replay);
        Some((order, replay))
    }

    /// The earliest time that is given.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.times.values().filter_map(|time| time.due).min()
    }
}

/// Some immediately, most within ten minutes, a few hours ahead.
pub fn due_and_pickup(now: Timestamp, soon_only: bool, chance: &mut Chance) -> Time {
    let (timed, wait) = match chance.below(if soon_only { 85 } else { 100 }) {
        0..15 => (false, 0),
        15..60 => (true, chance.between(2 * SECOND_MICROS, MINUTE_MICROS)),
        60..85 => (true, chance.between(MINUTE_MICROS, 10 * MINUTE_MICROS)),
        _ => (true, chance.between(HOUR_MICROS, 8 * HOUR_MICROS)),
    };
    // One in twenty is picked up late, so that some are overdue.
    let longest = if chance.percent(5) { 30 * MINUTE_MICROS } else { 3 * SECOND_MICROS };
    let due_micros = now.micros().saturating_add(wait);
    let pickup_micros = due_micros.saturating_add(chance.between(SECOND_MICROS / 10, longest));
    Time { due: Timestamp::from_micros(due_micros).filter(|_| timed), pickup_micros }
}
