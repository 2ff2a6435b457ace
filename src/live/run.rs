//! `foldback run`: workers, publisher and HTTP in parallel, until stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use rdkafka::error::KafkaError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::generation_watch::GenerationWatch;
use super::http_tokens::TokenFile;
use super::http_views::{AnswerLimits, StoredViews};
use super::progress::{EndsWatch, Progress, Supervisor};
use super::publisher::{Publisher, PublisherStatus};
use super::tasks::{EndedEarly, Tasks};
use super::worker::refusals::RefusalLog;
use super::worker::{self, WorkerSettings};
use crate::codec::{Decoder, Limits};
use crate::config::Config;
use crate::config::http_tokens::HttpTokens;
use crate::config::kafka::Kafka;
use crate::domain::log::record::Topics;
use crate::log::survey::admin;
use crate::log::{PartitionSource, ReaderSettings};
use crate::observe::health::{self, Severity};
use crate::observe::metrics::MetricsError;
use crate::observe::{Metrics, Readiness};
use crate::publish::{Link, PublishError};
use crate::registry::Resolver;
use crate::serve::{App, HttpSettings, Tokens};
use crate::store::connect::Access;
use crate::store::generations::generation;
use crate::store::tables::folded_topics::FoldedTopics;
use crate::store::{Generation, StoreError, migrate};

/// What ends `run`: what can't be begun with, and a task that died. Everything else is waited for.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Kafka refuses the configuration: {0}; check kafka.properties")]
    Kafka(#[from] KafkaError),
    #[error("Kafka has no topic {topic}; create it (retention.ms=-1, cleanup.policy=delete), or set kafka.{key}")]
    NoTopic { topic: String, key: &'static str },
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistrySetupError),
    #[error(transparent)]
    Redis(#[from] PublishError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error("cannot listen on http.listen {address} ({error}); choose another address or port")]
    Listen { address: std::net::SocketAddr, error: std::io::Error },
    /// Whoever starts this process again has to know: without it, part of the work would stand still in silence.
    #[error("stopped: {0}")]
    EndedEarly(#[from] EndedEarly),
}

const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// What workers may take beyond workers.drain_timeout_ms to leave their consumer group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// The HTTP server ends last. What is in flight gets this from the moment at which the process is told to stop, and at
/// least the second time once the workers have ended.
const HTTP_TIMEOUT: Duration = Duration::from_secs(6);
const HTTP_TIMEOUT_MIN: Duration = Duration::from_secs(1);
const METRICS_UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Work beside the fold that a room above this one brings along. It ends only when it is told to.
pub struct Companion {
    pub name: &'static str,
    pub start: Start,
}

/// Gets the process's conditions, and the token that tells it to end.
pub type Start = Box<dyn FnOnce(&Readiness, CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// What every part of the process is given.
struct Process<'p> {
    config: &'p Config,
    access: Access,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    progress: Progress,
    decoder: Decoder,
    refusals: Arc<RefusalLog>,
    stop: CancellationToken,
}

/// Runs until `stop`, or until a task dies. `companion`: begins once the fold has.
pub async fn run(
    config: &Config,
    access: Access,
    companion: Option<Companion>,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::install(env!("CARGO_PKG_VERSION"))?);
    let readiness = metrics.readiness.clone();
    let decoder = Decoder::new(Limits { value_bytes_max: config.limits.value_bytes_max, ..Limits::default() });
    let process = Process {
        config,
        access,
        readiness,
        metrics,
        progress: Progress::default(),
        decoder,
        refusals: Arc::default(),
        stop,
    };
    process.readiness.raise_quietly(health::ASSIGNMENT, "no partitions have been assigned yet");
    // What tells how the process is ends last.
    let told = CancellationToken::new();
    let mut telling = Tasks::new(told.clone());
    // HTTP starts first, so that /readyz can report what is being waited for.
    process.spawn_http(&mut telling, &told).await?;
    spawn_upkeep(&mut telling, process.metrics.clone(), told.clone());
    let mut working = Tasks::new(process.stop.clone());
    let ended = tokio::select! {
        () = process.stop.cancelled() => Ok(()),
        ended = telling.ended() => Err(RunError::from(ended)),
        ended = process.work(&mut working, companion) => Err(ended),
    };
    process.readiness.raise(health::SHUTDOWN, Severity::Unready, "stopping");
    process.stop.cancel();
    let stopping = Instant::now();
    if !working.finish(config.workers.drain_timeout + LEAVE_TIMEOUT).await {
        warn!("stopped with work in flight; it will be read from the log again");
    }
    told.cancel();
    telling.finish(HTTP_TIMEOUT.saturating_sub(stopping.elapsed()).max(HTTP_TIMEOUT_MIN)).await;
    if ended.is_ok() {
        info!("stopped");
    }
    ended
}

impl Process<'_> {
    /// Starts workers and publisher, and returns only when one of them can't be started or dies.
    async fn work(&self, tasks: &mut Tasks, companion: Option<Companion>) -> RunError {
        if let Err(error) = self.start(tasks).await {
            return error;
        }
        if let Some(Companion { name, start }) = companion {
            tasks.spawn_infallible(name, start(&self.readiness, self.stop.clone()));
        }
        info!(version = env!("CARGO_PKG_VERSION"), workers = self.config.workers.count, "running");
        tasks.ended().await.into()
    }

    /// Waits for the dependencies, then starts workers and publisher.
    async fn start(&self, tasks: &mut Tasks) -> Result<(), RunError> {
        let config = self.config;
        let live = wait_for_database(config, &self.access, &self.readiness).await?;
        let watch = GenerationWatch::new(self.access.clone(), self.readiness.clone(), &config.retry, live);
        check_topics(&config.kafka).await?;
        let topics = config.kafka.topics();
        for topic in [&topics.orders, &topics.runs] {
            crate::observe::metrics::records(topic, Default::default());
        }
        let resolver = Resolver::new(config, self.decoder.clone(), self.readiness.clone())?;
        let settings = WorkerSettings { live: Some(watch.live()), ..self.worker_settings() };
        for worker in worker::start(&settings, config.workers.count, self.decoder.clone(), resolver, &self.stop)? {
            tasks.spawn("a worker", worker);
        }
        self.spawn_supervision(tasks, &topics);
        self.spawn_publisher(tasks)?;
        tasks.spawn_infallible("the watch over generations", watch.run(self.stop.clone()));
        Ok(())
    }

    fn spawn_supervision(&self, tasks: &mut Tasks, topics: &Topics) {
        let kafka = &self.config.kafka;
        let ends = EndsWatch::new(kafka.clone(), self.progress.clone(), &self.readiness);
        tasks.spawn_infallible("the watch over the log's ends", ends.run(self.stop.clone()));
        let supervisor = Supervisor::new(
            self.progress.clone(),
            topics.clone(),
            &kafka.group,
            self.config.limits.stalled_after,
            self.readiness.clone(),
        );
        tasks.spawn_infallible("the supervision of progress", supervisor.run(self.stop.clone()));
    }

    fn worker_settings(&self) -> WorkerSettings {
        let config = self.config;
        let reader = ReaderSettings {
            kafka: config.kafka.clone(),
            topics: config.kafka.topics(),
            source: PartitionSource::Group,
            linger: config.batch.linger,
            records_max: config.batch.records_max,
            bytes_max: config.batch.bytes_max,
            queue_bytes_max: config.workers.queue_bytes_max,
            kafka_queue_kbytes: None,
            drain_timeout: config.workers.drain_timeout,
        };
        let (readiness, metrics) = (self.readiness.clone(), self.metrics.clone());
        let (progress, refusals) = (self.progress.clone(), self.refusals.clone());
        WorkerSettings {
            progress,
            refusals,
            ..WorkerSettings::new(config, reader, self.access.clone(), readiness, metrics)
        }
    }

    async fn spawn_http(&self, tasks: &mut Tasks, stop: &CancellationToken) -> Result<(), RunError> {
        let http = &self.config.http;
        let address = http.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| RunError::Listen { address, error })?;
        // Port 0 means any port; log the actual one.
        let address = listener.local_addr().unwrap_or(address);
        info!(%address, "HTTP is listening");
        if http.tokens.is_none() && !address.ip().to_canonical().is_loopback() {
            warn!("http.token is not set: whoever reaches {address} reads everything");
        }
        let limits = AnswerLimits { time: http.request_timeout, bytes_max: http.response_bytes_max };
        let views = StoredViews::new(self.access.clone(), self.config.postgres.pool_max, limits, self.decoder.clone());
        let (metrics, progress, topics) = (self.metrics.clone(), self.progress.clone(), self.config.kafka.topics());
        // As they are at this moment, not as they were at the last look.
        let render = move || {
            metrics.partitions.log_guarded(&metrics.readiness.log_guarded());
            progress.show(&metrics.partitions, &topics);
            metrics.render()
        };
        let settings = HttpSettings {
            request_timeout: http.request_timeout,
            export_timeout: http.export_timeout,
            export_rows_max: http.export_rows_max,
            requests_max: http.requests_max,
            connections_max: http.connections_max,
            header_timeout: http.header_timeout,
            tokens: self.spawn_tokens(tasks, stop),
        };
        let app = App::new(Arc::new(views), self.readiness.clone(), Arc::new(render), settings);
        tasks.spawn("the HTTP server", crate::serve::serve(listener, app, stop.clone()));
        Ok(())
    }

    /// Who may ask.
    fn spawn_tokens(&self, tasks: &mut Tasks, stop: &CancellationToken) -> Option<Tokens> {
        let HttpTokens { tokens, file } = self.config.http.tokens.clone()?;
        let tokens = Tokens::new(tokens);
        if let Some(path) = file {
            let file = TokenFile { path, tokens: tokens.clone(), readiness: self.readiness.clone() };
            tasks.spawn_infallible("the watch over the HTTP tokens", file.watch(stop.clone()));
        }
        Some(tokens)
    }

    fn spawn_publisher(&self, tasks: &mut Tasks) -> Result<(), RunError> {
        let redis = &self.config.redis;
        let link = Link::new(redis.url.expose(), &redis.prefix, redis.timeout)?;
        let publisher = Publisher::new(self.access.clone(), link, self.metrics.clone(), self.config.publisher.clone());
        let mut status = publisher.status();
        let (readiness, stop) = (self.readiness.clone(), self.stop.clone());
        tasks.spawn_infallible("the publisher", async move {
            let showing = async {
                while status.changed().await.is_ok() {
                    show(&readiness, &status.borrow_and_update());
                }
            };
            // Showing ends with the publisher, which holds the other end.
            tokio::join!(publisher.run(stop), showing);
        });
        Ok(())
    }
}

/// The live generation. Waits for an unreachable database; fails for one that is not usable.
async fn wait_for_database(config: &Config, access: &Access, readiness: &Readiness) -> Result<Generation, RunError> {
    let mut backoff = Backoff::new(config.retry.initial, config.retry.max);
    loop {
        match access.answered(check_database(access, &config.kafka.topics())).await {
            Ok(live) => {
                readiness.clear(health::POSTGRES);
                return Ok(live);
            }
            Err(error) if error.is_transient() => {
                let detail = match error {
                    // It says what to do.
                    StoreError::Untrusted(_) => format!("{error}; waiting for that"),
                    error => format!("{error}; waiting for it. Check postgres.url and that the server is up"),
                };
                warn!("{detail}");
                readiness.raise(health::POSTGRES, Severity::Unready, detail);
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn check_database(access: &Access, topics: &Topics) -> Result<Generation, StoreError> {
    let mut conn = access.connect().await?;
    migrate::check_version(&mut conn).await?;
    let live = generation::live(&mut conn).await?;
    FoldedTopics::of(&mut conn, live).await?.check(live, topics)?;
    crate::observe::metrics::live_generation(live.0);
    Ok(live)
}

/// Fails if a topic does not exist. The workers wait for brokers that don't answer.
async fn check_topics(kafka: &Kafka) -> Result<(), RunError> {
    let topics = [kafka.orders_topic.as_str(), kafka.runs_topic.as_str()];
    let Ok(cluster) = admin::describe(kafka, &topics, BROKER_TIMEOUT).await else { return Ok(()) };
    for (facts, key) in cluster.topics.iter().zip(["orders_topic", "runs_topic"]) {
        if facts.partitions == 0 {
            return Err(RunError::NoTopic { topic: facts.name.clone(), key });
        }
    }
    Ok(())
}

fn spawn_upkeep(tasks: &mut Tasks, metrics: Arc<Metrics>, stop: CancellationToken) {
    tasks.spawn_infallible("the upkeep of metrics", async move {
        let mut tick = tokio::time::interval(METRICS_UPKEEP_EVERY);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            metrics.upkeep();
        }
    });
}

/// None of it stops the fold, and a restart mends none of it: readiness is only degraded.
fn show(readiness: &Readiness, status: &PublisherStatus) {
    let problems = [
        (health::REDIS, &status.redis),
        (health::REDIS_CHANNEL, &status.channel),
        (health::DIFFERENCES, &status.differences),
        ("publisher", &status.postgres),
    ];
    for (name, problem) in problems {
        match problem {
            Some(problem) => readiness.raise(name, Severity::Degraded, problem),
            None => readiness.clear(name),
        }
    }
}
