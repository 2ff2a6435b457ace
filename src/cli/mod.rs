//! The command line: one thin file per verb that parses, calls and prints.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 3 differences found, 4 refused by a guard.

mod amounts;
mod backlog;
mod building;
mod completions;
mod config;
mod context;
mod dead_letters;
mod doctor;
mod failure;
mod generations;
mod migrate;
mod order;
mod output;
mod progress;
mod publish;
mod read;
mod rebuild;
mod run;
mod schemas;
mod status;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::{Context, Global};
pub use failure::Failure;

/// Folds provider-order and automation-run events from Kafka into Postgres views, Redis snapshots and gauges.
#[derive(Debug, Parser)]
#[command(name = "foldback", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fold the log until told to stop (SIGTERM or Ctrl-C)
    Run(run::Args),
    /// Bring the database to this version's schema; running it again is harmless
    Migrate(migrate::Args),
    /// Make every view anew from the log, and go over to it when it is checked
    Rebuild(rebuild::Args),
    /// List, promote, roll back and drop generations
    #[command(subcommand)]
    Generations(generations::Verb),
    /// Show the live generation, positions, backlog, dead letters and the latest runs
    Status(status::Args),
    /// Show the scheduled replays, of all and of each provider
    Backlog(backlog::Args),
    /// Fold the log once more and compare the live views, Redis and gauges with it
    Verify(verify::Args),
    /// Show one provider order with its replays and refills
    Order(order::Args),
    /// Publish lifelike sample events
    Publish(publish::Args),
    /// List, show, allow and discard records that were refused
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    /// Check and register the schemas in the schema registry
    #[command(subcommand)]
    Schemas(schemas::Verb),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::Verb),
    /// Examine everything foldback depends on, and say what to do
    Doctor(doctor::Args),
    /// Write a completion script for a shell
    Completions(completions::Args),
}

/// Parses the arguments of this process, does what they ask, and says how it ended.
pub fn main() -> ExitCode {
    // clap prints help and usage errors itself, with exit codes 0 and 2.
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let context = Context::new(cli.global);
    match cli.verb {
        Verb::Completions(args) => completions::run(&args),
        Verb::Config(verb) => config::run(&verb, &context),
        Verb::Run(args) => block_on(run::run(args, context)),
        Verb::Migrate(args) => block_on(migrate::run(args, context)),
        Verb::Rebuild(args) => block_on(rebuild::run(args, context)),
        Verb::Generations(verb) => block_on(generations::run(verb, context)),
        Verb::Status(args) => block_on(status::run(args, context)),
        Verb::Backlog(args) => block_on(backlog::run(args, context)),
        Verb::Verify(args) => block_on(verify::run(args, context)),
        Verb::Order(args) => block_on(order::run(args, context)),
        Verb::Publish(args) => block_on(publish::run(args, context)),
        Verb::DeadLetters(verb) => block_on(dead_letters::run(verb, context)),
        Verb::Schemas(verb) => block_on(schemas::run(verb, context)),
        Verb::Doctor(args) => block_on(doctor::run(args, context)),
    }
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no threads could be started: {error}")))?;
    let done = runtime.block_on(work);
    // A look-up of a host's name can hang in a thread that nobody can stop; the process ends without it.
    runtime.shutdown_background();
    done
}
