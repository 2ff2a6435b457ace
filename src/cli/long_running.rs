//! Shared by the commands that take long: progress, and stopping on a signal.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::generations::generation::GenerationState;
use crate::load::LoadError;
use crate::rebuild::{Observer, RebuildError, Rebuilt};

use super::Failure;
use super::context::at_database;
use super::output::{Output, plain, print, print_json};
use super::progress::{ProgressReporter, is_interactive};
use super::rebuild::result::{Goal, as_text, failed_checks};
use super::signals::{STOP_MAX, overdue, stop_on_signals};

const REASON_CHARS_MAX: usize = 1000;

/// Does the work, shows its progress, and prints the result. `yes`: don't ask for confirmation.
pub async fn watched(
    config: &Config,
    yes: bool,
    goal: Goal,
    output: Output,
    work: impl AsyncFnOnce(Arc<dyn Observer>, CancellationToken) -> Result<Rebuilt, RebuildError>,
) -> Result<(), Failure> {
    let watched = Watched::start(!yes && is_interactive())?;
    let done = tokio::select! {
        // Boxed: the compiler lays out nested futures only so deep.
        done = Box::pin(work(watched.reporter.clone(), watched.stop.clone())) => done,
        () = overdue(&watched.stop) => Err(RebuildError::failed(unanswered())),
    };
    let stop = watched.end();
    let show = |rebuilt: &Rebuilt| if output.json { print_json(rebuilt) } else { print(&as_text(rebuilt, goal)) };
    match done {
        Ok(rebuilt) => {
            show(&rebuilt)?;
            // Stopped at the question: the command did not do what was asked.
            let was_cut_short = stop.is_cancelled() && goal == Goal::Live && rebuilt.state != GenerationState::Live;
            if was_cut_short { Err(Failure::Reported) } else { Ok(()) }
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
    pub reporter: Arc<ProgressReporter>,
    pub stop: CancellationToken,
    stop_note: JoinHandle<()>,
}

impl Watched {
    /// `asks`: whether there is someone to ask.
    pub fn start(asks: bool) -> Result<Watched, Failure> {
        let stop = CancellationToken::new();
        stop_on_signals(&stop)?;
        let reporter = ProgressReporter::start(asks, stop.clone());
        let reporter = reporter.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        let stop_note = tokio::spawn(note_stop(reporter.clone(), stop.clone()));
        Ok(Watched { reporter, stop, stop_note })
    }

    /// Removes the bar.
    pub fn end(self) -> CancellationToken {
        self.stop_note.abort();
        self.reporter.end();
        self.stop
    }
}

async fn note_stop(reporter: Arc<ProgressReporter>, stop: CancellationToken) {
    stop.cancelled().await;
    reporter.note("stopping");
}

/// What is said of work that did not end when it was told to.
pub fn unanswered() -> String {
    format!(
        "stopped without waiting any longer for a server that didn't answer within {} s; what was committed is kept",
        STOP_MAX.as_secs()
    )
}

/// The message and exit code for an error.
pub fn failure(config: &Config, error: RebuildError) -> Failure {
    match error {
        RebuildError::Load(LoadError::Refused(reasons)) => refusal(&reasons),
        RebuildError::Checks(rebuilt) => Failure::Guard(failed_checks(&rebuilt).join("\n")),
        RebuildError::Load(LoadError::Store(error)) => at_database(config, error),
        error => Failure::failed(error.to_string()),
    }
}

/// Each reason on a line of its own.
pub fn refusal(reasons: &[String]) -> Failure {
    let lines: Vec<String> =
        reasons.iter().map(|reason| format!("refused: {}", plain(reason, REASON_CHARS_MAX))).collect();
    Failure::Guard(lines.join("\n"))
}
