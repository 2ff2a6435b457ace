//! Retries transient failures.

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use crate::live::backoff::Backoff;
use crate::observe::health::{POSTGRES, Severity};

/// Retries of one task, with a pause that grows after each transient failure.
pub struct Retries<'s> {
    ctx: &'s LoadContext,
    build: &'s Build,
    stop: &'s CancellationToken,
    what: &'static str,
    backoff: Backoff,
    away: bool,
}

impl<'s> Retries<'s> {
    /// `what`: the task, as in "folding".
    pub fn new(ctx: &'s LoadContext, build: &'s Build, stop: &'s CancellationToken, what: &'static str) -> Retries<'s> {
        let backoff = Backoff::new(ctx.config.retry.initial, ctx.config.retry.max);
        Retries { ctx, build, stop, what, backoff, away: false }
    }

    /// Waits after a transient failure, so that the caller tries again; returns every other outcome.
    pub async fn outcome<T>(&mut self, outcome: Result<T, LoadError>) -> Option<Result<T, LoadError>> {
        let error = match outcome {
            Err(error) if error.is_transient() && !self.stop.is_cancelled() => error,
            outcome => {
                if std::mem::take(&mut self.away) {
                    self.ctx.readiness.clear(POSTGRES);
                }
                return Some(outcome);
            }
        };
        let line = format!("{}: {error}; retrying until it works", self.what);
        warn!("{line}");
        // The operator is told once; the log has every failure.
        if !std::mem::replace(&mut self.away, true) {
            (self.build.note)(&line);
        }
        self.ctx.readiness.raise(POSTGRES, Severity::Unready, error.to_string());
        tokio::select! {
            () = tokio::time::sleep(self.backoff.pause()) => None,
            () = self.stop.cancelled() => Some(Err(LoadError::stopped())),
        }
    }
}
