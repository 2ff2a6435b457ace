//! Verification: refolds the log, and compares the result with the views, Redis and the gauges.
//!
//! - `options`: options and results
//! - `lock`: one verification at a time, on a monitored connection
//! - `shadow`: a temporary generation to compare with
//! - `log`: compares the live views, or a generation that is being built, with the log
//! - `published`: compares `redis` and `gauges` with the live views and the log
//! - `exposition`: the metrics of an instance
//! - `record`: what a verification came to, kept in the database
//! - `schedule`: verifications by `foldback run`
//! - `recheck`: which differences persist, and so are not due to a newer version

mod error;
mod exposition;
mod gauges;
mod lock;
mod log;
mod options;
pub mod published;
mod recheck;
mod record;
mod redis;
pub mod schedule;
mod shadow;

pub use error::VerifyError;
pub use log::{LogPart, compare_with_log};
pub use options::{NotChecked, RefusedOnlyLive, Stage, Verified, VerifyOptions};

use std::time::Instant;

use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::log::positions::positions_json;
use crate::load::{LoadContext, waits};
use crate::store::Generation;
use crate::store::connect::Access;
use crate::store::generations::verifications::{Begun, Found};
use crate::store::generations::{drop_shadows, live_projection};
use crate::store::migrate::{PROJECTION_VERSION, check_version};

/// Context of a verification.
struct Task<'a> {
    config: &'a Config,
    access: &'a Access,
    options: &'a VerifyOptions,
    observer: &'a (dyn Fn(Stage) + Sync),
}

/// Compares the live views, Redis and the gauges with what the log gives, and leaves nothing behind. The live fold
/// continues meanwhile.
///
/// Errors: refused by a guard (another verification is running, the live generation has another projection version), a
/// failing server, a cut-over meanwhile, or `stop`.
pub async fn verify(
    config: &Config,
    access: &Access,
    options: &VerifyOptions,
    observer: &(dyn Fn(Stage) + Sync),
    stop: &CancellationToken,
) -> Result<Verified, VerifyError> {
    let mut held = lock::try_hold(access).await?.ok_or(VerifyError::Busy)?;
    let task = Task { config, access, options, observer };
    access.while_it_answers(Box::pin(lock::while_held(&mut held, stop, async |stop| task.run(&stop).await))).await
}

impl Task<'_> {
    async fn run(&self, stop: &CancellationToken) -> Result<Verified, VerifyError> {
        let mut conn = self.access.connect().await?;
        check_version(&mut conn).await?;
        let live = live_projection(&mut conn).await?;
        if live.projection_version != PROJECTION_VERSION {
            return Err(VerifyError::Refused(format!(
                "the live generation {} was folded by projection version {}, but this binary has version \
                 {PROJECTION_VERSION}; use a binary of that version, or rebuild first",
                live.generation.0, live.projection_version
            )));
        }
        let Task { access, options, .. } = *self;
        let begun = Begun { generation: live.generation, sample: options.sample, started_by: options.started_by };
        let note = |line: &str| (self.observer)(Stage::Note(line.to_owned()));
        // Boxed: whole commands come through here.
        let comparing = Box::pin(self.compare(&mut conn, live.generation, stop));
        record::recorded(access, &begun, &note, comparing, found).await
    }

    async fn compare(
        &self,
        conn: &mut PgConnection,
        live: Generation,
        stop: &CancellationToken,
    ) -> Result<Verified, VerifyError> {
        let began = Instant::now();
        let mut not_checked = Vec::new();
        // First, before the publisher repairs a foreign change.
        (self.observer)(Stage::Publications);
        let look = published::look(self.config, conn, self.options, &mut not_checked);
        let shown = stop.run_until_cancelled(look).await.ok_or(VerifyError::Stopped)??;
        drop_shadows(conn).await?;
        if !self.options.sample.is_all() {
            not_checked.push(NotChecked::new(
                "backlog, provider_telemetry",
                "they are totals over all orders, and only a sample was folded",
            ));
        }
        let ctx = LoadContext::new(self.config, self.access)?;
        let (note, stop) = (|line: &str| (self.observer)(Stage::Note(line.to_owned())), stop.child_token());
        let folding = log::check_live(&ctx, live, self.options, self.observer, shown, &stop);
        let folded = waits::told(&ctx.readiness, &note, &stop, folding).await?;
        Ok(Verified {
            generation: live.0,
            differences: folded.differences,
            not_checked,
            refused_only_live: folded.refused_only_live,
            checkpoints: folded.checkpoints,
            rows: folded.rows,
            seconds: began.elapsed().as_secs_f64(),
        })
    }
}

fn found(verified: &Verified) -> Found<'_> {
    Found {
        differences: &verified.differences,
        not_checked: serde_json::json!(verified.not_checked),
        rows: i64::try_from(verified.rows).ok(),
        checkpoints: positions_json(&verified.checkpoints),
    }
}
