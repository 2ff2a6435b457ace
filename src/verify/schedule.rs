//! Verifications of the live generation by `foldback run`, beside its fold: one at a time in the whole group, since each
//! holds the lock, and none sooner than `verify.every_ms` after the last one of all of it, whoever ran that.
//!
//! Nothing here ends the process or keeps it from being ready: a wrong view is not mended by a restart.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::record::sentence;
use super::{Stage, Verified, VerifyError, VerifyOptions, verify};
use crate::config::Config;
use crate::domain::log::key_share::KeySample;
use crate::load::waits;
use crate::observe::Readiness;
use crate::observe::health::{self, Severity};
use crate::store::StoreError;
use crate::store::connect::Access;
use crate::store::generations::verifications::{Due, due};

/// How often to look whether one is due.
const LOOK_MAX: Duration = Duration::from_secs(10);
const LOOK_MIN: Duration = Duration::from_millis(100);
/// A lock that is held, or a database that is away, for so long is told: one that begins is recorded a moment later.
const BLOCKED_AFTER: Duration = Duration::from_secs(10);
/// Pause after a verification that failed.
const RETRY_MAX: Duration = Duration::from_secs(60);
const REBUILD_LOOK_EVERY: Duration = Duration::from_secs(2);
const REBUILDING: &str = "a rebuild is on its way, and comes first";
/// Differences that are named in the log; `foldback verify` names more.
const NAMED_MAX: usize = 5;

/// When to verify, and with what.
pub struct Schedule {
    config: Config,
    access: Access,
    readiness: Readiness,
    every: Duration,
}

/// What came of a look.
enum Look {
    /// Not due, or on its way elsewhere; look again after this.
    Quiet(Duration),
    /// It is due, and this keeps it from being begun.
    Blocked(String),
    /// It was begun, and this ended it.
    Failed(String),
}

impl Schedule {
    /// `None`: the configuration wants no verifications by `run`.
    pub fn new(config: &Config, access: &Access, readiness: &Readiness) -> Option<Schedule> {
        let (every, mut config) = (config.verify.every?, config.clone());
        // The fold of the same process comes first.
        config.rebuild.workers = 1;
        Some(Schedule { config, access: access.clone(), readiness: readiness.source(), every })
    }

    /// Verifies whenever it is due, until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut blocked_since = None;
        while !stop.is_cancelled() {
            let pause = match self.look(&stop).await {
                Look::Quiet(pause) => {
                    blocked_since = None;
                    self.readiness.clear(health::VERIFY);
                    pause
                }
                Look::Blocked(why) => {
                    if blocked_since.get_or_insert_with(Instant::now).elapsed() >= BLOCKED_AFTER {
                        let detail = format!("a verification is due and can't begin: {why}");
                        self.readiness.raise(health::VERIFY, Severity::Degraded, detail);
                    }
                    self.look_every()
                }
                Look::Failed(why) => {
                    blocked_since = None;
                    let pause = self.every.min(RETRY_MAX);
                    let detail =
                        format!("the last verification failed: {why}; the next one begins in {} s", pause.as_secs());
                    self.readiness.raise(health::VERIFY, Severity::Degraded, detail);
                    pause
                }
            };
            stop.run_until_cancelled(sleep(pause)).await;
        }
    }

    fn look_every(&self) -> Duration {
        (self.every / 10).clamp(LOOK_MIN, LOOK_MAX)
    }

    async fn look(&self, stop: &CancellationToken) -> Look {
        match self.due().await {
            Err(error) => Look::Blocked(error.to_string()),
            Ok(due) => match self.left(due) {
                Some(left) => Look::Quiet(left.clamp(LOOK_MIN, LOOK_MAX)),
                None if due.is_rebuilding => Look::Blocked(REBUILDING.to_owned()),
                None => self.verify(stop).await,
            },
        }
    }

    async fn due(&self) -> Result<Due, StoreError> {
        self.access.answered(async { due(&mut self.access.connect().await?).await }).await
    }

    /// The time until the next one is due; `None`: it is due.
    fn left(&self, due: Due) -> Option<Duration> {
        let ago = Duration::try_from_secs_f64(due.last_seconds_ago?.max(0.0)).ok()?;
        self.every.checked_sub(ago).filter(|left| !left.is_zero())
    }

    async fn verify(&self, stop: &CancellationToken) -> Look {
        match self.verify_aside(stop).await {
            Ok(verified) => {
                tell(&verified);
                Look::Quiet(self.look_every())
            }
            Err(VerifyError::Stopped) if stop.is_cancelled() => Look::Quiet(Duration::ZERO),
            Err(VerifyError::Stopped) => Look::Blocked(REBUILDING.to_owned()),
            Err(VerifyError::Busy) => match self.due().await {
                Ok(due) if due.is_begun || self.left(due).is_some() => Look::Quiet(self.look_every()),
                _ => Look::Blocked("a rebuild's check, or the verification of a sample, holds the lock".to_owned()),
            },
            Err(error) => Look::Failed(error.to_string()),
        }
    }

    /// Returns once a rebuild is on its way. Its check would wait for us, and both would be slower.
    async fn rebuild_begins(&self) {
        loop {
            sleep(REBUILD_LOOK_EVERY).await;
            if self.due().await.is_ok_and(|due| due.is_rebuilding) {
                info!("the verification gives way to a rebuild");
                return;
            }
        }
    }

    /// On a thread of its own, so that neither its work nor a panic of it reaches the fold.
    async fn verify_aside(&self, stop: &CancellationToken) -> Result<Verified, VerifyError> {
        let options = VerifyOptions {
            sample: KeySample::ALL,
            records_per_second_max: self.config.verify.scheduled_records_per_second_max,
            metrics_url: None,
            metrics_token: None,
            differences_max: self.config.verify.differences_max,
            started_by: "run",
        };
        let (config, access, own_stop) = (self.config.clone(), self.access.clone(), stop.child_token());
        let stop = own_stop.clone();
        let (readiness, handle) = (self.readiness.clone(), Handle::current());
        let verifying = move || {
            let observer = |stage: Stage| note(&readiness, &stage);
            handle.block_on(verify(&config, &access, &options, &observer, &stop))
        };
        let mut verifying = tokio::task::spawn_blocking(verifying);
        let ended = tokio::select! {
            ended = &mut verifying => ended,
            () = self.rebuild_begins() => {
                own_stop.cancel();
                verifying.await
            }
        };
        ended.unwrap_or_else(|error| Err(VerifyError::Failed(format!("it ended unexpectedly: {error}"))))
    }
}

/// What a verification waits for is told like what keeps it from being begun.
fn note(readiness: &Readiness, stage: &Stage) {
    match stage {
        Stage::Note(line) if line.starts_with(waits::OVER) => readiness.clear(health::VERIFY),
        Stage::Note(line) => readiness.raise(health::VERIFY, Severity::Degraded, format!("the verification: {line}")),
        // It has begun.
        Stage::Publications => readiness.clear(health::VERIFY),
        Stage::Folding(_) | Stage::Comparing(_) => {}
    }
}

fn tell(verified: &Verified) {
    let Verified { generation, differences, rows, seconds, .. } = verified;
    if differences.is_empty() {
        info!(generation, rows, "verified in {seconds:.0} s: no differences");
        return;
    }
    warn!(generation, "verified: {}; `foldback verify` lists them, a rebuild mends them", sentence(differences));
    for difference in differences.named.iter().take(NAMED_MAX) {
        let columns: Vec<&str> = difference.columns.keys().map(String::as_str).collect();
        warn!(generation, view = difference.view, key = difference.key, columns = columns.join(", "), "a difference");
    }
}
