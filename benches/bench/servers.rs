//! The servers that dev/bench has started: their addresses, their processes, their versions.

use std::env;
use std::fs;
use std::path::PathBuf;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::Result;
use crate::proc::{cpu_seconds, family_cpu_seconds};
use crate::report::results::Machine;

/// Addresses as `foldback` takes them, and the folder where dev/lib keeps the ids of processes.
#[derive(Debug, Clone)]
pub struct Servers {
    pub brokers: String,
    pub registry: String,
    pub postgres: String,
    pub redis: String,
    /// The binary that is measured.
    pub foldback: PathBuf,
    stack: PathBuf,
}

/// Processor time that the servers have used so far, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct ServersCpu {
    pub postgres: f64,
    pub kafka: f64,
}

impl Servers {
    pub fn from_environment() -> Result<Servers> {
        let variable = |name: &str| env::var(name).map_err(|_| format!("{name} is not set: start this by dev/bench"));
        Ok(Servers {
            brokers: variable("FOLDBACK__KAFKA__BROKERS")?,
            registry: variable("FOLDBACK__SCHEMA_REGISTRY__URL")?,
            postgres: variable("FOLDBACK__POSTGRES__URL")?,
            redis: variable("FOLDBACK__REDIS__URL")?,
            foldback: variable("FOLDBACK")?.into(),
            stack: variable("BENCH_STACK")?.into(),
        })
    }

    pub async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.postgres).await?)
    }

    /// The same server, another database.
    pub fn database_url(&self, database: &str) -> String {
        let server = self.postgres.rsplit_once('/').map_or(self.postgres.as_str(), |(server, _)| server);
        format!("{server}/{database}")
    }

    pub fn cpu(&self) -> Result<ServersCpu> {
        Ok(ServersCpu {
            postgres: family_cpu_seconds(self.process("postgres")?)?,
            kafka: cpu_seconds(&self.process("kafka")?.to_string())?,
        })
    }

    fn process(&self, part: &str) -> Result<u32> {
        Ok(fs::read_to_string(self.stack.join(format!("{part}.pid")))?.trim().parse()?)
    }

    pub async fn machine(&self) -> Result<Machine> {
        let mut conn = self.connect().await?;
        let postgres = sqlx::query_scalar("show server_version").fetch_one(&mut conn).await?;
        let mut redis = redis::Client::open(self.redis.as_str())?.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut redis).await?;
        Ok(Machine {
            cores: std::thread::available_parallelism()?.get(),
            cpu: field("/proc/cpuinfo", "model name"),
            memory_bytes: field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            postgres,
            kafka: env::var("BENCH_KAFKA").unwrap_or_default(),
            redis: info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("").to_owned(),
        })
    }
}

/// The value of the first line `NAME: VALUE`; empty where there is none.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
}
