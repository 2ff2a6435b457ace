//! What dev/bench passes on: `BENCH_…`, all with defaults.

use std::env;
use std::str::FromStr;

use crate::Result;
use crate::loads::LoadKind;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often each measurement is made.
    pub runs: usize,
    pub loads: Vec<LoadKind>,
    /// Lengths of the logs that are rebuilt; the first is what `live`, `scale` and `parts` fold.
    pub events: Vec<u64>,
    pub partitions: i32,
    pub providers: u64,
    /// Of `foldback run`, each with an empty database.
    pub starts: usize,
    /// Events a second under load; without it half of what `live` takes.
    pub rate: Option<f64>,
    /// How long a rate is kept up.
    pub seconds: f64,
    /// Events that are folded before freshness is measured.
    pub folded_before: u64,
    /// Orders in the database whose API is asked, and how often each answer is asked for.
    pub orders: u64,
    pub requests: usize,
    pub instances: usize,
}

impl Settings {
    pub fn from_environment() -> Result<Settings> {
        let runs = value("BENCH_RUNS", 3)?;
        let settings = Settings {
            runs,
            loads: loads()?,
            events: list("BENCH_EVENTS", &[500_000, 2_000_000])?,
            partitions: value("BENCH_PARTITIONS", 8)?,
            providers: value("BENCH_PROVIDERS", 24)?,
            starts: value("BENCH_STARTS", runs.max(5))?,
            rate: optional("BENCH_RATE")?,
            seconds: value("BENCH_SECONDS", 20.0)?,
            folded_before: value("BENCH_FOLDED_BEFORE", 100_000)?,
            orders: value("BENCH_ORDERS", 100_000)?,
            requests: value("BENCH_REQUESTS", 200)?,
            instances: value("BENCH_INSTANCES", 3)?,
        };
        if settings.runs == 0 || settings.starts == 0 || settings.events.contains(&0) {
            return Err("BENCH_RUNS, BENCH_STARTS and BENCH_EVENTS must be above 0".into());
        }
        Ok(settings)
    }

    /// The log that is folded where one length is enough.
    pub fn first_length(&self) -> u64 {
        self.events.first().copied().unwrap_or(1)
    }
}

fn loads() -> Result<Vec<LoadKind>> {
    let Some(names) = optional::<String>("BENCH_LOADS")? else { return Ok(LoadKind::ALL.to_vec()) };
    let load = |name: &str| {
        let found = LoadKind::ALL.into_iter().find(|load| load.name() == name.trim());
        found.ok_or_else(|| format!("BENCH_LOADS: there is no load \"{name}\": publish, small").into())
    };
    names.split(',').map(load).collect()
}

fn list(name: &str, default: &[u64]) -> Result<Vec<u64>> {
    let Some(text) = optional::<String>(name)? else { return Ok(default.to_vec()) };
    text.split(',').map(|item| parse(name, item.trim())).collect()
}

fn value<T: FromStr>(name: &str, default: T) -> Result<T> {
    Ok(optional(name)?.unwrap_or(default))
}

/// None where it is not set, or empty.
fn optional<T: FromStr>(name: &str) -> Result<Option<T>> {
    match env::var(name) {
        Ok(text) if !text.is_empty() => parse(name, &text).map(Some),
        _ => Ok(None),
    }
}

fn parse<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| format!("{name}: \"{text}\" is not understood").into())
}
