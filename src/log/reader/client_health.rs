//! How a consumer's client is, from its errors and its statistics: what /readyz says of Kafka.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::statistics::{Broker, Statistics};

use super::refusal::{Refused, refusal};
use crate::domain::log::record::Topics;
use crate::log::trouble::{Trouble, is_about_token};

/// A broker that is not connected for this long is a problem; clients reconnect all the time.
const DOWN_AFTER: Duration = Duration::from_secs(3);
/// A topic that is read, and has not been refused for this long, is not refused any more. A consumer repeats its request
/// more often than that.
const REFUSED_FOR: Duration = Duration::from_secs(15);
/// Brokers whose last error is kept.
const BROKERS_MAX: usize = 1_000;

/// What a consumer's client has told of itself.
#[derive(Debug)]
pub struct ClientHealth {
    group: String,
    topics: Topics,
    /// Whether it is a member of its group, since when, and its own word for it. `None`: nothing was heard yet.
    membership: Option<Membership>,
    /// By what is refused, and the topic where the client names it.
    refusals: BTreeMap<(Refused, Option<String>), Refusal>,
    /// By `host:port`.
    broker_errors: HashMap<String, Trouble>,
    /// Why there is no token to log in with.
    no_token: Option<Trouble>,
    unreachable: Option<Unreachable>,
    /// Whether the newest statistics name no broker at all.
    knows_nobody: bool,
    last_error: Option<(Instant, String)>,
}

/// Whether a consumer is a member of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub is_member: bool,
    pub since: Instant,
    /// librdkafka's name of the state, such as `wait-join`.
    pub state: String,
}

impl Membership {
    /// Whether it has asked the group to take it, and waits for the answer.
    pub fn is_joining(&self) -> bool {
        matches!(self.state.as_str(), "wait-join" | "wait-metadata" | "wait-sync")
    }
}

#[derive(Debug)]
struct Refusal {
    last: Instant,
    detail: String,
}

#[derive(Debug)]
struct Unreachable {
    since: Instant,
    detail: String,
}

impl ClientHealth {
    pub fn new(group: &str, topics: &Topics) -> ClientHealth {
        ClientHealth {
            group: group.to_owned(),
            topics: topics.clone(),
            membership: None,
            refusals: BTreeMap::new(),
            broker_errors: HashMap::new(),
            no_token: None,
            unreachable: None,
            knows_nobody: false,
            last_error: None,
        }
    }

    /// An error of the client's, and its sentence about it.
    pub fn error(&mut self, code: RDKafkaErrorCode, reason: &str, now: Instant) {
        if let Some((refused, remedy)) = refusal(code, &self.group) {
            let detail = format!("Kafka: {reason}; {remedy}");
            let topic = if refused == Refused::Topic { self.topic_in(reason) } else { None };
            self.refusals.insert((refused, topic), Refusal { last: now, detail });
        } else if is_about_token(reason) {
            self.no_token = Some(Trouble::new(reason));
        } else {
            self.connection_failed(reason);
        }
        self.last_error = Some((now, reason.to_owned()));
    }

    /// A sentence of the client's about a connection, which is an error only if the broker stays away.
    pub fn connection_failed(&mut self, reason: &str) {
        let Some((broker, words)) = of_broker(reason) else { return };
        if self.broker_errors.len() >= BROKERS_MAX {
            self.broker_errors.clear();
        }
        self.broker_errors.insert(broker.to_owned(), Trouble::new(words));
    }

    /// The topic that a sentence of librdkafka's names; its errors carry none.
    fn topic_in(&self, reason: &str) -> Option<String> {
        let named =
            [&self.topics.orders, &self.topics.runs].into_iter().filter(|topic| reason.contains(topic.as_str()));
        named.max_by_key(|topic| topic.len()).cloned()
    }

    /// Partitions of these topics were assigned: they are there, and the group has taken this member.
    pub fn assigned(&mut self, topics: &[&str]) {
        self.refusals.retain(|(refused, topic), _| {
            *refused == Refused::Topic && topic.as_ref().is_some_and(|topic| !topics.contains(&topic.as_str()))
        });
    }

    /// Statistics, once a second. `assigned`: topics and partitions.
    pub fn statistics(&mut self, statistics: &Statistics, assigned: &[(&str, i32)], now: Instant) {
        if let Some(group) = &statistics.cgrp {
            self.membership(&group.join_state, now);
        }
        let is_read = |of: &Option<String>| {
            assigned
                .iter()
                .filter(|(topic, _)| of.as_ref().is_none_or(|of| of == topic))
                .filter_map(|(topic, partition)| statistics.topics.get(*topic)?.partitions.get(partition))
                .any(|partition| partition.fetch_state == "active")
        };
        self.refusals.retain(|(refused, topic), refusal| {
            *refused == Refused::Group || now.saturating_duration_since(refusal.last) < REFUSED_FOR || !is_read(topic)
        });
        let detail = self.unreachable_broker(statistics, assigned);
        let since = self.unreachable.as_ref().map_or(now, |unreachable| unreachable.since);
        self.unreachable = detail.map(|detail| Unreachable { since, detail });
    }

    fn membership(&mut self, state: &str, now: Instant) {
        let is_member = state == "steady";
        if is_member {
            self.refusals.retain(|(refused, _), _| *refused != Refused::Group);
        }
        let since = self.membership.as_ref().filter(|before| before.is_member == is_member);
        let since = since.map_or(now, |before| before.since);
        self.membership = Some(Membership { is_member, since, state: state.to_owned() });
    }

    fn unreachable_broker(&mut self, statistics: &Statistics, assigned: &[(&str, i32)]) -> Option<String> {
        let brokers: Vec<&Broker> = statistics
            .brokers
            .values()
            .filter(|broker| matches!(broker.source.as_str(), "configured" | "learned"))
            .collect();
        self.knows_nobody = brokers.is_empty();
        if self.knows_nobody {
            return Some("the Kafka client has lost all brokers; connecting to kafka.brokers again".to_owned());
        }
        if !brokers.iter().any(|broker| is_up(broker)) {
            return Some(self.none_answers(&brokers));
        }
        // Somebody has let this client in.
        self.no_token = None;
        self.leader_down(statistics, &brokers, assigned).or_else(|| self.coordinator_down(statistics))
    }

    fn none_answers(&self, brokers: &[&Broker]) -> String {
        let mut tried: Vec<String> = brokers.iter().map(|broker| self.with_error(&broker.nodename)).collect();
        tried.sort();
        tried.dedup();
        let tried = match &self.no_token {
            Some(trouble) => trouble.to_string(),
            None => tried.join("; "),
        };
        let is_explained = self.no_token.is_some() || brokers.iter().any(|broker| self.is_explained(&broker.nodename));
        if is_explained {
            return format!("no Kafka broker answers ({tried}); waiting for one");
        }
        let is_learned = brokers.iter().any(|broker| broker.source == "learned");
        let advertised = if is_learned { ", and that the advertised.listeners can be reached from here" } else { "" };
        format!(
            "no Kafka broker answers ({tried}); waiting for one. Check kafka.brokers, TLS and SASL, that the brokers are \
             up{advertised}"
        )
    }

    /// Whether what to do about this broker is said with its error.
    fn is_explained(&self, broker: &str) -> bool {
        self.broker_errors.get(broker).is_some_and(|trouble| trouble.remedy.is_some())
    }

    fn leader_down(&self, statistics: &Statistics, brokers: &[&Broker], assigned: &[(&str, i32)]) -> Option<String> {
        let mut led = assigned.iter().filter_map(|(topic, partition)| {
            let leader = statistics.topics.get(*topic)?.partitions.get(partition)?.leader;
            let broker = brokers.iter().find(|broker| broker.nodeid == leader)?;
            (!is_up(broker) && broker.state != "INIT").then_some((*broker, *topic, *partition))
        });
        let (broker, topic, partition) = led.next()?;
        let more = match led.count() {
            0 => String::new(),
            more => format!(" (nor the leaders of {more} more)"),
        };
        Some(format!(
            "broker {}, which leads topic {topic}, partition {partition}, can't be reached{more}; check that it is up, \
             and that the address that it advertises (advertised.listeners) can be reached from here",
            self.with_error(&broker.nodename)
        ))
    }

    fn coordinator_down(&self, statistics: &Statistics) -> Option<String> {
        let mut logical = statistics.brokers.values().filter(|broker| broker.source == "logical");
        let down = logical.find(|broker| !is_up(broker) && broker.state != "INIT" && broker.nodename.contains(':'))?;
        let is_without_address = down.nodename.starts_with(':');
        (!is_without_address).then(|| {
            format!(
                "broker {}, which coordinates consumer group {}, can't be reached; check that it is up, and that the \
                 address that it advertises (advertised.listeners) can be reached from here",
                self.with_error(&down.nodename),
                self.group
            )
        })
    }

    fn with_error(&self, broker: &str) -> String {
        match self.broker_errors.get(broker) {
            Some(trouble) => format!("{broker}: {trouble}"),
            None => broker.to_owned(),
        }
    }

    /// Whether the client must be told its brokers again. Asked once for each statistics.
    pub fn knows_nobody(&mut self) -> bool {
        std::mem::take(&mut self.knows_nobody)
    }

    /// What keeps the client from working, in a sentence.
    pub fn problem(&self, now: Instant) -> Option<String> {
        let refused = self.refusals.values().map(|refusal| refusal.detail.clone());
        let unreachable = self.unreachable.iter();
        let unreachable = unreachable.filter(|it| now.saturating_duration_since(it.since) >= DOWN_AFTER);
        let problems: Vec<String> = refused.chain(unreachable.map(|it| it.detail.clone())).collect();
        (!problems.is_empty()).then(|| problems.join(". "))
    }

    pub fn member(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// The last error of any kind, and when.
    pub fn last_error(&self) -> Option<&(Instant, String)> {
        self.last_error.as_ref()
    }
}

fn is_up(broker: &Broker) -> bool {
    matches!(broker.state.as_str(), "UP" | "REAUTH")
}

/// The `host:port` and the words of a sentence such as `ssl://host:9092/1: Connect to … failed`, which is how librdkafka
/// begins those about a broker. Only for what is shown.
fn of_broker(reason: &str) -> Option<(&str, &str)> {
    let (name, words) = reason.split_once(": ")?;
    let (name, words) = match name.starts_with("GroupCoordinator") {
        true => words.split_once(": ")?,
        false => (name, words),
    };
    let address = name.split_once("://").map_or(name, |(_, address)| address);
    let address = address.split_once('/').map_or(address, |(address, _)| address);
    (address.contains(':') && !address.contains(' ')).then_some((address, words))
}

#[cfg(test)]
#[path = "client_health_tests.rs"]
mod tests;
