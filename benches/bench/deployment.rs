//! One foldback for one measurement: a database of its own, a consumer group, keys in Redis; and the log that it folds.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::Result;
use crate::log::Log;
use crate::running::Running;
use crate::servers::Servers;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A fold that gets nowhere for so long is given up.
const STANDSTILL_MAX: Duration = Duration::from_secs(120);
/// Numbers of the databases.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// Where one foldback works.
pub struct Deployment {
    servers: Servers,
    name: String,
    pub database_url: String,
    pub orders: String,
    runs: String,
    pub redis_prefix: String,
    pub http_port: u16,
}

/// How a fold went, from the start of the first process.
#[derive(Debug, Clone, Copy)]
pub struct CaughtUp {
    /// Until the first records were committed, and how many these were.
    pub first: Duration,
    first_records: u64,
    pub all: Duration,
    records: u64,
}

impl CaughtUp {
    /// Records a second, from the first commit seen to the last.
    pub fn rate(&self) -> f64 {
        let (records, time) = match self.records - self.first_records {
            // All of them came at once.
            0 => (self.records, self.all),
            left => (left, self.all - self.first),
        };
        records as f64 / time.as_secs_f64()
    }
}

impl Deployment {
    /// An empty generation in a new database, and nothing that the server still has to write of what came before.
    pub async fn new(servers: &Servers, log: &Log) -> Result<Deployment> {
        let name = format!("bench_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = servers.connect().await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut conn).await?;
        // A port that was free a moment ago; a taken one ends the process at once, and is told.
        let http_port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let deployment = Deployment {
            servers: servers.clone(),
            database_url: servers.database_url(&name),
            orders: log.orders.clone(),
            runs: log.runs.clone(),
            redis_prefix: format!("{name}:"),
            http_port,
            name,
        };
        let migrated = deployment.command(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if !migrated.success() {
            return Err(format!("foldback migrate ended with {migrated}").into());
        }
        sqlx::query("checkpoint").execute(&mut conn).await?;
        Ok(deployment)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.servers.foldback);
        command
            .args(arguments)
            .env("FOLDBACK__POSTGRES__URL", &self.database_url)
            .env("FOLDBACK__KAFKA__ORDERS_TOPIC", &self.orders)
            .env("FOLDBACK__KAFKA__RUNS_TOPIC", &self.runs)
            .env("FOLDBACK__KAFKA__GROUP", &self.name)
            .env("FOLDBACK__REDIS__PREFIX", &self.redis_prefix)
            .stdin(Stdio::null());
        command
    }

    /// `foldback run`; the first instance answers at `http_port`.
    pub fn run(&self, instance: usize) -> Result<Running> {
        let port = if instance == 0 { self.http_port } else { 0 };
        let mut command = self.command(&["run"]);
        command.env("FOLDBACK__HTTP__LISTEN", format!("127.0.0.1:{port}"));
        Running::start(command)
    }

    pub async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.database_url).await?)
    }

    /// Waits until so many records are folded. `started`: when the first process was.
    pub async fn caught_up(&self, records: u64, started: Instant) -> Result<CaughtUp> {
        let mut conn = self.connect().await?;
        let (mut folded, mut moved, mut first) = (0, Instant::now(), None);
        while folded < records {
            let now: i64 = sqlx::query_scalar("select coalesce(sum(next_offset), 0)::bigint from foldback.checkpoints")
                .fetch_one(&mut conn)
                .await?;
            if now.unsigned_abs() > folded {
                (folded, moved) = (now.unsigned_abs(), Instant::now());
                first.get_or_insert((started.elapsed(), folded));
            }
            if moved.elapsed() > STANDSTILL_MAX {
                return Err(format!("{folded} of {records} records are folded, and no more").into());
            }
            if folded < records {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        let all = started.elapsed();
        let (first, first_records) = first.unwrap_or((all, 0));
        Ok(CaughtUp { first, first_records, all, records })
    }

    /// Drops the database. Every process of it must have ended.
    pub async fn drop(self) -> Result<()> {
        let mut conn = self.servers.connect().await?;
        let sql = format!("drop database {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await?;
        Ok(())
    }
}
