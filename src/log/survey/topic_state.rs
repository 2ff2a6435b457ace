//! What must hold of a topic while it is read: it is the same topic, and keeps every record.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::describe::{Answer, Asked, ask_ids, ask_policies};
use crate::domain::log::record::Topics;

/// How much longer than the requests' own timeout to wait for their answers.
const GRACE: Duration = Duration::from_millis(100);
/// How long an answer is cached: the partitions of an assignment are claimed together, with one pair of requests.
const ANSWER_SERVES: Duration = Duration::from_secs(1);
/// How often to ask about topics that are read.
const ASK_EVERY: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What the cluster says about a topic; nothing is known of one that does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicState {
    /// In base64; `None` if the cluster doesn't report it (brokers before 2.8).
    pub id: Option<String>,
    /// As the broker writes it; `None` if it doesn't report it.
    pub cleanup_policy: Option<String>,
}

impl TopicState {
    /// Whether older records of the same key are removed.
    pub fn is_compacted(&self) -> bool {
        self.cleanup_policy.as_ref().is_some_and(|policy| policy.contains("compact"))
    }
}

/// By the topic's name.
pub type TopicStates = HashMap<String, TopicState>;

/// What the cluster says about these topics. Blocks for slightly more than `timeout`. Fails if no broker answers.
pub fn topic_states<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> KafkaResult<TopicStates> {
    let mut request = Request::send(client, topics, timeout)?;
    let deadline = Instant::now() + timeout + GRACE;
    request.advance(deadline)?.ok_or(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut))
}

/// The two requests, and what was answered so far.
struct Request {
    ids: Asked,
    policies: Asked,
    answers: (Option<Answer>, Option<Answer>),
}

impl Request {
    fn send<C: ClientContext>(client: &Client<C>, topics: &[&str], timeout: Duration) -> KafkaResult<Request> {
        Ok(Request {
            ids: ask_ids(client, topics, timeout)?,
            policies: ask_policies(client, topics, timeout)?,
            answers: (None, None),
        })
    }

    /// The answer, once both are there; waits for them until `deadline`.
    fn advance(&mut self, deadline: Instant) -> KafkaResult<Option<TopicStates>> {
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.answers.0.is_none() {
            self.answers.0 = self.ids.answer(left())?;
        }
        if self.answers.1.is_none() {
            self.answers.1 = self.policies.answer(left())?;
        }
        let (Some(ids), Some(policies)) = &self.answers else { return Ok(None) };
        let mut states = TopicStates::new();
        for (topic, id) in ids {
            states.entry(topic.clone()).or_default().id = Some(id.clone());
        }
        for (topic, policy) in policies {
            states.entry(topic.clone()).or_default().cleanup_policy = Some(policy.clone());
        }
        Ok(Some(states))
    }
}

/// Watches both topics for a reader, which must not wait for answers while it reads.
#[derive(Default)]
pub struct TopicWatch {
    cached: Option<(Instant, TopicStates)>,
    pending: Option<Request>,
    next: Option<Instant>,
}

impl TopicWatch {
    /// What the cluster says now, or said within the last second. Blocks for slightly more than `timeout`.
    pub fn ask<C: ClientContext>(
        &mut self,
        client: &Client<C>,
        topics: &Topics,
        timeout: Duration,
    ) -> KafkaResult<&TopicStates> {
        let cached = self.cached.take().filter(|(asked, _)| asked.elapsed() < ANSWER_SERVES);
        let cached = match cached {
            Some(cached) => cached,
            None => (Instant::now(), topic_states(client, &[&topics.orders, &topics.runs], timeout)?),
        };
        Ok(&self.cached.insert(cached).1)
    }

    /// A new answer every two seconds, without waiting for it. Brokers that don't answer are reported elsewhere, and
    /// nothing is read from them.
    pub fn look<C: ClientContext>(&mut self, client: &Client<C>, topics: &Topics) -> Option<TopicStates> {
        let now = Instant::now();
        let Some(pending) = &mut self.pending else {
            if self.next.is_none_or(|next| now >= next) {
                self.next = Some(now + ASK_EVERY);
                self.pending = Request::send(client, &[&topics.orders, &topics.runs], ANSWER_MAX).ok();
            }
            return None;
        };
        match pending.advance(now) {
            Ok(None) => None,
            Ok(answer) => {
                self.pending = None;
                answer
            }
            Err(_) => {
                self.pending = None;
                None
            }
        }
    }
}
