//! Signals that stop a command.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;

/// Cancels `stop` at SIGTERM or Ctrl-C.
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
    });
    Ok(())
}
