//! Compares the leading instance's gauges with the live views.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Client, Url};
use sqlx::postgres::PgConnection;

use super::error::VerifyError;
use super::options::{NotChecked, VerifyOptions};
use super::recheck::{FRESH_MICROS, Look, LookError, Recheck, Settled, judged_by_log, settle_down};
use crate::config::tls::choose_cryptography;
use crate::domain::generations::difference::Difference;
use crate::live::publisher::domain_values;
use crate::observe::cause::innermost;
use crate::observe::gauges::EngineValues;
use crate::observe::scrape::{Series, leads};
use crate::store::StoreError;
use crate::store::publication::expected;

const WHAT: &str = "gauges";
const ANSWER_MAX: Duration = Duration::from_secs(5);
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
    match watch(address, conn).await {
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

async fn watch(address: &str, conn: &mut PgConnection) -> Result<Settled<Observed>, LookError> {
    let (client, url) = client(address).map_err(LookError::Unavailable)?;
    settle_down(Recheck::Always, LOOK_EVERY, async || look(&client, &url, conn).await).await
}

async fn look(client: &Client, url: &Url, conn: &mut PgConnection) -> Result<Look<Observed>, LookError> {
    let text = scrape(client, url).await.map_err(LookError::Unavailable)?;
    let shown = Series::parse(&text);
    let (expected, views_change) = expected(conn).await?;
    let found = found(&shown, &expected);
    Ok(Look { seen: Observed { shown, found: Vec::new() }, found, views_change })
}

/// `http://host:port` means its `/metrics`.
fn client(address: &str) -> Result<(Client, Url), String> {
    let mut url = Url::parse(address).map_err(|error| format!("{address} is not a URL: {error}"))?;
    if url.path() == "/" {
        url.set_path("/metrics");
    }
    choose_cryptography();
    let client = Client::builder().timeout(ANSWER_MAX).build().map_err(|error| error.to_string())?;
    Ok((client, url))
}

/// The metrics text of a leading instance.
async fn scrape(client: &Client, url: &Url) -> Result<String, String> {
    let away = |error: reqwest::Error| {
        format!("{url} serves no metrics: {}; use the address of an instance's http.listen", innermost(&error))
    };
    let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status).map_err(away)?;
    let text = answer.text().await.map_err(away)?;
    if !leads(&text) {
        return Err(format!(
            "the instance at {url} doesn't lead the publisher, and only the leader exports the gauges"
        ));
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_alone_means_its_metrics() {
        assert_eq!(client("http://127.0.0.1:8080").unwrap().1.path(), "/metrics");
        assert_eq!(client("http://127.0.0.1:8080/").unwrap().1.path(), "/metrics");
        assert_eq!(client("http://proxy/a/metrics").unwrap().1.path(), "/a/metrics");
        assert!(client("127.0.0.1:x").is_err());
    }
}
