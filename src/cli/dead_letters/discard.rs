//! `foldback dead-letters discard`

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::cli::Failure;
use crate::cli::context::{Context, access, at_database};
use crate::cli::output::{Output, plain, print, print_json};
use crate::store::decisions::discards;
use crate::store::migrate;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Dead letter id, as shown by `dead-letters list`
    id: i64,
    /// Why it is discarded; applies to this record in later generations too
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let mut conn = access(&config)?.connect().await.map_err(|error| at_database(&config, error))?;
    migrate::check_version(&mut conn).await.map_err(|error| at_database(&config, error))?;
    let done = discards::discard(&mut conn, args.id, &args.why).await;
    let done = done.map_err(|error| at_database(&config, error))?;
    let done = done.ok_or_else(|| {
        Failure::failed(format!("the live generation has no dead letter {}; see `foldback dead-letters list`", args.id))
    })?;
    if args.output.json {
        return print_json(&json!({
            "id": args.id,
            "topic": done.topic,
            "partition": done.position.partition,
            "offset": done.position.offset,
            "discardedAt": done.discarded_at,
            "why": done.why,
        }));
    }
    let place =
        format!("{} partition {} offset {}", plain(&done.topic, 249), done.position.partition, done.position.offset);
    print(&format!("discarded dead letter {} ({place}): {}", args.id, plain(&done.why, 1000)))
}
