//! Compares what is published to readers: Redis and the gauges.

use sqlx::postgres::PgConnection;

use super::error::VerifyError;
use super::options::{NotChecked, VerifyOptions};
use super::{gauges, redis};
use crate::config::Config;
use crate::domain::generations::difference::Difference;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::OpenDeadLetters;
use crate::domain::views::snapshot::{Content, Snapshot};
use crate::live::publisher::domain_values;
use crate::observe::gauges::EngineValues;
use crate::observe::scrape::Series;
use crate::publish::Publication;
use crate::store::compare::Side;

/// What was published, observed before the publisher could repair a foreign change.
pub struct Published {
    redis: Option<redis::Observed>,
    gauges: Option<gauges::Observed>,
}

/// Compares Redis and the gauges with the live views. What is unavailable is reported as not checked; fails only if
/// Postgres fails.
pub async fn look(
    config: &Config,
    conn: &mut PgConnection,
    options: &VerifyOptions,
    not_checked: &mut Vec<NotChecked>,
) -> Result<Published, VerifyError> {
    let redis = redis::check(config, conn, not_checked).await?;
    let gauges = gauges::check(options, conn, not_checked).await?;
    Ok(Published { redis, gauges })
}

impl Published {
    /// Differences from the live views.
    pub fn found(self) -> Vec<Difference> {
        let redis = self.redis.map(redis::Observed::found).unwrap_or_default();
        redis.into_iter().chain(self.gauges.map(gauges::Observed::found).unwrap_or_default()).collect()
    }

    /// Differences from the log, which was folded into `log`.
    pub async fn found_by_log(self, live: &mut Side, log: &mut Side) -> Result<Vec<Difference>, VerifyError> {
        let mut differences = Vec::new();
        if let Some(seen) = self.redis {
            let as_of = seen.as_of;
            let snapshot = |content| Snapshot { stamp: seen.stamp, as_of, content };
            let by_live = Publication::new(&snapshot(live.content(as_of).await?));
            let by_log = Publication::new(&snapshot(as_live(log.content(as_of).await?, live)));
            match (by_live, by_log) {
                (Ok(by_live), Ok(by_log)) => differences.extend(seen.against_log(&by_live, &by_log)),
                (Err(error), _) | (_, Err(error)) => return Err(VerifyError::Failed(error.to_string())),
            }
        }
        if let Some(seen) = self.gauges {
            let now = live.now().await?;
            let by_live = series(live, live.generation.0, now).await?;
            let by_log = series(log, live.generation.0, now).await?;
            differences.extend(seen.against_log(&by_live, &by_log));
        }
        Ok(differences)
    }
}

/// With the live generation's number.
fn as_live(content: Content, live: &Side) -> Content {
    Content { generation: live.generation.0, ..content }
}

/// Without open dead letters: a shadow doesn't know the operators' decisions.
async fn series(side: &mut Side, generation: i32, as_of: Timestamp) -> Result<Series, VerifyError> {
    let (dead_letters, orders_with_gaps) = (OpenDeadLetters::default(), side.orders_with_gaps().await?);
    let engine = EngineValues { dead_letters, orders_with_gaps, oldest_gap: None };
    Ok(Series::expected(domain_values(&side.content(as_of).await?), engine, generation))
}
