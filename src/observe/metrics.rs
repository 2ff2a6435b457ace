//! Counting: what the rest of foldback calls.

use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::families::{
    ALL, BUILD_INFO, COMMIT, CONDITION, EVENT_TO_COMMIT, HTTP_REQUESTS, LIVE_GENERATION, REBUILD_PROGRESS, RECORDS,
    REDIS_PUBLISH, SUMMARY_DRIFT,
};
use super::family::Kind;
use super::gauges::{DomainGauges, PartitionGauges};
use super::health::Readiness;
use super::text::write_family;
use crate::domain::change::Tally;
use crate::domain::runs::summary::Drift;

/// Upper bounds of the histograms' buckets, in seconds.
pub const SECONDS_BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Everything that /metrics shows.
#[derive(Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// The conditions that /metrics counts.
    pub readiness: Readiness,
    pub partitions: PartitionGauges,
    pub domain: DomainGauges,
}

/// Why the metrics recorder could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    #[error("the histogram buckets are invalid: {0}")]
    Buckets(#[from] BuildError),
    #[error("this process already has a metrics recorder")]
    Installed,
}

impl Metrics {
    /// Installs this process's recorder; call it once per process.
    pub fn install(version: &'static str) -> Result<Metrics, MetricsError> {
        let (metrics, recorder) = Metrics::new()?;
        ::metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Installed)?;
        describe();
        build_info(version);
        Ok(metrics)
    }

    /// Builds a recorder without installing it.
    pub fn new() -> Result<(Metrics, PrometheusRecorder), MetricsError> {
        let recorder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS)?.build_recorder();
        let metrics = Metrics {
            handle: recorder.handle(),
            readiness: Readiness::default(),
            partitions: PartitionGauges::default(),
            domain: DomainGauges::default(),
        };
        Ok((metrics, recorder))
    }

    /// All series in Prometheus's text format (version 0.0.4).
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        self.partitions.render(&mut text);
        self.domain.render(&mut text, Instant::now());
        let conditions = self
            .readiness
            .counts()
            .into_iter()
            .map(|((name, severity), count)| (vec![name, severity.to_string()], count as f64));
        write_family(&mut text, &CONDITION, &conditions.collect::<Vec<_>>());
        text
    }

    /// Moves recorded times into their buckets. Call it every few seconds: until then, or until a scrape, each recorded
    /// time takes memory.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

pub(super) fn describe() {
    for family in ALL {
        match family.kind {
            Kind::Counter => ::metrics::describe_counter!(family.name, family.help),
            Kind::Gauge => ::metrics::describe_gauge!(family.name, family.help),
            Kind::Histogram => ::metrics::describe_histogram!(family.name, family.help),
        }
    }
}

/// Counts a committed batch's records. A topic's series exist, at 0, from its first call on.
pub fn records(topic: &str, tally: Tally) {
    for (outcome, count) in
        [("applied", tally.applied), ("duplicate", tally.duplicate), ("dead_letter", tally.dead_letter)]
    {
        ::metrics::counter!(RECORDS.name, "topic" => topic.to_owned(), "outcome" => outcome).increment(count);
    }
}

/// Records `count` records whose batch was committed this long after their timestamp.
pub fn event_to_commit(elapsed: Duration, count: usize) {
    ::metrics::histogram!(EVENT_TO_COMMIT.name).record_many(elapsed.as_secs_f64(), count);
}

pub fn commit_seconds(elapsed: Duration) {
    ::metrics::histogram!(COMMIT.name).record(elapsed.as_secs_f64());
}

pub fn redis_publish_seconds(elapsed: Duration) {
    ::metrics::histogram!(REDIS_PUBLISH.name).record(elapsed.as_secs_f64());
}

/// Counts the drift of a run report that was stored.
pub fn summary_drift(drifts: &[Drift]) {
    for drift in drifts {
        ::metrics::counter!(SUMMARY_DRIFT.name, "field" => drift.label().to_owned()).increment(1);
    }
}

/// Counts a request by the status of its answer.
pub fn http_request(status: u16) {
    ::metrics::counter!(HTTP_REQUESTS.name, "status" => status.to_string()).increment(1);
}

pub fn live_generation(generation: i32) {
    ::metrics::gauge!(LIVE_GENERATION.name).set(f64::from(generation));
}

/// 0 to 1.
pub fn rebuild_progress_ratio(ratio: f64) {
    ::metrics::gauge!(REBUILD_PROGRESS.name).set(ratio);
}

pub(super) fn build_info(version: &'static str) {
    ::metrics::gauge!(BUILD_INFO.name, "version" => version).set(1.0);
}
