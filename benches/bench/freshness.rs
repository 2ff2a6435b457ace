//! How long an event takes until a reader outside sees it committed, and what it changes in Redis.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use serde_json::Value;

use crate::Result;
use crate::bench::Bench;
use crate::deployment::Deployment;
use crate::live;
use crate::loads::LoadKind;
use crate::producer::Arrived;
use crate::steady::{PROBE, Steady};

const MEASURE: &str = "freshness";
const SLOW_RATE: f64 = 500.0;
const COMMIT_LOOK_EVERY: Duration = Duration::from_millis(5);
const REDIS_LOOK_EVERY: Duration = Duration::from_millis(2);
/// What is sent before then is not counted.
const WARM_UP: Duration = Duration::from_secs(3);
/// What hasn't arrived by then never will.
const DRAIN_MAX: Duration = Duration::from_secs(120);

pub async fn measure(bench: &mut Bench) -> Result<()> {
    for run in 1..=bench.settings.runs {
        for load in bench.settings.loads.clone() {
            let slow = ("500 events/s".to_owned(), SLOW_RATE);
            for (case, rate) in [slow, live::load_rate(bench, load).await?] {
                eprintln!("freshness: run {run} of {}, {} events, {rate:.0}/s", bench.settings.runs, load.name());
                once(bench, load, &case, rate).await?;
                bench.save()?;
            }
        }
    }
    Ok(())
}

async fn once(bench: &mut Bench, load: LoadKind, case: &str, rate: f64) -> Result<()> {
    let servers = bench.servers.clone();
    // A log of its own, since it becomes longer.
    let log = bench.new_log(load, bench.settings.folded_before).await?;
    let deployment = Deployment::new(&servers, &log).await?;
    let records = log.records(&servers)?;
    let running = deployment.run(0)?;
    deployment.caught_up(records, Instant::now()).await?;
    let steady = Steady::start(&servers, log, rate)?;
    let from = Instant::now() + WARM_UP;
    let publishing = async {
        tokio::time::sleep(WARM_UP + Duration::from_secs_f64(bench.settings.seconds)).await;
        steady.stop();
        Ok(())
    };
    let redis = servers.redis.clone();
    let (commit, redis, ()) = tokio::try_join!(
        to_commit(&deployment, &steady, from),
        to_redis(&redis, &deployment, &steady, from),
        publishing
    )?;
    steady.finish()?;
    let at = [MEASURE, load.name(), case];
    bench.add(at, "published", "events/s", crate::report::figure::Better::Neither, rate);
    bench.add_distribution(at, "event to commit", &commit);
    bench.add_distribution(at, "event to Redis", &redis);
    tokio::task::spawn_blocking(move || running.stop()).await??;
    deployment.drop().await
}

/// Milliseconds from sending an event until the checkpoint of its partition, as readers see it, is behind it.
async fn to_commit(deployment: &Deployment, steady: &Steady, from: Instant) -> Result<Vec<f64>> {
    let mut conn = deployment.connect().await?;
    let mut waiting: BTreeMap<i32, VecDeque<Arrived>> = BTreeMap::new();
    let (mut times, mut stopped) = (Vec::new(), None);
    loop {
        // Asked before what has arrived is taken: when it has ended, all of it is there.
        let is_stopped = steady.is_stopped();
        for arrived in steady.take_arrived() {
            waiting.entry(arrived.partition).or_default().push_back(arrived);
        }
        let sql = "select partition, next_offset from foldback.checkpoints where topic = $1";
        let seen: Vec<(i32, i64)> = sqlx::query_as(sql).bind(&deployment.orders).fetch_all(&mut conn).await?;
        let now = Instant::now();
        for (partition, next) in seen {
            let Some(queue) = waiting.get_mut(&partition) else { continue };
            while let Some(committed) = queue.pop_front_if(|arrived| arrived.offset < next) {
                times.extend(milliseconds(committed.sent, now, from));
            }
        }
        if is_stopped && waiting.values().all(VecDeque::is_empty) {
            return Ok(times);
        }
        if is_stopped && stopped.get_or_insert_with(Instant::now).elapsed() > DRAIN_MAX {
            return Err("not all events were committed".into());
        }
        tokio::time::sleep(COMMIT_LOOK_EVERY).await;
    }
}

/// Milliseconds from sending a probe until the backlog in Redis counts it. Probes are in several partitions: the one
/// that the nth change of the count shows is taken to be the nth.
async fn to_redis(url: &str, deployment: &Deployment, steady: &Steady, from: Instant) -> Result<Vec<f64>> {
    let mut redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let key = format!("{}backlog:by_provider", deployment.redis_prefix);
    let (mut times, mut counted, mut stopped) = (Vec::new(), 0, None);
    loop {
        let is_stopped = steady.is_stopped();
        let value: Option<String> = redis.hget(&key, PROBE).await?;
        let now = Instant::now();
        let backlog: Option<Value> = value.as_deref().map(serde_json::from_str).transpose()?;
        let count = backlog.and_then(|backlog| backlog["scheduledBacklog"].as_u64()).unwrap_or(0) as usize;
        let probes = steady.probes();
        for sent in probes.iter().take(count).skip(counted) {
            times.extend(milliseconds(*sent, now, from));
        }
        counted = counted.max(count);
        if is_stopped && counted >= probes.len() {
            return Ok(times);
        }
        if is_stopped && stopped.get_or_insert_with(Instant::now).elapsed() > DRAIN_MAX {
            return Err(format!("Redis shows {counted} of {} probes", probes.len()).into());
        }
        tokio::time::sleep(REDIS_LOOK_EVERY).await;
    }
}

/// None for what was sent while it warmed up.
fn milliseconds(sent: Instant, seen: Instant, from: Instant) -> Option<f64> {
    (sent >= from).then(|| seen.duration_since(sent).as_secs_f64() * 1000.0)
}
