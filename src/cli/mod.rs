//! The command line: one thin file per verb that parses, calls and prints.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 3 differences found, 4 refused by a guard.

mod backlog;
mod completions;
mod config;
mod context;
mod dead_letters;
mod doctor;
mod failure;
mod format;
mod generations;
mod health;
mod leave;
mod long_running;
mod migrate;
mod order;
mod output;
mod percent;
mod progress;
mod publish;
mod read;
mod rebuild;
mod run;
mod schemas;
mod signals;
mod status;
mod verify;

use std::time::Duration;

use clap::{Parser, Subcommand};

use context::{Context, Global};
pub use failure::Failure;
use leave::leave;

/// Fold provider-order and automation-run events from Kafka into Postgres views, Redis snapshots and Prometheus gauges
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
    /// Fold the log into the live views until stopped (SIGTERM or Ctrl-C)
    Run(run::Args),
    /// Migrate the database to this version's schema; safe to run again
    Migrate(migrate::Args),
    /// Rebuild every view from the log, and cut over once the checks pass
    Rebuild(rebuild::Args),
    /// List, promote, roll back and drop generations
    #[command(subcommand)]
    Generations(generations::Verb),
    /// Show the live generation, checkpoints, backlog, dead letters and latest runs
    Status(status::Args),
    /// Show the scheduled replays, in total and per provider
    Backlog(backlog::Args),
    /// Refold the log and compare the live views, Redis and the gauges with it
    Verify(verify::Args),
    /// Show a provider order with its replays and refills
    Order(order::Args),
    /// Publish realistic sample events
    Publish(publish::Args),
    /// List, show, redrive, allow and discard rejected records
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    /// Check the schemas for compatibility, or register them in the schema registry
    #[command(subcommand)]
    Schemas(schemas::Verb),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::Verb),
    /// Check everything foldback depends on, and say how to fix what is wrong
    Doctor(doctor::Args),
    /// Ask the instance on this machine whether it is alive, for container health checks
    Health(health::Args),
    /// Print a shell completion script
    Completions(completions::Args),
}

/// How long the process waits for threads that are still ending something.
const THREADS_MAX: Duration = Duration::from_millis(500);

/// Parses this process's arguments, runs the command, reports its failure, and ends the process.
pub fn main() -> ! {
    // clap prints help and usage errors itself, with exit codes 0 and 2.
    let cli = Cli::parse();
    leave(match dispatch(cli) {
        Ok(()) => 0,
        Err(failure) => failure.report(),
    })
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
        Verb::Health(args) => block_on(health::run(args, context)),
    }
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start the runtime: {error}")))?;
    let done = runtime.block_on(work);
    // Kafka's clients end in threads of the runtime, and say goodbye to their brokers there. But a DNS lookup can hang in
    // one that can't be stopped.
    runtime.shutdown_timeout(THREADS_MAX);
    done
}
