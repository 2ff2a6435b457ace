use rdkafka::statistics::{ConsumerGroup, Partition, Topic};

use super::*;

const ASSIGNED: [(&str, i32); 2] = [("orders", 0), ("orders", 1)];

fn health(group: &str) -> ClientHealth {
    ClientHealth::new(group, &Topics { orders: "orders".into(), runs: "runs".into() })
}

fn broker(nodeid: i32, nodename: &str, source: &str, state: &str) -> (String, Broker) {
    let broker =
        Broker { nodeid, nodename: nodename.into(), source: source.into(), state: state.into(), ..Broker::default() };
    (format!("{nodename}/{nodeid}"), broker)
}

fn statistics(brokers: &[(String, Broker)], join_state: &str, fetch_state: &str) -> Statistics {
    let partition = |leader| Partition { leader, fetch_state: fetch_state.into(), ..Partition::default() };
    let topic = Topic { partitions: [(0, partition(1)), (1, partition(2))].into(), ..Topic::default() };
    Statistics {
        brokers: brokers.iter().cloned().collect(),
        topics: [("orders".to_owned(), topic)].into(),
        cgrp: Some(ConsumerGroup { join_state: join_state.into(), ..ConsumerGroup::default() }),
        ..Statistics::default()
    }
}

/// What is told a moment after these statistics, and after a while of them.
fn told(health: &mut ClientHealth, statistics: &Statistics) -> (Option<String>, String) {
    let now = Instant::now();
    health.statistics(statistics, &ASSIGNED, now);
    let at_once = health.problem(now);
    health.statistics(statistics, &ASSIGNED, now + DOWN_AFTER);
    (at_once, health.problem(now + DOWN_AFTER).unwrap_or_default())
}

/// See `bootstrap_again`: it has nobody to ask until it is told.
#[test]
fn a_client_that_has_lost_all_brokers_is_to_be_told_them_again() {
    let mut health = health("foldback");
    let brokers = [broker(-1, "bootstrap:9092", "configured", "DOWN")];
    health.statistics(&statistics(&brokers, "steady", "active"), &ASSIGNED, Instant::now());
    assert!(!health.knows_nobody(), "it connects by itself");
    // What is not a broker is listed as one, too.
    let others = [broker(-1, "GroupCoordinator", "logical", "INIT"), broker(-1, ":0", "internal", "UP")];
    let (_, later) = told(&mut health, &statistics(&others, "init", "none"));
    assert!(later.contains("has lost all brokers"), "{later}");
    assert!(health.knows_nobody());
    assert!(!health.knows_nobody(), "once for each statistics");
    health.statistics(&statistics(&others, "init", "none"), &ASSIGNED, Instant::now());
    health.statistics(&statistics(&brokers, "init", "none"), &ASSIGNED, Instant::now());
    assert!(!health.knows_nobody());
}

#[test]
fn a_leader_whose_advertised_address_cannot_be_reached_is_named() {
    let mut health = health("foldback");
    let brokers = [
        broker(-1, "bootstrap:9092", "configured", "UP"),
        broker(1, "one.internal:9092", "learned", "DOWN"),
        broker(2, "two.internal:9092", "learned", "TRY_CONNECT"),
    ];
    let failed = "ssl://one.internal:9092/1: Failed to resolve 'one.internal:9092': Name or service not known";
    health.error(RDKafkaErrorCode::Resolve, failed, Instant::now());
    let (at_once, later) = told(&mut health, &statistics(&brokers, "steady", "active"));
    assert_eq!(at_once, None, "a client may be reconnecting");
    let words = [
        "broker one.internal:9092: Failed to resolve 'one.internal:9092'",
        "leads topic orders, partition 0, can't be reached (nor the leaders of 1 more)",
        "advertised.listeners",
    ];
    assert!(words.iter().all(|words| later.contains(words)), "{later}");

    let up = brokers.map(|(name, broker)| (name, Broker { state: "UP".into(), ..broker }));
    assert_eq!(told(&mut health, &statistics(&up, "steady", "active")).1, "");
}

#[test]
fn brokers_are_named_when_none_answers() {
    let mut health = health("foldback");
    let brokers = [broker(1, "kafka.internal:9092", "learned", "DOWN"), broker(-1, ":0", "internal", "UP")];
    let later = told(&mut health, &statistics(&brokers, "init", "none")).1;
    assert!(later.starts_with("no Kafka broker answers (kafka.internal:9092)"), "{later}");
    assert!(later.contains("advertised.listeners"), "{later}");
}

#[test]
fn a_coordinator_that_cannot_be_reached_is_named() {
    let mut health = health("billing");
    let brokers = [
        broker(1, "one:9092", "learned", "UP"),
        broker(2, "two:9092", "learned", "INIT"),
        broker(-1, "three:9092", "logical", "DOWN"),
    ];
    health.error(RDKafkaErrorCode::Resolve, "GroupCoordinator/3: three:9092: Connect failed", Instant::now());
    let later = told(&mut health, &statistics(&brokers, "init", "active")).1;
    assert!(later.contains("broker three:9092: Connect failed, which coordinates consumer group billing"), "{later}");
}

#[test]
fn a_refusal_by_the_group_is_over_once_it_has_this_member() {
    let up = [broker(1, "one:9092", "learned", "UP"), broker(2, "two:9092", "learned", "UP")];
    for (code, word) in [
        (RDKafkaErrorCode::InconsistentGroupProtocol, "partition.assignment.strategy"),
        (RDKafkaErrorCode::GroupAuthorizationFailed, "READ on consumer group foldback"),
        (RDKafkaErrorCode::GroupMaxSizeReached, "group.max.size"),
        (RDKafkaErrorCode::InvalidSessionTimeout, "session.timeout.ms"),
    ] {
        let mut health = health("foldback");
        health.error(code, "JoinGroup failed: Broker: no", Instant::now());
        let (at_once, later) = told(&mut health, &statistics(&up, "wait-join", "none"));
        assert!(at_once.unwrap().contains(word) && later.contains("JoinGroup failed: Broker: no"), "{later}");
        assert_eq!(told(&mut health, &statistics(&up, "steady", "none")), (None, String::new()));
    }
}

#[test]
fn a_refused_topic_is_over_once_it_is_read_again() {
    let mut health = health("foldback");
    let start = Instant::now();
    health.error(RDKafkaErrorCode::TopicAuthorizationFailed, "Fetch from broker 1 failed: no", start);
    let up = [broker(1, "one:9092", "learned", "UP"), broker(2, "two:9092", "learned", "UP")];
    let mut after = |fetch_state, elapsed| {
        health.statistics(&statistics(&up, "steady", fetch_state), &ASSIGNED, start + elapsed);
        health.problem(start + elapsed)
    };
    assert!(after("active", REFUSED_FOR / 2).unwrap().contains("READ and DESCRIBE"));
    assert!(after("none", REFUSED_FOR * 2).is_some(), "nothing is read");
    assert_eq!(after("active", REFUSED_FOR * 2), None);
}

#[test]
fn a_topic_that_is_not_there_is_over_once_it_is_assigned() {
    let mut health = health("foldback");
    health.error(RDKafkaErrorCode::UnknownTopicOrPartition, "Subscribed topic not available: orders", Instant::now());
    assert!(health.problem(Instant::now()).unwrap().contains("create the topic"));
    health.assigned(&["runs"]);
    assert!(health.problem(Instant::now()).is_some(), "the other topic is there");
    health.assigned(&["orders"]);
    assert_eq!(health.problem(Instant::now()), None);
}

#[test]
fn errors_that_pass_are_no_problem_but_remembered() {
    let mut health = health("foldback");
    health.error(RDKafkaErrorCode::NotLeaderForPartition, "Fetch failed", Instant::now());
    assert_eq!(health.problem(Instant::now()), None);
    assert_eq!(health.last_error().unwrap().1, "Fetch failed");
}
