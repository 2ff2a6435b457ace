//! `foldback generations list|promote|rollback|drop`

mod list;

use tokio_util::sync::CancellationToken;

use crate::rebuild::{drop_generation, promote, roll_back};
use crate::store::generations;

use super::context::{Context, access, check_kafka};
use super::long_running::failure;
use super::output::{Output, print, print_json};
use super::progress::{ask, is_interactive};
use super::read::on_connection;
use super::rebuild::result::Goal;
use super::{Failure, long_running};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List every generation with its state, its origin and the progress of its rebuild
    List(Output),
    /// Catch a generation up, check it, and make it live
    Promote(Promote),
    /// Switch back to the previously live generation, at once
    Rollback(Rollback),
    /// Drop a generation that is not live
    Drop(Drop),
}

#[derive(Debug, clap::Args)]
pub struct Promote {
    /// Generation number, as shown by `generations list`
    #[arg(value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    generation: i32,
    /// Go live even if there are dead letters that the live generation doesn't have
    #[arg(long)]
    accept_dead_letters: bool,
    /// Don't ask before the cut-over
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// Roll back even if no running instance can continue that generation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
pub struct Drop {
    /// Generation number, as shown by `generations list`
    #[arg(value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    generation: i32,
    /// Don't ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

pub async fn run(verb: Verb, context: Context) -> Result<(), Failure> {
    match verb {
        Verb::List(output) => list(output, context).await,
        Verb::Promote(args) => make_live(args, context).await,
        Verb::Rollback(args) => go_back(args, context).await,
        Verb::Drop(args) => remove(args, context).await,
    }
}

async fn list(output: Output, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let all = on_connection(&config, async |conn| generations::list(conn).await).await?;
    if output.json { print_json(&all) } else { print(&list::as_text(&all)) }
}

async fn make_live(args: Promote, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    check_kafka(&config)?;
    let database = access(&config)?;
    long_running::watched(&config, args.yes, Goal::Live, args.output, async |observer, stop| {
        promote(&config, &database, args.generation, args.accept_dead_letters, observer, stop).await
    })
    .await
}

async fn go_back(args: Rollback, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let done = roll_back(&config, &access(&config)?, args.yes).await.map_err(|error| failure(&config, error))?;
    if args.output.json {
        return print_json(&done);
    }
    print(&format!("generation {} is live again; generation {} is kept", done.to, done.from))
}

async fn remove(args: Drop, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let database = access(&config)?;
    let number = args.generation;
    if !args.yes && is_interactive() && !ask(&format!("drop generation {number}?"), &CancellationToken::new()) {
        return Err(Failure::failed("nothing was dropped"));
    }
    drop_generation(&config, &database, number).await.map_err(|error| failure(&config, error))?;
    if args.output.json {
        return print_json(&serde_json::json!({"dropped": number}));
    }
    print(&format!("generation {number} was dropped"))
}
