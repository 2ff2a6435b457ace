use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::class::Class;
use super::clock::Clock;
use super::fleet::{Fleet, tail};
use super::log_ends::{Checkpoints, LogEnds, Offsets};
use super::parts::Parts;
use super::promises::PromiseWatch;
use super::publisher::Publisher;
use super::report::Outcome;
use super::settings::SETTINGS;
use super::silence::SilenceWatch;
use super::{storm, verdict};
use crate::hard_log::generator::{PARTITIONS, SchemaIds, hard_log_of};
use crate::hard_log::produce::Topics;
use crate::hard_log::registry;
use crate::support::{Output, PATIENCE, Servers, Stack, eventually};

/// How long records may wait after all is healed.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(200);
/// One trial publishes for at least so long, and longer by its records.
const DURATION_MIN: Duration = Duration::from_secs(8);
const RECORDS_PER_SECOND: usize = 1_000;

/// Registered once: a record names its schema by the id alone.
static SCHEMA_IDS: OnceCell<SchemaIds> = OnceCell::const_new();

/// One class of faults with one seed: servers, instances, a publisher, and what is done to them.
pub struct Trial {
    pub class: Class,
    pub rng: StdRng,
    pub stack: Stack,
    pub parts: Parts,
    pub fleet: Fleet,
    pub publisher: Arc<Publisher>,
    pub ends: LogEnds,
    pub clock: Option<Clock>,
    /// What an instance and an operator's command are told.
    pub env: Vec<(String, String)>,
    /// Of each topic.
    pub partitions: i32,
    /// How often a topic lost records.
    pub losses: usize,
    /// How many faults have struck.
    pub struck: usize,
    started: Instant,
    notes: Vec<String>,
}

impl Trial {
    /// From the start of its servers to the comparison; what panics on the way is the outcome too.
    pub async fn run(class: Class, seed: u64, records: usize) -> Outcome {
        let trial = tokio::spawn(async move {
            let mut trial = Trial::start(class, seed, records).await;
            trial.finish().await
        });
        let mut outcome = trial.await.unwrap_or_else(|error| Outcome::failed(panic_text(&*error.into_panic())));
        (outcome.class, outcome.seed, outcome.records) = (class.name(), seed, records);
        outcome
    }

    async fn start(class: Class, seed: u64, records: usize) -> Self {
        let mut servers = Servers::from_env();
        let parts = Parts::start(class, &mut servers).await;
        let stack = Stack::on(servers, PARTITIONS).await;
        stack.foldback(&["migrate"]).await.exits(0);
        let ids = SCHEMA_IDS
            .get_or_init(|| registry::register(&stack.servers.registry, &stack.orders_topic, &stack.runs_topic))
            .await;
        let clock = if class == Class::Clock { Clock::new() } else { None };
        let env = env(class, &stack, &parts, clock.as_ref());
        let mut rng = StdRng::seed_from_u64(seed);
        let least = if class == Class::Zombie { 2 } else { 1 };
        let fleet = Fleet::new(env.clone(), rng.random_range(least..=3));
        let topics = Topics { orders: stack.orders_topic.clone(), runs: stack.runs_topic.clone() };
        let mut drafts = hard_log_of(seed, ids, records, class.poison());
        if let Some(length) = class.flood() {
            storm::add_floods(&mut drafts, length, &mut rng);
        }
        let duration = DURATION_MIN + Duration::from_secs((records / RECORDS_PER_SECOND) as u64);
        let publisher = Arc::new(Publisher::start(stack.servers.kafka.clone(), topics, drafts, duration, seed));
        let ends = LogEnds::new(&stack.servers.kafka, [stack.orders_topic.clone(), stack.runs_topic.clone()]);
        Self {
            class,
            rng,
            stack,
            parts,
            fleet,
            publisher,
            ends,
            clock,
            env,
            partitions: PARTITIONS,
            losses: 0,
            struck: 0,
            started: Instant::now(),
            notes: Vec::new(),
        }
    }

    async fn finish(&mut self) -> Outcome {
        let checkpoints = Checkpoints::of(&self.stack.postgres_url);
        let silence = SilenceWatch::start(self.ends.clone(), checkpoints, self.fleet.addresses());
        let promises = PromiseWatch::start(self.class, &self.stack);
        storm::rage(self).await;
        self.publisher.finish().await;
        if let Some(clock) = &self.clock {
            clock.set(0);
        }
        let healed = Instant::now();
        let caught_up = self.catches_up().await;
        let heal = healed.elapsed();
        let mut outcome = match caught_up {
            Ok(()) => verdict::of(self).await,
            Err(waiting) => {
                let broker = self.parts.kafka.as_ref().map(|kafka| tail(&kafka.log())).unwrap_or_default();
                Outcome::failed(format!("{waiting}\n{}{broker}", self.fleet.tails()))
            }
        };
        outcome.silence = silence.worst();
        outcome.heal = heal;
        outcome.published = self.publisher.stored().await.len();
        outcome.faults = self.struck;
        self.fleet.terminate().await;
        outcome.trouble.extend(promises.broken());
        outcome.trouble.extend(self.fleet.panics());
        outcome.trouble.append(&mut self.fleet.ended);
        outcome.notes = std::mem::take(&mut self.notes);
        outcome
    }

    /// Until nothing waits, with an operator who does what /readyz asks for.
    async fn catches_up(&mut self) -> Result<(), String> {
        let mut checkpoints = Checkpoints::of(&self.stack.postgres_url);
        let end = Instant::now() + CAUGHT_UP_WITHIN;
        let mut tidied = false;
        loop {
            self.fleet.tend();
            let (at, ends) = (checkpoints.read().await, self.ends.read().await);
            if let (Some(at), Some(ends)) = (&at, &ends)
                && is_at_end(at, ends)
            {
                if tidied {
                    return Ok(());
                }
                super::faults::operator::tidy(self).await;
                tidied = true;
                continue;
            }
            if Instant::now() >= end {
                return Err(format!(
                    "records still wait {CAUGHT_UP_WITHIN:?} after all was healed: {at:?} of {ends:?}"
                ));
            }
            super::faults::operator::follow(self).await;
            sleep(POLL).await;
        }
    }

    /// Runs a command of an operator to its end, by way of the same servers and proxies as the instances.
    pub async fn foldback(&self, args: &[&str]) -> Output {
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.stack.foldback_with(args, &env).await
    }

    /// The newest generation in this state.
    pub async fn generation_in_state(&self, state: &str) -> Option<i64> {
        eventually(PATIENCE, || async {
            let mut postgres = self.stack.postgres().await;
            let query = "select max(generation)::bigint from foldback.generations where state = $1";
            sqlx::query_scalar(query).bind(state).fetch_one(&mut postgres).await.map_err(|error| error.to_string())
        })
        .await
    }

    /// Of its story, which a failure shows.
    pub fn note(&mut self, what: &str) {
        // An operator tries again and again.
        if self.notes.last().is_none_or(|last| !last.ends_with(what)) {
            self.notes.push(format!("{:>6.1} s  {what}", self.started.elapsed().as_secs_f64()));
        }
    }

    /// For as long as a fault lasts.
    pub async fn pause(&mut self, min_ms: u64, max_ms: u64) {
        let duration = self.between(min_ms, max_ms);
        sleep(duration).await;
    }

    pub fn between(&mut self, min_ms: u64, max_ms: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(min_ms..max_ms))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.rng.random_range(0..end)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    pub fn partition(&mut self, count: i32) -> i32 {
        self.rng.random_range(0..count)
    }
}

fn env(class: Class, stack: &Stack, parts: &Parts, clock: Option<&Clock>) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut env = stack.env();
    env.extend(SETTINGS.iter().chain(class.settings()).map(owned));
    env.extend(parts.env(&stack.name));
    env.extend(clock.into_iter().flat_map(Clock::env));
    env
}

fn is_at_end(at: &Offsets, ends: &Offsets) -> bool {
    ends.iter().all(|(partition, end)| at.get(partition).copied().unwrap_or(0).max(0) == *end)
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
