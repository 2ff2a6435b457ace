//! `foldback status`

mod generations;
mod instances;
mod log;

use serde_json::{Value, json};

use crate::domain::runs::run::{Run, RunType};
use crate::domain::runs::status::status_payload;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::Backlog;
use crate::domain::views::rows::{CheckpointRow, OpenDeadLetters};
use crate::store::StoreError;
use crate::store::generations::Instance;
use crate::store::read::Snapshot;

use super::Failure;
use super::context::Context;
use super::output::{Output, or_dash, plain, print, print_json, table};
use super::read::from_snapshot;
use generations::Generations;
use log::Log;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

struct Status {
    generation: i32,
    as_of: Timestamp,
    generations: Generations,
    instances: Vec<Instance>,
    checkpoints: Vec<CheckpointRow>,
    log: Log,
    backlog: Backlog,
    dead_letters: OpenDeadLetters,
    replay: Option<Run>,
    alerts: Option<Run>,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let asking_kafka = async { Ok(Log::read(&config.kafka).await) };
    let (status, log) = tokio::try_join!(from_snapshot(&config, read), asking_kafka)?;
    let status = Status { log, ..status };
    if args.output.json { print_json(&as_json(&status)) } else { print(&as_text(&status)) }
}

async fn read(snapshot: &mut Snapshot) -> Result<Status, StoreError> {
    let (generation, as_of) = (snapshot.generation, snapshot.as_of);
    let mut view = snapshot.view();
    Ok(Status {
        generation: generation.0,
        as_of,
        generations: Generations::read(&mut view, generation).await?,
        instances: view.instances().await?,
        checkpoints: view.checkpoints().await?,
        log: Log::default(),
        backlog: Backlog::total(&view.backlog(as_of).await?),
        dead_letters: view.open_dead_letters().await?,
        replay: view.latest_run(RunType::Replay).await?,
        alerts: view.latest_run(RunType::Alert).await?,
    })
}

fn as_json(status: &Status) -> Value {
    let dead_letters: serde_json::Map<String, Value> =
        status.dead_letters.counts.iter().map(|(reason, count)| (reason.to_string(), json!(count))).collect();
    let mut value = json!({
        "generation": status.generation,
        "asOf": status.as_of,
        "instances": instances::as_json(&status.instances),
        "checkpoints": status.checkpoints.iter().map(|row| checkpoint_json(row, &status.log)).collect::<Vec<_>>(),
        "backlog": status.backlog,
        "deadLetters": dead_letters,
        "oldestDeadLetterAt": status.dead_letters.oldest,
        "replay": status.replay.as_ref().map(status_payload),
        "alerts": status.alerts.as_ref().map(status_payload),
    });
    status.generations.add_to(&mut value);
    status.log.add_to(&mut value, &status.checkpoints);
    value
}

fn checkpoint_json(row: &CheckpointRow, log: &Log) -> Value {
    let streak = row.streak.map(|(reason, count)| json!({"reason": reason.as_str(), "count": count}));
    json!({
        "topic": row.topic,
        "partition": row.partition,
        "nextOffset": row.next_offset,
        "logEnd": log.end(row),
        "lag": log.lag(row),
        "openTransactionRecords": log.open_transaction_records(row),
        "updatedAt": row.updated_at,
        "streak": streak,
    })
}

fn as_text(status: &Status) -> String {
    let backlog = &status.backlog;
    let facts = [
        ("as of", status.as_of.to_string()),
        ("backlog", format!("{} scheduled, {} overdue", backlog.scheduled_backlog, backlog.overdue)),
        ("next replay", or_dash(backlog.next_scheduled_at)),
        ("replay run", run_line(status.replay.as_ref())),
        ("alert run", run_line(status.alerts.as_ref())),
        ("dead letters", dead_letters(&status.dead_letters)),
    ];
    let facts = status.generations.facts().into_iter().chain(facts).chain(instances::facts(&status.instances));
    let facts: Vec<Vec<String>> = facts.map(|(name, value)| vec![name.to_owned(), value]).collect();
    format!("{}\n{}{}", table(&facts), checkpoints(&status.checkpoints, &status.log), status.log.note())
}

fn run_line(run: Option<&Run>) -> String {
    run.map_or_else(
        || "none yet".to_owned(),
        |run| {
            let unreadable = run.unreadable.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{} at {}, {}{unreadable}", run.status.as_str(), run.ran_at, run.run_id)
        },
    )
}

fn dead_letters(OpenDeadLetters { counts, oldest }: &OpenDeadLetters) -> String {
    let there: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(reason, count)| format!("{count} {reason}")).collect();
    let oldest = oldest.map(|oldest| format!("; the oldest since {oldest}")).unwrap_or_default();
    if there.is_empty() { "none open".to_owned() } else { format!("{}{oldest}", there.join(", ")) }
}

fn checkpoints(rows: &[CheckpointRow], log: &Log) -> String {
    if rows.is_empty() {
        return "no partition has been folded yet; start `foldback run`\n".to_owned();
    }
    let head =
        ["TOPIC", "PARTITION", "NEXT OFFSET", "LOG END", "LAG", "IN OPEN TRANSACTION", "UPDATED", "REFUSED IN A ROW"];
    let head = head.map(str::to_owned).to_vec();
    let folded = rows.iter().map(|row| checkpoint(row, log));
    table(&std::iter::once(head).chain(folded).chain(log.without_checkpoint(rows).map(unfolded)).collect::<Vec<_>>())
}

fn unfolded((topic, partition, end): (&str, i32, i64)) -> Vec<String> {
    let [none, lag, open] = ["-", "-", "-"].map(str::to_owned);
    vec![plain(topic, 249), partition.to_string(), none, end.to_string(), lag, open, "never".to_owned()]
}

fn checkpoint(row: &CheckpointRow, log: &Log) -> Vec<String> {
    vec![
        plain(&row.topic, 249),
        row.partition.to_string(),
        row.next_offset.to_string(),
        or_dash(log.end(row)),
        or_dash(log.lag(row)),
        or_dash(log.open_transaction_records(row)),
        row.updated_at.to_string(),
        or_dash(row.streak.map(|(reason, count)| format!("{count} {reason}"))),
    ]
}
