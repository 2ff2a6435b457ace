//! What every measurement is given: the servers, how much is to be measured, the logs, and where figures are kept.

use std::path::PathBuf;
use std::process::Command;

use chrono::{SecondsFormat, Utc};

use crate::Result;
use crate::loads::LoadKind;
use crate::log::Log;
use crate::report::figure::{Better, FigureId};
use crate::report::results::Results;
use crate::report::statistics::{quantile, range, sorted};
use crate::servers::Servers;
use crate::settings::Settings;

pub struct Bench {
    pub servers: Servers,
    pub settings: Settings,
    pub results: Results,
    /// Rate of live catch-up by load, once it is measured.
    pub live_rates: Vec<(LoadKind, f64)>,
    /// Written once, and never longer.
    logs: Vec<Log>,
    topics_made: usize,
    /// How often the ceilings were measured.
    pub rounds: usize,
    path: PathBuf,
}

impl Bench {
    pub async fn new(servers: Servers, settings: Settings) -> Result<Bench> {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let mut results = Results::new(servers.machine().await?, settings.runs);
        results.commit = git(&["rev-parse", "--short=12", "HEAD"]);
        results.dirty = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
        results.measured_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        results.profile = variable("BENCH_PROFILE");
        results.settings = variable("BENCH_SETTINGS");
        let path = PathBuf::from(variable("BENCH_JSON"));
        let (live_rates, logs) = (Vec::new(), Vec::new());
        Ok(Bench { servers, settings, results, live_rates, logs, topics_made: 0, rounds: 0, path })
    }

    /// Adds a sample. `at`: measurement, load, case.
    pub fn add(&mut self, at: [&str; 3], name: &str, unit: &str, better: Better, sample: f64) {
        self.results.add(id(at, name), unit, better, sample);
    }

    /// Median and 99th percentile of many times.
    pub fn add_times(&mut self, at: [&str; 3], name: &str, times_ms: &[f64]) {
        let sorted = sorted(times_ms);
        for (percentile, share) in [("p50", 0.5), ("p99", 0.99)] {
            self.add(at, &format!("{name} {percentile}"), "ms", Better::Less, quantile(&sorted, share));
        }
    }

    /// The same, the longest, and the distribution for a picture.
    pub fn add_distribution(&mut self, at: [&str; 3], name: &str, times_ms: &[f64]) {
        self.add_times(at, name, times_ms);
        self.add(at, &format!("{name} max"), "ms", Better::Less, range(times_ms).1);
        self.results.add_distribution(id(at, name), times_ms);
    }

    /// Where in `logs` the log of that load and length is, written if it isn't there yet.
    pub async fn log(&mut self, load: LoadKind, events: u64) -> Result<usize> {
        if let Some(at) = self.logs.iter().position(|log| log.load == load && log.events == events) {
            return Ok(at);
        }
        let log = self.new_log(load, events).await?;
        self.results.loads.push(log.facts.clone());
        self.logs.push(log);
        Ok(self.logs.len() - 1)
    }

    pub fn at(&self, log: usize) -> &Log {
        &self.logs[log]
    }

    /// One for a single measurement, which may make it longer.
    pub async fn new_log(&mut self, load: LoadKind, events: u64) -> Result<Log> {
        self.topics_made += 1;
        let name = format!("bench-{}-{}", self.topics_made, load.name());
        Log::write(&self.servers, &self.settings, load, &name, events).await
    }

    /// Writes what there is, so that a run that is broken off leaves something.
    pub fn save(&self) -> Result<()> {
        self.results.write(&self.path)
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }
}

fn id([measure, load, case]: [&str; 3], name: &str) -> FigureId {
    FigureId { measure: measure.to_owned(), load: load.to_owned(), case: case.to_owned(), name: name.to_owned() }
}

/// Empty where git says nothing, such as in a copy without history.
fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).output();
    output.ok().map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
