//! A figure: what was measured, and every sample of it.

use serde::{Deserialize, Serialize};

use super::statistics::{median, range};

/// What is measured: the measurement (`rebuild`), the load (`small`), the case of it (`1000000 events`), and the name of
/// the figure (`rate`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FigureId {
    pub measure: String,
    pub load: String,
    pub case: String,
    pub name: String,
}

/// Which way is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    More,
    Less,
    /// It is not foldback's own, such as a ceiling.
    Neither,
}

/// All samples of one figure, in the order in which they were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    #[serde(flatten)]
    pub id: FigureId,
    pub unit: String,
    pub better: Better,
    pub samples: Vec<f64>,
}

impl Figure {
    pub fn median(&self) -> f64 {
        median(&self.samples)
    }

    /// Smallest and greatest sample.
    pub fn range(&self) -> (f64, f64) {
        range(&self.samples)
    }
}
