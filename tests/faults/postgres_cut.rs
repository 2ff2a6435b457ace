//! Postgres goes away in the middle of the stream, again and again.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::events::lives;
use crate::support::log::{Log, Moments};
use crate::support::views::{assert_consistent, folded, migrated, readyz_says};
use crate::support::{PATIENCE, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_while_postgres_comes_and_goes() {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let settings = [
        ("FOLDBACK__POSTGRES__URL", url.as_str()),
        ("FOLDBACK__BATCH__RECORDS_MAX", "50"),
        ("FOLDBACK__RETRY__MAX_MS", "1000"),
        ("FOLDBACK__WORKERS__COUNT", "2"),
    ];
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    let events = lives(250, 20);
    let mut moments = Moments::seeded(7);
    let log = Log::of(&stack);
    for part in events.chunks(1_250) {
        let (before, during) = part.split_at(200 + moments.below(900));
        log.write(before, 4).await;
        sleep(moments.between_ms(0, 300)).await;
        proxy.cut().await;
        log.write(during, 4).await;
        readyz_says(&running, PATIENCE, 503, "postgres").await;
        sleep(moments.between_ms(200, 2_000)).await;
        proxy.mend().await;
        running.ready(PATIENCE).await;
    }
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.ready(Duration::from_secs(10)).await;
    running.terminate().await;
}
