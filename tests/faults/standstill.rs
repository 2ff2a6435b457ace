//! Records wait and nothing is folded: whatever the cause, /readyz, the metrics and the log say so, and the lag is true.

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::events::{Event, SCHEMA, lives, placed};
use crate::support::log::Log;
use crate::support::views::{folded, metric, metric_sum, migrated, readyz, readyz_says};
use crate::support::{PATIENCE, Proxy, Running, Stack, eventually, http};

const SOON: (&str, &str) = ("FOLDBACK__LIMITS__STALLED_AFTER_MS", "1000");

async fn adds_up(running: &Running, family: &str, expected: f64) {
    eventually(PATIENCE, || async {
        let seen = metric_sum(running, family).await;
        if seen == expected { Ok(()) } else { Err(format!("{family}: {seen}, not {expected}")) }
    })
    .await;
}

/// The reason of that partition, once it is there and its detail holds `word`.
async fn stalled(running: &Running, stack: &Stack, partition: i32, word: &str) {
    let name = format!("stalled:{}/{partition}", stack.orders_topic);
    let detail = eventually(PATIENCE, || async {
        let (status, body) = readyz(running).await;
        let reasons = body["reasons"].as_array().unwrap();
        let reason = reasons.iter().find(|reason| reason["name"] == name.as_str()).cloned();
        let detail = reason.map(|reason| reason["detail"].as_str().unwrap().to_owned());
        detail.filter(|detail| status == 503 && detail.contains(word)).ok_or(body)
    })
    .await;
    assert!(detail.contains(&format!("partition {partition}")), "{detail}");
    let shown =
        format!("foldback_partition_stalled_seconds{{topic=\"{}\",partition=\"{partition}\"}}", stack.orders_topic);
    assert!(metric(running, &shown).await.unwrap() >= 1.0);
    assert!(metric(running, "foldback_condition{name=\"stalled\"").await.unwrap() >= 1.0);
    assert_eq!(lines(running, &format!("not ready: topic {}, partition {partition}:", stack.orders_topic)), 1);
}

fn lines(running: &Running, word: &str) -> usize {
    running.log().lines().filter(|line| line.contains(word)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_grows_while_postgres_is_away() {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let running = stack.run_with(&[("FOLDBACK__POSTGRES__URL", &url), SOON]).await;
    running.ready(PATIENCE).await;
    let (log, events) = (Log::of(&stack), lives(60, 5));
    let at = |partition| move |event: &Event| (partition, event.clone());
    log.write_to(events[..100].iter().map(at(1)).collect()).await;
    folded(&stack, 100).await;
    adds_up(&running, "foldback_lag_records", 0.0).await;
    assert_eq!(metric_sum(&running, "foldback_partition_stalled_seconds").await, 0.0);

    proxy.cut().await;
    log.write_to(events[100..200].iter().map(at(1)).collect()).await;
    adds_up(&running, "foldback_lag_records", 100.0).await;
    stalled(&running, &stack, 1, "postgres").await;
    log.write_to(events[200..].iter().map(at(1)).collect()).await;
    adds_up(&running, "foldback_lag_records", 200.0).await;

    proxy.mend().await;
    folded(&stack, 300).await;
    adds_up(&running, "foldback_lag_records", 0.0).await;
    running.ready(PATIENCE).await;
    assert_eq!(lines(&running, "condition=\"stalled:"), 2, "its begin and its end:\n{}", running.log());
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_is_named_and_its_records_count_as_lag() {
    let stack = migrated().await;
    let running = stack.run_with(&[SOON]).await;
    running.ready(PATIENCE).await;
    let (log, events) = (Log::of(&stack), lives(10, 4));
    let at_0 = |events: &[Event]| events.iter().map(|event| (0, event.clone())).collect();
    log.write_to(at_0(&events[..10])).await;
    folded(&stack, 10).await;

    let hanging = hanging_transaction(&stack);
    log.write_to(at_0(&events[10..])).await;
    // One in the transaction, thirty behind it.
    adds_up(&running, "foldback_lag_records", 31.0).await;
    adds_up(&running, "foldback_open_transaction_records", 31.0).await;
    stalled(&running, &stack, 0, "a transaction is open in the log since offset 10, and holds back 31 records").await;
    let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
    let row = status["checkpoints"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["topic"] == *stack.orders_topic && row["partition"] == 0)
        .unwrap();
    let shown = ["nextOffset", "logEnd", "lag", "openTransactionRecords"].map(|name| row[name].as_i64().unwrap());
    assert_eq!(shown, [10, 41, 31, 31]);

    hanging.abort_transaction(PATIENCE).unwrap();
    // And the marker of the abort.
    folded(&stack, 42).await;
    adds_up(&running, "foldback_lag_records", 0.0).await;
    adds_up(&running, "foldback_open_transaction_records", 0.0).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}

/// With one record in partition 0.
fn hanging_transaction(stack: &Stack) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stack.servers.kafka).set("transactional.id", &stack.name);
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let event = Event::new(Uuid::now_v7(), 1, placed("p1"));
    let (key, value) = (event.order.to_string(), event.single_object());
    producer.send(BaseRecord::to(&stack.orders_topic).partition(0).key(&key).payload(&value)).unwrap();
    producer.flush(PATIENCE).unwrap();
    producer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_waited_for_is_named() {
    let stack = Stack::ready().await;
    let schema_id = register(&stack).await;
    let mut proxy = Proxy::to(&stack.servers.registry).await;
    proxy.cut().await;
    let url = proxy.url().to_owned();
    let running = stack.run_with(&[("FOLDBACK__SCHEMA_REGISTRY__URL", &url), SOON]).await;
    let events = lives(2, 3);
    let framed = |event: &Event| (2, event.order.to_string(), event.confluent(schema_id));
    Log::of(&stack).write_raw(events.iter().map(framed).collect()).await;
    adds_up(&running, "foldback_lag_records", 6.0).await;
    stalled(&running, &stack, 2, &format!("offset 0 waits for the schema with id {schema_id}")).await;
    proxy.mend().await;
    folded(&stack, 6).await;
    adds_up(&running, "foldback_lag_records", 0.0).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}

async fn register(stack: &Stack) -> u32 {
    let address = format!("{}/subjects/{}-value/versions", stack.servers.registry, stack.orders_topic);
    let response = http().post(address).json(&json!({"schema": SCHEMA})).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    u32::try_from(answer["id"].as_u64().unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_stands_still_with_a_lag_that_grows() {
    let stack = migrated().await;
    let settings = [("FOLDBACK__WORKERS__QUEUE_BYTES_MAX", "1048576"), ("FOLDBACK__WORKERS__COUNT", "1"), SOON];
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    let (log, events) = (Log::of(&stack), lives(1_000, 12));
    log.write(&events[..100], 4).await;
    folded(&stack, 100).await;
    let mut postgres = stack.postgres().await;
    let mut transaction = sqlx::Connection::begin(&mut postgres).await.unwrap();
    sqlx::Executor::execute(&mut *transaction, "select from gen_1.checkpoints for update").await.unwrap();
    log.write(&events[100..], 4).await;
    adds_up(&running, "foldback_lag_records", 11_900.0).await;
    stalled(&running, &stack, 0, "").await;
    transaction.rollback().await.unwrap();
    folded(&stack, events.len()).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_group_on_the_same_database_is_told() {
    let stack = migrated().await;
    let group = format!("{}-another", stack.name);
    let first = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "1")]).await;
    first.ready(PATIENCE).await;
    let second = stack.run_with(&[("FOLDBACK__WORKERS__COUNT", "1"), ("FOLDBACK__KAFKA__GROUP", &group)]).await;
    let (log, events) = (Log::of(&stack), lives(2_000, 5));
    let writing = tokio::spawn(async move {
        for part in events.chunks(20) {
            log.write(part, 4).await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    readyz_says(&first, PATIENCE, 503, "fenced:").await;
    readyz_says(&first, PATIENCE, 503, "the same kafka.brokers and kafka.group").await;
    writing.abort();
    second.terminate().await;
    first.terminate().await;
}
