//! What a container's health check asks.

use crate::support::PATIENCE;
use crate::support::views::migrated;

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_the_instance_and_not_what_it_depends_on() {
    let stack = migrated().await;
    // Redis is away, which stops no fold: alive and ready.
    let running = stack.run_with(&[("FOLDBACK__REDIS__URL", "redis://127.0.0.1:1/")]).await;
    running.ready(PATIENCE).await;
    let address = running.address.clone();
    let there = [("FOLDBACK__HTTP__LISTEN", address.as_str())];
    let alive = stack.foldback_with(&["health"], &there).await.exits(0);
    assert!(alive.stdout.contains("\"alive\":true"), "{}", alive.stdout);
    stack.foldback_with(&["health", "--ready"], &there).await.exits(0);
    running.terminate().await;
    let gone = stack.foldback_with(&["health"], &there).await.exits(1);
    assert!(gone.stderr.contains(&address), "{}", gone.stderr);
}
