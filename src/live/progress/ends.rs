//! Asks the brokers where the log ends, again and again, whether anything is fetched or not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaResult;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::partitions::Progress;
use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::log::survey::ends_client::{EndsAnswer, EndsClient};
use crate::observe::Readiness;
use crate::observe::health::{self, Severity};

const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long brokers may take for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Ends that can't be had for this long are told.
const TELL_AFTER: Duration = Duration::from_secs(8);

/// A client that doesn't get an answer is replaced at most this often.
const RENEW_AFTER: Duration = Duration::from_secs(5);

/// One per process, with a client of its own: that of a worker can't be asked while it waits, and tells the ends of what it
/// fetches alone.
pub struct EndsWatch {
    kafka: Kafka,
    progress: Progress,
    readiness: Readiness,
    /// Since when not all ends could be had.
    failing_since: Option<Instant>,
}

/// An answer, the offsets of the group, and the client to ask next time.
type Asked = (EndsClient, EndsAnswer, BTreeMap<StreamPartition, i64>);

impl EndsWatch {
    pub fn new(kafka: Kafka, progress: Progress, readiness: &Readiness) -> EndsWatch {
        EndsWatch { kafka, progress, readiness: readiness.source(), failing_since: None }
    }

    /// Asks until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let (mut client, mut made) = (None, Instant::now());
        while stop.run_until_cancelled(sleep(ASK_EVERY)).await.is_some() {
            let (partitions, unknown) = self.progress.to_ask();
            if partitions.is_empty() {
                self.told(None);
                continue;
            }
            let (kafka, asked, used) = (self.kafka.clone(), partitions.clone(), client.take());
            if used.is_none() {
                made = Instant::now();
            }
            // An answer that isn't there yet is not waited for when the process ends.
            let asking = tokio::task::spawn_blocking(move || ask(&kafka, used, &asked, &unknown));
            match stop.run_until_cancelled(asking).await {
                None => return,
                Some(Ok(Ok((used, answer, offsets)))) => {
                    let problem = problem(&partitions, &answer);
                    // A new one knows the leaders of now: a client goes on asking with the epoch that it has cached.
                    client = (problem.is_none() || made.elapsed() < RENEW_AFTER).then_some(used);
                    self.told(problem);
                    self.progress.presume(offsets);
                    self.progress.ends(answer.ends);
                }
                Some(Ok(Err(error))) => self.told(Some(error.to_string())),
                Some(Err(panic)) => self.told(Some(panic.to_string())),
            }
        }
    }

    fn told(&mut self, problem: Option<String>) {
        let Some(problem) = problem else {
            self.failing_since = None;
            return self.readiness.clear(health::KAFKA);
        };
        debug!("the log's ends are not known: {problem}");
        if self.failing_since.get_or_insert_with(Instant::now).elapsed() >= TELL_AFTER {
            let detail = format!(
                "the brokers don't tell where the log ends ({problem}), so that the lag is at least what is shown; check \
                 that they are up and that their partitions have leaders"
            );
            self.readiness.raise(health::KAFKA, Severity::Unready, detail);
        }
    }
}

fn ask(
    kafka: &Kafka,
    client: Option<EndsClient>,
    partitions: &[StreamPartition],
    unknown: &[StreamPartition],
) -> KafkaResult<Asked> {
    let mut client = client.map_or_else(|| EndsClient::new(kafka), Ok)?;
    let answer = client.ends(partitions, ANSWER_MAX);
    // Only for what Postgres doesn't tell: a failure leaves it unknown.
    let offsets = match unknown {
        [] => BTreeMap::new(),
        unknown => client.group_offsets(unknown, ANSWER_MAX).unwrap_or_default(),
    };
    Ok((client, answer, offsets))
}

fn problem(partitions: &[StreamPartition], answer: &EndsAnswer) -> Option<String> {
    let missing = partitions.iter().filter(|partition| !answer.ends.contains_key(partition)).count();
    let why = answer.failed.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string);
    (missing > 0).then(|| format!("{missing} of {} partitions: {why}", partitions.len()))
}
