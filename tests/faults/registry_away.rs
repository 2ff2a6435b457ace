//! The schema registry is away when records need it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::events::{Event, SCHEMA, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, history, number, readyz_says};
use crate::support::{PATIENCE, Proxy, Stack, http};

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_the_registry_and_others_go_on() {
    let stack = Stack::ready().await;
    let schema_id = register(&stack).await;
    let mut proxy = Proxy::to(&stack.servers.registry).await;
    proxy.cut().await;
    let url = proxy.url().to_owned();
    let settings =
        [("FOLDBACK__SCHEMA_REGISTRY__URL", url.as_str()), ("FOLDBACK__SCHEMA_REGISTRY__UNKNOWN_AFTER_MS", "0")];
    let event = || Event::new(Uuid::now_v7(), 1, placed("p1"));
    let mut records = Vec::new();
    for number in 0..40 {
        let event = event();
        let framed = number % 2 == 0;
        let value = if framed { event.confluent(schema_id) } else { event.single_object() };
        records.push((i32::from(framed), event.order.to_string(), value));
    }
    Log::of(&stack).write_raw(records).await;
    let running = stack.run_with(&settings).await;
    readyz_says(&running, PATIENCE, 503, "schema_registry").await;
    folded(&stack, 20).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = "select next_offset from foldback.checkpoints where topic like '%-orders' and partition = 1";
    assert_eq!(number(&stack, waiting).await, 0, "records in Confluent framing wait");
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (20, 0));
    proxy.mend().await;
    folded(&stack, 40).await;
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (40, 0));
    running.ready(PATIENCE).await;
    running.terminate().await;
}

/// The schema's id in the registry.
async fn register(stack: &Stack) -> u32 {
    let address = format!("{}/subjects/{}-value/versions", stack.servers.registry, stack.orders_topic);
    let response = http().post(address).json(&json!({"schema": SCHEMA})).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    u32::try_from(answer["id"].as_u64().unwrap_or_else(|| panic!("{answer}"))).unwrap()
}
