//! A binary whose projection is not that of the live generation.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::rebuild::generations::{live, published};
use crate::rebuild::world::World;
use crate::support::PATIENCE;
use crate::support::views::{history, readyz, readyz_says};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_waits_at_a_foreign_generation_until_a_rebuild_leads_out() {
    let mut world = World::with_every(8).await;
    world.publish(0.5).await;
    world.fold().await;
    world.run_sql("update foldback.generations set projection_version = 99 where state = 'live'").await;
    world.publish(1.0).await;
    let before = history(&world.stack).await;
    let running = world.start_run().await;
    readyz_says(&running, PATIENCE, 503, "projection").await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(history(&world.stack).await, before, "it must not fold into it");
    let (_, said) = readyz(&running).await;
    assert!(said.to_string().contains("rebuild"), "it says what leads out: {said}");
    // readers are served meanwhile
    let order = "select provider_order_id::text from foldback.provider_orders limit 1";
    let order = world.sql(order).await.unwrap();
    let answer = running.json(&format!("/api/v1/fulfillment/provider-orders/{order}")).await;
    assert_eq!(answer["order"]["providerOrderId"], Value::String(order));

    assert_eq!(world.rebuild().await, 2);
    running.ready(PATIENCE).await;
    published(&world, 2).await;
    world.assert_all(&running, 2).await;
    running.terminate().await;
}

/// An instance that was folding when a foreign generation became the live one stops, and goes on once it isn't any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_runs_waits_too() {
    let mut world = World::with_every(8).await;
    world.publish(0.5).await;
    let running = world.run().await;
    world.wait_for_end(&[&running]).await;
    assert_eq!(world.rebuild().await, 2);
    published(&world, 2).await;
    world.run_sql("update foldback.generations set projection_version = 99 where generation = 1").await;
    world.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    readyz_says(&running, PATIENCE, 503, "projection").await;
    assert_eq!(live(&world).await, 1);
    let before = history(&world.stack).await;
    world.publish(1.0).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(history(&world.stack).await, before, "it must not fold into it");
    world.foldback(&["generations", "promote", "2", "--yes"]).await.exits(0);
    running.ready(PATIENCE).await;
    published(&world, 2).await;
    world.assert_all(&running, 2).await;
    running.terminate().await;
}
