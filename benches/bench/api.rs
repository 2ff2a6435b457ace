//! What the HTTP API takes to answer, with many orders: idle, and while events arrive at half of the live rate.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Result;
use crate::bench::Bench;
use crate::deployment::Deployment;
use crate::http::Http;
use crate::live;
use crate::loads::LoadKind;
use crate::report::figure::Better;
use crate::report::numbers::whole;
use crate::running::Running;
use crate::steady::Steady;

const MEASURE: &str = "api";
const AUTOMATION: &str = "/api/v1/fulfillment/providers/automation";
const FULFILLMENT: &str = "/api/v1/fulfillment";
/// Of the small load's events, by how they are made.
const EVENTS_OF_AN_ORDER: f64 = 4.5;
/// That status and history show.
const RUNS: usize = 200;
const STATUS_RATE: f64 = 500.0;
/// Connections that share them.
const CLIENTS: usize = 8;
const READY_MAX: Duration = Duration::from_secs(60);

pub async fn measure(bench: &mut Bench) -> Result<()> {
    let (servers, load) = (bench.servers.clone(), LoadKind::Small);
    let (rate_name, rate) = live::load_rate(bench, load).await?;
    let events = (bench.settings.orders as f64 * EVENTS_OF_AN_ORDER) as u64;
    let mut log = bench.new_log(load, events).await?;
    bench.results.loads.push(log.facts.clone());
    tokio::task::block_in_place(|| log.add_runs(&servers, RUNS))?;
    let deployment = Deployment::new(&servers, &log).await?;
    eprintln!("api: filling the database with {events} events");
    let command = deployment.command(&["rebuild", "--yes", "--json"]);
    tokio::task::spawn_blocking(move || Running::start(command)?.end()).await??;
    let running = deployment.run(0)?;
    let questions = questions(&deployment, bench.settings.requests).await?;
    let http = connect(&deployment).await?;
    let orders = whole(log.facts.orders);
    let (idle, busy) = (format!("{orders} orders, idle"), format!("{orders} orders, {rate_name}"));
    for run in 1..=bench.settings.runs {
        eprintln!("api: run {run} of {}", bench.settings.runs);
        ask_all(bench, &http, &questions, &idle).await?;
        let steady = Steady::start(&servers, log, rate)?;
        ask_all(bench, &http, &questions, &busy).await?;
        let times = steadily(&deployment, &format!("{AUTOMATION}/status"), bench.settings.seconds).await?;
        bench.add_times([MEASURE, load.name(), &busy], "status, 500 requests/s", &times);
        log = steady.finish()?;
        bench.save()?;
    }
    tokio::task::spawn_blocking(move || running.stop()).await??;
    deployment.drop().await
}

/// A name, and the paths that are asked in turn.
struct Question {
    name: &'static str,
    paths: Vec<String>,
}

async fn questions(deployment: &Deployment, count: usize) -> Result<Vec<Question>> {
    let mut conn = deployment.connect().await?;
    let sql = "select provider_order_id from foldback.provider_orders order by provider_order_id limit $1";
    let orders: Vec<Uuid> = sqlx::query_scalar(sql).bind(i64::try_from(count)?).fetch_all(&mut conn).await?;
    let one = |name, path: String| Question { name, paths: vec![path] };
    let each = |name, path: fn(&Uuid) -> String| Question { name, paths: orders.iter().map(path).collect() };
    let replays = format!("{FULFILLMENT}/replays");
    Ok(vec![
        one("status", format!("{AUTOMATION}/status")),
        one("status/history", format!("{AUTOMATION}/status/history")),
        one("snapshot", format!("{AUTOMATION}/snapshot")),
        one("backlog", format!("{AUTOMATION}/backlog")),
        one("generations", format!("{AUTOMATION}/generations")),
        one("gaps", format!("{AUTOMATION}/gaps")),
        one("dead-letters", format!("{AUTOMATION}/dead-letters")),
        one("replays", replays.clone()),
        one("replays of a provider", format!("{replays}?providerId=p01")),
        one("replays that failed", format!("{replays}?status=failed")),
        one("replays that failed, no hit", format!("{replays}?status=failed&providerId=nobody")),
        one("replays due", format!("{replays}?status=scheduled&dueBefore=2100-01-01T00:00:00Z")),
        each("order", |order| format!("{FULFILLMENT}/provider-orders/{order}")),
        each("timeline", |order| format!("{FULFILLMENT}/provider-orders/{order}/timeline")),
    ])
}

async fn ask_all(bench: &mut Bench, http: &Http, questions: &[Question], case: &str) -> Result<()> {
    let at = [MEASURE, LoadKind::Small.name(), case];
    for Question { name, paths } in questions {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for path in paths.iter().cycle().take(bench.settings.requests) {
            let asked = Instant::now();
            bytes = http.get(path).await?.len();
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        bench.add_times(at, name, &times);
        bench.add(at, &format!("{name} answer"), "KiB", Better::Neither, bytes as f64 / 1024.0);
    }
    bench.save()
}

/// Milliseconds from when each request was due, so that one that waits for another is not spared.
async fn steadily(deployment: &Deployment, path: &str, seconds: f64) -> Result<Vec<f64>> {
    let (started, count) = (Instant::now(), (seconds * STATUS_RATE) as usize);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (http, path) = (connect(deployment).await?, path.to_owned());
        clients.spawn(async move {
            let mut times = Vec::new();
            for number in (client..count).step_by(CLIENTS) {
                let due = started + Duration::from_secs_f64(number as f64 / STATUS_RATE);
                tokio::time::sleep_until(due.into()).await;
                http.get(&path).await?;
                times.push(due.elapsed().as_secs_f64() * 1000.0);
            }
            Result::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(its) = clients.join_next().await {
        times.extend(its??);
    }
    Ok(times)
}

/// Once it is ready.
async fn connect(deployment: &Deployment) -> Result<Http> {
    let (http, started) = (Http::new(deployment.http_port)?, Instant::now());
    loop {
        if http.get("/readyz").await.is_ok() {
            return Ok(http);
        }
        if started.elapsed() > READY_MAX {
            return Err(format!("foldback was not ready within {} s", READY_MAX.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
