//! Processor time that a measurement takes, in microseconds for each event.

use crate::Result;
use crate::bench::Bench;
use crate::report::figure::Better;
use crate::servers::{Servers, ServersCpu};

/// Started before, read after.
pub struct Meter {
    before: ServersCpu,
}

/// Seconds of processor time.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    pub foldback: f64,
    pub postgres: f64,
    pub kafka: f64,
}

impl Meter {
    pub fn start(servers: &Servers) -> Result<Meter> {
        Ok(Meter { before: servers.cpu()? })
    }

    /// `foldback`: seconds that its processes (or the loop) have used.
    pub fn read(&self, servers: &Servers, foldback: f64) -> Result<Spent> {
        let now = servers.cpu()?;
        Ok(Spent { foldback, postgres: now.postgres - self.before.postgres, kafka: now.kafka - self.before.kafka })
    }
}

impl Spent {
    /// Adds the three figures of a case.
    pub fn record(&self, bench: &mut Bench, at: [&str; 3], events: u64) {
        let micros = |seconds: f64| seconds * 1e6 / events as f64;
        let parts = [("foldback", self.foldback), ("Postgres", self.postgres), ("Kafka", self.kafka)];
        for (part, seconds) in parts {
            bench.add(at, &format!("CPU of {part}"), "us/event", Better::Less, micros(seconds));
        }
    }
}
