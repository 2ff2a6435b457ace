//! `foldback rebuild`, from the command to the promotion, beside the ceiling with the key built at the end.

use std::time::Instant;

use serde_json::Value;

use crate::Result;
use crate::bench::Bench;
use crate::ceiling::row::Row;
use crate::ceiling::{Key, land};
use crate::deployment::Deployment;
use crate::meter::Meter;
use crate::report::figure::Better;
use crate::report::numbers::whole;
use crate::report::phases;
use crate::running::{Ended, Running};

const MEASURE: &str = "rebuild";

pub async fn measure(bench: &mut Bench) -> Result<()> {
    for run in 1..=bench.settings.runs {
        for events in bench.settings.events.clone() {
            for load in bench.settings.loads.clone() {
                let log = bench.log(load, events).await?;
                eprintln!("rebuild: run {run} of {}, {events} {} events", bench.settings.runs, load.name());
                once(bench, log).await?;
                bench.save()?;
            }
        }
    }
    Ok(())
}

/// The loops and the rebuild, one after the other.
async fn once(bench: &mut Bench, log: usize) -> Result<()> {
    let case = format!("{} events", whole(bench.at(log).events));
    let at = [MEASURE, bench.at(log).load.name(), &case];
    let ceilings = ceilings(bench, log, at, Key::AtTheEnd).await?;
    let (servers, orders) = (bench.servers.clone(), bench.at(log).order_events());
    let deployment = Deployment::new(&servers, bench.at(log)).await?;
    let meter = Meter::start(&servers)?;
    let command = deployment.command(&["rebuild", "--yes", "--json"]);
    let ended = tokio::task::spawn_blocking(move || Running::start(command)?.end()).await??;
    let spent = meter.read(&servers, ended.cpu_seconds)?;
    let events = folded(&ended)?;
    bench.add(at, "rate", "events/s", Better::More, events as f64 / ended.seconds);
    for (row, rate) in ceilings {
        // Both by the events of orders, which are all that the loop lands.
        let share = orders as f64 / ended.seconds / rate;
        bench.add(at, &format!("of the ceiling, {}", row.name()), "", Better::More, share);
    }
    spent.record(bench, at, events);
    bench.add(at, "peak memory", "MiB", Better::Less, ended.peak_bytes as f64 / f64::from(1 << 20));
    for (phase, seconds) in phases(&ended) {
        bench.add(at, &format!("phase {phase}"), "s", Better::Less, seconds);
    }
    deployment.drop().await
}

/// Measures the bare loop with each row.
pub async fn ceilings(bench: &mut Bench, log: usize, at: [&str; 3], key: Key) -> Result<Vec<(Row, f64)>> {
    let servers = bench.servers.clone();
    let (mut landed, mut rows) = (Vec::new(), Row::ALL);
    // None is always the first, which finds the log out of the caches.
    rows.rotate_left(bench.rounds % Row::ALL.len());
    bench.rounds += 1;
    for row in rows {
        let deployment = Deployment::new(&servers, bench.at(log)).await?;
        landed.push((row, land(&servers, bench.at(log), &deployment, row, key).await?));
        deployment.drop().await?;
    }
    // Tables keep one order, whichever was first.
    landed.sort_by_key(|(row, _)| Row::ALL.iter().position(|other| other == row));
    let mut rates = Vec::new();
    for (row, landed) in landed {
        bench.add(at, &format!("ceiling, {}", row.name()), "events/s", Better::Neither, landed.rate());
        let micros = (landed.spent.foldback + landed.spent.postgres) * 1e6 / landed.rows as f64;
        bench.add(at, &format!("CPU of the ceiling, {}", row.name()), "us/event", Better::Neither, micros);
        rates.push((row, landed.rate()));
    }
    Ok(rates)
}

/// How many events the new generation was made of. Fails unless it is live.
fn folded(ended: &Ended) -> Result<u64> {
    let rebuilt: Value = serde_json::from_str(&ended.output)?;
    if rebuilt["state"] != "live" {
        return Err(format!("the new generation is not live: {rebuilt}").into());
    }
    Ok(rebuilt["events"].as_u64().ok_or("foldback rebuild doesn't say how many events it folded")?)
}

/// Seconds in each phase that it reported.
fn phases(ended: &Ended) -> Vec<(String, f64)> {
    let since = |at: &Instant| at.saturating_duration_since(ended.started).as_secs_f64();
    let lines: Vec<(f64, &str)> = ended.lines.iter().map(|(at, line)| (since(at), line.as_str())).collect();
    phases::seconds(&lines, ended.seconds)
}
