//! The live pipeline on real parts: catch-up rate, and the time from an event to Redis under load.
//!
//! Needs a running stack and a migrated database that `foldback run` folds (dev/bench sets both up):
//! `live rate COUNT` waits until COUNT history rows are there; `live latency SECONDS` sends probe runs.

use std::env;
use std::time::{Duration, Instant};

use chrono::Utc;
use foldback::codec::{Framing, encode_run};
use foldback::domain::runs::run::{Run, RunStatus, RunType};
use foldback::domain::timestamp::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use redis::AsyncCommands;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

const FINGERPRINT: u64 = u64::from_le_bytes([0x82, 0x4a, 0x10, 0x5b, 0xc2, 0xe6, 0x5e, 0x87]);
const PROBE_EVERY: Duration = Duration::from_millis(100);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["rate", count] => rate(count.parse()?).await,
        ["latency", seconds] => latency(Duration::from_secs(seconds.parse()?)).await,
        _ => {
            println!("usage: live rate COUNT | live latency SECONDS (see dev/bench)");
            Ok(())
        }
    }
}

/// Waits for `count` history rows and prints the rate from the first to the last of them.
async fn rate(count: i64) -> Result<()> {
    let mut conn = PgConnection::connect(&env::var("FOLDBACK__POSTGRES__URL")?).await?;
    let applied = async |conn: &mut PgConnection| -> Result<i64> {
        let sql = "select coalesce(sum(next_offset), 0)::bigint from foldback.checkpoints where topic = $1";
        Ok(sqlx::query_scalar(sql).bind(env::var("FOLDBACK__KAFKA__ORDERS_TOPIC")?).fetch_one(conn).await?)
    };
    while applied(&mut conn).await? == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (started, first) = (Instant::now(), applied(&mut conn).await?);
    let mut folded = first;
    while folded < count {
        tokio::time::sleep(Duration::from_millis(50)).await;
        folded = applied(&mut conn).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "| catch-up | {} events | {seconds:.1} s | {:.0} events/s |",
        folded - first,
        (folded - first) as f64 / seconds
    );
    Ok(())
}

/// Publishes a probe run every 100 ms and waits until its payload is in Redis.
async fn latency(duration: Duration) -> Result<()> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", env::var("FOLDBACK__KAFKA__BROKERS")?)
        .set("partitioner", "murmur2_random")
        .create()?;
    let client = redis::Client::open(env::var("FOLDBACK__REDIS__URL")?)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let key = format!("{}status:alerts", env::var("FOLDBACK__REDIS__PREFIX")?);
    let topic = env::var("FOLDBACK__KAFKA__RUNS_TOPIC")?;
    let (started, mut millis) = (Instant::now(), Vec::new());
    while started.elapsed() < duration {
        let probe = probe(millis.len())?;
        let id = probe.run_id.to_string();
        let value = encode_run(&probe, Framing::SingleObject(FINGERPRINT))?;
        let sent = Instant::now();
        let record = FutureRecord::to(&topic).key(&id).payload(&value);
        producer.send(record, PROBE_TIMEOUT).await.map_err(|(error, _)| error)?;
        loop {
            let payload: Option<String> = connection.get(&key).await?;
            if payload.is_some_and(|payload| payload.contains(&id)) {
                break;
            }
            if sent.elapsed() > PROBE_TIMEOUT {
                return Err(format!("probe {id} was not in Redis within {} s", PROBE_TIMEOUT.as_secs()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        millis.push(sent.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(PROBE_EVERY).await;
    }
    millis.sort_by(f64::total_cmp);
    let quantile = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    println!(
        "| event to Redis | {} probes | p50 {:.0} ms | p90 {:.0} ms | p99 {:.0} ms | max {:.0} ms |",
        millis.len(),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(1.0)
    );
    Ok(())
}

/// An alert run that ended after all others, so that its payload is the latest.
fn probe(n: usize) -> Result<Run> {
    let ahead = chrono::Duration::days(30) + chrono::Duration::seconds(i64::try_from(n)?);
    Ok(Run {
        event_id: Uuid::new_v4(),
        run_id: Uuid::new_v4(),
        revision: 1,
        run_type: RunType::Alert,
        status: RunStatus::Success,
        started_at: None,
        ran_at: Timestamp::from_datetime(Utc::now() + ahead),
        summary: serde_json::Map::new(),
        metadata: serde_json::Map::new(),
        backlog_total: None,
        next_scheduled_at: None,
        alerts_sent: Some(0),
        unreadable: None,
    })
}
