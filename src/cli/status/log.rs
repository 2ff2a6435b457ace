//! How far the log is ahead of the checkpoints, as far as Kafka tells.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Stream;
use crate::domain::views::rows::CheckpointRow;
use crate::log::check_settings;
use crate::log::survey::ends_client::EndsClient;
use crate::log::survey::list_offsets::LogEnds;

/// For each of two questions: what Postgres knows is not held up for long.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Where each partition ends; what is unknown is left out.
#[derive(Debug, Default)]
pub struct Log {
    ends: BTreeMap<(String, i32), LogEnds>,
    /// Why something is unknown.
    problem: Option<String>,
}

impl Log {
    pub async fn read(kafka: &Kafka) -> Log {
        let of = kafka.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&of)).await;
        let mut log = asked.unwrap_or_else(|error| Log { problem: Some(error.to_string()), ..Log::default() });
        log.problem = log.problem.map(|problem| {
            format!(
                "Kafka at {} doesn't tell all of where the log ends ({problem}); check kafka.brokers and that the brokers \
                 are up",
                kafka.brokers
            )
        });
        log
    }

    /// The partition's high watermark.
    pub fn end(&self, row: &CheckpointRow) -> Option<i64> {
        Some(self.of(row)?.high_watermark)
    }

    /// Records, markers of transactions included, between checkpoint and high watermark.
    pub fn lag(&self, row: &CheckpointRow) -> Option<i64> {
        Some((self.of(row)?.high_watermark - row.next_offset).max(0))
    }

    pub fn open_transaction_records(&self, row: &CheckpointRow) -> Option<i64> {
        let ends = self.of(row)?;
        Some(ends.high_watermark - ends.last_stable)
    }

    /// Partitions with records that nobody has folded: topic, partition, high watermark.
    pub fn without_checkpoint<'l>(&'l self, rows: &'l [CheckpointRow]) -> impl Iterator<Item = (&'l str, i32, i64)> {
        let unfolded = move |(topic, partition): &(String, i32)| {
            !rows.iter().any(|row| row.topic == *topic && row.partition == *partition)
        };
        let found = self.ends.iter().filter(move |(at, ends)| ends.high_watermark > 0 && unfolded(at));
        found.map(|((topic, partition), ends)| (topic.as_str(), *partition, ends.high_watermark))
    }

    /// Adds its members to those of the status.
    pub fn add_to(&self, status: &mut Value, rows: &[CheckpointRow]) {
        let unfolded =
            |(topic, partition, end): (&str, i32, i64)| json!({"topic": topic, "partition": partition, "logEnd": end});
        status["withoutCheckpoint"] = self.without_checkpoint(rows).map(unfolded).collect();
        status["logProblem"] = json!(self.problem);
    }

    /// A line about what is unknown, or nothing.
    pub fn note(&self) -> String {
        self.problem.as_ref().map_or_else(String::new, |problem| format!("\n{problem}\n"))
    }

    fn of(&self, row: &CheckpointRow) -> Option<LogEnds> {
        self.ends.get(&(row.topic.clone(), row.partition)).copied()
    }
}

fn ask(kafka: &Kafka) -> Log {
    let failed = |problem: String| Log { problem: Some(problem), ..Log::default() };
    if let Err(error) = check_settings(kafka) {
        return failed(error.to_string());
    }
    let mut client = match EndsClient::new(kafka) {
        Ok(client) => client,
        Err(error) => return failed(error.to_string()),
    };
    let counts = match client.partition_counts(ANSWER_MAX) {
        Ok(counts) => counts,
        Err(error) => return failed(client.told(&error)),
    };
    let topics = kafka.topics();
    let of_topic = |stream: Stream| {
        let count = counts.get(topics.name(stream)).copied().unwrap_or(0);
        (0..count).map(move |index| StreamPartition { stream, index })
    };
    let partitions: Vec<StreamPartition> = [Stream::Orders, Stream::Runs].into_iter().flat_map(of_topic).collect();
    let answer = client.ends(&partitions, ANSWER_MAX);
    let named = |partition: StreamPartition| (topics.name(partition.stream).to_owned(), partition.index);
    Log {
        ends: answer.ends.into_iter().map(|(partition, ends)| (named(partition), ends)).collect(),
        problem: answer.failed.map(|error| client.told(&error)),
    }
}
