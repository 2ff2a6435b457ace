//! The results of one run of the bench, as they are kept in a file.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::figure::{Better, Figure, FigureId};
use super::statistics::percentiles;

/// Grows when a field changes its meaning.
const FORMAT: u32 = 1;

/// One run: what was measured where, and all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub format: u32,
    /// Of the checkout, and whether files differed from it.
    pub commit: String,
    pub dirty: bool,
    /// ISO 8601.
    pub measured_at: String,
    /// Cargo's.
    pub profile: String,
    /// Of Postgres: `default` or `tuned`.
    pub settings: String,
    pub machine: Machine,
    /// How often each measurement was made.
    pub runs: usize,
    pub loads: Vec<Load>,
    pub figures: Vec<Figure>,
    pub distributions: Vec<Distribution>,
}

/// Where it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    pub memory_bytes: u64,
    pub kernel: String,
    pub postgres: String,
    pub kafka: String,
    pub redis: String,
}

/// What was in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub name: String,
    pub about: String,
    pub seed: u64,
    pub events: u64,
    /// Of the events, those that are runs.
    pub runs: u64,
    pub orders: u64,
    pub partitions: i32,
    pub value_bytes_mean: f64,
}

/// Times in milliseconds: for each sample, the quantiles of 0 %, 1 %, … 100 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    #[serde(flatten)]
    pub id: FigureId,
    pub percentiles: Vec<Vec<f64>>,
}

impl Results {
    /// Nothing is measured yet.
    pub fn new(machine: Machine, runs: usize) -> Results {
        Results {
            format: FORMAT,
            commit: String::new(),
            dirty: false,
            measured_at: String::new(),
            profile: String::new(),
            settings: "default".to_owned(),
            machine,
            runs,
            loads: Vec::new(),
            figures: Vec::new(),
            distributions: Vec::new(),
        }
    }

    pub fn add(&mut self, id: FigureId, unit: &str, better: Better, sample: f64) {
        match self.figures.iter_mut().find(|figure| figure.id == id) {
            Some(figure) => figure.samples.push(sample),
            None => self.figures.push(Figure { id, unit: unit.to_owned(), better, samples: vec![sample] }),
        }
    }

    pub fn add_distribution(&mut self, id: FigureId, times_ms: &[f64]) {
        let sample = percentiles(times_ms);
        match self.distributions.iter_mut().find(|distribution| distribution.id == id) {
            Some(distribution) => distribution.percentiles.push(sample),
            None => self.distributions.push(Distribution { id, percentiles: vec![sample] }),
        }
    }

    pub fn read(path: &Path) -> Result<Results, Box<dyn Error + Send + Sync>> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let results: Results = serde_json::from_str(&text)
            .map_err(|error| format!("{} holds no results of dev/bench: {error}", path.display()))?;
        if results.format != FORMAT {
            let format = results.format;
            return Err(format!("{} has format {format}; this bench reads {FORMAT}", path.display()).into());
        }
        Ok(results)
    }

    /// A reader never sees half of it.
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_string_pretty(self)? + "\n")?;
        fs::rename(&new, path)?;
        Ok(())
    }
}
