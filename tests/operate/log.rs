//! What is in a stack's log, and how much of it is folded.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{PATIENCE, Stack, eventually};

const BROKER_TIMEOUT: Duration = Duration::from_secs(20);
const PARTITIONS: i32 = 2;

/// With tables, and without schemas in the registry, which tests side by side would wait for in vain.
pub async fn stack() -> Stack {
    let stack = Stack::with_partitions(PARTITIONS).await;
    stack.foldback(&["migrate"]).await.exits(0);
    stack
}

/// Sample events in single-object encoding; another seed gives other ones.
pub async fn publish(stack: &Stack, count: u32, seed: u32) {
    let (count, seed) = (count.to_string(), seed.to_string());
    let args = ["publish", "--rate", "0", "--count", count.as_str(), "--seed", seed.as_str()];
    stack.foldback_without(&args, "FOLDBACK__SCHEMA_REGISTRY__URL").await.exits(0);
}

/// A record that no schema knows; where it is.
pub async fn publish_nonsense(stack: &Stack, partition: i32) -> i64 {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().expect("a producer");
    let record = FutureRecord::to(&stack.orders_topic).partition(partition).key("nonsense").payload("nonsense");
    producer.send(record, BROKER_TIMEOUT).await.map_err(|(error, _)| error).expect("delivered").offset
}

/// Waits until a generation is folded to the end of the log.
pub async fn folded(stack: &Stack, generation: i32) {
    let end = end(stack).await;
    eventually(PATIENCE, || async {
        let at = position(&mut stack.postgres().await, generation).await;
        if at == end { Ok(()) } else { Err(format!("generation {generation} is at {at} of {end}")) }
    })
    .await;
}

/// Next offsets of a generation, added up.
pub async fn position(conn: &mut PgConnection, generation: i32) -> i64 {
    number(conn, &format!("select coalesce(sum(next_offset), 0)::bigint from gen_{generation}.checkpoints")).await
}

pub async fn number(conn: &mut PgConnection, sql: &str) -> i64 {
    let answer = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(conn).await;
    answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

pub async fn execute(conn: &mut PgConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(conn).await.unwrap();
}

/// End offsets of all partitions, added up.
async fn end(stack: &Stack) -> i64 {
    let brokers = stack.servers.kafka.clone();
    let topics = [stack.orders_topic.clone(), stack.runs_topic.clone()];
    let ends = move || {
        let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        let of = |topic: &String, partition| consumer.fetch_watermarks(topic, partition, BROKER_TIMEOUT).unwrap().1;
        topics
            .iter()
            .flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)))
            .map(|(topic, partition)| of(topic, partition))
            .sum()
    };
    tokio::task::spawn_blocking(ends).await.unwrap()
}
