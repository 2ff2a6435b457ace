//! What a rebuild would do is told without doing it, and what it must not do is refused with exit 4.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::rebuild::generations::{live, states};
use crate::rebuild::hold::before_the_end;
use crate::rebuild::world::World;
use crate::support::{PATIENCE, admin, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_would_be_read_and_changes_nothing() {
    let world = World::folded(8).await;
    let before = world.make_up().await;
    let output = world.foldback(&["rebuild", "--plan", "--json"]).await.exits(0);
    let plan = output.json();
    assert_eq!(world.make_up().await, before);
    assert_eq!(plan["refusals"], json!([]), "{plan:#}");
    let mut told = Vec::new();
    for topic in plan["topics"].as_array().unwrap() {
        assert_eq!(topic["whole"], true, "{topic:#}");
        let name = topic["topic"].as_str().unwrap();
        for partition in topic["partitions"].as_array().unwrap() {
            let number = |field: &str| partition[field].as_i64().unwrap_or_else(|| panic!("no {field}: {partition}"));
            assert_eq!(number("from"), 0);
            let (from, to, events) = (number("from"), number("to"), number("events"));
            assert!(events > 0 && events <= to - from, "offsets are no events: {partition}");
            assert!(number("bytes") > 0, "{partition}");
            told.push((name.to_owned(), i32::try_from(number("partition")).unwrap(), to));
        }
    }
    told.sort();
    let mut ends = world.ends();
    ends.sort();
    assert_eq!(told, ends);
    for field in ["spaceBytes", "seconds"] {
        assert!(plan[field].as_f64().is_some_and(|number| number > 0.0), "{field}: {plan:#}");
    }
    // the same for people
    let text = world.foldback(&["rebuild", "--plan"]).await.exits(0).stdout;
    for topic in [&world.stack.orders_topic, &world.stack.runs_topic] {
        assert!(text.contains(topic.as_str()), "{text}");
    }
    assert_eq!(world.make_up().await, before);
}

/// One that is complete and still in the state of its load, one that failed, and two that were live.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_which_generations_it_resumes_and_drops() {
    let world = World::folded(16).await;
    for args in [&["rebuild", "--yes"][..], &["rebuild", "--no-promote"], &["rebuild", "--no-promote"]] {
        world.foldback(args).await.exits(0);
    }
    world.run_sql("update foldback.generations set state = 'failed' where generation = 3").await;
    world.run_sql("update foldback.generations set state = 'building' where generation = 4").await;
    let plan = world.foldback(&["rebuild", "--plan", "--json"]).await.exits(0).json();
    let told = |plan: &Value| [&plan["resumes"], &plan["drops"], &plan["dropsWhenLive"]].map(Value::clone);
    assert_eq!(told(&plan), [json!(4), json!([3]), json!([1])], "{plan:#}");
    let anew = world.foldback(&["rebuild", "--plan", "--json", "--restart", "--no-promote"]).await.exits(0).json();
    assert_eq!(told(&anew), [Value::Null, json!([3, 4]), json!([])], "{anew:#}");
    let text = world.foldback(&["rebuild", "--plan"]).await.exits(0).stdout;
    for line in ["resumes                generation 4", "drops first            generation 3"] {
        assert!(text.contains(line), "{text}");
    }
    world.foldback(&["rebuild", "--yes"]).await.exits(0);
    assert_eq!(states(&world).await, [(2, "kept".to_owned()), (4, "live".to_owned())]);
}

/// Both ways refuse, name the reason, and leave everything as it was.
async fn refused(world: &World, words: &[&str]) {
    let before = world.make_up().await;
    let plan = world.foldback(&["rebuild", "--plan", "--json"]).await.exits(4).json();
    let refusals = plan["refusals"].as_array().unwrap();
    let names = |refusal: &Value| words.iter().all(|word| refusal.as_str().unwrap().contains(word));
    assert!(refusals.iter().any(names), "no refusal has {words:?}: {plan:#}");
    let output = world.foldback(&["rebuild", "--yes"]).await.exits(4);
    for word in words {
        assert!(output.stderr.contains(word), "{word} is not in: {output:?}");
    }
    assert_eq!(world.make_up().await, before);
    assert_eq!(states(world).await, [(1, "live".into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_beginning_is_refused() {
    let world = World::folded(16).await;
    let topic = world.stack.orders_topic.clone();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 2, Offset::Offset(5)).unwrap();
    let deleted = admin(&world.stack.servers.kafka).delete_records(&offsets, &AdminOptions::new()).await.unwrap();
    assert_eq!(deleted.elements()[0].error(), Ok(()));
    refused(&world, &[&topic, "2", "5"]).await;
    let plan = world.foldback(&["rebuild", "--plan", "--json"]).await.exits(4).json();
    let topics = plan["topics"].as_array().unwrap();
    let whole = |name: &str| topics.iter().find(|entry| entry["topic"] == name).unwrap()["whole"].clone();
    assert_eq!((whole(&topic), whole(&world.stack.runs_topic)), (false.into(), true.into()), "{plan:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_refused() {
    let world = World::folded(16).await;
    let topic = world.stack.runs_topic.clone();
    let admin = admin(&world.stack.servers.kafka);
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    admin.delete_topics(&[&topic], &options).await.unwrap()[0].as_ref().unwrap();
    eventually(PATIENCE, || async {
        let anew = NewTopic::new(&topic, 4, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        admin.create_topics(&[anew], &options).await.unwrap().remove(0)
    })
    .await;
    // the broker may take a moment to tell everyone
    eventually(PATIENCE, || async {
        let output = world.foldback(&["rebuild", "--plan", "--json"]).await;
        if output.code == Some(4) { Ok(()) } else { Err(output) }
    })
    .await;
    refused(&world, &[&topic]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_is_refused() {
    let world = World::folded(16).await;
    let topic = world.stack.orders_topic.clone();
    let compacted = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("cleanup.policy", "compact");
    let altered = admin(&world.stack.servers.kafka).alter_configs(&[compacted], &AdminOptions::new()).await.unwrap();
    altered[0].as_ref().unwrap();
    eventually(PATIENCE, || async {
        let output = world.foldback(&["rebuild", "--plan", "--json"]).await;
        if output.code == Some(4) { Ok(()) } else { Err(output) }
    })
    .await;
    refused(&world, &[&topic, "compact"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let world = World::folded(16).await;
    world.run_sql("update foldback.schema_version set version = 99, oldest_binary = 98").await;
    let before = world.make_up().await;
    for args in [&["rebuild", "--yes"][..], &["rebuild", "--plan"], &["rebuild", "--plan", "--json"]] {
        let output = world.foldback(args).await.exits(4);
        assert!(format!("{}{}", output.stdout, output.stderr).contains("99"), "{output:?}");
    }
    assert_eq!(world.make_up().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_room_is_refused() {
    let world = World::folded(16).await;
    let before = world.make_up().await;
    let settings = [("FOLDBACK__REBUILD__SPACE_BYTES_MAX", "100000")];
    let plan = world.foldback_with(&["rebuild", "--plan", "--json"], &settings).await.exits(4).json();
    let refusal = plan["refusals"][0].as_str().unwrap();
    assert!(refusal.contains("rebuild.space_bytes_max (97.7 KiB)"), "{plan:#}");
    assert!(plan["spaceBytes"].as_u64().unwrap() > 100_000, "{plan:#}");
    for command in [&["rebuild", "--yes"][..], &["verify"]] {
        let output = world.foldback_with(command, &settings).await.exits(4);
        assert!(output.stderr.contains("rebuild.space_bytes_max"), "{output:?}");
    }
    assert_eq!(world.make_up().await, before);
    // with room for it the same goes through
    world
        .foldback_with(&["rebuild", "--yes"], &[("FOLDBACK__REBUILD__SPACE_BYTES_MAX", "100000000000")])
        .await
        .exits(0);
    assert_eq!(live(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rebuild_at_the_same_time_is_refused() {
    let world = World::folded(8).await;
    let held = before_the_end(&world).await;
    let first = world.start_with(&["rebuild", "--yes"], &[]);
    eventually(PATIENCE, || async { if states(&world).await.len() == 2 { Ok(()) } else { Err(first.written()) } })
        .await;
    for args in [
        &["rebuild", "--yes"][..],
        &["rebuild", "--yes", "--restart"],
        &["rebuild", "--no-promote"],
        &["rebuild", "--plan"],
        &["generations", "drop", "2", "--yes"],
    ] {
        let output = world.foldback(args).await;
        assert_eq!(output.code, Some(4), "{args:?}: {output:?}");
    }
    drop(held);
    first.wait(PATIENCE).await.exits(0);
    assert_eq!(live(&world).await, 2);
    world.assert_generation(2, world.reference()).await;
}
