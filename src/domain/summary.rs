//! The canonical run summary, and how a payload drifts from it.

/// How a field of a payload departs from the canonical summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Path of the field, such as `alertsDigest[].reasons`.
    pub field: String,
    pub problem: DriftProblem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftProblem {
    UnknownField,
    WrongType,
}
