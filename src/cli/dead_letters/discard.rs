//! `foldback dead-letters discard`

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::output::{Output, plain, print, print_json};
use crate::cli::read::on_connection;
use crate::store::decisions::discards;

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
    let done = on_connection(&config, async |conn| discards::discard(conn, args.id, &args.why).await).await?;
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
