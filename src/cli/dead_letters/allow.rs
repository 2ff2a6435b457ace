//! `foldback dead-letters allow|allowances|disallow`: which records may pass the flood guard.

use serde_json::json;
use sqlx::PgConnection;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::output::{Output, plain, print, print_json, table};
use crate::cli::read::on_connection;
use crate::store::StoreError;
use crate::store::decisions::allowances::{self, Allowance, FoldedTo};

#[derive(Debug, clap::Args)]
pub struct Record {
    /// Topic of the record
    topic: String,
    /// Partition of the record
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    partition: i32,
    /// Offset of the record, as reported by /readyz and the log
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    offset: i64,
}

#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    output: Output,
}

pub async fn allow(args: Record, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let topics = config.kafka.topics();
    if topics.stream(&args.topic).is_none() {
        let topic = plain(&args.topic, 249);
        let why = format!("topic {topic} is not folded: it is neither {} nor {}", topics.orders, topics.runs);
        return Err(Failure::Guard(format!("this would have no effect: {why}")));
    }
    let folded = on_connection(&config, async |conn| folded_to(conn, &args).await).await?;
    let counts = effect(&args, &folded).map_err(|why| Failure::Guard(format!("this would have no effect: {why}")))?;
    let allowing =
        async |conn: &mut PgConnection| allowances::allow(conn, &args.topic, args.partition, args.offset).await;
    let is_new = on_connection(&config, allowing).await?;
    let sentence = if is_new { "may now pass" } else { "was already allowed to pass" };
    print(&format!("the record at {} {sentence}; {counts}", place(&args)))
}

pub async fn disallow(args: Record, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let disallowing = async |conn: &mut PgConnection| {
        let was_there = allowances::disallow(conn, &args.topic, args.partition, args.offset).await?;
        Ok((was_there, folded_to(conn, &args).await?))
    };
    let (was_there, folded) = on_connection(&config, disallowing).await?;
    if !was_there {
        let sentence = "was not allowed to pass; see `foldback dead-letters allowances`";
        return Err(Failure::failed(format!("the record at {} {sentence}", place(&args))));
    }
    let is_passed = folded.iter().any(|folded| folded.is_live && folded.next_offset > args.offset);
    let more = if is_passed { "; the live generation is past it already, and a rebuild may stop there" } else { "" };
    print(&format!("the record at {} may no longer pass{more}", place(&args)))
}

pub async fn list(args: List, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let all = on_connection(&config, async |conn| allowances::all(conn).await).await?;
    if args.output.json {
        return print_json(&all.iter().map(as_json).collect::<Vec<_>>());
    }
    if all.is_empty() {
        return print("no record is allowed to pass the flood guard");
    }
    let head = ["TOPIC", "PARTITION", "OFFSET", "ALLOWED"].map(str::to_owned).to_vec();
    print(&table(&std::iter::once(head).chain(all.iter().map(row)).collect::<Vec<_>>()))
}

/// What it counts for, or why for nothing.
fn effect(args: &Record, folded: &[FoldedTo]) -> Result<String, String> {
    if folded.is_empty() {
        return Err(format!("no generation has folded partition {} of {}", args.partition, plain(&args.topic, 249)));
    }
    let live = folded.iter().find(|folded| folded.is_live);
    if let Some(live) = live.filter(|live| live.next_offset <= args.offset) {
        return Ok(format!("the live generation is at offset {}", live.next_offset));
    }
    let others = folded.iter().filter(|folded| folded.next_offset <= args.offset);
    let others: Vec<String> = others.map(|folded| folded.generation.to_string()).collect();
    let at = live.map(|live| format!("the live generation is past it, at offset {}", live.next_offset));
    match (others.is_empty(), at) {
        (false, at) => {
            Ok(format!("{}it counts for generation {}", at.map(|at| at + "; ").unwrap_or_default(), others.join(", ")))
        }
        (true, at) => Err(at.unwrap_or_else(|| "every generation is past it".to_owned())),
    }
}

async fn folded_to(conn: &mut PgConnection, args: &Record) -> Result<Vec<FoldedTo>, StoreError> {
    allowances::folded_to(conn, &args.topic, args.partition).await
}

fn place(args: &Record) -> String {
    format!("{} partition {} offset {}", plain(&args.topic, 249), args.partition, args.offset)
}

fn row(allowance: &Allowance) -> Vec<String> {
    let position = allowance.position;
    vec![
        plain(&allowance.topic, 249),
        position.partition.to_string(),
        position.offset.to_string(),
        allowance.allowed_at.to_string(),
    ]
}

fn as_json(allowance: &Allowance) -> serde_json::Value {
    json!({
        "topic": allowance.topic,
        "partition": allowance.position.partition,
        "offset": allowance.position.offset,
        "allowedAt": allowance.allowed_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_counts_for_generations_that_are_not_past_its_record() {
        let args = Record { topic: "t".to_owned(), partition: 0, offset: 10 };
        let at = |generation, is_live, next_offset| FoldedTo { generation, is_live, next_offset };
        assert!(effect(&args, &[]).is_err());
        assert!(effect(&args, &[at(1, true, 11)]).unwrap_err().contains("past it, at offset 11"));
        assert_eq!(effect(&args, &[at(1, true, 10)]).unwrap(), "the live generation is at offset 10");
        let both = effect(&args, &[at(1, true, 11), at(2, false, 3)]).unwrap();
        assert!(both.ends_with("it counts for generation 2"), "{both}");
    }
}
