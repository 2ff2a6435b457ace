//! Progress and rate of a build.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::generations::generation::{Phase, Progress};

/// The rate is averaged over this many seconds.
const WINDOW: Duration = Duration::from_secs(10);

/// Shared by all workers of a build.
#[derive(Debug)]
pub struct LoadProgress {
    phase: Mutex<Phase>,
    /// Offsets from the log's start to the targets.
    total: AtomicU64,
    passed: AtomicU64,
    records: AtomicU64,
    /// Of `records`, what this process has read.
    own: AtomicU64,
    seen: Mutex<VecDeque<(Instant, u64, u64)>>,
}

impl LoadProgress {
    pub fn new() -> LoadProgress {
        LoadProgress {
            phase: Mutex::new(Phase::Folding),
            // Not known yet; nothing is done.
            total: AtomicU64::new(u64::MAX),
            passed: AtomicU64::new(0),
            records: AtomicU64::new(0),
            own: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    pub fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Total offsets, offsets done, and records so far.
    pub fn set(&self, total: u64, passed: u64, records: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.passed.store(passed, Ordering::Relaxed);
        self.records.store(records, Ordering::Relaxed);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn advance(&self, offsets: u64, records: u64) {
        self.passed.fetch_add(offsets, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.own.fetch_add(records, Ordering::Relaxed);
    }

    /// What is committed, whoever has read it.
    pub fn at_least(&self, passed: u64, records: u64) {
        self.passed.fetch_max(passed, Ordering::Relaxed);
        self.records.fetch_max(records, Ordering::Relaxed);
    }

    /// Records that this process has read.
    pub fn own_records(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    /// Subtracts what a worker has folded but lost: offsets and records.
    pub fn lose(&self, (offsets, records): (u64, u64)) {
        self.passed.fetch_sub(offsets, Ordering::Relaxed);
        self.records.fetch_sub(records, Ordering::Relaxed);
        self.own.fetch_sub(records, Ordering::Relaxed);
    }

    pub fn progress(&self) -> Progress {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, passed) = (self.total.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed));
        let records = self.records.load(Ordering::Relaxed);
        let (offsets_per_second, events_per_second) = self.rates(passed, records);
        let left = total.saturating_sub(passed) as f64;
        let folding = matches!(phase, Phase::Folding | Phase::CatchingUp);
        Progress {
            phase,
            ratio: if total == 0 { 1.0 } else { (passed as f64 / total as f64).min(1.0) },
            events: records,
            events_per_second: if folding { events_per_second } else { 0.0 },
            eta_seconds: (folding && offsets_per_second > 0.0).then(|| (left / offsets_per_second).ceil() as u64),
        }
    }

    fn rates(&self, passed: u64, records: u64) -> (f64, f64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        seen.push_back((now, passed, records));
        while seen.len() > 2 && seen.front().is_some_and(|(at, ..)| now.duration_since(*at) > WINDOW) {
            seen.pop_front();
        }
        let Some((at, passed_then, records_then)) = seen.front() else { return (0.0, 0.0) };
        let seconds = now.duration_since(*at).as_secs_f64();
        if seconds <= 0.0 {
            return (0.0, 0.0);
        }
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        (rate(passed, *passed_then), rate(records, *records_then))
    }
}
