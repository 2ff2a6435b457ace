//! What a request leaves behind that nobody waits for any more.

use std::time::Duration;

use foldback::serve::HttpSettings;

use super::ROWS;
use super::site::{FULFILLMENT, Site};
use crate::support::{PATIENCE, eventually};

/// The table is locked for as long as the test goes on.
#[tokio::test]
async fn a_query_ends_with_the_request_that_asked_for_it() {
    let settings = HttpSettings { request_timeout: Duration::from_millis(500), ..HttpSettings::default() };
    let site = Site::bounded(ROWS, settings).await;
    let mut locking = site.postgres().await;
    sqlx::raw_sql("begin; lock table gen_1.replays in access exclusive mode").execute(&mut locking).await.unwrap();
    site.problem(&format!("{FULFILLMENT}/replays"), 503).await;
    let sql = "select query from pg_stat_activity
                where datname = current_database() and application_name = 'foldback' and state = 'active'";
    eventually(PATIENCE, || async {
        let left: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut site.postgres().await).await.unwrap();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    site.close().await;
}
