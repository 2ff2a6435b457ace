//! `foldback rebuild`

mod join;
mod new_log;
mod plan;
pub mod result;
mod until;

use crate::config::Config;
use crate::domain::log::new_logs::NewLogs;
use crate::rebuild::{self, Depth, RebuildOptions, Until};

use super::context::{Context, access, check_kafka, flag};
use super::long_running::refusal;
use super::output::{Output, print, print_json};
use super::percent::per_million;
use super::{Failure, long_running};
use result::Goal;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show what a rebuild would read, the space and time it would take, and what would refuse it; changes nothing
    #[arg(long)]
    plan: bool,
    /// Build the views as of a point in the log: up to the first record later than TIME (RFC 3339), or up to
    /// exclusive offsets, as topic/partition:offset,…; requires --no-promote
    #[arg(long, value_name = "TIME|OFFSETS", value_parser = until::parse)]
    until: Option<until::Typed>,
    /// Workers for the rebuild [rebuild.workers]
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// Stop before the cut-over; `generations promote N` takes it from there
    #[arg(long)]
    no_promote: bool,
    /// What to refold and compare before the cut-over: a sample of the orders (by key hash), or everything
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Verify::Sample)]
    verify: Verify,
    /// Percentage of the orders that --verify sample covers [rebuild.sample_per_million]
    #[arg(long, value_name = "PERCENT", value_parser = per_million)]
    sample: Option<u32>,
    /// Start over instead of resuming an interrupted rebuild
    #[arg(long)]
    restart: bool,
    /// Go live even if there are dead letters that the live generation doesn't have
    #[arg(long)]
    accept_dead_letters: bool,
    /// Fold TOPIC as a new log, restored, mirrored or truncated: its id, its length and the positions of the live views
    /// in it no longer count. May be given for both topics. Asks for the topic's name once more
    #[arg(long, value_name = "TOPIC")]
    new_log: Vec<String>,
    /// The topic of --new-log once more, where there is no terminal to ask at
    #[arg(long, value_name = "TOPIC")]
    confirm_new_log: Vec<String>,
    /// Don't ask before the cut-over
    #[arg(long)]
    yes: bool,
    /// Help the rebuild that is running, from this machine too, until there is nothing left to share
    #[arg(
        long,
        conflicts_with_all = ["plan", "until", "no_promote", "sample", "restart", "accept_dead_letters", "new_log", "yes"]
    )]
    join: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Verify {
    Sample,
    Full,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    check(&args)?;
    let config = context.config(vec![flag("--workers", "rebuild.workers", args.workers.as_ref())])?;
    check_kafka(&config)?;
    if args.join {
        return join::run(&config, args.output).await;
    }
    let until = args.until.clone().map(|typed| typed.resolve(&config.kafka.topics())).transpose()?;
    let new_logs = new_log::named(&args.new_log, &config.kafka.topics())?;
    let options = options(&args, &config, until, new_logs);
    if args.plan {
        return show_plan(&config, &options, args.output).await;
    }
    new_log::confirm(&options.new_logs, &args.confirm_new_log)?;
    let database = access(&config)?;
    let goal = goal(&options);
    long_running::watched(&config, args.yes, goal, args.output, async |observer, stop| {
        rebuild::rebuild(&config, &database, &options, observer, stop).await
    })
    .await
}

/// Checks that clap can't express.
fn check(args: &Args) -> Result<(), Failure> {
    if args.until.is_some() && !args.no_promote && !args.plan {
        let sentence = "--until builds the views as of an earlier point, which can't go live: add --no-promote";
        return Err(Failure::Usage(sentence.to_owned()));
    }
    if args.sample.is_some() && args.verify == Verify::Full {
        return Err(Failure::Usage(
            "--sample sets the percentage for --verify sample, but --verify full compares everything: drop one of them"
                .to_owned(),
        ));
    }
    Ok(())
}

fn options(args: &Args, config: &Config, until: Option<Until>, new_logs: NewLogs) -> RebuildOptions {
    let depth = match args.verify {
        Verify::Full => Depth::Full,
        Verify::Sample => Depth::Sample(args.sample.unwrap_or(config.rebuild.sample_per_million)),
    };
    RebuildOptions {
        // The flag is already part of the configuration.
        workers: None,
        until,
        promote: !args.no_promote,
        depth,
        restart: args.restart,
        accept_dead_letters: args.accept_dead_letters,
        new_logs,
    }
}

fn goal(options: &RebuildOptions) -> Goal {
    match (&options.until, options.promote) {
        (Some(_), _) => Goal::AsOf,
        (None, false) => Goal::Aside,
        (None, true) => Goal::Live,
    }
}

async fn show_plan(config: &Config, options: &RebuildOptions, output: Output) -> Result<(), Failure> {
    let planned = rebuild::plan(config, &access(config)?, options).await;
    let planned = planned.map_err(|error| long_running::failure(config, error))?;
    if output.json {
        print_json(&planned)?
    } else {
        print(&plan::as_text(&planned))?
    }
    if planned.refusals.is_empty() { Ok(()) } else { Err(refusal(&planned.refusals)) }
}
