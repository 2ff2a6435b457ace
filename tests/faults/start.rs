//! A start that can't be: what is wrong is named, with the exit code that scripts rely on.

use std::net::TcpListener;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::support::views::{migrated, readyz_says};
use crate::support::{Output, PATIENCE, Stack};

const NOBODY: &str = "127.0.0.1:1";

#[track_caller]
fn says(output: Output, code: i32, words: &[&str]) {
    let output = output.exits(code);
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in:\n{}", output.stderr);
    }
    assert!(!output.stderr.contains("s3cret"), "a password is told:\n{}", output.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_database_is_named() {
    let stack = Stack::new().await;
    says(stack.foldback(&["run"]).await, 1, &["foldback migrate"]);
    let elsewhere = stack.postgres_url.replace(&stack.name, "no_such_database");
    let no_database = [("FOLDBACK__POSTGRES__URL", elsewhere.as_str())];
    says(stack.foldback_with(&["run"], &no_database).await, 1, &["no_such_database"]);
    let stranger = stack.postgres_url.replacen("foldback@", "nobody_known:s3cret@", 1);
    let no_user = [("FOLDBACK__POSTGRES__URL", stranger.as_str())];
    says(stack.foldback_with(&["run"], &no_user).await, 1, &["nobody_known"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_foldback_is_refused() {
    let stack = migrated().await;
    let newer = "update foldback.schema_version set version = 99, oldest_binary = 98";
    sqlx::raw_sql(AssertSqlSafe(newer.to_owned())).execute(&mut stack.postgres().await).await.unwrap();
    for verb in ["run", "migrate"] {
        says(stack.foldback(&[verb]).await, 1, &["99", "newer binary"]);
    }
    let output = stack.foldback(&["doctor"]).await.exits(1);
    assert!(output.stdout.contains("version 99"), "{}", output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_are_named() {
    let stack = migrated().await;
    let topic = [("FOLDBACK__KAFKA__ORDERS_TOPIC", "no-such-topic")];
    says(stack.foldback_with(&["run"], &topic).await, 1, &["no-such-topic", "kafka.orders_topic"]);
    let unknown = [("FOLDBACK__KAFKA__BROKER", NOBODY)];
    says(stack.foldback_with(&["run"], &unknown).await, 2, &["kafka.broker", "kafka.brokers"]);
    let forbidden = [("FOLDBACK__KAFKA__PROPERTIES__ENABLE_AUTO_COMMIT", "true")];
    says(stack.foldback_with(&["run"], &forbidden).await, 2, &["enable.auto.commit"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = [("FOLDBACK__HTTP__LISTEN", address.as_str())];
    says(stack.foldback_with(&["run"], &listen).await, 1, &["http.listen", &address]);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_cannot_be_reached_are_waited_for() {
    let stack = migrated().await;
    let running = stack.run_with(&[("FOLDBACK__KAFKA__BROKERS", NOBODY)]).await;
    readyz_says(&running, PATIENCE, 503, "no Kafka broker answers").await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_nothing_on_a_good_stack_and_names_what_is_broken() {
    let stack = Stack::ready().await;
    let good = stack.foldback(&["doctor", "--json"]).await.exits(0).json();
    let findings = good.as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["verdict"] == "ok"), "{good:#}");
    for part in ["postgres", "kafka", "schema_registry", "redis"] {
        assert!(findings.iter().any(|finding| finding["part"] == part), "nothing about {part}");
    }
    let forgetful = format!("{}-forgetful", stack.name);
    make_forgetful(&stack, &forgetful).await;
    let broken = [
        ("FOLDBACK__KAFKA__ORDERS_TOPIC", "no-such-topic"),
        ("FOLDBACK__KAFKA__RUNS_TOPIC", forgetful.as_str()),
        ("FOLDBACK__REDIS__URL", "redis://127.0.0.1:1"),
        ("FOLDBACK__SCHEMA_REGISTRY__URL", "http://127.0.0.1:1"),
        ("FOLDBACK__POSTGRES__URL", "postgres://nobody:s3cret@127.0.0.1:1/views"),
    ];
    let output = stack.foldback_with(&["doctor", "--json"], &broken).await.exits(1);
    assert!(!output.stdout.contains("s3cret"));
    let told = output.json();
    for (part, verdict, word) in [
        ("kafka", "fail", "no-such-topic"),
        ("kafka", "fail", "retention.ms=60000"),
        ("kafka", "fail", "cleanup.policy=compact"),
        // The fold does without it.
        ("redis", "warn", "127.0.0.1:1"),
        ("schema_registry", "fail", "127.0.0.1:1"),
        ("postgres", "fail", "127.0.0.1:1"),
    ] {
        let names = |finding: &&Value| {
            finding["part"] == part && finding["verdict"] == verdict && finding.to_string().contains(word)
        };
        let finding = told.as_array().unwrap().iter().find(names).unwrap_or_else(|| panic!("no {word}: {told:#}"));
        assert!(finding["remedy"].is_string(), "{finding}");
    }
    let no_redis = [("FOLDBACK__REDIS__URL", "redis://127.0.0.1:1")];
    stack.foldback_with(&["doctor"], &no_redis).await.exits(0);
    stack.foldback_with(&["doctor", "--strict"], &no_redis).await.exits(1);
}

/// A topic that loses events.
async fn make_forgetful(stack: &Stack, name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().unwrap();
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1))
        .set("retention.ms", "60000")
        .set("cleanup.policy", "compact");
    for made in admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap() {
        made.unwrap();
    }
}
