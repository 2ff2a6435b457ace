//! Signals that stop a command.

use std::io::Write;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;

/// What work may take to end once it was told to, before it is dropped with its connections.
pub const STOP_MAX: Duration = Duration::from_secs(8);
/// As shells report a process that an interrupt has ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Cancels `stop` at the first SIGTERM or Ctrl-C, and ends the process at the second.
pub fn stop_on_signals(stop: &CancellationToken) -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("cannot install the signal handlers: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stop.cancelled() => {}
        }
        tracing::info!("stopping: writing what is in flight");
        stop.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // If standard error is closed, there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "foldback: ended at once by a second signal; what was committed is kept");
        std::process::exit(EXIT_INTERRUPTED);
    });
    Ok(())
}

/// Resolves when the work, told to stop, has not ended within a time in which a healthy server would have answered.
pub async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_MAX).await;
}
