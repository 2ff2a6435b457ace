//! What fails in passing is done again.

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::build::Build;
use super::error::RebuildError;
use super::site::Site;
use crate::observe::health::{POSTGRES, Severity};
use crate::runtime::backoff::Backoff;

/// Tries of one thing, with a pause that grows after each failure in passing.
pub struct Retries<'s> {
    site: &'s Site,
    build: &'s Build,
    stop: &'s CancellationToken,
    what: &'static str,
    backoff: Backoff,
    away: bool,
}

impl<'s> Retries<'s> {
    /// `what` is done, as a sentence puts it.
    pub fn new(site: &'s Site, build: &'s Build, stop: &'s CancellationToken, what: &'static str) -> Retries<'s> {
        let backoff = Backoff::new(site.config.retry.initial, site.config.retry.max);
        Retries { site, build, stop, what, backoff, away: false }
    }

    /// Whether to do it once more: waits after a failure in passing, and gives every other outcome back.
    pub async fn outcome<T>(&mut self, outcome: Result<T, RebuildError>) -> Option<Result<T, RebuildError>> {
        let error = match outcome {
            Err(error) if error.is_passing() && !self.stop.is_cancelled() => error,
            outcome => {
                if std::mem::take(&mut self.away) {
                    self.site.readiness.clear(POSTGRES);
                }
                return Some(outcome);
            }
        };
        let line = format!("{}: {error}; retrying until it works", self.what);
        warn!("{line}");
        // Whoever waits is told once; the log tells each time.
        if !std::mem::replace(&mut self.away, true) {
            (self.build.note)(&line);
        }
        self.site.readiness.raise(POSTGRES, Severity::Unready, error.to_string());
        tokio::select! {
            () = tokio::time::sleep(self.backoff.pause()) => None,
            () = self.stop.cancelled() => Some(Err(RebuildError::stopped())),
        }
    }
}
