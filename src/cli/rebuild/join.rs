//! `foldback rebuild --join`

use crate::cli::Failure;
use crate::cli::context::access;
use crate::cli::format::{duration, thousands};
use crate::cli::long_running::{Watched, failure, unanswered};
use crate::cli::output::{Output, print, print_json};
use crate::cli::signals::overdue;
use crate::config::Config;
use crate::rebuild::{self, Joined, RebuildError};

pub async fn run(config: &Config, output: Output) -> Result<(), Failure> {
    let database = access(config)?;
    let watched = Watched::start(false)?;
    let joined = tokio::select! {
        joined = rebuild::join(config, &database, watched.reporter.clone(), watched.stop.clone()) => joined,
        () = overdue(&watched.stop) => Err(RebuildError::failed(unanswered())),
    };
    watched.end();
    let joined = joined.map_err(|error| failure(config, error))?;
    if output.json { print_json(&joined) } else { print(&as_text(&joined)) }
}

fn as_text(joined: &Joined) -> String {
    format!(
        "read {} records of generation {} in {}; there is nothing left to share, and the rebuild goes on by itself\n",
        thousands(joined.events),
        joined.generation,
        duration(joined.seconds)
    )
}
