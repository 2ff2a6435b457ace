//! What operators see of foldback: metrics.
