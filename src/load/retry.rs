//! Retries transient failures.

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use crate::live::backoff::Backoff;
use crate::observe::health::{KAFKA, POSTGRES, Severity};

/// Retries of one task, with a pause that grows after each transient failure.
pub struct Retries<'s> {
    ctx: &'s LoadContext,
    build: &'s Build,
    stop: &'s CancellationToken,
    what: &'static str,
    backoff: Backoff,
    /// The condition that was raised when the last try failed.
    away: Option<&'static str>,
}

impl<'s> Retries<'s> {
    /// `what`: the task, as in "folding".
    pub fn new(ctx: &'s LoadContext, build: &'s Build, stop: &'s CancellationToken, what: &'static str) -> Retries<'s> {
        let backoff = Backoff::new(ctx.config.retry.initial, ctx.config.retry.max);
        Retries { ctx, build, stop, what, backoff, away: None }
    }

    /// Waits after a transient failure, so that the caller tries again; returns every other outcome.
    pub async fn outcome<T>(&mut self, outcome: Result<T, LoadError>) -> Option<Result<T, LoadError>> {
        let error = match outcome {
            Err(error) if error.is_transient() && !self.stop.is_cancelled() => error,
            outcome => {
                if let Some(name) = self.away.take() {
                    self.ctx.readiness.clear(name);
                }
                return Some(outcome);
            }
        };
        let line = format!("{}: {error}; retrying until it works", self.what);
        warn!("{line}");
        let name = condition(&error);
        // The operator is told once; the log has every failure.
        match self.away.replace(name) {
            None => (self.build.note)(&line),
            Some(before) if before != name => self.ctx.readiness.clear(before),
            Some(_) => {}
        }
        self.ctx.readiness.raise(name, Severity::Unready, error.to_string());
        tokio::select! {
            () = tokio::time::sleep(self.backoff.pause()) => None,
            () = self.stop.cancelled() => Some(Err(LoadError::stopped())),
        }
    }
}

/// What a transient failure is waited for.
fn condition(error: &LoadError) -> &'static str {
    match error {
        LoadError::Store(_) => POSTGRES,
        _ => KAFKA,
    }
}
