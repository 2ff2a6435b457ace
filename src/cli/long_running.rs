//! Shared by the commands that take long: progress, and stopping on a signal.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::generations::generation::GenerationState;
use crate::live::run::stop_on_signals;
use crate::load::RebuildError;
use crate::rebuild::{Observer, Rebuilt};

use super::Failure;
use super::context::at_database;
use super::output::{Output, plain, print, print_json};
use super::progress::{Teller, someone_there};
use super::rebuild::result::{Goal, failed_checks, readable};

const REASON_CHARS_MAX: usize = 1000;

/// Does the work, shows its progress, and prints the result. `yes`: don't ask for confirmation.
pub async fn watched(
    config: &Config,
    yes: bool,
    goal: Goal,
    output: Output,
    work: impl AsyncFnOnce(Arc<dyn Observer>, CancellationToken) -> Result<Rebuilt, RebuildError>,
) -> Result<(), Failure> {
    let watched = Watched::start(!yes && someone_there())?;
    let done = work(watched.teller.clone(), watched.stop.clone()).await;
    let stop = watched.end();
    let show = |rebuilt: &Rebuilt| if output.json { print_json(rebuilt) } else { print(&readable(rebuilt, goal)) };
    match done {
        Ok(rebuilt) => {
            show(&rebuilt)?;
            // Stopped at the question: the command did not do what was asked.
            let was_cut_short = stop.is_cancelled() && goal == Goal::Live && rebuilt.state != GenerationState::Live;
            if was_cut_short { Err(Failure::Told) } else { Ok(()) }
        }
        Err(error) => {
            if let RebuildError::Checks(rebuilt) = &error {
                show(rebuilt)?;
            }
            Err(failure(config, error))
        }
    }
}

/// Work that shows its progress and that SIGTERM or Ctrl-C stops.
pub struct Watched {
    pub teller: Arc<Teller>,
    pub stop: CancellationToken,
    told: JoinHandle<()>,
}

impl Watched {
    /// `asks`: whether there is someone to ask.
    pub fn start(asks: bool) -> Result<Watched, Failure> {
        let stop = CancellationToken::new();
        stop_on_signals(&stop)
            .map_err(|error| Failure::failed(format!("cannot install the signal handlers: {error}")))?;
        let teller = Teller::start(asks, stop.clone());
        let teller = teller.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        let told = tokio::spawn(tell_of_stop(teller.clone(), stop.clone()));
        Ok(Watched { teller, stop, told })
    }

    /// Removes the bar.
    pub fn end(self) -> CancellationToken {
        self.told.abort();
        self.teller.end();
        self.stop
    }
}

async fn tell_of_stop(teller: Arc<Teller>, stop: CancellationToken) {
    stop.cancelled().await;
    teller.note("stopping");
}

/// The message and exit code for an error.
pub fn failure(config: &Config, error: RebuildError) -> Failure {
    match error {
        RebuildError::Refused(reasons) => refusal(&reasons),
        RebuildError::Checks(rebuilt) => Failure::Guard(failed_checks(&rebuilt).join("\n")),
        RebuildError::Store(error) => at_database(config, error),
        error => Failure::failed(error.to_string()),
    }
}

/// Each reason on a line of its own.
pub fn refusal(reasons: &[String]) -> Failure {
    let lines: Vec<String> =
        reasons.iter().map(|reason| format!("refused: {}", plain(reason, REASON_CHARS_MAX))).collect();
    Failure::Guard(lines.join("\n"))
}
