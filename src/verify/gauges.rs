//! Compares the leading instance's gauges with the live views.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::PgConnection;

use super::error::VerifyError;
use super::exposition::Exposition;
use super::options::{NotChecked, VerifyOptions};
use super::recheck::{FRESH_MICROS, Look, LookError, Recheck, Settled, judged_by_log, settle_down};
use crate::domain::generations::difference::Difference;
use crate::live::publisher::domain_values;
use crate::observe::gauges::EngineValues;
use crate::observe::scrape::Series;
use crate::store::StoreError;
use crate::store::publication::expected;

const WHAT: &str = "gauges";
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the gauges showed, and where that differs from the live views.
pub struct Observed {
    shown: Series,
    found: Vec<Difference>,
}

impl Observed {
    pub fn found(self) -> Vec<Difference> {
        self.found
    }

    /// The same compared with the log: if the live views differ from the log, a gauge is right if it shows what the log
    /// gives.
    pub fn against_log(self, live: &Series, log: &Series) -> Vec<Difference> {
        judged_by_log(self.found, found(live, log), found(&self.shown, log))
    }
}

/// Checks the gauges. A difference counts if it persists for five seconds, since gauges lag behind the views, and the
/// counts of dead letters and gaps are updated only every publisher.reconcile_ms. Unavailable metrics are not an error:
/// they are reported as not checked, and the result is `None`.
pub async fn check(
    options: &VerifyOptions,
    conn: &mut PgConnection,
    not_checked: &mut Vec<NotChecked>,
) -> Result<Option<Observed>, VerifyError> {
    let Some(address) = &options.metrics_url else {
        not_checked.push(NotChecked::new(WHAT, "no metrics address was given (--metrics-url)"));
        return Ok(None);
    };
    let watched = match Exposition::at(address, options.metrics_token.clone()) {
        Ok(exposition) => watch(&exposition, conn).await,
        Err(why) => Err(LookError::Unavailable(why)),
    };
    match watched {
        Ok(Settled { seen, found, moving }) => {
            not_checked.extend(moving.into_iter().map(|difference| {
                let why = "it kept changing during the check; run verify again when there is less traffic";
                NotChecked::new(format!("{}{{{}}}", difference.view, difference.key), why)
            }));
            Ok(Some(Observed { found, ..seen }))
        }
        Err(LookError::Unavailable(why)) => {
            not_checked.push(NotChecked::new(WHAT, why));
            Ok(None)
        }
        Err(LookError::Store(error)) => Err(error.into()),
    }
}

async fn watch(exposition: &Exposition, conn: &mut PgConnection) -> Result<Settled<Observed>, LookError> {
    settle_down(Recheck::Always, LOOK_EVERY, async || look(exposition, conn).await).await
}

async fn look(exposition: &Exposition, conn: &mut PgConnection) -> Result<Look<Observed>, LookError> {
    let text = exposition.scrape().await.map_err(LookError::Unavailable)?;
    let shown = Series::parse(&text);
    let (expected, views_change) = expected(conn).await?;
    let found = found(&shown, &expected);
    Ok(Look { seen: Observed { shown, found: Vec::new() }, found, views_change })
}

/// What the gauges should show, and whether the views changed a moment ago.
async fn expected(conn: &mut PgConnection) -> Result<(Series, bool), StoreError> {
    let published = expected::read(conn, None, FRESH_MICROS).await?;
    let views_change = published.changed_at.is_some_and(|at| published.now.micros() - at.micros() < FRESH_MICROS);
    let (dead_letters, orders_with_gaps) = (published.open_dead_letters, published.orders_with_gaps);
    let engine = EngineValues { dead_letters, orders_with_gaps, oldest_gap: None };
    let series = Series::expected(domain_values(&published.content), engine, published.content.generation);
    Ok((series, views_change))
}

fn found(shown: &Series, expected: &Series) -> Vec<Difference> {
    let names: BTreeSet<_> = shown.0.keys().chain(expected.0.keys()).collect();
    names
        .into_iter()
        .filter(|name| shown.0.get(*name) != expected.0.get(*name))
        .map(|name| {
            let mut difference = Difference::new(format!("gauge:{}", name.0), name.1.clone());
            let value = |series: &Series| series.0.get(name).copied().map_or(serde_json::Value::Null, Into::into);
            difference.column("value", value(shown), value(expected));
            difference
        })
        .collect()
}
