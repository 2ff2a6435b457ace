//! What foldback tells about itself: logs and metrics.

pub mod logging;
