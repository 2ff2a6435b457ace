//! The status payload of a run.
