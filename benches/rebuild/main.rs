//! A rebuild, from the command to the new generation being live, beside a bare loop that consumes, decodes and copies
//! the history rows alone and folds nothing: in turn, on the same servers, of the same log.
//!
//! Needs a running stack with sample events in the log and a migrated database that nobody folds (dev/bench sets all of
//! it up). The addresses come from `FOLDBACK__…`, the binary's path from `FOLDBACK`, how often from `BENCH_RUNS`.

mod bare;
mod command;
mod report;

use std::env;
use std::sync::Arc;

use foldback::config::{Config, Inputs};
use foldback::store::connect::Access;
use foldback::store::generations::generation::live;
use mimalloc::MiMalloc;
use sqlx::AssertSqlSafe;

use report::{Measured, Pair};

/// As the command that it is measured beside.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const RUNS: usize = 3;
const TABLE: &str = "bench.provider_order_events";

#[tokio::main]
async fn main() -> Result<()> {
    let Ok(binary) = env::var("FOLDBACK") else {
        println!("dev/bench rebuild starts this with servers and a log");
        return Ok(());
    };
    let config = Arc::new(Config::load(&Inputs::from_process())?);
    let access = Access::new(
        config.postgres.url()?.expose(),
        config.postgres.connect_timeout,
        config.postgres.statement_timeout,
    )?;
    let runs = env::var("BENCH_RUNS").ok().map_or(Ok(RUNS), |runs| runs.parse())?;
    let mut pairs = Vec::new();
    for run in 1..=runs {
        prepare(&access).await?;
        let bare = bare::measure(&config, &access).await?;
        prepare(&access).await?;
        let rebuild = command::measure(&binary)?;
        command::drop_others(&binary)?;
        eprintln!("run {run} of {runs}: bare {:.1} s, rebuild {:.1} s", bare.seconds, rebuild.seconds);
        pairs.push(Pair { bare, rebuild });
    }
    println!("{}", report::table(&pairs, config.rebuild.workers));
    Ok(())
}

/// An empty table for the bare loop, and nothing that the servers still have to write of what came before.
async fn prepare(access: &Access) -> Result<()> {
    let mut conn = access.connect().await?;
    let like = live(&mut conn).await?.schema();
    let sql = format!(
        "create schema if not exists bench; drop table if exists {TABLE};
         create table {TABLE} (like {like}.provider_order_events); checkpoint"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
    Ok(())
}
