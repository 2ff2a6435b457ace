//! The bundled schemas: every version ever published, since a rebuild reads them all.

use crate::domain::log::record::Stream;

/// One version of a stream's schema.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    pub stream: Stream,
    /// Name of the file in `schemas/`.
    pub name: &'static str,
    pub json: &'static str,
}

/// Oldest first within a stream. Add a new version after the others, and never remove one.
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

/// The version that foldback itself reads into and writes.
pub fn newest(stream: Stream) -> Option<&'static Bundled> {
    BUNDLED.iter().rfind(|bundled| bundled.stream == stream)
}
