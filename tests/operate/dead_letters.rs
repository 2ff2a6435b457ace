//! What operators see of dead letters, and what they decide about floods.

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::operate::log::{execute, folded, stack};
use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::metric;
use crate::support::{PATIENCE, Stack, eventually};

const NOWHERE: &str = "http://127.0.0.1:1";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Folds what is in the log, and ends.
async fn fold(stack: &Stack) {
    let running = stack.run().await;
    folded(stack, 1).await;
    running.terminate().await;
}

/// The offsets of the listed dead letters, by partition.
async fn listed(stack: &Stack, args: &[&str]) -> Vec<(i64, i64)> {
    let letters = stack.foldback(&[&["dead-letters", "list", "--json"], args].concat()).await.exits(0).json();
    let place = |letter: &Value| (letter["partition"].as_i64().unwrap(), letter["offset"].as_i64().unwrap());
    let mut places: Vec<_> = letters.as_array().unwrap().iter().map(place).collect();
    places.sort_unstable();
    places
}

/// With headers: a trace, and one that is no text.
async fn write_traced(stack: &Stack, order: Uuid, value: &[u8]) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().expect("a producer");
    let headers = OwnedHeaders::new()
        .insert(Header { key: "traceparent", value: Some(TRACE) })
        .insert(Header { key: "raw", value: Some(&[0xff_u8, 0x00][..]) });
    let (key, record) = (order.to_string(), FutureRecord::to(&stack.orders_topic).partition(0));
    let sent = producer.send(record.key(&key).payload(value).headers(headers), PATIENCE).await;
    sent.map_err(|(error, _)| error).expect("delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_found_by_partition_order_and_time() {
    let stack = stack().await;
    let (log, order) = (Log::of(&stack), Uuid::now_v7());
    let upper = order.to_string().to_uppercase();
    log.write_raw(vec![
        (0, "else".into(), b"nonsense".to_vec()),
        (0, order.to_string(), b"nonsense".to_vec()),
        (1, upper, b"nonsense".to_vec()),
    ])
    .await;
    log.write_to(vec![(1, Event::new(order, 1, placed("p1"))), (1, Event::new(order, 1, placed("p1")))]).await;
    fold(&stack).await;
    let order = order.to_string();
    assert_eq!(listed(&stack, &["--partition", "0"]).await, [(0, 0), (0, 1)]);
    assert_eq!(listed(&stack, &["--order", &order]).await, [(0, 1), (1, 0), (1, 2)]);
    assert_eq!(listed(&stack, &["--order", &order, "--reason", "sequence_conflict"]).await, [(1, 2)]);
    let letters = stack.foldback(&["dead-letters", "list", "--json"]).await.exits(0).json();
    let seen = letters[0]["firstSeenAt"].as_str().unwrap();
    let all = listed(&stack, &["--since", "2020-01-01T00:00:00Z"]).await;
    assert_eq!(all.len(), 4);
    assert_eq!(listed(&stack, &["--until", "2020-01-01T00:00:00Z"]).await, []);
    assert!(!listed(&stack, &["--since", seen]).await.is_empty(), "the limit itself counts");
    assert_ne!(listed(&stack, &["--until", seen]).await, all, "and not twice");
    let redriven = ["dead-letters", "redrive", "--json", "--order", &order, "--partition", "1", "--plan"];
    assert_eq!(stack.foldback(&redriven).await.exits(0).json().as_array().unwrap().len(), 2);
    for args in [["--since", "yesterday"], ["--order", "17"], ["--partition", "-1"]] {
        stack.foldback(&[&["dead-letters", "list"], &args[..]].concat()).await.exits(2);
    }
    stack.foldback(&["dead-letters", "redrive", "--all", "--partition", "0"]).await.exits(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_as_its_publisher_wrote_it() {
    let stack = stack().await;
    let registered = stack.foldback(&["schemas", "register", "--json"]).await.exits(0).json();
    let id = registered[0]["id"].as_u64().and_then(|id| u32::try_from(id).ok()).expect("an id");
    let order = Uuid::now_v7();
    let refused = Event::new(order, 0, placed("p1"));
    let whole = refused.single_object();
    write_traced(&stack, order, &whole).await;
    let log = Log::of(&stack);
    let cut = whole[..whole.len() - 3].to_vec();
    log.write_raw(vec![(0, order.to_string(), cut), (0, order.to_string(), refused.confluent(id))]).await;
    fold(&stack).await;
    let letters = stack.foldback(&["dead-letters", "list", "--json"]).await.exits(0).json();
    let ids: Vec<String> = letters.as_array().unwrap().iter().rev().map(|letter| letter["id"].to_string()).collect();

    let shown = stack.foldback(&["dead-letters", "show", &ids[0], "--json"]).await.exits(0).json();
    assert_eq!(shown["decoded"]["fingerprint"], "169b606378a754b0");
    assert_eq!(shown["decoded"]["record"]["sequence"], json!(0));
    assert_eq!(shown["decoded"]["record"]["payload"]["OrderPlaced"]["amount"]["units"], "12.5000");
    assert_eq!(shown["headers"][1], json!({"key": "raw", "value": "/wA=", "text": null}));
    let text = stack.foldback(&["dead-letters", "show", &ids[0]]).await.exits(0).stdout;
    assert!(text.lines().any(|line| line.starts_with("traceparent") && line.ends_with(TRACE)), "{text}");
    assert!(text.contains("raw: 2 bytes ff00") && text.contains("\"provider_id\": \"p1\""), "{text}");

    let shown = stack.foldback(&["dead-letters", "show", &ids[1], "--json"]).await.exits(0).json();
    let problem = shown["decoded"]["problem"].as_str().unwrap();
    assert!(problem.contains(" at byte ") && problem.contains("in payload.OrderPlaced"), "{problem}");
    assert_eq!(shown["decoded"]["record"]["sequence"], json!(0), "what came before is shown");

    let shown = stack.foldback(&["dead-letters", "show", &ids[2], "--json"]).await.exits(0).json();
    assert_eq!(shown["decoded"]["schemaId"], json!(id));
    assert_eq!(shown["decoded"]["record"]["sequence"], json!(0), "its schema comes from the registry");
    let away = [("FOLDBACK__SCHEMA_REGISTRY__URL", NOWHERE)];
    let shown = stack.foldback_with(&["dead-letters", "show", &ids[2], "--json"], &away).await.exits(0).json();
    assert_eq!(shown["decoded"]["record"], Value::Null);
    let problem = shown["decoded"]["problem"].as_str().unwrap();
    assert!(
        problem.contains(&format!("id {id} did not come within 5 s")) && problem.contains("127.0.0.1"),
        "{problem}"
    );
    let without = stack.foldback_without(&["dead-letters", "show", &ids[2]], "FOLDBACK__SCHEMA_REGISTRY__URL").await;
    assert!(without.exits(0).stdout.contains("schema_registry.url is not set"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowance_that_would_have_no_effect_is_refused() {
    let stack = stack().await;
    let topic = stack.orders_topic.as_str();
    let allow = |verb: &'static str, place: [&'static str; 2]| vec!["dead-letters", verb, topic, place[0], place[1]];
    for (args, why) in [
        (vec!["dead-letters", "allow", "elsewhere", "0", "1"], "topic elsewhere is not folded"),
        (allow("allow", ["0", "1"]), "no generation has folded partition 0"),
    ] {
        let refused = stack.foldback(&args).await.exits(4).stderr;
        assert!(refused.contains("no effect") && refused.contains(why), "{refused}");
    }
    let log = Log::of(&stack);
    log.write_raw((0..3).map(|_| (0, "k".into(), b"nonsense".to_vec())).collect()).await;
    fold(&stack).await;
    let refused = stack.foldback(&allow("allow", ["0", "2"])).await.exits(4).stderr;
    assert!(refused.contains("past it, at offset 3"), "{refused}");
    stack.foldback(&allow("allow", ["7", "3"])).await.exits(4);
    let allowed = stack.foldback(&allow("allow", ["0", "3"])).await.exits(0).stdout;
    assert!(allowed.contains("may now pass; the live generation is at offset 3"), "{allowed}");
    stack.foldback(&allow("allow", ["0", "5"])).await.exits(0);
    assert!(stack.foldback(&allow("allow", ["0", "5"])).await.exits(0).stdout.contains("was already allowed"));
    // A generation that is behind meets the record yet.
    stack.foldback(&["rebuild", "--no-promote"]).await.exits(0);
    let behind = format!("update gen_2.checkpoints set next_offset = 1 where partition = 0 and topic = '{topic}'");
    execute(&mut stack.postgres().await, &behind).await;
    let counts = stack.foldback(&allow("allow", ["0", "2"])).await.exits(0).stdout;
    assert!(counts.contains("it counts for generation 2"), "{counts}");

    let listed = stack.foldback(&["dead-letters", "allowances", "--json"]).await.exits(0).json();
    let offsets: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["offset"].as_i64().unwrap()).collect();
    assert_eq!(offsets, [2, 3, 5]);
    stack.foldback(&allow("disallow", ["0", "3"])).await.exits(0);
    stack.foldback(&allow("disallow", ["0", "3"])).await.exits(1);
    let passed = stack.foldback(&allow("disallow", ["0", "2"])).await.exits(0).stdout;
    assert!(passed.contains("a rebuild may stop there"), "{passed}");
    let listed = stack.foldback(&["dead-letters", "allowances"]).await.exits(0).stdout;
    assert!(listed.contains(topic) && listed.lines().count() == 2, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_by_log_and_metric_but_not_one_by_one() {
    const OLDEST: &str = "foldback_dead_letter_oldest_timestamp_seconds";
    let stack = stack().await;
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    eventually(PATIENCE, || async { metric(&running, "foldback_orders_with_gaps").await.ok_or("no leader yet") }).await;
    assert_eq!(metric(&running, OLDEST).await, None, "none is open");
    let log = Log::of(&stack);
    log.write_raw((0..200).map(|number| (number % 2, "k".into(), b"nonsense".to_vec())).collect()).await;
    folded(&stack, 1).await;
    let oldest = eventually(PATIENCE, || async { metric(&running, OLDEST).await.ok_or("no series") }).await;
    let stored = "select extract(epoch from min(first_seen_at))::float8 from foldback.dead_letters";
    let stored: f64 = sqlx::query_scalar(stored).fetch_one(&mut stack.postgres().await).await.unwrap();
    assert!((oldest - stored).abs() < 0.001, "{oldest} is not {stored}");
    let text = running.log();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("refused; see")).collect();
    assert!((1..20).contains(&lines.len()), "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("malformed") && lines[0].contains(&stack.orders_topic));
    assert!(lines.iter().all(|line| !line.contains("nonsense")), "nothing of a record is in the log: {lines:#?}");
    running.terminate().await;

    let discard = "update gen_1.dead_letters set discarded_at = now()";
    execute(&mut stack.postgres().await, discard).await;
    let running = stack.run().await;
    eventually(PATIENCE, || async { metric(&running, "foldback_orders_with_gaps").await.ok_or("no leader yet") }).await;
    assert_eq!(metric(&running, OLDEST).await, None, "none is open any more");
    running.terminate().await;
}
