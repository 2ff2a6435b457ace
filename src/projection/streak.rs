//! The flood guard, a circuit breaker: many consecutive rejections for one reason are our fault, not the records'.

use super::batch::Outcome;
use crate::domain::change::Streak;

/// Follows one partition, record by record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodGuard {
    pub streak: Option<Streak>,
    pub refusals_max: i64,
}

impl FloodGuard {
    /// Returns `false` if this record makes the streak too long. `allowed`: an operator lets this record pass; the
    /// count then restarts after it.
    pub fn pass(&mut self, outcome: Outcome, allowed: impl FnOnce() -> bool) -> bool {
        let Outcome::DeadLetter(reason) = outcome else {
            self.streak = None;
            return true;
        };
        let count = match self.streak {
            Some(streak) if streak.reason == reason => streak.count + 1,
            _ => 1,
        };
        if count < self.refusals_max {
            self.streak = Some(Streak { reason, count });
            return true;
        }
        let passes = allowed();
        self.streak = if passes { None } else { Some(Streak { reason, count }) };
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::rejection::Reason::{Invalid, Malformed};

    fn guard() -> FloodGuard {
        FloodGuard { streak: None, refusals_max: 3 }
    }

    #[test]
    fn the_third_refusal_in_a_row_for_one_reason_stops() {
        let mut guard = guard();
        assert!(guard.pass(Outcome::DeadLetter(Invalid), || false));
        assert!(guard.pass(Outcome::DeadLetter(Invalid), || false));
        assert!(!guard.pass(Outcome::DeadLetter(Invalid), || false));
    }

    #[test]
    fn a_good_record_or_another_reason_starts_the_count_again() {
        let mut guard = guard();
        for outcome in [
            Outcome::DeadLetter(Invalid),
            Outcome::DeadLetter(Invalid),
            Outcome::DeadLetter(Malformed),
            Outcome::DeadLetter(Malformed),
            Outcome::Duplicate,
            Outcome::DeadLetter(Malformed),
            Outcome::DeadLetter(Malformed),
        ] {
            assert!(guard.pass(outcome, || false));
        }
        assert!(!guard.pass(Outcome::DeadLetter(Malformed), || false));
    }

    #[test]
    fn an_allowed_record_passes_and_the_count_starts_behind_it() {
        let mut guard = FloodGuard { streak: Some(Streak { reason: Invalid, count: 2 }), refusals_max: 3 };
        assert!(guard.pass(Outcome::DeadLetter(Invalid), || true));
        assert_eq!(guard.streak, None);
        assert!(guard.pass(Outcome::DeadLetter(Invalid), || false));
        assert!(guard.pass(Outcome::DeadLetter(Invalid), || false));
        assert!(!guard.pass(Outcome::DeadLetter(Invalid), || false));
    }
}
