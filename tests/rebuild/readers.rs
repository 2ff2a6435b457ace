//! Readers of every kind that poll while something happens, and hold each answer against the generations that may be
//! seen: with the marker in all of an answer's parts, or in none, and never again once it was gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::rebuild::marker;
use crate::support::{PATIENCE, Running, Stack, http};

const AUTOMATION: &str = "/api/v1/fulfillment/providers/automation";
const ORDERS: &str = "/api/v1/fulfillment/provider-orders";

/// What one reader saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub old: usize,
    pub new: usize,
}

impl Seen {
    /// One answer, by whether each of its parts shows the marker.
    fn answer(&mut self, parts: &[(&str, bool)]) -> Result<(), String> {
        let old = parts[0].1;
        if parts.iter().any(|(_, marked)| *marked != old) {
            return Err(format!("a mixture of generations: {parts:?}"));
        }
        if old && self.new > 0 {
            return Err(format!("the old generation again, after {} answers of the new one", self.new));
        }
        if old {
            self.old += 1
        } else {
            self.new += 1
        }
        Ok(())
    }
}

type Reader = JoinHandle<Result<Seen, String>>;

/// All of them, each on its own.
pub struct Readers {
    stop: Arc<AtomicBool>,
    readers: Vec<(String, Reader)>,
}

impl Readers {
    /// Of Postgres, Redis, and the API of `running`; `order` is one that the log holds.
    pub fn start(stack: &Stack, running: &Running, order: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut readers = Vec::new();
        let mut add = |name: &str, reader: Reader| readers.push((name.to_owned(), reader));
        for at_once in [false, true] {
            let reader = sql(stack.postgres_url.clone(), at_once, stop.clone());
            add(&format!("SQL, in one statement: {at_once}"), tokio::spawn(reader));
        }
        add("Redis", tokio::spawn(redis(stack.servers.redis.clone(), stack.redis_prefix.clone(), stop.clone())));
        let address = format!("http://{}", running.address);
        add("HTTP", tokio::spawn(read_http(address.clone(), stop.clone())));
        add("HTTP of one order", tokio::spawn(http_of_order(address, order.to_owned(), stop.clone())));
        Self { stop, readers }
    }

    /// Ends them; panics where one failed or saw a mixture, or saw only one of the generations.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        let mut failures = Vec::new();
        for (name, reader) in self.readers {
            match reader.await.unwrap() {
                Ok(seen) if seen.old > 0 && seen.new > 0 => println!("{name}: {seen:?}"),
                Ok(seen) => failures.push(format!("{name}: both generations should be seen, but {seen:?}")),
                Err(error) => failures.push(format!("{name}: {error}")),
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

async fn sql(url: String, at_once: bool, stop: Arc<AtomicBool>) -> Result<Seen, String> {
    let text = |error: sqlx::Error| format!("a read failed: {error}");
    let mut postgres = PgConnection::connect(&url).await.map_err(text)?;
    let (mut seen, mut rows) = (Seen::default(), 0);
    while !stop.load(Ordering::SeqCst) {
        let mut reading = postgres.begin().await.map_err(text)?;
        let parts = if at_once {
            marker::seen_at_once(&mut reading).await
        } else {
            marker::seen(&mut reading, "foldback").await
        };
        let parts = parts.map_err(text)?;
        let history = "select count(*) from foldback.provider_order_events";
        let now: i64 = sqlx::query_scalar(history).fetch_one(&mut *reading).await.map_err(text)?;
        reading.commit().await.map_err(text)?;
        seen.answer(&parts)?;
        // the marker's own row aside
        let now = now - i64::from(parts[0].1);
        if now < rows {
            return Err(format!("the history shrank from {rows} to {now} rows"));
        }
        rows = now;
    }
    Ok(seen)
}

async fn redis(url: String, prefix: String, stop: Arc<AtomicBool>) -> Result<Seen, String> {
    let text = |error: redis::RedisError| format!("a read failed: {error}");
    let client = redis::Client::open(url).map_err(text)?;
    let mut connection = client.get_multiplexed_async_connection().await.map_err(text)?;
    // the machine may be busy with everything else
    connection.set_response_timeout(PATIENCE);
    let (mut seen, mut newest) = (Seen::default(), (0, 0));
    while !stop.load(Ordering::SeqCst) {
        let mut pipe = redis::pipe();
        pipe.atomic().get(format!("{prefix}status:replay")).get(format!("{prefix}backlog"));
        pipe.hkeys(format!("{prefix}backlog:by_provider"));
        let read = pipe.query_async(&mut connection).await;
        let (replay, backlog, providers): (String, String, Vec<String>) = read.map_err(text)?;
        let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| format!("{error} in {text}"));
        let (replay, backlog) = (parse(&replay)?, parse(&backlog)?);
        let generation = |value: &Value| value["meta"]["generation"] == 1;
        let parts = [
            ("meta of status:replay", generation(&replay)),
            ("run of status:replay", replay["runId"] == marker::RUN),
            ("meta of backlog", generation(&backlog)),
            ("backlog:by_provider", providers.iter().any(|provider| provider == marker::PROVIDER)),
        ];
        seen.answer(&parts)?;
        let whole = |name: &str| backlog["meta"][name].as_i64().ok_or(format!("no {name} in {backlog}"));
        let stamp = (whole("epoch")?, whole("version")?);
        if stamp < newest {
            return Err(format!("epoch and version went back from {newest:?} to {stamp:?}"));
        }
        newest = stamp;
    }
    Ok(seen)
}

/// What lists and sums answer.
async fn read_http(address: String, stop: Arc<AtomicBool>) -> Result<Seen, String> {
    let client = http();
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        let get = async |path: &str| good(&client, &format!("{address}{AUTOMATION}{path}")).await;
        let status = get("/status").await?;
        seen.answer(&[("status", status["replay"]["runId"] == marker::RUN)])?;
        let history = get("/status/history?limit=2").await?;
        seen.answer(&[("history", history["replay"][0]["runId"] == marker::RUN)])?;
        let snapshot = get("/snapshot").await?;
        let listed = snapshot["providers"].as_array().ok_or("no providers")?;
        let provider = listed.iter().find(|provider| provider["id"] == marker::PROVIDER);
        seen.answer(&[
            ("telemetry of the snapshot", provider.is_some()),
            ("backlog of the snapshot", provider.is_some_and(|it| it["backlog"]["scheduledBacklog"] == 1)),
            ("meta of the snapshot", snapshot["meta"]["generation"] == 1),
        ])?;
        let backlog = get("/backlog").await?;
        let by_provider = &backlog["byProvider"][marker::PROVIDER];
        seen.answer(&[("backlog", by_provider.is_object()), ("its meta", backlog["meta"]["generation"] == 1)])?;
        get("/generations").await?;
    }
    Ok(seen)
}

/// What is answered of single orders: of one of the log always, of the marker's while its generation is live.
async fn http_of_order(address: String, order: String, stop: Arc<AtomicBool>) -> Result<Seen, String> {
    let client = http();
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        good(&client, &format!("{address}{ORDERS}/{order}")).await?;
        good(&client, &format!("{address}{ORDERS}/{order}/timeline")).await?;
        match found(&client, &format!("{address}{ORDERS}/{}", marker::ORDER)).await? {
            Some(answer) => {
                let has = |list: &str| answer[list].as_array().is_some_and(|rows| !rows.is_empty());
                seen.answer(&[("order", true), ("replays", has("replays")), ("refills", has("refills"))])?;
            }
            None => seen.answer(&[("order", false)])?,
        }
        let timeline = found(&client, &format!("{address}{ORDERS}/{}/timeline", marker::ORDER)).await?;
        seen.answer(&[("timeline", timeline.is_some())])?;
    }
    Ok(seen)
}

async fn good(client: &reqwest::Client, url: &str) -> Result<Value, String> {
    found(client, url).await?.ok_or(format!("{url} gave 404"))
}

/// None where it is not found; every other failure is an error.
async fn found(client: &reqwest::Client, url: &str) -> Result<Option<Value>, String> {
    let failed = |error: reqwest::Error| format!("{url} failed: {error}");
    let response = client.get(url).send().await.map_err(failed)?;
    let status = response.status();
    let body = response.text().await.map_err(failed)?;
    match status.as_u16() {
        200 => serde_json::from_str(&body).map(Some).map_err(|error| format!("{url}: {error} in {body}")),
        404 => Ok(None),
        _ => Err(format!("{url} gave {status}: {body}")),
    }
}
