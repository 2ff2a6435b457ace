//! The schemas that the binary carries: every version ever published, the older ones too, since a rebuild reads
//! them all.

use crate::domain::record::Stream;

/// One version of a stream's schema.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    pub stream: Stream,
    /// Name of the file in `schemas/`.
    pub name: &'static str,
    pub json: &'static str,
}

/// Oldest first within a stream. A new version is added behind the others and none is ever taken out.
pub const BUNDLED: &[Bundled] = &[
    Bundled {
        stream: Stream::Orders,
        name: "provider-order-event.avsc",
        json: include_str!("../../schemas/provider-order-event.avsc"),
    },
    Bundled {
        stream: Stream::Runs,
        name: "automation-run-event.avsc",
        json: include_str!("../../schemas/automation-run-event.avsc"),
    },
];

/// The version that foldback itself reads and writes.
pub fn newest(stream: Stream) -> Option<&'static Bundled> {
    BUNDLED.iter().rfind(|bundled| bundled.stream == stream)
}
