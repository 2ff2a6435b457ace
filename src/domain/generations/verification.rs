//! What verifications of a generation came to.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::log::key_share::KeySample;
use crate::domain::timestamp::Timestamp;

/// What a verification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyResult {
    /// Nothing differs.
    Equal,
    /// Something differs.
    Different,
    /// It could not be finished.
    Failed,
}

impl VerifyResult {
    pub const ALL: [VerifyResult; 3] = [VerifyResult::Equal, VerifyResult::Different, VerifyResult::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            VerifyResult::Equal => "equal",
            VerifyResult::Different => "different",
            VerifyResult::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<VerifyResult> {
        VerifyResult::ALL.into_iter().find(|result| result.as_str() == text)
    }
}

/// A verification of a generation's views: what was compared, and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// When it began.
    #[schema(examples("2026-11-23T09:00:00.000000+00:00"))]
    pub started_at: Timestamp,
    /// When it ended; null while it runs.
    #[schema(examples("2026-11-23T09:04:31.000000+00:00"))]
    pub finished_at: Option<Timestamp>,
    /// What it came to; null while it runs.
    pub result: Option<VerifyResult>,
    /// How much of the orders and runs it compares, in percent; at 100 it compares the totals over them too.
    #[schema(minimum = 0, maximum = 100, examples(100.0))]
    pub percent: f64,
    /// How many differences it found; null unless it was finished.
    #[schema(minimum = 0, examples(0))]
    pub differences: Option<i64>,
    /// The command that started it, and its host.
    #[schema(examples("run@host-1"))]
    pub started_by: String,
    /// The version of the projection that refolded the log.
    #[schema(examples(1))]
    pub projection_version: i32,
    /// The version of the foldback binary that ran it.
    #[schema(examples("0.1.0"))]
    pub binary_version: String,
    /// The positions of the log at which the views were compared; null unless it was finished.
    #[schema(value_type = Value, examples(json!([{"topic": "provider-orders", "partition": 0, "nextOffset": 52310}])))]
    pub checkpoints: Option<Value>,
    /// Why it failed; null unless it did.
    #[schema(examples("the broker is away"))]
    pub failure: Option<String>,
}

impl Verification {
    pub fn percent_of(sample: KeySample) -> f64 {
        f64::from(sample.per_million) / 1e4
    }
}

/// What is known about whether a generation equals the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// When the newest verification of all of it that found no difference ended.
    pub equal_at: Option<Timestamp>,
    /// When the newest verification with each result ended, of all of it or of a sample.
    pub last_runs: Vec<(VerifyResult, Timestamp)>,
    /// How many differences the newest verification found that found any, unless one of all of it has found none since.
    /// `None`: none was ever finished.
    pub differences: Option<i64>,
}
