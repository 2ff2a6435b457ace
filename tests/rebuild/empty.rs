//! Logs with nothing in them.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use crate::rebuild::generations::{live, published, states};
use crate::rebuild::world::{World, last_object};
use crate::support::Stack;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Nothing is written into its topics.
async fn empty() -> World {
    let mut world = World::with_every(1000).await;
    world.publisher.ahead.clear();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_topics_are_rebuilt_into_empty_views() {
    let world = empty().await;
    let running = world.run().await;
    assert_eq!(world.rebuild().await, 2);
    published(&world, 2).await;
    world.assert_all(&running, 2).await;
    world.verified().await;
    let plan = world.foldback(&["rebuild", "--plan", "--json"]).await.exits(0).json();
    assert_eq!(plan["refusals"], serde_json::json!([]), "{plan:#}");
    running.terminate().await;
}

/// Offsets without a record count as passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_only_markers_is_rebuilt() {
    let world = empty().await;
    abort_one_in_each_partition(&world.stack).await;
    let rebuilt = last_object(&world.foldback(&["rebuild", "--yes", "--json"]).await.exits(0));
    assert_eq!((&rebuilt["state"], &rebuilt["events"]), (&"live".into(), &0.into()), "{rebuilt:#}");
    assert_eq!(crate::rebuild::generations::checkpoints(&world, 2).await, sorted(world.ends()));
    assert!(world.ends().iter().all(|(_, _, end)| *end >= 2));
    let running = world.run().await;
    published(&world, 2).await;
    world.verified().await;
    running.terminate().await;
}

fn sorted(mut ends: Vec<(String, i32, i64)>) -> Vec<(String, i32, i64)> {
    ends.sort();
    ends
}

async fn abort_one_in_each_partition(stack: &Stack) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stack.servers.kafka).set("transactional.id", format!("{}-markers", stack.name));
    let producer: FutureProducer = config.create().unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer.begin_transaction().unwrap();
    for topic in [&stack.orders_topic, &stack.runs_topic] {
        for partition in 0..4 {
            let record = FutureRecord::to(topic).partition(partition).key("nobody").payload("may see this");
            producer.send(record, TIMEOUT).await.unwrap();
        }
    }
    producer.abort_transaction(TIMEOUT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_never_replaces_a_live_generation_that_is_not_empty() {
    let world = empty().await;
    world
        .run_sql(
            "insert into gen_1.refills (provider_order_id, refill_id, amount, currency, performed_at, fold_sequence)
             values (gen_random_uuid(), gen_random_uuid(), 1, 'EUR', now(), 1);
             insert into gen_1.provider_order_events values
             (gen_random_uuid(), 1, gen_random_uuid(), 'order_cancelled', now(), '{}', 'orders', 0, 0, now());
             insert into gen_1.provider_orders (provider_order_id, service_rules, guardrail_status, last_event_at,
                 last_sequence, missing_events, fold_version, fold_seen, fold_registers)
             values (gen_random_uuid(), '[]', 'idle', now(), 1, 0, 1, '{1,1}', '{0,0,0,0,0,0,1,0}')",
        )
        .await;
    let refused = world.foldback(&["rebuild", "--yes", "--json"]).await;
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("empty"), "{refused:?}");
    assert_eq!(live(&world).await, 1);
    let states = states(&world).await;
    assert!(states.iter().all(|(number, state)| (*number == 1) == (state == "live")), "{states:?}");
}
