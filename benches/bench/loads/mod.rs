//! The events that are measured with: fixed by their seed, whatever commit makes them.

pub mod small;

use foldback::domain::timestamp::Timestamp;
use foldback::samples::{Sample, SampleEvent, SampleSettings};

use small::{Small, SmallSettings};

pub const SEED: u64 = 15;
/// Between two events: 50 a second, as `foldback publish` times them without a rate.
pub const STEP_MICROS: i64 = 20_000;
const OPEN_ORDERS: usize = 20_000;

/// One of the two loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadKind {
    /// What `foldback publish` makes.
    Publish,
    /// Small events, see [`small`].
    Small,
}

impl LoadKind {
    pub const ALL: [LoadKind; 2] = [LoadKind::Publish, LoadKind::Small];

    pub fn name(self) -> &'static str {
        match self {
            LoadKind::Publish => "publish",
            LoadKind::Small => "small",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            LoadKind::Publish => "the samples of `foldback publish`, with a schema id of the registry",
            LoadKind::Small => {
                "orders of 3 to 6 small events, interleaved among 20,000 open ones, in single-object encoding"
            }
        }
    }

    /// Endless. `base`: time of the first event.
    pub fn events(self, base: Timestamp, providers: u64) -> Box<dyn Iterator<Item = SampleEvent> + Send> {
        let (seed, step_micros) = (SEED, STEP_MICROS);
        match self {
            LoadKind::Publish => Box::new(Sample::new(SampleSettings { seed, base, step_micros })),
            LoadKind::Small => {
                let settings = SmallSettings { seed, base, step_micros, open_orders: OPEN_ORDERS, providers };
                Box::new(Small::new(settings).map(SampleEvent::Order))
            }
        }
    }
}
