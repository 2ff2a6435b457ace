//! `foldback dead-letters list|show|redrive|allow|allowances|disallow|discard`

mod allow;
mod discard;
mod filters;
mod list;
mod redrive;
mod show;

use super::Failure;
use super::context::Context;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List dead letters, newest first
    List(list::Args),
    /// Show one dead letter in full, with its record as far as it can be decoded
    Show(show::Args),
    /// Send dead letters through the fold again, with a receipt for each
    ///
    /// What is accepted is in the views and closed; what is refused again stays open, with today's reason. Repeating it
    /// is harmless.
    Redrive(redrive::Args),
    /// Let a record pass the flood guard that stopped its partition
    Allow(allow::Record),
    /// List the records that may pass the flood guard
    Allowances(allow::List),
    /// Take back that a record may pass the flood guard
    Disallow(allow::Record),
    /// Close a dead letter for good, with a reason
    Discard(discard::Args),
}

pub async fn run(verb: Verb, context: Context) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Show(args) => show::run(args, context).await,
        Verb::Redrive(args) => redrive::run(args, context).await,
        Verb::Allow(args) => allow::allow(args, context).await,
        Verb::Allowances(args) => allow::list(args, context).await,
        Verb::Disallow(args) => allow::disallow(args, context).await,
        Verb::Discard(args) => discard::run(args, context).await,
    }
}
